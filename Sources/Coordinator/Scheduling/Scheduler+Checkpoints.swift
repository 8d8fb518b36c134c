// Scheduler+Checkpoints.swift · Coordinator/Scheduling. Where long trials are, so that one that loses its worker goes on elsewhere.

internal import Vocabulary
internal import Wire

extension Scheduler {
    /// A checkpoint of a trial that the worker has on this lease. Any other is refused with its reason, so that nobody waits for an
    /// answer: a worker that drains leaves only when it has one.
    mutating func take(_ checkpoint: Checkpoint, of lease: LeaseID, from id: WorkerID, at now: Instant) -> [Effect] {
        let route = workers[id]!.route
        guard let index = grid.index(of: checkpoint.key), leases[lease]?.worker == id, trialsHeld(by: lease).contains(index) else {
            // It was taken from the worker and given to another, or is done: no mistake of anybody's.
            return [answer(checkpoint, "the trial is no longer this worker's", to: id, at: now)]
        }
        leases[lease]!.hasBegun = true
        let epochs = grid.groups[grid.group(of: index)].spec.parameters["epochs"]
        let reason: String? =
            if !grid.spec.declaration.isLong {
                "trials of \(grid.spec.problem) have no checkpoints"
            } else if case .integer(let count) = epochs, !(1..<max(2, count)).contains(checkpoint.epoch) {
                "it is after \(checkpoint.epoch) of \(count) epochs"
            } else if !checkpoint.isIntact {
                "its content does not match its hash"
            } else { nil }
        guard let reason else { return [.keep(checkpoint, from: route)] }
        let notice = Notice.refusedCheckpoint(checkpoint.key, epoch: checkpoint.epoch, host: workers[id]!.host, reason: reason)
        return [answer(checkpoint, reason, to: id, at: now), .notice(notice)]
    }

    private mutating func answer(_ checkpoint: Checkpoint, _ refusal: String, to id: WorkerID, at now: Instant) -> Effect {
        send(.checkpointAnswer(checkpoint.key, epoch: checkpoint.epoch, refusal: refusal), to: id, at: now)
    }

    /// The disk has it: the worker may forget it, and the next lease of the trial goes on from it.
    mutating func kept(_ mark: CheckpointMark, from route: Route, at now: Instant) -> [Effect] {
        if let index = grid.index(of: mark.key), states[index] != .stored, mark.epoch >= checkpoints[index]?.epoch ?? 0 {
            checkpoints[index] = mark
        }
        if let id = routes[route] { workers[id]!.lastSent = now }
        return [reply(.checkpointAnswer(mark.key, epoch: mark.epoch, refusal: nil), to: route)]
    }

    mutating func lose(checkpointOf key: TrialKey) -> [Effect] {
        if let index = grid.index(of: key) { checkpoints[index] = nil }
        return []
    }

    /// A worker could make nothing of the checkpoint that it was given, and has begun from the beginning.
    mutating func hear(refusal: String?, of key: TrialKey, _ epoch: Int, from id: WorkerID) -> [Effect] {
        guard let refusal, let index = grid.index(of: key), checkpoints[index] != nil, case .leased(let lease) = states[index],
            [lease, leases[lease]?.copy].contains(where: { $0.flatMap { leases[$0] }?.worker == id })
        else { return [] }
        checkpoints[index] = nil
        return [
            .forgetCheckpoint(key),
            .notice(.refusedCheckpoint(key, epoch: epoch, host: workers[id]!.host, reason: refusal)),
        ]
    }
}
