// SchedulerTests+Results.swift · Tests/CoordinatorTests. Results that arrive once, late, twice, in parts or from strangers, and the end of a sweep.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Scheduler: taking in") struct SchedulerResultTests {
    @Test("results are acknowledged when they are durable and not before; a repeat changes nothing and is acknowledged again")
    func acknowledge() {
        var driver = SchedulerDriver(groups: 1, settings: 4)
        _ = driver.join(ada, at: routeA, credits: 1)
        let results = [driver.result(0), driver.result(1)], message = driver.batch(1, of: driver.id(1), results)
        let first = driver.hear(message, from: routeA)
        let stored = driver.persist(results, by: ada, batch: 1, to: routeA)
        #expect(first == [stored, driver.lease(driver.id(2), [2, 3], to: routeA)])
        let second = driver.hear(message, from: routeA)
        #expect(second == [stored])
        #expect(driver.scheduler.trials.counts == TrialCounts())
        #expect(driver.commit(first) == [driver.acknowledged(1, to: routeA)])
        let counts = TrialCounts(done: 2)
        #expect(driver.scheduler.trials.counts == counts && driver.scheduler.trials.remaining == 2)
        #expect(driver.commit(second) == [driver.acknowledged(1, to: routeA)])
        #expect(driver.scheduler.trials.counts == counts && driver.scheduler.trials.remaining == 2)
    }

    @Test("when all is stored every worker is told once to drain, and one that joins later is welcomed and told to drain") func finish() {
        var driver = SchedulerDriver(groups: 1, settings: 2)
        _ = driver.join(ada, at: routeA, credits: 1)
        _ = driver.join(bob, at: routeB, credits: 1)
        let results = driver.hear(driver.batch(1, of: driver.id(1), [driver.result(0), driver.result(1)]), from: routeA)
        #expect(
            driver.commit(results) == [
                driver.acknowledged(1, to: routeA), driver.send(.drain, to: routeA), driver.send(.drain, to: routeB),
            ])
        #expect(driver.scheduler.isFinished && !driver.scheduler.isOver)
        _ = driver.hear(.goodbye(reason: "drained"), from: routeA)
        _ = driver.hear(.goodbye(reason: "drained"), from: routeB)
        #expect(driver.scheduler.isOver)
        #expect(
            driver.hear(.hello(driver.hello(ada, held: [driver.id(9): driver.keys([1])])), from: routeC) == [
                driver.welcome(to: routeC), .notice(.joined(ada, host: "ada", slots: 1)), driver.send(.drain, to: routeC),
            ])
        #expect(
            driver.commit(driver.hear(driver.batch(2, of: driver.id(9), [driver.result(1)]), from: routeC)) == [
                driver.acknowledged(2, to: routeC)
            ])
    }

    @Test("late results of a lost worker are taken and acknowledged, and whoever computes them now is told to stop")
    func late() {
        var driver = SchedulerDriver(groups: 1, settings: 4)
        _ = driver.join(ada, at: routeA, credits: 1)
        _ = driver.wait(seconds: 6)
        #expect(driver.join(bob, at: routeB, credits: 2, slots: 2) == [driver.lease(driver.id(2), [0, 1], attempt: 2, to: routeB)])
        let results = [driver.result(0), driver.result(1)]
        let late = driver.hear(driver.batch(1, of: driver.id(1), results), from: routeA)
        #expect(
            late == [
                driver.persist(results, by: ada, batch: 1, to: routeA), driver.send(.cancel(driver.id(2)), to: routeB),
                driver.send(.introduce, to: routeA), driver.lease(driver.id(3), [2, 3], to: routeB),
            ])
        #expect(driver.scheduler.workers[bob]?.leases == [driver.id(3)])
        #expect(driver.commit(late) == [driver.acknowledged(1, to: routeA)])
        // Half of a lease is no reason to stop it.
        #expect(
            driver.hear(driver.batch(2, of: driver.id(1), [driver.result(2)]), from: routeA) == [
                driver.persist([driver.result(2)], by: ada, batch: 2, to: routeA), driver.send(.introduce, to: routeA),
            ])
    }

    @Test("a connection that sends results without a Hello is asked for one, and the worker sends the results again after it")
    func otherRoute() {
        var driver = SchedulerDriver(groups: 1, settings: 4)
        _ = driver.join(ada, at: routeA, credits: 1)
        let results = [driver.result(0), driver.result(1)], message = driver.batch(1, of: driver.id(1), results)
        #expect(driver.hear(message, from: routeB) == [driver.send(.introduce, to: routeB)])
        let held = [driver.id(1): driver.keys([0, 1])]
        #expect(driver.hear(.hello(driver.hello(ada, held: held)), from: routeB) == [driver.welcome(keep: [driver.id(1)], to: routeB)])
        let again = driver.hear(message, from: routeB)
        #expect(again == [driver.persist(results, by: ada, batch: 1, to: routeB)])
        #expect(driver.commit(again) == [driver.acknowledged(1, to: routeB)])
        #expect(driver.hear(.ready(credits: 1), from: routeB) == [driver.lease(driver.id(2), [2, 3], baseline: 0, to: routeB)])
    }

    @Test("what is missing from a lease's results waits again; trials that the sweep does not have are not stored") func parts() {
        var driver = SchedulerDriver(groups: 1, settings: 2)
        _ = driver.join(ada, at: routeA, credits: 1)
        var foreign = driver.result(0)
        foreign.key = TrialKey(high: 0, low: 0)
        let effects = driver.hear(driver.batch(1, of: driver.id(1), [driver.result(0), foreign]), from: routeA)
        #expect(
            effects == [
                driver.persist([driver.result(0)], by: ada, batch: 1, to: routeA),
                .notice(.rejectedResults(ada, host: "ada", count: 1)), driver.lease(driver.id(2), [1], attempt: 2, to: routeA),
            ])
        #expect(driver.commit(effects) == [driver.acknowledged(1, to: routeA)])
        #expect(driver.scheduler.trials.counts == TrialCounts(done: 1))
    }

    @Test("a result takes the place of a stored failure in the counts, and a failure never that of a result", arguments: [false, true])
    func failureThenResult(afterRestart: Bool) {
        var driver =
            afterRestart ? SchedulerDriver(groups: 1, settings: 2, stored: [0], failed: [0]) : SchedulerDriver(groups: 1, settings: 2)
        _ = driver.join(ada, at: routeA, credits: 1)
        if !afterRestart {
            let failure = driver.hear(driver.batch(1, of: driver.id(1), [driver.failure(0)]), from: routeA)
            #expect(driver.commit(failure) == [driver.acknowledged(1, to: routeA)])
        }
        #expect(driver.scheduler.trials.counts == TrialCounts(failed: 1) && driver.scheduler.trials.remaining == 1)
        for (number, result, counts) in [
            (2, driver.failure(0), TrialCounts(failed: 1)), (3, driver.result(0), TrialCounts(done: 1)),
            (4, driver.failure(0), TrialCounts(done: 1)), (5, driver.result(0), TrialCounts(done: 1)),
        ] as [(UInt64, TrialResult, TrialCounts)] {
            let effects = driver.hear(driver.batch(number, of: driver.id(99), [result]), from: routeA)
            #expect(effects == [driver.persist([result], by: ada, batch: number, to: routeA)])
            #expect(driver.commit(effects) == [driver.acknowledged(number, to: routeA)])
            #expect(driver.scheduler.trials.counts == counts && driver.scheduler.trials.remaining == 1)
        }
    }

    @Test("the failure of an older attempt is not final while another one is being computed, and is acknowledged") func outdatedFailure() {
        var driver = SchedulerDriver(groups: 1, settings: 2)
        _ = driver.join(ada, at: routeA, credits: 1)
        let effects = driver.hear(driver.batch(7, of: driver.id(99), [driver.failure(0)]), from: routeA)
        #expect(effects == [driver.persist([], by: ada, batch: 7, to: routeA)])
        #expect(driver.commit(effects) == [driver.acknowledged(7, to: routeA)])
        #expect(driver.scheduler.trialsHeld(by: driver.id(1)) == [0, 1])
    }

    @Test("an acknowledgement does not go to another worker on the same connection, whose batches have the same numbers") func otherWorker()
    {
        var driver = SchedulerDriver(groups: 1, settings: 4)
        _ = driver.join(ada, at: routeA, credits: 1)
        let results = driver.hear(driver.batch(1, of: driver.id(1), [driver.result(0), driver.result(1)]), from: routeA)
        #expect(
            driver.hear(.hello(driver.hello(bob)), from: routeA) == [
                .notice(.left(ada, host: "ada", reason: "another worker speaks on its connection")), driver.welcome(to: routeA),
                .notice(.joined(bob, host: "bob", slots: 1)),
            ])
        #expect(driver.commit(results) == [])
        #expect(driver.scheduler.trials.counts == TrialCounts(done: 2))
        #expect(driver.scheduler.trials.queue.all == [2, 3])
    }
}
