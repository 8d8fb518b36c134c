// RunCommand.swift · Coordinator/Commands. `regsweep run`: from a sweep file to a results directory.

public import ArgumentParser
internal import FoundationEssentials
internal import Glibc
public import Logging
internal import Synchronization
internal import Vocabulary
internal import Wire

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a sweep, or what is left of it.",
        discussion: "It starts workers on this host, and on those of --cluster. The line that it prints starts one more.")

    @Argument(help: "The sweep file, such as Sweeps/figure4.toml.")
    var sweep: String

    @OptionGroup var options: SweepOptions

    @Option(help: "Worker processes on this host; 0 for none. (default: one per core)")
    var workers: Int?

    @Option(help: "Where to listen for workers, such as tcp://0.0.0.0:5577. (default: any free port of this host alone)")
    var listen: String?

    @Flag(help: "Listens without keys and encryption; only on this host.")
    var plain = false

    @Option(help: "The least important lines that are logged to stderr: trace, debug, info, notice, warning, error.")
    var logLevel = Logger.Level.notice

    @Flag(help: "Prints no progress and no table.")
    var quiet = false

    enum Retry: String, ExpressibleByArgument { case failed }

    @Option(help: "failed: runs failed trials again, and forgets how many workers were lost while they computed the others.")
    var retry: Retry?

    @Option(help: "Directory in which sweeps share results: trials found there are not trained again, and new results are added to it.")
    var cache: String?

    func validate() throws {
        if let workers, !(0...Limits.slots).contains(workers) {
            throw ValidationError("--workers \(workers): give a number from 0 to \(Limits.slots)")
        }
    }

    func run() throws {
        try orExit(hasOut: true) { try execute() }
    }

    private func execute() throws {
        let interrupts = Interrupts()
        // Before anything starts a thread, which would take signals as the system has them.
        catchSignals([SIGINT, SIGTERM, SIGHUP]) { _ in interrupts.heard() }
        Host.allowManyFiles()
        var logger = Logger(label: "regsweep", factory: { _ in ConsoleLog() })
        logger.logLevel = logLevel
        var (list, cluster, directory, data) = try options.load(sweep)
        if let listen { cluster.listen = listen }
        if plain { cluster.isPlain = true }
        if let complaint = ClusterSpec.complaint(aboutListen: cluster.listen, isPlain: cluster.isPlain) {
            Console.writeLine("--listen: \(complaint)")
            throw ExitCode(2)
        }
        for spec in list.sweeps { for warning in spec.warnings { logger.warning("\(warning)") } }
        let worker = try WorkerProgram.pathBesideCoordinator()
        var worst: Int32 = 0, reports: [Report] = []
        for spec in list.sweeps {
            let own = directory.directory(of: spec, in: list)
            let (code, report) = try run(spec, cluster, own, worker: worker, data, interrupts, logger)
            if worst == 0 { worst = code }
            reports.append(report)
        }
        if let joint = JointReport(list, reports), try !joint.publish(directory: directory.path, isQuiet: quiet), worst == 0 { worst = 4 }
        guard worst == 0 else { throw ExitCode(worst) }
    }

    /// One sweep from its store to its results directory.
    /// - Returns: with an exit code: 0, 1 for failed trials, 4 for a figure that could not be drawn.
    private func run(
        _ spec: SweepSpec, _ cluster: ClusterSpec, _ directory: ResultsDirectory, worker: String, _ data: [Digest: [UInt8]],
        _ interrupts: Interrupts, _ logger: Logger
    ) throws -> (code: Int32, report: Report) {
        let grid = Grid(spec)

        try directory.create()
        let socketPath = try directory.socketPath()
        let store = try directory.openForWriting()
        try store.claim(for: spec, in: directory.path)
        if retry == .failed { try store.forgetFailures() }
        try takeFromCache(into: store, grid)
        let audit = Audit(share: spec.audit, lanes: spec.declaration.lanes)
        let recovery = try Recovery(store, grid, audit: audit)

        let context = try Context()
        let socket = try RouterSocket(in: context)
        let keys = cluster.isPlain ? nil : try KeyRing(directory.keys)
        let endpoint = try socket.bind(cluster.listen, admitting: keys.map { .keys($0.coordinator) } ?? .anyone)
        let authenticator = WorkerAuthenticator(keys, endpoint: cluster.advertised(endpoint, hostName: Host.name))
        let local = try socket.bind("ipc://" + socketPath)
        defer { Files.remove(socketPath) }
        let configuration = configuration(
            grid, cluster, incarnation: try store.beginIncarnation(host: Host.name, process: Int(getpid())),
            secondsPerTrial: recovery.secondsPerTrial)
        let scheduler = Scheduler(configuration, grid, resuming: recovery)
        let count = scheduler.isFinished ? 0 : workers ?? cluster.localWorkers(cores: Host.cores)
        let join = WorkerCommandLine(coordinator: .endpoint(cluster.isPlain ? endpoint : local)).line(program: worker)
        var hosts = cluster
        if scheduler.isFinished { hosts.hosts = [] }
        let fleet = Fleet(
            hosts, sweep: spec.name, program: worker, endpoint: local, localCount: count, directory: directory.absolutePath)
        let mailbox = try Mailbox<EventLoop.Signal>()
        // From the line on that says it runs, Ctrl-C means a drain.
        interrupts.go(to: mailbox)
        defer { interrupts.go(to: nil) }
        if !quiet, !scheduler.isFinished {
            Console.writeLine(
                "\(spec.name): \(scheduler.trials.remaining) of \(grid.count) trials to run; more workers join with\n  \(join)")
            if !cluster.isPlain {
                let others = endpoint.hasPrefix("tcp://127.") ? "with keys on this host" : "on other hosts"
                Console.writeLine("and \(others) with what regsweep workers invite prints; listening at \(endpoint)")
            }
        }
        var loop = EventLoop(
            Coordinator(scheduler, store),
            Connections(socket, authenticator, data: data, incarnation: configuration.incarnation, logger), fleet: fleet,
            display: ProgressDisplay(
                of: spec.declaration, isQuiet: quiet, doneAtStart: recovery.counts.total, snapshots: SnapshotWriter(directory)),
            orphanTimeout: cluster.orphanTimeout, storePath: directory.store, joinCommand: join, mailbox: mailbox, logger: logger)
        let end = try loop.run()
        let failed = loop.failed
        // Ends the local workers that are left, closes the socket and gives the store free before the report reads it.
        _ = consume loop
        return try finish(end, failed: failed, grid, directory)
    }

    private func configuration(
        _ grid: Grid, _ cluster: ClusterSpec, incarnation: UInt64, secondsPerTrial: Double?
    ) -> Scheduler.Configuration {
        let declaration = grid.spec.declaration
        return Scheduler.Configuration(
            sweep: grid.spec.name, incarnation: incarnation, heartbeatInterval: cluster.heartbeatInterval, timeout: cluster.silence,
            leaseDuration: .seconds(cluster.leaseSeconds), crashLimit: cluster.crashLimit, audit: grid.spec.audit,
            lanes: declaration.lanes, trialsPerLease: declaration.trialsPerLease(grid.groups[0].spec.parameters),
            expectedSecondsPerTrial: secondsPerTrial ?? grid.assumedSecondsPerTrial, selfTest: Build.selfTest,
            checkpoints: cluster.checkpoints)
    }

    private func finish(
        _ end: EventLoop.End, failed: Int, _ grid: Grid, _ directory: ResultsDirectory
    ) throws -> (code: Int32, report: Report) {
        switch end {
        case .interrupted:
            Console.writeLine("interrupted; what is stored stays. Resume with:\n  \(ShellWords.quoted(CommandLine.arguments))")
            throw ExitCode(3)
        case .noWorkers:
            Console.writeLine(
                "no workers: those started here died one after the other, \(directory.workersLog) says why, and no other is here; what is stored stays and the same command resumes"
            )
            throw ExitCode(4)
        case .finished: break
        }
        let store = try directory.openForReading()
        try addToCache(from: store, grid)
        for line in try store.disagreements() { Console.writeLine(line) }
        let report = try Report(grid, directory: directory.path, of: store)
        let hasFigure = report.publish(directory: directory.path, isQuiet: quiet)
        guard failed == 0 else {
            Console.writeLine("\(failed) trials failed; --retry failed runs them again:")
            for (reason, count) in report.failures { Console.writeLine("  \(count) × \(reason)") }
            return (1, report)
        }
        return (hasFigure ? 0 : 4, report)
    }

    /// The cache is a store like any other, without a sweep of its own; a result is found there by its trial's key.
    private func takeFromCache(into store: borrowing ResultStore, _ grid: Grid) throws {
        guard let cache, ResultsDirectory(cache).hasStore else { return }
        let taken = try store.copy(from: try ResultsDirectory(cache).openForReading(), (0..<grid.count).lazy.map(grid.key(of:)))
        if taken > 0, !quiet { Console.writeLine("\(taken) trials taken from \(cache)") }
    }

    private func addToCache(from store: borrowing ResultStore, _ grid: Grid) throws {
        guard let cache else { return }
        // Another sweep may be adding at this moment: for a cache it is enough that the next one does.
        do {
            let directory = ResultsDirectory(cache)
            try directory.create()
            let shared = try directory.openForWriting()
            _ = try shared.copy(from: store, (0..<grid.count).lazy.map(grid.key(of:)))
        } catch { Console.writeLine("nothing was added to the cache: \(error)") }
    }
}

/// What a signal does: it is passed to the loop while one runs; at other times it ends the program, as if nobody caught it.
private final class Interrupts: Sendable {
    private let mailbox = Mutex<Mailbox<EventLoop.Signal>?>(nil)

    /// - Parameter loop: of the loop that runs from now on; nil for none.
    func go(to loop: Mailbox<EventLoop.Signal>?) { mailbox.withLock { $0 = loop } }

    func heard() {
        if let loop = mailbox.withLock({ $0 }) { return loop.post(.interrupt) }
        Console.writeLine("interrupted; what is stored stays, and the same command resumes")
        _exit(3)
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
