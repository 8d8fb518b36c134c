// SocketProbe.swift · Wire/System. Whether somebody listens at the file of a socket, and removes those that killed processes left behind.

internal import Glibc

public enum SocketProbe {
    /// Whether somebody listens at a path. False where there is no socket.
    public static func isListening(at path: String) -> Bool { answer(of: path) == 0 }

    /// - Returns: why nobody takes a connection at a path; nil where somebody does.
    public static func refusal(at path: String) -> String? {
        let code = answer(of: path)
        return code == 0 ? nil : systemReason(code)
    }

    /// Removes the sockets in a folder at which nobody listens.
    public static func removeStale(in folder: String) {
        for name in FileBytes.names(in: folder) {
            let path = "\(folder)/\(name)"
            var status = stat()
            guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK, answer(of: path) == ECONNREFUSED else { continue }
            unsafe _ = unlink(path)
        }
    }

    /// - Returns: 0 where a connection is taken, or waits to be; otherwise the error.
    private static func answer(of path: String) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let isCopied = unsafe withUnsafeMutableBytes(of: &address.sun_path) { field in
            // The path, and a zero byte after it.
            guard path.utf8.count < field.count else { return false }
            unsafe field.copyBytes(from: path.utf8)
            return true
        }
        guard isCopied else { return ENAMETOOLONG }
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        let code = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        // EAGAIN: a queue of connections that is full.
        return code == 0 || errno == EAGAIN ? 0 : errno
    }
}
