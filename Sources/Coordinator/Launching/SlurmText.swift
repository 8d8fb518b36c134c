// SlurmText.swift · Coordinator/Launching. What Slurm's programs are called with, as text, and their answers, read back. Pure.

internal import Vocabulary
internal import Wire

/// A job, or a job array, by all that Slurm tells it from others with.
struct SlurmJob: Hashable, CustomStringConvertible {
    var id: Int
    /// Nil for the cluster that Slurm's programs speak to by themselves.
    var cluster: String?

    var description: String { cluster.map { "\(id) on \($0)" } ?? "\(id)" }
}

/// One line of squeue: a job, or one task of an array.
struct SlurmTask: Equatable {
    var job: SlurmJob
    /// As scancel takes it: `17_3` for the third task of an array, `17` for a job.
    var id: String
    var state: String
    /// Why it waits.
    var reason: String
    /// Name of its job.
    var name: String

    private static let endStates: Set = [
        "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT",
    ]

    var hasEnded: Bool { Self.endStates.contains(state) }
    /// Whether it waits or runs. A state that is not known here counts, so that no worker is submitted in its place.
    var isAlive: Bool { !hasEnded && state != "COMPLETING" }
    var isWaiting: Bool { state == "PENDING" }
    var isHeld: Bool { isWaiting && reason.lowercased().contains("held") }
}

enum SlurmText {
    /// The name of all jobs of a group, by which they are found again also where Slurm's answer was lost or the coordinator was killed.
    /// - Parameters:
    ///   - directory: the results directory: absolute, and shared with the nodes, so that no two groups have the same.
    ///   - group: name of the `[[host]]`.
    static func jobName(sweep: String, directory: String, group: String) -> String {
        "regsweep-\(sweep)-\("\(Digest(of: "\(directory)\n\(group)"))".prefix(12))"
    }

    /// Beginnings of variables that would change what Slurm's programs do: what is asked of them is in their arguments. The last ones
    /// describe the job that the coordinator itself runs in, where it does. Those that say where Slurm is remain.
    static let variables =
        ["SBATCH_", "SQUEUE_", "SCANCEL_", "SCONTROL_"]
        + [
            "HINT", "EXIT_ERROR", "JOB", "ARRAY_", "STEP", "TASK", "NTASKS", "NPROCS", "NNODES", "NODE", "CPU", "MEM_", "GPU", "TRES",
            "DISTRIBUTION", "THREADS_PER_CORE", "OVERCOMMIT", "EXPORT_ENV", "GET_USER_ENV",
        ].map { "SLURM_\($0)" }

    /// Options of sbatch for one job or job array; each of its tasks is one worker process, which connects to the coordinator. All are
    /// on its command line, which is stronger than the environment and the script.
    /// - Parameters:
    ///   - name: of the job.
    ///   - tasks: at least 1.
    ///   - isArray: false where Slurm takes no arrays; there is one task then.
    ///   - log: a folder that the nodes share with this host, for the output of each task.
    static func options(_ spec: HostSpec, name: String, tasks: Int, isArray: Bool, log: String) -> [String] {
        // SIGTERM comes before the time limit: the worker drains.
        var options = [
            "--output=\(log.replacing("%", with: "%%"))/slurm-\(isArray ? "%A_%a" : "%j").log",
            "--signal=B:TERM@\(spec.slurm.drainSeconds)", "--ntasks=1",
            "--cpus-per-task=\((spec.slots ?? 1) * spec.threadsPerTrial)",
        ]
        for (option, value) in [
            ("time", spec.slurm.timeLimit), ("partition", spec.slurm.partition), ("constraint", spec.slurm.constraint),
            ("account", spec.slurm.account),
        ] { if let value { options.append("--\(option)=\(value)") } }
        options += spec.slurm.extra.flatMap { words($0) ?? [$0] }
        // A task that Slurm ends is made up for by another job, not run again.
        options += ["--no-requeue", "--job-name=\(name)"]
        return isArray ? options + ["--array=1-\(tasks)"] : options
    }

    /// What each task runs.
    /// - Parameter program: the worker, and `invitation` its file of mode 0600, as the nodes see them.
    static func script(_ spec: HostSpec, program: String, invitation: String, orphanTimeout: Duration) -> String {
        let load = WorkerLoad(slots: "\(spec.slots ?? 1)", threadsPerTrial: spec.threadsPerTrial, orphanTimeout: orphanTimeout)
        return "#!/bin/sh\nexec "
            + WorkerCommandLine(coordinator: .invitationFile(invitation), load: load).line(program: program) + "\n"
    }

    /// Splits a text as sbatch splits what stands after `#SBATCH`: at spaces, with quotes and backslashes, up to a word that begins with #.
    /// - Returns: nil for a quote that is not closed, which sbatch is left to complain about.
    static func words(_ text: String) -> [String]? {
        var words: [String] = [], word: String?, quote: Character?, isEscaped = false
        for character in text {
            switch character {
            case _ where isEscaped:
                word = (word ?? "") + String(character)
                isEscaped = false
            case "\\": isEscaped = true
            case _ where character == quote: quote = nil
            case _ where quote != nil: word = (word ?? "") + String(character)
            case "\"", "'": (quote, word) = (character, word ?? "")
            case "#" where word == nil: return words
            case _ where character.isWhitespace:
                if let word { words.append(word) }
                word = nil
            default: word = (word ?? "") + String(character)
            }
        }
        guard quote == nil else { return nil }
        return word.map { words + [$0] } ?? words
    }

    /// Clusters that options of sbatch name, in their order.
    static func clusters(in options: [String]) -> [String] {
        for (index, option) in options.enumerated().reversed() {
            let parts = option.split(separator: "=", maxSplits: 1)
            let list: Substring
            if parts.count == 2, parts[0] == "--clusters" || parts[0] == "--cluster" {
                list = parts[1]
            } else if ["-M", "--clusters", "--cluster"].contains(option), index + 1 < options.count {
                list = options[index + 1][...]
            } else if option.hasPrefix("-M") {
                list = option.dropFirst(2)
            } else {
                continue
            }
            return list.split(separator: ",").map(String.init)
        }
        return []
    }

    /// Reads which job was submitted. A site's wrapper may write lines before and after; nil where no line, or more than one, names a job.
    /// - Parameter output: what `sbatch --parsable` printed on standard output: `17`, or `17;cluster`.
    static func job(fromSbatch output: String) -> SlurmJob? {
        let jobs = Set(output.split(whereSeparator: \.isNewline).compactMap { job(fromLine: $0) })
        return jobs.count == 1 ? jobs.first : nil
    }

    private static func job(fromLine line: Substring) -> SlurmJob? {
        var words = line.split(whereSeparator: \.isWhitespace)
        // A wrapper may drop the option --parsable.
        if words.count >= 4, words[..<3] == ["Submitted", "batch", "job"] {
            words.removeFirst(3)
            if words.count == 4, words[1...2] == ["on", "cluster"] { words = [words[0] + ";" + words[3]] }
        }
        guard words.count == 1 else { return nil }
        let parts = words[0].split(separator: ";", omittingEmptySubsequences: false)
        guard parts.count <= 2, let id = number(parts[0]), id > 0, parts.last?.isEmpty == false else { return nil }
        return SlurmJob(id: id, cluster: parts.count == 2 ? String(parts[1]) : nil)
    }

    /// Digits and nothing else.
    private static func number(_ text: some StringProtocol) -> Int? { text.utf8.allSatisfy { (48...57).contains($0) } ? Int(text) : nil }

    private static func arguments(_ cluster: String?) -> [String] { cluster.map { ["--clusters=\($0)"] } ?? [] }

    /// For `scontrol`: how large an array may be, and what the cluster is called.
    static func limitArguments(cluster: String?) -> [String] { arguments(cluster) + ["show", "config"] }

    /// For `squeue`: all jobs of a user in any state and partition, a line for each task, below a header, which shows that there was an answer.
    /// - Parameters:
    ///   - user: number of the user.
    ///   - cluster: nil for the one that squeue asks by itself, or its federation.
    static func countArguments(user: UInt32, cluster: String?) -> [String] {
        (cluster == nil ? ["--federation"] : arguments(cluster))
            + ["--array", "--all", "--states=all", "--user=\(user)", "--format=%F|%i|%T|%r|%j"]
    }

    /// For `scancel`.
    static func cancelArguments(_ ids: [String], cluster: String?) -> [String] { arguments(cluster) + ["--quiet"] + ids }

    /// Reads what squeue printed on standard output when it was called with ``countArguments(user:cluster:)``. Lines that are no task's are
    /// left out.
    /// - Parameter cluster: the one that was asked.
    /// - Returns: nil without a header: then squeue has not answered, whatever its exit code says.
    static func tasks(fromSqueue output: String, cluster: String?) -> [SlurmTask]? {
        var tasks: [SlurmTask] = [], hasHeader = false, cluster = cluster
        for line in output.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("CLUSTER: ") { cluster = String(line.dropFirst("CLUSTER: ".count)) }
            let fields = line.split(separator: "|", maxSplits: 4, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 5 else { continue }
            if fields[2] == "STATE" { hasHeader = true }
            guard let id = number(fields[0]) else { continue }
            tasks.append(
                SlurmTask(
                    job: SlurmJob(id: id, cluster: cluster), id: fields[1], state: fields[2], reason: fields[3], name: fields[4]))
        }
        return hasHeader ? tasks : nil
    }

    /// Reads a setting of Slurm.
    /// - Parameter output: what `scontrol show config` printed.
    private static func setting(_ name: String, from output: String) -> Substring? {
        for line in output.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].split(separator: " ").first == name[...] else { continue }
            return parts[1].split(separator: " ").first
        }
        return nil
    }

    /// Reads MaxArraySize: the indices of an array's tasks are below it. With 0 and 1 there are no arrays.
    static func maximumArraySize(from output: String) -> Int? { setting("MaxArraySize", from: output).flatMap { Int($0) } }

    static func clusterName(from output: String) -> String? { setting("ClusterName", from: output).map(String.init) }

    /// Splits a number of tasks into arrays, whose indices from 1 on are below the maximum, or into single jobs where there are no arrays.
    /// - Returns: the number of tasks of each, all together `count`.
    static func arrays(_ count: Int, maximumArraySize: Int) -> [Int] {
        let most = max(1, maximumArraySize - 1)
        return stride(from: 0, to: count, by: most).map { min(most, count - $0) }
    }

    /// How many tasks to submit: none while at least `minimum` wait or run, otherwise as many as make up `maximum`.
    static func missing(alive: Int, minimum: Int, maximum: Int) -> Int { alive >= minimum ? 0 : maximum - alive }
}
