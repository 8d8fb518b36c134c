// CommitQueueTests.swift · Tests/SimulationTests. What a commit brings, and in which order, over a journal in memory.

import Testing
import Vocabulary
import Wire

@testable import regsweep

/// Trials and workers of the tests beside this one.
enum Sample {
    static let keys = SampleSweep.short.keys
    static let ada = Author(worker: WorkerID(high: 1, low: 1), host: "ada"), bob = Author(worker: WorkerID(high: 2, low: 1), host: "bob")
    static let routeA = Route([1]), routeB = Route([2])

    static func result(_ index: Int) -> TrialResult { SampleSweep.result(of: keys[index], attempt: 1, seconds: 1) }

    static func failure(_ index: Int) -> TrialResult {
        SampleSweep.failure(of: LeasedTrial(key: keys[index], attempt: 1, setting: SampleSweep.short.grid.setting(of: index)))
    }

    static func delivery(_ results: [TrialResult], by author: Author = ada, batch: UInt64 = 1) -> Scheduler.Delivery {
        Scheduler.Delivery(results: results, author: author, acknowledge: (BatchID(rawValue: batch), to: routeA))
    }

    static func record(_ end: LeaseRecord.End, number: UInt32 = 1, _ indices: [Int]) -> LeaseRecord {
        LeaseRecord(
            incarnation: 1, lease: LeaseID(incarnation: 1, number: number), worker: ada.worker, host: ada.host,
            trials: indices.map { keys[$0] }, since: Instant(sinceStart: .zero), until: Instant(sinceStart: .seconds(1)), end: end)
    }
}

@Suite("Commit queue") struct CommitQueueTests {
    private let journal = SimulatedJournal()
    private let start = Instant(sinceStart: .seconds(1))

    /// Events as short words, in their order.
    private func words(_ events: [Scheduler.Event]) -> [String] {
        events.map { event in
            switch event {
            case .persistedCheckpoint(let mark, _): "checkpoint \(mark.epoch)"
            case .disagreed(let disagreements): "disagreed \(disagreements.count)"
            case .persisted(let deliveries): "persisted \(deliveries.count)"
            case .storeBlocked(let isBlocked): isBlocked ? "blocked" : "unblocked"
            default: "\(event)"
            }
        }
    }

    @Test("what follows a commit comes in this order: checkpoints, disagreements, results; and nothing follows an empty one") func order()
        throws
    {
        _ = try journal.put([([Sample.result(0)], Sample.bob)], checkpoints: [], records: [])
        var queue = CommitQueue()
        #expect(queue.isEmpty)
        queue.add(Sample.delivery([SampleSweep.corrupted(Sample.result(0), by: 1)]))
        queue.add(Sample.delivery([Sample.result(1)], batch: 2))
        queue.add(SampleSweep.checkpoint(of: Sample.keys[2], epoch: 5), from: Sample.routeB)
        #expect(!queue.isEmpty)
        let outcome = try queue.commit(to: journal, at: start)
        #expect(words(outcome.events) == ["checkpoint 5", "disagreed 1", "persisted 2"] && outcome.notice == nil)
        #expect(journal.contents.rows.count == 2 && journal.contents.checkpoints.count == 1)
        #expect(queue.isEmpty && journal.commits == 2)
        #expect(try words(queue.commit(to: journal, at: start).events) == [] && journal.commits == 2)
    }

    @Test("a journal that refuses is tried again a second later, is said to be blocked once, and then takes everything that has come")
    func blocked()
        throws
    {
        var queue = CommitQueue()
        queue.add(Sample.delivery([Sample.result(0)]))
        journal.isFull = true
        let refused = try queue.commit(to: journal, at: start)
        #expect(words(refused.events) == ["blocked"] && refused.notice == .blocked(reason: "the disk is full"))
        #expect(queue.retryAt == start + .seconds(1) && !queue.isEmpty)
        queue.add(Sample.delivery([Sample.result(1)], batch: 2))
        let again = try queue.commit(to: journal, at: start + .seconds(1))
        #expect(words(again.events) == [] && again.notice == nil && queue.retryAt == start + .seconds(2))
        journal.isFull = false
        #expect(try words(queue.commit(to: journal, at: start + .milliseconds(1999)).events) == [])
        let taken = try queue.commit(to: journal, at: start + .seconds(2))
        #expect(words(taken.events) == ["persisted 2", "unblocked"] && taken.notice == .works)
        #expect(queue.retryAt == nil && queue.isEmpty && journal.contents.rows.count == 2)
    }

    @Test("a journal that has not answered is asked for its answer, and what has come meanwhile is in the next commit") func slow() throws {
        var queue = CommitQueue()
        queue.add(Sample.delivery([Sample.result(0)]))
        journal.isSlow = true
        #expect(try words(queue.commit(to: journal, at: start).events) == [])
        #expect(!queue.isEmpty && journal.commits == 0)
        queue.add(Sample.delivery([Sample.result(1)], batch: 2))
        let next = try #require(queue.retryAt)
        #expect(next > start && next <= start + .milliseconds(100))
        #expect(try words(queue.commit(to: journal, at: next).events) == [])
        journal.isSlow = false
        let answered = try queue.commit(to: journal, at: next + .milliseconds(100))
        #expect(words(answered.events) == ["persisted 1"] && answered.notice == nil && journal.contents.rows.count == 1)
        #expect(queue.retryAt == next + .milliseconds(100) && !queue.isEmpty)
        #expect(try words(queue.commit(to: journal, at: next + .milliseconds(100)).events) == ["persisted 1"])
        #expect(queue.isEmpty && queue.retryAt == nil && journal.contents.rows.count == 2)
    }

    @Test("after two seconds without an answer that is said once, and nothing more is handed out until it comes") func late() throws {
        var queue = CommitQueue()
        queue.add(Sample.delivery([Sample.result(0)]))
        journal.isSlow = true
        #expect(try queue.commit(to: journal, at: start).events.isEmpty)
        #expect(try queue.commit(to: journal, at: start + .milliseconds(1999)).events.isEmpty)
        let late = try queue.commit(to: journal, at: start + .milliseconds(2020))
        #expect(words(late.events) == ["blocked"] && late.notice == .late)
        let later = try queue.commit(to: journal, at: start + .seconds(40))
        #expect(later.events.isEmpty && later.notice == nil)
        journal.isSlow = false
        let answered = try queue.commit(to: journal, at: start + .seconds(41))
        #expect(words(answered.events) == ["persisted 1", "unblocked"] && answered.notice == .works && queue.isEmpty)
    }

    @Test("what a slow journal refuses in the end waits again, before what has come since") func refusedLate() throws {
        var queue = CommitQueue()
        queue.add(Sample.delivery([Sample.result(0)]))
        queue.add(SampleSweep.checkpoint(of: Sample.keys[2], epoch: 5), from: Sample.routeB)
        journal.isSlow = true
        _ = try queue.commit(to: journal, at: start)
        queue.add(Sample.delivery([Sample.result(1)], batch: 2))
        queue.add(SampleSweep.checkpoint(of: Sample.keys[2], epoch: 6), from: Sample.routeB)
        (journal.isSlow, journal.isFull) = (false, true)
        let refused = try queue.commit(to: journal, at: start + .seconds(1))
        #expect(words(refused.events) == ["blocked"] && refused.notice == .blocked(reason: "the disk is full"))
        journal.isFull = false
        let taken = try queue.commit(to: journal, at: start + .seconds(2))
        #expect(words(taken.events) == ["checkpoint 6", "persisted 2", "unblocked"] && queue.isEmpty)
        #expect(journal.contents.rows.count == 2 && journal.contents.checkpoints[Sample.keys[2]]?.epoch == 6)
    }

    @Test("the end waits for a journal that has not answered, and takes along what has come since") func finishSlow() throws {
        var queue = CommitQueue()
        queue.add(Sample.delivery([Sample.result(0)]))
        journal.isSlow = true
        _ = try queue.commit(to: journal, at: start)
        queue.add(Sample.record(.returned, [1]))
        try queue.finish(journal)
        #expect(queue.isEmpty && journal.contents.rows.count == 1 && journal.commits == 2)
    }

    @Test("an error that waiting cannot mend ends the commit and keeps everything") func broken() throws {
        var queue = CommitQueue()
        queue.add(Sample.delivery([Sample.result(0)]))
        journal.kill = .beforeCommit
        #expect(throws: StoreError.self) { _ = try queue.commit(to: journal, at: start) }
        #expect(!queue.isEmpty && queue.retryAt == nil)
    }

    @Test("deaths, and returns from them, are committed alone; other history waits for company or for a thousand of its kind")
    func history()
        throws
    {
        var queue = CommitQueue()
        func commits(after record: LeaseRecord) throws -> Bool {
            let before = journal.commits
            queue.add(record)
            _ = try queue.commit(to: journal, at: start)
            return journal.commits > before
        }
        #expect(try !commits(after: Sample.record(.lost, [0])))
        #expect(try commits(after: Sample.record(.died, [0])) && journal.crashes() == [Sample.keys[0]: 1])
        #expect(try commits(after: Sample.record(.cameBack, [0])) && journal.crashes() == [:])
        for _ in 0..<1000 { queue.add(Sample.record(.returned, [0])) }
        #expect(queue.isEmpty)
        #expect(try commits(after: Sample.record(.returned, [0])))
    }

    @Test("the last commit takes what nothing else has taken along, and a full disk is no error then") func finish() throws {
        var queue = CommitQueue()
        try queue.finish(journal)
        #expect(journal.commits == 0)
        queue.add(Sample.record(.returned, [0]))
        queue.add(Sample.delivery([Sample.result(0)]))
        journal.isFull = true
        try queue.finish(journal)
        #expect(!queue.isEmpty && journal.commits == 0)
        journal.isFull = false
        try queue.finish(journal)
        #expect(queue.isEmpty && journal.commits == 1 && journal.contents.rows.count == 1)
    }
}
