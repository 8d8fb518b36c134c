// RecoveryTests.swift · Tests/CoordinatorTests. How long a coordinator takes from its start to its first lease on a store that is nearly
// full. REGSWEEP_RECOVERY=1000000 measures it at so many trials; `make recovery` does so, optimized.

import Foundation
import Glibc
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Recovery") struct RecoveryTests {
    private static let count = ProcessInfo.processInfo.environment["REGSWEEP_RECOVERY"].flatMap(Int.init) ?? 2_000

    @Test("a coordinator goes on with a nearly finished sweep where it was, and hands out what is left") func recovery() throws {
        let directory = try StoreDirectory(), left = 10
        // The trials of Figure 4, with so many more replicates: what a key costs depends on how much there is to say of a trial.
        var spec = try SweepSpec.load(path: Checkout.path(of: "Sweeps/figure4.toml"))
        spec.replicates = 1
        spec.replicates = (Self.count + spec.trialCount - 1) / spec.trialCount
        let grid = Grid(spec)
        do {
            let store = try directory.writer()
            let curve = (1...50).map { CurvePoint(epoch: 4 * $0, trainLoss: 1 / Double($0), testLoss: 2 / Double($0)) }
            let author = Author(worker: ada, host: "ada")
            // In order of key: random pages of a large file would take most of the time, and not of what is measured.
            let keys = (0..<grid.count - left).map(grid.key(of:)).sorted()
            for start in stride(from: 0, to: keys.count, by: 20_000) {
                let results = keys[start..<min(start + 20_000, keys.count)].map { key in
                    TrialResult.sample(
                        key, .done(trainLoss: 1, testLoss: 2), epochs: 200, digest: Digest(of: key.bytes), curve: curve, seconds: 0.01)
                }
                _ = try store.put([(results, author: author)])
            }
            _ = try store.beginIncarnation(host: "ada", process: 1)
        }
        let clock = ContinuousClock(), start = clock.now, before = Self.processorTime
        let again = Grid(spec)
        let keyed = clock.now
        let store = try directory.writer()
        let recovery = try Recovery(store, again)
        let read = clock.now
        let configuration = Scheduler.Configuration(
            sweep: "sample", incarnation: try store.beginIncarnation(host: "ada", process: 2), expectedSecondsPerTrial: 1,
            selfTest: Digest(of: "ours"))
        var scheduler = Scheduler(configuration, again, resuming: recovery)
        var effects: [Scheduler.Effect] = []
        let hello = Hello(
            worker: ada, host: "ada", process: 1, slots: 1, selfTest: Digest(of: "ours"), held: [:])
        for message in [Message.hello(hello), .ready(credits: 2)] {
            effects += scheduler.handle(
                .received(Envelope(incarnation: 2, message: message), from: routeA), at: Instant(sinceStart: .seconds(1)))
        }
        let end = clock.now, busy = Self.processorTime - before
        #expect(scheduler.trials.remaining == left)
        #expect(effects.contains { if case .send(let envelope, _) = $0, case .lease = envelope.message { true } else { false } })
        func rounded(_ seconds: Double) -> Double { (seconds * 1000).rounded() / 1000 }
        print(
            "recovery at \(grid.count) trials: \(rounded((end - start).inSeconds)) s (keys \(rounded((keyed - start).inSeconds)), store \(rounded((read - keyed).inSeconds)), scheduler \(rounded((end - read).inSeconds))), \(rounded(busy)) s of processor time"
        )
    }

    @Test("a stored time that no trial takes does not spoil the mean of the others") func oddSeconds() throws {
        let directory = try StoreDirectory(), store = try directory.writer(), grid = Grid(try SweepSpec.small())
        let results = [1e300, 1.7e308, 1.7e308, 1].enumerated().map { index, seconds in
            TrialResult.sample(grid.key(of: index), .diverged, epochs: 1, digest: Digest(of: "\(index)"), seconds: seconds)
        }
        _ = try store.put([(results, author: nil)])
        #expect(try Recovery(store, grid).secondsPerTrial == (3 * Limits.secondsPerTrial + 1) / 4)
    }

    /// Seconds that this process has computed on all cores: what other programs take away is not in it.
    private static var processorTime: Double { Double(Glibc.clock()) / Double(CLOCKS_PER_SEC) }
}
