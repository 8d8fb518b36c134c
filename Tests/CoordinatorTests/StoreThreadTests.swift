// StoreThreadTests.swift · Tests/CoordinatorTests. The store on a thread of its own, beside another program that has locked the database:
// real files and SQLite.

import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Store thread") struct StoreThreadTests {
    private let folder: TemporaryFolder
    private let key = TrialKey(high: 1, low: 2)

    init() throws { folder = try TemporaryFolder() }

    private var path: String { folder.path + "/store.sqlite" }

    private func thread(_ patience: Duration) throws -> StoreThread {
        let store = try ResultStore(writing: path, holder: "test")
        return try StoreThread(store, patience: patience)
    }

    private var results: [(results: [TrialResult], author: Author?)] {
        [([TrialResult.sample(key, .diverged, epochs: 3, digest: Digest(of: "bits"))], nil)]
    }

    /// Asks until there is an answer.
    private func answer(of thread: StoreThread) throws -> [Disagreement] {
        thread.settle()
        return try thread.answer()
    }

    @Test("what is put and answered in time is in the store, and its lock is free once the thread is let go") func inTime() throws {
        let checkpoint = Checkpoint(key: TrialKey(high: 3, low: 4), epoch: 5, content: [5])
        do {
            let thread = try thread(.seconds(300))
            #expect(try thread.put(results, checkpoints: [checkpoint], records: []) == [])
            #expect(try thread.checkpoint(of: checkpoint.key) == checkpoint)
            try thread.remove(checkpointOf: checkpoint.key)
            #expect(try thread.checkpoint(of: checkpoint.key) == nil)
        }
        let next = try ResultStore(writing: path, holder: "next")
        #expect(try next.result(key) != nil)
    }

    @Test("another program that has locked the database makes no call wait: its reason comes later, and what is put after that is stored")
    func locked() throws {
        let thread = try thread(.milliseconds(10))
        let other = try Database(path)
        try other.execute("BEGIN IMMEDIATE")
        #expect(throws: StoreError.underWay) { try thread.put(results, checkpoints: [], records: []) }
        // Behind the other call.
        #expect(throws: StoreError.underWay) { try thread.checkpoint(of: key) }
        #expect(throws: StoreError.blocked(reason: StoreError.lockReason)) { try answer(of: thread) }
        try other.execute("COMMIT")
        do { _ = try thread.put(results, checkpoints: [], records: []) } catch StoreError.underWay { _ = try answer(of: thread) }
        let store = try ResultStore(reading: path)
        #expect(try store.result(key) != nil)
    }

    @Test("what is under way when the thread is let go is stored all the same") func letGo() throws {
        do {
            let thread = try thread(.zero)
            #expect(throws: StoreError.underWay) { try thread.put(results, checkpoints: [], records: []) }
        }
        let store = try ResultStore(reading: path)
        #expect(try store.result(key) != nil)
    }
}
