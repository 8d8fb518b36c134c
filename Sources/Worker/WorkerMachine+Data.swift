// WorkerMachine+Data.swift · Worker. Leases whose files are missing wait in the queue while one file after the other is fetched.

internal import Vocabulary
internal import Wire

extension WorkerMachine {
    /// The first file that a queued lease needs and the cache lacks. Files are fetched one at a time, since one connection carries all.
    private var missingFile: Digest? {
        guard !files.isEmpty else { return nil }
        for lease in queued { if let file = files[lease.id]?.first(where: { !fetch.isHere($0) }) { return file } }
        return nil
    }

    var dataDeadline: Instant { missingFile.map { fetch.deadline(of: $0, isJoined: isJoined) } ?? .distantFuture }

    /// Takes the next step for the first missing file, if one is due.
    mutating func fetchData(at now: Instant) -> [Effect] {
        // Forget the files of leases that have left the queue.
        if files.count > queued.count { files = files.filter { id, _ in queued.contains { $0.id == id } } }
        guard let file = missingFile, let step = fetch.next(for: file, isJoined: isJoined, at: now) else { return [] }
        switch step {
        case .disk(let command, let file): return [.data(command, file)]
        case .ask(let file, let offset): return [send(.dataRequest(file, offset: offset), at: now)]
        }
    }

    mutating func take(_ chunk: DataChunk, at now: Instant) -> [Effect] {
        guard chunk.total > 0 else { return fail(needing: chunk.digest, at: now) }
        return fetch.take(chunk).map { [.data($0, chunk.digest)] } ?? []
    }

    /// Fails the trials that need a file which the coordinator does not have: no worker could get it.
    private mutating func fail(needing file: Digest, at now: Instant) -> [Effect] {
        guard !fetch.isHere(file) else { return [] }
        let leases = queued.filter { files[$0.id]?.contains(file) ?? false }
        queued.removeAll { files[$0.id]?.contains(file) ?? false }
        let reason = "the coordinator has no data file \(file)"
        return leases.flatMap { lease in
            settle(lease, lease.trials.map { TrialResult(failure: reason, of: $0) }, at: now)
        }
    }

    /// Called with the outcome of an operation on the cache.
    mutating func note(_ outcome: DataOutcome, of file: Digest, at now: Instant) -> [Effect] {
        let notice = outcome == .wrong ? [Effect.notice("data file \(file) in the cache does not match its hash: it is fetched again")] : []
        let command: DataCommand?
        do { command = try fetch.note(outcome, of: file, at: now) } catch { return notice + giveUp(error, at: now) }
        if let command { return notice + [.data(command, file)] }
        return notice + (fetch.isHere(file) ? fillSlots() : []) + fetchData(at: now)
    }
}
