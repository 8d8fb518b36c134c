// Scheduler+Invariants.swift · Coordinator/Scheduling. What is true after every event; tests and the simulation ask after each.

internal import Vocabulary
internal import Wire

extension Scheduler {
    /// What should be true and is not, in words; empty when all is well. Costs a pass over all trials, and little more where all is well:
    /// the simulation asks after millions of events.
    var brokenInvariants: [String] {
        var broken: [String] = []
        let leased = findBroken(inTrials: &broken)
        let owners = findBroken(inLeases: &broken, leased: leased)
        findBroken(inWorkers: &broken, owners: owners)
        return broken
    }

    /// - Returns: how many trials are leased.
    private func findBroken(inTrials broken: inout [String]) -> Int {
        var waitingTrials = 0, leased = 0, delivered = 0, failed = 0
        for index in states.indices {
            var waits = false
            switch states[index] {
            case .waiting:
                waitingTrials += 1
                waits = true
            case .leased: leased += 1
            case .delivered: delivered += 1
            case .stored: break
            case .failed: failed += 1
            }
            if waits != waiting.contains(index) { broken.append("trial \(index) is \(states[index]), the queue thinks otherwise") }
        }
        for index in histories.keys where states[index] == .stored || states[index] == .failed {
            broken.append("trial \(index) is stored and has a history")
        }
        let unstored = waitingTrials + leased + delivered, handedOut = waiting.countInOrder
        if waitingTrials != waiting.count { broken.append("\(waitingTrials) trials wait, the queue says \(waiting.count)") }
        if handedOut != waiting.count { broken.append("the queue hands out \(handedOut) trials and says \(waiting.count)") }
        if unstored != remaining { broken.append("\(unstored) trials are not stored, the count says \(remaining)") }
        if counts.total != states.count - remaining { broken.append("\(counts) of \(states.count - remaining) stored trials") }
        if counts.failed != failed { broken.append("\(failed) trials failed, the count says \(counts.failed)") }
        for index in baselines.keys where !grid.setting(of: index).isBaseline || states[index] != .stored {
            broken.append("trial \(index) is a baseline and \(states[index])")
        }
        return leased
    }

    /// - Returns: whose every lease is.
    private func findBroken(inLeases broken: inout [String], leased: Int) -> Owners {
        var owners = Owners(), checks = 0, ownTrials = 0
        for (id, lease) in leases {
            owners.add(lease.worker, of: id)
            // The lease by whose name its trials are held.
            var holder = id, isCheck = false
            switch lease.purpose {
            case .own: break
            case .check: isCheck = true
            case .copy(let original):
                holder = original
                if leases[original]?.copy != id || lease.worker == leases[original]?.worker {
                    broken.append("lease \(id) is a copy of \(original), which does not know, or is of the same worker")
                }
            }
            if isCheck {
                checks += 1
            } else {
                var held = 0
                for index in lease.trials { if case .leased(holder) = states[index] { held += 1 } }
                if holder == id { ownTrials += held }
                // It would take a credit from its worker for ever.
                if held == 0 { broken.append("lease \(id) holds nothing that is not done") }
            }
            if let copy = lease.copy, leases[copy]?.purpose != .copy(of: id) {
                broken.append("lease \(id) has a copy \(copy) that is none")
            }
            for place in lease.trials.indices.dropFirst() where lease.trials[place - 1] >= lease.trials[place] {
                broken.append("lease \(id) is not in order, or holds a trial twice")
            }
            // Groups are runs of neighbours.
            if let first = lease.trials.first, let last = lease.trials.last,
                grid.group(of: first) != lease.group || grid.group(of: last) != lease.group
            {
                broken.append("lease \(id) is of two groups")
            }
        }
        if checks != checking { broken.append("\(checks) checks are out, the count says \(checking)") }
        // No lease holds a trial twice, so where the numbers agree each leased trial is held by its own lease.
        if ownTrials != leased {
            for (index, state) in states.enumerated() {
                guard case .leased(let id) = state, leases[id]?.trials.contains(index) != true || leases[id]?.purpose != .own else {
                    continue
                }
                broken.append("trial \(index) is leased as \(id), which does not hold it")
            }
        }
        return owners
    }

    private func findBroken(inWorkers broken: inout [String], owners: Owners) {
        var listed = Owners(), sum = 0, withRoom = 0
        for (id, worker) in workers {
            sum += worker.slots
            for lease in worker.leases { listed.add(id, of: lease) }
            if routes[worker.route] != id { broken.append("worker \(id) is not at the end of its own route") }
            if worker.leases.count < worker.credits {
                withRoom += 1
                if !hungry.contains(id) { broken.append("worker \(id) has credit, and is not in the list of the hungry") }
            }
            if min(worker.lastSent + configuration.heartbeatInterval, worker.lastHeard + configuration.silence) < alarm {
                broken.append("worker \(id) has a deadline before the alarm")
            }
        }
        if listed != owners {
            for (id, worker) in workers {
                for lease in worker.leases where leases[lease]?.worker != id {
                    broken.append("worker \(id) lists lease \(lease), which is another's or nobody's")
                }
            }
            for (id, lease) in leases where workers[lease.worker]?.leases.contains(id) != true {
                broken.append("lease \(id) is owned by \(lease.worker), who is not here or does not know")
            }
        }
        if routes.count != workers.count { broken.append("\(routes.count) routes for \(workers.count) workers") }
        if hungry.count != withRoom { broken.append("\(withRoom) workers have credit, the list of the hungry has \(hungry.count)") }
        if slots != sum { broken.append("\(slots) slots are not the sum of the workers'") }
        // Asked of lists that are right.
        guard broken.isEmpty, !isDraining, !isStoreBlocked, !waiting.isEmpty else { return }
        var all: [Int]?
        for id in hungry where !isQuarantined(id) && !isAtRisk(id) {
            // Once, and most of the time not at all.
            let trials = all ?? waiting.all
            all = trials
            if let trial = trials.first(where: { may(id, try: $0) }) {
                broken.append("trial \(trial) waits beside worker \(id), which has room")
            }
        }
    }

    /// Whose leases are, whatever the order in which that is said: a sum over pairs, since a set of them costs more than all the rest.
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
