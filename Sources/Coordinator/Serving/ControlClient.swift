// ControlClient.swift · Coordinator/Serving, the other end of EventLoop+Commands. Sends one command to a coordinator of this user on this
// host.

internal import Vocabulary
internal import Wire

enum ControlError: Error, Equatable, CustomStringConvertible {
    /// - Parameter directory: the results directory of the sweep that was meant; nil where any would do.
    case nobody(directory: String?)
    /// - Parameter sweeps: what each coordinator says of itself.
    case several(sweeps: [String])

    var description: String {
        switch self {
        case .nobody(let directory):
            "no coordinator answered\(directory.map { " for \($0)" } ?? ""): `regsweep run` of that sweep must be running, on this host and "
                + "started by you"
        case .several(let sweeps):
            "\(sweeps.count) sweeps of yours run on this host (\(sweeps.sorted().joined(separator: "; "))): name the results directory of "
                + "one with --out"
        }
    }
}

/// Speaks to a coordinator on this host over the socket of its local workers.
enum ControlClient {
    /// 5 s: a coordinator answers between two turns of its loop, however slow its disk is.
    private static let patience: Duration = .seconds(5)
    /// 1 s to find out which coordinators are there.
    private static let probe: Duration = .seconds(1)

    /// - Parameter directory: the results directory of the sweep; nil for the only sweep that runs.
    static func ask(_ command: Command, directory: String?) throws -> Answer {
        // The directory may be that of a file with parts, of which one runs at a time.
        let sockets = directory.map { ResultsDirectory($0).sweeps.compactMap(\.listeningSocket) } ?? ResultsDirectory.listeningSockets
        let alive = sockets.count == 1 ? sockets : try answers(of: sockets, .list, within: probe).map(\.path)
        guard alive.count <= 1 else { throw ControlError.several(sweeps: try answers(of: alive, .list, within: probe).map(\.answer.text)) }
        guard let path = alive.first, let answer = try answers(of: [path], command, within: patience).first else {
            throw ControlError.nobody(directory: directory)
        }
        return answer.answer
    }

    /// Sends a command to all of these sockets at once.
    /// - Returns: the answers that came in time, with the socket of each.
    private static func answers(
        of paths: [String], _ command: Command, within time: Duration
    ) throws -> [(path: String, answer: Answer)] {
        let context = try Context(), stopwatch = Stopwatch(), wakeSignal = try WakeSignal()
        let calls = try paths.map { try ControlCall($0, command, context) }
        while stopwatch.now.sinceStart < time, calls.contains(where: { $0.answer == nil }) {
            for call in calls { try call.advance() }
            try Poller.wait(for: wakeSignal, atMost: .milliseconds(10))
        }
        return calls.compactMap { call in call.answer.map { (call.path, $0) } }
    }
}

/// One command to one socket. A coordinator that is stopped never takes the frame.
private final class ControlCall {
    let path: String
    private let socket: DealerSocket
    private let frame: [UInt8]
    private var isSent = false
    private(set) var answer: Answer?

    init(_ path: String, _ command: Command, _ context: Context) throws(SocketError) {
        self.path = path
        frame = Envelope(incarnation: 0, message: .command(command)).encoded()
        socket = try DealerSocket(connectedTo: "ipc://" + path, in: context)
    }

    func advance() throws(SocketError) {
        if !isSent {
            do { try socket.send(frame) } catch {
                guard error == .notNow else { throw error }
                return
            }
            isSent = true
        }
        while answer == nil, let bytes = try socket.receive() {
            if case .answer(let answer)? = (try? Envelope(decoding: bytes))?.message { self.answer = answer }
        }
    }
}
