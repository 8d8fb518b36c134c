// ClusterFile.swift · Coordinator/Sweep. cluster.toml → ClusterSpec. cluster.example.toml explains every setting.

internal import Vocabulary
internal import Wire

/// The settings of a cluster file; its defaults are those of a cluster without a file.
struct ClusterSpec: Equatable {
    /// The endpoint at which the coordinator listens; `*` for any free port.
    var listen = "tcp://127.0.0.1:*"
    /// The host name or address to which workers on other hosts connect; nil for the one in `listen`, or for this host's name where `listen`
    /// is 0.0.0.0.
    var address: String?
    /// Whether workers need no key, which is allowed on loopback only.
    var isPlain = false
    /// Path of the worker program that is copied to other hosts; nil for the one beside regsweep.
    var workerProgram: String?
    /// Arguments of ssh before the name of the host.
    var sshOptions: [String] = []
    var hosts: [HostSpec] = []
    /// Worker processes on this host; nil for as many as give each core one thread.
    var localWorkers: Int?
    /// Leases that each worker on this host computes at once.
    var slots = 1
    /// Threads of these workers that share one long trial.
    var threadsPerTrial = 1
    var heartbeatInterval: Duration = .seconds(2)
    /// Time without a frame after which a worker or the coordinator counts as lost; `silence_seconds` in the file.
    var timeout: Duration = .seconds(6)
    /// Target of the compute time of a lease, in seconds.
    var leaseSeconds = 1.0
    var orphanTimeout: Duration = .seconds(30)
    var crashLimit = 3
    var checkpoints = CheckpointRule()

    /// The number of worker processes on this host: at least 1 unless the file says 0.
    /// - Parameter cores: the cores of this host.
    func localWorkers(cores: Int) -> Int { localWorkers ?? max(1, cores / (slots * threadsPerTrial)) }

    /// The error of an endpoint to listen on; nil for an allowed one.
    static func complaint(aboutListen endpoint: String, isPlain: Bool = false) -> String? {
        let allowed = """
            allowed are tcp://ADDRESS:PORT, such as tcp://127.0.0.1:PORT for this host alone or tcp://0.0.0.0:PORT for all (0 to 65535, or * \
            for any free one), and ipc://PATH
            """
        if endpoint.hasPrefix("ipc://"), endpoint.count > "ipc://".count { return nil }
        let parts = endpoint.dropFirst("tcp://".count).split(separator: ":", omittingEmptySubsequences: false)
        let address = parts.first?.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) } ?? []
        // Only numeric addresses are allowed, since name servers decide what a name means. libzmq would take port 65536 for 0.
        guard endpoint.hasPrefix("tcp://"), address.count == 4, !address.contains(nil), parts.count == 2,
            parts[1] == "*" || UInt16(parts[1]) != nil
        else { return "found \"\(endpoint)\", \(allowed)" }
        guard !isPlain || address[0] == 127 else {
            return "found \"\(endpoint)\", allowed without keys is tcp://127.0.0.1:PORT: what is said there is not encrypted"
        }
        return nil
    }

    /// The endpoint to which workers on other hosts connect.
    /// - Parameter endpoint: the one at which the coordinator listens, with the port that was chosen.
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
        let timeout = timing.real("silence_seconds", RealRange(0.2...36_000), default: 6) ?? 6
        if timeout < 2 * heartbeat {
            timing.complain("silence_seconds", "found \(timeout), allowed is at least twice heartbeat_interval_seconds = \(heartbeat)")
        }
        (spec.heartbeatInterval, spec.timeout) = (.seconds(heartbeat), .seconds(timeout))
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

/// Workers on another host or in a Slurm cluster: one `[[host]]` of the file.
struct HostSpec: Equatable {
    enum Kind: String, CaseIterable { case ssh, slurm }

    var kind = Kind.ssh
    /// The name by which ssh finds the host; any name for a Slurm group.
    var name: String
    /// Worker processes on an ssh host.
    var workers = 1
    /// Leases that each worker computes at once; nil for as many as the cores of an ssh host allow, and for 1 on Slurm.
    var slots: Int?
    /// Threads that share one long trial.
    var threadsPerTrial = 1
    /// Where an ssh host has the worker program and data, absolute or from `~/` on; nil for the cache folder of the user's home.
    var folder: String?
    var slurm = Slurm()

    struct Slurm: Equatable {
        var minimum = 1
        var maximum = 1
        var partition: String?
        var timeLimit: String?
        var constraint: String?
        var account: String?
        /// Further options of sbatch, written as after `#SBATCH `.
        var extra: [String] = []
        /// Options by which workers are counted, found, cancelled and replaced.
        static let ownOptions = ["--array", "-a", "--job-name", "-J", "--requeue", "--wait", "-W", "--wrap", "--test-only"]
        var drainSeconds = 60
        var pollInterval: Duration = .seconds(60)
    }

    /// Name of the key that its workers share.
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
        case .ssh:
            spec.workers = table.integer("workers", 1...Limits.slots, default: 1) ?? 1
            spec.folder = table.optionalText("folder")
            if let folder = spec.folder, !isFolder(folder) {
                table.complain(
                    "folder", "found \"\(folder)\", allowed is a path that begins with / or ~/, without quotes, $, ` and backslashes")
            }
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
        for text in slurm.extra {
            let option = text.prefix { !$0.isWhitespace && $0 != "=" }
            if Slurm.ownOptions.contains(String(option)) {
                table.complain(
                    "extra", "found \"\(text)\", allowed is any option of sbatch but \(Slurm.ownOptions.joined(separator: ", "))")
            }
        }
        slurm.drainSeconds = table.integer("drain_seconds", 1...3600, default: slurm.drainSeconds) ?? 60
        slurm.pollInterval = .seconds(table.integer("poll_seconds", 1...3600, default: 60) ?? 60)
        return slurm
    }

    /// Whether a path means the same within double quotes of a shell, wherever that shell runs.
    static func isFolder(_ path: String) -> Bool {
        (path.hasPrefix("/") || path.hasPrefix("~/")) && !path.contains { "\"'$`\\".contains($0) }
    }

    /// Whether a name is allowed: it becomes an argument of ssh and part of file names.
    static func isName(_ name: String) -> Bool {
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-".utf8)
        return (1...40).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: "-") && name.utf8.allSatisfy(allowed.contains)
    }
}
