// WorkersCommand.swift · Coordinator/Commands. `regsweep workers`: commands to a sweep that runs on this host, of the same user.

internal import ArgumentParser
internal import FoundationEssentials
internal import Vocabulary
internal import Wire

struct WorkersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers",
        abstract: "Lists, invites, adds, drains and removes workers of a sweep that runs.",
        discussion: "A worker is named by its id, its host or its key, as list shows them.",
        subcommands: [List.self, Invite.self, Add.self, Drain.self, Remove.self], defaultSubcommand: List.self)

    /// Which coordinator is meant.
    struct Target: ParsableArguments {
        @Option(
            help: "Results directory of the sweep. (default: the one sweep of yours that runs on this host)", transform: PathText.expanded)
        var out: String?

        /// Sends a command to the coordinator and waits for its answer.
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
        static let configuration = CommandConfiguration(abstract: "Lists the workers that are connected.")

        @OptionGroup var target: Target

        func run() throws {
            let answer = try target.ask(.list)
            Console.print(answer.text)
            Console.print(TextTable.text(answer.workers, WorkersTable.columns), terminator: "")
        }
    }

    struct Invite: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a key and prints the line that starts a worker with it on another host.",
            discussion: "The line holds a secret: whoever has it can join the sweep until regsweep workers remove NAME.")

        @Argument(help: "A name for the key. (default: guest-1, guest-2 …)")
        var name = ""

        @Option(
            help: "Writes the secret to a file of mode 0600 instead, and prints the line that reads it.", transform: PathText.expanded)
        var file: String?

        @OptionGroup var target: Target

        func run() throws {
            // Before a key is made that nobody would have.
            if let file { try orExit { try PrivateFile.refuseOthers(file) } }
            let text = try target.ask(.invite(name)).text
            // The line that is pasted into a shell is made here, of parts that were checked.
            guard let invitation = Invitation(text) else { throw ValidationError("the coordinator's answer is no invitation") }
            let program = try orExit { try WorkerProgram.pathBesideCoordinator() }
            Console.writeLine(
                invitation.isForThisHostAlone
                    ? Invitation.loopbackWarning : "on a host that has regsweep-worker elsewhere, put its path into the line")
            if let file {
                try orExit { try PrivateFile.write(invitation.secretText + "\n", to: file) }
                Console.print(WorkerCommandLine(coordinator: .invitationFile(file)).line(program: program))
            } else {
                Console.print(WorkerCommandLine.line(program: program, joiningBy: invitation))
            }
        }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Starts workers on another host by ssh, or again those of a Slurm group.")

        @Argument(help: "ssh:NAME, with the name that ssh knows, or slurm:NAME, of a [[host]] in the cluster file.")
        var host: String

        @OptionGroup var target: Target

        func run() throws { Console.print(try target.ask(.add(host)).text) }
    }

    struct Drain: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets workers finish what they compute and leave.")

        @Argument(help: "A worker's id, its host or the name of its key.")
        var name: String

        @OptionGroup var target: Target

        func run() throws { Console.print(try target.ask(.drain(name)).text) }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revokes a key and disconnects its workers at once; other workers compute their trials.")

        @Argument(help: "A worker's id, its host or the name of its key.")
        var name: String

        @OptionGroup var target: Target

        func run() throws { Console.print(try target.ask(.remove(name)).text) }
    }
}

enum WorkersTable {
    static var columns: [Column<WorkerLine>] {
        [
            .text("worker") { "\($0.worker)" }, .text("host", \.host), .text("key") { $0.keyName.isEmpty ? "–" : $0.keyName },
            .integer("slots", \.slots), .integer("leases", \.leases), .real("heard (s ago)", decimals: 1, \.sinceHeard.inSeconds),
            .real("trials/s", decimals: 1) { $0.secondsPerTrial > 0 ? 1 / $0.secondsPerTrial : nil },
        ]
    }
}
