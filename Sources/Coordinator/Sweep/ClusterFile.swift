// ClusterFile.swift · Coordinator/Sweep. cluster.toml → ClusterSpec. cluster.example.toml explains every setting.

internal import Wire

struct ClusterSpec: Equatable {
    /// Where workers find the coordinator; `*` for any free port.
    var listen = "tcp://127.0.0.1:*"
    /// Worker processes on this box; nil for one a core.
    var localWorkers: Int?
    /// Compute threads of each.
    var slots = 1
    var heartbeatInterval: Duration = .seconds(2)
    var silence: Duration = .seconds(6)
    var leaseSeconds = 1.0
    var orphanTimeout: Duration = .seconds(30)
    var crashLimit = 3
    var checkpoints = CheckpointRule()

    /// What is wrong with an endpoint to listen on; nil when nothing is.
    static func complaint(aboutListen endpoint: String) -> String? {
        let allowed = "allowed are tcp://127.0.0.1:PORT (0 to 65535, or * for any free one) and ipc://PATH"
        if endpoint.hasPrefix("ipc://"), endpoint.count > "ipc://".count { return nil }
        let parts = endpoint.dropFirst("tcp://".count).split(separator: ":", omittingEmptySubsequences: false)
        let address = parts[0].split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        // By number: what a name means is decided elsewhere.
        guard endpoint.hasPrefix("tcp://"), address.count == 4, address[0] == 127, !address.contains(nil) else {
            return "found \"\(endpoint)\", \(allowed): what is said there is not encrypted"
        }
        // libzmq takes 65536 for 0, 65537 for 1 …
        return parts.count == 2 && (parts[1] == "*" || UInt16(parts[1]) != nil) ? nil : "found \"\(endpoint)\", \(allowed)"
    }

    static func load(path: String) throws(SpecErrors) -> ClusterSpec { try parse(TOMLFile(path: path)) }

    static func parse(_ text: String, file: String) throws(SpecErrors) -> ClusterSpec { try parse(TOMLFile(text, name: file)) }

    private static func parse(_ file: TOMLFile) throws(SpecErrors) -> ClusterSpec {
        var spec = ClusterSpec()
        let root = file.root
        let coordinator = root.table("coordinator"), local = root.table("local"), timing = root.table("timing")
        spec.listen = coordinator.text("listen", default: spec.listen) ?? spec.listen
        if let complaint = complaint(aboutListen: spec.listen) { coordinator.report("listen", complaint) }
        if local.has("workers") { spec.localWorkers = local.integer("workers", 0...Limits.slots) } else { local.allow(["workers"]) }
        spec.slots = local.integer("slots", 1...Limits.slots, default: spec.slots) ?? spec.slots
        let heartbeat = timing.real("heartbeat_interval_seconds", 0.1...3600, default: 2) ?? 2
        let silence = timing.real("silence_seconds", 0.2...36_000, default: 6) ?? 6
        if silence < 2 * heartbeat {
            timing.report("silence_seconds", "found \(silence), allowed is at least twice heartbeat_interval_seconds = \(heartbeat)")
        }
        (spec.heartbeatInterval, spec.silence) = (.seconds(heartbeat), .seconds(silence))
        spec.leaseSeconds = timing.real("lease_seconds", 0.01...3600, default: spec.leaseSeconds) ?? spec.leaseSeconds
        spec.orphanTimeout = .seconds(timing.real("orphan_timeout_seconds", 1...86_400, default: 30) ?? 30)
        spec.crashLimit = timing.integer("crash_limit", 1...1000, default: spec.crashLimit) ?? spec.crashLimit
        spec.checkpoints.interval = .seconds(timing.real("checkpoint_seconds", 0.1...86_400, default: 300) ?? 300)
        spec.checkpoints.epochs = timing.integer("checkpoint_epochs", 0...1_000_000, default: 0) ?? 0
        for table in [root, coordinator, local, timing] { table.refuseOthers() }
        try file.throwIfWrong()
        return spec
    }
}
