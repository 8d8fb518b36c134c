// SweepOverview.swift · Coordinator/Commands, used by StatusCommand. What `regsweep status` prints about one sweep, from facts of its store and
// its snapshot.

internal import Vocabulary

struct SweepOverview {
    enum State {
        case running(Snapshot)
        /// A program has the store open and has written no snapshot: a coordinator that starts, or `repair`.
        case opened(TrialCounts)
        case notRunning(TrialCounts)
    }

    var state: State
    /// A line for each trial whose bits workers did not agree on.
    var disagreements: [String]
    /// How old the snapshot is; nil without one.
    var age: SnapshotAge?

    /// One fact a line.
    var text: String {
        let lines =
            switch state {
            case .running(let snapshot): Self.lines(snapshot, age)
            case .opened(let stored): ["in use, and nothing is known yet of what runs: \(Self.text(stored))"]
            case .notRunning(let stored): ["not running: \(Self.text(stored))"]
            }
        return (lines + disagreements).joined(separator: "\n")
    }

    private static func text(_ stored: TrialCounts) -> String {
        "\(stored.total) trials stored, \(stored.diverged) diverged, \(stored.failed) failed"
    }

    private static func lines(_ now: Snapshot, _ age: SnapshotAge?) -> [String] {
        let leased = now.leases.filter { $0.purpose == .own }.reduce(0) { $0 + $1.trials.count }
        var lines = [
            "running: \(now.done + now.diverged + now.failed) of \(now.total) trials stored, \(now.diverged) diverged, \(now.failed) failed",
            "\(leased) leased to workers, \(now.waiting) waiting, \(now.verificationsWaiting) verifications waiting; incarnation \(now.incarnation)",
        ]
        if let age { lines.append(age.text) }
        if now.isStoreBlocked {
            lines.append("the store cannot be written, and nothing is leased until it can: the log of run has the reason")
        }
        if now.isDraining { lines.append("draining: nothing is leased any more") }
        return lines + now.workers.map(line) + now.curves.map { "  " + line($0) }
    }

    private static func line(_ worker: Snapshot.Worker) -> String {
        let speed = worker.secondsPerTrial.map { ", \(NumberText.thousandths($0)) s a trial" } ?? ""
        return """
            worker \(worker.id) on \(worker.host), process \(worker.process): \(worker.leases) of at most \(worker.credits) leases, \
            last heard \(NumberText.thousandths(worker.silentSeconds)) s ago\(speed)\(worker.isQuarantined ? ", quarantined" : "")
            """
    }

    /// The strengths that are not 0 and the learning rate, by their symbols.
    private static func setting(_ curve: Snapshot.Curve) -> String {
        let strengths = curve.strengths.sorted { $0.key < $1.key }.map { (Strength.named($0.key)?.symbol ?? $0.key, $0.value) }
        return (strengths + [("η", curve.learningRate)]).map { "\($0) \(NumberText.shortest($1))" }.joined(separator: " ")
    }

    /// The curve of test losses is drawn between the lowest and the highest so far.
    private static func line(_ curve: Snapshot.Curve) -> String {
        func last(_ values: [Double?]) -> String { (values.last ?? nil).map { NumberText.fixed($0, decimals: 3) } ?? "–" }
        return """
            trial \(curve.trial.prefix(8)) \(setting(curve)) \
            initialization \(curve.initialization) replicate \(curve.replicate): epoch \(curve.epochs.last ?? 0) of \(curve.lastEpoch), \
            train loss \(last(curve.trainLoss)), test loss \(last(curve.testLoss)), ratio \(last(curve.lossRatio)) \
            \(Sparkline.text(curve.testLoss))
            """
    }
}

/// How old a snapshot is, and what is known besides.
struct SnapshotAge: Equatable {
    var seconds: Double
    /// Whether the disk of the results directory has no room for a newer one.
    var isDiskFull: Bool
    /// Trials that the store has at this moment.
    var stored: Int

    /// 3 s: a coordinator writes one each second. One that has many workers may take up to half a minute.
    private static let usual = 3.0, longest = 30.0

    var text: String {
        let since = "as of \(NumberText.thousandths(seconds)) s ago"
        if isDiskFull, seconds > Self.usual {
            return "\(since): the disk is full, so nothing newer was written and nothing is leased; the store has \(stored) trials"
        }
        guard seconds > Self.longest else { return since }
        return "\(since): nothing newer was written, so its coordinator is stopped or cannot write here; the store has \(stored) trials"
    }
}
