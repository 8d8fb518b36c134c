// RecoveryTests.swift · Tests/SimulationTests. What a coordinator recovers from a journal in memory, and how its scheduler goes on with it.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Recovery from a journal") struct JournalRecoveryTests {
    private let journal = SimulatedJournal()
    private let grid = SampleSweep.short.grid
    private let audit = Audit(share: 1, lanes: 2)

    private func put(
        _ results: [TrialResult], by author: Author = Sample.ada, checkpoints: [Checkpoint] = [], records: [LeaseRecord] = []
    ) throws {
        _ = try journal.put([(results, author)], checkpoints: checkpoints, records: records)
    }

    private func recovery(audit: Audit? = nil) throws -> Recovery { try Recovery(journal, grid, audit: audit ?? Audit(share: 0, lanes: 1)) }

    @Test("an empty journal leaves every trial to do, and nothing besides") func empty() throws {
        let recovery = try recovery(audit: audit)
        #expect(recovery.stored == Array(repeating: false, count: grid.count) && recovery.counts == TrialCounts())
        #expect(recovery.failed == [] && recovery.baselines == [:] && recovery.secondsPerTrial == nil && recovery.checkpoints == [])
        #expect(recovery.crashes == [:] && recovery.verifications == [] && recovery.distrusted == [])
    }

    @Test("results, failures and their counts are found by the place of their trials; trials of other sweeps are not") func outcomes()
        throws
    {
        var foreign = Sample.result(0)
        foreign.key = TrialKey(high: 1, low: 1)
        try put([Sample.result(3), Sample.result(9), Sample.failure(20), foreign])
        let recovery = try recovery()
        #expect(recovery.stored.indices.filter { recovery.stored[$0] } == [3, 9, 20])
        #expect(recovery.failed == [20] && recovery.counts.failed == 1 && recovery.counts.total == 3)
        #expect(recovery.secondsPerTrial == 1)
    }

    @Test("the curve of a baseline is recovered while its group has trials left, and not that of a failure or of another trial")
    func baselines() throws {
        let size = SampleSweep.settings
        // The second group is complete; the baseline of the third failed.
        try put([Sample.result(0), Sample.result(1)] + (size..<2 * size).map(Sample.result) + [Sample.failure(2 * size)])
        let losses = Dictionary(uniqueKeysWithValues: Sample.result(0).curve.map { ($0.epoch, $0.testLoss) })
        #expect(try recovery().baselines == [0: losses])
    }

    @Test("deaths count against trials that have no result; of a worker that came back they do not") func crashes() throws {
        try put(
            [],
            records: [
                Sample.record(.died, number: 1, [0, 1]), Sample.record(.died, number: 2, [1, 2]), Sample.record(.lost, number: 3, [3]),
            ])
        #expect(try recovery().crashes == [0: 1, 1: 2, 2: 1])
        try put([Sample.result(2)], records: [Sample.record(.cameBack, number: 1, [0, 1])])
        #expect(try recovery().crashes == [1: 1])
        journal.forgetFailures()
        #expect(try recovery().crashes == [:])
    }

    @Test("bits of which nobody has decided, and blocks of an audit that nobody has compared, are verified by others than their authors")
    func verifications() throws {
        try put([Sample.result(0), Sample.result(1)])
        try put([Sample.result(2)])
        try put([Sample.result(4), Sample.failure(5)], by: Sample.bob)
        try put([SampleSweep.corrupted(Sample.result(2), by: 2)], by: Sample.bob)
        try put([Sample.result(1)], by: Sample.bob)
        let third = Verification(trials: [2], authors: [Sample.ada, Sample.bob])
        #expect(try recovery().verifications == [third])
        // Trial 1 was confirmed, 3 has no result, 5 failed.
        #expect(
            try recovery(audit: audit).verifications == [
                third, Verification(trials: [0], authors: [Sample.ada]), Verification(trials: [4], authors: [Sample.bob]),
            ])
    }

    @Test("a worker against which two others agree is distrusted after a restart as well") func distrusted() throws {
        let cyd = Author(worker: WorkerID(high: 3, low: 1), host: "cyd")
        try put([SampleSweep.corrupted(Sample.result(0), by: 1)])
        for author in [Sample.bob, cyd] { try put([Sample.result(0)], by: author) }
        #expect(try recovery().distrusted == [Sample.ada.witness])
    }

    @Test("a scheduler that resumes hands out what has no result, and sets aside at the death that reaches the limit") func resumes() throws
    {
        try put((1..<grid.count).map(Sample.result), records: (1...2).map { Sample.record(.died, number: $0, [0]) })
        let configuration = Scheduler.Configuration(
            sweep: "sample", incarnation: 2, crashLimit: 3, expectedSecondsPerTrial: 1, selfTest: SampleSweep.selfTest)
        var scheduler = Scheduler(configuration, grid, resuming: try recovery())
        #expect(scheduler.trials.remaining == 1 && scheduler.trials.counts == journal.contents.counts)
        let hello = Hello(
            worker: Sample.bob.worker, host: "bob", process: 1, slots: 1, selfTest: SampleSweep.selfTest,
            held: [:])
        for message in [Message.hello(hello), .ready(credits: 1)] {
            _ = scheduler.handle(.received(Envelope(incarnation: 2, message: message), from: Sample.routeB), at: Instant(sinceStart: .zero))
        }
        let effects = scheduler.handle(.exited(process: 1, host: "bob"), at: Instant(sinceStart: .seconds(1)))
        #expect(effects.contains(.notice(.setAside(Sample.keys[0], crashes: 3))))
    }
}
