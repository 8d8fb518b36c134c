// NetworkTests.swift · Tests/ClusterTests. The convolutional network on a small image set that these tests make themselves: real workers
// fetch it, are killed in the middle of a trial, and the trial goes on elsewhere from its checkpoint to the same bits.

import Foundation
import TestSupport
import Testing
import Vocabulary
import Wire

@Suite("Network: data and checkpoints", .serialized) struct NetworkTests {
    let scratch: TemporaryFolder

    private static let epochs = 20

    init() throws {
        scratch = try TemporaryFolder()
        try scratch.write(SweepTexts.network(epochs: Self.epochs), to: "sweep.toml")
        try scratch.write(Sweeps.nervous + "\ncheckpoint_epochs = 1\n[local]\nthreads_per_trial = 2\n", to: "cluster.toml")
        try Images.write(to: scratch)
    }

    private func environment(_ cache: String = "cache") -> [String: String] {
        ProcessInfo.processInfo.environment.merging(["XDG_CACHE_HOME": "\(scratch.path)/\(cache)"]) { _, new in new }
    }

    private func run(_ arguments: String...) throws -> Program.End {
        try Program("regsweep", ["run", "sweep.toml", "--data", "data"] + arguments, in: scratch, environment: environment()).end()
    }

    private func coordinator() throws -> (program: Program, endpoint: String) {
        try scratch.coordinator("--data", "data", "--cluster", "cluster.toml", "--log-level", "info")
    }

    private func worker(_ endpoint: String, cache: String = "cache") throws -> Program {
        try Program(
            "regsweep-worker", ["--connect", endpoint, "--log-level", "debug"], in: scratch, environment: environment(cache))
    }

    /// results.csv, summary.csv and curves.csv of an undisturbed run, and its model.
    private func undisturbed() throws -> (tables: Tables, models: [Data]) {
        let end = try run("--workers", "1", "--quiet", "--out", "calm")
        #expect(end.code == 0, "\(end.errors)")
        return (try Tables(scratch, "calm"), try models("calm"))
    }

    private func models(_ directory: String) throws -> [Data] {
        let rows = try scratch.read("\(directory)/results.csv").split(separator: "\n").dropFirst()
        return try rows.map { row in
            let key = String(row.prefix(32))
            let end = try scratch.regsweep("export", directory, "--model", String(key.prefix(12)), "--out", "\(key).safetensors")
            #expect(end.code == 0, "\(end.errors)")
            return try Data(contentsOf: URL(filePath: "\(scratch.path)/\(key).safetensors"))
        }
    }

    @Test("a worker that is killed in the middle of a trial costs an epoch: the trial goes on elsewhere and ends with the same bits")
    func killed() throws {
        let calm = try undisturbed()
        #expect(calm.models.count == 4 && Set(calm.models).count == 4)
        let (coordinator, endpoint) = try coordinator()
        let first = try worker(endpoint)
        try first.errors(have: "checkpoint of trial", times: 3)
        first.signal(SIGKILL)
        // On another host: its cache is empty.
        let second = try worker(endpoint, cache: "other")
        try second.errors(have: "resumes after epoch")
        let end = try coordinator.end()
        #expect(end.code == 0, "\(end.errors)")
        #expect(end.errors.contains("lost worker"))
        #expect(try second.end().code == 0)
        #expect(try Tables(scratch, "results/network") == calm.tables)
        #expect(try models("results/network") == calm.models)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(scratch.path)/other/regsweep").count == 4)
    }

    @Test("a worker that is asked to go hands over a checkpoint and not the hours that are left; so does a coordinator")
    func drained() throws {
        let calm = try undisturbed()
        let (coordinator, endpoint) = try coordinator()
        let first = try worker(endpoint)
        try first.errors(have: "checkpoint of trial", times: 1)
        first.signal(SIGTERM)
        let left = try first.end()
        #expect(left.code == 0 && left.errors.contains("this worker was told to stop and ends; no result is lost"), "\(left.errors)")
        let second = try worker(endpoint)
        try second.errors(have: "resumes after epoch")
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
        #expect(try second.end().code == 0)
        // Here two threads share a trial, and change no bit of it either.
        let end = try run("--cluster", "cluster.toml", "--quiet")
        #expect(end.code == 0, "\(end.errors)")
        #expect(try scratch.read("results/network/workers.log").contains("resumes after epoch"))
        #expect(try Tables(scratch, "results/network") == calm.tables)
    }

    @Test("status draws the curves of trials that run, and watches them until the sweep does not run any more") func watched() throws {
        // A point of the curve every 20 epochs.
        try scratch.write(SweepTexts.network(epochs: 1000), to: "sweep.toml")
        let (coordinator, endpoint) = try coordinator()
        let worker = try worker(endpoint)
        let watcher = try Program("regsweep", ["status", "results/network", "--watch"], in: scratch)
        try watcher.output(has: " of 1000, train loss ")
        // Not a trial is done, and yet it says how far it is and when it will end.
        try coordinator.errors(have: "ETA")
        coordinator.signal(SIGINT)
        let end = try coordinator.end()
        #expect(end.code == 3 && end.errors.contains("  0/4  "), "\(end.errors)")
        #expect(try worker.end().code == 0)
        let watched = try watcher.end()
        #expect(watched.output.contains(" η 0.1 initialization 0 replicate 0: epoch "))
        #expect(watched.code == 0 && watched.output.contains("running: 0 of 4 trials stored"))
        #expect(watched.output.hasSuffix("not running: 0 trials stored, 0 diverged, 0 failed\n"), "\(watched.output)")
    }

    @Test("a disk that takes no data is told by the worker, which leaves; nothing is lost") func noCache() throws {
        try scratch.write("no directory", to: "file")
        let (coordinator, endpoint) = try coordinator()
        // A directory that was asked for is not replaced by another one, as the default is.
        let worker = try Program("regsweep-worker", ["--connect", endpoint, "--cache", "\(scratch.path)/file/data"], in: scratch)
        let end = try worker.end()
        #expect(end.code == 4 && end.errors.contains("cannot make \(scratch.path)/file"), "\(end.errors)")
        try coordinator.errors(have: "left: cannot make")
        let better = try self.worker(endpoint)
        #expect(try coordinator.end().code == 0)
        #expect(try better.end().code == 0)
    }

    @Test("a cached file that turned bad is fetched again, with a word") func badCache() throws {
        #expect(try run("--workers", "1", "--quiet", "--out", "calm").code == 0)
        let folder = "\(scratch.path)/cache/regsweep"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(names.count == 4)
        for name in names { try Data("bad".utf8).write(to: URL(filePath: "\(folder)/\(name)")) }
        let (coordinator, endpoint) = try coordinator()
        let worker = try worker(endpoint)
        try worker.errors(have: "does not match its hash: it is fetched again", times: 4)
        #expect(try coordinator.end().code == 0)
        #expect(try worker.end().code == 0)
        #expect(try Tables(scratch, "results/network") == Tables(scratch, "calm"))
    }

    @Test("other data are other trials, and a sweep that lacks its data says so") func otherData() throws {
        #expect(try run("--workers", "1", "--quiet").code == 0)
        let missing = try scratch.regsweep("run", "sweep.toml")
        #expect(missing.code == 2 && missing.errors.contains("data: is missing; name a folder"), "\(missing.errors)")
        var labels = try Data(contentsOf: URL(filePath: "\(scratch.path)/data/t10k-labels-idx1-ubyte"))
        labels[8] = 7
        try labels.write(to: URL(filePath: "\(scratch.path)/data/t10k-labels-idx1-ubyte"))
        let other = try run("--quiet")
        #expect(other.code == 2 && other.errors.contains("test_labels was"), "\(other.errors)")
        // A report needs no data.
        let report = try scratch.regsweep("report", "sweep.toml")
        #expect(report.code == 0 && report.output.contains("\nλ₂ = 0.01 ") && report.output.contains("best test loss"), "\(report)")
        #expect(!report.output.contains("leaves out"), "\(report)")
    }

    @Test("what cannot be exported is told with its reason") func export() throws {
        #expect(try run("--workers", "1", "--quiet").code == 0)
        for (model, reason) in [("zz", "in hexadecimal"), ("", "in hexadecimal"), ("0123456789abcdef", "nothing is known of a trial")] {
            let end = try scratch.regsweep("export", "results/network", "--model", model, "--out", "x")
            #expect(end.code == 2 && end.errors.contains(reason), "\(end.errors)")
        }
        let key = try scratch.read("results/network/results.csv").split(separator: "\n")[1].prefix(32)
        let end = try scratch.regsweep("export", "sweep.toml", "--model", String(key), "--out", "none/x")
        #expect(end.code == 4 && end.errors.contains("cannot write none/x"), "\(end.errors)")
    }
}
