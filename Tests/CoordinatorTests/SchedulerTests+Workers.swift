// SchedulerTests+Workers.swift · Tests/CoordinatorTests. Workers join, are refused, are lost and come back; which trials are blamed for it.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Scheduler: joining") struct SchedulerJoinTests {
    @Test("a worker is welcomed with one notice; a repeated Hello is answered alike and takes away no credit") func twice() {
        var driver = SchedulerDriver(groups: 4, settings: 2)
        #expect(
            driver.hear(.hello(driver.hello(ada)), from: routeA) == [
                driver.welcome(to: routeA), .notice(.joined(ada, host: "ada", slots: 1)),
            ])
        #expect(driver.hear(.hello(driver.hello(ada)), from: routeA) == [driver.welcome(to: routeA)])
        #expect(driver.hear(.ready(credits: 1), from: routeA) == [driver.lease(driver.id(1), [0, 1], to: routeA)])
        let held = [driver.id(1): driver.keys([0, 1])]
        #expect(driver.hear(.hello(driver.hello(ada, held: held)), from: routeA) == [driver.welcome(keep: [driver.id(1)], to: routeA)])
        // A Hello from before the lease was on its way: the lease may not have arrived.
        #expect(
            driver.hear(.hello(driver.hello(ada)), from: routeA) == [
                driver.welcome(to: routeA), driver.lease(driver.id(2), [0, 1], attempt: 2, to: routeA),
            ])
    }

    @Test("a repeated Hello brings back no lease that the first Welcome did not let the worker keep") func repeatAdoptsNothing() {
        var driver = SchedulerDriver(groups: 1, settings: 2)
        _ = driver.join(bob, at: routeB, credits: 1)
        let hello = Message.hello(driver.hello(ada, held: [driver.id(7, incarnation: 0): driver.keys([0, 1])]))
        #expect(driver.hear(hello, from: routeA) == [driver.welcome(to: routeA), .notice(.joined(ada, host: "ada", slots: 1))])
        _ = driver.hear(.goodbye(reason: "drained"), from: routeB)
        #expect(driver.hear(hello, from: routeA) == [driver.welcome(to: routeA)])
        #expect(driver.hear(.ready(credits: 1), from: routeA) == [driver.lease(driver.id(2), [0, 1], attempt: 2, to: routeA)])
    }

    @Test("other bits and another protocol are refused with what to do, and a malformed frame is reported on both sides")
    func refused() {
        var driver = SchedulerDriver()
        let theirs = Digest(of: "theirs"), ours = Digest(of: "ours")
        let bits =
            "this build computes other bits (self-test \("\(theirs)".prefix(12))…, the coordinator's is \("\(ours)".prefix(12))…): install the coordinator's release on ada"
        #expect(
            driver.hear(.hello(driver.hello(ada, selfTest: theirs)), from: routeA) == [
                driver.send(.refused(reason: bits), to: routeA), .notice(.refused(routeA, reason: "ada: \(bits)")),
            ])
        let version = "protocol version 2 where this program speaks 1: install the same release on both hosts"
        #expect(
            driver.handle(.unreadable(.versionMismatch(theirs: 2, ours: 1), from: routeB)) == [
                driver.send(.refused(reason: version), to: routeB), .notice(.refused(routeB, reason: version)),
            ])
        #expect(
            driver.handle(.unreadable(.malformed(reason: "an empty frame"), from: routeB)) == [
                driver.send(.dropped(reason: "an empty frame"), to: routeB), .notice(.malformed(routeB, reason: "an empty frame")),
            ])
        #expect(driver.hear(.dropped(reason: "noise"), from: routeB) == [.notice(.dropped(routeB, reason: "noise"))])
        #expect(driver.scheduler.workers.isEmpty)
        // A refused worker has not joined: it is asked for a Hello, and its Goodbye needs no answer.
        #expect(driver.hear(.ready(credits: 2), from: routeA) == [driver.send(.introduce, to: routeA)])
        #expect(driver.hear(.goodbye(reason: "refused"), from: routeA) == [])
        _ = driver.join(ada, at: routeA, credits: 0)
        #expect(
            driver.hear(.drain, from: routeA) == [.notice(.malformed(routeA, reason: "a message that only a coordinator sends"))])
    }

    @Test("on a new connection a worker goes on with what it lists; what it does not list was lost and waits again") func newRoute() {
        var driver = SchedulerDriver(groups: 3, settings: 2)
        _ = driver.join(ada, at: routeA, credits: 2)
        let held = [driver.id(2): driver.keys([2, 3])]
        #expect(driver.hear(.hello(driver.hello(ada, held: held)), from: routeB) == [driver.welcome(keep: [driver.id(2)], to: routeB)])
        #expect(driver.scheduler.trials.queue.all == [0, 1, 4, 5])
        #expect(driver.hear(.heartbeat(running: 1), from: routeA) == [driver.send(.introduce, to: routeA)])
        // Credits are those of the new connection.
        #expect(driver.hear(.ready(credits: 2), from: routeB) == [driver.lease(driver.id(3), [0, 1], attempt: 2, to: routeB)])
    }

    @Test("another worker on a connection takes its place, and what the first held waits again") func sameRoute() {
        var driver = SchedulerDriver(groups: 1, settings: 2)
        _ = driver.join(ada, at: routeA, credits: 1)
        #expect(
            driver.hear(.hello(driver.hello(bob)), from: routeA) == [
                .notice(.left(ada, host: "ada", reason: "another worker speaks on its connection")), driver.welcome(to: routeA),
                .notice(.joined(bob, host: "bob", slots: 1)),
            ])
        #expect(driver.hear(.ready(credits: 1), from: routeA) == [driver.lease(driver.id(2), [0, 1], attempt: 2, to: routeA)])
    }

    @Test("after a restart a worker goes on with what is left of its leases, and their numbers are given to no other lease") func adoption()
    {
        // The store is new, so its incarnation has the number of the one whose leases the worker still holds.
        var driver = SchedulerDriver(groups: 3, settings: 4, stored: [1])
        let held = [
            driver.id(1): driver.keys([0, 1, 2, 0]), driver.id(2): driver.keys([1]), driver.id(3): driver.keys([3, 4]),
            driver.id(4): driver.keys([2, 8]),
            driver.id(5): [TrialKey(high: 0, low: 0)],
        ]
        #expect(
            driver.hear(.hello(driver.hello(ada, held: held)), from: routeA) == [
                // 2 is stored, 3 and 5 are no leases of this sweep, and of 4 only trial 8 is left.
                driver.welcome(keep: [driver.id(1), driver.id(4)], to: routeA), .notice(.joined(ada, host: "ada", slots: 1)),
            ])
        #expect(driver.scheduler.trialsHeld(by: driver.id(1)) == [0, 2])
        #expect(driver.scheduler.trialsHeld(by: driver.id(4)) == [8])
        #expect(driver.hear(.ready(credits: 2), from: routeA) == [])
        #expect(driver.join(bob, at: routeB, credits: 2).map(leaseID) == [driver.id(2), driver.id(3)])
        let results = [0, 1, 2].map { driver.result($0) }
        let effects = driver.hear(driver.batch(1, of: driver.id(1), results), from: routeA)
        #expect(effects.first == driver.persist(results, by: ada, batch: 1, to: routeA))
        #expect(effects.dropFirst().map(leaseID) == [driver.id(5)])
        #expect(driver.commit(effects) == [driver.acknowledged(1, to: routeA)])
        #expect(driver.scheduler.trials.counts == TrialCounts(done: 3))
    }

    private func leaseID(_ effect: Scheduler.Effect) -> LeaseID? {
        guard case .send(let envelope, _) = effect, case .lease(let lease) = envelope.message else { return nil }
        return lease.id
    }

    @Test("a worker that reconnects while the coordinator drains finishes what it computes") func reconnectWhileDraining() {
        var driver = SchedulerDriver(groups: 1, settings: 2)
        _ = driver.join(ada, at: routeA, credits: 1)
        _ = driver.handle(.drainRequested)
        let held = [driver.id(1): driver.keys([0, 1])]
        #expect(
            driver.hear(.hello(driver.hello(ada, held: held)), from: routeB) == [
                driver.welcome(keep: [driver.id(1)], to: routeB), driver.send(.drain, to: routeB),
            ])
    }
}

@Suite("Scheduler: losing workers") struct SchedulerLossTests {
    @Test("a worker is lost after 6 s without a frame and not before; any frame counts as life") func timeout() {
        var driver = SchedulerDriver(groups: 2, settings: 2)
        let start = driver.now
        _ = driver.join(ada, at: routeA, credits: 2, slots: 1)
        #expect(driver.scheduler.nextDeadline == start + .seconds(2))
        #expect(driver.wait(seconds: 1) == [])
        #expect(driver.hear(.progress(driver.id(1), []), from: routeA) == [])
        driver.now = start + .milliseconds(1999)
        #expect(driver.handle(.tick) == [])
        driver.now = start + .seconds(2)
        #expect(driver.handle(.tick) == [driver.send(.heartbeat(running: 0), to: routeA)])
        #expect(driver.handle(.tick) == [])
        #expect(driver.scheduler.nextDeadline == start + .seconds(4))
        #expect(driver.wait(seconds: 4) == [driver.send(.heartbeat(running: 0), to: routeA)])
        #expect(driver.scheduler.nextDeadline == start + .seconds(7))
        driver.now = start + .milliseconds(6999)
        #expect(driver.handle(.tick) == [])
        driver.now = start + .seconds(7)
        #expect(driver.handle(.tick) == [.notice(.lost(ada, host: "ada", returned: 4))])
        #expect(driver.scheduler.trials.queue.all == [2, 3, 0, 1])
        #expect(driver.scheduler.nextDeadline == .distantFuture)
        #expect(driver.hear(.heartbeat(running: 1), from: routeA) == [driver.send(.introduce, to: routeA)])
        // What it still computes is still its own, if nobody else has it.
        let held = [driver.id(1): driver.keys([0, 1])]
        #expect(
            driver.hear(.hello(driver.hello(ada, held: held)), from: routeA) == [
                driver.welcome(keep: [driver.id(1)], to: routeA), .notice(.joined(ada, host: "ada", slots: 1)),
            ])
    }

    @Test("trials that a lost worker was computing are tried again in ever smaller company and set aside when three workers are lost")
    func blame() {
        var driver = SchedulerDriver(groups: 1, settings: 10)
        // A process that is started in its place has another id.
        let heirs = (3...5).map { WorkerID(high: $0, low: 0) }
        // With one slot the first lease is computed though nothing was heard of it, and the second one is queued.
        #expect(
            driver.join(ada, at: routeA, credits: 2) == [
                driver.lease(driver.id(1), [0, 1, 2, 3], to: routeA), driver.lease(driver.id(2), [4, 5], to: routeA),
            ])
        #expect(timeOut(&driver) == [.notice(.lost(ada, host: "ada", returned: 6))])
        #expect(suspects(driver) == [0: 1, 1: 1, 2: 1, 3: 1])
        #expect(driver.join(heirs[0], at: routeA, credits: 1) == [driver.lease(driver.id(3), [0, 1], attempt: 2, to: routeA)])
        #expect(timeOut(&driver) == [.notice(.lost(heirs[0], host: "bob", returned: 2))])
        #expect(driver.join(heirs[1], at: routeA, credits: 1) == [driver.lease(driver.id(4), [0], attempt: 3, to: routeA)])
        let innocent = driver.hear(driver.batch(1, of: driver.id(4), [driver.result(0)]), from: routeA)
        #expect(
            innocent == [
                driver.persist([driver.result(0)], by: heirs[1], batch: 1, to: routeA),
                driver.lease(driver.id(5), [1], attempt: 3, to: routeA),
            ])
        _ = driver.commit(innocent)
        let failure = driver.failure(1, reason: "3 workers died while they computed it, the last on bob", attempt: 3)
        let end = timeOut(&driver)
        #expect(
            end == [
                .persist(Scheduler.Delivery(results: [failure], author: Author(worker: heirs[1], host: "bob"), acknowledge: nil)),
                .notice(.setAside(failure.key, crashes: 3)), .notice(.lost(heirs[1], host: "bob", returned: 0)),
            ])
        #expect(driver.commit(end) == [])
        #expect(driver.scheduler.trials.counts == TrialCounts(done: 1, failed: 1) && driver.scheduler.trials.remaining == 8)
        // A worker that is given trials over which others were lost is given nothing beside them.
        #expect(driver.join(heirs[2], at: routeA, credits: 2) == [driver.lease(driver.id(6), [2, 3], attempt: 2, baseline: 0, to: routeA)])
        #expect(timeOut(&driver) == [.notice(.lost(heirs[2], host: "bob", returned: 2))])
        #expect(suspects(driver) == [2: 2, 3: 2])
        // A trial is not set aside for good: a late result replaces its failure.
        let late = driver.hear(driver.batch(2, of: driver.id(1), [driver.result(1)]), from: routeA)
        #expect(driver.commit(late) == [driver.acknowledged(2, to: routeA)])
        #expect(driver.scheduler.trials.counts == TrialCounts(done: 2) && driver.scheduler.trials.remaining == 8)
    }

    @Test("trials over which workers were lost, in however many groups, keep no other work from a worker that has leases")
    func manySuspects() {
        var driver = SchedulerDriver(groups: 11, settings: 1)
        _ = driver.join(ada, at: routeA, credits: 9, slots: 9)
        _ = driver.join(bob, at: routeB, credits: 1)
        _ = driver.handle(.exited(process: 1, host: "ada"))
        #expect(suspects(driver).count == 9)
        #expect(driver.hear(.ready(credits: 2), from: routeB) == [driver.lease(driver.id(11), [10], to: routeB)])
    }

    @Test("when a lost worker comes back the blame is withdrawn from its trials, however often that happens") func backAgain() {
        var driver = SchedulerDriver(groups: 2, settings: 1, secondsPerTrial: 100)
        _ = driver.join(ada, at: routeA, credits: 1)
        for timeout in 1...4 {
            driver.records = []
            _ = timeOut(&driver)
            #expect(suspects(driver) == [0: 1])
            let held = [driver.id(1): driver.keys([0])]
            _ = driver.join(ada, at: Route([UInt8(10 + timeout)]), credits: 1, held: held)
            #expect(suspects(driver) == [:])
            #expect(driver.records.map(\.end) == [.died, .cameBack])
            #expect(driver.records.allSatisfy { $0.lease == driver.id(1) && $0.worker == ada && $0.trials == driver.keys([0]) })
            #expect(driver.scheduler.leases[driver.id(1)]?.isRisky == false)
        }
        #expect(driver.scheduler.trials.counts.failed == 0 && driver.scheduler.failures.blame.isEmpty)
    }

    @Test("of a worker with two slots the two oldest leases are blamed, those of an earlier incarnation among them") func slots() {
        var driver = SchedulerDriver(groups: 3, settings: 2, incarnation: 2)
        _ = driver.join(ada, at: routeA, credits: 3, slots: 2, held: [driver.id(9, incarnation: 1): driver.keys([4, 5])])
        #expect(
            driver.scheduler.leases.byID.mapValues(\.trials) == [
                driver.id(9, incarnation: 1): [4, 5], driver.id(1, incarnation: 2): [0, 1], driver.id(2, incarnation: 2): [2, 3],
            ])
        #expect(timeOut(&driver) == [.notice(.lost(ada, host: "ada", returned: 6))])
        #expect(suspects(driver) == [0: 1, 1: 1, 4: 1, 5: 1])
    }

    @Test("a process that ended by itself has not died over anything: its leases wait again, and its late results have a name")
    func leftByItself() {
        var driver = SchedulerDriver()
        _ = driver.join(ada, at: routeA, credits: 2)
        let held = driver.scheduler.leases.byID.keys.sorted()
        _ = driver.hear(.progress(held[0], []), from: routeA)
        let effects = driver.handle(.exited(process: driver.scheduler.workers[ada]!.process, host: "ada", hasCrashed: false))
        #expect(driver.records.map(\.end) == held.map { _ in .returned })
        #expect(effects.contains(.notice(.left(ada, host: "ada", reason: "its process ended by itself"))))
        #expect(suspects(driver) == [:] && driver.scheduler.failures.blame.isEmpty && driver.scheduler.leases.isEmpty)
        #expect(driver.scheduler.workers.author(at: routeA) == Author(worker: ada, host: "ada"))
        #expect(driver.scheduler.brokenInvariants == [])
    }

    @Test("the sweep ends when its last trial is set aside") func lastFails() {
        var driver = SchedulerDriver(groups: 1, settings: 1, crashLimit: 1)
        _ = driver.join(ada, at: routeA, credits: 1)
        let end = timeOut(&driver)
        #expect(driver.commit(end) == [])
        #expect(driver.scheduler.isFinished && driver.scheduler.isOver && driver.scheduler.trials.counts == TrialCounts(failed: 1))
    }

    @Test("points of a worker's own leases are reported, and those of other leases are not") func progress() {
        var driver = SchedulerDriver()
        _ = driver.join(ada, at: routeA, credits: 1)
        let points = [
            ProgressPoint(key: driver.keys([0])[0], point: CurvePoint(epoch: 1, trainLoss: 0.5, testLoss: 0.25), lossRatio: 0.75)
        ]
        #expect(driver.hear(.progress(driver.id(1), points), from: routeA) == [.notice(.progressed(ada, driver.id(1), points))])
        _ = driver.join(bob, at: routeB, credits: 0)
        #expect(driver.hear(.progress(driver.id(1), points), from: routeB) == [])
        #expect(driver.hear(.progress(driver.id(2), points), from: routeA) == [])
    }

    @Test("a pause of the coordinator itself does not count towards any timeout") func ownPause() {
        var driver = SchedulerDriver()
        _ = driver.wait(seconds: 1)
        _ = driver.join(ada, at: routeA, credits: 1)
        #expect(driver.wait(seconds: 3) == [])
        driver.now = driver.now + .seconds(60)
        #expect(driver.handle(.tick) == [driver.send(.heartbeat(running: 0), to: routeA)])
        #expect(driver.wait(seconds: 2) == [driver.send(.heartbeat(running: 0), to: routeA)])
        #expect(driver.wait(seconds: 1) == [.notice(.lost(ada, host: "ada", returned: 4))])
    }

    /// Six seconds pass without a frame of Ada.
    private func timeOut(_ driver: inout SchedulerDriver) -> [Scheduler.Effect] { driver.wait(seconds: 6) }

    /// How many workers were lost over each trial.
    private func suspects(_ driver: SchedulerDriver) -> [Int: Int] {
        driver.scheduler.failures.trials.mapValues(\.crashes).filter { $0.value > 0 }
    }
}
