// SocketFile.swift · Wire/Sockets. The file at which an ipc endpoint listens, told from any other of the same name.

internal import Glibc

/// A socket file as it was when this value was made.
public struct SocketFile: Equatable, Sendable {
    public let path: String
    private let device: UInt64, number: UInt64

    /// - Returns: nil where there is no socket of this name.
    public init?(at path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
        self.path = path
        (device, number) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }

    /// Whether the name still leads to this socket.
    public var isThere: Bool { SocketFile(at: path) == self }
}
