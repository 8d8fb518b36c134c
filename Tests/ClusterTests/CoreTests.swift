// CoreTests.swift · Tests/ClusterTests. How many cores the programs use in a control group with a quota, by check, run and the worker alike.

import Foundation
import Glibc
import TestSupport
import Testing
import Wire

/// A control group of this test with time for one core; removed with this value.
private final class OneCore {
    let path: String
    private static let version1 = "/sys/fs/cgroup/cpu", version2 = "/sys/fs/cgroup"

    /// Why no such group can be made here; nil where it can.
    static let complaint: String? = {
        guard geteuid() == 0 else { return "only root makes control groups" }
        return (try? OneCore()) == nil ? "no control group with a quota can be made here" : nil
    }()

    init() throws {
        let name = "regsweep-test-\(UUID().uuidString)"
        if FileManager.default.fileExists(atPath: Self.version1 + "/cpu.cfs_quota_us") {
            path = "\(Self.version1)/\(name)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            try "100000".write(toFile: path + "/cpu.cfs_period_us", atomically: false, encoding: .utf8)
            try "100000".write(toFile: path + "/cpu.cfs_quota_us", atomically: false, encoding: .utf8)
        } else {
            path = "\(Self.version2)/\(name)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            try "100000 100000".write(toFile: path + "/cpu.max", atomically: false, encoding: .utf8)
        }
    }

    /// Runs a program in the group.
    func program(_ name: String, _ arguments: [String], in scratch: TemporaryFolder) throws -> Program {
        let words = (["exec", Program.path(of: name)] + arguments).map { "'\($0)'" }.joined(separator: " ")
        // nproc would say 16.
        let line = "echo $$ > \(path)/cgroup.procs; OMP_NUM_THREADS=16; export OMP_NUM_THREADS; \(words.replacing("'exec'", with: "exec"))"
        return try Program(at: "/bin/sh", ["-c", line], in: scratch)
    }

    deinit {
        // The last of its processes may take a moment to end.
        for _ in 0..<100 where rmdir(path) != 0 && errno == EBUSY { usleep(100_000) }
    }
}

@Suite("Cores", .serialized, .enabled(if: OneCore.complaint == nil, Comment(rawValue: OneCore.complaint ?? ""))) struct CoreTests {
    @Test("a quota of one core is one core for check, run and workers, also where the host has more") func quota() throws {
        let scratch = try TemporaryFolder(), group = try OneCore()
        try scratch.write(Sweeps.small(epochs: 20_000), to: "sweep.toml")
        #expect(try group.program("regsweep-worker", ["--cores"], in: scratch).end() == Program.End(code: 0, output: "1\n", errors: ""))
        let plan = try group.program("regsweep", ["check", "sweep.toml"], in: scratch).end()
        #expect(plan.code == 0 && plan.output.contains("on 1 core"), "\(plan.output)")
        let run = try group.program("regsweep", ["run", "sweep.toml", "--log-level", "info"], in: scratch)
        #expect(try run.end().errors.components(separatedBy: " joined with 1 slot").count - 1 == 1)
    }
}

@Suite("Processor affinity") struct AffinityTests {
    @Test("a worker counts the processors that it may run on, whatever OMP_NUM_THREADS says") func taskset() throws {
        let scratch = try TemporaryFolder()
        let end = try Program(
            at: "/usr/bin/taskset", ["-c", "0", Program.path(of: "regsweep-worker"), "--cores"], in: scratch,
            environment: ProcessInfo.processInfo.environment.merging(["OMP_NUM_THREADS": "16"]) { $1 }
        ).end()
        #expect(end == Program.End(code: 0, output: "1\n", errors: ""))
    }
}
