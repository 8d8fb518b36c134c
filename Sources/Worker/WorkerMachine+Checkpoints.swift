// WorkerMachine+Checkpoints.swift · Worker. Checkpoints of long trials: their sending and answers, and how a draining worker pauses such a
// trial at a checkpoint and gives its lease back, so that another worker resumes it.

internal import Vocabulary
internal import Wire

extension Lease {
    /// Whether its trial makes checkpoints, so that it can be paused.
    var isLong: Bool { ProblemDeclaration.named(group.problem)?.isLong ?? false }
}

extension WorkerMachine {
    /// When trials make checkpoints: as the coordinator's Welcome says, or by default while the worker is not joined.
    var checkpointRule: CheckpointRule {
        if case .joined(let welcome) = connection { welcome.checkpoints } else { CheckpointRule() }
    }

    /// Called with a new checkpoint of a running lease. It replaces an older one that was not answered.
    mutating func note(_ checkpoint: Checkpoint, of lease: LeaseID, at now: Instant) -> [Effect] {
        guard running[lease] != nil else { return [] }
        unanswered[lease] = checkpoint
        return isJoined ? [send(.checkpoint(lease, checkpoint), at: now)] : []
    }

    /// Called when a compute thread has ended at a checkpoint because it was told to pause.
    mutating func pause(_ id: LeaseID, at now: Instant) -> [Effect] {
        if stopping.removeValue(forKey: id) != nil { return fillSlots() }
        guard let lease = running.removeValue(forKey: id) else { return [] }
        paused[id] = lease
        return giveBackPaused(at: now) + leaveIfDrained(at: now)
    }

    /// Gives back the paused leases whose checkpoints the coordinator has answered: another worker can resume them now.
    mutating func giveBackPaused(at now: Instant) -> [Effect] {
        guard isJoined else { return [] }
        let answered = paused.keys.filter { unanswered[$0] == nil }.sorted()
        for lease in answered { paused[lease] = nil }
        return answered.map { send(.cancel($0), at: now) }
    }

    /// Called with the coordinator's answer to a checkpoint, after which the checkpoint is not sent again.
    /// - Parameter refusal: nil when the coordinator has stored the checkpoint.
    mutating func note(answer refusal: String?, to key: TrialKey, _ epoch: Int, at now: Instant) -> [Effect] {
        let notice = refusal.map { [Effect.notice("the coordinator did not store a checkpoint of trial \(key): \($0)")] } ?? []
        for (lease, checkpoint) in unanswered where checkpoint.key == key && checkpoint.epoch <= epoch { unanswered[lease] = nil }
        return notice + giveBackPaused(at: now) + leaveIfDrained(at: now)
    }

    /// Called when a trial cannot be resumed from the checkpoint that came with its lease. The coordinator is told, so that it deletes the
    /// checkpoint and sends it to no other worker.
    mutating func refuse(_ id: LeaseID, _ reason: String, at now: Instant) -> [Effect] {
        guard let checkpoint = (running[id] ?? stopping[id])?.checkpoint else { return [] }
        let notice = Effect.notice("trial \(checkpoint.key) starts from the beginning: \(reason)")
        let answer = Message.checkpointAnswer(checkpoint.key, epoch: checkpoint.epoch, refusal: reason)
        return isJoined ? [notice, send(answer, at: now)] : [notice]
    }
}
