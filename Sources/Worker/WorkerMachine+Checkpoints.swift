// WorkerMachine+Checkpoints.swift · Worker. What is said of a long trial on its way, and how it goes elsewhere when this worker drains.

internal import Vocabulary
internal import Wire

extension Lease {
    /// Its trial can be paused.
    var isLong: Bool { ProblemDeclaration.named(group.problem)?.isLong ?? false }
}

extension WorkerMachine {
    /// As the coordinator asks for them; before it has, its default.
    var checkpointRule: CheckpointRule {
        if case .joined(let welcome) = connection { welcome.checkpoints } else { CheckpointRule() }
    }

    /// Only the newest counts: an older one that was not answered is forgotten.
    mutating func note(_ checkpoint: Checkpoint, of lease: LeaseID, at now: Instant) -> [Effect] {
        guard running[lease] != nil else { return [] }
        unanswered[lease] = checkpoint
        return isJoined ? [send(.checkpoint(lease, checkpoint), at: now)] : []
    }

    mutating func pause(_ id: LeaseID, at now: Instant) -> [Effect] {
        if stopping.removeValue(forKey: id) != nil { return fillSlots() }
        guard let lease = running.removeValue(forKey: id) else { return [] }
        paused[id] = lease
        return giveBackPaused(at: now) + leaveIfDrained(at: now)
    }

    /// Those whose checkpoint the coordinator has: from now on somebody else may go on.
    mutating func giveBackPaused(at now: Instant) -> [Effect] {
        guard isJoined else { return [] }
        let answered = paused.keys.filter { unanswered[$0] == nil }.sorted()
        for lease in answered { paused[lease] = nil }
        return answered.map { send(.cancel($0), at: now) }
    }

    /// - Parameter refusal: nil when it is durable. Either way there is nothing more to say of it.
    mutating func hear(answer refusal: String?, to key: TrialKey, _ epoch: Int, at now: Instant) -> [Effect] {
        let notice = refusal.map { [Effect.notice("the coordinator takes no checkpoint of trial \(key): \($0)")] } ?? []
        for (lease, checkpoint) in unanswered where checkpoint.key == key && checkpoint.epoch <= epoch { unanswered[lease] = nil }
        return notice + giveBackPaused(at: now) + leaveIfDrained(at: now)
    }

    /// The coordinator throws it away: nobody else shall try it.
    mutating func refuse(_ id: LeaseID, _ reason: String, at now: Instant) -> [Effect] {
        guard let checkpoint = (running[id] ?? stopping[id])?.checkpoint else { return [] }
        let notice = Effect.notice("trial \(checkpoint.key) starts from the beginning: \(reason)")
        let answer = Message.checkpointAnswer(checkpoint.key, epoch: checkpoint.epoch, refusal: reason)
        return isJoined ? [notice, send(answer, at: now)] : [notice]
    }
}
