// ClusterCheck.swift · Coordinator/Launching, used by CheckCommand. Tries every host of a cluster file, all at once, and says what it found.

internal import FoundationEssentials
internal import Glibc
internal import Vocabulary
internal import Wire

struct ClusterCheck {
    /// One row of the table.
    struct Finding: Equatable {
        var host: String
        var isReachable = false
        /// What is wrong; empty when nothing is.
        var trouble = ""
        var probe: SSHText.Probe?
        /// Of the worker program, where it was not there.
        var copySeconds: Double?
    }

    let cluster: ClusterSpec
    let program: String

    /// - Returns: a row for each host, in the order of the file.
    func run() throws -> [Finding] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "regsweep-check-\(getpid())").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let bundle = try WorkerBundle(reading: program)
        let hosts = cluster.hosts.filter { $0.kind == .ssh }
        var findings = hosts.map { Finding(host: $0.name) }
        let probes = try all(hosts, folder, "probe", SSHText.probe(bundle), input: .nothing)
        for index in hosts.indices {
            findings[index].probe = SSHText.probe(from: probes[index].output)
            findings[index].isReachable = findings[index].probe != nil
            if findings[index].probe == nil {
                findings[index].trouble = Subprocess.lastLine(probes[index].output) ?? "no answer"
            }
        }
        let lacking = hosts.indices.filter { findings[$0].probe?.isCopied == false }
        let copies = try all(lacking.map { hosts[$0] }, folder, "copy", SSHText.copy(bundle), input: .file(program))
        for (index, copy) in zip(lacking, copies) {
            findings[index].copySeconds = copy.seconds
            if copy.status != .exited(0) { findings[index].trouble = "copy: \(Subprocess.lastLine(copy.output) ?? "failed")" }
        }
        let reachable = hosts.indices.filter { findings[$0].probe != nil && findings[$0].trouble.isEmpty }
        let trials = try all(reachable.map { hosts[$0] }, folder, "try", SSHText.selfTest(bundle), input: .nothing)
        for (index, trial) in zip(reachable, trials) {
            if findings[index].probe?.isV3 == false {
                findings[index].trouble = "the processor lacks a part of x86-64-v3"
            } else if !trial.output.contains("\(Build.selfTest)") {
                findings[index].trouble = "the worker does not run: \(Subprocess.lastLine(trial.output) ?? "no output")"
            }
        }
        return findings + cluster.hosts.filter { $0.kind == .slurm }.map { slurm($0, folder) }
    }

    private typealias Ended = (status: Subprocess.Status, output: String, seconds: Double)

    private func all(_ hosts: [HostSpec], _ folder: String, _ name: String, _ script: String, input: Subprocess.Input) throws -> [Ended] {
        let stopwatch = Stopwatch()
        func path(_ index: Int) -> String { "\(folder)/\(name)-\(hosts[index].name)" }
        let processes = try hosts.indices.map { index in
            try Subprocess.spawn(
                "ssh", SSHText.arguments(hosts[index].name, options: cluster.sshOptions, script: script), input: input,
                outputTo: path(index))
        }
        var ended: [pid_t: (Subprocess.Status, Double)] = [:]
        while ended.count < processes.count {
            for (pid, status) in Subprocess.reap(processes.filter { ended[$0] == nil }) {
                ended[pid] = (status, stopwatch.now.sinceStart.inSeconds)
            }
            usleep(10_000)
        }
        return hosts.indices.map { index in
            let (status, seconds) = ended[processes[index]]!
            return (status, (try? String(contentsOfFile: path(index), encoding: .utf8)) ?? "", seconds)
        }
    }

    /// Whether Slurm would take the job: nothing is submitted.
    private func slurm(_ host: HostSpec, _ folder: String) -> Finding {
        let output = "\(folder)/sbatch-\(host.name)"
        let script = SlurmText.script(
            host, sweep: "check", tasks: 1, program: program, invitation: "none", log: folder, orphanTimeout: cluster.orphanTimeout)
        var finding = Finding(host: host.name)
        do {
            let path = "\(folder)/sbatch-\(host.name).sh"
            try script.write(toFile: path, atomically: true, encoding: .utf8)
            let status = try Subprocess.run("sbatch", ["--test-only"], input: .file(path), outputTo: output)
            finding.isReachable = status == .exited(0)
            if !finding.isReachable {
                finding.trouble = (try? String(contentsOfFile: output, encoding: .utf8)).flatMap(Subprocess.lastLine) ?? "\(status)"
            }
        } catch { finding.trouble = "\(error)" }
        return finding
    }

    static var columns: [Column<Finding>] {
        [
            .text("host", \.host), .text("reachable") { $0.isReachable ? "yes" : "no" },
            .cells("cores") { $0.probe.map { .integer($0.cores) } ?? .missing },
            .text("x86-64-v3") { $0.probe.map { $0.isV3 ? "yes" : "no" } ?? "–" },
            .cells("room (MiB)") { $0.probe.map { .integer($0.freeKiB >> 10) } ?? .missing },
            .cells("copy (s)", decimals: 1) { finding in
                finding.copySeconds.map(Cell.real) ?? (finding.probe == nil ? .missing : .missing(because: "is there"))
            }, .text("state") { $0.trouble.isEmpty ? "ready" : $0.trouble },
        ]
    }
}
