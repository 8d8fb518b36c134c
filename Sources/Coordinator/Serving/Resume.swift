// Resume.swift · Coordinator/Serving, between the store and the Scheduler. What an earlier run has left: the trials that are done.

internal import Vocabulary

/// What a store has of a grid.
struct Resume {
    var stored: [Bool]
    /// Of the stored ones, those that are failures, which a late result may still replace.
    var failed: Set<Int> = []
    var counts = TrialCounts()
    /// Test losses of baselines of groups that are not finished.
    var baselines: [Int: [Int: Double]] = [:]
    var secondsPerTrial: Double?
    /// Where trials are that have no result.
    var checkpoints: [CheckpointMark] = []
    /// Workers that died over a trial that has no result, by grid index.
    var crashes: [Int: Int] = [:]
    /// What was to be computed again to compare the bits, and was not.
    var checks: [Verification] = []
    /// Workers that were found to compute other bits, and may still be there.
    var condemned: Set<WorkerID> = []

    /// - Parameter audit: which trials are to be checked.
    init(_ store: borrowing ResultStore, _ grid: Grid, audit: Audit = Audit(share: 0, lanes: 1)) throws {
        var stored = [Bool](repeating: false, count: grid.count)
        var failed: Set<Int> = []
        var counts = TrialCounts(), seconds = 0.0, timed = 0
        try store.forEachOutcome { key, outcome, time in
            guard let index = grid.index(of: key) else { return }
            stored[index] = true
            if outcome == "failed" { failed.insert(index) }
            counts.count(name: outcome)
            // A row of an earlier release may say anything.
            if time > 0 { (seconds, timed) = (seconds + min(time, Limits.secondsPerTrial), timed + 1) }
        }
        for group in grid.groups where group.trials.contains(where: { !stored[$0] }) {
            for index in group.trials where stored[index] && !failed.contains(index) && grid.setting(of: index).isBaseline {
                guard let result = try store.result(grid.key(of: index)) else { continue }
                baselines[index] = Dictionary(result.curve.map { ($0.epoch, $0.testLoss) }) { first, _ in first }
            }
        }
        checkpoints = try store.checkpointMarks()
        self.stored = stored
        self.failed = failed
        self.counts = counts
        secondsPerTrial = timed == 0 ? nil : seconds / Double(timed)
        for (key, count) in try store.crashes() { if let index = grid.index(of: key), !stored[index] { crashes[index] = count } }
        condemned = try store.condemnedWorkers()
        try findChecks(store, grid, audit)
    }

    private mutating func findChecks(_ store: borrowing ResultStore, _ grid: Grid, _ audit: Audit) throws {
        let compared = try store.comparedTrials()
        for (key, authors) in try store.openDisagreements().sorted(by: { $0.key < $1.key }) {
            if let index = grid.index(of: key) { checks.append(Verification(trials: [index], authors: authors)) }
        }
        for block in audit.blocks(of: grid) where block.allSatisfy({ stored[$0] }) {
            let trials = block.filter { !failed.contains($0) && !compared.contains(grid.key(of: $0)) }
            guard !trials.isEmpty else { continue }
            checks.append(Verification(trials: trials, authors: Set(try trials.compactMap { try store.author(of: grid.key(of: $0)) })))
        }
    }

    /// A store whose trials were trained under other settings is left alone; a new one learns what it is for.
    static func claim(_ store: borrowing ResultStore, for spec: SweepSpec, _ directory: String) throws {
        let stored = try store.base(), now = spec.base
        try refuseForeign(stored: stored, spec, directory)
        if stored != now { try store.setBase(stored.merging(now) { _, new in new }) }
    }

    /// - Parameter stored: the base of a store.
    static func refuseForeign(stored: [String: String], _ spec: SweepSpec, _ directory: String) throws(SpecErrors) {
        let differences = SweepSpec.differences(stored: stored, now: spec.base)
        guard !differences.isEmpty else { return }
        let message =
            "holds trials of other settings: \(differences.joined(separator: "; ")). Restore them, or name a new directory with --out"
        throw SpecErrors(errors: [SpecError(file: directory, line: nil, message: message)])
    }
}
