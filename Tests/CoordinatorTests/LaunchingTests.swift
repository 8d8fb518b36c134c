// LaunchingTests.swift · Tests/CoordinatorTests. Keys of a results directory; what launchers decide, as plain values; and what ssh and Slurm
// are called with: text, and real shells.

import Foundation
import Testing
import Vocabulary
import Wire

@testable import regsweep

private final class Folder {
    let path = FileManager.default.temporaryDirectory.appending(path: "regsweep-\(UUID())").path()
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite("Key ring") struct KeyRingTests {
    @Test("a key stays the same under its name, also for the next coordinator, until it is revoked") func issue() throws {
        let folder = try Folder()
        var ring = try KeyRing(folder.path + "/keys")
        let ada = try ring.key(for: "ada"), bob = try ring.key(for: "bob")
        #expect(ada != bob)
        #expect(try ring.key(for: "ada") == ada)
        var next = try KeyRing(folder.path + "/keys")
        #expect(next.coordinator == ring.coordinator)
        #expect(next.workers == ["ada": ada, "bob": bob])
        #expect(next.name(of: bob.publicKey) == "bob")
        #expect(try next.revoke("ada") == ada.publicKey)
        #expect(try next.revoke("ada") == nil)
        #expect(try KeyRing(folder.path + "/keys").workers == ["bob": bob])
        #expect(try next.key(for: "ada") != ada)
    }

    @Test("rotated, no key is what it was") func rotate() throws {
        let folder = try Folder()
        var ring = try KeyRing(folder.path + "/keys")
        let before = ring.coordinator
        _ = try ring.key(for: "ada")
        ring = try KeyRing(rotating: folder.path + "/keys")
        #expect(ring.coordinator != before)
        #expect(ring.workers.isEmpty)
        let read = try KeyRing(folder.path + "/keys")
        #expect(read.coordinator == ring.coordinator)
        #expect(read.workers.isEmpty)
    }

    @Test("files are the owner's alone, and looser ones are refused", arguments: ["coordinator.key", "workers.keys"])
    func modes(name: String) throws {
        let folder = try Folder()
        var ring = try KeyRing(folder.path + "/keys")
        _ = try ring.key(for: "ada")
        let path = "\(folder.path)/keys/\(name)"
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect(throws: PrivateFileError.open(path: path, reason: "has mode 0644")) { try KeyRing(folder.path + "/keys") }
    }

    @Test("a broken file is named, not replaced") func broken() throws {
        let folder = try Folder()
        _ = try KeyRing(folder.path + "/keys")
        try PrivateFile.write("nonsense\n", to: folder.path + "/keys/workers.keys")
        #expect(throws: PrivateFileError.self) { try KeyRing(folder.path + "/keys") }
        try PrivateFile.write("nonsense\n", to: folder.path + "/keys/coordinator.key")
        #expect(throws: PrivateFileError.self) { try KeyRing(folder.path + "/keys") }
        // As both errors advise.
        let new = try KeyRing(rotating: folder.path + "/keys")
        #expect(try KeyRing(folder.path + "/keys").coordinator == new.coordinator)
    }

    @Test("there are no more keys than can be read again") func full() throws {
        let folder = try Folder()
        var ring = try KeyRing(folder.path + "/keys")
        try PrivateFile.write(
            (1...500).map { "\(String(repeating: "x", count: 60))\($0) \(SecretKey.random().secretText)\n" }.joined(),
            to: folder.path + "/keys/workers.keys")
        ring = try KeyRing(folder.path + "/keys")
        #expect(throws: PrivateFileError.self) { for number in 1...100 { _ = try ring.key(for: "guest-\(number)") } }
        #expect(try KeyRing(folder.path + "/keys").workers == ring.workers)
        #expect(try ring.revoke("guest-1") != nil)
        _ = try ring.key(for: "guest-200")
    }

    @Test("a folder for sockets that others may write to is refused", arguments: [0o755, 0o777]) func looseFolder(mode: Int) throws {
        let folder = try Folder()
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder.path)
        #expect(throws: SocketFolderError.self) { try ResultsDirectory.socketFolder(folder.path) }
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path)
        #expect(try ResultsDirectory.socketFolder(folder.path) == folder.path)
    }
}

private let start = Instant(sinceStart: .zero)

extension Instant {
    fileprivate static func - (a: Instant, b: Duration) -> Instant { Instant(sinceStart: a.sinceStart - b) }
}

@Suite("Remote host") struct RemoteHostTests {
    @Test("a host without the program gets it once and is started") func copies() {
        var host = RemoteHost("ada", at: start)
        #expect(host.tick(at: start) == .start)
        #expect(host.tick(at: start) == nil)
        #expect(host.ended(.exited(SSHText.needsCopy), saying: nil, at: start) == .info("copying the worker program"))
        #expect(host.tick(at: start) == .copy)
        #expect(host.ended(.exited(0), saying: nil, at: start) == nil)
        #expect(host.tick(at: start) == .start)
        // Copied, and still not there.
        #expect(
            host.ended(.exited(SSHText.needsCopy), saying: "no room", at: start) == .warning("exit code 66: no room; trying again in 2 s"))
        #expect(host.tick(at: start) == nil)
        #expect(host.state == .due(.start, at: start + .seconds(2)))
    }

    @Test("a copy that fails is tried again, from the start") func copyFails() {
        var host = RemoteHost("ada", at: start)
        _ = host.tick(at: start)
        _ = host.ended(.exited(SSHText.needsCopy), saying: nil, at: start)
        #expect(host.tick(at: start) == .copy)
        #expect(host.ended(.exited(74), saying: nil, at: start) == .warning("exit code 74; trying again in 2 s"))
        #expect(host.state == .due(.start, at: start + .seconds(2)))
    }

    @Test("workers that drained are not started again") func drained() {
        var host = RemoteHost("ada", at: start)
        #expect(host.outlook == .expected)
        _ = host.tick(at: start)
        #expect(host.ended(.exited(0), saying: "bye", at: start + .seconds(100)) == .info("its workers have drained and left"))
        #expect(host.state == .ended)
        #expect(host.outlook == .none)
        #expect(host.tick(at: start + .seconds(1000)) == nil)
    }

    @Test("failures are tried again after 2, 4, 8 and 16 s, and the fifth is the last") func patience() {
        var host = RemoteHost("ada", at: start)
        var now = start
        for pause in [2, 4, 8, 16] {
            #expect(host.tick(at: now) == .start)
            #expect(
                host.ended(.exited(SSHText.noConnection), saying: "refused", at: now)
                    == .warning("no connection: refused; trying again in \(pause) s"))
            #expect(host.tick(at: now + .seconds(pause) - .milliseconds(1)) == nil)
            now = now + .seconds(pause)
        }
        #expect(host.tick(at: now) == .start)
        #expect(
            host.ended(.killed(signal: 9), saying: nil, at: now)
                == .warning("signal 9; given up, the sweep goes on without it; regsweep workers add ssh:ada tries again"))
        #expect(host.state == .givenUp)
        #expect(host.outlook == .none)
    }

    @Test("an ssh that cannot be run is a failure like any other") func noSSH() {
        var host = RemoteHost("ada", at: start)
        #expect(host.tick(at: start) == .start)
        #expect(host.failedToStart("ssh is not installed", at: start) == .error("ssh is not installed; trying again in 2 s"))
        #expect(host.tick(at: start + .seconds(2)) == .start)
    }

    /// Twenty starts that each last half a minute, with a pause that is long enough for any.
    private func outlive(_ host: inout RemoteHost, workersCome: Bool) {
        var now = start
        for _ in 0..<20 where host.outlook == .expected {
            #expect(host.tick(at: now) == .start)
            if workersCome { host.joined() }
            now = now + RemoteHost.settled
            _ = host.ended(.exited(255), saying: nil, at: now)
            now = now + .seconds(16)
        }
    }

    @Test("one that went well for half a minute begins to count anew") func settled() {
        var host = RemoteHost("ada", at: start)
        outlive(&host, workersCome: true)
        #expect(host.outlook == .expected)
    }

    @Test("one whose workers never come in is given up, however long they try") func unreachable() {
        var host = RemoteHost("ada", at: start)
        outlive(&host, workersCome: false)
        #expect(host.state == .givenUp)
    }
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
            #expect(workers.ended(process, .exited(1), at: now) != nil)
            begin(&workers, [process + 1], at: now)
        }
        #expect(!workers.hasGivenUp)
    }

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
        let folder = try Folder()
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
        #expect(launcher?.takeEnded() == [processes[0]])
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

@Suite("Slurm group") struct SlurmGroupTests {
    private let minute: Duration = .seconds(60)

    private func group(minimum: Int = 2, maximum: Int = 3) -> SlurmGroup {
        var spec = HostSpec.Slurm()
        (spec.minimum, spec.maximum, spec.pollInterval) = (minimum, maximum, minute)
        return SlurmGroup(spec, at: start)
    }

    private func answer(_ text: String, _ status: Subprocess.Status = .exited(0), log: String? = nil) -> SlurmGroup.Answer {
        SlurmGroup.Answer(status: status, text: text, taskLog: log)
    }

    /// A group with one array in the queue.
    private func submitted(minimum: Int = 2, maximum: Int = 3) -> SlurmGroup {
        var group = group(minimum: minimum, maximum: maximum)
        _ = group.tick(at: start)
        _ = group.answered(answer("MaxArraySize = 1001\n"), at: start)
        _ = group.tick(at: start)
        _ = group.answered(answer("17\n"), at: start)
        return group
    }

    @Test("it asks for the limits, submits arrays below them one after the other, and counts once a minute") func begins() {
        var group = group(maximum: 4)
        #expect(group.outlook == .expected && !group.isSubmitting)
        #expect(group.tick(at: start) == .queryLimits)
        // One call at a time.
        #expect(group.tick(at: start + minute) == nil)
        #expect(group.answered(answer("ClusterName = x\nMaxArraySize            = 4\n"), at: start) == nil)
        #expect(group.tick(at: start) == .submit(tasks: 3))
        #expect(group.isSubmitting)
        #expect(group.answered(answer("17\n"), at: start) == .info("job 17 with 3 workers"))
        #expect(group.tick(at: start) == .submit(tasks: 1))
        #expect(group.answered(answer("sbatch: warning\n18;cluster\n"), at: start) == .info("job 18 with 1 worker"))
        let jobs = [SlurmJob(id: 17), SlurmJob(id: 18)]
        #expect(group.jobs == jobs && !group.isSubmitting)
        #expect(group.tick(at: start + minute - .milliseconds(1)) == nil)
        #expect(group.tick(at: start + minute) == .count(jobs))
        #expect(group.answered(answer("RUNNING\nPENDING\nCOMPLETING\nRUNNING\n"), at: start + minute) == nil)
        #expect(group.tick(at: start + minute + minute - .milliseconds(1)) == nil)
        #expect(group.tick(at: start + minute + minute) == .count(jobs))
    }

    @Test("limits that Slurm does not state are its defaults") func noLimits() {
        var group = group(maximum: 1500)
        _ = group.tick(at: start)
        #expect(group.answered(answer("no such key\n"), at: start) == nil)
        #expect(group.tick(at: start) == .submit(tasks: 1000))
    }

    @Test("fewer than the minimum are filled up to the maximum at once") func fewer() {
        var group = submitted()
        group.joined()
        let now = start + minute
        #expect(group.tick(at: now) == .count([SlurmJob(id: 17)]))
        #expect(group.answered(answer("RUNNING\nFAILED\nFAILED\n"), at: now) == .info("1 worker is left, submitting 2"))
        #expect(group.tick(at: now) == .submit(tasks: 2))
        #expect(group.answered(answer("18\n"), at: now) == .info("job 18 with 2 workers"))
        #expect(group.jobs == [SlurmJob(id: 17), SlurmJob(id: 18)])
    }

    @Test("where none is left, one is submitted even with a minimum of 0, and the ended job is forgotten") func none() {
        var group = submitted(minimum: 0, maximum: 1)
        group.joined()
        _ = group.tick(at: start + minute)
        #expect(group.answered(answer(""), at: start + minute) == .info("0 workers are left, submitting 1"))
        #expect(group.jobs == [])
        #expect(group.tick(at: start + minute) == .submit(tasks: 1))
    }

    @Test("jobs that Slurm has forgotten have no tasks, and that is no failed call") func forgotten() {
        var group = submitted()
        group.joined()
        _ = group.tick(at: start + minute)
        #expect(
            group.answered(answer("slurm_load_jobs error: Invalid job id specified\n", .exited(1)), at: start + minute)
                == .info("0 workers are left, submitting 3"))
        #expect(group.tick(at: start + minute) == .submit(tasks: 3))
        // Only squeue is asked for jobs.
        #expect(
            group.answered(answer("sbatch: error: Invalid job id\n", .exited(1)), at: start + minute)
                == .warning("sbatch: error: Invalid job id; trying again in 60 s"))
    }

    @Test("five orders in a row whose tasks end before a worker joins are the last, each told with the task's last line") func fruitless() {
        var group = submitted(minimum: 1, maximum: 1)
        var now = start
        for order in 1...SlurmGroup.patience {
            now = now + minute
            #expect(group.tick(at: now) == .count([SlurmJob(id: 17)]))
            let isLast = order == SlurmGroup.patience
            #expect(
                group.answered(answer("", log: "a library is missing"), at: now)
                    == .warning(
                        "all tasks of job 17 ended and no worker joined: a library is missing; "
                            + (isLast ? "given up, the sweep goes on without it" : "trying again in 60 s")))
            // Not at once: other jobs wait for the nodes.
            #expect(group.tick(at: now) == nil)
            now = now + minute
            #expect(group.tick(at: now) == (isLast ? nil : .submit(tasks: 1)))
            if !isLast { _ = group.answered(answer("17\n"), at: now) }
        }
        #expect(group.outlook == .none)
    }

    @Test("a worker that joins in the end makes good for fruitless orders") func late() {
        var group = submitted(minimum: 1, maximum: 1)
        var now = start
        for _ in 1..<SlurmGroup.patience {
            now = now + minute
            _ = group.tick(at: now)
            _ = group.answered(answer(""), at: now)
            now = now + minute
            _ = group.tick(at: now)
            _ = group.answered(answer("17\n"), at: now)
        }
        group.joined()
        now = now + minute
        _ = group.tick(at: now)
        #expect(group.answered(answer(""), at: now) == .info("0 workers are left, submitting 1"))
        #expect(group.outlook == .expected)
    }

    @Test("failed calls are tried again after a minute, the fifth in a row is the last, and a good answer begins the count anew")
    func failures() {
        var group = submitted()
        var now = start
        for failure in [1, 2, 3, 4, 0, 1, 2, 3, 4, 5] {
            now = now + minute
            #expect(group.tick(at: now - .milliseconds(1)) == nil)
            #expect(group.tick(at: now) == .count([SlurmJob(id: 17)]))
            let notice = group.answered(
                failure == 0 ? answer("RUNNING\nRUNNING\n") : answer("first\nno controller\n", .exited(1)), at: now)
            switch failure {
            case 0: #expect(notice == nil)
            case SlurmGroup.patience: #expect(notice == .warning("no controller; given up, the sweep goes on without it"))
            default: #expect(notice == .warning("no controller; trying again in 60 s"))
            }
        }
        #expect(group.outlook == .none)
        #expect(group.tick(at: now + minute) == nil)
        // What is in the queue is cancelled at the end.
        #expect(group.jobs == [SlurmJob(id: 17)])
    }

    @Test("an answer of sbatch without a job is a failed call, and so is a program that is not there or says nothing") func unparsable() {
        var group = group()
        _ = group.tick(at: start)
        #expect(group.failedToStart("scontrol is not installed", at: start) == .warning("scontrol is not installed; trying again in 60 s"))
        var now = start + minute
        #expect(group.tick(at: now) == .queryLimits)
        #expect(group.answered(answer("", .killed(signal: 15)), at: now) == .warning("signal 15; trying again in 60 s"))
        now = now + minute
        _ = group.tick(at: now)
        _ = group.answered(answer(""), at: now)
        for failure in 1...SlurmGroup.patience {
            #expect(group.tick(at: now) == .submit(tasks: 3))
            #expect(
                group.answered(answer("Submitted\n\n"), at: now)
                    == .warning(
                        "sbatch named no job: \"Submitted\"; "
                            + (failure == SlurmGroup.patience ? "given up, the sweep goes on without it" : "trying again in 60 s")))
            now = now + minute
        }
        #expect(group.jobs == [] && group.tick(at: now) == nil)
    }

    @Test("a group that is removed cancels its jobs and is over") func removed() {
        var group = submitted()
        group.remove()
        #expect(group.outlook == .none && !group.isOver)
        #expect(group.tick(at: start + minute) == .cancel([SlurmJob(id: 17)]))
        #expect(!group.isOver)
        #expect(
            group.answered(answer("scancel: error: no controller\n", .exited(1)), at: start + minute)
                == .warning("scancel: error: no controller; trying again in 60 s"))
        #expect(group.tick(at: start + minute + minute) == .cancel([SlurmJob(id: 17)]))
        #expect(
            group.answered(answer(""), at: start + minute + minute) == .info("its jobs are cancelled, and no more is submitted"))
        #expect(group.isOver && group.jobs == [])
        #expect(group.tick(at: start + minute + minute + minute) == nil)
    }

    @Test("a group without jobs is over as soon as it is removed") func removedEmpty() {
        var group = group()
        group.remove()
        #expect(group.isOver)
        #expect(group.tick(at: start) == nil)
    }

    @Test("an array that is being submitted when its group is removed is cancelled at once, and no other is submitted") func submitting() {
        var group = group(maximum: 4)
        _ = group.tick(at: start)
        _ = group.answered(answer("MaxArraySize = 4\n"), at: start)
        #expect(group.tick(at: start) == .submit(tasks: 3))
        group.remove()
        #expect(!group.isOver)
        #expect(group.tick(at: start) == nil)
        #expect(group.answered(answer("17\n"), at: start) == nil)
        #expect(group.tick(at: start) == .cancel([SlurmJob(id: 17)]))
        _ = group.answered(answer(""), at: start)
        #expect(group.isOver)
    }

    @Test("a group that is removed while an array is refused has nothing to cancel") func refused() {
        var group = group()
        _ = group.tick(at: start)
        _ = group.answered(answer(""), at: start)
        _ = group.tick(at: start)
        group.remove()
        #expect(
            group.answered(answer("sbatch: error: invalid account\n", .exited(1)), at: start) == .warning("sbatch: error: invalid account"))
        #expect(group.isOver)
    }

    @Test("a group that is removed while it is counted cancels what is left and submits nothing", arguments: ["", "RUNNING\n"])
    func counting(states: String) {
        var group = submitted()
        _ = group.tick(at: start + minute)
        group.remove()
        #expect(group.answered(answer(states), at: start + minute) == nil)
        #expect(group.tick(at: start + minute) == (states.isEmpty ? nil : .cancel([SlurmJob(id: 17)])))
        #expect(group.isOver == states.isEmpty)
    }
}

@Suite("Worker command line") struct WorkerCommandLineTests {
    private let load = WorkerLoad(slots: "2", threadsPerTrial: 4, orphanTimeout: .seconds(1.5))

    @Test("each way to a coordinator has its option, and what is not said is the worker's own default") func arguments() {
        func arguments(_ coordinator: WorkerCommandLine.Coordinator) -> [String] { WorkerCommandLine(coordinator: coordinator).arguments }
        #expect(arguments(.endpoint("tcp://127.0.0.1:7")) == ["--connect", "tcp://127.0.0.1:7"])
        #expect(arguments(.invitationFile("/a b")) == ["--join", "/a b"])
        #expect(arguments(.invitationOnStandardInput) == ["--join", "-"])
        #expect(arguments(.invitationInEnvironment) == ["--join", "env"])
        #expect(
            WorkerCommandLine(coordinator: .invitationOnStandardInput, load: load).arguments == [
                "--join", "-", "--slots", "2", "--threads-per-trial", "4", "--orphan-timeout", "1.5",
            ])
    }

    @Test("a line is what a shell reads back, and a secret in it is in the environment alone") func lines() throws {
        #expect(
            WorkerCommandLine(coordinator: .invitationFile("/a b"), load: load).line(program: "/my worker")
                == "'/my worker' --join '/a b' --slots 2 --threads-per-trial 4 --orphan-timeout 1.5")
        let invitation = Invitation(endpoint: "tcp://ada:7", coordinator: SecretKey.random().publicKey, key: .random())
        #expect(
            WorkerCommandLine.line(program: "/bin/w", joiningBy: invitation)
                == "REGSWEEP_INVITATION=\(invitation.secretText) /bin/w --join env")
    }
}

@Suite("Cluster check") struct HostFindingTests {
    private func probe(v3: String = "yes", copied: String) -> String {
        "motd\nregsweep-probe cores=8 v3=\(v3) free_kib=2048 copied=\(copied)\n"
    }

    @Test("a host that has the program and computes the right bits is ready") func ready() {
        var finding = HostFinding(host: "ada")
        #expect(finding.isUntried)
        finding.probed(probe(copied: "yes"))
        #expect(finding.isReachable && finding.hasProgram && !finding.isUntried && !finding.lacksProgram)
        finding.tried("log\n\(Build.selfTest)\n")
        #expect(finding.trouble == nil)
        #expect(
            TextTable.text([finding], HostFinding.columns) == """
                host  reachable  cores  x86-64-v3  room (MiB)  copy (s)  state
                ada   yes            8  yes                 2  is there  ready

                """)
    }

    @Test("a host without the program gets it, which takes a time") func copied() {
        var finding = HostFinding(host: "ada")
        finding.probed(probe(copied: "no"))
        #expect(finding.lacksProgram && !finding.hasProgram)
        finding.copied(.exited(0), "", seconds: 1.26)
        #expect(finding.hasProgram && !finding.lacksProgram)
        #expect(TextTable.text([finding], HostFinding.columns).contains("  1.3  ready\n"))
        finding = HostFinding(host: "ada")
        finding.probed(probe(copied: "no"))
        finding.copied(.exited(74), "cat: No space left on device\n", seconds: 1)
        #expect(!finding.hasProgram && !finding.lacksProgram)
        #expect(finding.trouble == "the worker program was not copied: cat: No space left on device")
    }

    @Test("what is wrong is told: no answer, the processor, a program that does not run, or one that computes other bits") func troubles() {
        var silent = HostFinding(host: "ada"), refused = HostFinding(host: "bob")
        silent.probed("")
        refused.probed("ssh: Could not resolve hostname bob\r\n")
        #expect(silent.trouble == "no answer" && refused.trouble == "ssh: Could not resolve hostname bob")
        #expect(!refused.isReachable && !refused.isUntried && !refused.lacksProgram && !refused.hasProgram)
        #expect(
            TextTable.text([refused], HostFinding.columns).contains(
                "bob   no             –  –                   –         –  ssh: Could not resolve"))
        var old = HostFinding(host: "ada"), broken = old, other = old
        old.probed(probe(v3: "no", copied: "yes"))
        old.tried("Illegal instruction\n")
        #expect(old.trouble == "the processor lacks a part of x86-64-v3")
        broken.probed(probe(copied: "yes"))
        broken.tried("a library is missing\n")
        #expect(broken.trouble == "the worker does not run: a library is missing")
        other.probed(probe(copied: "yes"))
        other.tried("")
        #expect(other.trouble == "the worker does not run: no output")
    }

    @Test("a Slurm group is reachable where sbatch would take its job") func slurm() {
        var taken = HostFinding(host: "batch"), refused = taken
        taken.submitted(.exited(0), "sbatch: Job 1 to start at now\n")
        refused.submitted(.exited(1), "allocation failure: invalid partition\n")
        #expect(taken.isReachable && taken.trouble == nil)
        #expect(!refused.isReachable && refused.trouble == "allocation failure: invalid partition")
    }
}

@Suite("ssh: what is said") struct SSHTextTests {
    private func shell(_ script: String, home: String, input: String = "") throws -> (code: Int32, output: String) {
        // By our own launcher: a shell that inherits blocked signals from a test's thread waits for its children for ever.
        let place = "\(home)/\(UUID())"
        try input.write(toFile: "\(place).in", atomically: true, encoding: .utf8)
        let status = try Subprocess.run(
            "/bin/sh", ["-c", "HOME=\(home); export HOME; \(script)"], input: .file("\(place).in"), outputTo: "\(place).out")
        guard case .exited(let code) = status else { throw SubprocessError.failed(program: "sh", reason: "\(status)") }
        return (code, try String(contentsOfFile: "\(place).out", encoding: .utf8))
    }

    private func host(slots: Int?) -> HostSpec {
        var spec = HostSpec(name: "ada")
        (spec.workers, spec.slots) = (3, slots)
        return spec
    }

    @Test("options come before the host, which cannot be one, and the script is one word") func arguments() {
        let words = SSHText.arguments("ada", options: ["-F", "file"], script: "echo $HOME")
        #expect(Array(words.prefix(2)) == ["-F", "file"])
        #expect(Array(words.suffix(3)) == ["--", "ada", "exec /bin/sh -c 'echo $HOME'"])
        #expect(!HostSpec.isName("-oProxyCommand=x"))
        #expect(!HostSpec.isName("a b"))
        #expect(!HostSpec.isName("a;b"))
        #expect(HostSpec.isName("me@ada-1.example.org"))
    }

    @Test("a host copies the program when it lacks it or has another, and starts each worker with the secret on its stdin")
    func copyAndStart() throws {
        let folder = try Folder()
        // A program that says what it was given, and ends as its number says.
        let program = "#!/bin/sh\nread i; echo \"$* $i\" >> \"$HOME/said\"; exit 0\n"
        let bundle = WorkerBundle(path: "", digest: Digest(of: program))
        let start = SSHText.start(bundle, host(slots: 2), orphanTimeout: .seconds(30))
        #expect(!start.contains("'") && !SSHText.copy(bundle).contains("'") && !SSHText.probe(bundle).contains("'"))
        #expect(try shell(start, home: folder.path, input: "secret\n").code == SSHText.needsCopy)
        #expect(try shell(SSHText.copy(bundle), home: folder.path, input: program).code == 0)
        #expect(try shell(start, home: folder.path, input: "secret\n").code == 0)
        let said = try String(contentsOfFile: folder.path + "/said", encoding: .utf8)
        #expect(said == String(repeating: "--join - --slots 2 --threads-per-trial 1 --orphan-timeout 30.0 secret\n", count: 3))

        let place = folder.path + "/.cache/regsweep/worker-\("\(bundle.digest)".prefix(16))"
        try "another".write(toFile: place, atomically: true, encoding: .utf8)
        #expect(try shell(start, home: folder.path, input: "secret\n").code == SSHText.needsCopy)
        // What was cut off on its way does not get the name.
        #expect(try shell(SSHText.copy(bundle), home: folder.path, input: String(program.dropLast(3))).code == 74)
    }

    @Test("the last line of what ssh says is one line, however it ends") func lastLine() {
        #expect(Subprocess.lastLine("first\r\nssh: Could not resolve hostname ada\r\n") == "ssh: Could not resolve hostname ada")
        #expect(Subprocess.lastLine("first\nlast\n\n") == "last")
        #expect(Subprocess.lastLine("\r\n") == nil && Subprocess.lastLine("") == nil)
    }

    @Test("the code of a worker that failed is the host's") func failure() throws {
        let folder = try Folder()
        let program = "#!/bin/sh\nread i; mkdir \"$HOME/one\" 2>/dev/null || exit 0; exit 4\n"
        let bundle = WorkerBundle(path: "", digest: Digest(of: program))
        _ = try shell(SSHText.copy(bundle), home: folder.path, input: program)
        let start = SSHText.start(bundle, host(slots: nil), orphanTimeout: .seconds(30))
        #expect(try shell(start, home: folder.path, input: "secret\n").code == 4)
    }

    @Test("a host says what it is, and anything else is no answer") func probe() throws {
        let folder = try Folder()
        let program = "#!/bin/sh\n"
        let bundle = WorkerBundle(path: "", digest: Digest(of: program))
        let before = try #require(SSHText.probe(from: try shell(SSHText.probe(bundle), home: folder.path).output))
        #expect(before.cores >= 1 && before.freeKiB > 0 && before.isV3 && !before.isCopied)
        _ = try shell(SSHText.copy(bundle), home: folder.path, input: program)
        #expect(SSHText.probe(from: "motd\n" + (try shell(SSHText.probe(bundle), home: folder.path).output))?.isCopied == true)
        #expect(SSHText.probe(from: "This account is currently not available.\n") == nil)
    }
}

@Suite("Slurm: what is said") struct SlurmTextTests {
    private var spec: HostSpec {
        var spec = HostSpec(kind: .slurm, name: "batch")
        spec.slots = 4
        spec.threadsPerTrial = 2
        spec.slurm.partition = "long"
        spec.slurm.timeLimit = "1:00:00"
        spec.slurm.extra = ["--qos=low"]
        return spec
    }

    @Test("a job array of workers that phone home, with the secret in a file") func script() {
        let text = SlurmText.script(
            spec, sweep: "small", tasks: 3, program: "/opt/my worker", invitation: "/r/keys/batch.invitation", log: "/r",
            orphanTimeout: .seconds(30))
        #expect(
            text == """
                #!/bin/sh
                #SBATCH --job-name=regsweep-small
                #SBATCH --array=1-3
                #SBATCH --output="/r/slurm-%A_%a.log"
                #SBATCH --no-requeue
                #SBATCH --signal=B:TERM@60
                #SBATCH --ntasks=1
                #SBATCH --cpus-per-task=8
                #SBATCH --time=1:00:00
                #SBATCH --partition=long
                #SBATCH --qos=low
                exec '/opt/my worker' --join /r/keys/batch.invitation --slots 4 --threads-per-trial 2 --orphan-timeout 30.0

                """)
    }

    @Test("a log in a folder with any name has a line that sbatch reads as that name") func oddFolder() {
        let text = SlurmText.script(
            spec, sweep: "small", tasks: 1, program: "w", invitation: "i", log: "/my #1 \"50%\" \\r", orphanTimeout: .seconds(30))
        #expect(text.contains("#SBATCH --output=\"/my #1 \\\"50%%\\\" \\\\r/slurm-%A_%a.log\"\n"))
    }

    @Test("what Slurm answers is read, and what is no answer is none") func answers() {
        #expect(SlurmText.job(fromSbatch: "17\n") == SlurmJob(id: 17))
        #expect(SlurmText.job(fromSbatch: "17;cluster\n") == SlurmJob(id: 17))
        #expect(SlurmText.job(fromSbatch: "sbatch: error: invalid partition\n") == nil)
        #expect(SlurmText.job(fromSbatch: "") == nil)
        #expect(SlurmText.aliveTasks(fromSqueue: "RUNNING\nPENDING\nCOMPLETING\nFAILED\n") == 2)
        #expect(SlurmText.aliveTasks(fromSqueue: "") == 0)
        #expect(SlurmText.maximumArraySize(from: "MaxArrayTasks = 7\nMaxArraySize            = 1001\n") == 1001)
        #expect(SlurmText.maximumArraySize(from: "") == nil)
    }

    @Test("arrays stay below the largest index, and all together have every task") func arrays() {
        #expect(SlurmText.arrays(5, maximumArraySize: 1001) == [5])
        #expect(SlurmText.arrays(7, maximumArraySize: 4) == [3, 3, 1])
        #expect(SlurmText.arrays(3, maximumArraySize: 4) == [3])
    }

    @Test("there are between min and max workers: below min it is filled to max") func missing() {
        #expect(SlurmText.missing(alive: 2, minimum: 2, maximum: 5) == 0)
        #expect(SlurmText.missing(alive: 1, minimum: 2, maximum: 5) == 4)
        #expect(SlurmText.missing(alive: 0, minimum: 0, maximum: 5) == 0)
    }
}

@Suite("Cluster file: hosts") struct ClusterHostTests {
    @Test("hosts of both kinds are read with their defaults") func hosts() throws {
        let spec = try ClusterSpec.parse(
            """
            [coordinator]
            listen = "tcp://0.0.0.0:*"
            [ssh]
            options = ["-F", "my config"]
            [[host]]
            kind = "ssh"
            name = "ada"
            workers = 2
            [[host]]
            kind = "slurm"
            name = "batch"
            slots = 4
            threads_per_trial = 3
            max = 8
            min = 2
            time_limit = "1:00:00"
            extra = ["--qos=low"]
            """, file: "c.toml")
        var ada = HostSpec(kind: .ssh, name: "ada")
        ada.workers = 2
        var batch = HostSpec(kind: .slurm, name: "batch")
        batch.slots = 4
        batch.threadsPerTrial = 3
        (batch.slurm.minimum, batch.slurm.maximum) = (2, 8)
        batch.slurm.timeLimit = "1:00:00"
        batch.slurm.extra = ["--qos=low"]
        #expect(spec.hosts == [ada, batch])
        #expect(spec.sshOptions == ["-F", "my config"])
    }

    @Test("what cannot be is told") func mistakes() {
        let text = """
            [[host]]
            kind = "telnet"
            name = "ada"
            [[host]]
            kind = "ssh"
            name = "-oProxyCommand=x"
            partition = "long"
            [[host]]
            kind = "slurm"
            name = "batch"
            min = 9
            """
        do {
            _ = try ClusterSpec.parse(text, file: "c.toml")
            Issue.record("it was read")
        } catch {
            let words = error.errors.map(\.message)
            for fact in [
                "kind: found \"telnet\"", "name: found \"-oProxyCommand=x\"", "partition: is not known here", "min: found 9",
                "which other hosts cannot reach",
            ] {
                #expect(words.contains { $0.contains(fact) }, "\(fact) in \(words)")
            }
        }
    }

    @Test("other hosts are told an address that they can use") func advertised() {
        var spec = ClusterSpec()
        #expect(spec.advertised("tcp://10.0.0.5:5577", hostName: "ada") == "tcp://10.0.0.5:5577")
        #expect(spec.advertised("tcp://0.0.0.0:5577", hostName: "ada") == "tcp://ada:5577")
        spec.address = "ada.example.org"
        #expect(spec.advertised("tcp://0.0.0.0:5577", hostName: "ada") == "tcp://ada.example.org:5577")
        #expect(spec.advertised("ipc:///a/b", hostName: "ada") == "ipc:///a/b")
    }
}
