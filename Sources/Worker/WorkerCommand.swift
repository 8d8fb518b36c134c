// WorkerCommand.swift · Worker. The command line of the worker, and the messages and exit codes with which it ends.

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
            Joins the sweep at the endpoint that `regsweep run` prints and computes at once. Ctrl-C, SIGTERM or a closed terminal \
            finishes the running trials, gives queued ones back and ends; a second Ctrl-C or SIGTERM ends at once, and other workers compute its trials again. No result \
            is lost.

            Exit codes: 0 drained · 2 bad usage · 4 refused, processor without x86-64-v3, no coordinator, or data that cannot be stored.
            """,
        version: Build.version)

    @Option(help: "Endpoint of a coordinator on this host that needs no key, as run prints it: ipc:///path, or tcp://127.0.0.1:5577.")
    var connect: String?

    @Option(
        help: """
            Where to read the invitation that regsweep workers invite has made: a file of mode 0600, env for the variable \
            REGSWEEP_INVITATION, or - for standard input. It is a secret, so it never stands on the command line itself.
            """, transform: PathText.expanded)
    var join: String?

    @Flag(help: "Prints the digest of the self-test, which must be equal on all workers of a sweep, and ends.")
    var selfTest = false

    @Flag(help: "Prints how many cores a worker may use here, by processor affinity and the quota of control groups, and ends.")
    var cores = false

    @Option(help: "Leases that are computed at once. A lease is one long trial, or a group of short ones.")
    var slots = 1

    @Option(help: "Threads that share one long trial. Their number changes no bit of its result.")
    var threadsPerTrial = 1

    @Option(
        help: "Directory for files of data sets. (default: $XDG_CACHE_HOME/regsweep, or ~/.cache/regsweep)", transform: PathText.expanded)
    var cache: String?

    @Option(
        help: """
            Seconds without a message from a coordinator after which the worker ends; three times as many while it has results that no \
            coordinator has acknowledged.
            """)
    var orphanTimeout = 30.0

    @Option(help: "The least severe messages that are written to standard error: trace, debug, info, notice, warning, error.")
    var logLevel = Logger.Level.info

    static func main() {
        Console.prepare()
        do {
            if let complaint = PathText.complaintAboutArguments() { throw ValidationError(complaint) }
            var command = try parseAsRoot()
            try command.run()
            Glibc.exit(Console.exitCode(0))
        } catch {
            let code = exitCode(for: error), message = fullMessage(for: error)
            // Help and version are no errors.
            if !message.isEmpty { code.isSuccess ? Console.print(message) : Console.writeLine(message) }
            // The library's own code for bad usage is 64; ours for bad input of any kind is 2.
            Glibc.exit(Console.exitCode(code == .validationFailure ? 2 : code.rawValue))
        }
    }

    func validate() throws {
        guard [selfTest, cores, connect != nil, join != nil].count(where: { $0 }) == 1 else {
            throw ValidationError("give one of --connect ENDPOINT, --join SOURCE, --self-test and --cores")
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
        var logger = Logger(label: "regsweep-worker", factory: { ConsoleLog(program: $0) })
        logger.logLevel = logLevel
        guard !cores else {
            Console.print("\(Host.cores)")
            return
        }
        guard processorRunsKernels() else {
            logger.error(
                "this processor lacks AVX2, FMA or another part of x86-64-v3, which the kernels need: start the worker on another host")
            throw ExitCode(4)
        }
        guard !selfTest else {
            Console.print("\(selfTestDigest())")
            return
        }
        do {
            let mailbox = try Mailbox<WorkerMachine.Event>()
            // Before anything starts a thread: threads take over which signals are blocked.
            catchEndRequests { mailbox.post(.drainRequested) }
            let coordinator = try coordinator(logger)
            let identity = WorkerMachine.Identity(
                worker: .random(), host: Host.name, process: Int(getpid()), slots: slots,
                selfTest: selfTestDigest())
            var loop = try WorkerLoop(
                identity, coordinator: coordinator, orphanTimeout: .seconds(orphanTimeout),
                cache: DataCache(cache ?? DataCache.defaultDirectory), threadsPerTrial: threadsPerTrial, mailbox: mailbox, logger: logger)
            switch try loop.run() {
            case .drained: logger.info("this worker was told to stop and ends; no result is lost")
            case .refused(let reason):
                logger.error("the coordinator refused this worker: \(reason)")
                throw ExitCode(4)
            case .noData(let reason):
                logger.error("\(reason)")
                throw ExitCode(4)
            case .orphaned(let silence):
                let reach = coordinator.probe()
                logger.error("\(reach.text(coordinator.endpoint, hasKey: join != nil, silence: silence)); this worker ends")
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
    /// Where to connect, from `--connect` or the invitation that `--join` names.
    /// - Throws: exit code 2, after a message, for an invitation that is missing, malformed or readable by others.
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
            logger.error("--join \(source): found no invitation there; regsweep workers invite, on the coordinator's host, makes one")
            throw ExitCode(2)
        }
        return .invitation(invitation)
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
