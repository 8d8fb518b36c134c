// Scheduler+Invariants.swift · Coordinator/Scheduling. What is true after every event; tests and the simulation ask after each.

internal import Wire

extension Scheduler {
    /// What should be true and is not, in words; empty when all is well. Costs a pass over all trials, and little more where all is well:
    /// the simulation asks after millions of events.
    var brokenInvariants: [String] { brokenAboutTrials + brokenAboutLeases + brokenAboutWorkers }

    private var brokenAboutTrials: [String] {
        var broken: [String] = []
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
        // No trial is in a lease twice (below), so where the numbers agree each leased trial is held by its own lease.
        var held = 0
        for (id, lease) in leases where lease.purpose == .own {
            for index in lease.trials { if case .leased(id) = states[index] { held += 1 } }
        }
        if held != leased {
            for (index, state) in states.enumerated() {
                guard case .leased(let id) = state, leases[id]?.trials.contains(index) != true || leases[id]?.purpose != .own else {
                    continue
                }
                broken.append("trial \(index) is leased as \(id), which does not hold it")
            }
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
        return broken
    }

    private var brokenAboutLeases: [String] {
        var broken: [String] = [], checks = 0
        for (id, lease) in leases {
            var holder = id
            switch lease.purpose {
            case .own: break
            case .check: checks += 1
            case .copy(let original):
                holder = original
                if leases[original]?.copy != id || lease.worker == leases[original]?.worker {
                    broken.append("lease \(id) is a copy of \(original), which does not know, or is of the same worker")
                }
            }
            // It would take a credit from its worker for ever.
            var isCheck = false
            if case .check = lease.purpose { isCheck = true }
            if !isCheck, !lease.trials.contains(where: { if case .leased(holder) = states[$0] { true } else { false } }) {
                broken.append("lease \(id) holds nothing that is not done")
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
        return broken
    }

    private var brokenAboutWorkers: [String] {
        var broken: [String] = [], sum = 0, owned = 0, withRoom = 0
        for (id, worker) in workers {
            sum += worker.hello.slots
            owned += worker.leases.count
            if routes[worker.route] != id { broken.append("worker \(id) is not at the end of its own route") }
            for lease in worker.leases where leases[lease]?.worker != id {
                broken.append("worker \(id) lists lease \(lease), which is another's or nobody's")
            }
            if worker.leases.count < worker.credits { withRoom += 1 }
            if min(worker.lastSent + configuration.heartbeatInterval, worker.lastHeard + configuration.silence) < alarm {
                broken.append("worker \(id) has a deadline before the alarm")
            }
        }
        // Each worker's are its own (above), so where the numbers agree nobody's lease is left over.
        if owned != leases.count {
            for (id, lease) in leases where workers[lease.worker]?.leases.contains(id) != true {
                broken.append("lease \(id) is owned by \(lease.worker), who is not here or does not know")
            }
        }
        if routes.count != workers.count { broken.append("\(routes.count) routes for \(workers.count) workers") }
        for id in hungry where workers[id].map({ $0.leases.count < $0.credits }) != true {
            broken.append("worker \(id) is gone or has no credit, and is in the list of the hungry")
        }
        if hungry.count != withRoom { broken.append("\(withRoom) workers have credit, the list of the hungry has \(hungry.count)") }
        if slots != sum { broken.append("\(slots) slots are not the sum of the workers'") }
        if !isDraining, !isStoreBlocked, !waiting.isEmpty, !hungry.isEmpty {
            let idle = hungry.filter { !isQuarantined($0) && !isAtRisk($0) }
            if idle.contains(where: { id in waiting.all.allSatisfy { may(id, try: $0) } }) {
                broken.append("trials wait beside workers that have room")
            }
        }
        return broken
    }
}
