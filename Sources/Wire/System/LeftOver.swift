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
    public init(beside path: String) { self.init(PathText.directory(of: path)) }

    deinit { if descriptor >= 0 { close(descriptor) } }
}

public enum LeftOver {
    /// What the names of this program's own files end with: only of these is it certain that an unfinished one is nobody else's.
    private static let endings: Set<Substring> = [
        "csv", "svg", "pdf", "png", "json", "gnuplot", "html", "path", "key", "keys", "invitation", "sh",
    ]

    /// The name of the file that was to come of an unfinished one, `NAME.PROCESS.part`; nil for any other name.
    private static func target(of name: String) -> Substring? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count > 2, parts.last == "part", !parts[parts.count - 2].isEmpty, parts[parts.count - 2].allSatisfy(\.isWholeNumber)
        else { return nil }
        return name.dropLast(parts[parts.count - 2].count + ".".count + ".part".count)
    }

    /// Removes this program's unfinished files in a directory, also those that Foundation's atomic writes leave, unless a process is writing
    /// one there.
    public static func remove(in directory: String) {
        _ = removeFiles(in: directory) { name in
            name.hasPrefix(".dat.nosync") || target(of: name)?.split(separator: ".").last.map(endings.contains) == true
        }
    }

    /// Removes what earlier processes had begun to write under the name of this file, unless one is writing in its directory.
    static func remove(of path: String) {
        let name = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
        _ = removeFiles(in: PathText.directory(of: path)) { target(of: $0) == name }
    }

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
        for name in FileBytes.names(in: directory) where isMeant(name) {
            var status = stat()
            guard unsafe fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFREG,
                status.st_uid == geteuid()
            else { continue }
            unsafe _ = unlinkat(descriptor, name, 0)
        }
        return true
    }
}
