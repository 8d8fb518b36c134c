// Scheduler+Invariants.swift · Coordinator/Scheduling. What is true after every event; tests and the simulation ask after each.

internal import Wire

extension Scheduler {
    /// What should be true and is not, in words; empty when all is well. Costs a pass over all trials.
    var brokenInvariants: [String] { brokenAboutTrials + brokenAboutLeases + brokenAboutWorkers }

    private var brokenAboutTrials: [String] {
        var broken: [String] = []
        var waitingTrials = 0, unstored = 0, failed = 0
        for (index, state) in states.enumerated() {
            switch state {
            case .waiting: waitingTrials += 1
            case .leased(let id):
                if leases[id]?.trials.contains(index) != true || leases[id]?.purpose != .own {
                    broken.append("trial \(index) is leased as \(id), which does not hold it")
                }
            case .delivered, .stored: break
            case .failed: failed += 1
            }
            if state != .stored, state != .failed { unstored += 1 }
            if (state == .waiting) != waiting.contains(index) { broken.append("trial \(index) is \(state), the queue thinks otherwise") }
            if state == .stored || state == .failed, histories[index] != nil { broken.append("trial \(index) is stored and has a history") }
        }
        if waitingTrials != waiting.count { broken.append("\(waitingTrials) trials wait, the queue says \(waiting.count)") }
        if waiting.all.count != waiting.count { broken.append("the queue hands out \(waiting.all.count) trials and says \(waiting.count)") }
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
            if workers[lease.worker]?.leases.contains(id) != true {
                broken.append("lease \(id) is owned by \(lease.worker), who is not here or does not know")
            }
            // It would take a credit from its worker for ever.
            switch lease.purpose {
            case .check: checks += 1
            case .own, .copy: if trialsHeld(by: id).isEmpty { broken.append("lease \(id) holds nothing that is not done") }
            }
            if case .copy(let original) = lease.purpose, leases[original]?.copy != id || lease.worker == leases[original]?.worker {
                broken.append("lease \(id) is a copy of \(original), which does not know, or is of the same worker")
            }
            if let copy = lease.copy, leases[copy]?.purpose != .copy(of: id) {
                broken.append("lease \(id) has a copy \(copy) that is none")
            }
            if lease.trials != Set(lease.trials).sorted() { broken.append("lease \(id) is not in order, or holds a trial twice") }
            if lease.trials.contains(where: { grid.group(of: $0) != lease.group }) { broken.append("lease \(id) is of two groups") }
        }
        if checks != checking { broken.append("\(checks) checks are out, the count says \(checking)") }
        return broken
    }

    private var brokenAboutWorkers: [String] {
        var broken: [String] = []
        for (id, worker) in workers {
            if routes[worker.route] != id { broken.append("worker \(id) is not at the end of its own route") }
            for lease in worker.leases where leases[lease]?.worker != id {
                broken.append("worker \(id) lists lease \(lease), which is another's or nobody's")
            }
            if hungry.contains(id) != (worker.leases.count < worker.credits) {
                broken.append(
                    "worker \(id) has \(worker.leases.count) leases for \(worker.credits) credits, the list of the hungry is wrong")
            }
            if min(worker.lastSent + configuration.heartbeatInterval, worker.lastHeard + configuration.silence) < alarm {
                broken.append("worker \(id) has a deadline before the alarm")
            }
        }
        if routes.count != workers.count { broken.append("\(routes.count) routes for \(workers.count) workers") }
        if !hungry.allSatisfy({ workers[$0] != nil }) { broken.append("a worker that is gone has credit") }
        if slots != workers.values.reduce(0, { $0 + $1.hello.slots }) { broken.append("\(slots) slots are not the sum of the workers'") }
        let idle = hungry.filter { !isQuarantined($0) && !isAtRisk($0) }
        if !isDraining, !isStoreBlocked, !waiting.isEmpty, idle.contains(where: { id in waiting.all.allSatisfy { may(id, try: $0) } }) {
            broken.append("trials wait beside workers that have room")
        }
        return broken
    }
}
