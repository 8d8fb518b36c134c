// GroupCommit.swift · Coordinator/Serving, between the Scheduler's deliveries and the store. One transaction for all that came in
// during one turn of the loop. What it gives back are events: `stored` once the disk has them, `storeBlocked` while it takes nothing.

internal import Logging
internal import Wire

struct GroupCommit: ~Copyable {
    private let store: ResultStore
    private var waiting: [Scheduler.Delivery] = []
    /// History goes with whatever comes next; nothing waits for it.
    private var records: [LeaseRecord] = []
    /// Set while the store refuses: nothing is tried before it.
    private(set) var retryAt: Instant?

    /// How long a full disk is left alone.
    private static let pause: Duration = .seconds(1)
    /// 1,000: of leases that end without results, so many are not kept in memory.
    private static let mostRecords = 1000

    init(_ store: consuming ResultStore) { self.store = store }

    var isEmpty: Bool { waiting.isEmpty }

    mutating func add(_ delivery: Scheduler.Delivery) { waiting.append(delivery) }

    mutating func add(_ record: LeaseRecord) { records.append(record) }

    /// - Throws: what waiting cannot mend, such as a store that is corrupt.
    mutating func commit(at now: Instant, _ logger: Logger) throws(StoreError) -> [Scheduler.Event] {
        guard !waiting.isEmpty || records.count > Self.mostRecords, retryAt.map({ now >= $0 }) ?? true else { return [] }
        let disagreements: [Disagreement]
        do { disagreements = try store.put(waiting.map { ($0.results, $0.author) }, records: records) } catch {
            guard case .blocked = error else { throw error }
            return block(error, at: now, logger)
        }
        records = []
        let stored = waiting
        waiting = []
        let events = (disagreements.isEmpty ? [] : [Scheduler.Event.disagreed(disagreements)]) + [.stored(stored)]
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
