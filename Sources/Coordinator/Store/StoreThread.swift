// StoreThread.swift · Coordinator/Store, between Coordinator and ResultStore. The store on a thread of its own while a sweep runs: a slow
// disk, or another program that has locked the database, holds up the commit and nothing else.

internal import Vocabulary
internal import Wire

/// A store whose calls take a moment at most: what is not done by then goes on, and the call throws `underWay`.
final class StoreThread: LiveJournal {
    /// The store goes from the thread that has opened it to the other one, and back at the end.
    private final class Owner: @unchecked Sendable {
        // Unchecked: while the thread runs nobody else uses the store.
        let store: ResultStore

        init(_ store: consuming ResultStore) { self.store = store }
    }

    private typealias Answer<Value: Sendable> = Monitor<Result<Value, StoreError>?>

    private let owner: Owner
    private let thread = SerialThread()
    private let patience: Duration
    /// The answer to the last call of `put`.
    private var lastPut: Answer<[Disagreement]>?

    /// 1 s: how long SQLite itself tries to get a lock. The caller tries again anyway, and wants to know the reason before that.
    private static let lockMilliseconds = 1000
    /// 5 s: how long the end of a run waits for the disk.
    private static let lastPatience: Duration = .seconds(5)

    /// - Parameter patience: how long a call takes at most.
    init(_ store: consuming ResultStore, patience: Duration) throws(StoreError) {
        try store.database.execute("PRAGMA busy_timeout = \(Self.lockMilliseconds)")
        owner = Owner(store)
        self.patience = patience
    }

    /// Waits for what is under way, so that the store is closed, and its lock free, when this returns; not for a disk that stands still.
    deinit { settle() }

    func settle() { thread.waitUntilIdle(atMost: Self.lastPatience) }

    private func begin<Value: Sendable>(_ body: @escaping @Sendable (borrowing ResultStore) throws(StoreError) -> Value) -> Answer<Value> {
        let answer = Answer<Value>(nil)
        thread.post { [owner] in
            let result = Result { () throws(StoreError) in try body(owner.store) }
            answer.change { $0 = result }
        }
        return answer
    }

    private func wait<Value: Sendable>(for answer: Answer<Value>, atMost time: Duration) throws(StoreError) -> Value {
        guard let result = answer.wait(atMost: time, { $0 }) else { throw .underWay }
        return try result.get()
    }

    func put(
        _ results: [(results: [TrialResult], author: Author?)], checkpoints: [Checkpoint], records: [LeaseRecord]
    ) throws(StoreError) -> [Disagreement] {
        let put = begin { (store) throws(StoreError) in try store.put(results, checkpoints: checkpoints, records: records) }
        lastPut = put
        return try wait(for: put, atMost: patience)
    }

    func answer() throws(StoreError) -> [Disagreement] {
        guard let lastPut else { preconditionFailure("nothing was put") }
        return try wait(for: lastPut, atMost: .zero)
    }

    /// Waits longer than other calls, since it is asked at the end of a run.
    func requireInPlace() throws(StoreError) {
        try wait(for: begin { (store) throws(StoreError) in try store.requireInPlace() }, atMost: Self.lastPatience)
    }

    func checkpoint(of key: TrialKey) throws(StoreError) -> Checkpoint? {
        try wait(for: begin { (store) throws(StoreError) in try store.checkpoint(of: key) }, atMost: patience)
    }

    func remove(checkpointOf key: TrialKey) throws(StoreError) {
        try wait(for: begin { (store) throws(StoreError) in try store.remove(checkpointOf: key) }, atMost: patience)
    }
}
