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
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw errno == ENOENT ? .missing(path: path) : .failed(path: path, reason: lastReason()) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .failed(path: path, reason: lastReason()) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .open(path: path, reason: "is no plain file") }
        guard status.st_uid == geteuid() else { throw .open(path: path, reason: "belongs to another user") }
        guard status.st_mode & 0o077 == 0 else {
            throw .open(path: path, reason: "has mode 0\(String(status.st_mode & 0o777, radix: 8))")
        }
        return try read(descriptor, path)
    }

    /// Reads standard input up to its end, at most 64 KiB.
    public static func readStandardInput() throws(PrivateFileError) -> String { try read(STDIN_FILENO, "standard input") }

    private static func read(_ descriptor: CInt, _ path: String) throws(PrivateFileError) -> String {
        var text: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { throw .failed(path: path, reason: lastReason()) }
            if count == 0 { return String(decoding: text, as: UTF8.self) }
            text += buffer.prefix(count)
            guard text.count <= largest else { throw .failed(path: path, reason: "is longer than \(largest) bytes") }
        }
    }

    /// Appears under its name only when it is whole; an older one is replaced.
    /// - Throws: also for more than `read` would take.
    public static func write(_ text: String, to path: String) throws(PrivateFileError) {
        guard text.utf8.count <= largest else { throw .failed(path: path, reason: "would be longer than \(largest) bytes") }
        let temporary = "\(path).\(getpid()).part"
        unsafe _ = unlink(temporary)
        let descriptor = unsafe Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .failed(path: path, reason: lastReason()) }
        let count = unsafe Glibc.write(descriptor, text, text.utf8.count)
        let isWritten = count == text.utf8.count && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten, unsafe rename(temporary, path) == 0 else {
            let reason = lastReason()
            unsafe _ = unlink(temporary)
            throw .failed(path: path, reason: reason)
        }
    }

    /// Makes the directory, with mode 0700, where there is none.
    /// - Throws: `failed` for a directory that belongs to another user or that others may look into.
    public static func makeDirectory(_ path: String) throws(PrivateFileError) {
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .failed(path: path, reason: lastReason()) }
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(), status.st_mode & 0o077 == 0
        else { throw .failed(path: path, reason: "is not a directory of yours alone (chmod 700)") }
    }

    private static func lastReason() -> String { unsafe String(cString: strerror(errno)) }
}
