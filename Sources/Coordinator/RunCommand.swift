// RunCommand.swift · Coordinator. `regsweep run`: from a sweep file to a results directory.

public import ArgumentParser
internal import FoundationEssentials
internal import Glibc
public import Logging
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

    @Flag(help: "Runs trials again that are stored as failed.")
    var retryFailed = false

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
        var logger = Logger(label: "regsweep", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = logLevel
        var (spec, cluster, directory) = try sweep.load()
        for warning in spec.warnings { logger.warning("\(warning)") }
        if let listen { cluster.listen = listen }
        let grid = Grid(spec)
        let mailbox = try Mailbox<EventLoop.Letter>()
        catchSignals([SIGINT, SIGTERM]) { _ in mailbox.post(.interrupt) }

        let results = try ResultsDirectory(directory)
        let store = try results.openForWriting()
        try Resume.refuseForeign(store, spec, directory)
        if retryFailed { try store.forgetFailures() }
        let resumed = try Resume(store, grid)

        let context = try Context()
        let socket = try RouterSocket(in: context)
        let endpoint = try socket.bind(cluster.listen)
        let local = try socket.bind("ipc://" + results.socketPath())
        var configuration = Scheduler.Configuration(
            sweep: spec.name, epoch: try store.beginEpoch(host: Host.name, process: Int(getpid())), lanes: spec.declaration.lanes,
            expectedSecondsPerTrial: resumed.secondsPerTrial
                ?? spec.declaration.flops(grid.groups[0].spec.parameters) / SweepPlan.assumedFlopsPerSecond,
            selfTest: Build.selfTest)
        configuration.heartbeatInterval = cluster.heartbeatInterval
        configuration.silence = cluster.silence
        configuration.leaseDuration = .seconds(cluster.leaseSeconds)
        configuration.crashLimit = cluster.crashLimit
        let scheduler = Scheduler(
            configuration, grid: grid, stored: { resumed.stored[$0] }, failed: resumed.failed.contains, counts: resumed.counts,
            baselines: resumed.baselines)
        let count = scheduler.isFinished ? 0 : workers ?? cluster.localWorkers ?? coreCount()
        if !quiet, !scheduler.isFinished {
            Console.writeLine("\(spec.name): \(scheduler.remaining) of \(grid.count) trials to run; more workers join with")
            Console.writeLine("  regsweep-worker --connect \(endpoint)")
        }
        let launcher = LocalLauncher(
            program: try workerProgram(), endpoint: local, count: count, slots: cluster.slots, orphanTimeout: cluster.orphanTimeout,
            logPath: "\(directory)/workers.log")
        var loop = EventLoop(
            scheduler, socket: socket, store: store, launcher: launcher,
            display: ProgressDisplay(isQuiet: quiet, doneAtStart: resumed.counts.total), mailbox: mailbox, logger: logger)
        let end = try loop.run()
        let failed = loop.failed
        _ = consume loop
        try finish(end, failed: failed, grid, directory)
    }

    private func finish(_ end: EventLoop.End, failed: Int, _ grid: Grid, _ directory: String) throws {
        switch end {
        case .interrupted:
            Console.writeLine("interrupted; nothing is lost. Resume with:\n  \(CommandLine.arguments.joined(separator: " "))")
            throw ExitCode(3)
        case .noWorkers:
            Console.writeLine("no workers: those started here died at once, see \(directory)/workers.log; what is stored stays")
            throw ExitCode(4)
        case .finished: break
        }
        let store = try ResultStore(reading: "\(directory)/store.sqlite")
        let report = try Report(grid, directory: directory) { try store.result($0) }
        var files = ["results.csv", "summary.csv", "curves.csv"]
        do {
            files += try report.draw(grid.spec, directory: directory).map { "\(grid.spec.name).\($0)" }
        } catch { Console.writeLine("\(error)") }
        if !quiet {
            print(report.text)
            print("in \(directory): \(files.joined(separator: ", "))")
        }
        guard failed == 0 else {
            Console.writeLine("\(failed) trials failed; --retry-failed runs them again:")
            for (reason, count) in report.failures { Console.writeLine("  \(count) × \(reason)") }
            throw ExitCode(1)
        }
    }

    /// Beside this program.
    private func workerProgram() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/regsweep-worker"
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
