// RunCommand.swift · Coordinator. `regsweep run`: from a sweep file to a results directory.

public import ArgumentParser
internal import FoundationEssentials
internal import Glibc
public import Logging
internal import Synchronization
internal import Wire

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a sweep, or what is left of it.",
        discussion: "Workers on this box are started by itself; more may join by hand with the command that it prints.")

    @OptionGroup var sweep: SweepArguments

    @Option(help: "Worker processes on this box; 0 for none. (default: one per core)")
    var workers: Int?

    @Option(help: "Where to listen for workers, such as tcp://127.0.0.1:5577. (default: any free port)")
    var listen: String?

    @Option(help: "What goes to stderr: trace, debug, info, notice, warning, error.")
    var logLevel = Logger.Level.notice

    @Flag(help: "No progress and no table.")
    var quiet = false

    enum Retry: String, ExpressibleByArgument { case failed }

    @Option(help: "failed: runs trials again that are stored as failed, and forgets which workers died over the others.")
    var retry: Retry?

    @Option(help: "A directory of finished trials that sweeps share: what is there is taken and not trained, what is trained is added.")
    var cache: String?

    func validate() throws {
        if let workers, !(0...Limits.slots).contains(workers) {
            throw ValidationError("--workers \(workers): give a number from 0 to \(Limits.slots)")
        }
    }

    func run() throws {
        if let complaint = listen.flatMap(ClusterSpec.complaint(aboutListen:)) {
            Console.writeLine("--listen: \(complaint)")
            throw ExitCode(2)
        }
        try orExit { try execute() }
    }

    private func execute() throws {
        let interrupts = Interrupts(try Mailbox<EventLoop.Letter>())
        // Before anything starts a thread, which would take signals as the system has them.
        catchSignals([SIGINT, SIGTERM, SIGHUP]) { _ in interrupts.heard() }
        var logger = Logger(label: "regsweep", factory: { _ in ConsoleLog() })
        logger.logLevel = logLevel
        var (spec, cluster, directory) = try sweep.load()
        for warning in spec.warnings { logger.warning("\(warning)") }
        if let listen { cluster.listen = listen }
        let worker = try workerProgram()
        let grid = Grid(spec)

        let results = try ResultsDirectory(directory)
        let socketPath = try results.socketPath()
        let store = try results.openForWriting()
        try Resume.claim(store, for: spec, directory)
        if retry == .failed { try store.forgetFailures() }
        try takeFromCache(into: store, grid)
        let audit = Audit(share: spec.audit, lanes: spec.declaration.lanes)
        let resumed = try Resume(store, grid, audit: audit)

        let context = try Context()
        let socket = try RouterSocket(in: context)
        let endpoint = try socket.bind(cluster.listen)
        let local = try socket.bind("ipc://" + socketPath)
        defer { ResultsDirectory.remove(socketPath) }
        let configuration = configuration(
            grid, cluster, epoch: try store.beginEpoch(host: Host.name, process: Int(getpid())), secondsPerTrial: resumed.secondsPerTrial)
        let scheduler = Scheduler(
            configuration, grid: grid, stored: { resumed.stored[$0] }, failed: resumed.failed.contains, counts: resumed.counts,
            baselines: resumed.baselines, crashes: resumed.crashes, checks: resumed.checks)
        let count = scheduler.isFinished ? 0 : workers ?? cluster.localWorkers ?? coreCount()
        let join = Self.shellWords([worker, "--connect", endpoint])
        if !quiet, !scheduler.isFinished {
            Console.writeLine("\(spec.name): \(scheduler.remaining) of \(grid.count) trials to run; more workers join with\n  \(join)")
        }
        let launcher = LocalLauncher(
            program: worker, endpoint: local, count: count, slots: cluster.slots, orphanTimeout: cluster.orphanTimeout,
            logPath: "\(directory)/workers.log")
        var loop = EventLoop(
            scheduler, socket: socket, store: store, launcher: launcher,
            display: ProgressDisplay(isQuiet: quiet, doneAtStart: resumed.counts.total),
            snapshots: SnapshotWriter(directory: directory), join: join, mailbox: interrupts.mailbox,
            logger: logger)
        interrupts.isLoopRunning.store(true, ordering: .sequentiallyConsistent)
        let end = try loop.run()
        interrupts.isLoopRunning.store(false, ordering: .sequentiallyConsistent)
        let failed = loop.failed
        // Ends the local workers that are left, closes the socket and gives the store free before the report reads it.
        _ = consume loop
        try finish(end, failed: failed, grid, directory)
    }

    private func configuration(
        _ grid: Grid, _ cluster: ClusterSpec, epoch: UInt64, secondsPerTrial: Double?
    ) -> Scheduler.Configuration {
        let declaration = grid.spec.declaration
        let flops = declaration.flops(grid.groups[0].spec.parameters)
        return Scheduler.Configuration(
            sweep: grid.spec.name, epoch: epoch, heartbeatInterval: cluster.heartbeatInterval, silence: cluster.silence,
            leaseDuration: .seconds(cluster.leaseSeconds), crashLimit: cluster.crashLimit, audit: grid.spec.audit,
            lanes: declaration.lanes, expectedSecondsPerTrial: secondsPerTrial ?? flops / SweepPlan.assumedFlopsPerSecond,
            selfTest: Build.selfTest)
    }

    private func finish(_ end: EventLoop.End, failed: Int, _ grid: Grid, _ directory: String) throws {
        switch end {
        case .interrupted:
            Console.writeLine("interrupted; what is stored stays. Resume with:\n  \(Self.shellWords(CommandLine.arguments))")
            throw ExitCode(3)
        case .noWorkers:
            Console.writeLine(
                "no workers: those started here died at once, \(directory)/workers.log says why; what is stored stays and the same command resumes"
            )
            throw ExitCode(4)
        case .finished: break
        }
        let store = try ResultStore(reading: "\(directory)/store.sqlite")
        try addToCache(from: store, grid)
        for line in try store.disagreements() { Console.writeLine(line) }
        let report = try Report(grid, directory: directory) { try store.result($0) }
        let hasFigure = report.publish(grid.spec, directory: directory, isQuiet: quiet)
        guard failed == 0 else {
            Console.writeLine("\(failed) trials failed; --retry failed runs them again:")
            for (reason, count) in report.failures { Console.writeLine("  \(count) × \(reason)") }
            throw ExitCode(1)
        }
        guard hasFigure else { throw ExitCode(4) }
    }

    /// The cache is a store like any other, without a sweep of its own; a result is found there by its trial's key.
    private func takeFromCache(into store: borrowing ResultStore, _ grid: Grid) throws {
        guard let cache, FileManager.default.fileExists(atPath: "\(cache)/store.sqlite") else { return }
        let taken = try store.copy(from: try ResultStore(reading: "\(cache)/store.sqlite"), (0..<grid.count).lazy.map(grid.key(of:)))
        if taken > 0, !quiet { Console.writeLine("\(taken) trials taken from \(cache)") }
    }

    private func addToCache(from store: borrowing ResultStore, _ grid: Grid) throws {
        guard let cache else { return }
        // Another sweep may be adding at this moment: for a cache it is enough that the next one does.
        do {
            let shared = try ResultsDirectory(cache).openForWriting()
            _ = try shared.copy(from: store, (0..<grid.count).lazy.map(grid.key(of:)))
        } catch { Console.writeLine("nothing was added to the cache: \(error)") }
    }

    /// As a shell reads them back.
    static func shellWords(_ words: [String]) -> String {
        words.map { word in
            let isPlain =
                !word.isEmpty
                && word.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-".utf8.contains($0) }
            return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
        }.joined(separator: " ")
    }

    /// Beside this program.
    private func workerProgram() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/regsweep-worker"
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw SubprocessError.failed(program: program, reason: "is not there: it belongs beside regsweep; make build makes both")
        }
        return program
    }
}

/// What a signal means: a letter to the loop while it runs; the end of the program, as if nobody caught it, before and after.
private final class Interrupts: Sendable {
    let mailbox: Mailbox<EventLoop.Letter>
    let isLoopRunning = Atomic(false)

    init(_ mailbox: Mailbox<EventLoop.Letter>) { self.mailbox = mailbox }

    func heard() {
        if isLoopRunning.load(ordering: .sequentiallyConsistent) { return mailbox.post(.interrupt) }
        Console.writeLine("interrupted; what is stored stays, and the same command resumes")
        _exit(3)
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
