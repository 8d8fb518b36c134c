// SchedulerTests+Forging.swift · Tests/CoordinatorTests. Parts of a scheduler with something wrong in them. No method of a part can write
// that, and none can be written from outside; what a memberwise initializer is given, a part believes.

import Testing
import Vocabulary
import Wire

@testable import regsweep

extension Scheduler {
    /// The same scheduler with other parts.
    func forged(
        trials: Trials? = nil, leases: Leases? = nil, workers: Workers? = nil, verifications: Verifications? = nil,
        failures: Failures? = nil
    ) -> Scheduler {
        Scheduler(
            configuration: configuration, grid: grid, trials: trials ?? self.trials, leases: leases ?? self.leases,
            workers: workers ?? self.workers, verifications: verifications ?? self.verifications, failures: failures ?? self.failures)
    }
}

extension Trials {
    /// The same trials with other entries in place of those of these indices, and other counts.
    func forged(
        states: [Int: TrialState] = [:], attempts: [Int: Int32] = [:], remaining: Int? = nil, counts: TrialCounts? = nil,
        baselines: [Int: [Int: Double]] = [:], checkpoints: [Int: CheckpointMark] = [:]
    ) -> Trials {
        Trials(
            grid: grid, states: self.states.enumerated().map { states[$0.offset] ?? $0.element }, queue: queue,
            attempts: self.attempts.enumerated().map { attempts[$0.offset] ?? $0.element }, remaining: remaining ?? self.remaining,
            counts: counts ?? self.counts, baselines: self.baselines.merging(baselines) { $1 },
            checkpoints: self.checkpoints.merging(checkpoints) { $1 })
    }
}

extension Leases {
    /// The same leases, one of them changed.
    func forged(_ id: LeaseID, _ change: (inout LeaseState) -> Void) -> Leases {
        var byID = byID
        change(&byID[id]!)
        return Leases(grid: grid, incarnation: incarnation, byID: byID, nextNumber: nextNumber)
    }
}

extension Workers {
    /// The same workers with other entries in place of those of these routes, other sums, and one worker changed.
    func forged(
        _ id: WorkerID? = nil, routes: [Route: WorkerID] = [:], withFreeCredits: Set<WorkerID>? = nil, slots: Int? = nil,
        nextDeadline: Instant? = nil, _ change: (inout WorkerState) -> Void = { _ in }
    ) -> Workers {
        var byID = byID
        if let id { change(&byID[id]!) }
        return Workers(
            heartbeatInterval: heartbeatInterval, timeout: timeout, byID: byID, routes: self.routes.merging(routes) { $1 },
            withFreeCredits: withFreeCredits ?? self.withFreeCredits, slots: slots ?? self.slots,
            nextDeadline: nextDeadline ?? self.nextDeadline)
    }
}

extension Verifications {
    func forged(pending: [Verification] = [], running: [LeaseID: Verification] = [:]) -> Verifications {
        Verifications(grid: grid, audit: audit, crashLimit: crashLimit, trialsPerLease: trialsPerLease, pending: pending, running: running)
    }
}

extension Failures {
    func forged(
        trials: [Int: Record] = [:], failedLeases: [WorkerID: Int] = [:], blame: [WorkerID: Blame] = [:]
    ) -> Failures {
        Failures(crashLimit: crashLimit, failureLimit: failureLimit, trials: trials, failedLeases: failedLeases, blame: blame)
    }
}
