// SchedulerTests+Failures.swift · Tests/CoordinatorTests. Trials that fail on one worker, on all, and workers on which everything fails.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Scheduler: failures") struct SchedulerFailureTests {
    @Test("a trial that failed goes to another worker, and is set aside when all have failed") func elsewhere() {
        var driver = SchedulerDriver(groups: 1, settings: 1)
        _ = driver.join(ada, at: routeA, credits: 1)
        _ = driver.join(bob, at: routeB, credits: 1)
        let first = driver.hear(driver.batch(1, of: driver.id(1), [driver.failure(0)]), from: routeA)
        #expect(first == [driver.persist([], by: ada, batch: 1, to: routeA), driver.lease(driver.id(2), [0], attempt: 2, to: routeB)])
        let second = driver.hear(driver.batch(1, of: driver.id(2), [driver.failure(0)]), from: routeB)
        #expect(second == [driver.persist([driver.failure(0)], by: bob, batch: 1, to: routeB)])
        _ = driver.commit(second)
        #expect(driver.scheduler.trials.counts == TrialCounts(failed: 1))
        #expect(driver.scheduler.failures.failedLeases == [:])
    }

    @Test("a worker that gives everything back as failed is quarantined, and its failures are computed by others") func quarantined() {
        var driver = SchedulerDriver(groups: 8, settings: 2)
        _ = driver.join(ada, at: routeA, credits: 1)
        _ = driver.join(bob, at: routeB, credits: 1)
        var notices: [Scheduler.Effect] = []
        for batch in 1...3 as ClosedRange<UInt64> {
            let (id, lease) = driver.scheduler.leases.byID.first { $0.value.worker == ada }!
            let effects = driver.hear(driver.batch(batch, of: id, lease.trials.map { driver.failure($0) }), from: routeA)
            #expect(effects.first == driver.persist([], by: ada, batch: batch, to: routeA))
            notices += effects.filter { if case .notice = $0 { true } else { false } }
        }
        #expect(
            notices == [.notice(.quarantined(ada, host: "ada", reason: "3 leases failed one after the other where others succeed"))])
        #expect(!driver.scheduler.leases.byID.values.contains { $0.worker == ada })
        #expect(driver.scheduler.trials.queue.count == 14)
        // No other worker is here, so it is given work again.
        _ = driver.hear(.goodbye(reason: "home"), from: routeB)
        #expect(driver.scheduler.leases.byID.values.contains { $0.worker == ada })
    }
}
