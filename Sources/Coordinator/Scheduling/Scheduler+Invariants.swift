// Scheduler+Invariants.swift · Coordinator/Scheduling. What is true after every event: each part says it of itself, and here is what is true
// between the parts. Tests and the simulation ask after each event.

internal import Vocabulary

extension Scheduler {
    /// What should be true and is not, in words; empty when all is well. Costs a pass over all trials, and little more where all is well:
    /// the simulation asks after millions of events.
    var brokenInvariants: [String] {
        var broken: [String] = []
        let leased = trials.findBroken(&broken)
        leases.findBroken(&broken)
        workers.findBroken(&broken)
        verifications.findBroken(&broken, in: trials)
        failures.findBroken(&broken)
        findBroken(betweenLeasesAndTrials: &broken, leased: leased)
        findBroken(betweenLeasesAndWorkers: &broken)
        findBroken(inRecords: &broken)
        // This is asked of parts that are right.
        if broken.isEmpty { findBroken(inGrants: &broken) }
        return broken
    }

    /// - Parameter leased: how many trials are leased.
    private func findBroken(betweenLeasesAndTrials broken: inout [String], leased: Int) {
        var owned = 0, running = 0
        for (id, lease) in leases.byID {
            guard lease.purpose != .verification else {
                running += 1
                if verifications.running[id]?.trials != lease.trials { broken.append("lease \(id) verifies what no verification names") }
                continue
            }
            let holder = leases.holder(id)
            var held = 0
            for index in lease.trials where trials[index] == .leased(holder) { held += 1 }
            if holder == id { owned += held }
            // Such a lease would take a credit from its worker for ever.
            if held == 0 { broken.append("lease \(id) holds nothing that is not done") }
        }
        if running != verifications.running.count {
            broken.append("\(running) verifications are out, the count says \(verifications.running.count)")
        }
        // No lease holds a trial twice, so where the numbers agree each leased trial is held by its own lease.
        guard owned != leased else { return }
        for (index, state) in trials.states.enumerated() {
            guard case .leased(let id) = state else { continue }
            if let lease = leases[id], case .own = lease.purpose, lease.trials.contains(index) { continue }
            broken.append("trial \(index) is leased as \(id), which does not hold it")
        }
    }

    private func findBroken(betweenLeasesAndWorkers broken: inout [String]) {
        var owners = Owners(), listed = Owners()
        for (id, lease) in leases.byID { owners.add(lease.worker, of: id) }
        for (id, worker) in workers.byID { for lease in worker.leases { listed.add(id, of: lease) } }
        guard listed != owners else { return }
        for (id, worker) in workers.byID {
            for lease in worker.leases where leases[lease]?.worker != id {
                broken.append("worker \(id) lists lease \(lease), which is another's or nobody's")
            }
        }
        for (id, lease) in leases.byID where workers[lease.worker]?.leases.contains(id) != true {
            broken.append("lease \(id) is owned by \(lease.worker), who is not here or does not know")
        }
    }

    private func findBroken(inRecords broken: inout [String]) {
        for index in failures.trials.keys where trials.isPersisted(index) {
            broken.append("trial \(index) is stored and has a record of failures")
        }
        for id in failures.failedLeases.keys where workers[id] == nil {
            broken.append("worker \(id) is not here and has a record of failures")
        }
    }

    /// No trial waits while a worker has room that may have it.
    private func findBroken(inGrants broken: inout [String]) {
        guard !isDraining, !isStoreBlocked, !trials.queue.isEmpty else { return }
        let candidates = candidatesForLeases
        guard !candidates.isEmpty else { return }
        let waiting = trials.queue.all
        for candidate in candidates {
            guard let trial = waiting.first(where: { mayTry($0, by: candidate.id, hasLeases: candidate.leases > 0) }) else { continue }
            broken.append("trial \(trial) waits beside worker \(candidate.id), which has room")
        }
    }

    /// The owners of leases in any order: a sum over pairs, since a set of them costs more than all the rest.
    private struct Owners: Equatable {
        private var count = 0
        private var sum: UInt64 = 0

        mutating func add(_ worker: WorkerID, of lease: LeaseID) {
            count += 1
            // Mixed well enough for pairs that no enemy chooses (splitmix64).
            var pair = (lease.rawValue &* 0x9e37_79b9_7f4a_7c15 ^ worker.high) &* 0x9e37_79b9_7f4a_7c15 ^ worker.low
            pair = (pair ^ pair >> 30) &* 0xbf58_476d_1ce4_e5b9
            pair = (pair ^ pair >> 27) &* 0x94d0_49bb_1331_11eb
            sum &+= pair ^ pair >> 31
        }
    }
}
