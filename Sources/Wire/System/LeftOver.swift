// LeftOver.swift · Wire/System. Files and folders that killed processes did not remove. Whoever uses one holds a lock on its directory.

internal import Glibc

/// The lock of a process that writes files in a directory. It ends with this value, or with the process.
public struct WritingLock: ~Copyable {
    private let descriptor: CInt

    /// Waits while another process removes what is left over. Where a file system knows no locks there is none, and nothing is removed.
    public init(_ directory: String) {
        descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor >= 0 { while flock(descriptor, LOCK_SH) != 0, errno == EINTR {} }
    }

    /// The lock of the directory that a file is in.
    public init(beside path: String) {
        let end = path.lastIndex(of: "/")
        self.init(end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ".")
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}

public enum LeftOver {
    /// Whether a file of this name is one that was not finished: `NAME.PROCESS.part`, or what Foundation calls such files.
    static func isUnfinished(_ name: String) -> Bool {
        if name.hasPrefix(".dat.nosync") { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count > 2 && parts.last == "part" && !parts[parts.count - 2].isEmpty
            && parts[parts.count - 2].allSatisfy(\.isWholeNumber)
    }

    /// Removes the unfinished files in a directory, unless a process is writing one there.
    public static func remove(in directory: String) { _ = removeFiles(in: directory, where: isUnfinished) }

    /// Removes a folder of files, unless a process uses it.
    static func removeFolder(_ path: String) {
        if removeFiles(in: path, where: { _ in true }) { unsafe _ = rmdir(path) }
    }

    /// - Returns: whether no process holds the lock.
    private static func removeFiles(in directory: String, where isMeant: (String) -> Bool) -> Bool {
        let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return false }
        for name in PrivateFolder.names(in: directory) where isMeant(name) {
            var status = stat()
            guard unsafe fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFREG,
                status.st_uid == geteuid()
            else { continue }
            unsafe _ = unlinkat(descriptor, name, 0)
        }
        return true
    }
}
