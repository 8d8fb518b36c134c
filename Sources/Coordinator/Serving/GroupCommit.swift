// GroupCommit.swift · Coordinator/Serving, between the Scheduler's deliveries and the store. One transaction for all that came in
// during one turn of the loop. What it gives back are events: `stored` once the disk has them, `storeBlocked` while it takes nothing.

internal import Logging
internal import Wire

struct GroupCommit: ~Copyable {
    private let store: ResultStore
    private var waiting: [Scheduler.Delivery] = []
    /// Set while the store refuses: nothing is tried before it.
    private(set) var retryAt: Instant?

    /// How long a full disk is left alone.
    private static let pause: Duration = .seconds(1)

    init(_ store: consuming ResultStore) { self.store = store }

    var isEmpty: Bool { waiting.isEmpty }

    mutating func add(_ delivery: Scheduler.Delivery) { waiting.append(delivery) }

    /// - Throws: what waiting cannot mend, such as a store that is corrupt.
    mutating func commit(at now: Instant, _ logger: Logger) throws(StoreError) -> [Scheduler.Event] {
        guard !waiting.isEmpty, retryAt.map({ now >= $0 }) ?? true else { return [] }
        let conflicts: [ResultStore.Conflict]
        do { conflicts = try store.put(waiting.map { ($0.results, $0.host) }) } catch {
            guard case .blocked = error else { throw error }
            return block(error, at: now, logger)
        }
        for conflict in conflicts {
            logger.error(
                "trial \(conflict.trial): \(conflict.host) and \(conflict.firstHost) computed different bits; both are in the store's table conflict"
            )
        }
        let stored = waiting
        waiting = []
        guard retryAt != nil else { return [.stored(stored)] }
        retryAt = nil
        logger.notice("the store takes results again")
        return [.stored(stored), .storeBlocked(false)]
    }

    private mutating func block(_ error: StoreError, at now: Instant, _ logger: Logger) -> [Scheduler.Event] {
        let isNew = retryAt == nil
        retryAt = now + Self.pause
        guard isNew else { return [] }
        logger.error("\(error): nothing is handed out or acknowledged until it does; workers keep their results")
        return [.storeBlocked(true)]
    }
}
