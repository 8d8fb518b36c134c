// SweepRun.swift · Coordinator/Commands, used by RunCommand. One sweep from its store to its tables. This is where the parts of the
// coordinator are made and put together, and where what it prints is sent; RunText is what it prints.

internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import Vocabulary
internal import Wire

struct SweepRun {
    /// What is the same for all sweeps of a file.
    struct Settings {
        var cluster: ClusterSpec
        /// The worker on this host.
        var workerProgram: String
        /// Worker processes on this host.
        var localWorkers: Int
        /// Files of the data set, by hash.
        var data: [Digest: [UInt8]]
        /// Whether trials that failed are run again.
        var retriesFailures: Bool
        var cache: ResultCache?
        /// Prints no progress and no table.
        var isQuiet: Bool
    }

    /// How a sweep ended that has a result for each of its trials.
    struct Outcome {
        /// 0; 1 for failed trials; 4 for a figure that could not be drawn.
        var exitCode: Int32
        var report: Report
    }

    private let grid: Grid
    private let directory: ResultsDirectory
    private let settings: Settings
    private let interrupts: Interrupts
    private let logger: Logger

    init(_ spec: SweepSpec, _ directory: ResultsDirectory, _ settings: Settings, _ interrupts: Interrupts, _ logger: Logger) {
        grid = Grid(spec)
        self.directory = directory
        self.settings = settings
        self.interrupts = interrupts
        self.logger = logger
    }

    /// - Throws: exit code 3 when it was interrupted, 4 when there were no workers.
    func run() throws -> Outcome {
        try compute { end, failed in
            switch end {
            case .finished: return try report(failed: failed)
            case .interrupted:
                let words = CommandLine.arguments
                Console.writeLine(RunText.interrupted(commandLine: words, pipes: words.dropFirst().filter(FileStatus.isPipe)))
                throw ExitCode(3)
            case .noWorkers:
                Console.writeLine(RunText.noWorkers(log: directory.workersLog))
                throw ExitCode(4)
            }
        }
    }

    /// Runs the loop until every trial has a result, or it cannot.
    /// - Parameter conclude: what follows. It is given how many trials are stored as failed. The store is locked until it returns, since
    ///   another start would write the same tables; the socket is gone by then.
    private func compute(_ conclude: (EventLoop.End, _ failed: Int) throws -> Outcome) throws -> Outcome {
        let store = try openStore()
        let recovery = try Recovery(store, grid, audit: Audit(share: grid.spec.audit, lanes: grid.spec.declaration.lanes))
        let keys = try keyRing(), entrance = try Entrance.open(settings.cluster, directory, keys)
        let localEndpoint = entrance.localSocket.endpoint
        let incarnation = try store.beginIncarnation(host: Host.name, process: Int(getpid()))
        let scheduler = Scheduler(
            Scheduler.Configuration(
                grid, settings.cluster, incarnation: incarnation, secondsPerTrial: recovery.secondsPerTrial,
                leaseSecret: entrance.leaseSecret),
            grid, resuming: recovery)
        let fleet = fleet(localEndpoint, isNeeded: !scheduler.isFinished)
        let joinCommand = WorkerCommandLine(coordinator: .endpoint(settings.cluster.isPlain ? entrance.endpoint : localEndpoint))
            .line(program: settings.workerProgram)

        let mailbox = try Mailbox<EventLoop.Signal>()
        // Once it is printed that the sweep runs, an interrupt is a drain.
        interrupts.go(to: mailbox)
        if !settings.isQuiet, !scheduler.isFinished {
            Console.writeLine(
                RunText.start(
                    grid.spec.name, remaining: scheduler.trials.remaining, total: grid.count, joinCommand: joinCommand,
                    endpoint: entrance.endpoint, isPlain: settings.cluster.isPlain))
        }
        let display = ProgressDisplay(
            of: grid.spec.declaration, isQuiet: settings.isQuiet, doneAtStart: recovery.counts.total, snapshots: SnapshotWriter(directory))
        var loop = EventLoop(
            // 100 ms: a fraction of a heartbeat.
            Coordinator(scheduler, try StoreThread(store, patience: min(.milliseconds(100), settings.cluster.heartbeatInterval / 4))),
            Connections(
                entrance.socket, entrance.localSocket, entrance.authenticator, data: settings.data, incarnation: incarnation, logger),
            fleet: fleet,
            display: display, orphanTimeout: settings.cluster.orphanTimeout, storePath: directory.store, joinCommand: joinCommand,
            mailbox: mailbox, logger: logger)
        let end: EventLoop.End
        do {
            defer {
                interrupts.go(to: nil)
                loop.removeLocalSocket()
                directory.forgetSocket()
            }
            end = try loop.run()
        }
        let outcome = try conclude(end, loop.failed)
        loop.close()
        return outcome
    }

    /// Nil for a coordinator without keys. Workers of this host need none, so a file system that cannot keep secrets stops nothing.
    private func keyRing() throws -> KeyRing? {
        guard !settings.cluster.isPlain else { return nil }
        guard !PrivateFile.canBeKept(in: directory.path) else { return try KeyRing(directory.keys) }
        logger.warning(
            """
            \(directory.path) is on a file system that keeps no secret from other users, so the keys of this run are not stored: workers of \
            other hosts need new invitations after a restart
            """)
        return KeyRing()
    }

    /// The store, with what the cache has of the sweep.
    private func openStore() throws -> ResultStore {
        try directory.create()
        let store = try directory.openForWriting()
        directory.removeLeftOvers()
        try store.claim(for: grid.spec, in: directory.path)
        if settings.retriesFailures { try store.forgetFailures() }
        if let cache = settings.cache {
            let taken = try cache.copy(to: store, grid)
            if taken > 0, !settings.isQuiet { Console.writeLine("\(taken) trials taken from \(cache.directory.path)") }
        }
        return store
    }

    /// - Parameter isNeeded: whether trials are left to compute.
    private func fleet(_ localEndpoint: String, isNeeded: Bool) -> Fleet {
        var cluster = settings.cluster
        if !isNeeded { cluster.hosts = [] }
        return Fleet(
            cluster, sweep: grid.spec.name, program: settings.workerProgram, endpoint: localEndpoint,
            localCount: isNeeded ? settings.localWorkers : 0, localLog: directory.workersLog, directory: directory.absolutePath,
            logger)
    }

    /// Writes and prints what came out.
    private func report(failed: Int) throws -> Outcome {
        let store = try directory.openForReading()
        // Another sweep may be adding at this moment: then the next one adds these results as well, and it is no failure of this one.
        do { try settings.cache?.add(from: store, grid) } catch { Console.writeLine("nothing was added to the cache: \(error)") }
        for line in try store.disagreements() { Console.writeLine(line) }
        let report = try Report(grid, directory: directory.path, of: store)
        let hasFigure = report.publish(directory: directory.path, isQuiet: settings.isQuiet)
        if failed > 0 { Console.writeLine(RunText.failures(failed, report.failures)) }
        return Outcome(exitCode: failed > 0 ? 1 : hasFigure ? 0 : 4, report: report)
    }
}

/// Where workers and commands connect.
private struct Entrance: ~Copyable {
    let socket: RouterSocket
    let authenticator: WorkerAuthenticator
    /// For workers with keys; for all workers where there are no keys.
    let endpoint: String
    /// For workers and commands of the same user on this host.
    let localSocket: LocalSocket
    /// See `LeaseProofs`; nil where there are no keys.
    let leaseSecret: Digest?

    static func open(_ cluster: ClusterSpec, _ directory: ResultsDirectory, _ keys: KeyRing?) throws -> Entrance {
        let socket = try RouterSocket(in: try Context())
        let endpoint = try socket.bind(cluster.listen, admitting: keys.map { .keys($0.coordinator) } ?? .anyone)
        let localSocket = try LocalSocket(at: directory.socketPath) { endpoint in _ = try socket.bind(endpoint) }
        return Entrance(
            socket: socket, authenticator: WorkerAuthenticator(keys, endpoint: cluster.advertised(endpoint, hostName: Host.name)),
            endpoint: endpoint, localSocket: localSocket, leaseSecret: keys?.coordinator.secret(for: "leases"))
    }
}

extension Scheduler.Configuration {
    /// - Parameter secondsPerTrial: as measured in earlier runs; nil where nothing was.
    fileprivate init(_ grid: Grid, _ cluster: ClusterSpec, incarnation: UInt64, secondsPerTrial: Double?, leaseSecret: Digest?) {
        let declaration = grid.spec.declaration
        self.init(
            sweep: grid.spec.name, incarnation: incarnation, heartbeatInterval: cluster.heartbeatInterval, timeout: cluster.timeout,
            leaseDuration: .seconds(cluster.leaseSeconds), crashLimit: cluster.crashLimit, audit: grid.spec.audit,
            lanes: declaration.lanes, trialsPerLease: declaration.trialsPerLease(grid.groups[0].spec.configuration),
            expectedSecondsPerTrial: secondsPerTrial ?? grid.assumedSecondsPerTrial, selfTest: Build.selfTest,
            leaseSecret: leaseSecret, checkpoints: cluster.checkpoints)
    }
}
