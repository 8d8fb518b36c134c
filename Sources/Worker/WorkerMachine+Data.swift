// WorkerMachine+Data.swift · Worker. Leases whose files are not here wait in the queue while one file after the other is fetched.

internal import Vocabulary
internal import Wire

extension WorkerMachine {
    /// The first file that a queued lease needs and that is not here: one at a time, since one link carries all.
    private var missingFile: Digest? {
        guard !files.isEmpty else { return nil }
        for lease in queued { if let file = files[lease.id]?.first(where: { !fetch.isHere($0) }) { return file } }
        return nil
    }

    var dataDeadline: Instant { missingFile.map { fetch.deadline(of: $0, isJoined: isJoined) } ?? .distantFuture }

    mutating func fetchData(at now: Instant) -> [Effect] {
        // Leases that were dropped from the queue.
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

    /// The coordinator has no such file, so no worker will ever have it.
    private mutating func fail(needing file: Digest, at now: Instant) -> [Effect] {
        guard !fetch.isHere(file) else { return [] }
        let leases = queued.filter { files[$0.id]?.contains(file) ?? false }
        queued.removeAll { files[$0.id]?.contains(file) ?? false }
        let reason = "the coordinator has no data \(file)"
        return leases.flatMap { lease in
            settle(lease, lease.trials.map { TrialResult(failure: reason, of: $0) }, at: now)
        }
    }

    mutating func hear(_ news: DataNews, of file: Digest, at now: Instant) -> [Effect] {
        let notice = news == .wrong ? [Effect.notice("data \(file) here does not match its hash: it is fetched again")] : []
        let command: DataCommand?
        do { command = try fetch.hear(news, of: file, at: now) } catch { return notice + giveUp(error, at: now) }
        if let command { return notice + [.data(command, file)] }
        return notice + (fetch.isHere(file) ? fillSlots() : []) + fetchData(at: now)
    }
}
