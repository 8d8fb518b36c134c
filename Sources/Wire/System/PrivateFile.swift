// PrivateFile.swift · Wire/System. Reads and writes files that hold secrets: only with mode 0600, in directories of mode 0700.

internal import Glibc

public enum PrivateFileError: Error, Hashable, Sendable, CustomStringConvertible {
    case missing(path: String)
    /// Other users could read or change the file, so it was not used.
    case open(path: String, reason: String)
    case failed(path: String, reason: String)

    public var description: String {
        switch self {
        case .missing(let path): "\(path): there is no such file"
        case .open(let path, let reason): "\(path) \(reason): a secret is only read from a file of yours alone (chmod 600)"
        case .failed(let path, let reason): "\(path): \(reason)"
        }
    }
}

public enum PrivateFile {
    /// Bytes of the largest file that is read or written. 64 KiB hold a thousand keys with their names.
    private static let largest = 1 << 16

    /// Reads a whole file.
    /// - Throws: `missing`; `open` for a file that belongs to another user or that others may read or write, before a byte is read.
    public static func read(_ path: String) throws(PrivateFileError) -> String {
        // A shell's <(…) is a pipe of this user's own.
        if let descriptor = OutputTarget.descriptor(named: path) { return try read(descriptor, path) }
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            switch errno {
            case ENOENT: throw .missing(path: path)
            case ELOOP: throw .open(path: path, reason: "is a symbolic link")
            default: throw .failed(path: path, reason: systemReason())
            }
        }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .failed(path: path, reason: systemReason()) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .open(path: path, reason: "is \(FileBytes.kind(status.st_mode))") }
        guard status.st_uid == geteuid() else { throw .open(path: path, reason: "belongs to another user") }
        guard status.st_mode & 0o077 == 0 else {
            throw .open(path: path, reason: "has mode 0\(String(status.st_mode & 0o777, radix: 8))")
        }
        return try read(descriptor, path)
    }

    /// Reads standard input up to its end, at most 64 KiB.
    public static func readStandardInput() throws(PrivateFileError) -> String { try read(STDIN_FILENO, "standard input") }

    private static func read(_ descriptor: CInt, _ path: String) throws(PrivateFileError) -> String {
        do { return String(decoding: try FileBytes.read(descriptor, named: path, atMost: largest), as: UTF8.self) } catch {
            throw .failed(path: error.path, reason: error.reason)
        }
    }

    /// Appears under its name only when it is whole; an older file is replaced, and nothing else is.
    /// - Throws: also for more than `read` would take, for what is no regular file, and where the file system lets others read it.
    public static func write(_ text: String, to path: String) throws(PrivateFileError) {
        guard text.utf8.count <= largest else { throw .failed(path: path, reason: "would be longer than \(largest) bytes") }
        try refuseOthers(path)
        LeftOver.remove(of: path)
        let temporary = OutputFile.temporary(path), lock = WritingLock(beside: path)
        defer { extendLifetime(lock) }
        unsafe _ = unlink(temporary)
        let descriptor = unsafe Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .failed(path: path, reason: systemReason()) }
        let failure = fill(descriptor, text)
        close(descriptor)
        let reason = failure ?? (unsafe rename(temporary, path) == 0 ? nil : systemReason())
        if reason != nil { unsafe _ = unlink(temporary) }
        guard let reason else { return }
        throw .failed(path: path, reason: reason)
    }

    /// - Throws: where something is there that is no regular file and that `write` would refuse.
    public static func refuseOthers(_ path: String) throws(PrivateFileError) {
        var old = stat()
        guard unsafe lstat(path, &old) == 0, old.st_mode & S_IFMT != S_IFREG else { return }
        throw .failed(path: path, reason: "is \(FileBytes.kind(old.st_mode)): a secret is only written to a regular file")
    }

    /// Writes a text where only this user can read it.
    /// - Returns: why not; nil where it is written.
    private static func fill(_ descriptor: CInt, _ text: String) -> String? {
        guard isPrivate(descriptor) else { return "its file system gives files no mode 0600 of this user, so others could read the secret" }
        let code = FileBytes.write(Array(text.utf8), to: descriptor)
        guard code == 0, fsync(descriptor) == 0 else { return systemReason(code == 0 ? errno : code) }
        return nil
    }

    private static func isPrivate(_ descriptor: CInt) -> Bool {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 && status.st_uid == geteuid() && status.st_mode & 0o077 == 0
    }

    /// Whether secrets can be kept in a directory: some file systems (vfat, some FUSE mounts) give every file the same mode or owner.
    /// True also where no file can be made, which is another matter.
    public static func canBeKept(in directory: String) -> Bool {
        let path = OutputFile.temporary("\(directory)/mode"), lock = WritingLock(directory)
        defer { extendLifetime(lock) }
        unsafe _ = unlink(path)
        let descriptor = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return true }
        let canBeKept = isPrivate(descriptor)
        close(descriptor)
        unsafe _ = unlink(path)
        return canBeKept
    }

    /// Makes the directory, with mode 0700, where there is none.
    /// - Throws: `failed` for a directory that belongs to another user or that others may look into.
    public static func makeDirectory(_ path: String) throws(PrivateFileError) {
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .failed(path: path, reason: systemReason()) }
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(), status.st_mode & 0o077 == 0
        else { throw .failed(path: path, reason: "is not a directory of yours alone (chmod 700)") }
    }
}
