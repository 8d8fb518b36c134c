// TrialExplanation.swift · Coordinator/Commands, used by StatusCommand. What `regsweep explain` prints about one trial, from facts of the store
// and the snapshot: why it waits, where it runs, or what became of it.

internal import Vocabulary

struct TrialExplanation {
    var key: TrialKey
    var result: TrialResult?
    /// Who computed the result; nil where the store does not say.
    var author: Author?
    /// Whether the store has a checkpoint of it.
    var hasCheckpoint: Bool
    /// Nil while no coordinator has the store.
    var snapshot: Snapshot?
    /// A line for each lease of it that has ended.
    var attempts: [String]
    /// A line where workers did not agree on its bits.
    var disagreements: [String]

    /// One fact a line.
    var text: String {
        var lines = ["trial \(key)"]
        if let result { lines.append(line(result)) } else if leases.isEmpty { lines.append(whyItWaits) }
        lines += leases.map(line)
        if let history { lines.append("attempts: \(history.attempts); workers lost: \(history.crashes); failures: \(history.failures)") }
        if !attempts.isEmpty { lines.append("history:") }
        lines += attempts.map { "  \($0)" }
        return (lines + disagreements).joined(separator: "\n")
    }

    /// Those that have it now. The snapshot is a little older than the store: of a trial with a result, only verifications count.
    private var leases: [Snapshot.Lease] {
        snapshot?.leases.filter { $0.trials.contains("\(key)") && (result == nil || $0.purpose == .verification) } ?? []
    }

    private var history: Snapshot.History? { snapshot?.histories["\(key)"] }

    private func line(_ result: TrialResult) -> String {
        let worker = author.map { " by worker \($0.worker) on \($0.host)" } ?? ""
        guard case .failed(let reason) = result.outcome else {
            return "stored as \(result.outcome.name), attempt \(result.attempt), \(result.epochs) epochs\(worker)"
        }
        return "stored as failed\(worker): \(reason); run it again with regsweep run FILE --retry failed"
    }

    private func line(_ lease: Snapshot.Lease) -> String {
        let host = snapshot?.workers.first { $0.id == lease.worker }?.host ?? "?"
        let why =
            switch lease.purpose {
            case .own: ""
            case .copy: ", beside another lease that takes long"
            case .verification: ", again, to compare the bits"
            }
        return """
            \(lease.hasBegun ? "runs" : "is queued or beginning") on worker \(lease.worker) on \(host) \
            for \(NumberText.thousandths(lease.seconds)) s, lease \(lease.id)\(why)
            """
    }

    /// For a trial without result and lease.
    private var whyItWaits: String {
        // Store and snapshot name only those trials that something has happened to.
        let isKnown = history != nil || hasCheckpoint || !attempts.isEmpty
        let condition = isKnown ? "" : ", if the sweep has such a trial"
        guard let now = snapshot else { return "has no result, and no coordinator is running: regsweep run trains it\(condition)" }
        return "waits\(condition): " + reason(now)
    }

    private func reason(_ now: Snapshot) -> String {
        if now.isDraining { return "the coordinator is draining and leases nothing" }
        if now.isStoreBlocked { return "the store cannot be written, so nothing is leased" }
        if now.workers.isEmpty { return "no worker is connected" }
        if let history, history.crashes > 0 {
            return "it is leased only to a worker that has nothing else, since \(history.crashes) were lost over it"
        }
        if let history, history.failures > 0 { return "it needs another worker than the \(history.failures) that failed at it" }
        let workers =
            now.workers.count == 1
            ? "the one worker has as many leases as it" : "all \(now.workers.count) workers have as many leases as they"
        return "\(now.waiting) trials do, and \(workers) asked for"
    }
}
