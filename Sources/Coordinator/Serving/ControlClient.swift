// ControlClient.swift · Coordinator/Serving, the other end of Control.swift. Sends one command to a coordinator of this user on this host.

internal import Vocabulary
internal import Wire

enum ControlError: Error, Equatable, CustomStringConvertible {
    case nobody(String)
    /// What each of them says of itself.
    case several([String])

    var description: String {
        switch self {
        case .nobody(let place): "no coordinator of yours answers\(place): is regsweep run going?"
        case .several(let sweeps):
            "\(sweeps.count) sweeps of yours run on this host: name the results directory with --out\n  "
                + sweeps.sorted().joined(separator: "\n  ")
        }
    }
}

/// Speaks to a coordinator on this host by the socket of its local workers.
enum ControlClient {
    /// 5 s: a coordinator answers between two turns of its loop, however slow its disk; 1 s to find out which are there.
    private static let patience: Duration = .seconds(5), probe: Duration = .seconds(1)

    /// - Parameter directory: of the results; nil for the only coordinator that there is.
    static func ask(_ command: Command, directory: String?) throws -> Answer {
        // Of a sweep with parts one runs at a time, and the directory is that of all.
        let sockets =
            try directory.map { try ResultsDirectory.stores(below: $0).map(ResultsDirectory.socketPath(of:)) }
            ?? ResultsDirectory.socketPaths()
        let alive = sockets.count == 1 ? sockets : try first(sockets, .list, within: probe).map(\.path)
        guard alive.count <= 1 else { throw ControlError.several(try first(alive, .list, within: probe).map(\.answer.text)) }
        guard let path = alive.first, let answer = try first([path], command, within: patience).first else {
            throw ControlError.nobody(directory.map { " for \($0)" } ?? "")
        }
        return answer.answer
    }

    /// Says a command to every socket at once and collects who answers in time.
    private static func first(_ paths: [String], _ command: Command, within time: Duration) throws -> [(path: String, answer: Answer)] {
        let context = try Context(), stopwatch = Stopwatch(), bell = try Doorbell()
        let calls = try paths.map { try ControlCall($0, command, context) }
        while stopwatch.now.sinceStart < time, calls.contains(where: { $0.answer == nil }) {
            for call in calls { try call.goOn() }
            try Poller.wait(for: bell, atMost: .milliseconds(10))
        }
        return calls.compactMap { call in call.answer.map { (call.path, $0) } }
    }
}

/// One command to one socket. A socket without a coordinator behind it never takes the frame.
private final class ControlCall {
    let path: String
    private let socket: DealerSocket
    private let frame: [UInt8]
    private var isSaid = false
    private(set) var answer: Answer?

    init(_ path: String, _ command: Command, _ context: Context) throws(SocketError) {
        self.path = path
        frame = Envelope(incarnation: 0, message: .command(command)).encoded()
        socket = try DealerSocket(connectedTo: "ipc://" + path, in: context)
    }

    func goOn() throws(SocketError) {
        if !isSaid {
            do { try socket.send(frame) } catch {
                guard error == .notNow else { throw error }
                return
            }
            isSaid = true
        }
        while answer == nil, let bytes = try socket.receive() {
            if case .answer(let said)? = (try? Envelope(decoding: bytes))?.message { answer = said }
        }
    }
}
