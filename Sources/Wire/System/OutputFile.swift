// OutputFile.swift · Wire/System. A file that a program writes: whole or not at all, and without harm to what has its name already.

internal import Glibc

/// Where what is written under a path goes.
public enum OutputTarget: Equatable, Sendable {
    /// A regular file, or none yet, under this path, to which symbolic links have led: it is replaced as a whole, the links stay.
    case file(String)
    /// A FIFO or a character device: it takes the bytes as they come.
    case stream(String)
    /// A descriptor of this process, by a name such as /dev/stdout.
    case descriptor(CInt)

    /// Looks at what has the name.
    /// - Throws: for a directory, a socket and a block device, and where the system refuses to look.
    public static func of(_ path: String) throws(FileError) -> OutputTarget {
        var path = path
        // The system follows as many links.
        for _ in 0..<40 {
            if let descriptor = descriptor(named: path) { return .descriptor(descriptor) }
            var status = stat()
            guard unsafe lstat(path, &status) == 0 else {
                guard errno == ENOENT else { throw FileError(path: path, reason: systemReason()) }
                return .file(path)
            }
            switch status.st_mode & S_IFMT {
            case S_IFREG: return .file(path)
            case S_IFIFO, S_IFCHR: return .stream(path)
            case S_IFLNK: path = try destination(ofLink: path)
            default: throw FileError(path: path, reason: "is \(FileBytes.kind(status.st_mode)), which cannot be written as a file")
            }
        }
        throw FileError(path: path, reason: systemReason(ELOOP))
    }

    /// As `of`, for a file that other programs look for under its name.
    /// - Returns: the path of a regular file, or of none yet.
    /// - Throws: also for whatever is no regular file.
    public static func regularFile(_ path: String) throws(FileError) -> String {
        switch try of(path) {
        case .file(let target): return target
        case .stream, .descriptor: throw FileError(path: path, reason: "is no regular file: remove it, or write elsewhere")
        }
    }

    /// The number of a descriptor that a path names; nil for any other path.
    static func descriptor(named path: String) -> CInt? {
        for folder in ["/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/", "/proc/\(getpid())/fd/"] where path.hasPrefix(folder) {
            return CInt(path.dropFirst(folder.count))
        }
        return nil
    }

    /// What a symbolic link says, resolved against its own folder where it is relative.
    public static func destination(ofLink path: String) throws(FileError) -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe readlink(path, $0.baseAddress!, $0.count) }
        guard count >= 0 else { throw FileError(path: path, reason: systemReason()) }
        guard let target = String(validating: buffer[..<count], as: UTF8.self) else {
            throw FileError(path: path, reason: "is a symbolic link to a name that is not UTF-8 text")
        }
        if target.hasPrefix("/") { return target }
        return path.lastIndex(of: "/").map { path[...$0] + target } ?? target
    }
}

/// A file that is written piece by piece. A regular one appears under its name only when it is finished, and keeps the permissions of the
/// one that it replaces; nothing is left of one that is not finished.
public struct OutputFile: ~Copyable {
    private let path: String
    private let descriptor: CInt
    /// The file that is renamed at the end, and to what; nil where bytes go to their place at once.
    private let renamed: (from: String, to: String)?
    private let ownsDescriptor: Bool
    /// Keeps the unfinished file from being taken for one that is left over.
    private let lock: WritingLock?
    private var isFinished = false

    /// - Throws: where there is something that cannot be written, and where the folder takes no new file.
    public init(_ path: String) throws(FileError) { try self.init(path, OutputTarget.of(path)) }

    /// For a file that other programs look for under its name.
    /// - Throws: also where something is there that is no regular file.
    public init(regular path: String) throws(FileError) { try self.init(path, .file(OutputTarget.regularFile(path))) }

    private init(_ path: String, _ target: OutputTarget) throws(FileError) {
        self.path = path
        switch target {
        case .descriptor(let number):
            lock = nil
            (descriptor, renamed, ownsDescriptor) = (number, nil, false)
        case .stream(let stream):
            lock = nil
            (descriptor, renamed, ownsDescriptor) = (unsafe open(stream, O_WRONLY | O_CLOEXEC | O_NOCTTY), nil, true)
        case .file(let file):
            lock = WritingLock(beside: file)
            let part = Self.temporary(file)
            unsafe _ = unlink(part)
            descriptor = unsafe open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
            (renamed, ownsDescriptor) = ((part, file), true)
            var old = stat()
            if descriptor >= 0, unsafe stat(file, &old) == 0 { _ = fchmod(descriptor, old.st_mode & 0o777) }
        }
        guard descriptor >= 0 else { throw FileError(path: path, reason: systemReason()) }
    }

    deinit {
        guard descriptor >= 0, ownsDescriptor else { return }
        close(descriptor)
        if !isFinished, let part = renamed?.from { unsafe _ = unlink(part) }
    }

    /// The name of a file until it is whole. It has the number of this process in it, since two processes may write the same file.
    public static func temporary(_ path: String) -> String { "\(path).\(getpid()).part" }

    public func write(_ bytes: [UInt8]) throws(FileError) {
        let code = FileBytes.write(bytes, to: descriptor)
        guard code == 0 else { throw FileError(path: path, reason: systemReason(code)) }
    }

    /// Gives the file its name.
    public mutating func finish() throws(FileError) {
        if let renamed { try Self.publish(renamed.from, as: renamed.to) }
        isFinished = true
    }

    /// Renames a file that is whole over the one of that name, which was found by `OutputTarget`.
    public static func publish(_ part: String, as path: String) throws(FileError) {
        guard unsafe rename(part, path) == 0 else { throw FileError(path: path, reason: systemReason()) }
    }

    /// Does nothing where there is no such file.
    public static func remove(_ path: String) { unsafe _ = unlink(path) }

    /// Writes a whole file, or nothing of it.
    public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
        LeftOver.remove(of: path)
        var file = try OutputFile(path)
        try file.write(bytes)
        try file.finish()
    }

    /// Writes a whole file that other programs look for under its name, or nothing of it.
    public static func write(_ bytes: [UInt8], toRegular path: String) throws(FileError) {
        var file = try OutputFile(regular: path)
        try file.write(bytes)
        try file.finish()
    }
}
