// SlurmLauncher.swift · Coordinator/Launching. Workers as tasks of Slurm's job arrays. SlurmGroup decides, SlurmText makes and reads the
// text, ChildProcess runs Slurm's programs, none of which is waited for while the sweep runs.

internal import FoundationEssentials
internal import Vocabulary
internal import Wire

final class SlurmLauncher: Launcher {
    let name: String
    let keyName: String?

    private let spec: HostSpec
    private let sweep: String
    private let program: String
    private let orphanTimeout: Duration
    private let directory: String
    private var group: SlurmGroup
    private var call: (step: SlurmGroup.Step, process: ChildProcess)?

    /// - Parameters:
    ///   - sweep: names the jobs.
    ///   - program: the worker, at a path that the nodes have as well.
    ///   - directory: the results directory: absolute, and shared with the nodes.
    init(_ spec: HostSpec, sweep: String, program: String, orphanTimeout: Duration, directory: String, at now: Instant) {
        name = "slurm \(spec.name)"
        keyName = spec.keyName
        self.spec = spec
        self.sweep = sweep
        self.program = program
        self.orphanTimeout = orphanTimeout
        self.directory = directory
        group = SlurmGroup(spec.slurm, at: now)
    }

    var outlook: LaunchOutlook { group.outlook }
    var isOver: Bool { group.isOver }

    func tend(at now: Instant, invitation: (String) throws -> Invitation) -> [LaunchNotice] {
        var notices: [LaunchNotice] = []
        if let (step, process) = call, let end = process.ended() {
            call = nil
            let answer = SlurmGroup.Answer(status: end.status, text: end.output, taskLog: taskLog(after: step))
            if let notice = group.answered(answer, at: now) { notices.append(notice) }
        }
        if let step = group.tick(at: now) {
            do { call = (step, try begin(step, invitation)) } catch { notices.append(group.failedToStart("\(error)", at: now)) }
        }
        return notices
    }

    private func begin(_ step: SlurmGroup.Step, _ invitation: (String) throws -> Invitation) throws -> ChildProcess {
        // The file has the answer of the last call alone.
        try? FileManager.default.removeItem(atPath: outputPath)
        switch step {
        case .queryLimits: return try ChildProcess("scontrol", ["show", "config"], outputTo: outputPath)
        case .submit(let tasks):
            // The file stays as long as the key: tasks may wait for hours.
            let file = "\(directory)/keys/\(spec.name).invitation"
            try PrivateFile.write(try invitation(spec.keyName).secretText + "\n", to: file)
            let script = SlurmText.script(
                spec, sweep: sweep, tasks: tasks, program: program, invitation: file, log: directory, orphanTimeout: orphanTimeout)
            // However many extra lines it has; the secret is not in it.
            let path = "\(directory)/slurm-\(spec.name).sh"
            try script.write(toFile: path, atomically: true, encoding: .utf8)
            return try ChildProcess("sbatch", ["--parsable"], input: .file(path), outputTo: outputPath)
        case .count(let jobs): return try ChildProcess("squeue", SlurmText.countArguments(jobs), outputTo: outputPath)
        case .cancel(let jobs): return try ChildProcess("scancel", SlurmText.cancelArguments(jobs), outputTo: outputPath)
        }
    }

    private func taskLog(after step: SlurmGroup.Step) -> String? {
        guard case .count(let jobs) = step, let newest = jobs.last else { return nil }
        return (try? String(contentsOfFile: "\(directory)/slurm-\(newest.id)_1.log", encoding: .utf8)).flatMap(Subprocess.lastLine)
    }

    func joined(process: Int) { group.joined() }

    func remove() { group.remove() }

    private var outputPath: String { "\(directory)/slurm-\(spec.name).out" }

    /// Tasks that still wait or run would wait for a coordinator that is gone. A job that is being submitted is one of them a moment later.
    deinit {
        if group.isSubmitting, let end = call?.process.wait() {
            _ = group.answered(SlurmGroup.Answer(status: end.status, text: end.output), at: .distantFuture)
        }
        if !group.jobs.isEmpty { _ = try? Subprocess.run("scancel", SlurmText.cancelArguments(group.jobs), outputTo: outputPath) }
    }
}
