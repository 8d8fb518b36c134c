// Scheduler+Copies.swift · Coordinator/Scheduling. The end of a sweep: what a slow worker is late with is given to an idle one as well.
// The first results end both.

internal import Vocabulary
internal import Wire

extension Scheduler {
    /// Whether `tick` has something to look for that no event announces.
    var mustLook: Bool {
        guard !isDraining, !isStoreBlocked else { return false }
        return !checks.isEmpty || waiting.isEmpty && !hungry.isEmpty && !leases.isEmpty
    }

    /// 0.25 s: a copy that comes so much later costs nothing beside a lease.
    private static let lookInterval: Duration = .milliseconds(250)

    mutating func look(at now: Instant) -> [Effect] {
        guard mustLook, now >= lookAt else { return [] }
        lookAt = now + Self.lookInterval
        return copy(at: now) + giveUpChecks(at: now)
    }

    /// Gives each worker with a free slot the lease that has been out longest, unless it is its own.
    private mutating func copy(at now: Instant) -> [Effect] {
        // Most of the time nothing is late for anybody.
        let limit = configuration.leaseDuration + configuration.leaseDuration
        guard waiting.isEmpty, leases.values.contains(where: { now - $0.since >= limit }) else { return [] }
        let idle = hungry.filter { workers[$0]!.leases.count < workers[$0]!.slots && !isQuarantined($0) && !isAtRisk($0) }
        guard !idle.isEmpty else { return [] }
        // What killed a worker, or failed, is not given to two.
        func isInnocent(_ trial: Int) -> Bool { crashes(of: trial) == 0 && histories[trial]?.failedOn.isEmpty != false }
        var late = leases.filter { $0.value.purpose == .own && $0.value.copy == nil && trialsHeld(by: $0.key).allSatisfy(isInnocent) }
            .sorted {
                ($0.value.since, $0.key) < ($1.value.since, $1.key)
            }
        var effects: [Effect] = []
        for worker in idle.sorted(by: { $0.order < $1.order }) {
            guard let place = late.firstIndex(where: { isLate($0.value, for: worker, at: now) }) else { continue }
            let original = late.remove(at: place).key
            let trials = trialsHeld(by: original)
            let id = newLease()
            for trial in trials { histories[trial]!.attempts += 1 }
            leases[id] = LeaseState(
                worker: worker, group: leases[original]!.group, trials: trials, since: now, purpose: .copy(of: original))
            leases[original]!.copy = id
            change(worker) { $0.leases.insert(id) }
            effects.append(issue(id, at: now))
        }
        return effects
    }

    /// Whether it has been out for twice as long as this worker, or any, would need for it. A lease may wait behind another of its worker.
    private func isLate(_ lease: LeaseState, for worker: WorkerID, at now: Instant) -> Bool {
        let own = secondsPerTrial(of: worker) * Double(lease.trials.count)
        return lease.worker != worker && now - lease.since >= max(configuration.leaseDuration, .seconds(own)) * 2
    }
}
