// Scheduler+Invariants.swift · Coordinator/Scheduling. What is true after every event; tests and the simulation ask after each.

internal import Wire

extension Scheduler {
    /// Stops the program with the two facts that disagree. Costs a pass over all trials: for tests.
    func checkInvariants() {
        var waitingTrials = 0, unstored = 0
        for (index, state) in states.enumerated() {
            switch state {
            case .waiting: waitingTrials += 1
            case .leased(let id):
                precondition(leases[id]?.trials.contains(index) == true, "trial \(index) is leased as \(id), which does not hold it")
            case .delivered, .stored: break
            }
            if state != .stored { unstored += 1 }
        }
        precondition(waitingTrials == waiting.count, "\(waitingTrials) trials wait, the queue says \(waiting.count)")
        precondition(unstored == remaining, "\(unstored) trials are not stored, the count says \(remaining)")
        for (id, lease) in leases {
            precondition(
                workers[lease.worker]?.leases.contains(id) == true,
                "lease \(id) is owned by \(lease.worker), who is not here or does not know")
        }
        for (id, worker) in workers {
            precondition(routes[worker.route] == id, "worker \(id) is not at the end of its own route")
            for lease in worker.leases {
                precondition(leases[lease]?.worker == id, "worker \(id) lists lease \(lease), which is another's or nobody's")
            }
        }
        precondition(routes.count == workers.count, "\(routes.count) routes for \(workers.count) workers")
    }
}
