// LocalSocket.swift · Coordinator/Serving, a part of Connections. The socket of local workers and commands: its file lies in a folder that
// cleaners of temporary files look into, so it is looked for again and again, and made anew where it is gone.

internal import Logging
internal import Vocabulary
internal import Wire

struct LocalSocket {
    /// Where local workers connect.
    private(set) var endpoint: String
    /// Finds the name of the file, and makes the folder for it where there is none.
    private let findPath: () throws -> String
    /// Nil while there is no file that leads to this process.
    private var file: SocketFile?
    private var nextLook = Instant(sinceStart: .zero)
    /// Whether it was said that the file cannot be made.
    private var hasComplained = false

    /// 1 s: a worker that finds no socket tries again for much longer.
    private static let interval: Duration = .seconds(1)

    /// - Parameter bind: listens at an endpoint.
    init(at findPath: @escaping () throws -> String, bind: (String) throws -> Void) throws {
        let path = try findPath()
        endpoint = "ipc://" + path
        self.findPath = findPath
        try bind(endpoint)
        file = SocketFile(at: path)
    }

    /// Looks for the file once a second and listens again where it is gone. Connections that exist stay as they are.
    /// - Returns: what a person is told; nil for nothing.
    mutating func tend(at now: Instant, bind: (String) throws -> Void) -> LogLine? {
        guard now >= nextLook else { return nil }
        nextLook = now + Self.interval
        guard file?.isThere != true else { return nil }
        file = nil
        do {
            let path = try findPath()
            try bind("ipc://" + path)
            (endpoint, file, hasComplained) = ("ipc://" + path, SocketFile(at: path), false)
            return LogLine(
                level: .warning,
                text: "the socket of local workers was removed by another program and was made again at \(path); workers that are "
                    + "connected have noticed nothing")
        } catch {
            guard !hasComplained else { return nil }
            hasComplained = true
            return LogLine(
                level: .error,
                text: "the socket of local workers was removed by another program and cannot be made again: \(error); it is tried again "
                    + "every second, and until then no worker of this host and no `regsweep workers` can connect")
        }
    }

    /// Removes the file, where it still leads to this process; it is not made again.
    mutating func remove() {
        if let file, file.isThere { Files.remove(file.path) }
        (file, nextLook) = (nil, .distantFuture)
    }
}
