// SlurmText.swift · Coordinator/Launching. What Slurm's programs are called with, as text, and their answers, read back. Pure.

internal import Vocabulary
internal import Wire

struct SlurmJob: Hashable { var id: Int }

enum SlurmText {
    /// One job array; each of its tasks is one worker process, which connects to the coordinator.
    /// - Parameters:
    ///   - tasks: at least 1.
    ///   - program: the worker, and `invitation` its file of mode 0600, as the nodes see them.
    ///   - log: a folder that the nodes share with this host, for the output of each task.
    static func script(
        _ spec: HostSpec, sweep: String, tasks: Int, program: String, invitation: String, log: String, orphanTimeout: Duration
    ) -> String {
        var lines = ["#!/bin/sh", "#SBATCH --job-name=regsweep-\(sweep)", "#SBATCH --array=1-\(tasks)"]
        lines.append("#SBATCH --output=\"\(quotable(log))/slurm-%A_%a.log\"")
        // A task that Slurm ends is made up for by another job, not run again. SIGTERM comes before the time limit: the worker drains.
        lines += ["#SBATCH --no-requeue", "#SBATCH --signal=B:TERM@\(spec.slurm.drainSeconds)", "#SBATCH --ntasks=1"]
        lines.append("#SBATCH --cpus-per-task=\((spec.slots ?? 1) * spec.threadsPerTrial)")
        for (option, value) in [
            ("time", spec.slurm.timeLimit), ("partition", spec.slurm.partition), ("constraint", spec.slurm.constraint),
            ("account", spec.slurm.account),
        ] { if let value { lines.append("#SBATCH --\(option)=\(value)") } }
        lines += spec.slurm.extra.map { "#SBATCH \($0)" }
        let load = WorkerLoad(slots: "\(spec.slots ?? 1)", threadsPerTrial: spec.threadsPerTrial, orphanTimeout: orphanTimeout)
        lines.append("exec " + WorkerCommandLine(coordinator: .invitationFile(invitation), load: load).line(program: program))
        return lines.joined(separator: "\n") + "\n"
    }

    /// A path within double quotes in a line for sbatch, which takes `%` in a log's name for a pattern.
    private static func quotable(_ path: String) -> String {
        path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("%", with: "%%")
    }

    /// Reads the number of the job that was submitted; nil where there is none.
    /// - Parameter output: what `sbatch --parsable` printed: `17`, or `17;cluster`, after warnings if there are any.
    static func job(fromSbatch output: String) -> SlurmJob? {
        output.split(separator: "\n").last.flatMap { $0.split(separator: ";").first }.flatMap { Int($0) }.map(SlurmJob.init)
    }

    /// For `squeue`: the state of each task of the jobs, a line each.
    static func countArguments(_ jobs: [SlurmJob]) -> [String] {
        ["--noheader", "--array", "--format=%T", "--jobs=\(jobs.map { "\($0.id)" }.joined(separator: ","))"]
    }

    /// For `scancel`.
    static func cancelArguments(_ jobs: [SlurmJob]) -> [String] { ["--quiet"] + jobs.map { "\($0.id)" } }

    /// Whether squeue knows nothing of the jobs any more, as of all that ended a while ago; it calls that an error.
    static func isForgotten(_ output: String) -> Bool { output.contains("Invalid job id") }

    /// Counts the tasks that wait or run.
    /// - Parameter output: what `squeue` printed when it was called with ``countArguments(_:)``.
    static func aliveTasks(fromSqueue output: String) -> Int {
        let alive: Set<Substring> = ["PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "RESIZING", "REQUEUED", "STOPPED"]
        return output.split(separator: "\n").count { alive.contains($0.prefix { $0 != " " }) }
    }

    /// Reads MaxArraySize: the indices of an array's tasks are below it.
    /// - Parameter output: what `scontrol show config` printed.
    static func maximumArraySize(from output: String) -> Int? {
        for line in output.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].split(separator: " ").first == "MaxArraySize" else { continue }
            return parts[1].split(separator: " ").first.flatMap { Int($0) }
        }
        return nil
    }

    /// Splits a number of tasks into arrays, whose indices from 1 on are below the maximum.
    /// - Returns: the number of tasks of each, all together `count`.
    static func arrays(_ count: Int, maximumArraySize: Int) -> [Int] {
        let most = max(1, maximumArraySize - 1)
        return stride(from: 0, to: count, by: most).map { min(most, count - $0) }
    }

    /// How many tasks to submit: none while at least `minimum` wait or run, otherwise as many as make up `maximum`.
    static func missing(alive: Int, minimum: Int, maximum: Int) -> Int { alive >= minimum ? 0 : maximum - alive }
}
