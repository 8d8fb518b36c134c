// Scheduler+Checks.swift · Coordinator/Scheduling. Second runs by chance (audit) and third runs by disagreement: who gets them, and what
// follows from what the store finds.

internal import Vocabulary
internal import Wire

extension Scheduler {
    private var audit: Audit { Audit(share: configuration.audit, lanes: configuration.lanes) }

    /// A trial of a chosen block became durable; with its last one the block is to be checked.
    mutating func noteForAudit(_ index: Int, by author: Author) {
        guard let block = audit.block(of: index, in: grid) else { return }
        authors[index] = author
        guard block.allSatisfy({ states[$0] == .stored || states[$0] == .failed }) else { return }
        let trials = block.filter { states[$0] == .stored }
        if !trials.isEmpty { checks.append(Verification(trials: trials, authors: Set(trials.compactMap { authors[$0] }))) }
        for trial in block { authors[trial] = nil }
    }

    mutating func note(_ disagreements: [Disagreement], at now: Instant) -> [Effect] {
        var effects: [Effect] = []
        for disagreement in disagreements {
            effects.append(.notice(.disagreed(disagreement)))
            switch disagreement.verdict {
            case .open:
                guard let index = grid.index(of: disagreement.trial) else { continue }
                checks.append(Verification(trials: [index], authors: Set(disagreement.authors), isThird: true))
            case .settled(let wrong): for author in wrong { effects += condemn(author) }
            case .unsettled: break
            }
        }
        return effects + grant(at: now)
    }

    /// Its bits are wrong: it gets nothing more while another is there.
    private mutating func condemn(_ author: Author) -> [Effect] {
        guard condemned.insert(author.worker).inserted else { return [] }
        return [.notice(.quarantined(author.worker, host: author.host, reason: "two others agree on bits that it computed differently"))]
    }

    /// Where workers are that could check, found out once for all that is handed out in one go.
    struct Checkers {
        fileprivate let hosts: Set<String>
        /// Hosts whose workers may have none of the checks that there are.
        fileprivate var without: Set<String> = []

        init(_ hosts: Set<String>) { self.hosts = hosts }
    }

    /// Of workers that get work.
    func hosts() -> Set<String> {
        var hosts: Set<String> = []
        for (id, worker) in workers where worker.credits > 0 && !isQuarantined(id) { hosts.insert(worker.host) }
        return hosts
    }

    mutating func makeCheck(for worker: WorkerID, _ checkers: inout Checkers, at now: Instant) -> LeaseID? {
        guard !checks.isEmpty else { return nil }
        let host = workers[worker]!.host
        guard !checkers.without.contains(host) else { return nil }
        guard let first = checks.firstIndex(where: { $0.suits(host, among: checkers.hosts) }) else {
            checkers.without.insert(host)
            return nil
        }
        guard let place = checks[first...].firstIndex(where: { $0.suits(host, among: checkers.hosts) && !$0.isOf(worker) }) else {
            return nil
        }
        var check = checks.remove(at: place)
        if check.trials.count > configuration.trialsPerLease {
            // More than whose results fit into one frame.
            var rest = check
            rest.trials.removeFirst(configuration.trialsPerLease)
            check.trials = Array(check.trials.prefix(configuration.trialsPerLease))
            checks.insert(rest, at: place)
        }
        let id = newLease()
        leases[id] = LeaseState(
            worker: worker, group: grid.group(of: check.trials[0]), trials: check.trials, since: now, purpose: .check(check))
        checking += 1
        change(worker) { $0.leases.insert(id) }
        return id
    }

    /// What a check did not bring is somebody else's to check.
    mutating func retry(_ check: Verification, of lease: LeaseID, without results: [TrialResult]) {
        let done = Set(results.lazy.filter { !$0.isFailure }.map(\.key))
        let left = check.trials.filter { !done.contains(grid.key(of: $0)) }
        guard !left.isEmpty, let worker = workers[leases[lease]!.worker] else { return }
        var rest = check
        rest.trials = left
        rest.authors.insert(Author(worker: leases[lease]!.worker, host: worker.host))
        checks.append(rest)
    }

    /// When checks are all that is left and nobody is there for them, they are left out after a while and said to be.
    mutating func giveUpChecks(at now: Instant) -> [Effect] {
        func hasSomebody() -> Bool {
            let hosts = hosts()
            return workers.contains { id, worker in
                worker.credits > 0 && !isQuarantined(id) && checks.contains { $0.suits(worker.host, among: hosts) && !$0.isOf(id) }
            }
        }
        guard remaining == 0, checking == 0, !checks.isEmpty, !hasSomebody() else {
            uncheckedSince = nil
            return []
        }
        uncheckedSince = uncheckedSince ?? now
        guard now - uncheckedSince! >= configuration.silence else { return [] }
        let left = checks.reduce(0) { $0 + $1.trials.count }
        checks = []
        return [.notice(.unchecked(trials: left))] + dismiss(at: now)
    }
}
