// SlurmGroup.swift · Coordinator/Launching, used by SlurmLauncher. What is asked of Slurm next for one group of workers, decided: Slurm's
// answers, as text, and the time go in, the next step and a notice come out. Knows no process, so its tests are plain values.

internal import Vocabulary
internal import Wire

/// Keeps between `minimum` and `maximum` tasks in Slurm's queue: it submits `maximum` of them, counts them every `pollInterval`, and fills up
/// to `maximum` when fewer than `minimum` wait or run. After `patience` failed calls in a row, or as many orders in a row that brought no
/// worker, it asks for nothing more.
struct SlurmGroup: Equatable {
    /// One call of Slurm's programs.
    enum Step: Equatable {
        /// `scontrol show config`: how large an array may be.
        case queryLimits
        /// `sbatch`, of one array.
        case submit(tasks: Int)
        /// `squeue`, of the tasks of these jobs.
        case count([SlurmJob])
        /// `scancel`
        case cancel([SlurmJob])
    }

    /// How a call ended.
    struct Answer: Equatable {
        var status: Subprocess.Status
        var text: String
        /// The last line in the log of the newest job's first task, after a count; nil where the nodes have written none by now or share no
        /// directory with this host.
        var taskLog: String?
    }

    private let minimum: Int, maximum: Int
    private let pollInterval: Duration
    /// Jobs whose tasks may wait or run, in the order in which they were submitted.
    private(set) var jobs: [SlurmJob] = []
    /// Nil until Slurm has been asked.
    private var maximumArraySize: Int?
    /// Numbers of tasks of the arrays that are still to be submitted.
    private var toSubmit: [Int] = []
    /// The call that has not ended.
    private var call: Step?
    private var nextCallAt: Instant
    /// Calls in a row that failed.
    private var failures = 0
    /// Orders in a row whose tasks all ended before a worker of the group joined.
    private var fruitlessOrders = 0
    /// Whether a worker has joined since the last order.
    private var hasJoined = false
    /// Whether what is left of it is to be cancelled.
    private var isRemoved = false

    static let patience = 5
    /// Slurm's own default of MaxArraySize.
    static let defaultArraySize = 1001

    init(_ spec: HostSpec.Slurm, at now: Instant) {
        (minimum, maximum, pollInterval) = (spec.minimum, spec.maximum, spec.pollInterval)
        nextCallAt = now
    }

    private var hasGivenUp: Bool { max(failures, fruitlessOrders) >= Self.patience }

    var outlook: LaunchOutlook { hasGivenUp || isRemoved ? .none : .expected }

    /// Whether it was removed and nothing of it is left.
    var isOver: Bool { isRemoved && jobs.isEmpty && call == nil }

    var isSubmitting: Bool { if case .submit = call { true } else { false } }

    /// - Returns: the call to make now; nil while one is made, or none is due.
    mutating func tick(at now: Instant) -> Step? {
        guard call == nil, !hasGivenUp, now >= nextCallAt else { return nil }
        if isRemoved {
            call = jobs.isEmpty ? nil : .cancel(jobs)
        } else if maximumArraySize == nil {
            call = .queryLimits
        } else if let tasks = toSubmit.first {
            call = .submit(tasks: tasks)
        } else {
            call = .count(jobs)
        }
        return call
    }

    mutating func joined() {
        hasJoined = true
        fruitlessOrders = 0
    }

    mutating func remove() { isRemoved = true }

    /// The call of the last step ended.
    mutating func answered(_ answer: Answer, at now: Instant) -> LaunchNotice? {
        guard let call else { preconditionFailure("Slurm answers a call that was not made") }
        self.call = nil
        let isForgotten = if case .count = call { SlurmText.isForgotten(answer.text) } else { false }
        guard answer.status == .exited(0) || isForgotten else {
            return fail(Subprocess.lastLine(answer.text) ?? "\(answer.status)", at: now)
        }
        switch call {
        case .queryLimits:
            failures = 0
            maximumArraySize = SlurmText.maximumArraySize(from: answer.text) ?? Self.defaultArraySize
            order(maximum)
            return nil
        case .submit(let tasks):
            guard let job = SlurmText.job(fromSbatch: answer.text) else {
                return fail("sbatch named no job: \"\(Subprocess.lastLine(answer.text) ?? "")\"", at: now)
            }
            failures = 0
            return submitted(job, tasks: tasks, at: now)
        case .count:
            failures = 0
            return counted(isForgotten ? 0 : SlurmText.aliveTasks(fromSqueue: answer.text), taskLog: answer.taskLog, at: now)
        case .cancel:
            failures = 0
            jobs = []
            return .info("its jobs are cancelled, and no more is submitted")
        }
    }

    /// The call of the last step could not be made.
    mutating func failedToStart(_ reason: String, at now: Instant) -> LaunchNotice {
        call = nil
        return fail(reason, at: now)
    }

    private mutating func submitted(_ job: SlurmJob, tasks: Int, at now: Instant) -> LaunchNotice? {
        toSubmit.removeFirst()
        jobs.append(job)
        hasJoined = false
        // Removed in the meantime: the new job is cancelled at once.
        nextCallAt = isRemoved || !toSubmit.isEmpty ? now : now + pollInterval
        return isRemoved ? nil : .info("job \(job.id) with \(tasks) worker\(tasks == 1 ? "" : "s")")
    }

    private mutating func counted(_ alive: Int, taskLog: String?, at now: Instant) -> LaunchNotice? {
        let newest = jobs.last
        if alive == 0 { jobs = [] }
        guard !isRemoved else {
            nextCallAt = now
            return nil
        }
        nextCallAt = now + pollInterval
        let missing = SlurmText.missing(alive: alive, minimum: minimum, maximum: maximum)
        guard missing > 0 || alive == 0 else { return nil }
        // While the sweep runs there is at least one, also with a minimum of 0.
        order(max(1, missing))
        if alive == 0, !hasJoined, let newest {
            // Another order would end like this one at once, on nodes that others wait for: it waits until the next count is due.
            fruitlessOrders += 1
            return .warning("all tasks of job \(newest.id) ended and no worker joined\(taskLog.map { ": \($0)" } ?? "")\(consequence)")
        }
        nextCallAt = now
        return .info("\(alive) worker\(alive == 1 ? " is" : "s are") left, submitting \(max(1, missing))")
    }

    private mutating func order(_ tasks: Int) {
        toSubmit = SlurmText.arrays(tasks, maximumArraySize: maximumArraySize ?? Self.defaultArraySize)
    }

    private mutating func fail(_ reason: String, at now: Instant) -> LaunchNotice {
        failures += 1
        nextCallAt = now + pollInterval
        return .warning(reason + consequence)
    }

    private var consequence: String {
        if hasGivenUp { return "; given up, the sweep goes on without it" }
        return isRemoved && jobs.isEmpty ? "" : "; trying again in \(NumberText.shortest(pollInterval.inSeconds)) s"
    }
}
