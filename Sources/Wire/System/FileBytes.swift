// FileBytes.swift · Wire/System. Bytes of files, pipes and devices, read and written whole, names in directories, and the system's own reason
// where that fails.

public import Glibc

/// The system's text for an errno, such as `No such file or directory`.
public func systemReason(_ code: CInt = errno) -> String { unsafe String(cString: strerror(code)) }

/// Why a file cannot be used.
public struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
    public var path: String
    public var reason: String

    public init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    public var description: String { "\(path): \(reason)" }
}

/// What a path leads to, by symbolic links as well.
public enum FileStatus: Equatable, Sendable {
    case directory
    /// Anything else that is there: a file, a pipe, a device.
    case file
    case missing
    /// The system does not tell, for this reason: a folder on the way may not be searched, or is a file.
    case failed(reason: String)

    public init(_ path: String) {
        var status = stat()
        if unsafe stat(path, &status) == 0 {
            self = status.st_mode & S_IFMT == S_IFDIR ? .directory : .file
        } else {
            self = errno == ENOENT ? .missing : .failed(reason: systemReason())
        }
    }

    /// Whether a path leads to a pipe, which gives its bytes once.
    public static func isPipe(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }
}

public enum FileBytes {
    /// What a file is, for messages: `a FIFO`.
    public static func kind(_ mode: mode_t) -> String {
        switch mode & S_IFMT {
        case S_IFREG: "a regular file"
        case S_IFDIR: "a directory"
        case S_IFLNK: "a symbolic link"
        case S_IFIFO: "a FIFO"
        case S_IFSOCK: "a socket"
        case S_IFCHR: "a character device"
        case S_IFBLK: "a block device"
        default: "no regular file"
        }
    }

    /// Reads a file to its end, also a pipe, a device or a name of a descriptor such as /dev/stdin, which have no size. A relative path is
    /// the system's to resolve, so that the names of the folders above it need not be text.
    /// - Parameter limit: the most bytes that are allowed.
    /// - Throws: for a file that cannot be opened or read, a directory, and one that is longer.
    public static func read(_ path: String, atMost limit: Int = .max) throws(FileError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else {
            throw FileError(path: path, reason: errno == ENOENT ? "there is no such file" : systemReason())
        }
        defer { close(descriptor) }
        return try read(descriptor, named: path, atMost: limit)
    }

    /// - Parameter path: names the descriptor in errors.
    static func read(_ descriptor: CInt, named path: String, atMost limit: Int) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw FileError(path: path, reason: errno == EISDIR ? "is a directory, not a file" : systemReason())
            }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= limit else { throw FileError(path: path, reason: "is longer than \(limit) bytes") }
        }
    }

    /// Writes all bytes to a descriptor and waits where it has no room at the moment.
    /// - Returns: 0, or the errno of the write that failed.
    static func write(_ bytes: [UInt8], to descriptor: CInt) -> CInt {
        var done = 0
        while done < bytes.count {
            // Sound: write reads what is left of the array.
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done) }
            if count > 0 {
                done += count
            } else if count < 0, errno == EAGAIN {
                // The descriptor is shared with a program that has made it non-blocking.
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                unsafe _ = poll(&entry, 1, -1)
            } else if count == 0 || errno != EINTR {
                return count == 0 ? EIO : errno
            }
        }
        return 0
    }

    /// The names in a directory, sorted; none where it cannot be read.
    public static func names(in directory: String) -> [String] {
        guard let folder = unsafe opendir(directory) else { return [] }
        defer { unsafe _ = closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            // Sound: readdir ends each name with a zero byte within the array.
            unsafe names.append(
                withUnsafePointer(to: entry.pointee.d_name) { name in
                    unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
                })
        }
        return names.filter { $0 != "." && $0 != ".." }.sorted()
    }
}
