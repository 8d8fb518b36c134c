// DisturbanceTests.swift · Tests/ClusterTests. Processes that die, leave and come back: the bytes at the end are those of an
// undisturbed run.

import Foundation
import TestSupport
import Testing

@testable import regsweep

@Suite("Disturbances", .serialized) struct DisturbanceTests {
    let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
        try scratch.write(Sweeps.long, to: "sweep.toml")
        try scratch.write(Sweeps.nervous, to: "cluster.toml")
    }

    private func expectUndisturbed() throws { #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed) }

    @Test("a worker started by hand joins and has work at once; killed, it costs nothing but time") func killedWorker() throws {
        let (coordinator, endpoint) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        let first = try scratch.worker(endpoint)
        try first.errors(have: "computing lease", times: 2)
        let second = try scratch.worker(endpoint)
        try second.errors(have: "computing lease")
        second.signal(SIGKILL)
        let end = try coordinator.end()
        #expect(end.code == 0, "\(end.errors)")
        #expect(end.errors.contains("lost worker"))
        #expect(try first.end().code == 0)
        try expectUndisturbed()
    }

    @Test("a worker that is asked to go hands over what it computes and leaves") func drainedWorker() throws {
        let (coordinator, endpoint) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        let first = try scratch.worker(endpoint)
        try first.errors(have: "computing lease", times: 2)
        first.signal(SIGTERM)
        let left = try first.end()
        #expect(left.code == 0)
        #expect(left.errors.contains("this worker was told to stop and ends; no result is lost"))
        try coordinator.errors(have: "left: drained")
        let second = try scratch.worker(endpoint)
        let end = try coordinator.end()
        #expect(end.code == 0)
        #expect(!end.errors.contains("lost worker"))
        #expect(try second.end().code == 0)
        try expectUndisturbed()
    }

    @Test("a worker that was stopped for a while loses its leases, comes back and is welcome") func frozenWorker() throws {
        let (coordinator, endpoint) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        let first = try scratch.worker(endpoint)
        try first.errors(have: "computing lease")
        first.signal(SIGSTOP)
        try coordinator.errors(have: "lost worker")
        first.signal(SIGCONT)
        try coordinator.errors(have: "joined", times: 2)
        #expect(try coordinator.end().code == 0)
        #expect(try first.end().code == 0)
        try expectUndisturbed()
    }

    @Test("a killed coordinator is started again: workers find it and hand over what they have") func killedCoordinator() throws {
        let (coordinator, endpoint) = try scratch.coordinator("--cluster", "cluster.toml")
        let worker = try scratch.worker(endpoint)
        try worker.errors(have: "computing lease", times: 3)
        coordinator.signal(SIGKILL)
        _ = try coordinator.end()
        let (again, _) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        try again.errors(have: "joined")
        #expect(try again.end().code == 0)
        #expect(try worker.end().code == 0)
        try expectUndisturbed()
    }

    @Test("local workers of a killed coordinator serve the next one and none is left at the end") func killedWithLocalWorkers() throws {
        try scratch.write(Sweeps.nervous + "\norphan_timeout_seconds = 5\n[local]\nworkers = 2\n", to: "cluster.toml")
        let coordinator = try Program("regsweep", ["run", "sweep.toml", "--cluster", "cluster.toml", "--log-level", "info"], in: scratch)
        try coordinator.errors(have: "joined", times: 2)
        coordinator.signal(SIGKILL)
        _ = try coordinator.end()
        let end = try scratch.regsweep("run", "sweep.toml", "--cluster", "cluster.toml", "--log-level", "info")
        #expect(end.code == 0, "\(end.errors)")
        // Two that were orphaned and two that are new.
        #expect(end.errors.components(separatedBy: "joined").count - 1 == 4)
        try expectUndisturbed()
    }

    @Test("Ctrl-C once drains, says how to resume and exits 3; resumed, the sweep ends as if nothing had been") func interrupted() throws {
        let coordinator = try Program("regsweep", ["run", "sweep.toml", "--cluster", "cluster.toml", "--log-level", "info"], in: scratch)
        try coordinator.errors(have: "joined", times: 1)
        coordinator.signal(SIGINT)
        let end = try coordinator.end()
        #expect(end.code == 3)
        #expect(end.errors.contains("run sweep.toml --cluster cluster.toml"))
        #expect(!scratch.has("results/small/results.csv"))
        #expect(try scratch.regsweep("run", "sweep.toml", "--cluster", "cluster.toml", "--quiet").code == 0)
        try expectUndisturbed()
    }

    @Test("Ctrl-C twice stops at once and loses nothing") func interruptedTwice() throws {
        let (coordinator, endpoint) = try scratch.coordinator("--cluster", "cluster.toml")
        let worker = try scratch.worker(endpoint)
        try worker.errors(have: "computing lease", times: 2)
        worker.signal(SIGSTOP)
        coordinator.signal(SIGINT)
        try coordinator.errors(have: "interrupt once more to stop at once")
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
        worker.signal(SIGKILL)
        #expect(try scratch.regsweep("run", "sweep.toml", "--cluster", "cluster.toml", "--quiet").code == 0)
        try expectUndisturbed()
    }

    @Test("a terminal that is closed, or a pipe, drains or costs an output, and loses nothing") func hangUp() throws {
        let coordinator = try Program("regsweep", ["run", "sweep.toml", "--cluster", "cluster.toml", "--log-level", "info"], in: scratch)
        try coordinator.errors(have: "joined")
        coordinator.signal(SIGHUP)
        #expect(try coordinator.end().code == 3)
        // A shell that reads one line and goes away.
        let program = Program.path(of: "regsweep")
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/bash")
        shell.arguments = ["-c", "'\(program)' run sweep.toml --cluster cluster.toml 2>&1 | head -1 >/dev/null; exit ${PIPESTATUS[0]}"]
        shell.currentDirectoryURL = URL(filePath: scratch.path)
        try shell.run()
        shell.waitUntilExit()
        #expect(shell.terminationStatus == 0)
        try expectUndisturbed()
    }

    @Test("the resume line of an interrupted run is what a shell needs to resume it") func resumeLine() throws {
        let coordinator = try Program("regsweep", ["run", "sweep.toml", "--workers", "0", "--out", "it's here"], in: scratch)
        try coordinator.errors(have: "--connect")
        coordinator.signal(SIGINT)
        let end = try coordinator.end()
        #expect(end.code == 3)
        #expect(end.errors.contains(#"run sweep.toml --workers 0 --out 'it'\''s here'"#))
    }

    @Test("a death that nothing comes after is counted by the next start, however the coordinator ends", arguments: [SIGINT, SIGKILL])
    func deaths(signal: Int32) throws {
        // Trials of minutes: no result comes with which a death could be stored.
        try scratch.write(Sweeps.small(epochs: 3_000_000, replicates: 1), to: "sweep.toml")
        for death in 1...2 {
            let (coordinator, endpoint) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
            let worker = try scratch.worker(endpoint)
            try worker.errors(have: "computing lease")
            worker.signal(SIGKILL)
            try coordinator.errors(have: "lost worker")
            // The death is stored in the turn in which it is told.
            if signal == SIGKILL { try wait(for: "death \(death)") { try deaths() == death } }
            coordinator.signal(signal)
            #expect(try coordinator.end().code == (signal == SIGINT ? 3 : SIGKILL))
            #expect(try deaths() == death)
        }
        // Twice is not yet the limit; the third death sets what was running aside.
        let (coordinator, endpoint) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        let worker = try scratch.worker(endpoint)
        try worker.errors(have: "computing lease")
        worker.signal(SIGKILL)
        try coordinator.errors(have: "is stored as failed: 3 workers died while computing it")
        coordinator.signal(SIGKILL)
        _ = try coordinator.end()
    }

    /// The most workers that have died over one trial.
    private func deaths() throws -> Int {
        try ResultStore(reading: scratch.path + "/results/small/store.sqlite").crashes().values.max() ?? 0
    }

    @Test("leases that end after the last result are in the history as well") func lastHistory() throws {
        try scratch.write(Sweeps.small(epochs: 3_000_000, replicates: 1), to: "sweep.toml")
        let (coordinator, endpoint) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        let worker = try scratch.worker(endpoint)
        try worker.errors(have: "computing lease")
        // Once gives back what is queued, twice what is computed; two at the same moment are one.
        try wait(for: "a worker that leaves at once") {
            worker.signal(SIGTERM)
            return !worker.isRunning
        }
        try coordinator.errors(have: "left: drained")
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
        let store = try ResultStore(reading: scratch.path + "/results/small/store.sqlite")
        #expect(try Migrations.number("SELECT count(*) FROM lease WHERE ended = 'returned'", store.database) > 0)
        #expect(try Migrations.number("SELECT count(*) FROM result", store.database) == 0)
    }
}
