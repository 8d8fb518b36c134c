// WorkerMeetingTests.swift · Tests/WorkerTests. How a worker meets its coordinator, loses it and finds it again.

import Testing
import Vocabulary
import Wire

@testable import regsweep_worker

private let lost = WorkerMachine.Effect.notice("nothing received from the coordinator for 6.0 s: connecting again")
private let short: Duration = .milliseconds(1)

@Suite("Worker: meeting the coordinator") struct WorkerMeetingTests {
    @Test("a new worker connects and says Hello, and again after each second without an answer") func helloAgain() {
        var machine = WorkerMachine(identity(), orphanTimeout: .seconds(30), at: start)
        #expect(machine.nextDeadline == start)
        #expect(machine.handle(.tick, at: start) == [.connect, hello(incarnation: 0)])
        for second in 1...5 {
            let due = start + .seconds(second)
            #expect(machine.nextDeadline == due)
            #expect(machine.handle(.tick, at: due - short) == [])
            #expect(machine.handle(.tick, at: due) == [hello(incarnation: 0)])
        }
    }

    @Test("each try without an answer is followed by a pause twice as long, up to 5 s, and a word resets it") func backOff() {
        var machine = WorkerMachine(identity(), orphanTimeout: .seconds(3600), at: start)
        var now = start
        for pause in [250, 500, 1000, 2000, 4000, 5000, 5000].map(Duration.milliseconds) {
            #expect(machine.handle(.tick, at: now) == [.connect, hello(incarnation: 0)])
            for second in 1...5 { _ = machine.handle(.tick, at: now + .seconds(second)) }
            #expect(machine.handle(.tick, at: now + .seconds(6) - short) == [])
            #expect(machine.handle(.tick, at: now + .seconds(6)) == [lost])
            now = now + .seconds(6) + pause
            #expect(machine.nextDeadline == now)
            #expect(machine.handle(.tick, at: now - short) == [])
        }
        _ = machine.handle(.tick, at: now)
        _ = machine.handle(heard(welcome()), at: now)
        #expect(machine.handle(.tick, at: now + .seconds(6)) == [lost])
        #expect(machine.nextDeadline == now + .seconds(6) + .milliseconds(250))
    }

    @Test("workers that lost their coordinator in one instant come back within half a pause, each at its own time") func jitter() {
        let pauses = [0, 1, 511, 1023, 1024].map { (low: UInt64) -> Duration in
            var machine = WorkerMachine(identity(low: low), orphanTimeout: .seconds(30), at: start)
            _ = machine.handle(.tick, at: start)
            _ = machine.handle(.tick, at: start + .seconds(6))
            return machine.nextDeadline - (start + .seconds(6))
        }
        let step = Duration.milliseconds(125) * (1.0 / 1024)
        #expect(pauses == [0, 1, 511, 1023, 0].map { .milliseconds(250) + step * $0 })
    }

    @Test("a Welcome is answered with twice as many credits as there are slots") func welcomed() {
        var machine = WorkerMachine(identity(slots: 3), orphanTimeout: .seconds(30), at: start)
        _ = machine.handle(.tick, at: start)
        #expect(machine.handle(heard(welcome()), at: start) == [said(.ready(credits: 6))])
        #expect(machine.connection == .joined(intervals))
    }

    @Test("a second answer to one Hello is answered with the same credits, in case they were lost") func welcomedTwice() {
        var machine = joined(holding: [lease(1)])
        #expect(machine.handle(heard(welcome()), at: start) == [said(.ready(credits: 4))])
        #expect(machine.running == [lease(1).id: lease(1)])
    }

    @Test("a Welcome from a coordinator that restarted is an answer to an old Hello: a worker that had joined says a new one")
    func welcomedByAnother() {
        var machine = joined(holding: [lease(1)])
        #expect(machine.handle(heard(welcome(), incarnation: 8), at: start) == [hello(incarnation: 8, held: [lease(1)])])
        #expect(machine.handle(heard(welcome(keep: [lease(1)]), incarnation: 8), at: start) == [said(.ready(credits: 4), incarnation: 8)])
    }

    @Test("after a Hello with leases it goes on with those that the Welcome keeps and drops the others") func keep() {
        let leases = (1...4).map { lease($0) }
        var machine = joined(holding: leases)
        #expect(machine.handle(heard(.introduce), at: start) == [hello(held: leases)])
        #expect(
            machine.handle(heard(welcome(keep: [leases[0], leases[2]])), at: start) == [.stop(leases[1].id), said(.ready(credits: 4))])
        #expect(machine.queued == [leases[2]])
        // The slot is free once its thread has ended, not before.
        #expect(machine.handle(.stopped(leases[1].id), at: start) == [.compute(leases[2])])
    }

    @Test("what the Welcome keeps but the worker no longer holds is given back") func keepsTooMuch() {
        let leases = (1...3).map { lease($0) }
        var machine = joined(holding: leases)
        #expect(machine.handle(heard(.introduce), at: start) == [hello(held: leases)])
        // Between Hello and Welcome it is told to drain, and lets go of what is queued.
        #expect(machine.handle(.drainRequested, at: start) == [])
        #expect(
            machine.handle(heard(welcome(keep: leases)), at: start) == [said(.cancel(leases[2].id)), said(.ready(credits: 0))])
    }

    @Test(
        "a frame of another incarnation makes a worker say Hello, whatever it says",
        arguments: [Message.heartbeat(running: 0), .drain, .lease(lease(9, incarnation: 8))])
    func newEpoch(message: Message) {
        var machine = joined(holding: [lease(1)])
        #expect(machine.handle(heard(message, incarnation: 8), at: start) == [hello(incarnation: 8, held: [lease(1)])])
        #expect(machine.handle(.tick, at: start + .seconds(1)) == [hello(incarnation: 8, held: [lease(1)])])
    }

    @Test("a lease that arrives before the Welcome goes back") func early() {
        var machine = WorkerMachine(identity(), orphanTimeout: .seconds(30), at: start)
        _ = machine.handle(.tick, at: start)
        #expect(machine.handle(heard(.lease(lease(1))), at: start) == [said(.cancel(lease(1).id))])
    }

    @Test("a worker that has said nothing for the interval says a heartbeat, and any other word delays it") func heartbeat() {
        var machine = joined(holding: [lease(1)])
        #expect(machine.handle(.tick, at: start + .seconds(2) - short) == [])
        #expect(machine.handle(.tick, at: start + .seconds(2)) == [said(.heartbeat(running: 1))])
        #expect(machine.handle(.progressed(lease(1).id, []), at: start + .seconds(3)) == [said(.progress(lease(1).id, []))])
        #expect(machine.nextDeadline == start + .seconds(5))
        #expect(machine.handle(.tick, at: start + .seconds(5) - short) == [])
        #expect(machine.handle(.tick, at: start + .seconds(5)) == [said(.heartbeat(running: 1))])
    }

    @Test("a coordinator that is silent for as long as it said is lost, and its leases are kept meanwhile") func silence() {
        var machine = joined(holding: [lease(1)])
        #expect(machine.handle(heard(.heartbeat(running: 0)), at: start + .seconds(3)) == [])
        _ = machine.handle(.tick, at: start + .seconds(8))
        #expect(machine.handle(.tick, at: start + .seconds(9) - short) == [])
        #expect(machine.handle(.tick, at: start + .seconds(9)) == [lost])
        #expect(machine.connection == .waiting(until: start + .milliseconds(9250)))
        #expect(machine.handle(.tick, at: start + .milliseconds(9250)) == [.connect, hello(held: [lease(1)])])
    }

    @Test("a Welcome that comes after the worker gave the connection up still counts") func lateWelcome() {
        var machine = WorkerMachine(identity(), orphanTimeout: .seconds(30), at: start)
        _ = machine.handle(.tick, at: start)
        _ = machine.handle(.tick, at: start + .seconds(6))
        #expect(machine.handle(heard(welcome()), at: start + .seconds(6)) == [said(.ready(credits: 4))])
    }

    @Test("a worker without a coordinator leaves at the orphan timeout and says so, in case it is heard after all") func orphan() {
        var machine = joined(orphanTimeout: .seconds(10), holding: [lease(1)])
        #expect(machine.handle(.tick, at: start + .seconds(6)) == [lost])
        _ = machine.handle(.tick, at: start + .seconds(7))
        _ = machine.handle(.tick, at: start + .seconds(8))
        _ = machine.handle(.tick, at: start + .seconds(9))
        #expect(machine.nextDeadline == start + .seconds(10))
        #expect(machine.handle(.tick, at: start + .seconds(10) - short) == [])
        #expect(
            machine.handle(.tick, at: start + .seconds(10)) == [
                said(.goodbye(reason: "nothing received from the coordinator for 10.0 s")), .stop(lease(1).id),
                .exit(.orphaned(after: .seconds(10))),
            ])
        #expect(machine.handle(heard(welcome()), at: start + .seconds(10)) == [], "it has left")
    }

    @Test("an orphan timeout below the heartbeat interval does not part a worker from a coordinator that is there") func shortOrphan() {
        var machine = joined(orphanTimeout: .seconds(1))
        #expect(machine.handle(.tick, at: start + .seconds(2)) == [said(.heartbeat(running: 0))])
        #expect(machine.handle(.tick, at: start + .seconds(6)) == [lost])
        #expect(machine.nextDeadline <= start + .seconds(6))
        // It has not tried yet to find the coordinator again.
        #expect(machine.handle(.tick, at: start + .seconds(6)) == [.connect, hello()])
        #expect(machine.handle(.tick, at: start + .seconds(7)) == [hello()])
        #expect(
            machine.handle(.tick, at: start + .seconds(8)) == [
                said(.goodbye(reason: "nothing received from the coordinator for 1.0 s")), .exit(.orphaned(after: .seconds(1))),
            ])
    }

    @Test("a worker that has results which nobody has acknowledged looks three times as long, and hands them over") func keeps() {
        var machine = joined(orphanTimeout: .seconds(10), holding: [lease(1)])
        _ = machine.handle(.finished(lease(1).id, results(of: lease(1))), at: start)
        var now = start
        while now < start + .seconds(29) {
            now = machine.nextDeadline
            let effects = machine.handle(.tick, at: now)
            #expect(!effects.contains { if case .exit = $0 { true } else { false } }, "\(now)")
        }
        // A coordinator that comes now gets them.
        var found = machine
        #expect(
            found.handle(heard(welcome(), incarnation: 8), at: now) == [
                said(.results(BatchID(rawValue: 1), lease(1).id, results(of: lease(1))), incarnation: 8),
                said(.ready(credits: 4), incarnation: 8),
            ])
        var last: [WorkerMachine.Effect] = []
        while !last.contains(.exit(.orphaned(after: .seconds(30)))), now < start + .seconds(60) {
            now = machine.nextDeadline
            last = machine.handle(.tick, at: now)
        }
        #expect(now >= start + .seconds(30) && now <= start + .seconds(32))
        #expect(
            last.first == .notice("2 results that no coordinator has acknowledged end with this worker: another one computes them again"))
    }

    @Test("no worker gives up without a try of two seconds, which begins when its time is up and not after a pause") func lastTry() {
        var machine = joined(orphanTimeout: .milliseconds(6100))
        #expect(machine.handle(.tick, at: start + .seconds(6)) == [lost])
        #expect(machine.nextDeadline == start + .milliseconds(6100))
        let tried = start + .milliseconds(6100)
        #expect(machine.handle(.tick, at: tried) == [.connect, hello()])
        #expect(machine.handle(.tick, at: tried + .seconds(1)) == [hello()])
        #expect(machine.handle(.tick, at: tried + .seconds(2) - short) == [])
        #expect(machine.nextDeadline == tried + .seconds(2))
        // The answer comes in the last moment.
        #expect(machine.handle(heard(welcome()), at: tried + .seconds(2)) == [said(.ready(credits: 4))])
    }

    @Test("a worker that is refused leaves for good") func refused() {
        var machine = joined(holding: [lease(1)])
        #expect(
            machine.handle(heard(.refused(reason: "other bits")), at: start) == [.stop(lease(1).id), .exit(.refused(reason: "other bits"))])
        #expect(machine.handle(.tick, at: start + .seconds(60)) == [])
    }

    @Test("a coordinator of another protocol is as good as a refusal") func otherVersion() {
        var machine = joined()
        let reason = "protocol version 2 where this program speaks 1: install the same release on both hosts"
        #expect(machine.handle(.unreadable(.versionMismatch(theirs: 2, ours: 1)), at: start) == [.exit(.refused(reason: reason))])
    }

    @Test("what the coordinator could not read is reported") func dropped() {
        var machine = joined()
        #expect(
            machine.handle(heard(.dropped(reason: "an empty frame")), at: start) == [
                .notice("the coordinator dropped a frame of this worker: an empty frame")
            ])
    }

    @Test("an unreadable frame is reported on both sides, and is no sign of life") func unreadable() {
        var machine = joined()
        #expect(
            machine.handle(.unreadable(.malformed(reason: "an empty frame")), at: start + .seconds(5)) == [
                .notice("a frame from the coordinator cannot be decoded and was dropped: an empty frame"),
                said(.dropped(reason: "an empty frame")),
            ])
        #expect(machine.handle(.tick, at: start + .seconds(6)) == [lost])
    }

    @Test(
        "a message that only workers send is reported",
        arguments: [
            Message.ready(credits: 1), .progress(lease(1).id, []), .results(BatchID(rawValue: 1), lease(1).id, []), .goodbye(reason: ""),
        ])
    func backwards(message: Message) {
        var machine = joined()
        #expect(machine.handle(heard(message), at: start) == [.notice("the coordinator sent a message that only workers send")])
    }
}
