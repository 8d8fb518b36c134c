// ClusterFile.swift · Coordinator/Sweep. cluster.toml → ClusterSpec. cluster.example.toml explains every setting.

internal import Vocabulary
internal import Wire

struct ClusterSpec: Equatable {
    /// Where workers find the coordinator; `*` for any free port.
    var listen = "tcp://127.0.0.1:*"
    /// What workers on other hosts connect to, without the port; nil for what `listen` says, or this host's name where that is all of them.
    var address: String?
    /// Without keys; on loopback only.
    var isPlain = false
    /// The program that goes to other hosts; nil for the one beside regsweep.
    var workerProgram: String?
    /// Go before the host on each call of ssh.
    var sshOptions: [String] = []
    var hosts: [HostSpec] = []
    /// Worker processes on this host; nil for as many as give each core a thread.
    var localWorkers: Int?
    /// Trials, or groups of short ones, that each of them computes at once.
    var slots = 1
    /// Threads that share one long trial.
    var threadsPerTrial = 1
    var heartbeatInterval: Duration = .seconds(2)
    var silence: Duration = .seconds(6)
    var leaseSeconds = 1.0
    var orphanTimeout: Duration = .seconds(30)
    var crashLimit = 3
    var checkpoints = CheckpointRule()

    /// - Parameter cores: of this host.
    /// - Returns: worker processes to start on it, at least 1 unless the file says 0.
    func localWorkers(cores: Int) -> Int { localWorkers ?? max(1, cores / (slots * threadsPerTrial)) }

    /// What is wrong with an endpoint to listen on; nil when nothing is.
    static func complaint(aboutListen endpoint: String, isPlain: Bool = false) -> String? {
        let allowed = """
            allowed are tcp://ADDRESS:PORT, such as tcp://127.0.0.1:PORT for this host alone or tcp://0.0.0.0:PORT for all (0 to 65535, or * \
            for any free one), and ipc://PATH
            """
        if endpoint.hasPrefix("ipc://"), endpoint.count > "ipc://".count { return nil }
        let parts = endpoint.dropFirst("tcp://".count).split(separator: ":", omittingEmptySubsequences: false)
        let address = parts.first?.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) } ?? []
        // By number: what a name means is decided elsewhere. libzmq takes port 65536 for 0, 65537 for 1 …
        guard endpoint.hasPrefix("tcp://"), address.count == 4, !address.contains(nil), parts.count == 2,
            parts[1] == "*" || UInt16(parts[1]) != nil
        else { return "found \"\(endpoint)\", \(allowed)" }
        guard !isPlain || address[0] == 127 else {
            return "found \"\(endpoint)\", allowed without keys is tcp://127.0.0.1:PORT: what is said there is not encrypted"
        }
        return nil
    }

    /// Where workers on other hosts find a coordinator that listens at an endpoint.
    /// - Parameter endpoint: with the port that was chosen.
    func advertised(_ endpoint: String, hostName: String) -> String {
        let parts = endpoint.dropFirst("tcp://".count).split(separator: ":")
        guard endpoint.hasPrefix("tcp://"), parts.count == 2 else { return endpoint }
        return "tcp://\(address ?? (parts[0] == "0.0.0.0" ? hostName : String(parts[0]))):\(parts[1])"
    }

    static func load(path: String) throws(SpecErrors) -> ClusterSpec { try parse(TOMLFile(path: path)) }

    static func parse(_ text: String, file: String) throws(SpecErrors) -> ClusterSpec { try parse(TOMLFile(text, name: file)) }

    private static func parse(_ file: TOMLFile) throws(SpecErrors) -> ClusterSpec {
        var spec = ClusterSpec()
        let root = file.root
        let coordinator = root.table("coordinator"), local = root.table("local"), timing = root.table("timing")
        spec.listen = coordinator.text("listen", default: spec.listen) ?? spec.listen
        spec.isPlain = coordinator.flag("plain", default: false) ?? false
        if let complaint = complaint(aboutListen: spec.listen, isPlain: spec.isPlain) { coordinator.complain("listen", complaint) }
        spec.address = coordinator.optionalText("address")
        spec.workerProgram = coordinator.optionalText("worker_program")
        let ssh = root.table("ssh")
        spec.sshOptions = ssh.texts("options", default: []) ?? []
        spec.hosts = root.has("host") ? root.tables("host").map { HostSpec.parse($0) } : []
        root.allow(["host"])
        let names = spec.hosts.map(\.name)
        for name in Set(names) where names.count(where: { $0 == name }) > 1 {
            root.complain("host", "found \"\(name)\" twice, allowed is each name once")
        }
        let isReachable = !spec.isPlain && spec.listen.hasPrefix("tcp://") && !spec.listen.hasPrefix("tcp://127.")
        if !spec.hosts.isEmpty, !isReachable, spec.address == nil, spec.hosts.contains(where: { $0.kind == .ssh }) {
            coordinator.complain(
                "listen",
                "found \"\(spec.listen)\", which other hosts cannot reach; allowed with hosts is an address that they can, such as \"tcp://0.0.0.0:*\""
            )
        }
        if local.has("workers") { spec.localWorkers = local.integer("workers", 0...Limits.slots) } else { local.allow(["workers"]) }
        spec.slots = local.integer("slots", 1...Limits.slots, default: spec.slots) ?? spec.slots
        spec.threadsPerTrial = local.integer("threads_per_trial", 1...Limits.slots, default: 1) ?? 1
        let heartbeat = timing.real("heartbeat_interval_seconds", RealRange(0.1...3600), default: 2) ?? 2
        let silence = timing.real("silence_seconds", RealRange(0.2...36_000), default: 6) ?? 6
        if silence < 2 * heartbeat {
            timing.complain("silence_seconds", "found \(silence), allowed is at least twice heartbeat_interval_seconds = \(heartbeat)")
        }
        (spec.heartbeatInterval, spec.silence) = (.seconds(heartbeat), .seconds(silence))
        spec.leaseSeconds = timing.real("lease_seconds", RealRange(0.01...3600), default: spec.leaseSeconds) ?? spec.leaseSeconds
        spec.orphanTimeout = .seconds(timing.real("orphan_timeout_seconds", RealRange(1...86_400), default: 30) ?? 30)
        spec.crashLimit = timing.integer("crash_limit", 1...1000, default: spec.crashLimit) ?? spec.crashLimit
        spec.checkpoints.interval = .seconds(timing.real("checkpoint_seconds", RealRange(0.1...86_400), default: 300) ?? 300)
        spec.checkpoints.epochs = timing.integer("checkpoint_epochs", 0...1_000_000, default: 0) ?? 0
        for table in [root, coordinator, local, ssh, timing] { table.refuseOthers() }
        try file.throwIfWrong()
        return spec
    }
}

/// Workers somewhere else: one `[[host]]`.
struct HostSpec: Equatable {
    enum Kind: String, CaseIterable { case ssh, slurm }

    var kind = Kind.ssh
    /// What ssh calls the host; of a Slurm group, any word.
    var name: String
    /// Worker processes on an ssh host.
    var workers = 1
    /// Trials, or groups of short ones, that each computes at once; nil for what all cores of an ssh host have room for, for 1 on Slurm.
    var slots: Int?
    /// Threads that share one long trial.
    var threadsPerTrial = 1
    var slurm = Slurm()

    struct Slurm: Equatable {
        var minimum = 1
        var maximum = 1
        var partition: String?
        var timeLimit: String?
        var constraint: String?
        var account: String?
        /// Options of sbatch, as after `#SBATCH `.
        var extra: [String] = []
        var drainSeconds = 60
        var pollInterval: Duration = .seconds(60)
    }

    /// Of the key that its workers share.
    var keyName: String { "\(kind.rawValue):\(name)" }

    fileprivate static func parse(_ table: TOMLFile.Table) -> HostSpec {
        let kind = table.choice("kind", Kind.allCases.map(\.rawValue)).flatMap(Kind.init) ?? .ssh
        var spec = HostSpec(kind: kind, name: table.label("name") ?? "")
        if !spec.name.isEmpty, !isName(spec.name) {
            table.complain(
                "name", "found \"\(spec.name)\", allowed is a word of ASCII letters, digits and . _ @ - that does not begin with -")
        }
        if table.has("slots") { spec.slots = table.integer("slots", 1...Limits.slots) } else { table.allow(["slots"]) }
        spec.threadsPerTrial = table.integer("threads_per_trial", 1...Limits.slots, default: 1) ?? 1
        switch kind {
        case .ssh: spec.workers = table.integer("workers", 1...Limits.slots, default: 1) ?? 1
        case .slurm: spec.slurm = slurm(table)
        }
        table.refuseOthers()
        return spec
    }

    private static func slurm(_ table: TOMLFile.Table) -> Slurm {
        var slurm = Slurm()
        slurm.maximum = table.integer("max", 1...10_000, default: 1) ?? 1
        slurm.minimum = table.integer("min", 0...10_000, default: slurm.maximum) ?? 1
        if slurm.minimum > slurm.maximum {
            table.complain("min", "found \(slurm.minimum), allowed is at most max = \(slurm.maximum)")
        }
        slurm.partition = table.optionalText("partition")
        slurm.timeLimit = table.optionalText("time_limit")
        slurm.constraint = table.optionalText("constraint")
        slurm.account = table.optionalText("account")
        slurm.extra = table.texts("extra", default: []) ?? []
        slurm.drainSeconds = table.integer("drain_seconds", 1...3600, default: slurm.drainSeconds) ?? 60
        slurm.pollInterval = .seconds(table.integer("poll_seconds", 1...3600, default: 60) ?? 60)
        return slurm
    }

    /// What may stand on ssh's command line and in the name of a file.
    static func isName(_ name: String) -> Bool {
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-".utf8)
        return (1...40).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: "-") && name.utf8.allSatisfy(allowed.contains)
    }
}
