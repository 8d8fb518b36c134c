// EnvironmentTests.swift · Tests/ClusterTests. What is wrong around a sweep is said in one line, with the way out.

import Foundation
import TestSupport
import Testing
import Vocabulary
import Wire

@Suite("Environment", .serialized) struct EnvironmentTests {
    let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
        try scratch.write(Sweeps.small(), to: "sweep.toml")
    }

    private func expectOneLine(_ end: Program.End, code: Int32, _ facts: String..., at location: SourceLocation = #_sourceLocation) {
        #expect(end.code == code, sourceLocation: location)
        #expect(end.output == "", sourceLocation: location)
        #expect(end.errors.split(separator: "\n").count == 1, "\(end.errors)", sourceLocation: location)
        for fact in facts { #expect(end.errors.contains(fact), "\(end.errors)", sourceLocation: location) }
    }

    @Test("a port that is taken") func port() throws {
        let taken = try RouterSocket(in: try Context())
        let endpoint = try taken.bind("tcp://127.0.0.1:*")
        expectOneLine(try scratch.regsweep("run", "sweep.toml", "--listen", endpoint), code: 4, endpoint, "choose another port")
    }

    @Test(
        "an endpoint that is none", arguments: ["nonsense", "tcp://", "tcp://127.0.0.1:99999", "tcp://127.evil.org:5", "ipc://"])
    func endpoint(listen: String) throws {
        expectOneLine(try scratch.regsweep("run", "sweep.toml", "--listen", listen), code: 2, listen, "tcp://127.0.0.1:PORT")
    }

    @Test("an endpoint without keys that other hosts could reach", arguments: ["tcp://0.0.0.0:*", "tcp://10.0.0.1:5577"])
    func openEndpoint(listen: String) throws {
        expectOneLine(
            try scratch.regsweep("run", "sweep.toml", "--plain", "--listen", listen), code: 2, listen, "tcp://127.0.0.1:PORT",
            "not encrypted")
    }

    @Test("a store that another coordinator has") func locked() throws {
        let (first, _) = try scratch.coordinator()
        expectOneLine(try scratch.regsweep("run", "sweep.toml"), code: 4, "is held by regsweep process", "--out")
        first.signal(SIGINT)
        #expect(try first.end().code == 3)
    }

    @Test("a directory that cannot be written") func directory() throws {
        try scratch.write("", to: "file")
        expectOneLine(try scratch.regsweep("run", "sweep.toml", "--out", "file/results"), code: 4, "file/results", "--out")
        expectOneLine(try scratch.regsweep("run", "sweep.toml", "--out", "/proc/results"), code: 4, "/proc/results", "--out")
    }

    @Test("a store that is none") func foreignStore() throws {
        try FileManager.default.createDirectory(atPath: scratch.path + "/old", withIntermediateDirectories: true)
        try scratch.write(String(repeating: "no database ", count: 100), to: "old/store.sqlite")
        expectOneLine(try scratch.regsweep("run", "sweep.toml", "--out", "old"), code: 4, "old/store.sqlite", "--out")
    }

    @Test("a sweep or cluster file that is not there") func missingFile() throws {
        expectOneLine(try scratch.regsweep("run", "nowhere.toml"), code: 2, "nowhere.toml")
        expectOneLine(try scratch.regsweep("run", "sweep.toml", "--cluster", "nowhere.toml"), code: 2, "nowhere.toml")
        expectOneLine(
            try scratch.regsweep("report", "sweep.toml"), code: 4,
            "results/small/store.sqlite: there is no store here yet: run the sweep first; --out names another results directory\n")
        expectOneLine(
            try scratch.regsweep("report", "sweep.toml", "--seed", "7", "--seed", "8"), code: 4, "run the sweep with --seed 7 first\n")
        try FileManager.default.createDirectory(atPath: scratch.path + "/there", withIntermediateDirectories: true)
        expectOneLine(try scratch.regsweep("report", "there"), code: 2, "regsweep report FILE --out there")
    }

    @Test("a command line that is none", arguments: [["run"], ["run", "sweep.toml", "--workers", "many"], ["dance"]])
    func commandLine(arguments: [String]) throws {
        let end = try Program("regsweep", arguments, in: scratch).end()
        #expect(end.code == 2)
        #expect(end.errors.contains("Usage: regsweep"))
        #expect(end.errors.contains("its commands are run, check") == (arguments == ["dance"]))
    }

    @Test("a worker without a coordinator leaves after its timeout") func noCoordinator() throws {
        let end = try Program("regsweep-worker", ["--connect", "tcp://127.0.0.1:9", "--orphan-timeout", "1"], in: scratch).end()
        #expect(end.code == 4)
        #expect(end.errors.contains("no coordinator at tcp://127.0.0.1:9"))
    }

    /// A coordinator whose local workers end at once.
    /// - Parameter patience: what they do before.
    private func brokenWorkers(_ patience: String = ":") throws {
        try FileManager.default.copyItem(atPath: Program.path(of: "regsweep"), toPath: scratch.path + "/regsweep")
        try scratch.write("#!/bin/sh\n\(patience)\necho no such luck >&2\nexit 1\n", to: "regsweep-worker")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scratch.path + "/regsweep-worker")
    }

    @Test("a worker that was started by hand and falls silent is waited for, though none can be started in its place") func silentWorker()
        throws
    {
        try brokenWorkers("while [ ! -e die ]; do sleep 0.1; done")
        try scratch.write(Sweeps.long, to: "sweep.toml")
        try scratch.write(Sweeps.nervous + "\norphan_timeout_seconds = 4\n", to: "cluster.toml")
        let coordinator = try Program(
            at: scratch.path + "/regsweep",
            ["run", "sweep.toml", "--workers", "2", "--cluster", "cluster.toml", "--log-level", "info"], in: scratch)
        let worker = try scratch.worker(try coordinator.word(after: "regsweep-worker --connect "))
        try worker.errors(have: "computing lease")
        worker.signal(SIGSTOP)
        try scratch.write("", to: "die")
        try coordinator.errors(have: "no more are started")
        try coordinator.errors(have: "lost worker")
        worker.signal(SIGCONT)
        try coordinator.errors(have: "joined", times: 2)
        worker.signal(SIGKILL)
        let start = Date(), end = try coordinator.end()
        #expect(end.code == 4)
        #expect(end.errors.contains("no workers: those of this host failed one after the other"))
        #expect(end.errors.contains("and no other is connected; stored results are kept"))
        #expect(Date().timeIntervalSince(start) > 4)
    }

    @Test("local workers that die at once are given up on, with where to look and exit code 4") func deadWorkers() throws {
        try brokenWorkers()
        let end = try Program(at: scratch.path + "/regsweep", ["run", "sweep.toml", "--workers", "2"], in: scratch).end()
        #expect(end.code == 4)
        #expect(end.errors.contains("no workers: those of this host failed one after the other (results/small/workers.log says why)"))
        #expect(end.errors.components(separatedBy: "ended: exit code 1").count - 1 >= 5)
        #expect(try scratch.read("results/small/workers.log").contains("no such luck"))
    }
}
