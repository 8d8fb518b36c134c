// SchedulerTests+Workers.swift · Tests/CoordinatorTests. Who comes and how, who is refused, who falls silent and who is blamed for it.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Scheduler: greeting") struct SchedulerGreetingTests {
    @Test("a worker is welcomed and reported once; its Hello again is answered alike and takes away no credit") func twice() {
        var desk = Desk(groups: 4, settings: 2)
        #expect(
            desk.hear(.hello(desk.hello(ada)), from: routeA) == [
                desk.welcome(to: routeA), .notice(.joined(ada, host: "ada", slots: 1)),
            ])
        #expect(desk.hear(.hello(desk.hello(ada)), from: routeA) == [desk.welcome(to: routeA)])
        #expect(desk.hear(.ready(credits: 1), from: routeA) == [desk.lease(desk.id(1), [0, 1], to: routeA)])
        let held = [desk.id(1): desk.keys([0, 1])]
        #expect(desk.hear(.hello(desk.hello(ada, held: held)), from: routeA) == [desk.welcome(keep: [desk.id(1)], to: routeA)])
        // A Hello from before the lease was on its way: the lease may not have arrived.
        #expect(
            desk.hear(.hello(desk.hello(ada)), from: routeA) == [
                desk.welcome(to: routeA), desk.lease(desk.id(2), [0, 1], attempt: 2, to: routeA),
            ])
    }

    @Test("a Hello again brings no lease back that the first answer did not let the worker keep") func repeatAdoptsNothing() {
        var desk = Desk(groups: 1, settings: 2)
        _ = desk.join(bob, at: routeB, credits: 1)
        let hello = Message.hello(desk.hello(ada, held: [desk.id(7, epoch: 0): desk.keys([0, 1])]))
        #expect(desk.hear(hello, from: routeA) == [desk.welcome(to: routeA), .notice(.joined(ada, host: "ada", slots: 1))])
        _ = desk.hear(.goodbye(reason: "drained"), from: routeB)
        #expect(desk.hear(hello, from: routeA) == [desk.welcome(to: routeA)])
        #expect(desk.hear(.ready(credits: 1), from: routeA) == [desk.lease(desk.id(2), [0, 1], attempt: 2, to: routeA)])
    }

    @Test("another build's bits and another protocol are refused with what to do, and a broken frame is reported on both sides")
    func refused() {
        var desk = Desk()
        let theirs = Digest(of: "theirs"), ours = Digest(of: "ours")
        let bits =
            "this build computes other bits (self-test \("\(theirs)".prefix(12))…, the coordinator's is \("\(ours)".prefix(12))…): install the coordinator's release on ada"
        #expect(
            desk.hear(.hello(desk.hello(ada, selfTest: theirs)), from: routeA) == [
                desk.send(.refused(reason: bits), to: routeA), .notice(.refused(routeA, reason: "ada: \(bits)")),
            ])
        let version = "protocol version 2 where this program speaks 1: install the same release on both hosts"
        #expect(
            desk.handle(.unreadable(.versionMismatch(theirs: 2, ours: 1), from: routeB)) == [
                desk.send(.refused(reason: version), to: routeB), .notice(.refused(routeB, reason: version)),
            ])
        #expect(
            desk.handle(.unreadable(.malformed(reason: "an empty frame"), from: routeB)) == [
                desk.send(.dropped(reason: "an empty frame"), to: routeB), .notice(.malformed(routeB, reason: "an empty frame")),
            ])
        #expect(desk.hear(.dropped(reason: "noise"), from: routeB) == [.notice(.dropped(routeB, reason: "noise"))])
        #expect(desk.scheduler.workers.isEmpty)
        // Refused, it is a stranger, and strangers are asked who they are; their farewell needs no answer.
        #expect(desk.hear(.ready(credits: 2), from: routeA) == [desk.send(.introduce, to: routeA)])
        #expect(desk.hear(.goodbye(reason: "refused"), from: routeA) == [])
        _ = desk.join(ada, at: routeA, credits: 0)
        #expect(
            desk.hear(.drain, from: routeA) == [.notice(.malformed(routeA, reason: "a message that only a coordinator sends"))])
    }

    @Test("on a new connection a worker goes on with what it lists; what it does not list was lost and waits again") func newRoute() {
        var desk = Desk(groups: 3, settings: 2)
        _ = desk.join(ada, at: routeA, credits: 2)
        let held = [desk.id(2): desk.keys([2, 3])]
        #expect(desk.hear(.hello(desk.hello(ada, held: held)), from: routeB) == [desk.welcome(keep: [desk.id(2)], to: routeB)])
        #expect(desk.scheduler.waiting.all == [0, 1, 4, 5])
        #expect(desk.hear(.heartbeat(running: 1), from: routeA) == [desk.send(.introduce, to: routeA)])
        // Credits are those of the new connection.
        #expect(desk.hear(.ready(credits: 2), from: routeB) == [desk.lease(desk.id(3), [0, 1], attempt: 2, to: routeB)])
    }

    @Test("another worker on a connection takes its place, and what the first held waits again") func sameRoute() {
        var desk = Desk(groups: 1, settings: 2)
        _ = desk.join(ada, at: routeA, credits: 1)
        #expect(
            desk.hear(.hello(desk.hello(bob)), from: routeA) == [
                .notice(.left(ada, host: "ada", reason: "another worker speaks on its connection")), desk.welcome(to: routeA),
                .notice(.joined(bob, host: "bob", slots: 1)),
            ])
        #expect(desk.hear(.ready(credits: 1), from: routeA) == [desk.lease(desk.id(2), [0, 1], attempt: 2, to: routeA)])
    }

    @Test("after a restart a worker goes on with what is left of its leases, and their numbers are given to no other lease") func adoption()
    {
        // A store that was begun anew: its epoch is that of the leases that the worker still holds.
        var desk = Desk(groups: 3, settings: 4, stored: [1])
        let held = [
            desk.id(1): desk.keys([0, 1, 2, 0]), desk.id(2): desk.keys([1]), desk.id(3): desk.keys([3, 4]), desk.id(4): desk.keys([2, 8]),
            desk.id(5): [TrialKey(high: 0, low: 0)],
        ]
        #expect(
            desk.hear(.hello(desk.hello(ada, held: held)), from: routeA) == [
                // 2 is stored, 3 and 5 are no leases of this sweep, and of 4 only trial 8 is left.
                desk.welcome(keep: [desk.id(1), desk.id(4)], to: routeA), .notice(.joined(ada, host: "ada", slots: 1)),
            ])
        #expect(desk.scheduler.trialsHeld(by: desk.id(1)) == [0, 2])
        #expect(desk.scheduler.trialsHeld(by: desk.id(4)) == [8])
        #expect(desk.hear(.ready(credits: 2), from: routeA) == [])
        #expect(desk.join(bob, at: routeB, credits: 2).map(leaseID) == [desk.id(2), desk.id(3)])
        let results = [0, 1, 2].map { desk.result($0) }
        let effects = desk.hear(desk.batch(1, of: desk.id(1), results), from: routeA)
        #expect(effects.first == desk.store(results, by: ada, batch: 1, to: routeA))
        #expect(effects.dropFirst().map(leaseID) == [desk.id(5)])
        #expect(desk.commit(effects) == [desk.acknowledged(1, to: routeA)])
        #expect(desk.scheduler.counts == Scheduler.Counts(done: 3))
    }

    private func leaseID(_ effect: Scheduler.Effect) -> LeaseID? {
        guard case .send(let envelope, _) = effect, case .lease(let lease) = envelope.message else { return nil }
        return lease.id
    }

    @Test("a worker that reconnects while the coordinator drains finishes what it computes") func reconnectWhileDraining() {
        var desk = Desk(groups: 1, settings: 2)
        _ = desk.join(ada, at: routeA, credits: 1)
        _ = desk.handle(.drainRequested)
        let held = [desk.id(1): desk.keys([0, 1])]
        #expect(
            desk.hear(.hello(desk.hello(ada, held: held)), from: routeB) == [
                desk.welcome(keep: [desk.id(1)], to: routeB), desk.send(.drain, to: routeB),
            ])
    }
}

@Suite("Scheduler: losing workers") struct SchedulerLossTests {
    @Test("a worker is given up after 6 s of silence and not before; any frame of it counts as life") func silence() {
        var desk = Desk(groups: 2, settings: 2)
        let start = desk.now
        _ = desk.join(ada, at: routeA, credits: 2, slots: 1)
        #expect(desk.scheduler.nextDeadline == start + .seconds(2))
        #expect(desk.wait(seconds: 1) == [])
        #expect(desk.hear(.progress(desk.id(1), []), from: routeA) == [])
        desk.now = start + .milliseconds(1999)
        #expect(desk.handle(.tick) == [])
        desk.now = start + .seconds(2)
        #expect(desk.handle(.tick) == [desk.send(.heartbeat(running: 0), to: routeA)])
        #expect(desk.handle(.tick) == [])
        #expect(desk.scheduler.nextDeadline == start + .seconds(4))
        #expect(desk.wait(seconds: 4) == [desk.send(.heartbeat(running: 0), to: routeA)])
        #expect(desk.scheduler.nextDeadline == start + .seconds(7))
        desk.now = start + .milliseconds(6999)
        #expect(desk.handle(.tick) == [])
        desk.now = start + .seconds(7)
        #expect(desk.handle(.tick) == [.notice(.lost(ada, host: "ada", returned: 4))])
        #expect(desk.scheduler.waiting.all == [2, 3, 0, 1])
        #expect(desk.scheduler.nextDeadline == .distantFuture)
        #expect(desk.hear(.heartbeat(running: 1), from: routeA) == [desk.send(.introduce, to: routeA)])
        // What it still computes is still its own, if nobody else has it.
        let held = [desk.id(1): desk.keys([0, 1])]
        #expect(
            desk.hear(.hello(desk.hello(ada, held: held)), from: routeA) == [
                desk.welcome(keep: [desk.id(1)], to: routeA), .notice(.joined(ada, host: "ada", slots: 1)),
            ])
    }

    @Test("what a dead worker was computing is tried again in ever smaller company and set aside after three deaths") func blame() {
        var desk = Desk(groups: 1, settings: 10)
        // A process that is started in its place has another id.
        let heirs = (3...5).map { WorkerID(high: $0, low: 0) }
        // With one slot the first lease is computed though nothing was heard of it, and the second one is queued.
        #expect(
            desk.join(ada, at: routeA, credits: 2) == [
                desk.lease(desk.id(1), [0, 1, 2, 3], to: routeA), desk.lease(desk.id(2), [4, 5], to: routeA),
            ])
        #expect(die(&desk) == [.notice(.lost(ada, host: "ada", returned: 6))])
        #expect(suspects(desk) == [0: 1, 1: 1, 2: 1, 3: 1])
        #expect(desk.join(heirs[0], at: routeA, credits: 1) == [desk.lease(desk.id(3), [0, 1], attempt: 2, to: routeA)])
        #expect(die(&desk) == [.notice(.lost(heirs[0], host: "bob", returned: 2))])
        #expect(desk.join(heirs[1], at: routeA, credits: 1) == [desk.lease(desk.id(4), [0], attempt: 3, to: routeA)])
        let innocent = desk.hear(desk.batch(1, of: desk.id(4), [desk.result(0)]), from: routeA)
        #expect(
            innocent == [
                desk.store([desk.result(0)], by: heirs[1], batch: 1, to: routeA), desk.lease(desk.id(5), [1], attempt: 3, to: routeA),
            ])
        _ = desk.commit(innocent)
        let failure = desk.failure(1, reason: "3 workers died while they computed it, the last on bob", attempt: 3)
        let end = die(&desk)
        #expect(
            end == [
                .store(Scheduler.Delivery(results: [failure], author: Author(worker: heirs[1], host: "bob"), acknowledge: nil)),
                .notice(.setAside(failure.key, crashes: 3)), .notice(.lost(heirs[1], host: "bob", returned: 0)),
            ])
        #expect(desk.commit(end) == [])
        #expect(desk.scheduler.counts == Scheduler.Counts(done: 1, failed: 1) && desk.scheduler.remaining == 8)
        // What may kill a worker is all that it has.
        #expect(desk.join(heirs[2], at: routeA, credits: 2) == [desk.lease(desk.id(6), [2, 3], attempt: 2, baseline: 0, to: routeA)])
        #expect(die(&desk) == [.notice(.lost(heirs[2], host: "bob", returned: 2))])
        #expect(suspects(desk) == [2: 2, 3: 2])
        // Nothing is set aside for good: the one that was blamed had only been slow.
        let late = desk.hear(desk.batch(2, of: desk.id(1), [desk.result(1)]), from: routeA)
        #expect(desk.commit(late) == [desk.acknowledged(2, to: routeA)])
        #expect(desk.scheduler.counts == Scheduler.Counts(done: 2) && desk.scheduler.remaining == 8)
    }

    @Test("trials that may kill, in however many groups, keep no other work from a worker that has something") func manySuspects() {
        var desk = Desk(groups: 11, settings: 1)
        _ = desk.join(ada, at: routeA, credits: 9, slots: 9)
        _ = desk.join(bob, at: routeB, credits: 1)
        _ = desk.handle(.ended(process: 1, host: "ada"))
        #expect(suspects(desk).count == 9)
        #expect(desk.hear(.ready(credits: 2), from: routeB) == [desk.lease(desk.id(11), [10], to: routeB)])
    }

    @Test("a worker that comes back had only been silent: what it computed is not to blame, however often") func backAgain() {
        var desk = Desk(groups: 2, settings: 1, secondsPerTrial: 100)
        _ = desk.join(ada, at: routeA, credits: 1)
        for silence in 1...4 {
            desk.records = []
            _ = die(&desk)
            #expect(suspects(desk) == [0: 1])
            let held = [desk.id(1): desk.keys([0])]
            _ = desk.join(ada, at: Route([UInt8(10 + silence)]), credits: 1, held: held)
            #expect(suspects(desk) == [:])
            #expect(desk.records.map(\.end) == [.died, .cameBack])
            #expect(desk.records.allSatisfy { $0.lease == desk.id(1) && $0.worker == ada && $0.trials == desk.keys([0]) })
            #expect(desk.scheduler.leases[desk.id(1)]?.isRisky == false)
        }
        #expect(desk.scheduler.counts.failed == 0 && desk.scheduler.buried.isEmpty)
    }

    @Test("with two slots the two oldest leases are to blame, those of an earlier coordinator among them") func slots() {
        var desk = Desk(groups: 3, settings: 2, epoch: 2)
        _ = desk.join(ada, at: routeA, credits: 3, slots: 2, held: [desk.id(9, epoch: 1): desk.keys([4, 5])])
        #expect(
            desk.scheduler.leases.mapValues(\.trials) == [
                desk.id(9, epoch: 1): [4, 5], desk.id(1, epoch: 2): [0, 1], desk.id(2, epoch: 2): [2, 3],
            ])
        #expect(die(&desk) == [.notice(.lost(ada, host: "ada", returned: 6))])
        #expect(suspects(desk) == [0: 1, 1: 1, 4: 1, 5: 1])
    }

    @Test("a trial that is set aside when it is the last ends the sweep") func lastFails() {
        var desk = Desk(groups: 1, settings: 1, crashLimit: 1)
        _ = desk.join(ada, at: routeA, credits: 1)
        let end = die(&desk)
        #expect(desk.commit(end) == [])
        #expect(desk.scheduler.isFinished && desk.scheduler.isOver && desk.scheduler.counts == Scheduler.Counts(failed: 1))
    }

    @Test("points of a lease are reported, but not those of a lease that the worker does not hold") func progress() {
        var desk = Desk()
        _ = desk.join(ada, at: routeA, credits: 1)
        let points = [
            ProgressPoint(key: desk.keys([0])[0], point: CurvePoint(epoch: 1, trainLoss: 0.5, testLoss: 0.25), lossRatio: 0.75)
        ]
        #expect(desk.hear(.progress(desk.id(1), points), from: routeA) == [.notice(.progressed(ada, desk.id(1), points))])
        _ = desk.join(bob, at: routeB, credits: 0)
        #expect(desk.hear(.progress(desk.id(1), points), from: routeB) == [])
        #expect(desk.hear(.progress(desk.id(2), points), from: routeA) == [])
    }

    @Test("the time in which the coordinator itself stood still is nobody's silence") func ownPause() {
        var desk = Desk()
        _ = desk.wait(seconds: 1)
        _ = desk.join(ada, at: routeA, credits: 1)
        #expect(desk.wait(seconds: 3) == [])
        desk.now = desk.now + .seconds(60)
        #expect(desk.handle(.tick) == [desk.send(.heartbeat(running: 0), to: routeA)])
        #expect(desk.wait(seconds: 2) == [desk.send(.heartbeat(running: 0), to: routeA)])
        #expect(desk.wait(seconds: 1) == [.notice(.lost(ada, host: "ada", returned: 4))])
    }

    /// Six seconds without a word of ada.
    private func die(_ desk: inout Desk) -> [Scheduler.Effect] { desk.wait(seconds: 6) }

    /// Deaths by trial.
    private func suspects(_ desk: Desk) -> [Int: Int] { desk.scheduler.histories.mapValues(\.crashes).filter { $0.value > 0 } }
}
