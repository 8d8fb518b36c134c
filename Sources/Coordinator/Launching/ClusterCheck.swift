// ClusterCheck.swift · Coordinator/Launching, used by CheckCommand. Tries every host of a cluster file, all at once, and makes a table of what it found.
// SSHText and SlurmText make the calls; a Finding reads what comes back.

internal import FoundationEssentials
internal import Glibc
internal import Vocabulary
internal import Wire

struct ClusterCheck {
    let cluster: ClusterSpec
    let program: String

    /// - Returns: a finding for each ssh host, then one for each Slurm group, in the order of the file.
    func run() throws -> [HostFinding] {
        let folder = try PrivateFolder.new("regsweep-check"), lock = WritingLock(folder)
        defer {
            try? FileManager.default.removeItem(atPath: folder)
            extendLifetime(lock)
        }
        return try sshHosts(folder) + cluster.hosts.filter { $0.kind == .slurm }.map { slurmGroup($0, folder) }
    }

    private func sshHosts(_ folder: String) throws -> [HostFinding] {
        let bundle = try WorkerBundle(reading: program)
        let hosts = cluster.hosts.filter { $0.kind == .ssh }
        var findings = hosts.map { HostFinding(host: $0.name) }
        func callAll(
            _ isMeant: (HostFinding) -> Bool, _ name: String, _ script: (WorkerBundle, HostSpec) -> String,
            input: Subprocess.Input = .nothing
        ) throws -> [(index: Int, call: Call)] {
            let calls = findings.indices.filter { isMeant(findings[$0]) }.map { ($0, hosts[$0].name, script(bundle, hosts[$0])) }
            return try run(calls, "\(folder)/\(name)-", input: input)
        }
        for (index, call) in try callAll(\.isUntried, "probe", SSHText.probe) {
            findings[index].probed(call.output, call.errors)
        }
        for (index, call) in try callAll(\.lacksProgram, "copy", SSHText.copy, input: .file(program)) {
            findings[index].copied(call.status, call.errors, seconds: call.seconds)
        }
        for (index, call) in try callAll(\.hasProgram, "try", SSHText.selfTest) {
            findings[index].tried(call.output, call.errors)
        }
        return findings
    }

    private typealias Call = (status: Subprocess.Status, output: String, errors: String, seconds: Double)

    /// Runs a script on each of several hosts at once and waits for the last of them.
    /// - Parameters:
    ///   - calls: indices of findings, with the name of the host and the script.
    ///   - output: the beginning of the path of a file that the output of a host goes to; its name is added.
    /// - Returns: how it went on each, with the index of its finding.
    private func run(
        _ calls: [(index: Int, host: String, script: String)], _ output: String, input: Subprocess.Input
    ) throws -> [(index: Int, call: Call)] {
        let stopwatch = Stopwatch()
        var running = try calls.map { index, host, script in
            let arguments = SSHText.arguments(host, options: cluster.sshOptions, script: script)
            let path = output + host
            return (index, try ChildProcess("ssh", arguments, input: input, outputTo: path, errorsTo: "\(path).errors"))
        }
        var ended: [(index: Int, call: Call)] = []
        while !running.isEmpty {
            running.removeAll { index, process in
                guard let end = process.ended() else { return false }
                ended.append((index, (end.status, end.output, end.errors, stopwatch.now.sinceStart.inSeconds)))
                return true
            }
            usleep(10_000)
        }
        return ended
    }

    /// Asks whether Slurm would take the job: nothing is submitted.
    private func slurmGroup(_ host: HostSpec, _ folder: String) -> HostFinding {
        var finding = HostFinding(host: host.name)
        let script = SlurmText.script(host, program: program, invitation: "none", orphanTimeout: cluster.orphanTimeout)
        let options = SlurmText.options(host, name: "regsweep-check", tasks: 1, isArray: false, log: folder)
        do {
            let path = "\(folder)/sbatch-\(host.name).sh"
            try OutputFile.write(Array(script.utf8), toRegular: path)
            let call = try ChildProcess(
                "sbatch", ["--test-only"] + options, input: .file(path), outputTo: "\(path).out", errorsTo: "\(path).err",
                withoutVariables: SlurmText.variables
            ).wait()
            finding.submitted(call.status, call.output, call.errors)
        } catch { finding.trouble = "\(error)" }
        return finding
    }
}

/// What is known of one host or Slurm group: one row of the table.
struct HostFinding: Equatable {
    let host: String
    private(set) var isReachable = false
    /// What is wrong; nil when nothing is, as far as was tried.
    fileprivate(set) var trouble: String?
    /// Nil for a Slurm group, and for a host that is not reachable.
    private(set) var probe: SSHText.Probe?
    /// Nil for a host where the program does not run.
    private(set) var cores: Int?
    /// How long the worker program took to the host, where it was not there.
    private(set) var copySeconds: Double?

    init(host: String) { self.host = host }

    private static let elsewhere = "; `folder` in its [[host]] names another place"

    var isUntried: Bool { !isReachable && trouble == nil }
    var lacksProgram: Bool { trouble == nil && probe?.isCopied == false && copySeconds == nil }
    var hasProgram: Bool { trouble == nil && probe != nil && !lacksProgram }

    /// - Parameters:
    ///   - output: what ssh printed when it ran the script of `SSHText.probe`.
    ///   - errors: what it printed on standard error.
    mutating func probed(_ output: String, _ errors: String) {
        probe = SSHText.probe(from: output)
        isReachable = probe != nil
        if probe == nil { trouble = Subprocess.lastLine(errors) ?? Subprocess.lastLine(output) ?? "no answer" }
    }

    mutating func copied(_ status: Subprocess.Status, _ errors: String, seconds: Double) {
        copySeconds = seconds
        guard status != .exited(0) else { return }
        let advice = status == .exited(SSHText.noConnection) ? "" : Self.elsewhere
        trouble = "the worker program was not copied: \(Subprocess.lastLine(errors) ?? "\(status)")\(advice)"
    }

    /// - Parameter output: what ssh printed when it ran the worker's self-test.
    mutating func tried(_ output: String, _ errors: String) {
        cores = SSHText.cores(from: output)
        if probe?.isV3 == false {
            trouble = "the processor lacks a part of x86-64-v3"
        } else if !output.contains("\(Build.selfTest)") {
            let reason = Subprocess.lastLine(errors) ?? Subprocess.lastLine(output) ?? "no output"
            // What a shell says of a file system that is mounted noexec.
            trouble = "the worker does not run: \(reason)\(reason.hasSuffix("Permission denied") ? Self.elsewhere : "")"
        }
    }

    /// - Parameter output: what `sbatch --test-only` printed.
    mutating func submitted(_ status: Subprocess.Status, _ output: String, _ errors: String) {
        isReachable = status == .exited(0)
        if !isReachable { trouble = Subprocess.lastLine(errors) ?? Subprocess.lastLine(output) ?? "\(status)" }
    }

    static var columns: [Column<HostFinding>] {
        [
            .text("host", \.host), .text("reachable") { $0.isReachable ? "yes" : "no" },
            .cells("cores") { $0.cores.map(Cell.integer) ?? .missing },
            .text("x86-64-v3") { $0.probe.map { $0.isV3 ? "yes" : "no" } ?? "–" },
            .cells("room (MiB)") { $0.probe?.freeKiB.map { .integer($0 >> 10) } ?? .missing },
            .cells("copy (s)", decimals: 1) { finding in
                finding.copySeconds.map(Cell.real) ?? (finding.probe == nil ? .missing : .missing(because: "is there"))
            }, .text("state") { $0.trouble ?? "ready" },
        ]
    }
}
