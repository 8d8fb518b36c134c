// SchedulerTests+Invariants.swift · Tests/CoordinatorTests. What the simulation asks after every step finds whatever is wrong in the parts of
// the scheduler and between them: here each kind of wrong is forged.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Scheduler: invariants") struct SchedulerInvariantTests {
    struct Forgery: CustomTestStringConvertible {
        let finding: String
        let forge: @Sendable (Scheduler) -> Scheduler

        init(_ finding: String, _ forge: @escaping @Sendable (Scheduler) -> Scheduler) { (self.finding, self.forge) = (finding, forge) }

        var testDescription: String { finding }
    }

    /// Ada holds lease 1 with the first four trials of the first group and Bob lease 2 with the first two of the second; trials 4, 7 and 8
    /// wait, and trial 9 is stored.
    private func sample() -> Scheduler {
        var driver = SchedulerDriver(groups: 2, settings: 5, stored: [9])
        _ = driver.join(ada, at: routeA, credits: 1)
        _ = driver.join(bob, at: routeB, credits: 1)
        return driver.scheduler
    }

    @Test("a scheduler with which nothing is wrong is found right") func sound() {
        let scheduler = sample()
        #expect(scheduler.brokenInvariants == [])
        #expect(scheduler.leases.byID.values.map(\.trials).sorted { $0[0] < $1[0] } == [[0, 1, 2, 3], [5, 6]])
        #expect(scheduler.trials.queue.all == [4, 7, 8])
    }

    static let forgedTrials = [
        Forgery("trial 4 is stored, the queue says otherwise") { $0.forged(trials: $0.trials.forged(states: [4: .stored])) },
        Forgery("trial 9 is stored and has 1 attempts") { $0.forged(trials: $0.trials.forged(attempts: [9: 1])) },
        Forgery("4 trials wait, the queue says 3") { $0.forged(trials: $0.trials.forged(states: [0: .waiting])) },
        Forgery("trials are not stored, the count says 8") { $0.forged(trials: $0.trials.forged(remaining: 8)) },
        Forgery("1 trials are stored, the count says TrialCounts(done: 0") {
            $0.forged(trials: $0.trials.forged(counts: TrialCounts()))
        },
        Forgery("0 trials failed, the count says 1") { $0.forged(trials: $0.trials.forged(counts: TrialCounts(failed: 1))) },
        Forgery("trial 5 is a baseline and leased") { $0.forged(trials: $0.trials.forged(baselines: [5: [:]])) },
        Forgery("trial 0 is leased as 1.2, which does not hold it") {
            $0.forged(trials: $0.trials.forged(states: [0: .leased(lease(2))]))
        },
    ]

    static let forgedLeases = [
        Forgery("lease 1.1 holds nothing that is not done") { $0.forged(leases: $0.leases.forged(lease(1)) { $0.trials = [9] }) },
        Forgery("lease 1.1 is a copy of 1.2, which does not know") {
            $0.forged(leases: $0.leases.forged(lease(1)) { $0.purpose = .copy(of: lease(2)) })
        },
        Forgery("lease 1.1 has a copy 1.2 that is none") {
            $0.forged(leases: $0.leases.forged(lease(1)) { $0.purpose = .own(copy: lease(2)) })
        },
        Forgery("lease 1.1 is not in order, or holds a trial twice") {
            $0.forged(leases: $0.leases.forged(lease(1)) { $0.trials = [0, 0] })
        },
        Forgery("lease 1.1 is of two groups") { $0.forged(leases: $0.leases.forged(lease(1)) { $0.group = 1 }) },
        Forgery("which is another's or nobody's") { $0.forged(leases: $0.leases.forged(lease(1)) { $0.worker = bob }) },
        Forgery("lease 1.1 verifies what no verification names") {
            $0.forged(leases: $0.leases.forged(lease(1)) { $0.purpose = .verification })
        },
        Forgery("1 verifications are out, the count says 0") {
            $0.forged(leases: $0.leases.forged(lease(1)) { $0.purpose = .verification })
        },
    ]

    static let forgedWorkers = [
        Forgery("which is another's or nobody's") { $0.forged(workers: $0.workers.forged(ada) { $0.leases.insert(lease(2)) }) },
        Forgery("lease 1.1 is owned by") { $0.forged(workers: $0.workers.forged(ada) { $0.leases = [] }) },
        Forgery("is not at the end of its own route") { $0.forged(workers: $0.workers.forged(routes: [routeA: bob])) },
        Forgery("3 routes for 2 workers") { $0.forged(workers: $0.workers.forged(routes: [routeC: ada])) },
        Forgery("has a deadline before the next one") { $0.forged(workers: $0.workers.forged(nextDeadline: .distantFuture)) },
        Forgery("has free credits and is not listed with them") { $0.forged(workers: $0.workers.forged(ada) { $0.credits = 2 }) },
        Forgery("0 workers have free credits, 1 are listed with them") { $0.forged(workers: $0.workers.forged(withFreeCredits: [ada])) },
        Forgery("0 workers have free credits, 1 are listed with them") {
            $0.forged(workers: $0.workers.forged(withFreeCredits: [WorkerID(high: 3, low: 3)]))
        },
        Forgery("3 slots are not the sum of the workers'") { $0.forged(workers: $0.workers.forged(slots: 3)) },
        Forgery("which has room") {
            var workers = $0.workers
            workers.setCredits(2, of: ada)
            return $0.forged(workers: workers)
        },
    ]

    static let forgedRecords = [
        Forgery("trial 9 is stored and has a record of failures") {
            $0.forged(failures: $0.failures.forged(trials: [9: .init(crashes: 1)]))
        },
        Forgery("trial 0 has the record") { $0.forged(failures: $0.failures.forged(trials: [0: .init()])) },
        Forgery("is not here and has a record of failures") {
            $0.forged(failures: $0.failures.forged(failedLeases: [WorkerID(high: 3, low: 3): 1]))
        },
        Forgery("has 0 failed leases in a row") { $0.forged(failures: $0.failures.forged(failedLeases: [ada: 0])) },
        Forgery("was lost over nothing") {
            $0.forged(failures: $0.failures.forged(blame: [ada: Failures.Blame(witness: .worker(ada), leases: [lease(1): []])]))
        },
        Forgery("0 verifications are out, the count says 1") {
            $0.forged(verifications: $0.verifications.forged(running: [lease(3): Verification(trials: [9], authors: [])]))
        },
        Forgery("lease 1.3 verifies nothing") {
            $0.forged(verifications: $0.verifications.forged(running: [lease(3): Verification(trials: [], authors: [])]))
        },
        Forgery("a pending verification verifies trial 4, which is waiting") {
            $0.forged(verifications: $0.verifications.forged(pending: [Verification(trials: [4], authors: [])]))
        },
    ]

    @Test(
        "whatever is wrong in a part or between two parts is found",
        arguments: forgedTrials + forgedLeases + forgedWorkers + forgedRecords)
    func forged(_ forgery: Forgery) {
        let broken = forgery.forge(sample()).brokenInvariants
        #expect(broken.contains { $0.contains(forgery.finding) }, "found: \(broken)")
    }
}

private func lease(_ number: UInt32) -> LeaseID { LeaseID(incarnation: 1, number: number) }
