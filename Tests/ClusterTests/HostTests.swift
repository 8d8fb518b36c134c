// HostTests.swift · Tests/ClusterTests. A sweep over ssh: three hosts, one added while it runs, one cut off, one that is not there.

import Foundation
import TestSupport
import Testing

@Suite("ssh hosts", .serialized, .enabled(if: Root.complaint == nil, Comment(rawValue: Root.complaint ?? ""))) struct HostTests {
    let scratch: TemporaryFolder
    let hosts: Hosts

    init() throws {
        scratch = try TemporaryFolder()
        hosts = try Hosts(3, in: scratch)
        try scratch.write(Sweeps.long, to: "sweep.toml")
        try configure(hosts.names)
    }

    private func configure(_ names: [String], orphanTimeout: Int = 5) throws {
        try scratch.write(hosts.cluster(names, orphanTimeout: orphanTimeout), to: "cluster.toml")
    }

    private func run() throws -> Program {
        try Program("regsweep", ["run", "sweep.toml", "--cluster", "cluster.toml", "--log-level", "info"], in: scratch)
    }

    private func ask(_ words: String...) throws -> Program.End {
        try Program("regsweep", ["workers"] + words + ["--out", "results/small"], in: scratch).end()
    }

    private func waitForNoWorkers(within seconds: Double) throws {
        try wait(for: "no worker is left on any host", within: seconds) { try hosts.names.allSatisfy { try hosts.workers($0) == 0 } }
    }

    @Test("workers on three hosts run the sweep, the program is copied once to each, and none is left") func threeHosts() throws {
        let first = try run()
        for name in hosts.names { try first.errors(have: "on \(name) joined") }
        let end = try first.end()
        #expect(end.code == 0, "\(end.errors)")
        for name in hosts.names { #expect(end.errors.contains("host \(name): copying the worker program")) }
        #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed)
        try waitForNoWorkers(within: 10)
        // No secret on a command line or in a log.
        let secrets = try scratch.read("results/small/keys/workers.keys").split(whereSeparator: \.isWhitespace).filter { $0.count == 64 }
        #expect(secrets.count == 3)
        let logs = try hosts.names.map { try scratch.read("results/small/host-\($0).log") }.joined() + end.errors
        for secret in secrets { #expect(!logs.contains(secret)) }

        let second = try Program(
            "regsweep", ["run", "sweep.toml", "--cluster", "cluster.toml", "--log-level", "info", "--out", "again"], in: scratch
        ).end()
        #expect(second.code == 0)
        #expect(!second.errors.contains("copying"))
        #expect(try Tables(scratch, "again") == Sweeps.undisturbed)
    }

    @Test("a host that is not there is reported and the sweep goes on; hosts are added while it runs, drained, removed and added again")
    func addedAndDrained() throws {
        try scratch.write(Sweeps.small(epochs: 12_000, replicates: 4), to: "sweep.toml")
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet", "--out", "calm").code == 0)
        try configure([hosts.names[0], "nowhere.invalid"])
        let coordinator = try run()
        try coordinator.errors(have: "on \(hosts.names[0]) joined")
        try coordinator.errors(have: "host nowhere.invalid: no connection")
        #expect(try ask("add", "ssh:\(hosts.names[1])").code == 0)
        try coordinator.errors(have: "on \(hosts.names[1]) joined")
        #expect(try ask("drain", hosts.names[0]).code == 0)
        try coordinator.errors(have: "on \(hosts.names[0]) left: drained")
        #expect(try ask("remove", hosts.names[1]).output == "1 worker removed, 1 key revoked\n")
        try waitForNoWorkers(within: 10)
        // Its old key is worth nothing; it gets another.
        #expect(try ask("add", "ssh:\(hosts.names[1])").code == 0)
        try coordinator.errors(have: "on \(hosts.names[1]) joined", times: 2)
        let end = try coordinator.end()
        #expect(end.code == 0, "\(end.errors)")
        #expect(try Tables(scratch, "results/small") == Tables(scratch, "calm"))
    }

    @Test("a host that is cut off loses its leases and comes back with the network") func cutOff() throws {
        try scratch.write(Sweeps.small(epochs: 12_000, replicates: 4), to: "sweep.toml")
        try configure(hosts.names, orphanTimeout: 60)
        let coordinator = try run()
        for name in hosts.names { try coordinator.errors(have: "on \(name) joined") }
        try hosts.cut(hosts.names[2])
        try coordinator.errors(have: "on \(hosts.names[2]), which has ended or was not heard")
        try hosts.restore(hosts.names[2])
        try coordinator.errors(have: "on \(hosts.names[2]) joined", times: 2)
        let end = try coordinator.end()
        #expect(end.code == 0, "\(end.errors)")
        #expect(try scratch.read("results/small/results.csv").split(separator: "\n").count == 1 + 17 * 16)
    }

    @Test("check tries every host and says what it found, and copies the program") func check() throws {
        try configure([hosts.names[0], "nowhere.invalid", hosts.names[1]])
        let end = try scratch.regsweep("check", "sweep.toml", "--cluster", "cluster.toml")
        #expect(end.code == 4, "\(end.errors)")
        let rows = end.output.split(separator: "\n").suffix(3).map { $0.split(separator: " ").map(String.init) }
        #expect(rows.map { $0[0] } == [hosts.names[0], "nowhere.invalid", hosts.names[1]])
        #expect(rows.map { $0[1] } == ["yes", "no", "yes"], "\(end.output)")
        for row in [rows[0], rows[2]] { #expect(row.last == "ready" && row[3] == "yes") }
        try configure([hosts.names[0], hosts.names[1]])
        // Also without a sweep.
        let again = try scratch.regsweep("check", "--cluster", "cluster.toml")
        #expect(again.code == 0 && again.output.hasPrefix("host"), "\(again.output)\(again.errors)")
        #expect(again.output.components(separatedBy: "is there").count - 1 == 2)
        #expect(!scratch.has("results"))
    }

    @Test("a host whose home takes no program is told with the reason, and has workers where its folder is elsewhere") func folder() throws
    {
        let name = hosts.names[0]
        // No folder can be made in it: to root a home that is read-only or full looks like that too.
        try scratch.write("", to: "homes/\(name)/.cache")
        try configure([name])
        let check = try scratch.regsweep("check", "--cluster", "cluster.toml")
        #expect(check.code == 4 && check.output.contains("the worker program was not copied"), "\(check.output)")
        let folder = scratch.path(of: "disk of \(name)")
        try scratch.write(hosts.cluster([name], orphanTimeout: 5, setting: "folder = \"\(folder)\"\n"), to: "cluster.toml")
        #expect(try scratch.regsweep("check", "--cluster", "cluster.toml").output.contains("ready"))
        let end = try run().end()
        #expect(end.code == 0, "\(end.errors)")
        #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).allSatisfy { $0.hasPrefix("worker-") })
    }

    @Test("a killed coordinator leaves no worker behind after the orphan timeout") func orphans() throws {
        try scratch.write(Sweeps.small(epochs: 60_000, replicates: 4), to: "sweep.toml")
        let coordinator = try run()
        for name in hosts.names { try coordinator.errors(have: "on \(name) joined") }
        #expect(try hosts.names.allSatisfy { try hosts.workers($0) == 1 })
        coordinator.signal(SIGKILL)
        _ = try coordinator.end()
        // 5 s of orphan timeout, three times as many for workers with results, a last try of 2 s, and the time of a loaded host.
        try waitForNoWorkers(within: 60)
    }
}
