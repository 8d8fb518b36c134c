// SimulationTests.swift · Tests/SimulationTests. Clusters that everything happens to, one for each seed.
// REGSWEEP_SEED=17 runs that seed alone and prints every step of it; REGSWEEP_SEEDS=5000 runs so many.

import Dispatch
import Glibc
import Synchronization
import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Simulation") struct SimulationTests {
    /// The one seed that is to run, step by step.
    static let chosen = number("REGSWEEP_SEED")
    static let seeds = chosen.map { [$0] } ?? Array(0..<(number("REGSWEEP_SEEDS") ?? 500)) + found
    /// Seeds that have found something in long runs. What happens under a seed changes with the simulation, so today they are four more
    /// seeds. 3672 found that two machines that compute wrong were both asked about one trial; the others, that a late result asked for a
    /// verification when the sweep was over, and that the worker which came for it was not told to leave.
    private static let found: [UInt64] = [3672, 6162, 11796, 14421]

    private static func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }

    @Test("a sweep ends with the undisturbed results whatever happens to network, workers, disk and coordinator", arguments: seeds)
    func hostile(seed: UInt64) {
        var plan = SimulatedCluster.Plan.hostile(seed: seed)
        plan.isVerbose = Self.chosen != nil
        var cluster = SimulatedCluster(plan)
        cluster.run()
        #expect(
            cluster.failure == nil,
            "replay with: REGSWEEP_SEED=\(seed) swift test --filter 'SimulationTests/hostile'")
    }

    @Test("a thousand seeds are simulated at the rate that `make simulate` prints", .enabled(if: getenv("REGSWEEP_RATE") != nil))
    func rate() {
        let count = Self.seeds.count, clock = ContinuousClock(), total = Mutex(0.0), next = Atomic(0)
        let start = clock.now, before = Self.processorTime
        DispatchQueue.concurrentPerform(iterations: Host.cores) { _ in
            // Each thread takes the next seed when it is free, since clusters take very different times.
            while case let index = next.add(1, ordering: .relaxed).oldValue, index < count {
                var cluster = SimulatedCluster(.hostile(seed: Self.seeds[index]))
                cluster.run()
                #expect(
                    cluster.failure == nil, "replay with: REGSWEEP_SEED=\(Self.seeds[index]) swift test --filter 'SimulationTests/hostile'")
                total.withLock { $0 += cluster.now.sinceStart.inSeconds / 3600 }
            }
        }
        let minutes = (clock.now - start).inSeconds / 60, hours = total.withLock { $0 }
        let busy = (Self.processorTime - before) / 60
        print(
            "\(count) seeds: \(Int(hours)) cluster-hours in \(Int(minutes * 60)) s, \(Int(hours / minutes)) a minute, \(Int(hours / busy)) a minute of one core"
        )
    }

    /// Processor time of this process in seconds.
    private static var processorTime: Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

    @Test("where nothing happens every trial is computed once", arguments: [0, 1, 2] as [UInt64]) func calm(seed: UInt64) {
        var cluster = SimulatedCluster(SimulatedCluster.Plan(seed: seed, isCalm: true, crashLimit: 3))
        cluster.run()
        #expect(cluster.failure == nil)
        #expect(cluster.computed == SampleSweep.short.keys.count)
        #expect(cluster.journal.contents.incarnation == 1)
    }

    @Test("where nothing happens every epoch of a long trial is computed once", arguments: [0, 1, 2] as [UInt64]) func calmAndLong(
        seed: UInt64
    ) {
        var cluster = SimulatedCluster(SimulatedCluster.Plan(seed: seed, isCalm: true, isLong: true, crashLimit: 3))
        cluster.run()
        #expect(cluster.failure == nil)
        #expect(cluster.computed == SampleSweep.long.keys.count)
        #expect(cluster.epochs == SampleSweep.long.keys.count * (SampleSweep.epochs - 1))
        #expect(cluster.journal.contents.checkpoints.isEmpty)
    }

    @Test(
        "somebody with one key and many ids who forges, ends what is others' and hoards costs no result, no worker and no trial",
        arguments: chosen.map { [$0] } ?? Array(0..<120))
    func forged(seed: UInt64) {
        var plan = SimulatedCluster.Plan.forged(seed: seed)
        plan.isVerbose = Self.chosen != nil
        var cluster = SimulatedCluster(plan)
        cluster.run()
        #expect(
            cluster.failure == nil,
            "replay with: REGSWEEP_SEED=\(seed) swift test --filter 'SimulationTests/forged'")
    }

    @Test("where nothing else happens, such a one has no trial set aside", arguments: [0, 1, 2, 3, 4, 5] as [UInt64])
    func forgedAndCalm(seed: UInt64) {
        var plan = SimulatedCluster.Plan(seed: seed, isCalm: true, crashLimit: 3)
        (plan.hasForger, plan.isAudited) = (true, true)
        var cluster = SimulatedCluster(plan)
        cluster.run()
        #expect(cluster.failure == nil)
        #expect(cluster.journal.contents.counts.failed == 0 && cluster.reruns == 0)
    }

    @Test("a trial that kills every worker before it can say a word is set aside, it alone", arguments: [0, 8, 55])
    func poison(index: Int) {
        let key = SampleSweep.short.keys[index]
        var cluster = SimulatedCluster(SimulatedCluster.Plan(seed: 1, isCalm: true, poison: key, crashLimit: 3))
        cluster.run()
        #expect(cluster.failure == nil)
        #expect(cluster.journal.contents.rows[key]?.isFailure == true)
        #expect(cluster.journal.contents.counts.failed == 1)
    }

    @Test(
        "a coordinator, its disk or its host that stands still for longer than every timeout costs no trial a death",
        arguments: 0..<40 as Range<UInt64>)
    func standing(seed: UInt64) {
        var cluster = SimulatedCluster(.standing(seed: seed, [.stoppedCoordinator, .slowDisk, .fullDisk, .clockJump]))
        cluster.run()
        #expect(cluster.failure == nil)
        #expect(cluster.journal.deaths == 0 && cluster.reruns == 0)
        #expect(cluster.journal.contents.incarnation == 1)
    }

    @Test("workers whose hosts sleep are given their trials again, and no trial fails for it", arguments: 0..<40 as Range<UInt64>)
    func sleeping(seed: UInt64) {
        var cluster = SimulatedCluster(.standing(seed: seed, [.sleepingHost, .stoppedCoordinator, .slowDisk, .clockJump]))
        cluster.run()
        #expect(cluster.failure == nil)
        #expect(cluster.journal.contents.counts.failed == 0 && cluster.reruns == 0)
    }

    @Test("a worker that wakes finds its coordinator, however long its host slept", arguments: 0..<40 as Range<UInt64>)
    func waking(seed: UInt64) {
        var cluster = SimulatedCluster(.standing(seed: seed, [.sleepingHost, .clockJump]))
        cluster.run()
        #expect(cluster.failure == nil)
        #expect(cluster.orphans == 0 && cluster.journal.contents.counts.failed == 0 && cluster.reruns == 0)
    }

    @Test("a seed decides everything", arguments: [3, 4, 11] as [UInt64]) func deterministic(seed: UInt64) {
        var runs = (0..<2).map { _ in SimulatedCluster(.hostile(seed: seed)) }
        for index in runs.indices { runs[index].run() }
        #expect(
            runs[0].now == runs[1].now && runs[0].troubles == runs[1].troubles
                && runs[0].journal.contents.rows == runs[1].journal.contents.rows)
        var other = SimulatedCluster(.hostile(seed: seed + 100))
        other.run()
        #expect(other.now != runs[0].now)
    }

    @Test("every kind of trouble happens within 20 seeds") func troubles() {
        var seen: [SimulatedCluster.Trouble: Int] = [:]
        for seed in 0..<20 as Range<UInt64> {
            var cluster = SimulatedCluster(.hostile(seed: seed))
            cluster.run()
            seen.merge(cluster.troubles, uniquingKeysWith: +)
        }
        #expect(SimulatedCluster.Trouble.allCases.filter { seen[$0] == nil } == [])
    }

    @Test(
        "a planted mistake is found within 200 seeds, and named",
        arguments: [
            (.journal(.persistsResultsLate), "is acknowledged, and"), (.journal(.persistsCheckpointsLate), "durable"),
            (.journal(.storesRepeats), "was stored twice with effect"), (.journal(.ignoresOtherBits), "is stored as"),
            (.journal(.losesLastCommit), "was acknowledged and is gone"), (.journal(.losesCheckpoints), "starts anew"),
            (.recoveryForgets(.crashes), "workers were lost over trial"),
            (.recoveryForgets(.distrusted), "was found to compute wrong bits, and is given a lease"),
            (.recoveryForgets(.verifications), "what is left of the sweep does not get done"),
            (.recoveryForgets(.baselines), "lacks the baseline of its group"), (.recoveryForgets(.checkpoints), "starts anew"),
            (.recoveryForgets(.failures), "trials failed, the count says"), (.losesLeases, "the sweep does not end"),
            (.losesRequeues, "the sweep does not end"), (.trustsOtherBuilds, "is stored as"),
        ] as [(SimulatedCluster.Fault, String)])
    func planted(fault: SimulatedCluster.Fault, finding: String) {
        let found = (0..<200 as Range<UInt64>).contains { seed in
            var cluster = SimulatedCluster(.hostile(seed: seed, fault: fault))
            cluster.run()
            return cluster.failure?.contains(finding) == true
        }
        #expect(found)
    }
}
