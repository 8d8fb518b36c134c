// SlurmLauncher.swift · Coordinator/Launching. Workers as tasks of Slurm job arrays: submitted, counted once a minute, made up for, and
// cancelled at the end. SlurmText has the words, Subprocess does it; no call is waited for while the sweep runs.

internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import Vocabulary
internal import Wire

struct SlurmLauncher: ~Copyable {
    private enum Call: Equatable { case limits, submit(tasks: Int), count, cancel }

    private struct Group {
        var spec: HostSpec
        var jobs: [SlurmJob] = []
        var maximumArraySize: Int?
        /// Arrays that have to be submitted.
        var waiting: [Int] = []
        var call: (process: pid_t, what: Call)?
        var nextCount: Instant
        /// Calls in a row that failed.
        var failures = 0
        /// Orders in a row whose tasks all ended before a worker of the group came in.
        var fruitless = 0
        /// A worker has come in since the last order.
        var hasJoined = false
        /// What is left of it is cancelled.
        var isRemoved = false
        var isGivenUp: Bool { max(failures, fruitless) >= RemoteHost.patience }
    }

    private var groups: [Group] = []
    private let sweep: String
    private let program: String
    private let orphanTimeout: Duration
    private let directory: String

    /// - Parameters:
    ///   - program: the worker, at a path that the nodes have as well.
    ///   - directory: of the results, absolute, and shared with the nodes.
    init(sweep: String, program: String, orphanTimeout: Duration, directory: String) {
        self.sweep = sweep
        self.program = program
        self.orphanTimeout = orphanTimeout
        self.directory = directory
    }

    mutating func add(_ spec: HostSpec, at now: Instant) { groups.append(Group(spec: spec, nextCount: now)) }

    mutating func joined(_ keyName: String) {
        for index in groups.indices where groups[index].spec.keyName == keyName {
            groups[index].hasJoined = true
            groups[index].fruitless = 0
        }
    }

    mutating func remove(_ keyName: String) {
        for index in groups.indices where groups[index].spec.keyName == keyName { groups[index].isRemoved = true }
    }

    /// Looks after every group once.
    /// - Returns: whether workers of any may be there or come.
    mutating func tend(at now: Instant, _ logger: Logger, invitation: (String) throws -> Invitation) -> Bool {
        for index in groups.indices {
            if let (process, what) = groups[index].call {
                guard let status = Subprocess.reap([process]).first?.status else { continue }
                groups[index].call = nil
                note(status, of: what, index, at: now, logger)
            } else if !groups[index].isGivenUp, let what = next(index, at: now) {
                do { try begin(what, index, invitation) } catch { fail(index, "\(error)", at: now, logger) }
            }
        }
        groups.removeAll { $0.isRemoved && $0.jobs.isEmpty && $0.call == nil }
        return groups.contains { !$0.isGivenUp && !$0.isRemoved }
    }

    private func next(_ index: Int, at now: Instant) -> Call? {
        if groups[index].isRemoved { return now >= groups[index].nextCount && !groups[index].jobs.isEmpty ? .cancel : nil }
        if groups[index].maximumArraySize == nil { return now >= groups[index].nextCount ? .limits : nil }
        if let tasks = groups[index].waiting.first { return now >= groups[index].nextCount ? .submit(tasks: tasks) : nil }
        return now >= groups[index].nextCount ? .count : nil
    }

    private mutating func begin(_ call: Call, _ index: Int, _ invitation: (String) throws -> Invitation) throws {
        let spec = groups[index].spec
        try? FileManager.default.removeItem(atPath: outputPath(index))
        let process: pid_t
        switch call {
        case .limits: process = try Subprocess.spawn("scontrol", ["show", "config"], outputTo: outputPath(index))
        case .submit(let tasks):
            // The file stays as long as the key: tasks may wait for hours.
            let file = "\(directory)/keys/\(spec.name).invitation"
            try PrivateFile.write(try invitation(spec.keyName).secretText + "\n", to: file)
            let script = SlurmText.script(
                spec, sweep: sweep, tasks: tasks, program: program, invitation: file, log: directory, orphanTimeout: orphanTimeout)
            // However many extra lines it has; the secret is not in it.
            let path = "\(directory)/slurm-\(spec.name).sh"
            try script.write(toFile: path, atomically: true, encoding: .utf8)
            process = try Subprocess.spawn("sbatch", ["--parsable"], input: .file(path), outputTo: outputPath(index))
        case .count:
            let jobs = groups[index].jobs.map { "\($0.id)" }.joined(separator: ",")
            process = try Subprocess.spawn(
                "squeue", ["--noheader", "--array", "--format=%T", "--jobs=\(jobs)"], outputTo: outputPath(index))
        case .cancel: process = try Subprocess.spawn("scancel", Self.cancel(groups[index].jobs), outputTo: outputPath(index))
        }
        groups[index].call = (process, call)
    }

    private mutating func note(_ status: Subprocess.Status, of call: Call, _ index: Int, at now: Instant, _ logger: Logger) {
        let output = (try? String(contentsOfFile: outputPath(index), encoding: .utf8)) ?? ""
        let spec = groups[index].spec
        // squeue knows nothing of jobs that ended a while ago and calls that an error.
        let isForgotten = call == .count && output.contains("Invalid job id")
        guard status == .exited(0) || isForgotten else { return fail(index, Subprocess.lastLine(output) ?? "\(status)", at: now, logger) }
        // A controller that is away now and then in weeks is no reason to give up.
        groups[index].failures = 0
        switch call {
        case .limits:
            // Slurm's own default.
            groups[index].maximumArraySize = SlurmText.maximumArraySize(from: output) ?? 1001
            order(spec.slurm.maximum, index)
        case .submit(let tasks):
            guard let job = SlurmText.job(fromSbatch: output) else { return fail(index, "sbatch said \"\(output)\"", at: now, logger) }
            groups[index].waiting.removeFirst()
            groups[index].jobs.append(job)
            groups[index].hasJoined = false
            if groups[index].isRemoved { return groups[index].nextCount = now }
            groups[index].nextCount = groups[index].waiting.isEmpty ? now + spec.slurm.pollInterval : now
            logger.info("slurm \(spec.name): job \(job.id) with \(tasks) worker\(tasks == 1 ? "" : "s")")
        case .count:
            let alive = isForgotten ? 0 : SlurmText.aliveTasks(fromSqueue: output)
            groups[index].nextCount = now + spec.slurm.pollInterval
            let ended = alive == 0 ? groups[index].jobs.last : nil
            if alive == 0 { groups[index].jobs = [] }
            let missing = SlurmText.missing(alive: alive, minimum: spec.slurm.minimum, maximum: spec.slurm.maximum)
            guard missing > 0 || alive == 0 else { return }
            let ordered = max(1, missing)
            order(ordered, index)
            if let ended, !groups[index].hasJoined {
                // It would end like that again at once, on nodes that others wait for.
                groups[index].fruitless += 1
                warn(
                    index, "all tasks of job \(ended.id) ended and no worker came in\(lastWords(of: ended).map { ": \($0)" } ?? "")", logger
                )
            } else {
                logger.info("slurm \(spec.name): \(alive) workers are left, submitting \(ordered)")
                groups[index].nextCount = now
            }
        case .cancel:
            groups[index].jobs = []
            logger.info("slurm \(spec.name): cancelled, no more is submitted")
        }
    }

    /// What one of its tasks wrote to its log, if the nodes share the directory and have written it by now.
    private func lastWords(of job: SlurmJob) -> String? {
        (try? String(contentsOfFile: "\(directory)/slurm-\(job.id)_1.log", encoding: .utf8)).flatMap(Subprocess.lastLine)
    }

    private mutating func order(_ tasks: Int, _ index: Int) {
        groups[index].waiting = SlurmText.arrays(tasks, maximumArraySize: groups[index].maximumArraySize ?? 1001)
    }

    private mutating func fail(_ index: Int, _ reason: String, at now: Instant, _ logger: Logger) {
        groups[index].failures += 1
        groups[index].nextCount = now + groups[index].spec.slurm.pollInterval
        warn(index, reason, logger)
    }

    private func warn(_ index: Int, _ reason: String, _ logger: Logger) {
        let isLast = groups[index].isGivenUp
        logger.warning(
            "slurm \(groups[index].spec.name): \(reason)\(isLast ? "; given up, the sweep goes on without it" : "; trying again")")
    }

    private static func cancel(_ jobs: [SlurmJob]) -> [String] { ["--quiet"] + jobs.map { "\($0.id)" } }

    private func outputPath(_ index: Int) -> String { "\(directory)/slurm-\(groups[index].spec.name).out" }

    /// What still waits or runs would wait for a coordinator that is gone.
    deinit {
        for group in groups {
            let output = "\(directory)/slurm-\(group.spec.name).out"
            var jobs = group.jobs
            // One that is being submitted is a job as well a moment later.
            if let (process, what) = group.call, case .submit = what, Subprocess.wait(process) == .exited(0),
                let said = try? String(contentsOfFile: output, encoding: .utf8), let job = SlurmText.job(fromSbatch: said)
            {
                jobs.append(job)
            }
            if !jobs.isEmpty { _ = try? Subprocess.run("scancel", Self.cancel(jobs), outputTo: output) }
        }
    }
}
