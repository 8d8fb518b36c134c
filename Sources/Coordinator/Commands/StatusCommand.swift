// StatusCommand.swift · Coordinator/Commands. `regsweep status` and `regsweep explain`: what a sweep is doing, and what became of one trial.
// They read the store and the snapshot beside it, and ask no running program.

internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import Vocabulary
internal import Wire

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what the sweep of a results directory is doing.",
        discussion: "With --trial: why that trial waits, where it runs, or what became of it, and every attempt at it.")

    @Argument(help: "The results directory, such as results/figure4, or the sweep file.")
    var directory: String

    @Option(help: "A trial's key, from the column `trial` of results.csv, or its first digits.")
    var trial: String?

    @Flag(help: "Prints it again every two seconds while the sweep runs.")
    var watch = false

    func run() throws {
        try orExit {
            while true {
                let (text, isRunning) = try status()
                // A terminal is drawn over, so that curves grow in place.
                print(watch && isatty(STDOUT_FILENO) == 1 ? "\u{1b}[H\u{1b}[2J\(text)" : text)
                guard watch, isRunning else { return }
                fflush(nil)
                sleep(2)
            }
        }
    }

    private func status() throws -> (text: String, isRunning: Bool) {
        let parts = trial == nil ? ResultsDirectory(directory).sweeps : [try Explain.directory(of: trial!, below: directory)]
        let texts = try parts.map { part in
            let text = try trial.map { try Explanation(of: $0, in: part).text } ?? Overview(part).text
            return parts.count > 1 ? "\(part.path)\n\(text)" : text
        }
        return (texts.joined(separator: "\n"), parts.contains(where: \.isInUse))
    }
}

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says why a trial waits, where it runs, or what became of it; the same as status --trial.")

    @Argument(help: "The trial's key, from the column `trial` of results.csv, or its first digits.")
    var trial: String

    @Option(help: "The results directory. (default: the only one in results/ that knows the trial)")
    var out: String?

    func run() throws {
        try orExit { print(try Explanation(of: trial, in: try Self.directory(of: trial, below: out)).text) }
    }

    /// - Parameter directory: of a sweep, or of a file whose parts are looked through; nil for all of results/.
    fileprivate static func directory(of trial: String, below directory: String?) throws -> ResultsDirectory {
        let stores = (directory.map { [ResultsDirectory($0)] } ?? ResultsDirectory.all).flatMap(\.sweeps)
        // A store that is named is asked also about a trial of which it knows nothing yet.
        if directory != nil, stores.count == 1 { return stores[0] }
        let found = stores.filter { directory in
            guard let store = try? directory.openForReading() else { return false }
            if (try? store.keys(beginningWith: trial).isEmpty) == false { return true }
            return Snapshot.read(from: directory)?.leases.contains { $0.trials.contains { $0.hasPrefix(trial) } } == true
        }
        guard found.count == 1 else {
            Console.writeLine(
                found.isEmpty
                    ? "no results directory in \(directory ?? ResultsDirectory.parent)/ knows a trial \(trial); name one with --out"
                    : "\(found.map(\.path).joined(separator: ", ")) know a trial \(trial); name one with --out")
            throw ExitCode(2)
        }
        return found[0]
    }
}

/// Whether a coordinator has the store, and what it last said.
private struct RunningCoordinator {
    var isRunning: Bool
    var snapshot: Snapshot?

    init(_ directory: ResultsDirectory) {
        isRunning = directory.isInUse
        snapshot = Snapshot.read(from: directory)
    }
}

private struct Overview {
    let text: String

    init(_ directory: ResultsDirectory) throws {
        let store = try directory.openForReading()
        let coordinator = RunningCoordinator(directory)
        var lines: [String] = []
        if coordinator.isRunning, let now = coordinator.snapshot {
            let stored = now.done + now.diverged + now.failed
            let restarts = now.incarnation > 1 ? ", start \(now.incarnation) of the coordinator" : ""
            lines.append(
                "running\(restarts): \(stored) of \(now.total) trials stored, \(now.diverged) diverged, \(now.failed) failed"
            )
            let running = now.leases.filter { $0.purpose == .own }.reduce(0) { $0 + $1.trials.count }
            lines.append("\(running) trials with workers, \(now.waiting) waiting, \(now.verificationsWaiting) verifications waiting")
            if now.isStoreBlocked { lines.append("the store cannot be written to: workers get no trials until it can") }
            if now.isDraining { lines.append("interrupted: workers finish what they are computing and get no more trials") }
            for worker in now.workers {
                let speed = worker.secondsPerTrial.map { ", \(Self.rounded($0)) s a trial" } ?? ""
                lines.append(
                    "worker \(worker.id) on \(worker.host), process \(worker.process): \(worker.leases) of \(worker.credits) leases, last heard \(Self.rounded(worker.silentSeconds)) s before\(speed)\(worker.isQuarantined ? ", quarantined" : "")"
                )
            }
            lines += now.curves.map { "  " + Self.line($0) }
        } else {
            var counts = TrialCounts()
            try store.forEachOutcome { _, outcome, _ in counts.count(name: outcome) }
            lines.append("not running: \(counts.total) trials stored, \(counts.diverged) diverged, \(counts.failed) failed")
        }
        lines += try store.disagreements()
        text = lines.joined(separator: "\n")
    }

    /// A trial's curve, of test losses between the lowest and the highest so far.
    private static func line(_ curve: Snapshot.Curve) -> String {
        func last(_ values: [Double?]) -> String { (values.last ?? nil).map { NumberText.fixed($0, decimals: 3) } ?? "-" }
        return """
            trial \(curve.trial.prefix(8)) λ₂ \(NumberText.shortest(curve.lambda2)) η \(NumberText.shortest(curve.learningRate)) \
            initialization \(curve.initialization) repeat \(curve.replicate): epoch \(curve.epochs.last ?? 0) of \(curve.lastEpoch), \
            train loss \(last(curve.trainLoss)), test loss \(last(curve.testLoss)), ratio \(last(curve.lossRatio)) \
            \(Sparkline.text(curve.testLoss))
            """
    }

    static func rounded(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
}

struct Explanation {
    let text: String

    /// - Parameter trial: a key or its first digits.
    init(of trial: String, in directory: ResultsDirectory) throws {
        let store = try directory.openForReading(), coordinator = RunningCoordinator(directory)
        let snapshot = coordinator.isRunning ? coordinator.snapshot : nil
        let key = try Self.key(trial, store, snapshot)
        var lines = ["trial \(key)"]
        let result = try store.result(key)
        // The snapshot is a little older than the store.
        let leases = snapshot?.leases.filter { $0.trials.contains("\(key)") && (result == nil || $0.purpose == .verification) } ?? []
        if let result {
            let author = try store.author(of: key)
            let place = author.map { " by worker \($0.worker) on \($0.host)" } ?? ""
            if case .failed(let reason) = result.outcome {
                lines.append("set aside as failed\(place): \(reason); run --retry failed runs it again")
            } else {
                lines.append("stored as \(result.outcome.name), attempt \(result.attempt), \(result.epochs) epochs\(place)")
            }
        } else if leases.isEmpty {
            lines.append(Self.whyItWaits(key, snapshot))
        }
        for lease in leases {
            let doing = lease.hasBegun ? "runs" : "is queued or beginning"
            let why =
                lease.purpose == .verification
                ? ", again, to compare the bits" : lease.purpose == .copy ? ", as well, because the first is late" : ""
            let host = snapshot?.workers.first { $0.id == lease.worker }?.host ?? "?"
            lines.append(
                "\(doing) on worker \(lease.worker) on \(host) since \(Overview.rounded(lease.seconds)) s, lease \(lease.id)\(why)")
        }
        if let history = snapshot?.histories["\(key)"] {
            lines.append("\(history.attempts) attempts, \(history.crashes) workers died over it, \(history.failures) failed at it")
        }
        let attempts = try store.attempts(at: key)
        if !attempts.isEmpty { lines.append("history:") }
        lines += attempts.map { "  \($0)" }
        lines += try store.disagreements(of: key)
        text = lines.joined(separator: "\n")
    }

    private static func key(_ trial: String, _ store: borrowing ResultStore, _ snapshot: Snapshot?) throws -> TrialKey {
        if let key = TrialKey(hexadecimal: trial) { return key }
        let running = snapshot?.leases.flatMap(\.trials).filter { $0.hasPrefix(trial) } ?? []
        let found = Set(try store.keys(beginningWith: trial) + running.compactMap(TrialKey.init(hexadecimal:)))
        guard found.count == 1, let key = found.first else {
            Console.writeLine(
                found.isEmpty
                    ? "no trial is known that begins with \(trial)" : "\(found.count) trials begin with \(trial): give more digits")
            throw ExitCode(2)
        }
        return key
    }

    private static func whyItWaits(_ key: TrialKey, _ snapshot: Snapshot?) -> String {
        guard let now = snapshot else { return "has no result: no coordinator is running here; run trains it, if the sweep asks for it" }
        if now.isDraining { return "waits: the coordinator was interrupted and hands no trials out" }
        if now.isStoreBlocked { return "waits: the store cannot be written to, so no trials are handed out" }
        if now.workers.isEmpty { return "waits: no worker is here" }
        if let history = now.histories["\(key)"] {
            if history.crashes > 0 { return "waits for a worker that has nothing else: \(history.crashes) died over it" }
            return "waits for another worker than the \(history.failures) that failed at it"
        }
        return "waits: \(now.waiting) trials do, and the \(now.workers.count) workers here have as many as they asked for"
    }
}
