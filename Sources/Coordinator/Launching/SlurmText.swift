// SlurmText.swift · Coordinator/Launching. What is said to Slurm, as text, and what it answers, read back. Pure.

internal import Vocabulary
internal import Wire

struct SlurmJob: Hashable { var id: Int }

enum SlurmText {
    /// One job array; a task is one worker process, which phones home.
    /// - Parameters:
    ///   - tasks: at least 1.
    ///   - program: the worker, and `invitation` its file of mode 0600, as the nodes see them.
    ///   - log: a folder that the nodes share with this host.
    static func script(
        _ spec: HostSpec, sweep: String, tasks: Int, program: String, invitation: String, log: String, orphanTimeout: Duration
    ) -> String {
        var lines = ["#!/bin/sh", "#SBATCH --job-name=regsweep-\(sweep)", "#SBATCH --array=1-\(tasks)"]
        lines.append("#SBATCH --output=\"\(quotable(log))/slurm-%A_%a.log\"")
        // One that Slurm has ended is replaced by us, with another number; SIGTERM comes before the limit, so that the worker drains.
        lines += ["#SBATCH --no-requeue", "#SBATCH --signal=B:TERM@\(spec.slurm.drainSeconds)", "#SBATCH --ntasks=1"]
        lines.append("#SBATCH --cpus-per-task=\((spec.slots ?? 1) * spec.threadsPerTrial)")
        for (option, value) in [
            ("time", spec.slurm.timeLimit), ("partition", spec.slurm.partition), ("constraint", spec.slurm.constraint),
            ("account", spec.slurm.account),
        ] { if let value { lines.append("#SBATCH --\(option)=\(value)") } }
        lines += spec.slurm.extra.map { "#SBATCH \($0)" }
        let words = [
            program, "--join", invitation, "--slots", "\(spec.slots ?? 1)", "--threads-per-trial", "\(spec.threadsPerTrial)",
            "--orphan-timeout", "\(orphanTimeout.inSeconds)",
        ]
        return (lines + ["exec " + ShellWords.quoted(words)]).joined(separator: "\n") + "\n"
    }

    /// A path within double quotes in a line for sbatch, which takes `%` in a log's name for a pattern.
    private static func quotable(_ path: String) -> String {
        path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("%", with: "%%")
    }

    /// - Parameter output: of `sbatch --parsable`: `17`, or `17;cluster`.
    static func job(fromSbatch output: String) -> SlurmJob? {
        output.split(separator: "\n").last.flatMap { $0.split(separator: ";").first }.flatMap { Int($0) }.map(SlurmJob.init)
    }

    /// Tasks that wait or run.
    /// - Parameter output: of `squeue --noheader --array --format=%T`, a state a line.
    static func aliveTasks(fromSqueue output: String) -> Int {
        let alive: Set<Substring> = ["PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "RESIZING", "REQUEUED", "STOPPED"]
        return output.split(separator: "\n").count { alive.contains($0.prefix { $0 != " " }) }
    }

    /// - Parameter output: of `scontrol show config`. Indices of an array are below it.
    static func maximumArraySize(from output: String) -> Int? {
        for line in output.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].split(separator: " ").first == "MaxArraySize" else { continue }
            return parts[1].split(separator: " ").first.flatMap { Int($0) }
        }
        return nil
    }

    /// How many tasks each array has, all together `count`, no index at or above the maximum.
    static func arrays(_ count: Int, maximumArraySize: Int) -> [Int] {
        let most = max(1, maximumArraySize - 1)
        return stride(from: 0, to: count, by: most).map { min(most, count - $0) }
    }

    /// Tasks to submit: none while there are at least `minimum`, otherwise up to `maximum`.
    static func missing(alive: Int, minimum: Int, maximum: Int) -> Int { alive >= minimum ? 0 : maximum - alive }
}
