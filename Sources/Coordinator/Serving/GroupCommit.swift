// GroupCommit.swift · Coordinator/Serving, between the Scheduler's deliveries and the store. One transaction for all that came in
// during one turn of the loop. What it gives back are events: `stored` once the disk has them, `storeBlocked` while it takes nothing.

internal import Logging
internal import Wire

struct GroupCommit: ~Copyable {
    private let store: ResultStore
    private var waiting: [Scheduler.Delivery] = []
    /// The newest of each trial, and who waits for an answer.
    private var checkpoints: [TrialKey: (checkpoint: Checkpoint, route: Route)] = [:]
    /// History goes with whatever comes next; nothing waits for it.
    private var records: [LeaseRecord] = []
    /// Set while the store refuses: nothing is tried before it.
    private(set) var retryAt: Instant?

    /// How long a full disk is left alone.
    private static let pause: Duration = .seconds(1)
    /// 1,000: of leases that end without results, so many are not kept in memory.
    private static let mostRecords = 1000

    init(_ store: consuming ResultStore) { self.store = store }

    var isEmpty: Bool { waiting.isEmpty && checkpoints.isEmpty }

    mutating func add(_ delivery: Scheduler.Delivery) { waiting.append(delivery) }

    mutating func add(_ record: LeaseRecord) { records.append(record) }

    mutating func add(_ checkpoint: Checkpoint, from route: Route) {
        guard checkpoint.epoch >= checkpoints[checkpoint.key]?.checkpoint.epoch ?? 0 else { return }
        checkpoints[checkpoint.key] = (checkpoint, route)
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
        do {
            disagreements = try store.put(waiting.map { ($0.results, $0.author) }, checkpoints.values.map(\.checkpoint), records: records)
        } catch {
            guard case .blocked = error else { throw error }
            return block(error, at: now, logger)
        }
        records = []
        // Checkpoints first: what follows may hand out their trials.
        var events = checkpoints.values.map {
            Scheduler.Event.kept(CheckpointMark(key: $0.checkpoint.key, epoch: $0.checkpoint.epoch), from: $0.route)
        }
        if !disagreements.isEmpty { events.append(.disagreed(disagreements)) }
        if !waiting.isEmpty { events.append(.stored(waiting)) }
        waiting = []
        checkpoints = [:]
        guard retryAt != nil else { return events }
        retryAt = nil
        logger.notice("the store takes results again")
        return events + [.storeBlocked(false)]
    }

    private mutating func block(_ error: StoreError, at now: Instant, _ logger: Logger) -> [Scheduler.Event] {
        let isNew = retryAt == nil
        retryAt = now + Self.pause
        guard isNew else { return [] }
        logger.error("\(error): nothing is handed out or acknowledged until it does; workers keep their results")
        return [.storeBlocked(true)]
    }
}
