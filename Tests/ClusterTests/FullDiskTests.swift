// FullDiskTests.swift · Tests/ClusterTests. The disk of a results directory runs full in the middle of a sweep: a file system of memory with
// few bytes, which another file fills. It is for programs of a user, so nothing is injected anywhere.

import Foundation
import TestSupport
import Testing

@testable import regsweep

/// A file system of 16 MiB. Needs root.
private final class SmallDisk {
    let path: String

    init(at path: String) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Self.run("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", path])
    }

    private var ballast: String { path + "/ballast" }

    /// Takes every byte that is left.
    func fill() throws {
        try Data().write(to: URL(filePath: ballast))
        let file = try #require(FileHandle(forWritingAtPath: ballast))
        // By pages, as the file system counts them.
        while (try? file.write(contentsOf: Data(count: 4096))) != nil {}
    }

    func makeRoom() throws { try FileManager.default.removeItem(atPath: ballast) }

    // Lazily: whoever still has a file open there does not keep the test from its end.
    deinit { try? Self.run("umount", ["-l", path]) }

    private static func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "\(program) \(arguments) gave \(process.terminationStatus)")
        }
    }

    /// Whether this process may mount one.
    static let isPossible: Bool = {
        guard let scratch = try? TemporaryFolder() else { return false }
        return (try? SmallDisk(at: scratch.path + "/disk")) != nil
    }()
}

@Suite("Full disk", .serialized) struct FullDiskTests {
    private let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
        try scratch.write(Sweeps.long, to: "sweep.toml")
        try scratch.write(Sweeps.nervous, to: "cluster.toml")
    }

    @Test(
        "a full disk stops the coordinator from taking results, workers keep theirs, and with room it goes on and computes nothing twice",
        .enabled(if: SmallDisk.isPossible, "mounting a file system needs root"))
    func full() throws {
        let disk = try SmallDisk(at: scratch.path + "/results")
        let (coordinator, endpoint) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        let worker = try scratch.worker(endpoint)
        try worker.errors(have: "computing lease", times: 3)
        try disk.fill()
        try coordinator.errors(have: "Workers keep their results and get no trials until it can")
        let before = try stored()
        // Longer than the second after which a nervous side gives the other up, and than that after which the disk is tried again.
        Thread.sleep(forTimeInterval: 2.5)
        #expect(coordinator.isRunning && worker.isRunning)
        #expect(try stored() == before)
        // The snapshot on the disk is the last one before it was full, and says that all is well.
        try wait(for: "status to say that the disk is full") {
            let status = try scratch.regsweep("status", "results/small")
            return status.code == 0 && status.output.contains(" s ago: the disk is full, so nothing newer was written")
                && status.output.contains("the store has \(before) trials")
        }
        #expect(before < 272)
        try disk.makeRoom()
        try coordinator.errors(have: "can be written to again")
        let end = try coordinator.end()
        #expect(end.code == 0, "\(end.errors)")
        #expect(end.errors.components(separatedBy: "cannot be written to: ").count == 2)
        #expect(!end.errors.contains("lost worker"))
        #expect(try worker.end().code == 0)
        #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed)
        // Every lease was computed to its end, and together they are the sweep: what the worker held was not asked for again.
        #expect(try ask("SELECT count(*) FROM lease WHERE ended <> 'computed'") == 0)
        #expect(try ask("SELECT sum(length(trials)) / 16 FROM lease") == 272)
    }

    @Test(
        "a coordinator that is killed while the disk is full has lost nothing that it had acknowledged",
        .enabled(if: SmallDisk.isPossible, "mounting a file system needs root"))
    func killed() throws {
        let disk = try SmallDisk(at: scratch.path + "/results")
        let (coordinator, endpoint) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        let worker = try scratch.worker(endpoint)
        try worker.errors(have: "computing lease", times: 3)
        try disk.fill()
        try coordinator.errors(have: "Workers keep their results")
        let before = try stored()
        coordinator.signal(SIGKILL)
        _ = try coordinator.end()
        // A start needs a row and a lock file: it says what is missing and leaves what is there.
        let refused = try scratch.regsweep("run", "sweep.toml", "--cluster", "cluster.toml", "--workers", "0", "--quiet")
        #expect(refused.code == 4, "\(refused.errors)")
        #expect(refused.errors.contains("full"))
        try disk.makeRoom()
        #expect(try stored() == before)
        let (again, _) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        try again.errors(have: "joined")
        #expect(try again.end().code == 0)
        #expect(try worker.end().code == 0)
        #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed)
    }

    private func stored() throws -> Int { try ask("SELECT count(*) FROM result") }

    private func ask(_ query: String) throws -> Int {
        let store = try ResultStore(reading: scratch.path + "/results/small/store.sqlite")
        return try Migrations.number(query, store.database)
    }
}
