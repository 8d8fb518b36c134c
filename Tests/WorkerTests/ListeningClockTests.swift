// ListeningClockTests.swift · Tests/WorkerTests. Time in which a worker could hear nothing is no silence of its coordinator.

import Testing
import Vocabulary
import Wire

@testable import regsweep_worker

@Suite("Worker: listening clock") struct ListeningClockTests {
    @Test("it goes with the system's clock while the process wakes when it meant to, or soon after") func goes() {
        var clock = ListeningClock(at: start)
        clock.advance(to: start + .seconds(2), after: .seconds(2))
        #expect(clock.now == start + .seconds(2))
        // A frame came before the time was up.
        clock.advance(to: start + .seconds(3), after: .seconds(60))
        #expect(clock.now == start + .seconds(3))
        // A busy host.
        clock.advance(to: start + .milliseconds(3900), after: .zero)
        #expect(clock.now == start + .milliseconds(3900))
    }

    @Test("it stands still while the host sleeps or the process is stopped") func stands() {
        var clock = ListeningClock(at: start)
        clock.advance(to: start + .seconds(3600), after: .seconds(2))
        #expect(clock.now == start + .seconds(2) + ListeningClock.slack)
        clock.advance(to: start + .seconds(3601), after: .seconds(2))
        #expect(clock.now == start + .seconds(3) + ListeningClock.slack)
        // A clock that is set back is no time.
        clock.advance(to: start + .seconds(3600), after: .seconds(2))
        #expect(clock.now == start + .seconds(3) + ListeningClock.slack)
    }

    @Test("a worker whose host slept for an hour goes on with what it computes and asks its coordinator, as if nothing had been")
    func slept() {
        var machine = joined(holding: [lease(1)])
        var clock = ListeningClock(at: start)
        clock.advance(to: start + .seconds(3600), after: machine.nextDeadline - clock.now)
        #expect(machine.handle(.tick, at: clock.now) == [said(.heartbeat(running: 1))])
        #expect(machine.isJoined && machine.running == [lease(1).id: lease(1)])
    }
}
