// SlurmGroup.swift · Coordinator/Launching, used by SlurmLauncher. What is asked of Slurm next for one group of workers, decided: Slurm's
// answers, as text, and the time go in, the next step and notices come out. Knows no process, so its tests are plain values.

internal import Vocabulary
internal import Wire

/// Keeps between `minimum` and `maximum` tasks in Slurm's queue. It looks at the queue every `pollInterval`, before it submits anything, and
/// fills up to `maximum` when fewer than `minimum` wait or run.
///
/// What waits or runs never exceeds `maximum`: a job counts until Slurm has shown that it ended, and after a submission of which Slurm did not
/// say what became of it nothing is submitted until the queue has shown the job, by its name, or has not shown it in `absence` looks in
/// a row. Where sbatch ended well then, or a job was never seen at all, nothing is submitted until it is seen, or somebody asks for it.
///
/// After `patience` failed calls, refused submissions or orders that brought no worker, in a row, the group is given up: it is looked at
/// more seldom, and comes back when Slurm answers or accepts a job.
struct SlurmGroup: Equatable {
    /// One call of Slurm's programs.
    enum Step: Equatable {
        /// `scontrol show config`: how large an array may be.
        case queryLimits
        /// `sbatch`, of one array, or of one job where there are no arrays.
        case submit(tasks: Int, isArray: Bool)
        /// `squeue`, of the user's jobs on a cluster; nil for the one that is asked without naming any.
        case count(cluster: String?)
        /// `scancel`, of jobs or tasks of arrays.
        case cancel([String], cluster: String?)
    }

    /// How a call ended.
    struct Answer: Equatable {
        var status: Subprocess.Status
        var output: String
        var errors = ""
        /// After a count, the last line in the log of the first task of each of ``jobsWithLogs`` that has one; empty for an empty log.
        var taskLogs: [SlurmJob: String] = [:]
    }

    let minimum: Int, maximum: Int
    let pollInterval: Duration
    /// What the jobs of the group are called, and no others.
    let jobName: String
    /// How `regsweep workers add` names the group.
    let keyName: String
    /// Clusters that the options of sbatch name; empty for the one that it speaks to by itself.
    let clusters: [String]

    /// Jobs of the group that Slurm has not shown to have ended, in the order in which they were submitted or found.
    var known: [KnownJob] = []
    /// Jobs of the group that have ended: a site that answers squeue from memory may show them once more.
    var ended: Set<SlurmJob> = []
    /// A submission of which nobody knows what became of it.
    var unsettled: Unsettled?
    /// Nil until Slurm has been asked.
    var maximumArraySize: Int?
    var ownCluster: String?
    /// Numbers of tasks of the arrays that are still to be submitted.
    var toSubmit: [Int] = []
    var toCancel: [Batch] = []
    /// The look at the queue that is under way.
    var look = Look()
    /// Whether the queue has been looked at.
    var hasLooked = false
    /// Whether jobs may be left that have to be cancelled in the end.
    var mayHaveJobs = false
    /// The call that has not ended.
    var call: Step?
    private var calledAt: Instant
    var nextCallAt: Instant
    /// Calls in a row that failed, other than submissions.
    var failures = 0
    /// Submissions in a row that were refused.
    var refusals = 0
    /// Orders in a row whose tasks all ended before a worker of the group joined.
    var fruitlessOrders = 0
    /// Whether a worker has joined since the last order.
    var hasJoined = false
    /// Whether what is left of it is to be cancelled.
    var isRemoved = false
    /// Whether scancel has said of no job, since it was last asked for all, that it did not cancel it.
    var hasCancelled = true
    /// Calls in a row of a removed group after which something was left.
    var cancellationTries = 0
    /// Whether the first order was made.
    var hasOrdered = false
    /// Jobs that a person was told are held.
    var toldHeld: Set<SlurmJob> = []
    /// Whether a person was told that nothing is submitted, since a job is not to be seen.
    var toldUncertain = false
    /// What went wrong last, so that a group that was given up does not repeat it.
    var lastReason = ""

    static let patience = 5
    /// Looks in a row that do not show a job, after which it is not there: a site may answer squeue from memory, and a controller that is
    /// busy take a job late.
    static let absence = 3
    /// A group that was given up is looked at so many times more seldom.
    static let seldom = 5
    /// 2 min: Slurm's programs try by themselves for about as long.
    static let longestCall: Duration = .seconds(120)
    private static let atOnce = Instant(sinceStart: .zero)
    /// Slurm's own default of MaxArraySize.
    static let defaultArraySize = 1001

    struct KnownJob: Equatable {
        var job: SlurmJob
        /// Tasks that wait or run; as many as were ordered until the queue has shown them.
        var alive: Int
        var wasSeen: Bool
        /// Looks in a row that did not show it.
        var absences = 0
    }

    struct Unsettled: Equatable {
        /// Whether sbatch ended with an error, so that the job was refused unless it turns up.
        var wasRefused: Bool
        /// Looks that have not shown it.
        var absences = 0
    }

    /// What one call of scancel ends.
    struct Batch: Equatable {
        var ids: [String]
        var cluster: String?
    }

    /// What the queues of all clusters that were asked so far have shown.
    struct Look: Equatable {
        var asked: [String?] = []
        var tasks: [SlurmTask] = []
    }

    /// - Parameters:
    ///   - spec: a `[[host]]` of Slurm.
    ///   - jobName: as ``SlurmText/jobName(sweep:directory:group:)`` makes it.
    init(_ spec: HostSpec, jobName: String, at now: Instant) {
        (minimum, maximum, pollInterval) = (spec.slurm.minimum, spec.slurm.maximum, spec.slurm.pollInterval)
        (self.jobName, keyName) = (jobName, spec.keyName)
        clusters = SlurmText.clusters(in: spec.slurm.extra.flatMap { SlurmText.words($0) ?? [$0] })
        (nextCallAt, calledAt) = (now, now)
    }

    /// Whether nothing is submitted since a job is not to be seen, though it may be there.
    var isUncertain: Bool {
        unsettled.map { !$0.wasRefused && $0.absences >= Self.absence } ?? false
            || known.contains { !$0.wasSeen && $0.alive > 0 && $0.absences >= Self.absence }
    }

    var hasGivenUp: Bool { max(failures, refusals, fruitlessOrders) >= Self.patience || isUncertain }

    var outlook: LaunchOutlook { hasGivenUp || isRemoved ? .none : .expected }

    /// Whether it was removed and nothing of it is left.
    var isOver: Bool { isRemoved && !mayHaveJobs && call == nil }

    /// Tasks that wait or run, as far as anybody knows: those that were ordered and not seen are among them.
    var alive: Int { known.reduce(0) { $0 + $1.alive } }

    /// Jobs whose logs show whether they have run.
    var jobsWithLogs: [SlurmJob] { known.indices.filter { $0 == known.count - 1 || !known[$0].wasSeen }.map { known[$0].job } }

    /// How a person finds and cancels what may be left; nil where nothing is.
    var leftovers: String? {
        guard mayHaveJobs else { return nil }
        let jobs = known.map { "\($0.job)" }.joined(separator: ", ")
        return (jobs.isEmpty ? "a job" : "job \(jobs)")
            + " may be left; squeue --name=\(jobName) shows it and scancel --name=\(jobName) ends it"
    }

    // MARK: Steps

    /// - Returns: the call to make now; nil while one is made, or none is due.
    mutating func tick(at now: Instant) -> Step? {
        guard call == nil, !isOver, now >= nextCallAt else { return nil }
        call = next
        calledAt = now
        return call
    }

    private var next: Step {
        if let batch = toCancel.first { return .cancel(batch.ids, cluster: batch.cluster) }
        if isRemoved { return .count(cluster: nextCluster) }
        guard let maximumArraySize else { return .queryLimits }
        // An order that was made while more was missing is made smaller: nothing is submitted beyond the maximum.
        if hasLooked, maySubmit, let tasks = toSubmit.first, alive < maximum {
            return .submit(tasks: min(tasks, maximum - alive), isArray: maximumArraySize > 1)
        }
        return .count(cluster: nextCluster)
    }

    var maySubmit: Bool { unsettled == nil && !isUncertain && fruitlessOrders < Self.patience }

    /// Where the queue is looked at: where sbatch submits, and on every other cluster that it has named.
    var places: [String?] {
        var places: [String?] = clusters.isEmpty ? [nil] : clusters
        for known in known where !places.contains(known.job.cluster) { places.append(known.job.cluster) }
        return places
    }

    private var nextCluster: String? { places.first { !look.asked.contains($0) } ?? places[0] }

    /// The time to the next look.
    var pause: Duration { hasGivenUp ? pollInterval * Self.seldom : pollInterval }

    /// Whether the call that is made takes too long, so that its process has to be ended.
    func isOverdue(at now: Instant) -> Bool { call != nil && now - calledAt > Self.longestCall }

    mutating func joined() {
        hasJoined = true
        fruitlessOrders = 0
    }

    /// Nothing is submitted from now on, and all that was is cancelled. A call that is being made ends first.
    mutating func remove() {
        guard !isRemoved else { return }
        (isRemoved, failures, toSubmit, lastReason) = (true, 0, [], "")
        look = Look()
        toCancel = cancellations
        nextCallAt = Self.atOnce
    }

    /// Begins again after it was given up, or stopped at a job that was not to be seen: somebody has looked after it.
    mutating func revive() {
        (failures, refusals, fruitlessOrders, unsettled, toSubmit) = (0, 0, 0, nil, [])
        // They are cancelled in the end, but not waited for.
        for index in known.indices where !known[index].wasSeen { known[index].alive = 0 }
        (toldUncertain, lastReason) = (false, "")
        nextCallAt = Self.atOnce
    }

    /// All jobs that may be left, of each cluster.
    var cancellations: [Batch] {
        places.map { place in Batch(ids: known.filter { $0.job.cluster == place }.map { "\($0.job.id)" }, cluster: place) }
            .filter { !$0.ids.isEmpty }
    }
}
