// SchedulerTests+Results.swift · Tests/CoordinatorTests. What comes in: once, late, twice, in parts, by strange ways, and the end.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Scheduler: taking in") struct SchedulerResultTests {
    @Test("results are acknowledged when the disk has them and not before; a repeat changes nothing and is acknowledged again")
    func acknowledge() {
        var desk = Desk(groups: 1, settings: 4)
        _ = desk.join(ada, at: routeA, credits: 1)
        let results = [desk.result(0), desk.result(1)], message = desk.batch(1, of: desk.id(1), results)
        let first = desk.hear(message, from: routeA)
        let stored = desk.store(results, by: ada, batch: 1, to: routeA)
        #expect(first == [stored, desk.lease(desk.id(2), [2, 3], to: routeA)])
        let second = desk.hear(message, from: routeA)
        #expect(second == [stored])
        #expect(desk.scheduler.counts == Scheduler.Counts())
        #expect(desk.commit(first) == [desk.acknowledged(1, to: routeA)])
        let counts = Scheduler.Counts(done: 2)
        #expect(desk.scheduler.counts == counts && desk.scheduler.remaining == 2)
        #expect(desk.commit(second) == [desk.acknowledged(1, to: routeA)])
        #expect(desk.scheduler.counts == counts && desk.scheduler.remaining == 2)
    }

    @Test("when all is stored every worker is told to go once, and one that comes late is welcomed and told to go") func finish() {
        var desk = Desk(groups: 1, settings: 2)
        _ = desk.join(ada, at: routeA, credits: 1)
        _ = desk.join(bob, at: routeB, credits: 1)
        let results = desk.hear(desk.batch(1, of: desk.id(1), [desk.result(0), desk.result(1)]), from: routeA)
        #expect(desk.commit(results) == [desk.acknowledged(1, to: routeA), desk.send(.drain, to: routeA), desk.send(.drain, to: routeB)])
        #expect(desk.scheduler.isFinished && !desk.scheduler.isOver)
        _ = desk.hear(.goodbye(reason: "drained"), from: routeA)
        _ = desk.hear(.goodbye(reason: "drained"), from: routeB)
        #expect(desk.scheduler.isOver)
        #expect(
            desk.hear(.hello(desk.hello(ada, held: [desk.id(9): desk.keys([1])])), from: routeC) == [
                desk.welcome(to: routeC), .notice(.joined(ada, host: "ada", slots: 1)), desk.send(.drain, to: routeC),
            ])
        #expect(desk.commit(desk.hear(desk.batch(2, of: desk.id(9), [desk.result(1)]), from: routeC)) == [desk.acknowledged(2, to: routeC)])
    }

    @Test("late results of a worker that was given up are taken and acknowledged, and whoever computes them now is told to stop")
    func late() {
        var desk = Desk(groups: 1, settings: 4)
        _ = desk.join(ada, at: routeA, credits: 1)
        _ = desk.wait(seconds: 6)
        #expect(desk.join(bob, at: routeB, credits: 2, slots: 2) == [desk.lease(desk.id(2), [0, 1], attempt: 2, to: routeB)])
        let results = [desk.result(0), desk.result(1)]
        let late = desk.hear(desk.batch(1, of: desk.id(1), results), from: routeA)
        #expect(
            late == [
                desk.store(results, by: ada, batch: 1, to: routeA), desk.send(.cancel(desk.id(2)), to: routeB),
                desk.send(.introduce, to: routeA), desk.lease(desk.id(3), [2, 3], to: routeB),
            ])
        #expect(desk.scheduler.workers[bob]?.leases == [desk.id(3)])
        #expect(desk.commit(late) == [desk.acknowledged(1, to: routeA)])
        // Half of a lease is no reason to stop it.
        #expect(
            desk.hear(desk.batch(2, of: desk.id(1), [desk.result(2)]), from: routeA) == [
                desk.store([desk.result(2)], by: ada, batch: 2, to: routeA), desk.send(.introduce, to: routeA),
            ])
    }

    @Test("results by a connection without a name are asked for their worker, who says them again after its Hello") func otherRoute() {
        var desk = Desk(groups: 1, settings: 4)
        _ = desk.join(ada, at: routeA, credits: 1)
        let results = [desk.result(0), desk.result(1)], message = desk.batch(1, of: desk.id(1), results)
        #expect(desk.hear(message, from: routeB) == [desk.send(.introduce, to: routeB)])
        let held = [desk.id(1): desk.keys([0, 1])]
        #expect(desk.hear(.hello(desk.hello(ada, held: held)), from: routeB) == [desk.welcome(keep: [desk.id(1)], to: routeB)])
        let again = desk.hear(message, from: routeB)
        #expect(again == [desk.store(results, by: ada, batch: 1, to: routeB)])
        #expect(desk.commit(again) == [desk.acknowledged(1, to: routeB)])
        #expect(desk.hear(.ready(credits: 1), from: routeB) == [desk.lease(desk.id(2), [2, 3], baseline: 0, to: routeB)])
    }

    @Test("what is missing from a lease's results waits again; trials of another sweep go to the store and change nothing") func parts() {
        var desk = Desk(groups: 1, settings: 2)
        _ = desk.join(ada, at: routeA, credits: 1)
        var foreign = desk.result(0)
        foreign.key = TrialKey(high: 0, low: 0)
        let effects = desk.hear(desk.batch(1, of: desk.id(1), [desk.result(0), foreign]), from: routeA)
        #expect(
            effects == [
                desk.store([desk.result(0), foreign], by: ada, batch: 1, to: routeA), desk.lease(desk.id(2), [1], attempt: 2, to: routeA),
            ])
        #expect(desk.commit(effects) == [desk.acknowledged(1, to: routeA)])
        #expect(desk.scheduler.counts == Scheduler.Counts(done: 1))
    }

    @Test("a result takes the place of a stored failure in the counts, and a failure never that of a result", arguments: [false, true])
    func failureThenResult(afterRestart: Bool) {
        var desk = afterRestart ? Desk(groups: 1, settings: 2, stored: [0], failed: [0]) : Desk(groups: 1, settings: 2)
        _ = desk.join(ada, at: routeA, credits: 1)
        if !afterRestart {
            let failure = desk.hear(desk.batch(1, of: desk.id(1), [desk.failure(0)]), from: routeA)
            #expect(desk.commit(failure) == [desk.acknowledged(1, to: routeA)])
        }
        #expect(desk.scheduler.counts == Scheduler.Counts(failed: 1) && desk.scheduler.remaining == 1)
        for (number, result, counts) in [
            (2, desk.failure(0), Scheduler.Counts(failed: 1)), (3, desk.result(0), Scheduler.Counts(done: 1)),
            (4, desk.failure(0), Scheduler.Counts(done: 1)), (5, desk.result(0), Scheduler.Counts(done: 1)),
        ] as [(UInt64, TrialResult, Scheduler.Counts)] {
            let effects = desk.hear(desk.batch(number, of: desk.id(99), [result]), from: routeA)
            #expect(effects == [desk.store([result], by: ada, batch: number, to: routeA)])
            #expect(desk.commit(effects) == [desk.acknowledged(number, to: routeA)])
            #expect(desk.scheduler.counts == counts && desk.scheduler.remaining == 1)
        }
    }

    @Test("that an older attempt failed says nothing while another is under way, and is acknowledged") func outdatedFailure() {
        var desk = Desk(groups: 1, settings: 2)
        _ = desk.join(ada, at: routeA, credits: 1)
        let effects = desk.hear(desk.batch(7, of: desk.id(99), [desk.failure(0)]), from: routeA)
        #expect(effects == [desk.store([], by: ada, batch: 7, to: routeA)])
        #expect(desk.commit(effects) == [desk.acknowledged(7, to: routeA)])
        #expect(desk.scheduler.trialsHeld(by: desk.id(1)) == [0, 1])
    }

    @Test("an acknowledgement goes to no other worker, whose batches have the same numbers") func otherWorker() {
        var desk = Desk(groups: 1, settings: 4)
        _ = desk.join(ada, at: routeA, credits: 1)
        let results = desk.hear(desk.batch(1, of: desk.id(1), [desk.result(0), desk.result(1)]), from: routeA)
        #expect(
            desk.hear(.hello(desk.hello(bob)), from: routeA) == [
                .notice(.left(ada, host: "ada", reason: "another worker speaks on its connection")), desk.welcome(to: routeA),
                .notice(.joined(bob, host: "bob", slots: 1)),
            ])
        #expect(desk.commit(results) == [])
        #expect(desk.scheduler.counts == Scheduler.Counts(done: 2))
        #expect(desk.scheduler.waiting.all == [2, 3])
    }
}
