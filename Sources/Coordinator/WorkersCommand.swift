// WorkersCommand.swift · Coordinator. `regsweep workers`: commands to a sweep that runs on this box, of the same user.

internal import ArgumentParser
internal import FoundationEssentials
internal import Wire

struct Workers: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists, invites, adds, drains and removes workers of a sweep that runs.",
        discussion: "A worker is named by its id, its host or its key, as list shows them.",
        subcommands: [List.self, Invite.self, Add.self, Drain.self, Remove.self], defaultSubcommand: List.self)

    /// Which coordinator is meant.
    struct Target: ParsableArguments {
        @Option(help: "Results directory of the sweep. (default: the one sweep of yours that runs on this box)")
        var out: String?

        /// Says a command and hands back what was done.
        /// - Throws: exit code 4 where no coordinator answers, 2 where it refuses.
        func ask(_ command: Command) throws -> Answer {
            let answer = try orExit { try ControlClient.ask(command, directory: out) }
            guard !answer.isRefusal else {
                Console.writeLine(answer.text)
                throw ExitCode(2)
            }
            return answer
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows the workers that are there.")

        @OptionGroup var target: Target

        func run() throws {
            let answer = try target.ask(.list)
            print(answer.text)
            print(WorkersTable.text(answer.workers), terminator: "")
        }
    }

    struct Invite: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a key and prints the line that starts a worker with it on another box.",
            discussion: "The line holds a secret: whoever has it can join the sweep until regsweep workers remove NAME.")

        @Argument(help: "A name for the key. (default: guest-1, guest-2 …)")
        var name = ""

        @Option(help: "Writes the invitation to a file of mode 0600 instead; regsweep-worker --join FILE reads it.")
        var file: String?

        @OptionGroup var target: Target

        func run() throws {
            let text = try target.ask(.invite(name)).text
            // What is pasted into a shell is made here, of parts that are what they should be.
            guard let invitation = Invitation(text) else { throw ValidationError("the coordinator's answer is no invitation") }
            if invitation.isForThisBoxAlone { Console.writeLine(Invitation.loopbackWarning) }
            if let file {
                try orExit { try PrivateFile.write(invitation.secretText + "\n", to: file) }
                print("regsweep-worker --join \(Run.shellWords([file]))")
            } else {
                print("REGSWEEP_INVITATION=\(Run.shellWords([invitation.secretText])) regsweep-worker --join env")
            }
        }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Starts workers on another box by ssh.")

        @Argument(help: "ssh:NAME, with the name that ssh knows.")
        var host: String

        @OptionGroup var target: Target

        func run() throws { print(try target.ask(.add(host)).text) }
    }

    struct Drain: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets workers finish what they compute, and go.")

        @Argument(help: "Id, host or key.")
        var name: String

        @OptionGroup var target: Target

        func run() throws { print(try target.ask(.drain(name)).text) }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revokes a key and cuts its workers off at once; what they computed goes to others.")

        @Argument(help: "Id, host or key.")
        var name: String

        @OptionGroup var target: Target

        func run() throws { print(try target.ask(.remove(name)).text) }
    }
}

enum WorkersTable {
    /// One row for each worker below a heading; only the heading where there is none.
    static func text(_ workers: [WorkerLine]) -> String {
        let rows = workers.map { worker in
            [
                "\(worker.worker)", worker.host, worker.keyName.isEmpty ? "-" : worker.keyName, "\(worker.slots)", "\(worker.leases)",
                "\(worker.silence.inTenths) s", worker.secondsPerTrial > 0 ? "\((10 / worker.secondsPerTrial).rounded() / 10)" : "-",
            ]
        }
        return columns([["worker", "host", "key", "slots", "leases", "heard", "trials/s"]] + rows)
    }

    /// Cells below each other, two spaces between columns.
    static func columns(_ all: [[String]]) -> String {
        let widths = all[0].indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
            }.joined(separator: "  ") + "\n"
        }.joined()
    }
}

extension Duration {
    /// Seconds with one decimal.
    fileprivate var inTenths: Double { (inSeconds * 10).rounded() / 10 }
}

enum ControlError: Error, Equatable, CustomStringConvertible {
    case nobody(String)
    /// What each of them says of itself.
    case several([String])

    var description: String {
        switch self {
        case .nobody(let place): "no coordinator of yours answers\(place): is regsweep run going?"
        case .several(let sweeps):
            "\(sweeps.count) sweeps of yours run on this box: name the results directory with --out\n  "
                + sweeps.sorted().joined(separator: "\n  ")
        }
    }
}

/// Speaks to a coordinator on this box by the socket of its local workers.
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
        frame = Envelope(epoch: 0, message: .command(command)).encoded()
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
