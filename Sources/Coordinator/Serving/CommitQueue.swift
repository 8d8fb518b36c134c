// CommitQueue.swift · Coordinator/Serving, between the Scheduler and a Journal. Collects what has to be persisted and commits all of it in
// one transaction. What follows from a commit are events for the Scheduler, in an order on which the promises of the protocol rest.

internal import Vocabulary
internal import Wire

/// What a coordinator has not persisted yet. Nothing in it is acknowledged before `commit` has returned for it.
struct CommitQueue {
    /// What is persisted in one transaction.
    private struct Batch {
        var deliveries: [Scheduler.Delivery] = []
        /// The newest checkpoint of each trial.
        var checkpoints: [TrialKey: Checkpoint] = [:]
        /// Connections to acknowledge after the commit, with the last epoch that each one sent, since a worker keeps no older checkpoint. A
        /// trial and its speculative copy can both be waiting.
        var senders: [(mark: CheckpointMark, route: Route)] = []
        /// History of leases. It is committed with whatever comes next.
        var records: [LeaseRecord] = []
        /// Whether the records tell of a death, or take one back: the next start of the coordinator counts deaths, so they are committed
        /// even when nothing else is.
        var hasBlame = false

        /// Whether nothing is in it that must not be lost.
        var isEmpty: Bool { deliveries.isEmpty && checkpoints.isEmpty && !hasBlame }

        mutating func add(_ record: LeaseRecord) {
            records.append(record)
            if record.end == .died || record.end == .cameBack { hasBlame = true }
        }

        mutating func add(_ checkpoint: Checkpoint, from route: Route) {
            senders.removeAll { $0.mark.key == checkpoint.key && $0.route == route }
            senders.append((CheckpointMark(key: checkpoint.key, epoch: checkpoint.epoch), route))
            add(checkpoint)
        }

        private mutating func add(_ checkpoint: Checkpoint) {
            guard checkpoint.epoch >= checkpoints[checkpoint.key]?.epoch ?? 0 else { return }
            checkpoints[checkpoint.key] = checkpoint
        }

        /// Adds what came later.
        mutating func append(_ later: Batch) {
            deliveries += later.deliveries
            for checkpoint in later.checkpoints.values { add(checkpoint) }
            for sender in later.senders {
                senders.removeAll { $0.mark.key == sender.mark.key && $0.route == sender.route }
                senders.append(sender)
            }
            records += later.records
            hasBlame = hasBlame || later.hasBlame
        }
    }

    private var waiting = Batch()
    /// What the journal was given and has not answered for, and since when.
    private var underWay: (batch: Batch, since: Instant)?
    /// Whether the scheduler was told that nothing can be persisted, and whether a person was.
    private var isBlocked = false, isSaid = false
    /// Set while the journal refuses, or does not answer: nothing is tried before.
    private(set) var retryAt: Instant?

    /// 1 s: how long a full disk is left alone.
    private static let pause: Duration = .seconds(1)
    /// 20 ms: how soon an answer that was not there in time is looked for again.
    private static let glance: Duration = .milliseconds(20)
    /// 2 s: a disk that has not answered for so long counts as one that refuses. A slow one answers sooner, and nobody is told.
    static let lateness: Duration = .seconds(2)
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
    var isEmpty: Bool { waiting.isEmpty && underWay == nil }

    mutating func add(_ delivery: Scheduler.Delivery) { waiting.deliveries.append(delivery) }

    mutating func add(_ record: LeaseRecord) { waiting.add(record) }

    mutating func add(_ checkpoint: Checkpoint, from route: Route) { waiting.add(checkpoint, from: route) }

    /// The journal did not give something in time: it is left alone for a while.
    /// - Returns: what the scheduler has to know.
    mutating func pause(at now: Instant) -> Scheduler.Event {
        isBlocked = true
        retryAt = now + Self.pause
        return .storeBlocked(true)
    }

    /// Persists everything that waits, or, while the journal refuses, keeps it and tries again a second later. Of a journal that does not
    /// answer in time it looks for the answer at each call, and what has come meanwhile waits for the next commit.
    /// - Throws: what waiting cannot mend, such as a damaged store.
    mutating func commit(to journal: borrowing some LiveJournal & ~Copyable, at now: Instant) throws(StoreError) -> Outcome {
        guard !isEmpty || waiting.records.count > Self.mostRecords || isBlocked, retryAt.map({ now >= $0 }) ?? true else {
            return Outcome()
        }
        // It was only slow to give something, and that was a while ago.
        guard !isEmpty || waiting.records.count > Self.mostRecords else { return worksAgain(after: Outcome()) }
        let disagreements: [Disagreement]
        do { disagreements = try underWay == nil ? put(into: journal) : journal.answer() } catch { return try refused(error, at: now) }
        let done = underWay?.batch ?? waiting
        if underWay == nil { waiting = Batch() }
        underWay = nil
        var outcome = Outcome(events: done.senders.map { .persistedCheckpoint($0.mark, from: $0.route) })
        if !disagreements.isEmpty { outcome.events.append(.disagreed(disagreements)) }
        if !done.deliveries.isEmpty { outcome.events.append(.persisted(done.deliveries)) }
        outcome = worksAgain(after: outcome)
        // What came while the journal was busy is next.
        if !waiting.isEmpty { retryAt = now }
        return outcome
    }

    private mutating func worksAgain(after outcome: Outcome) -> Outcome {
        var outcome = outcome
        if isBlocked { outcome.events.append(.storeBlocked(false)) }
        if isSaid { outcome.notice = .works }
        (isBlocked, isSaid, retryAt) = (false, false, nil)
        return outcome
    }

    /// The journal has not taken what it was given.
    private mutating func refused(_ error: StoreError, at now: Instant) throws(StoreError) -> Outcome {
        let notice: JournalNotice?
        switch error {
        case .underWay:
            if underWay == nil {
                underWay = (waiting, now)
                waiting = Batch()
            }
            retryAt = now + Self.glance
            notice = now - underWay!.since >= Self.lateness ? .late : nil
        case .blocked(let reason):
            takeBack()
            retryAt = now + Self.pause
            notice = .blocked(reason: reason)
        default:
            takeBack()
            throw error
        }
        guard notice != nil, !isSaid else { return Outcome() }
        defer { (isBlocked, isSaid) = (true, true) }
        return Outcome(events: isBlocked ? [] : [.storeBlocked(true)], notice: notice)
    }

    /// What was under way waits again, before what has come since.
    private mutating func takeBack() {
        guard var batch = underWay?.batch else { return }
        batch.append(waiting)
        waiting = batch
        underWay = nil
    }

    /// The last commit of this coordinator, which includes history that nothing else has taken along. Nobody is told of it any more: the
    /// next coordinator recognises what it has when that comes again. A journal that refuses is not tried again, and one that does not
    /// answer is waited for a few seconds; what it does not take is computed again.
    /// - Throws: what waiting cannot mend.
    mutating func finish(_ journal: borrowing some LiveJournal & ~Copyable) throws(StoreError) {
        if underWay != nil {
            guard try hasSettled(journal) else { return }
            underWay = nil
        }
        guard !isEmpty || !waiting.records.isEmpty else {
            do { try journal.requireInPlace() } catch { if error != .underWay { throw error } }
            return
        }
        do { _ = try put(into: journal) } catch {
            switch error {
            case .blocked: return
            case .underWay: guard try hasSettled(journal) else { return }
            default: throw error
            }
        }
        self = CommitQueue()
    }

    /// Waits for what is under way.
    /// - Returns: whether it is persisted.
    private func hasSettled(_ journal: borrowing some LiveJournal & ~Copyable) throws(StoreError) -> Bool {
        journal.settle()
        do { _ = try journal.answer() } catch {
            switch error {
            case .blocked, .underWay: return false
            default: throw error
            }
        }
        return true
    }

    private func put(into journal: borrowing some LiveJournal & ~Copyable) throws(StoreError) -> [Disagreement] {
        try journal.put(
            waiting.deliveries.map { ($0.results, $0.author) }, checkpoints: Array(waiting.checkpoints.values), records: waiting.records)
    }
}

/// What a person may want to know about the journal.
enum JournalNotice: Equatable {
    /// Nothing can be persisted for the moment, and it is tried again every second.
    case blocked(reason: String)
    /// The journal has not answered for `CommitQueue.lateness`.
    case late
    /// It was blocked, and everything that waited is persisted now.
    case works
    /// The trial's checkpoint did not match its hash and was removed.
    case damagedCheckpoint(TrialKey)
}
