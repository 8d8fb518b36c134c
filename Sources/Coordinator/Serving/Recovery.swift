// Recovery.swift · Coordinator/Serving, between a Journal and the Scheduler. What earlier starts of the coordinator have left: trials that
// are done, and everything that is known of those that are not.

internal import Vocabulary

/// What a journal has of the trials of a grid.
struct Recovery: Equatable {
    /// Whether each trial has a result, be it a failure, by grid index.
    var stored: [Bool]
    /// Those of them that are failures, which a late result still replaces.
    var failed: Set<Int> = []
    var counts = TrialCounts()
    /// Test losses by epoch of stored baselines, by grid index; only of groups that have trials left.
    var baselines: [Int: [Int: Double]] = [:]
    /// Mean compute time of the stored trials; nil where none says.
    var secondsPerTrial: Double?
    /// Checkpoints of trials that have no result.
    var checkpoints: [CheckpointMark] = []
    /// How many workers were lost while they computed a trial that has no result, by grid index.
    var crashes: [Int: Int] = [:]
    /// Trials that had to be computed again to compare bits, and were not.
    var verifications: [Verification] = []
    /// Those that were found to compute wrong bits. Their workers may still be running.
    var distrusted: Set<Witness> = []

    init(_ journal: borrowing some Journal & ~Copyable, _ grid: Grid, audit: Audit = Audit(share: 0, lanes: 1)) throws(StoreError) {
        stored = []
        try readOutcomes(journal, grid)
        try readBaselines(journal, grid)
        checkpoints = try journal.checkpointMarks().sorted { $0.key < $1.key }
        for (key, count) in try journal.crashes() { if let index = grid.index(of: key), !stored[index] { crashes[index] = count } }
        distrusted = try journal.distrustedWitnesses()
        try findVerifications(journal, grid, audit)
    }

    private mutating func readOutcomes(_ journal: borrowing some Journal & ~Copyable, _ grid: Grid) throws(StoreError) {
        var stored = [Bool](repeating: false, count: grid.count)
        var failed: Set<Int> = []
        var counts = TrialCounts(), seconds = 0.0, timed = 0
        try journal.forEachOutcome { key, outcome, time in
            guard let index = grid.index(of: key) else { return }
            stored[index] = true
            if outcome == "failed" { failed.insert(index) }
            counts.count(name: outcome)
            // A row of an earlier release may say anything.
            if time > 0 { (seconds, timed) = (seconds + min(time, Limits.secondsPerTrial), timed + 1) }
        }
        (self.stored, self.failed, self.counts) = (stored, failed, counts)
        secondsPerTrial = timed == 0 ? nil : seconds / Double(timed)
    }

    private mutating func readBaselines(_ journal: borrowing some Journal & ~Copyable, _ grid: Grid) throws(StoreError) {
        for group in grid.groups where group.trials.contains(where: { !stored[$0] }) {
            for index in group.trials where stored[index] && !failed.contains(index) && grid.isBaseline(index) {
                guard let result = try journal.result(grid.key(of: index)) else { continue }
                baselines[index] = Dictionary(result.curve.map { ($0.epoch, $0.testLoss) }) { first, _ in first }
            }
        }
    }

    private mutating func findVerifications(
        _ journal: borrowing some Journal & ~Copyable, _ grid: Grid, _ audit: Audit
    ) throws(StoreError) {
        let compared = try journal.comparedTrials()
        for (key, authors) in try journal.openDisagreements().sorted(by: { $0.key < $1.key }) {
            if let index = grid.index(of: key) { verifications.append(Verification(trials: [index], authors: authors)) }
        }
        for block in audit.blocks(of: grid) where block.allSatisfy({ stored[$0] }) {
            let trials = block.filter { !failed.contains($0) && !compared.contains(grid.key(of: $0)) }
            var authors: [Int: Author] = [:]
            for index in trials { authors[index] = try journal.author(of: grid.key(of: index)) }
            verifications += [Verification](of: trials) { authors[$0] }
        }
    }
}

extension Scheduler {
    /// A scheduler that goes on where earlier starts of the coordinator ended.
    init(_ configuration: Configuration, _ grid: Grid, resuming recovery: Recovery) {
        self.init(
            configuration, grid: grid, stored: { recovery.stored[$0] }, failed: recovery.failed.contains, counts: recovery.counts,
            baselines: recovery.baselines, checkpoints: recovery.checkpoints, crashes: recovery.crashes,
            verifications: recovery.verifications,
            distrusted: recovery.distrusted)
    }
}
