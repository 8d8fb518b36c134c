// WorkerCommand.swift · Worker. What a person or a launcher types, and what the process says when it ends.

public import ArgumentParser
internal import Compute
internal import Glibc
public import Logging
internal import Vocabulary
internal import Wire

@main struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "regsweep-worker",
        abstract: "Computes trials for a regsweep coordinator.",
        discussion: """
            Joins the sweep at the endpoint that `regsweep run` prints and has work at once. Ctrl-C or SIGTERM finishes what \
            runs, gives the rest back and leaves; a second one leaves at once. Neither loses anything.

            Exit codes: 0 drained · 2 bad usage · 4 refused, wrong processor, no coordinator, or no room for the data.
            """,
        version: Build.version)

    @Option(help: "A coordinator on this host that asks for no key, as run prints it: ipc:///path, or tcp://127.0.0.1:5577.")
    var connect: String?

    @Option(
        help: """
            Where the invitation is that regsweep workers invite has made: a file of mode 0600, env for the variable \
            REGSWEEP_INVITATION, or - for standard input. It is a secret, so it is never on the command line itself.
            """)
    var join: String?

    @Flag(help: "Prints the digest that all builds have to agree on, as computed on this processor, and leaves.")
    var selfTest = false

    @Option(help: "Leases that are computed at once: one trial of a long problem, or a group of short ones each.")
    var slots = 1

    @Option(help: "Threads that share one trial of a problem with long trials. They change no bit of it.")
    var threadsPerTrial = 1

    @Option(help: "Where files of data sets are kept. (default: $XDG_CACHE_HOME/regsweep, or ~/.cache/regsweep)")
    var cache: String?

    @Option(help: "Seconds without any word from a coordinator after which the worker leaves.")
    var orphanTimeout = 30.0

    @Option(help: "What goes to stderr: trace, debug, info, notice, warning, error.")
    var logLevel = Logger.Level.info

    static func main() {
        Console.prepare()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            // The library's own code for bad usage is 64; ours for bad input of any kind is 2.
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            Console.writeLine(fullMessage(for: error))
            Glibc.exit(2)
        }
    }

    func validate() throws {
        guard [selfTest, connect != nil, join != nil].count(where: { $0 }) == 1 else {
            throw ValidationError("give one of --connect ENDPOINT, --join SOURCE and --self-test")
        }
        guard (1...Limits.slots).contains(slots) else { throw ValidationError("--slots \(slots): give a number from 1 to \(Limits.slots)") }
        guard (1...Limits.slots).contains(threadsPerTrial) else {
            throw ValidationError("--threads-per-trial \(threadsPerTrial): give a number from 1 to \(Limits.slots)")
        }
        guard orphanTimeout.isFinite, (1...86_400).contains(orphanTimeout) else {
            throw ValidationError("--orphan-timeout \(orphanTimeout): give seconds from 1 to 86400")
        }
    }

    func run() throws {
        var logger = Logger(label: "regsweep-worker", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = logLevel
        guard processorRunsKernels() else {
            logger.error("this processor lacks AVX2, FMA or another part of x86-64-v3, which the kernels are built for")
            throw ExitCode(4)
        }
        guard !selfTest else {
            print(selfTestDigest())
            return
        }
        do {
            let coordinator = try coordinator(logger)
            let mailbox = try Mailbox<WorkerMachine.Event>()
            catchSignals([SIGINT, SIGTERM]) { _ in mailbox.post(.drainRequested) }
            let identity = WorkerMachine.Identity(
                worker: .random(), host: Host.name, process: Int(getpid()), slots: slots,
                selfTest: selfTestDigest())
            var loop = try WorkerLoop(
                identity, coordinator: coordinator, orphanTimeout: .seconds(orphanTimeout),
                cache: DataCache(cache ?? DataCache.defaultDirectory), threadsPerTrial: threadsPerTrial, mailbox: mailbox, logger: logger)
            switch try loop.run() {
            case .drained: logger.info("drained: nothing is left here")
            case .refused(let reason):
                logger.error("refused: \(reason)")
                throw ExitCode(4)
            case .noData(let reason):
                logger.error("\(reason)")
                throw ExitCode(4)
            case .orphaned:
                let hint = join == nil ? "" : ", or none that takes this key"
                logger.error("no coordinator at \(coordinator.endpoint)\(hint) for \(orphanTimeout) s: leaving")
                throw ExitCode(4)
            }
        } catch let error as SocketError {
            logger.error("\(error)")
            if case .badEndpoint = error { throw ExitCode(2) }
            throw ExitCode(4)
        }
    }
}

extension WorkerCommand {
    /// - Throws: exit code 2 for an invitation that is none or that others could have read.
    private func coordinator(_ logger: Logger) throws -> CoordinatorAddress {
        if let connect { return .endpoint(connect) }
        let source = join ?? ""
        let text: String?
        do {
            switch source {
            case "-": text = try PrivateFile.readStandardInput()
            case "env": text = Environment.take(Invitation.variable)
            default: text = try PrivateFile.read(source)
            }
        } catch {
            logger.error("\(error)")
            throw ExitCode(2)
        }
        guard let invitation = text.flatMap({ Invitation($0) }) else {
            logger.error("--join \(source): there is no invitation; regsweep workers invite makes one")
            throw ExitCode(2)
        }
        return .invitation(invitation)
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
