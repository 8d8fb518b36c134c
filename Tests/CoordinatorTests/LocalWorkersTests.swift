// LocalWorkersTests.swift · Tests/CoordinatorTests. Which worker processes of this host are started again: plain values, and real processes for the launcher.

import Foundation
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

private let start = Instant(sinceStart: .zero)

extension Instant {
    fileprivate static func - (a: Instant, b: Duration) -> Instant { Instant(sinceStart: a.sinceStart - b) }
}

@Suite("Local workers") struct LocalWorkersTests {
    /// As many as are due are started, with these numbers.
    private func begin(_ workers: inout LocalWorkers, _ processes: [Int32], at now: Instant) {
        #expect(workers.tick() == processes.count)
        for process in processes { workers.started(process, at: now) }
        #expect(workers.tick() == 0)
    }

    @Test("as many are started as were asked for, and none where none was") func count() {
        var none = LocalWorkers(count: 0)
        #expect(none.tick() == 0 && none.outlook == .none)
        var workers = LocalWorkers(count: 2)
        #expect(workers.outlook == .expected)
        begin(&workers, [7, 8], at: start)
        #expect(workers.running == [7: start, 8: start])
        #expect(workers.outlook == .expected)
    }

    @Test("one that fails is replaced, one that was drained is not") func replaced() {
        var workers = LocalWorkers(count: 2)
        begin(&workers, [7, 8], at: start)
        let now = start + .seconds(1)
        #expect(workers.ended(7, .exited(0), at: now) == nil)
        #expect(workers.ended(8, .killed(signal: 9), at: now) == .warning("process 8 ended: signal 9; starting another"))
        begin(&workers, [9], at: now)
        #expect(workers.running == [9: now])
        #expect(workers.ended(9, .exited(0), at: now) == nil)
        #expect(workers.outlook == .none && !workers.hasGivenUp)
        // Nobody's child.
        #expect(workers.ended(9, .exited(1), at: now) == nil)
    }

    @Test("after five quick failures in a row none is started any more, and those that are left go on") func givenUp() {
        var workers = LocalWorkers(count: 2)
        begin(&workers, [1, 2], at: start)
        var now = start
        for process in 2..<6 as Range<Int32> {
            now = now + LocalWorkers.quick - .milliseconds(1)
            #expect(
                workers.ended(process, .exited(1), at: now) == .warning("process \(process) ended: exit code 1; starting another"))
            begin(&workers, [process + 1], at: now)
        }
        #expect(
            workers.ended(6, .exited(1), at: now)
                == .error("process 6 ended: exit code 1; 5 failed one after the other: 1 is left and no more are started"))
        #expect(workers.tick() == 0)
        #expect(workers.hasGivenUp && workers.outlook == .expected)
        // However long that one has run.
        #expect(
            workers.ended(1, .exited(1), at: now + .seconds(1000))
                == .error("process 1 ended: exit code 1; 5 failed one after the other: 0 are left and no more are started"))
        #expect(workers.tick() == 0)
        #expect(workers.outlook == .givenUp)
    }

    @Test("one that ran for a while before it failed begins to count anew") func slow() {
        var workers = LocalWorkers(count: 1)
        var now = start
        begin(&workers, [0], at: now)
        for process in 0..<20 as Range<Int32> {
            now = now + LocalWorkers.quick
            workers.joined(process)
            #expect(workers.ended(process, .exited(1), at: now) != nil)
            begin(&workers, [process + 1], at: now)
        }
        #expect(!workers.hasGivenUp)
    }

    @Test("one that was started and never joined counts as failed, however long it looked for its coordinator") func neverJoined() {
        var workers = LocalWorkers(count: 1)
        var now = start
        for process in 0..<5 as Range<Int32> {
            begin(&workers, [process], at: now)
            now = now + .seconds(30)
            let facts = "process \(process) ended without having joined: exit code 4"
            #expect(
                workers.ended(process, .exited(4), at: now)
                    == (process < 4
                        ? .warning("\(facts); starting another")
                        : .error("\(facts); 5 failed one after the other: 0 are left and no more are started")))
        }
        #expect(workers.outlook == .givenUp)
        // Nobody's child joins.
        workers.joined(77)
        #expect(workers.running.isEmpty)
    }

    @Test(
        "a worker that leaves by itself has not crashed, whatever keeps it from computing",
        arguments: [
            (Subprocess.Status.exited(0), false), (.exited(2), false), (.exited(4), false), (.exited(1), true), (.exited(139), true),
            (.killed(signal: 9), true), (.killed(signal: 11), true),
        ])
    func crash(status: Subprocess.Status, isCrash: Bool) { #expect(LocalWorkers.isCrash(status) == isCrash) }

    @Test("a program that cannot be started is not tried again") func notStarted() {
        var workers = LocalWorkers(count: 2)
        #expect(workers.tick() == 2)
        workers.started(7, at: start)
        #expect(workers.failedToStart("worker: no room") == .error("worker: no room: 1 is left and no more are started"))
        #expect(workers.tick() == 0 && workers.outlook == .expected)
        _ = workers.ended(7, .exited(0), at: start)
        #expect(workers.outlook == .givenUp)
    }

    @Test("processes are started with the arguments of the command line, told of when they end, and killed with the launcher")
    func processes() throws {
        let folder = try TemporaryFolder()
        let program = folder.path + "/worker", log = folder.path + "/workers.log"
        try "#!/bin/sh\necho \"$*\"\nexec sleep 600\n".write(toFile: program, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        var launcher: LocalLauncher? = LocalLauncher(
            WorkerCommandLine(
                coordinator: .endpoint("ipc://here"), load: WorkerLoad(slots: "2", threadsPerTrial: 3, orphanTimeout: .seconds(30))),
            program: program, count: 2, logPath: log)
        func tend() -> [LaunchNotice]? { launcher?.tend(at: start) { _ in throw Failure() } }
        #expect(tend() == [])
        let line = "--connect ipc://here --slots 2 --threads-per-trial 3 --orphan-timeout 30.0\n"
        try wait { try String(contentsOfFile: log, encoding: .utf8) == line + line }
        let processes = try #require(launcher?.processes)
        #expect(processes.count == 2)
        Subprocess.signal(processes[0], SIGKILL)
        var notices: [LaunchNotice] = []
        try wait {
            notices = tend() ?? []
            return !notices.isEmpty
        }
        #expect(notices == [.warning("process \(processes[0]) ended: signal 9; starting another; see \(log)")])
        #expect(launcher?.takeEnded() == [EndedProcess(process: processes[0], hasCrashed: true)])
        #expect(launcher?.takeEnded() == [])
        let left = try #require(launcher?.processes)
        #expect(left.count == 2 && left.contains(processes[1]))
        launcher = nil
        for process in left { #expect(Subprocess.wait(process) == .killed(signal: 9)) }
    }

    private struct Failure: Error {}

    /// - Throws: after a minute, which no shell takes to say a line, however busy the host is.
    private func wait(for hasHappened: () throws -> Bool) throws {
        for _ in 0..<6000 {
            if try hasHappened() { return }
            usleep(10_000)
        }
        throw Failure()
    }
}
