// SchedulerTests+Copies.swift · Tests/CoordinatorTests. Late leases that an idle worker computes as well.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Scheduler: copies") struct SchedulerCopyTests {
    /// Ada has the only lease, Bob is idle, and time has passed.
    private func late(seconds: Int = 2) -> (SchedulerDriver, [Scheduler.Effect]) {
        var driver = SchedulerDriver(groups: 1, settings: 2)
        _ = driver.join(ada, at: routeA, credits: 1)
        _ = driver.join(bob, at: routeB, credits: 2)
        var effects: [Scheduler.Effect] = []
        for _ in 0..<seconds { effects = driver.wait(seconds: 1) }
        return (
            driver,
            effects.filter {
                $0 != driver.send(.heartbeat(running: 0), to: routeA) && $0 != driver.send(.heartbeat(running: 0), to: routeB)
            }
        )
    }

    @Test("a lease that is out for twice its time is given to an idle worker as well, not sooner and not twice") func late() {
        #expect(late(seconds: 1).1 == [])
        var (driver, effects) = late()
        #expect(effects == [driver.lease(driver.id(2), [0, 1], attempt: 2, to: routeB)])
        _ = driver.hear(.heartbeat(running: 1), from: routeA)
        #expect(driver.wait(seconds: 1) == [])
        _ = driver.hear(.ready(credits: 2), from: routeA)
        #expect(
            !driver.wait(seconds: 1).contains {
                if case .send(let envelope, _) = $0, case .lease = envelope.message { true } else { false }
            })
    }

    @Test("the first answer wins, whosever it is, and the other is told to stop", arguments: [false, true]) func firstWins(isCopy: Bool) {
        var (driver, _) = late()
        let results = [driver.result(0), driver.result(1)]
        let (winner, route, lease) = isCopy ? (bob, routeB, driver.id(2)) : (ada, routeA, driver.id(1))
        let (other, loser) = isCopy ? (driver.id(1), routeA) : (driver.id(2), routeB)
        let effects = driver.hear(driver.batch(1, of: lease, results), from: route)
        #expect(effects == [driver.persist(results, by: winner, batch: 1, to: route), driver.send(.cancel(other), to: loser)])
        #expect(driver.scheduler.leases.isEmpty)
        #expect(driver.records.map(\.end) == [.computed, .cancelled])
    }

    @Test("when either worker is lost the other goes on, and nothing waits", arguments: [routeA, routeB]) func lost(route: Route) {
        var (driver, _) = late()
        #expect(driver.hear(.goodbye(reason: "tired"), from: route).count == 1)
        #expect(driver.scheduler.trials.queue.isEmpty)
        let left = route == routeA ? driver.id(2) : driver.id(1)
        #expect(driver.scheduler.leases.byID.mapValues(\.purpose) == [left: .own(copy: nil)])
        #expect(driver.scheduler.trialsHeld(by: left) == [0, 1])
    }

    @Test("a copy that brings half of the results leaves the rest to the original; its failure is not final while the original computes")
    func half() {
        var (driver, _) = late()
        let effects = driver.hear(driver.batch(1, of: driver.id(2), [driver.result(0), driver.failure(1)]), from: routeB)
        #expect(effects == [driver.persist([driver.result(0)], by: bob, batch: 1, to: routeB)])
        #expect(driver.scheduler.leases.byID.keys.sorted() == [driver.id(1)])
        #expect(driver.scheduler.trialsHeld(by: driver.id(1)) == [1])
    }

    @Test("a process that exited loses its leases at once") func exited() {
        var (driver, _) = late()
        #expect(driver.handle(.exited(process: 1, host: "nowhere")) == [])
        // Only one of them: both say that they are process 1, on their own hosts.
        #expect(driver.handle(.exited(process: 1, host: "ada")) == [.notice(.lost(ada, host: "ada", returned: 0))])
        #expect(driver.records.map(\.end) == [.died])
        #expect(driver.scheduler.workers.byID.keys.sorted { $0.order < $1.order } == [bob])
    }
}
