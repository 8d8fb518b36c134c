// Failures.swift · Coordinator/Scheduling, a part of Scheduler. What counts against trials and against workers, and when it is withdrawn.
// Knows trials by their grid indices, and no state of a trial, a lease or a worker.

internal import Vocabulary

struct Failures {
    /// What counts against a trial that has no result.
    struct Record: Equatable {
        /// Workers that were lost while they computed it.
        var crashes = 0
        /// Workers that gave it back as failed.
        var failedOn: Set<WorkerID> = []

        var isEmpty: Bool { crashes == 0 && failedOn.isEmpty }
    }

    /// So many workers are lost over a trial before it is set aside.
    let crashLimit: Int
    /// So many workers fail at a trial before its failure is its result.
    let failureLimit: Int
    /// By grid index; only trials with something against them.
    private(set) var trials: [Int: Record] = [:]
    /// The last so many leases of a worker that is here all failed; only workers with at least one.
    private(set) var failedLeases: [WorkerID: Int] = [:]
    /// Workers, here or not, whose bits of a trial differ from those on which two others agree.
    private(set) var distrusted: Set<WorkerID> = []
    /// The trials that a lost worker was computing: if it comes back, it had only been silent, and the trials are not to blame.
    private(set) var blame: [WorkerID: [LeaseID: [Int]]] = [:]
}

extension Failures {
    /// 3: one lease may fail for its own reasons, and two by chance.
    static let failedLeasesToQuarantine = 3
    /// 1,024 lost workers are remembered: more than are lost before the first of them is back.
    private static let mostLostWorkers = 1024

    /// - Parameters:
    ///   - crashes: workers that earlier incarnations lost over trials without a result, by grid index.
    ///   - distrusted: workers that they found to compute other bits.
    init(crashLimit: Int, failureLimit: Int, crashes: [Int: Int], distrusted: Set<WorkerID>) {
        let trials = crashes.filter { $0.value > 0 }.mapValues { Record(crashes: $0) }
        self.init(crashLimit: crashLimit, failureLimit: failureLimit, trials: trials, distrusted: distrusted)
    }

    // MARK: Trials

    func crashes(of trial: Int) -> Int { trials[trial]?.crashes ?? 0 }

    /// Workers that gave the trial back as failed.
    func workersThatFailed(at trial: Int) -> Set<WorkerID> { trials[trial]?.failedOn ?? [] }

    func hasReachedCrashLimit(_ trial: Int) -> Bool { crashes(of: trial) >= crashLimit }

    func hasReachedFailureLimit(_ trial: Int) -> Bool { workersThatFailed(at: trial).count >= failureLimit }

    /// A worker was lost while it computed these trials of a lease.
    mutating func recordCrash(of worker: WorkerID, over lease: LeaseID, _ held: [Int]) {
        guard !held.isEmpty else { return }
        for trial in held { trials[trial, default: Record()].crashes += 1 }
        if blame[worker] == nil, blame.count >= Self.mostLostWorkers { blame = [:] }
        blame[worker, default: [:]][lease] = held
    }

    /// A lost worker is here again.
    /// - Returns: the leases with the trials that were blamed for its loss and are not any more.
    mutating func withdrawBlame(of worker: WorkerID) -> [LeaseID: [Int]] {
        guard let leases = blame.removeValue(forKey: worker) else { return [:] }
        for trial in leases.values.joined() where crashes(of: trial) > 0 {
            trials[trial]!.crashes -= 1
            if trials[trial]!.isEmpty { trials[trial] = nil }
        }
        return leases
    }

    /// A worker gave a trial back as failed.
    mutating func recordFailure(of trial: Int, on worker: WorkerID) { trials[trial, default: Record()].failedOn.insert(worker) }

    /// The store has a result of the trial.
    mutating func forget(trial: Int) { trials[trial] = nil }

    // MARK: Workers

    /// Whether something is wrong with the worker, as far as is known. What follows depends on who else is here.
    func isSuspect(_ worker: WorkerID) -> Bool {
        distrusted.contains(worker) || failedLeases[worker, default: 0] >= Self.failedLeasesToQuarantine
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

    /// Two others agree on bits that the worker computed differently.
    /// - Returns: whether that is news.
    mutating func distrust(_ worker: WorkerID) -> Bool { distrusted.insert(worker).inserted }

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
        for (worker, leases) in blame where leases.isEmpty || leases.contains(where: \.value.isEmpty) {
            broken.append("worker \(worker) was lost over nothing: \(leases)")
        }
    }
}
