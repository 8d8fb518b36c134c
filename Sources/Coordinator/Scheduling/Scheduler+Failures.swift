// Scheduler+Failures.swift · Coordinator/Scheduling. Whose fault a failure is: the trial's, which is then set aside, or the worker's,
// which then gets nothing while others are there.

internal import Vocabulary

extension Scheduler {
    /// 3: one lease may fail for its own reasons, and two by chance.
    private static let failuresToQuarantine = 3

    /// Whether it gets no work. Where nobody is better, everybody is good enough: a sweep that fails everywhere has to come to its end.
    func isQuarantined(_ id: WorkerID) -> Bool { isSuspect(id) && workers.keys.contains { !isSuspect($0) } }

    private func isSuspect(_ id: WorkerID) -> Bool {
        condemned.contains(id) || workers[id]!.failuresInRow >= Self.failuresToQuarantine
    }

    /// A worker says that it cannot compute a trial which nobody else computes at this time.
    /// - Returns: whether that is the trial's result: enough workers have failed, or nobody is left to try it.
    mutating func fails(_ index: Int, on worker: WorkerID) -> Bool {
        histories[index, default: TrialHistory()].failedOn.insert(worker)
        let failedOn = histories[index]!.failedOn
        guard failedOn.count >= configuration.failureLimit || !hasOthers(than: failedOn) else { return false }
        // It is the trial: no worker is to blame.
        for worker in failedOn where workers[worker] != nil { change(worker) { $0.failuresInRow = 0 } }
        return true
    }

    private func hasOthers(than failedOn: Set<WorkerID>) -> Bool {
        workers.contains { $0.value.credits > 0 && !failedOn.contains($0.key) && !isQuarantined($0.key) }
    }

    /// Whether a trial that waits may go to a worker. Not to one that has failed at it while another could try; and where a worker has
    /// died over it, only to one that has nothing else, so that the next death blames no other trial.
    func may(_ worker: WorkerID, try index: Int) -> Bool {
        guard let history = histories[index] else { return true }
        if history.crashes > 0, !workers[worker]!.leases.isEmpty { return false }
        return !history.failedOn.contains(worker) || !hasOthers(than: history.failedOn)
    }

    /// It computes what may kill it, and gets nothing beside that.
    func isAtRisk(_ worker: WorkerID) -> Bool { workers[worker]!.leases.contains { leases[$0]!.isRisky } }

    /// A lease came back.
    /// - Parameter didAny: whether anything in it was computed.
    mutating func judge(_ worker: WorkerID, didAny: Bool) -> [Effect] {
        guard workers[worker] != nil else { return [] }
        if didAny {
            change(worker) { $0.failuresInRow = 0 }
            return []
        }
        return blame(worker)
    }

    /// Somebody has computed what these workers had failed at.
    mutating func blame(_ failedOn: Set<WorkerID>) -> [Effect] {
        failedOn.filter { workers[$0] != nil }.sorted { $0.order < $1.order }.flatMap { blame($0) }
    }

    private mutating func blame(_ worker: WorkerID) -> [Effect] {
        change(worker) { $0.failuresInRow += 1 }
        guard workers[worker]!.failuresInRow == Self.failuresToQuarantine, isQuarantined(worker) else { return [] }
        let reason = "\(Self.failuresToQuarantine) leases failed one after the other where others succeed"
        return [.notice(.quarantined(worker, host: workers[worker]!.host, reason: reason))]
    }
}
