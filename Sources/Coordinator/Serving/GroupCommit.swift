// GroupCommit.swift · Coordinator/Serving, between the Scheduler's deliveries and the store. One transaction for all that came in
// during one turn of the loop. What it gives back are events: `persisted` once the disk has them, `storeBlocked` while it takes nothing.

internal import Logging
internal import Vocabulary
internal import Wire

struct GroupCommit: ~Copyable {
    private let store: ResultStore
    private var waiting: [Scheduler.Delivery] = []
    /// The newest of each trial.
    private var checkpoints: [TrialKey: Checkpoint] = [:]
    /// Who waits for an answer, and to which epoch: of each connection the last that it said, since a worker holds on to no other. A trial
    /// and its copy are two.
    private var askers: [TrialKey: [Route: Int]] = [:]
    /// History goes with whatever comes next; nothing waits for it, except for a death that the next start counts, or counts no more.
    private var records: [LeaseRecord] = []
    private var hasBlame = false
    /// Set while the store refuses: nothing is tried before it.
    private(set) var retryAt: Instant?

    /// How long a full disk is left alone.
    private static let pause: Duration = .seconds(1)
    /// 1,000: of leases that end without results, so many are not kept in memory.
    private static let mostRecords = 1000

    init(_ store: consuming ResultStore) { self.store = store }

    /// Nothing is left that has to be committed.
    var isEmpty: Bool { waiting.isEmpty && checkpoints.isEmpty && !hasBlame }

    mutating func add(_ delivery: Scheduler.Delivery) { waiting.append(delivery) }

    mutating func add(_ record: LeaseRecord) {
        records.append(record)
        if record.end == .died || record.end == .cameBack { hasBlame = true }
    }

    mutating func add(_ checkpoint: Checkpoint, from route: Route) {
        askers[checkpoint.key, default: [:]][route] = checkpoint.epoch
        guard checkpoint.epoch >= checkpoints[checkpoint.key]?.epoch ?? 0 else { return }
        checkpoints[checkpoint.key] = checkpoint
    }

    /// What the store has; one that is damaged is removed.
    /// - Returns: nil when there is none that a trial can go on from.
    func checkpoint(of key: TrialKey, _ logger: Logger) throws(StoreError) -> Checkpoint? {
        guard let checkpoint = try store.checkpoint(of: key) else { return nil }
        guard !checkpoint.isIntact else { return checkpoint }
        logger.error("the stored checkpoint of trial \(key) does not match its hash: the trial starts from the beginning")
        try store.remove(checkpointOf: key)
        return nil
    }

    func forgetCheckpoint(of key: TrialKey) throws(StoreError) { try store.remove(checkpointOf: key) }

    /// - Throws: what waiting cannot mend, such as a store that is corrupt.
    mutating func commit(at now: Instant, _ logger: Logger) throws(StoreError) -> [Scheduler.Event] {
        guard !isEmpty || records.count > Self.mostRecords, retryAt.map({ now >= $0 }) ?? true else { return [] }
        let disagreements: [Disagreement]
        do { disagreements = try put() } catch {
            guard case .blocked = error else { throw error }
            return block(error, at: now, logger)
        }
        // Checkpoints first: what follows may hand out their trials.
        var events = askers.sorted { $0.key < $1.key }.flatMap { key, routes in
            routes.map { Scheduler.Event.persistedCheckpoint(CheckpointMark(key: key, epoch: $0.value), from: $0.key) }
        }
        if !disagreements.isEmpty { events.append(.disagreed(disagreements)) }
        if !waiting.isEmpty { events.append(.persisted(waiting)) }
        forget()
        guard retryAt != nil else { return events }
        retryAt = nil
        logger.notice("the store takes results again")
        return events + [.storeBlocked(false)]
    }

    /// The last commit, with the history that nothing has taken along. Nobody is answered any more: what the store has by now it recognises
    /// when it comes again. While the store is blocked it is tried once, and what it does not take is computed again.
    /// - Throws: what waiting cannot mend.
    mutating func finish() throws(StoreError) {
        guard !isEmpty || !records.isEmpty else { return }
        do { _ = try put() } catch {
            guard case .blocked = error else { throw error }
            return
        }
        forget()
    }

    private func put() throws(StoreError) -> [Disagreement] {
        try store.put(waiting.map { ($0.results, $0.author) }, Array(checkpoints.values), records: records)
    }

    private mutating func forget() {
        waiting = []
        checkpoints = [:]
        askers = [:]
        records = []
        hasBlame = false
    }

    private mutating func block(_ error: StoreError, at now: Instant, _ logger: Logger) -> [Scheduler.Event] {
        let isNew = retryAt == nil
        retryAt = now + Self.pause
        guard isNew else { return [] }
        logger.error("\(error): nothing is handed out or acknowledged until it does; workers keep their results")
        return [.storeBlocked(true)]
    }
}
