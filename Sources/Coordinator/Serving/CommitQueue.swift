// CommitQueue.swift · Coordinator/Serving, between the Scheduler and a Journal. Collects what has to be persisted and commits all of it in
// one transaction. What follows from a commit are events for the Scheduler, in an order on which the promises of the protocol rest.

internal import Vocabulary
internal import Wire

/// What a coordinator has not persisted yet. Nothing in it is acknowledged before `commit` has returned for it.
struct CommitQueue {
    private var deliveries: [Scheduler.Delivery] = []
    /// The newest checkpoint of each trial.
    private var checkpoints: [TrialKey: Checkpoint] = [:]
    /// Connections to acknowledge after the commit, with the last epoch that each one sent, since a worker keeps no older checkpoint. A
    /// trial and its speculative copy can both be waiting.
    private var senders: [(mark: CheckpointMark, route: Route)] = []
    /// History of leases. It is committed with whatever comes next.
    private var records: [LeaseRecord] = []
    /// Whether the records tell of a death, or take one back: the next start of the coordinator counts deaths, so they are committed even
    /// when nothing else is.
    private var hasBlame = false
    /// Set while the journal refuses: nothing is tried before.
    private(set) var retryAt: Instant?

    /// 1 s: how long a full disk is left alone.
    private static let pause: Duration = .seconds(1)
    /// 1,000: more records of leases that ended without results are not kept in memory.
    private static let mostRecords = 1000

    /// What became of a commit.
    struct Outcome {
        /// Events for the scheduler, to be handled in this order: checkpoints first, since the later events may hand out their trials; then
        /// disagreements, since the trials that they are about are in the deliveries that follow; last, that the journal works again.
        var events: [Scheduler.Event] = []
        var notice: JournalNotice?
    }

    /// Whether nothing waits that must not be lost.
    var isEmpty: Bool { deliveries.isEmpty && checkpoints.isEmpty && !hasBlame }

    mutating func add(_ delivery: Scheduler.Delivery) { deliveries.append(delivery) }

    mutating func add(_ record: LeaseRecord) {
        records.append(record)
        if record.end == .died || record.end == .cameBack { hasBlame = true }
    }

    mutating func add(_ checkpoint: Checkpoint, from route: Route) {
        senders.removeAll { $0.mark.key == checkpoint.key && $0.route == route }
        senders.append((CheckpointMark(key: checkpoint.key, epoch: checkpoint.epoch), route))
        guard checkpoint.epoch >= checkpoints[checkpoint.key]?.epoch ?? 0 else { return }
        checkpoints[checkpoint.key] = checkpoint
    }

    /// Persists everything that waits, or, while the journal refuses, keeps it and tries again a second later.
    /// - Throws: what waiting cannot mend, such as a damaged store.
    mutating func commit(to journal: borrowing some Journal & ~Copyable, at now: Instant) throws(StoreError) -> Outcome {
        guard !isEmpty || records.count > Self.mostRecords, retryAt.map({ now >= $0 }) ?? true else { return Outcome() }
        let disagreements: [Disagreement]
        do { disagreements = try put(into: journal) } catch {
            guard case .blocked(let reason) = error else { throw error }
            defer { retryAt = now + Self.pause }
            return retryAt == nil ? Outcome(events: [.storeBlocked(true)], notice: .blocked(reason: reason)) : Outcome()
        }
        var outcome = Outcome(events: senders.map { .persistedCheckpoint($0.mark, from: $0.route) })
        if !disagreements.isEmpty { outcome.events.append(.disagreed(disagreements)) }
        if !deliveries.isEmpty { outcome.events.append(.persisted(deliveries)) }
        if retryAt != nil {
            outcome.events.append(.storeBlocked(false))
            outcome.notice = .works
        }
        self = CommitQueue()
        return outcome
    }

    /// The last commit of this coordinator, which includes history that nothing else has taken along. Nobody is told of it any more: the
    /// next coordinator recognises what it has when that comes again. A journal that refuses is not tried again; what it does not take is
    /// computed again.
    /// - Throws: what waiting cannot mend.
    mutating func finish(_ journal: borrowing some Journal & ~Copyable) throws(StoreError) {
        guard !isEmpty || !records.isEmpty else { return try journal.requireInPlace() }
        do { _ = try put(into: journal) } catch {
            guard case .blocked = error else { throw error }
            return
        }
        self = CommitQueue()
    }

    private func put(into journal: borrowing some Journal & ~Copyable) throws(StoreError) -> [Disagreement] {
        try journal.put(deliveries.map { ($0.results, $0.author) }, checkpoints: Array(checkpoints.values), records: records)
    }
}

/// What a person may want to know about the journal.
enum JournalNotice: Equatable {
    /// Nothing can be persisted for the moment, and it is tried again every second.
    case blocked(reason: String)
    /// It was blocked, and everything that waited is persisted now.
    case works
    /// The trial's checkpoint did not match its hash and was removed.
    case damagedCheckpoint(TrialKey)
}
