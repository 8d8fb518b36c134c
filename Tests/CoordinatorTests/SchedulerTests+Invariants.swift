// SchedulerTests+Invariants.swift · Tests/CoordinatorTests. What the simulation asks after every step finds whatever is wrong in the
// scheduler's books: here each kind of wrong is written into them.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Scheduler: invariants") struct SchedulerInvariantTests {
    struct Forgery: CustomTestStringConvertible {
        let finding: String
        let write: @Sendable (inout Scheduler) -> Void

        init(_ finding: String, _ write: @escaping @Sendable (inout Scheduler) -> Void) { (self.finding, self.write) = (finding, write) }

        var testDescription: String { finding }
    }

    /// Ada holds lease 1 with the first four trials of the first group and Bob lease 2 with the first two of the second; trials 4, 7 and 8
    /// wait, and trial 9 is stored.
    private func books() -> Scheduler {
        var desk = Desk(groups: 2, settings: 5, stored: [9])
        _ = desk.join(ada, at: routeA, credits: 1)
        _ = desk.join(bob, at: routeB, credits: 1)
        return desk.scheduler
    }

    @Test("books that are right are found right") func sound() {
        let scheduler = books()
        #expect(scheduler.brokenInvariants == [])
        #expect(scheduler.leases.values.map(\.trials).sorted { $0[0] < $1[0] } == [[0, 1, 2, 3], [5, 6]])
        #expect(scheduler.waiting.all == [4, 7, 8])
    }

    @Test(
        "books that are wrong are found wrong",
        arguments: [
            Forgery("trial 4 is stored, the queue thinks otherwise") { $0.states[4] = .stored },
            Forgery("trial 9 is stored and has a history") { $0.histories[9] = TrialHistory() },
            Forgery("4 trials wait, the queue says 3") { $0.states[0] = .waiting },
            Forgery("trials are not stored, the count says 8") { $0.remaining = 8 },
            Forgery("0 trials failed, the count says 1") { $0.counts.failed = 1 },
            Forgery("trial 5 is a baseline and leased") { $0.baselines[5] = [:] },
            Forgery("trial 0 is leased as 1.2, which does not hold it") { $0.states[0] = .leased(lease(2)) },
            Forgery("lease 1.1 holds nothing that is not done") { $0.leases[lease(1)]!.trials = [9] },
            Forgery("lease 1.1 is a copy of 1.2, which does not know") { $0.leases[lease(1)]!.purpose = .copy(of: lease(2)) },
            Forgery("lease 1.1 has a copy 1.2 that is none") { $0.leases[lease(1)]!.copy = lease(2) },
            Forgery("lease 1.1 is not in order, or holds a trial twice") { $0.leases[lease(1)]!.trials = [0, 0] },
            Forgery("lease 1.1 is of two groups") { $0.leases[lease(1)]!.group = 1 },
            Forgery("0 checks are out, the count says 1") { $0.checking = 1 },
            Forgery("which is another's or nobody's") { $0.workers[ada]!.leases.insert(lease(2)) },
            Forgery("which is another's or nobody's") { $0.leases[lease(1)]!.worker = bob },
            Forgery("lease 1.1 is owned by") { $0.workers[ada]!.leases = [] },
            Forgery("is not at the end of its own route") { $0.routes[routeA] = bob },
            Forgery("3 routes for 2 workers") { $0.routes[routeC] = ada },
            Forgery("has a deadline before the alarm") { $0.alarm = .distantFuture },
            Forgery("is not in the list of the hungry") { $0.workers[ada]!.credits = 2 },
            Forgery("0 workers have credit, the list of the hungry has 1") { $0.hungry = [ada] },
            Forgery("0 workers have credit, the list of the hungry has 1") { $0.hungry = [WorkerID(high: 3, low: 3)] },
            Forgery("3 slots are not the sum of the workers'") { $0.slots = 3 },
            Forgery("which has room") { $0.change(ada) { $0.credits = 2 } },
        ] as [Forgery])
    func forged(_ forgery: Forgery) {
        var scheduler = books()
        forgery.write(&scheduler)
        let broken = scheduler.brokenInvariants
        #expect(broken.contains { $0.contains(forgery.finding) }, "found: \(broken)")
    }
}

private func lease(_ number: UInt32) -> LeaseID { LeaseID(incarnation: 1, number: number) }
