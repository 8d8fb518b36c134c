// RunCommand.swift · Coordinator/Commands. `regsweep run`: from a sweep file to a results directory. SweepRun does it for one sweep.

public import ArgumentParser
internal import Glibc
public import Logging
internal import Synchronization
internal import Vocabulary
internal import Wire

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a sweep, or what is left of it.",
        discussion: "It starts workers on this host, and on those of --cluster. The line that it prints starts one more.")

    @Argument(help: "The sweep file, such as Sweeps/figure4.toml.", transform: PathText.expanded)
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

    @Option(
        help: "Directory in which sweeps share results: trials found there are not trained again, and new results are added to it.",
        transform: PathText.expanded)
    var cache: String?

    func validate() throws {
        if let workers, !(0...Limits.slots).contains(workers) {
            throw ValidationError("--workers \(workers): give a number from 0 to \(Limits.slots)")
        }
    }

    func run() throws {
        let interrupts = Interrupts()
        // Before anything starts a thread: threads take over which signals are blocked.
        catchEndRequests { interrupts.heard() }
        Console.printInBackground()
        Host.allowManyFiles()
        try orExit(hasOut: true) { try run(interrupts) }
    }

    private func run(_ interrupts: Interrupts) throws {
        var logger = Logger(label: "regsweep", factory: { ConsoleLog(program: $0) })
        logger.logLevel = logLevel
        let found = try options.load(sweep), settings = try settings(found.cluster, found.data)
        for spec in found.list.sweeps { for warning in spec.warnings { logger.warning("\(warning)") } }
        var outcomes: [SweepRun.Outcome] = []
        for spec in found.list.sweeps {
            let directory = found.directory.directory(of: spec, in: found.list)
            outcomes.append(try SweepRun(spec, directory, settings, interrupts, logger).run())
        }
        var code = outcomes.map(\.exitCode).first { $0 != 0 } ?? 0
        if let joint = JointReport(found.list, outcomes.map(\.report)),
            !joint.publish(directory: found.directory.path, isQuiet: quiet), code == 0
        {
            code = 4
        }
        guard code == 0 else { throw ExitCode(code) }
    }

    /// What the command line and the cluster file say together.
    private func settings(_ cluster: ClusterSpec, _ data: [Digest: [UInt8]]) throws -> SweepRun.Settings {
        var cluster = cluster
        if let listen { cluster.listen = listen }
        if plain { cluster.isPlain = true }
        if let complaint = ClusterSpec.complaint(aboutListen: cluster.listen, isPlain: cluster.isPlain) {
            throw SpecErrors(errors: [SpecError(file: "--listen", line: nil, message: complaint)])
        }
        return SweepRun.Settings(
            cluster: cluster, workerProgram: try WorkerProgram.pathBesideCoordinator(),
            localWorkers: workers ?? cluster.localWorkers(cores: Host.cores), data: data, retriesFailures: retry == .failed,
            cache: cache.map { ResultCache(directory: ResultsDirectory($0)) }, isQuiet: quiet)
    }
}

/// What a request to end does: it is passed to the loop while one runs; at other times it ends the program, as if nobody caught it.
final class Interrupts: Sendable {
    private let mailbox = Mutex<Mailbox<EventLoop.Signal>?>(nil)

    /// - Parameter loop: the mailbox of the loop that runs from now on; nil for none.
    func go(to loop: Mailbox<EventLoop.Signal>?) { mailbox.withLock { $0 = loop } }

    func heard() {
        if let loop = mailbox.withLock({ $0 }) { return loop.post(.interrupt) }
        Console.writeLine("interrupted: stored results are kept, and the same command resumes")
        Console.finish()
        _exit(3)
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
