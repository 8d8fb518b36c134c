// Journal.swift · Coordinator/Store, between ResultStore and Serving. What a coordinator asks of durable storage, whoever provides it:
// ResultStore with SQLite, on StoreThread while a sweep runs, or the simulation in memory. CommitQueue writes to it, Recovery reads it, and
// neither knows which one it is.

internal import Vocabulary

/// Durable storage of one sweep while it runs. What a call has returned for outlives the process and the power.
///
/// Every call may throw `blocked` while the storage takes or gives nothing (trying again later can help), `underWay` where it has not
/// answered in time, and any other `StoreError` for what waiting cannot mend.
protocol LiveJournal: ~Copyable {
    /// Persists all of this in one step, or nothing of it.
    ///
    /// A result is stored once, however often it comes; a stored failure gives way to a result. Bits that differ from the stored ones
    /// become a conflict (see `Comparison`). A trial with a result keeps no checkpoint, and an older checkpoint does not replace a newer one.
    /// - Parameters:
    ///   - results: with the worker that computed them, where that is known.
    ///   - records: leases that have ended, in the order in which they did.
    /// - Returns: what comparing bits found, each finding once.
    func put(
        _ results: [(results: [TrialResult], author: Author?)], checkpoints: [Checkpoint], records: [LeaseRecord]
    ) throws(StoreError) -> [Disagreement]

    /// What has become of the last call of `put`, which has thrown `underWay`, as that call would have told.
    /// - Throws: `underWay` while that is not known.
    func answer() throws(StoreError) -> [Disagreement]

    /// Waits a few seconds for what is under way.
    func settle()

    /// Looks whether what was written has gone to where people look for it.
    /// - Throws: where somebody has taken the storage away while it was written to.
    func requireInPlace() throws(StoreError)

    /// Nothing happens where there is none.
    func remove(checkpointOf key: TrialKey) throws(StoreError)

    /// - Returns: nil where there is none. A damaged one is returned as it is: `Checkpoint.isIntact` tells.
    func checkpoint(of key: TrialKey) throws(StoreError) -> Checkpoint?
}

/// What is asked of the storage besides, before and after a sweep runs.
protocol Journal: LiveJournal, ~Copyable {
    // MARK: Writing

    /// Removes results that are failures and forgives the deaths of workers, so that the next recovery lets these trials wait again.
    func forgetFailures() throws(StoreError)

    /// Counts this start of a coordinator.
    /// - Returns: 1 for the first start on this storage.
    func beginIncarnation(host: String, process: Int) throws(StoreError) -> UInt64

    // MARK: Reading

    /// The checkpoints of all trials that have one, without their content.
    func checkpointMarks() throws(StoreError) -> [CheckpointMark]

    /// Calls the closure once for each stored trial, in any order, without reading its curve.
    /// - Parameter seconds: compute time of the trial; an old store may hold any number.
    func forEachOutcome(_ body: (TrialKey, _ outcome: String, _ seconds: Double) -> Void) throws(StoreError)

    /// - Returns: the stored result without series and model; nil where there is none.
    func result(_ key: TrialKey) throws(StoreError) -> TrialResult?

    /// - Returns: the worker that computed the stored result; nil where nobody knows.
    func author(of key: TrialKey) throws(StoreError) -> Author?

    /// How many workers were lost while they computed each trial; see `CrashCount`.
    func crashes() throws(StoreError) -> [TrialKey: Int]

    /// Trials whose bits another worker has confirmed, or contradicted, decided or not.
    func comparedTrials() throws(StoreError) -> Set<TrialKey>

    /// Trials with an open conflict, each with all workers that have computed it.
    func openDisagreements() throws(StoreError) -> [TrialKey: Set<Author>]

    /// Those whose bits two others have found to be wrong.
    func distrustedWitnesses() throws(StoreError) -> Set<Witness>
}

/// Counts the workers that were lost while they computed a trial, from the ends of leases.
struct CrashCount {
    private struct Lease: Hashable { var worker: WorkerID, lease: LeaseID }

    /// Trials to blame for the loss of a worker, by the lease that it computed. The last end of a lease counts: a worker that came back had
    /// only been silent.
    private var blamed: [Lease: [TrialKey]] = [:]

    /// Records must be noted in the order in which the leases ended. Ends that are neither a death nor a return from one change nothing.
    mutating func note(_ end: LeaseRecord.End, of lease: LeaseID, worker: WorkerID, trials: @autoclosure () -> [TrialKey]) {
        switch end {
        case .died: blamed[Lease(worker: worker, lease: lease)] = trials()
        case .cameBack: blamed[Lease(worker: worker, lease: lease)] = nil
        case .computed, .lost, .returned, .forgotten, .cancelled: break
        }
    }

    var crashes: [TrialKey: Int] { blamed.values.joined().reduce(into: [:]) { $0[$1, default: 0] += 1 } }
}
