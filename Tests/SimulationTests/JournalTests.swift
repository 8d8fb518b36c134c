// JournalTests.swift · Tests/SimulationTests. The journal of the simulation beside the one that ships: the same calls have the same answers,
// so what the simulation finds out about a coordinator is true of one with SQLite below it.

import Foundation
import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Journals in memory and in SQLite") struct JournalTests {
    private let grid = SampleSweep.short.grid

    /// What a coordinator may put in one commit, by chance.
    private struct Commit {
        var results: [(results: [TrialResult], author: Author?)] = []
        var checkpoints: [Checkpoint] = []
        var records: [LeaseRecord] = []

        init(_ dice: inout Dice, _ keys: [TrialKey]) {
            for _ in 0..<dice.number(0...3) {
                let number = dice.number(1...4), isNamed = dice.chance(perThousand: 900)
                let author = Author(worker: WorkerID(high: UInt64(number), low: 0), host: "host\(number % 2)")
                results.append(
                    (
                        (0..<dice.number(1...4)).map { _ in Self.result(of: keys[dice.number(0...keys.count - 1)], &dice) },
                        isNamed ? author : nil
                    )
                )
            }
            for _ in 0..<dice.number(0...2) {
                checkpoints.append(SampleSweep.checkpoint(of: keys[dice.number(0...keys.count - 1)], epoch: dice.number(1...9)))
            }
            let ends: [LeaseRecord.End] = [.computed, .died, .cameBack, .lost, .returned]
            for _ in 0..<dice.number(0...2) {
                let first = dice.number(0...keys.count - 3)
                records.append(
                    LeaseRecord(
                        incarnation: 1, lease: LeaseID(incarnation: 1, number: UInt32(dice.number(1...6))),
                        worker: WorkerID(high: UInt64(dice.number(1...2)), low: 0), host: "host", trials: Array(keys[first..<first + 2]),
                        since: Instant(sinceStart: .zero), until: Instant(sinceStart: .seconds(1)), end: ends[dice.number(0...4)]))
            }
        }

        /// The right one most of the time, or one of two wrong ones, or a failure.
        private static func result(of key: TrialKey, _ dice: inout Dice) -> TrialResult {
            let result = SampleSweep.result(of: key, attempt: dice.number(1...9), seconds: Double(dice.number(0...8)) / 4)
            switch dice.number(0...9) {
            case 0, 1: return SampleSweep.corrupted(result, by: dice.number(1...2))
            case 2: return SampleSweep.failure(of: LeasedTrial(key: key, attempt: 1, setting: SampleSweep.short.grid.setting(of: 0)))
            default: return result
            }
        }
    }

    @Test("have the same answers to the same calls, and let the same be recovered", arguments: 0..<12 as Range<UInt64>)
    func same(seed: UInt64) throws {
        let directory = ResultsDirectory(FileManager.default.temporaryDirectory.path + "/regsweep-journal-\(UInt64.random(in: 0 ... .max))")
        try directory.create()
        defer { try? FileManager.default.removeItem(atPath: directory.path) }
        let store = try directory.openForWriting(), memory = SimulatedJournal()
        let audit = Audit(share: 1, lanes: 2)
        // Few trials, so that bits are compared often; they are of whole groups.
        let keys = Array(SampleSweep.short.keys.prefix(2 * SampleSweep.settings))
        var dice = Dice(seed: seed)
        for _ in 0..<40 {
            let commit = Commit(&dice, keys)
            let found = try store.put(commit.results, checkpoints: commit.checkpoints, records: commit.records)
            #expect(try memory.put(commit.results, checkpoints: commit.checkpoints, records: commit.records) == found)
            if dice.chance(perThousand: 30) {
                try store.forgetFailures()
                memory.forgetFailures()
            }
            #expect(try Recovery(store, grid, audit: audit) == Recovery(memory, grid, audit: audit))
        }
        for key in keys {
            #expect(try store.result(key) == memory.result(key) && store.author(of: key) == memory.author(of: key))
            #expect(try store.checkpoint(of: key) == memory.contents.checkpoints[key])
        }
        #expect(try store.comparedTrials() == memory.comparedTrials() && store.openDisagreements() == memory.openDisagreements())
        for incarnation in 1...2 as ClosedRange<UInt64> {
            #expect(try store.beginIncarnation(host: "a", process: 1) == incarnation)
            #expect(memory.beginIncarnation(host: "a", process: 1) == incarnation)
        }
    }
}
