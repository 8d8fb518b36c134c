// SimulatedJournal.swift · Tests/SimulationTests. A Journal in memory, with the troubles of a disk and the mistakes that the simulation has
// to find. JournalTests compares it with the one in SQLite.

import Vocabulary
import Wire

@testable import regsweep

/// Durable storage that outlives its coordinator. It decides nothing of its own: which bits are right is decided by `Comparison`, and who
/// was lost over a trial is counted by `CrashCount`, as in `ResultStore`.
final class SimulatedJournal: Journal {
    /// A mistake in the storage.
    enum Fault {
        /// `put` returns before what it was given is durable.
        case persistsResultsLate, persistsCheckpointsLate
        /// A result of a trial that has one replaces it.
        case storesRepeats
        /// Whatever comes second confirms what is there.
        case ignoresOtherBits
        /// A kill of the coordinator undoes the last commit.
        case losesLastCommit
        case losesCheckpoints, damagesCheckpoints
    }

    /// When the coordinator's process is killed in the next commit.
    enum Kill { case beforeCommit, afterCommit }

    struct Contents {
        var rows: [TrialKey: TrialResult] = [:]
        var authors: [TrialKey: Author] = [:]
        var confirmed: Set<TrialKey> = []
        var conflicts: [TrialKey: [Conflict]] = [:]
        var checkpoints: [TrialKey: Checkpoint] = [:]
        var crashCount = CrashCount()
        var incarnation: UInt64 = 0
        /// Outcomes of `rows`.
        var counts = TrialCounts()
        /// Trials of which a result has been written with effect, other than to replace one that was found wrong.
        fileprivate var written: Set<TrialKey> = []
    }

    private(set) var contents = Contents()
    private let fault: Fault?
    /// While it is true every commit is refused.
    var isFull = false
    /// While it is true nothing is answered, and what is put is persisted when it ends.
    var isSlow = false
    /// What was put while it was slow, and is not answered for.
    private var underWay: (results: [(results: [TrialResult], author: Author?)], checkpoints: [Checkpoint], records: [LeaseRecord])?
    /// Where the next commit ends the process. It stays until it has.
    var kill: Kill?
    /// How many commits have succeeded.
    private(set) var commits = 0
    /// How many records of deaths there were.
    private(set) var deaths = 0
    /// What should never happen and did, in words; nil when all is well.
    private(set) var complaint: String?
    /// What `put` was given in its last call, under a fault that persists late.
    private var late: (results: [(results: [TrialResult], author: Author?)], checkpoints: [Checkpoint]) = ([], [])
    private var beforeLastCommit = Contents()

    init(_ fault: Fault? = nil) { self.fault = fault }

    // MARK: Writing

    func put(
        _ results: [(results: [TrialResult], author: Author?)], checkpoints: [Checkpoint], records: [LeaseRecord]
    ) throws(StoreError) -> [Disagreement] {
        guard !isSlow else {
            underWay = (results, checkpoints, records)
            throw .underWay
        }
        guard !isFull else { throw .blocked(reason: "the disk is full") }
        guard kill != .beforeCommit else { throw .unusable(path: "", reason: "killed before the commit") }
        if fault == .losesLastCommit { beforeLastCommit = contents }
        let (results, checkpoints) = delayed(results, checkpoints)
        for checkpoint in checkpoints { put(checkpoint) }
        var found: [Disagreement] = []
        for (results, author) in results {
            for result in results { if let disagreement = put(result, author) { found.append(disagreement) } }
        }
        for record in records {
            contents.crashCount.note(record.end, of: record.lease, worker: record.worker, trials: record.trials)
        }
        deaths += records.count { $0.end == .died }
        count()
        commits += 1
        guard kill != .afterCommit else { throw .unusable(path: "", reason: "killed after the commit") }
        return found
    }

    func answer() throws(StoreError) -> [Disagreement] {
        guard !isSlow, let (results, checkpoints, records) = underWay else { throw .underWay }
        underWay = nil
        return try put(results, checkpoints: checkpoints, records: records)
    }

    /// The disk wakes up while somebody waits for it.
    func settle() { isSlow = false }

    /// - Returns: what is written now; under a fault that is what the call before was given.
    private func delayed(
        _ results: [(results: [TrialResult], author: Author?)], _ checkpoints: [Checkpoint]
    ) -> ([(results: [TrialResult], author: Author?)], [Checkpoint]) {
        var now = (results, checkpoints)
        if fault == .persistsResultsLate { swap(&now.0, &late.results) }
        if fault == .persistsCheckpointsLate { swap(&now.1, &late.checkpoints) }
        return now
    }

    private func put(_ checkpoint: Checkpoint) {
        guard contents.rows[checkpoint.key]?.isFailure ?? true else { return }
        if checkpoint.epoch > contents.checkpoints[checkpoint.key]?.epoch ?? 0 { contents.checkpoints[checkpoint.key] = checkpoint }
    }

    private func put(_ result: TrialResult, _ author: Author?) -> Disagreement? {
        let key = result.key
        guard let old = contents.rows[key], fault != .storesRepeats, !old.isFailure || result.isFailure else {
            write(result, author)
            if !result.isFailure, !contents.written.insert(key).inserted { complaint = "trial \(key) was stored twice with effect" }
            return nil
        }
        guard var digest = result.digest, let first = old.digest else { return nil }
        if fault == .ignoresOtherBits { digest = first }
        let new = ComputedBits(digest: digest, author: author), stored = ComputedBits(digest: first, author: contents.authors[key])
        let evidence = (contents.conflicts[key] ?? []).map {
            Comparison.Evidence(digest: $0.bits.digest, author: $0.bits.author, isOpen: $0.verdict == .open)
        }
        let finding = Comparison.finding(new, stored: stored, evidence: evidence)
        for change in Comparison.changes(for: finding, new, stored: stored) {
            switch change {
            case .confirm: contents.confirmed.insert(key)
            case .add(let conflict): contents.conflicts[key, default: []].append(conflict)
            case .replaceResult: write(result, author)
            case .decide(let verdict):
                guard let count = contents.conflicts[key]?.count else { break }
                for index in 0..<count where contents.conflicts[key]![index].verdict == .open {
                    contents.conflicts[key]![index].verdict = verdict
                }
            }
        }
        return finding.disagreement(on: key, new, stored: stored)
    }

    private func write(_ result: TrialResult, _ author: Author?) {
        contents.rows[result.key] = result
        contents.authors[result.key] = author
        if !result.isFailure { contents.checkpoints[result.key] = nil }
    }

    /// Anew after every commit: it is the measure of what the scheduler keeps count of step by step.
    private func count() {
        contents.counts = TrialCounts()
        for row in contents.rows.values { contents.counts.count(row.outcome) }
    }

    func remove(checkpointOf key: TrialKey) {
        contents.checkpoints[key] = nil
        complaint = "the checkpoint of \(key) is removed as damaged or refused, and all of them are right"
    }

    func forgetFailures() {
        for (key, row) in contents.rows where row.isFailure { (contents.rows[key], contents.authors[key]) = (nil, nil) }
        contents.crashCount = CrashCount()
        count()
    }

    func beginIncarnation(host: String, process: Int) -> UInt64 {
        contents.incarnation += 1
        return contents.incarnation
    }

    /// Nobody can take the memory away.
    func requireInPlace() {}

    /// The coordinator's process has ended, of itself or not.
    func endProcess() {
        (kill, underWay) = (nil, nil)
        late = ([], [])
        guard fault == .losesLastCommit else { return }
        beforeLastCommit.incarnation = contents.incarnation
        contents = beforeLastCommit
    }

    // MARK: Reading

    func checkpoint(of key: TrialKey) throws(StoreError) -> Checkpoint? {
        guard !isSlow else { throw .underWay }
        guard fault != .losesCheckpoints else { return nil }
        if contents.checkpoints[key] == nil { complaint = "trial \(key) is to go on from a checkpoint that is not durable" }
        guard let stored = contents.checkpoints[key], fault == .damagesCheckpoints else { return contents.checkpoints[key] }
        return Checkpoint(key: key, epoch: stored.epoch, digest: stored.digest, content: stored.content + [0])
    }

    func checkpointMarks() -> [CheckpointMark] { contents.checkpoints.values.map { CheckpointMark(key: $0.key, epoch: $0.epoch) } }

    func forEachOutcome(_ body: (TrialKey, _ outcome: String, _ seconds: Double) -> Void) {
        for (key, row) in contents.rows { body(key, row.outcome.name, row.seconds) }
    }

    func result(_ key: TrialKey) -> TrialResult? { contents.rows[key] }

    func author(of key: TrialKey) -> Author? { contents.authors[key] }

    func crashes() -> [TrialKey: Int] { contents.crashCount.crashes }

    func comparedTrials() -> Set<TrialKey> { contents.confirmed.union(contents.conflicts.keys) }

    func openDisagreements() -> [TrialKey: Set<Author>] {
        contents.conflicts.compactMapValues { conflicts in
            let open = conflicts.filter { $0.verdict == .open }
            return open.isEmpty ? nil : open.reduce(into: []) { $0.formUnion($1.authors) }
        }
    }

    func distrustedWitnesses() -> Set<Witness> {
        Set(contents.conflicts.values.joined().filter(\.verdict.distrustsAuthor).compactMap(\.bits.author?.witness))
    }
}

extension SimulatedJournal {
    /// Trials of which three workers have three results: nobody can tell which is right, and all three are named.
    func isUnsettled(_ key: TrialKey) -> Bool { contents.conflicts[key]?.contains { $0.verdict == .allDiffer } == true }

    /// Stored trials whose bits differ and of which nobody has decided; where all trials are to be verified, also those that were not.
    func unverifiedTrials(ofAll areAllAudited: Bool) -> [TrialKey] {
        let open = contents.conflicts.filter { $0.value.contains { $0.verdict == .open } }.map(\.key)
        guard areAllAudited else { return open }
        let compared = comparedTrials()
        return open + contents.rows.filter { !$0.value.isFailure && !compared.contains($0.key) }.map(\.key)
    }
}
