// SlurmLauncher.swift · Coordinator/Launching. Workers as tasks of Slurm's job arrays. SlurmGroup decides, SlurmText makes and reads the
// text, ChildProcess runs Slurm's programs, none of which is waited for while the sweep runs.

internal import FoundationEssentials
internal import Glibc
internal import Vocabulary
internal import Wire

final class SlurmLauncher: Launcher {
    let name: String
    let keyName: String?

    private let spec: HostSpec
    private let program: String
    private let orphanTimeout: Duration
    private let directory: String
    private var group: SlurmGroup
    private var call: (step: SlurmGroup.Step, process: ChildProcess)?
    private var hasInvitation = false

    /// 60 s: how long Slurm is waited for at the end of a run, so that nothing is left in its queue. A controller that restarts needs less.
    private static let longestEnd: Duration = .seconds(60)

    /// - Parameters:
    ///   - sweep: names the jobs.
    ///   - program: the worker, at a path that the nodes have as well.
    ///   - directory: the results directory: absolute, and shared with the nodes.
    init(_ spec: HostSpec, sweep: String, program: String, orphanTimeout: Duration, directory: String, at now: Instant) {
        name = "slurm \(spec.name)"
        keyName = spec.keyName
        self.spec = spec
        self.program = program
        self.orphanTimeout = orphanTimeout
        self.directory = directory
        group = SlurmGroup(spec, jobName: SlurmText.jobName(sweep: sweep, directory: directory, group: spec.name), at: now)
    }

    var outlook: LaunchOutlook { group.outlook }
    var isOver: Bool { group.isOver }

    func tend(at now: Instant, invitation: (String) throws -> Invitation) -> [LaunchNotice] {
        tend(at: now) { [self] in
            // Tasks that wait since an earlier run read the file when they start, so it is there, and of this run, before any job is.
            try PrivateFile.write(try invitation(spec.keyName).secretText + "\n", to: invitationPath)
            hasInvitation = true
        }
    }

    private func tend(at now: Instant, writeInvitation: () throws -> Void) -> [LaunchNotice] {
        var notices: [LaunchNotice] = []
        if let (step, process) = call {
            if group.isOverdue(at: now) { Subprocess.killGroup(process.process) }
            if let end = process.ended() {
                call = nil
                let answer = SlurmGroup.Answer(status: end.status, output: end.output, errors: end.errors, taskLogs: taskLogs(after: step))
                notices += group.answered(answer, at: now)
            }
        }
        if let step = group.tick(at: now) {
            do {
                if !hasInvitation { try writeInvitation() }
                call = (step, try begin(step))
            } catch {
                let isMissing = if case .notFound? = error as? SubprocessError { true } else { false }
                notices += group.failedToStart("\(error)", isMissing: isMissing, at: now)
            }
        }
        return notices
    }

    private func begin(_ step: SlurmGroup.Step) throws -> ChildProcess {
        // The files have the answer of the last call alone.
        for path in [outputPath, errorsPath] { try? FileManager.default.removeItem(atPath: path) }
        switch step {
        case .queryLimits: return try start("scontrol", SlurmText.limitArguments(cluster: group.clusters.first))
        case .submit(let tasks, let isArray):
            // The secret is not in it.
            let script = "\(directory)/slurm-\(spec.name).sh"
            let text = SlurmText.script(spec, program: program, invitation: invitationPath, orphanTimeout: orphanTimeout)
            try OutputFile.write(Array(text.utf8), toRegular: script)
            let options = SlurmText.options(spec, name: group.jobName, tasks: tasks, isArray: isArray, log: directory)
            return try start("sbatch", ["--parsable"] + options, input: .file(script))
        case .count(let cluster): return try start("squeue", SlurmText.countArguments(user: getuid(), cluster: cluster))
        case .cancel(let ids, let cluster): return try start("scancel", SlurmText.cancelArguments(ids, cluster: cluster))
        }
    }

    private func start(_ program: String, _ arguments: [String], input: Subprocess.Input = .nothing) throws -> ChildProcess {
        try ChildProcess(
            program, arguments, input: input, outputTo: outputPath, errorsTo: errorsPath, withoutVariables: SlurmText.variables)
    }

    private func taskLogs(after step: SlurmGroup.Step) -> [SlurmJob: String] {
        guard case .count = step else { return [:] }
        var logs: [SlurmJob: String] = [:]
        for job in group.jobsWithLogs {
            let paths = ["_1", ""].map { "\(directory)/slurm-\(job.id)\($0).log" }
            guard let path = paths.first(where: { FileManager.default.fileExists(atPath: $0) }) else { continue }
            logs[job] = Subprocess.lastLine(ChildProcess.text(path)) ?? ""
        }
        return logs
    }

    func joined(process: Int) { group.joined() }

    func remove() { group.remove() }

    /// Begins again after it was given up.
    /// - Returns: false while its jobs are being cancelled.
    func revive() -> Bool {
        guard !group.isRemoved else { return false }
        group.revive()
        return true
    }

    private var outputPath: String { "\(directory)/slurm-\(spec.name).out" }
    private var errorsPath: String { "\(directory)/slurm-\(spec.name).err" }
    private var invitationPath: String { "\(directory)/keys/\(spec.name).invitation" }

    /// Tasks that still wait or run would wait for a coordinator that is gone. A job that is being submitted is one of them a moment later.
    func end(_ tell: (LaunchNotice) -> Void) {
        group.remove()
        let stopwatch = Stopwatch()
        while !group.isOver, stopwatch.now.sinceStart < Self.longestEnd {
            for notice in tend(at: stopwatch.now, writeInvitation: {}) where notice.level != .info { tell(notice) }
            usleep(20_000)
        }
        if let call { Subprocess.killGroup(call.process.process) }
        if let leftovers = group.leftovers { tell(.error(leftovers)) }
    }
}
