// Failures.swift · Coordinator/Scheduling, a part of Scheduler. What counts against trials and against workers, and when it is withdrawn.
// Knows trials by their grid indices, and no state of a trial, a lease or a worker.

internal import Vocabulary

struct Failures {
    /// What counts against a trial that has no result.
    struct Record: Equatable {
        /// Workers that were lost while they computed it, and how many of them each witness answers for. Of those that earlier incarnations
        /// lost it is not known who does.
        var crashes = 0
        var lostBy: [Witness: Int] = [:]
        /// Workers that gave it back as failed, and who answers for them.
        var failedOn: Set<WorkerID> = []
        var failedBy: Set<Witness> = []

        var isEmpty: Bool { crashes == 0 && failedOn.isEmpty }

        /// How many have lost workers over it; each worker of an earlier incarnation counts as one.
        fileprivate var losers: Int { lostBy.count + crashes - lostBy.values.reduce(0, +) }
    }

    /// What a lost worker was computing, and who answers for it.
    struct Blame: Equatable {
        var witness: Witness
        var leases: [LeaseID: [Int]] = [:]
    }

    /// So many workers are lost over a trial before it is set aside.
    let crashLimit: Int
    /// So many workers fail at a trial before its failure is its result.
    let failureLimit: Int
    /// By grid index; only trials with something against them.
    private(set) var trials: [Int: Record] = [:]
    /// The last so many leases of a worker that is here all failed; only workers with at least one.
    private(set) var failedLeases: [WorkerID: Int] = [:]
    /// Those, here or not, whose bits of a trial differ from those on which two others agree.
    private(set) var distrusted: Set<Witness> = []
    /// The trials that a lost worker was computing: if it comes back, it had only been silent, and the trials are not to blame.
    private(set) var blame: [WorkerID: Blame] = [:]
    /// Lost workers in the order in which they were lost, among some that have come back since.
    private(set) var lost: [WorkerID] = []
}

extension Failures {
    /// 3: one lease may fail for its own reasons, and two by chance.
    static let failedLeasesToQuarantine = 3
    /// 16,384 lost workers are remembered: more than a coordinator can have. Whoever is forgotten is forgiven, so that no silence, however
    /// many workers share it, can become a death.
    static let mostLostWorkers = 16_384

    /// - Parameters:
    ///   - crashes: workers that earlier incarnations lost over trials without a result, by grid index.
    ///   - distrusted: workers that they found to compute other bits.
    init(crashLimit: Int, failureLimit: Int, crashes: [Int: Int], distrusted: Set<Witness>) {
        let trials = crashes.filter { $0.value > 0 }.mapValues { Record(crashes: $0) }
        self.init(crashLimit: crashLimit, failureLimit: failureLimit, trials: trials, distrusted: distrusted)
    }

    // MARK: Trials

    func crashes(of trial: Int) -> Int { trials[trial]?.crashes ?? 0 }

    /// Workers that gave the trial back as failed.
    func workersThatFailed(at trial: Int) -> Set<WorkerID> { trials[trial]?.failedOn ?? [] }

    /// Those who lost these workers, as far as is known.
    func witnessesLost(over trial: Int) -> Set<Witness> { trials[trial].map { Set($0.lostBy.keys) } ?? [] }

    /// Whether so many workers were lost over the trial that it is set aside.
    /// - Parameter isAlone: whether nobody is here who has not lost one: else a single key, which may have as many workers as it likes, could
    ///   have a trial set aside.
    func hasReachedCrashLimit(_ trial: Int, isAlone: Bool) -> Bool {
        guard let record = trials[trial], record.crashes >= crashLimit else { return false }
        return isAlone || record.losers >= crashLimit
    }

    /// Who answers for those workers.
    func witnessesThatFailed(at trial: Int) -> Set<Witness> { trials[trial]?.failedBy ?? [] }

    /// Whether enough have failed at the trial to make its failure its result.
    /// - Parameter isAlone: as for crashes.
    func hasReachedFailureLimit(_ trial: Int, isAlone: Bool) -> Bool {
        (isAlone ? workersThatFailed(at: trial).count : witnessesThatFailed(at: trial).count) >= failureLimit
    }

    /// A worker was lost while it computed these trials of a lease.
    mutating func recordCrash(of author: Author, over lease: LeaseID, _ held: [Int]) {
        guard !held.isEmpty else { return }
        for trial in held {
            trials[trial, default: Record()].crashes += 1
            trials[trial]!.lostBy[author.witness, default: 0] += 1
        }
        if blame[author.worker] == nil { lost.append(author.worker) }
        blame[author.worker, default: Blame(witness: author.witness)].leases[lease] = held
    }

    /// Where more lost workers are remembered than may be, the one that was lost first: the caller withdraws its blame.
    mutating func nextToForgive() -> WorkerID? {
        if lost.count > 2 * Self.mostLostWorkers {
            var seen: Set<WorkerID> = []
            lost = lost.reversed().filter { blame[$0] != nil && seen.insert($0).inserted }.reversed()
        }
        guard blame.count > Self.mostLostWorkers else { return nil }
        return lost.first { blame[$0] != nil }
    }

    /// A lost worker is here again.
    /// - Returns: the leases with the trials that were blamed for its loss and are not any more.
    mutating func withdrawBlame(of worker: WorkerID) -> [LeaseID: [Int]] {
        guard let blame = blame.removeValue(forKey: worker) else { return [:] }
        for trial in blame.leases.values.joined() where crashes(of: trial) > 0 {
            trials[trial]!.crashes -= 1
            let left = trials[trial]!.lostBy[blame.witness, default: 0] - 1
            trials[trial]!.lostBy[blame.witness] = left > 0 ? left : nil
            if trials[trial]!.isEmpty { trials[trial] = nil }
        }
        return blame.leases
    }

    /// A worker gave a trial back as failed.
    mutating func recordFailure(of trial: Int, by author: Author) {
        trials[trial, default: Record()].failedOn.insert(author.worker)
        trials[trial]!.failedBy.insert(author.witness)
    }

    /// The store has a result of the trial.
    mutating func forget(trial: Int) { trials[trial] = nil }

    // MARK: Workers

    /// Whether something is wrong with the worker, as far as is known. What follows depends on who else is here.
    func isSuspect(_ worker: WorkerID, _ witness: Witness) -> Bool {
        distrusted.contains(witness) || failedLeases[worker, default: 0] >= Self.failedLeasesToQuarantine
    }

    /// A worker gave a whole lease back as failed, or another one has computed a trial that it failed at.
    /// - Returns: whether this makes it a suspect for its failures.
    mutating func recordFailedLease(of worker: WorkerID) -> Bool {
        failedLeases[worker, default: 0] += 1
        return failedLeases[worker] == Self.failedLeasesToQuarantine
    }

    /// A worker has computed something of a lease.
    mutating func recordSuccess(of worker: WorkerID) { failedLeases[worker] = nil }

    /// A trial fails everywhere: no worker is to blame for its leases.
    mutating func acquitWorkers(of trial: Int) {
        for worker in workersThatFailed(at: trial) { failedLeases[worker] = nil }
    }

    /// Two others agree on bits that this one computed differently.
    /// - Returns: whether that is news.
    mutating func distrust(_ witness: Witness) -> Bool { distrusted.insert(witness).inserted }

    /// The worker is not here any more. Distrust and blame outlive that.
    mutating func forgetLeases(of worker: WorkerID) { failedLeases[worker] = nil }
}

// MARK: What is true at any time

extension Failures {
    /// Appends what should be true and is not.
    func findBroken(_ broken: inout [String]) {
        for (index, record) in trials where record.isEmpty || record.crashes < 0 {
            broken.append("trial \(index) has the record \(record)")
        }
        for (worker, count) in failedLeases where count <= 0 { broken.append("worker \(worker) has \(count) failed leases in a row") }
        for (worker, blame) in blame where blame.leases.isEmpty || blame.leases.contains(where: \.value.isEmpty) {
            broken.append("worker \(worker) was lost over nothing: \(blame.leases)")
        }
    }
}
