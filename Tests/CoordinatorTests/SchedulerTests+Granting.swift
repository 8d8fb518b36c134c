// SchedulerTests+Granting.swift · Tests/CoordinatorTests. Which worker is given which trials, in which order and how many.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Scheduler: handing out") struct SchedulerGrantTests {
    @Test("a worker gets leases up to its credits and none beyond, each of one group, the baseline first") func credits() {
        var driver = SchedulerDriver()
        // Group 0 is trials 0 to 4, group 1 is 5 to 9.
        #expect(
            driver.join(ada, at: routeA, credits: 2) == [
                driver.lease(driver.id(1), [0, 1, 2, 3], to: routeA), driver.lease(driver.id(2), [5, 6], to: routeA),
            ])
        #expect(driver.hear(.ready(credits: 2), from: routeA) == [])
        #expect(driver.handle(.tick) == [])
        // The baselines of both groups are being computed, so the first group in order has to do.
        #expect(driver.hear(.ready(credits: 3), from: routeA) == [driver.lease(driver.id(3), [4], to: routeA)])
        let results = driver.hear(driver.batch(1, of: driver.id(3), [driver.result(4)]), from: routeA)
        #expect(
            results == [driver.persist([driver.result(4)], by: ada, batch: 1, to: routeA), driver.lease(driver.id(4), [7, 8], to: routeA)])
        #expect(driver.hear(.ready(credits: 0), from: routeA) == [])
    }

    @Test("a group whose baseline is known comes with its losses, and goes before one whose baseline is being computed")
    func baselines() {
        var driver = SchedulerDriver()
        _ = driver.join(ada, at: routeA, credits: 1)
        let results = driver.hear(driver.batch(1, of: driver.id(1), (0..<4).map { driver.result($0) }), from: routeA)
        // The baseline of group 0 has arrived and is not durable yet.
        #expect(results.last == driver.lease(driver.id(2), [5, 6], to: routeA))
        #expect(driver.commit(results) == [driver.acknowledged(1, to: routeA)])
        #expect(driver.hear(.ready(credits: 2), from: routeA) == [driver.lease(driver.id(3), [4], baseline: 0, to: routeA)])
    }

    @Test(
        "a lease takes about its duration in whole vectors of 16 lanes, at most 4096 trials and half of a slot's share of what waits",
        arguments: [
            // seconds per trial, trials, slots → trials of the first lease
            (0.01, 1000, 1, 96), (0.001, 1000, 1, 496), (0.001, 1000, 8, 48), (0.001, 1000, 100, 16), (1e-5, 10_000, 1, 4096),
            (0.0001, 10, 1, 10), (0.1, 1000, 1, 10), (5, 1000, 1, 1), (0.1, 10, 4, 1), (0, 1000, 1, 496),
        ])
    func size(seconds: Double, trials: Int, slots: Int, expected: Int) {
        var driver = SchedulerDriver(groups: 1, settings: trials, lanes: 16, secondsPerTrial: seconds)
        let effects = driver.join(ada, at: routeA, credits: 1, slots: slots)
        #expect(effects == [driver.lease(driver.id(1), Array(0..<expected), to: routeA)])
    }

    @Test(
        "no lease has more trials than fit into a frame, neither a first one nor one of a worker that turned out to be fast",
        arguments: [
            // trials that fit, lanes → trials of a lease
            (1, 16, 1), (5, 16, 5), (16, 16, 16), (31, 16, 16), (40, 16, 32), (40, 1, 40), (4096, 16, 4096),
        ])
    func frames(limit: Int, lanes: Int, expected: Int) {
        var driver = SchedulerDriver(groups: 1, settings: 50_000, lanes: lanes, trialsPerLease: limit, secondsPerTrial: 0)
        #expect(driver.join(ada, at: routeA, credits: 1).count == 1)
        for number in 1...3 as ClosedRange<UInt32> {
            let trials = driver.scheduler.leases[driver.id(number)]?.trials ?? []
            // By time it would have 10⁹ trials, by share half of what waits.
            #expect(trials.count == expected, "lease \(number)")
            _ = driver.hear(
                driver.batch(UInt64(number), of: driver.id(number), trials.map { driver.result($0, seconds: 1e-9) }), from: routeA)
        }
    }

    @Test(
        "as many results of the landscape go into a lease as half a frame has room for series, and at least one",
        arguments: [
            // what is recorded, epochs → trials of a lease
            ("trajectory", 200, 610), ("variability", 200, 323), ("variability", 16_383, 3),
        ])
    func recorded(record: String, epochs: Int, expected: Int) {
        func configuration(_ record: String, _ epochs: Int) -> Configuration {
            Configuration(["record": .text(record), "epochs": .integer(epochs)])
        }
        let declaration = ProblemDeclaration.landscape, values = configuration(record, epochs)
        #expect(declaration.trialsPerLease(configuration("losses", 1_000_000)) == Limits.trialsPerLease)
        #expect(declaration.trialsPerLease(values) == expected)
        let bytes = declaration.recordedSeries(values).reduce(0) { sum, series in
            switch series.length {
            case .path: sum + 8 * (epochs + 1)
            case .fixed(let count): sum + 8 * count
            case .curve: sum + 8 * CurveRule.points
            }
        }
        #expect(expected * bytes <= Limits.frameBytes / 2)
        #expect((expected + 1) * bytes > Limits.frameBytes / 2)
        // Whatever a problem declares, a lease has a trial, and none has more than a message may list.
        var other = declaration
        other.series = [SeriesDeclaration(.gap, .fixed(Limits.frameBytes / 8), [.trajectory, .variability])]
        #expect(other.trialsPerLease(values) == 1)
        other.series = []
        #expect(other.trialsPerLease(values) == Limits.trialsPerLease)
    }

    @Test("the size of a worker's leases follows the mean of old and new times of its own results, and of no other worker's")
    func learning() {
        var driver = SchedulerDriver(groups: 1, settings: 1000, lanes: 1, secondsPerTrial: 0.1)
        #expect(driver.join(ada, at: routeA, credits: 1) == [driver.lease(driver.id(1), Array(0..<10), to: routeA)])
        _ = driver.hear(driver.batch(1, of: driver.id(1), (0..<10).map { driver.result($0, seconds: 0.25) }), from: routeA)
        #expect(driver.scheduler.leases[driver.id(2)]?.trials == Array(10..<14))
        _ = driver.hear(driver.batch(2, of: driver.id(2), (10..<14).map { driver.result($0, seconds: 0.75) }), from: routeA)
        #expect(driver.scheduler.leases[driver.id(3)]?.trials == [14, 15])
        #expect(driver.join(bob, at: routeB, credits: 1) == [driver.lease(driver.id(4), Array(16..<26), to: routeB)])
    }

    @Test("while the store takes nothing no leases are given out; afterwards the worker with the fewest leases for its slots comes first")
    func blocked() {
        var driver = SchedulerDriver(groups: 9, settings: 1)
        #expect(driver.handle(.storeBlocked(true)) == [])
        #expect(driver.join(bob, at: routeB, credits: 3, slots: 2) == [])
        #expect(driver.join(ada, at: routeA, credits: 2, slots: 1) == [])
        #expect(driver.handle(.tick) == [])
        // Leases for each slot: both none, bob ½, ada 1, bob 1; ada's id breaks ties.
        #expect(
            driver.handle(.storeBlocked(false)) == [
                driver.lease(driver.id(1), [0], to: routeA), driver.lease(driver.id(2), [1], to: routeB),
                driver.lease(driver.id(3), [2], to: routeB),
                driver.lease(driver.id(4), [3], to: routeA), driver.lease(driver.id(5), [4], to: routeB),
            ])
    }

    @Test("after a drain no leases are given out, every worker is told once, and the sweep is over when they have left") func drain() {
        var driver = SchedulerDriver()
        _ = driver.join(bob, at: routeB, credits: 1)
        _ = driver.join(ada, at: routeA, credits: 0)
        #expect(driver.handle(.drainRequested) == [driver.send(.drain, to: routeA), driver.send(.drain, to: routeB)])
        #expect(driver.handle(.drainRequested) == [])
        #expect(driver.hear(.ready(credits: 9), from: routeA) == [])
        #expect(driver.hear(.cancel(driver.id(1)), from: routeB) == [])
        #expect(!driver.scheduler.isOver)
        for (worker, route) in [(ada, routeA), (bob, routeB)] {
            #expect(
                driver.hear(.goodbye(reason: "drained"), from: route) == [
                    .notice(.left(worker, host: driver.host(worker), reason: "drained"))
                ])
        }
        #expect(driver.scheduler.isOver && !driver.scheduler.isFinished)
    }

    @Test("trials that a worker gives back go first, with the next attempt") func cancel() {
        var driver = SchedulerDriver(groups: 3)
        _ = driver.join(ada, at: routeA, credits: 1)
        // Ada cannot give back the lease of another worker.
        #expect(driver.join(bob, at: routeB, credits: 1) == [driver.lease(driver.id(2), [5, 6], to: routeB)])
        #expect(driver.hear(.cancel(driver.id(2)), from: routeA) == [])
        _ = driver.hear(.ready(credits: 0), from: routeA)
        #expect(driver.hear(.cancel(driver.id(1)), from: routeA) == [])
        #expect(driver.scheduler.trials.queue.all == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14])
        #expect(driver.hear(.ready(credits: 2), from: routeB) == [driver.lease(driver.id(3), [0, 1], attempt: 2, to: routeB)])
    }

    @Test("the leases of a worker that says Goodbye go to the others, and no trial is blamed") func goodbye() {
        var driver = SchedulerDriver(groups: 1, settings: 2, crashLimit: 1)
        _ = driver.join(ada, at: routeA, credits: 1)
        _ = driver.hear(.progress(driver.id(1), []), from: routeA)
        _ = driver.join(bob, at: routeB, credits: 1)
        #expect(
            driver.hear(.goodbye(reason: "drained"), from: routeA) == [
                .notice(.left(ada, host: "ada", reason: "drained")), driver.lease(driver.id(2), [0, 1], attempt: 2, to: routeB),
            ])
        #expect(driver.hear(.goodbye(reason: "drained"), from: routeA) == [])
    }
}

@Suite("WaitingTrials") struct WaitingTrialsTests {
    @Test("trials go in order, those that come back go first, and each group is handed out by its lowest index") func order() {
        var waiting = WaitingTrials([0..<3, 3..<6, 6..<9], isWaiting: (0..<9).map { $0 != 1 && !(3..<6).contains($0) })
        #expect(waiting.all == [0, 2, 6, 7, 8])
        #expect(waiting.nextGroup(among: 2) { $0 == 2 } == 2)
        #expect(waiting.nextGroup(among: 1) { $0 == 2 } == 0)
        #expect(waiting.first(5, in: 0) == [0, 2])
        #expect(waiting.first(5, in: 2, while: { $0 != 7 }) == [6])
        #expect(waiting.first(5, in: 2, skipping: { $0 == 7 }) == [6, 8])
        waiting.remove([0, 2], from: 0)
        waiting.remove([7], from: 2)
        #expect(waiting.all == [6, 8])
        waiting.put(back: [4, 5], to: 1)
        waiting.put(back: [7], to: 2)
        #expect(waiting.all == [6, 7, 8, 4, 5])
        waiting.put(back: [3], to: 1)
        #expect(waiting.all == [3, 4, 5, 6, 7, 8])
        #expect((waiting.count, waiting.count(in: 1), waiting.count(in: 0)) == (6, 3, 0))
        waiting.remove([3, 4, 5], from: 1)
        waiting.remove([6, 7, 8], from: 2)
        #expect(waiting.isEmpty && waiting.nextGroup(among: 8) { _ in true } == nil)
    }

    @Test("a million trials go out 16 at a time, and every lease once comes back", .timeLimit(.minutes(1)), arguments: [1, 16, 1_000_000])
    func million(groupSize: Int) {
        let count = 1_000_000
        var waiting = WaitingTrials(
            stride(from: 0, to: count, by: groupSize).map { $0..<$0 + groupSize }, isWaiting: Array(repeating: true, count: count))
        var taken = 0
        while let group = waiting.nextGroup(among: 8, where: { _ in true }) {
            let trials = waiting.first(16, in: group)
            waiting.remove(trials, from: group)
            waiting.put(back: trials, to: group)
            waiting.remove(trials, from: group)
            taken += trials.count
        }
        #expect(taken == count)
    }
}
