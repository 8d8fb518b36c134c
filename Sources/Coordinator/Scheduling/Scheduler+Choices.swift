// Scheduler+Choices.swift · Coordinator/Scheduling. What the scheduler asks its parts before it changes them: who may have what and how much
// of it, what is late, what a message says. Nothing here changes anything.

internal import Vocabulary
internal import Wire

// MARK: Workers

extension Scheduler {
    /// Why a worker may not join, for the worker and for the log; nil where it may.
    func refusal(of hello: Hello, from route: Route) -> (reason: String, notice: String)? {
        guard hello.selfTest == configuration.selfTest else {
            let reason = """
                this build computes other bits (self-test \("\(hello.selfTest)".prefix(12))…, the coordinator's is \
                \("\(configuration.selfTest)".prefix(12))…): install the coordinator's release on \(hello.host)
                """
            return (reason, "\(hello.host): \(reason)")
        }
        // A worker id is no secret; the key with which it was used first is.
        guard let owner = workers[hello.worker]?.route.peer, owner != route.peer else { return nil }
        let reason = "worker \(hello.worker) has joined with another key"
        return (reason, reason)
    }

    /// Whether a worker is given no work. Where only suspects are here they are given work all the same: a sweep that fails everywhere has to
    /// come to its end.
    func isQuarantined(_ id: WorkerID) -> Bool {
        isSuspect(id, workers[id]!) && workers.byID.contains { !isSuspect($0.key, $0.value) }
    }

    private func isSuspect(_ id: WorkerID, _ worker: WorkerState) -> Bool { failures.isSuspect(id, worker.witness(id)) }

    /// Whether what this author computed is not to be believed: it was found wrong, and somebody better is here.
    func isDisbelieved(_ author: Author) -> Bool {
        failures.distrusted.contains(author.witness) && workers.byID.contains { !isSuspect($0.key, $0.value) }
    }

    /// Whether a worker computes trials that may crash it: it is given nothing beside them.
    private func isAtRisk(_ worker: WorkerState) -> Bool { worker.leases.contains { leases[$0]!.isRisky } }

    /// Whether a worker besides these could be given a trial.
    func hasWorkers(besides others: Set<WorkerID>) -> Bool {
        workers.byID.contains { $0.value.credits > 0 && !others.contains($0.key) && !isQuarantined($0.key) }
    }

    /// Whether a worker is here that could be given work and for which others answer than these.
    func hasWitness(besides others: Set<Witness>) -> Bool {
        workers.byID.contains { id, worker in worker.credits > 0 && !others.contains(worker.witness(id)) && !isQuarantined(id) }
    }

    /// Where the workers are that are given work.
    var stationsWithWorkers: Set<Station> {
        var stations: Set<Station> = []
        for (id, worker) in workers.byID where worker.credits > 0 && !isQuarantined(id) { stations.insert(worker.station(id)) }
        return stations
    }

    /// Whether a worker is here that may compute a pending verification.
    var hasWorkerForVerification: Bool {
        let stations = stationsWithWorkers
        return stations.contains { verifications.hasPending(for: $0, among: stations) }
    }
}

// MARK: Handing out

extension Scheduler {
    /// A worker with free credits, while leases are handed out.
    struct Candidate {
        let id: WorkerID
        var leases: Int
        let credits: Int, slots: Int

        var hasFreeCredits: Bool { leases < credits }

        /// The worker with the fewest leases for its slots goes first; the id decides a tie, so that no choice depends on a hash.
        func goesBefore(_ other: Candidate) -> Bool {
            let (load, others) = (leases * other.slots, other.leases * slots)
            return load != others ? load < others : id.order < other.id.order
        }
    }

    /// Workers that may be given leases now.
    var candidatesForLeases: [Candidate] {
        var candidates: [Candidate] = []
        for id in workers.withFreeCredits {
            let worker = workers[id]!
            guard !isQuarantined(id), !isAtRisk(worker) else { continue }
            candidates.append(Candidate(id: id, leases: worker.leases.count, credits: worker.credits, slots: worker.slots))
        }
        return candidates
    }

    /// Whether something is there that could be handed out.
    var hasWork: Bool { !trials.queue.isEmpty || !verifications.pending.isEmpty }

    /// The trials of the next lease of a worker.
    /// - Returns: waiting trials of one group, ascending; nil where none of those that wait may go to this worker.
    func nextTrials(for worker: WorkerID) -> (group: Int, trials: [Int])? {
        let hasLeases = !workers[worker]!.leases.isEmpty
        func first(of group: Int) -> Int? {
            trials.queue.first(1, in: group) { !mayTry($0, by: worker, hasLeases: hasLeases) }.first
        }
        // A group whose baseline is on its way is taken only where there is no other among the next few: its trials would have to report
        // losses without ratios.
        guard let preferred = trials.queue.nextGroup(among: 8, where: { !trials.awaitsBaseline($0) && first(of: $0) != nil }),
            let group = first(of: preferred) != nil ? preferred : trials.queue.nextGroup(among: .max, where: { first(of: $0) != nil }),
            let head = first(of: group)
        else { return nil }
        let crashes = failures.crashes(of: head)
        let chosen = trials.queue.first(leaseSize(for: worker, afterCrashes: crashes), in: group) {
            !mayTry($0, by: worker, hasLeases: hasLeases)
        } while: {
            failures.crashes(of: $0) == crashes
        }
        return (group, chosen)
    }

    /// Whether a worker may be given a waiting trial. A worker that has failed at it is not while another could try it, nor is one whose key
    /// has failed at it or lost a worker over it while somebody else is here. Where workers were lost over it, only one that has nothing
    /// else is given it, so that the next loss blames no other trial.
    /// - Parameter hasLeases: whether the worker has something else.
    func mayTry(_ trial: Int, by worker: WorkerID, hasLeases: Bool) -> Bool {
        guard let record = failures.trials[trial] else { return true }
        if record.crashes > 0, hasLeases { return false }
        let witness = workers[worker]!.witness(worker)
        if record.lostBy[witness] != nil, hasWitness(besides: Set(record.lostBy.keys)) { return false }
        if record.failedBy.contains(witness), hasWitness(besides: record.failedBy) { return false }
        return !record.failedOn.contains(worker) || !hasWorkers(besides: record.failedOn)
    }

    /// Trials that were being computed when a worker was lost are tried again in ever smaller company, so that the one to blame is found: as
    /// many as there are lanes after the first loss, alone after the second.
    private func leaseSize(for worker: WorkerID, afterCrashes crashes: Int) -> Int {
        // A long trial has a lease of its own: its checkpoint and model are large, and there is nothing to gain by company.
        guard crashes < 2, !grid.spec.declaration.isLong else { return 1 }
        let size = leaseSize(for: worker)
        return crashes == 0 ? size : min(size, configuration.lanes)
    }

    /// As many trials as take about `leaseDuration`, in whole vectors of lanes; fewer when little is left, so that no worker sits idle beside
    /// another's queue.
    private func leaseSize(for worker: WorkerID) -> Int {
        let perTrial = secondsPerTrial(of: worker)
        let byTime = min(configuration.leaseDuration.inSeconds / perTrial, Double(configuration.trialsPerLease))
        let byShare = Double(trials.queue.count) / Double(2 * max(1, workers.slots))
        let size = Int(min(byTime, byShare))
        // A trial that takes longer than its share of a lease's duration gains nothing from full vectors.
        guard perTrial * Double(configuration.lanes) < configuration.leaseDuration.inSeconds else { return max(1, size) }
        return min(configuration.trialsPerLease, max(configuration.lanes, size / configuration.lanes * configuration.lanes))
    }

    private func secondsPerTrial(of worker: WorkerID) -> Double {
        max(workers[worker]!.secondsPerTrial ?? configuration.expectedSecondsPerTrial, 1e-9)
    }

    /// What is sent to the worker of a lease.
    func message(of id: LeaseID) -> Lease {
        let lease = leases[id]!, isVerification = lease.purpose == .verification
        var leased: [LeasedTrial] = []
        for index in lease.trials {
            // The attempts of a stored trial are not counted any more; a verification is its second run, or a later one.
            let attempt = isVerification ? 2 : trials.attempts(of: index)
            leased.append(LeasedTrial(key: grid.key(of: index), attempt: attempt, setting: grid.setting(of: index)))
        }
        let baselines = trials.knownBaselines(of: lease.group)
        return Lease(
            id: id, group: grid.groups[lease.group].spec, trials: leased, baselines: baselines,
            proof: proofs.proof(of: id, leased.lazy.map(\.key), to: workers[lease.worker]!.key))
    }

    /// The checkpoint from which a lease goes on. A copy goes on as its original would; a verification starts from the beginning, since it
    /// would else share with the first run what it is there to compare.
    func checkpoint(for id: LeaseID) -> CheckpointMark? {
        let lease = leases[id]!
        return lease.purpose == .verification || lease.trials.count != 1 ? nil : trials.checkpoints[lease.trials[0]]
    }
}

// MARK: Leases that are out

extension Scheduler {
    /// The trials of a lease that have no result yet. Those of a copy are held by its original; those of a verification all have one.
    func trialsHeld(by id: LeaseID) -> [Int] {
        guard let lease = leases[id] else { return [] }
        return trials.held(by: leases.holder(id), among: lease.trials)
    }

    /// Whether a worker has a trial that has no result.
    func isLeased(_ key: TrialKey) -> Bool { grid.index(of: key).flatMap { trials.holder(of: $0) } != nil }

    /// Whether a lease other than this one is to bring a trial's result.
    func isComputed(_ trial: Int, elsewhereThan id: LeaseID) -> Bool {
        guard let holder = trials.holder(of: trial) else { return false }
        return holder != id || leases[holder]!.copy != nil
    }

    /// Whether `tick` has to look for something that no event announces.
    var needsReview: Bool {
        guard !isDraining, !isStoreBlocked else { return false }
        return !verifications.pending.isEmpty || trials.queue.isEmpty && !workers.withFreeCredits.isEmpty && !leases.isEmpty
    }

    /// Whether a lease has been out for twice a lease's duration; fewer are late for nobody.
    func hasLateLease(at now: Instant) -> Bool { leases.byID.values.contains { now - $0.since >= configuration.leaseDuration * 2 } }

    /// Workers with a free slot that may be given copies, in an order that does not depend on a hash.
    var workersForCopies: [WorkerID] {
        let idle = workers.withFreeCredits.filter { id in
            let worker = workers[id]!
            return worker.leases.count < worker.slots && !isQuarantined(id) && !isAtRisk(worker)
        }
        return idle.sorted { $0.order < $1.order }
    }

    /// Leases that one of these idle workers may be given as well, or instead, the one that is out longest first. Trials that failed, or cost
    /// a worker, are not given to two.
    func leasesToCopy(for idle: [WorkerID], at now: Instant) -> [LeaseID] {
        guard let fastest = idle.map(secondsPerTrial).min() else { return [] }
        let candidates = leases.byID.filter { id, lease in
            guard isOut(lease, forTwice: fastest, at: now) else { return false }
            switch lease.purpose {
            case .own(copy: .some): return false
            case .own(copy: nil), .copy: return trialsHeld(by: id).allSatisfy { failures.trials[$0] == nil }
            case .verification: return true
            }
        }
        return candidates.sorted { ($0.value.since, $0.key) < ($1.value.since, $1.key) }.map(\.key)
    }

    /// Whether a lease has been out for twice as long as a worker of this speed, or any, would need for it. A copy or a verification that is
    /// late itself is taken from its worker; each time that happens the next one may take twice as long, in case what is known of the
    /// workers' speed is wrong.
    private func isOut(_ lease: LeaseState, forTwice secondsPerTrial: Double, at now: Instant) -> Bool {
        let needed = max(configuration.leaseDuration, .seconds(secondsPerTrial * Double(lease.trials.count)))
        return now - lease.since >= needed * (2 << min(lease.moves, 20))
    }

    /// Whether an idle worker is to be given a lease that is late. A lease may wait behind another one of its worker.
    /// - Parameter present: those for whom workers are here that are given work.
    func isLate(_ id: LeaseID, for worker: WorkerID, among present: Set<Witness>, at now: Instant) -> Bool {
        let lease = leases[id]!, witness = workers[worker]!.witness(worker)
        guard isOut(lease, forTwice: secondsPerTrial(of: worker), at: now) else { return false }
        var holders = [lease.worker]
        if case .copy(let original) = lease.purpose { holders.append(leases[original]!.worker) }
        guard !holders.contains(worker) else { return false }
        if lease.purpose == .verification, verifications.running[id]!.isBy(witness) { return false }
        // Whoever sits on a lease may sit on its copy as well: another witness is given it while there is one.
        let witnesses = Set(holders.map { workers[$0]!.witness($0) })
        return !witnesses.contains(witness) || present.isSubset(of: witnesses)
    }

    /// Those for whom workers are here that are given work.
    var witnessesWithWorkers: Set<Witness> { Set(stationsWithWorkers.map(\.witness)) }

    /// Why a checkpoint that a worker sent is not stored; nil where it is.
    func rejection(of checkpoint: Checkpoint, _ index: Int) -> String? {
        guard grid.spec.declaration.isLong else { return "trials of \(grid.spec.problem) have no checkpoints" }
        let epochs = grid.groups[grid.group(of: index)].spec.parameters["epochs"]
        if case .integer(let count) = epochs, !(1..<max(2, count)).contains(checkpoint.epoch) {
            return "it is after \(checkpoint.epoch) of \(count) epochs"
        }
        return checkpoint.isIntact ? nil : "its content does not match its hash"
    }
}
