// Verifications.swift · Coordinator/Scheduling, a part of Scheduler. The second runs of audited blocks and the third runs of trials whose
// bits differ: which are pending, which are running, and which worker may have which.

internal import Vocabulary

struct Verifications {
    let grid: Grid
    let audit: Audit
    /// A verification over which so many workers were lost is abandoned.
    let crashLimit: Int
    /// Trials whose results fit into one frame.
    let trialsPerLease: Int
    /// No worker has these yet, in the order in which they were asked for.
    private(set) var pending: [Verification]
    /// By the lease that a worker has for it.
    private(set) var running: [LeaseID: Verification] = [:]
    /// Who computed the stored trials of audited blocks, by grid index, until all of a block is stored.
    private(set) var authors: [Int: Author] = [:]
    /// Since when verifications are all that is left to do and nobody is here for them; nil while somebody is, or work is left.
    private(set) var unattendedSince: Instant?
}

extension Verifications {
    /// Where the workers are that are given work, and for which of these stations no pending verification is eligible. It holds for one
    /// pass over the workers with free credits, in which no verification is added.
    struct Stations {
        let withWorkers: Set<Station>
        fileprivate(set) var withoutEligible: Set<Station> = []

        init(_ withWorkers: Set<Station>) { self.withWorkers = withWorkers }
    }

    /// - Parameter pending: verifications that earlier incarnations left.
    init(_ grid: Grid, audit: Audit, crashLimit: Int, trialsPerLease: Int, pending: [Verification]) {
        self.init(grid: grid, audit: audit, crashLimit: crashLimit, trialsPerLease: trialsPerLease, pending: pending, running: [:])
    }

    /// Nothing is left to verify for now; a result may still bring a disagreement or complete a block.
    var isEmpty: Bool { pending.isEmpty && running.isEmpty }

    /// Whether a pending verification may go to a worker at this station.
    /// - Parameter stations: where workers are that are given work.
    func hasPending(for station: Station, among stations: Set<Station>) -> Bool {
        pending.contains { $0.isEligible(station, among: stations) }
    }

    // MARK: What is to be verified

    /// Two workers disagree on a trial, and a third one decides.
    mutating func decide(_ trial: Int, between authors: [Author]) {
        pending.append(Verification(trials: [trial], authors: Set(authors)))
    }

    /// A trial became durable. When that completes an audited block, the block is to be verified, without its failures.
    mutating func recordAuthor(_ author: Author, of index: Int, in trials: borrowing Trials) {
        guard let block = audit.block(of: index, in: grid) else { return }
        authors[index] = author
        var stored: [Int] = []
        for trial in block {
            guard trials.isPersisted(trial) else { return }
            if trials[trial] == .stored { stored.append(trial) }
        }
        pending += [Verification](of: stored) { authors[$0] }
        for trial in block { authors[trial] = nil }
    }

    // MARK: From pending to running and back

    /// - Returns: the first pending verification that the worker may have, cut to the size of a lease; nil where there is none.
    mutating func take(for station: Station, _ stations: inout Stations) -> Verification? {
        guard !pending.isEmpty, !stations.withoutEligible.contains(station) else { return nil }
        guard let position = pending.firstIndex(where: { $0.isEligible(station, among: stations.withWorkers) }) else {
            stations.withoutEligible.insert(station)
            return nil
        }
        var verification = pending[position]
        guard verification.trials.count > trialsPerLease else { return pending.remove(at: position) }
        pending[position].trials.removeFirst(trialsPerLease)
        verification.trials = Array(verification.trials.prefix(trialsPerLease))
        return verification
    }

    /// The verification of a lease that was late and has just ended: another worker is given it.
    mutating func takeMoved() -> Verification { pending.removeLast() }

    /// A verification that was taken is given to its worker.
    mutating func start(_ verification: Verification, as lease: LeaseID) {
        precondition(running[lease] == nil, "lease \(lease) is a verification already")
        running[lease] = verification
    }

    /// The lease brought results. What it brought none of is for another worker.
    /// - Parameter worker: the worker of the lease.
    mutating func recordResults(_ results: [TrialResult], of lease: LeaseID, by worker: Author) {
        let done = Set(results.lazy.filter { !$0.isFailure }.map(\.key))
        running[lease]!.trials = running[lease]!.trials.filter { !done.contains(grid.key(of: $0)) }
        running[lease]!.authors.insert(worker)
    }

    /// The worker of the lease was lost while it computed it.
    /// - Returns: how many trials are abandoned when the lease ends, because that has happened too often; 0 before.
    mutating func recordCrash(of lease: LeaseID) -> Int {
        running[lease]!.crashes += 1
        return isAbandoned(running[lease]!) ? running[lease]!.trials.count : 0
    }

    private func isAbandoned(_ verification: Verification) -> Bool { verification.crashes >= crashLimit }

    /// The lease ended, for whatever reason. What is left of it is pending again, unless it is abandoned.
    mutating func end(_ lease: LeaseID) {
        guard let rest = running.removeValue(forKey: lease) else { preconditionFailure("lease \(lease) is no verification") }
        if !rest.trials.isEmpty, !isAbandoned(rest) { pending.append(rest) }
    }

    /// When pending verifications are all that is left to do and nobody is here for them, they are abandoned after a while.
    /// - Parameters:
    ///   - isAttended: whether other work is left, or a worker is here that may have one of them.
    ///   - limit: how long they wait for such a worker.
    /// - Returns: how many trials are abandoned.
    mutating func abandonUnattended(_ isAttended: Bool, at now: Instant, after limit: Duration) -> Int {
        guard !isAttended, running.isEmpty, !pending.isEmpty else {
            unattendedSince = nil
            return 0
        }
        let since = unattendedSince ?? now
        unattendedSince = since
        guard now - since >= limit else { return 0 }
        defer { pending = [] }
        return pending.reduce(0) { $0 + $1.trials.count }
    }
}

// MARK: What is true at any time

extension Verifications {
    /// Appends what should be true of the verifications and is not.
    /// - Parameter trials: only trials with a result are verified. It may be on its way to the disk still.
    func findBroken(_ broken: inout [String], in trials: borrowing Trials) {
        for verification in pending { findBroken(verification, "a pending verification", in: trials, &broken) }
        for (lease, verification) in running { findBroken(verification, "lease \(lease)", in: trials, &broken) }
    }

    private func findBroken(_ verification: Verification, _ name: String, in trials: borrowing Trials, _ broken: inout [String]) {
        if verification.trials.isEmpty { broken.append("\(name) verifies nothing") }
        for index in verification.trials where trials.awaitsResult(index) {
            broken.append("\(name) verifies trial \(index), which is \(trials[index])")
        }
    }
}
