// SlurmTests.swift · Tests/ClusterTests. A real Slurm of two nodes on this host: Debian's, with a configuration of the test's own.

import Foundation
import Glibc
import TestSupport
import Testing
import Wire

@testable import regsweep

/// munged, slurmctld and two slurmd, gone with the value.
final class SlurmCluster {
    static let complaint: String? = {
        guard geteuid() == 0 else { return "needs root for slurmd and munged" }
        for program in ["slurmctld", "slurmd", "munged"] where access("/usr/sbin/\(program)", X_OK) != 0 {
            return "needs \(program): make setup-test"
        }
        return nil
    }()

    let path: String
    private var servers: [pid_t] = []

    init(maximumArraySize: Int = 4) throws {
        // munged wants every folder above its socket to be nobody else's, and a path of a socket is short.
        path = "/run/regsweep-slurm-\(getpid())"
        let host = try Root.shell("hostname -s").trimmingCharacters(in: .whitespacesAndNewlines)
        try Root.shell(
            "mkdir -p \(path)/spool1 \(path)/spool2 \(path)/state && chmod 755 \(path) && head -c 1024 /dev/urandom > \(path)/munge.key && chmod 400 \(path)/munge.key"
        )
        let base = 20_000 + Int(getpid()) % 20_000
        let cores = ProcessInfo.processInfo.processorCount
        let config = """
            ClusterName=regsweep
            SlurmctldHost=\(host)(127.0.0.1)
            SlurmctldPort=\(base)
            SlurmUser=root
            SlurmdUser=root
            AuthType=auth/munge
            AuthInfo=socket=\(path)/munge.socket
            StateSaveLocation=\(path)/state
            SlurmdSpoolDir=\(path)/spool-%n
            SlurmctldPidFile=\(path)/slurmctld.pid
            SlurmdPidFile=\(path)/slurmd-%n.pid
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_CPU
            JobAcctGatherType=jobacct_gather/none
            AccountingStorageType=accounting_storage/none
            MpiDefault=none
            SwitchType=switch/none
            ReturnToService=2
            MaxArraySize=\(maximumArraySize)
            KillWait=5
            MinJobAge=2
            SlurmdParameters=config_overrides
            NodeName=n1 NodeHostname=\(host) NodeAddr=127.0.0.1 Port=\(base + 1) CPUs=\(max(2, cores))
            NodeName=n2 NodeHostname=\(host) NodeAddr=127.0.0.1 Port=\(base + 2) CPUs=\(max(2, cores))
            PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP

            """
        try config.write(toFile: "\(path)/slurm.conf", atomically: true, encoding: .utf8)
        servers.append(
            try start(
                "munged",
                [
                    "--foreground", "--key-file=\(path)/munge.key", "--socket=\(path)/munge.socket", "--pid-file=\(path)/munged.pid",
                    "--log-file=\(path)/munged.log", "--seed-file=\(path)/munged.seed", "--force",
                ]))
        try wait(for: "munged listens; \(path)") { access("\(path)/munge.socket", F_OK) == 0 }
        servers.append(try start("slurmctld", ["-D", "-c", "-f", "\(path)/slurm.conf"]))
        for node in ["n1", "n2"] { servers.append(try start("slurmd", ["-D", "-N", node, "-f", "\(path)/slurm.conf"])) }
        do {
            try wait(for: "two idle nodes") { try shell("sinfo -h -N -t idle 2>/dev/null | wc -l; true") == "2\n" }
        } catch { throw Failure(description: "\(error)\n\(try Root.shell("tail -qn 5 \(path)/*.out"))") }
    }

    private func start(_ program: String, _ arguments: [String]) throws -> pid_t {
        try Subprocess.spawn(
            "/usr/bin/env", environment.map { "\($0.key)=\($0.value)" } + ["/usr/sbin/\(program)"] + arguments,
            outputTo: "\(path)/\(program)-\(servers.count).out")
    }

    /// For programs that speak to this Slurm.
    var environment: [String: String] { ["SLURM_CONF": "\(path)/slurm.conf", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"] }

    @discardableResult func shell(_ line: String) throws -> String { try Root.shell("export SLURM_CONF=\(path)/slurm.conf; \(line)") }

    /// As when the plug is pulled: nobody is asked to leave. Slurm is told at once what it would find out in minutes.
    func cutPower(of node: String) throws {
        try shell(
            """
            for p in /proc/[0-9]*; do \
            if tr '\\0' '\\n' < $p/environ | grep -qx SLURMD_NODENAME=\(node); then ps -o ppid= ${p#/proc/}; echo ${p#/proc/}; fi; done 2>/dev/null \
            | xargs -r kill -9 $(pgrep -f "^/usr/sbin/slurmd -D -N \(node) -f \(path)/") && scontrol update nodename=\(node) state=down reason=power
            """)
    }

    deinit {
        _ = try? shell("scancel --user=root; true")
        for server in servers.reversed() { Glibc.kill(server, SIGTERM) }
        var left = Set(servers)
        try? wait(for: "the servers end", within: 5) {
            for (pid, _) in Subprocess.reap(left) { left.remove(pid) }
            return left.isEmpty
        }
        for server in left { Glibc.kill(server, SIGKILL) }
        _ = Subprocess.reap(left)
        // A slurmstepd whose controller is gone before it could say that its job has ended would try to for ever.
        _ = try? Root.shell(
            "for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ | grep -qx SLURM_CONF=\(path)/slurm.conf && kill -9 ${p#/proc/}; done 2>/dev/null; true"
        )
        try? FileManager.default.removeItem(atPath: path)
    }
}

@Suite("Slurm", .serialized, .enabled(if: SlurmCluster.complaint == nil, Comment(rawValue: SlurmCluster.complaint ?? ""))) struct SlurmTests
{
    let scratch: TemporaryFolder
    let slurm: SlurmCluster

    init() throws {
        scratch = try TemporaryFolder()
        slurm = try SlurmCluster()
    }

    private func configure(max: Int, min: Int, more: String = "") throws {
        try scratch.write(
            "[local]\nworkers = 0\n" + Sweeps.nervous + "\norphan_timeout_seconds = 5\n"
                + "[[host]]\nkind = \"slurm\"\nname = \"batch\"\nmax = \(max)\nmin = \(min)\npoll_seconds = 1\n" + more, to: "cluster.toml")
    }

    private func run(_ arguments: String..., variables: [String: String] = [:]) throws -> Program {
        var environment = slurm.environment.merging(["XDG_CACHE_HOME": "\(scratch.path)/cache"]) { _, new in new }
        environment["PATH"] = "\(scratch.path)/bin:\(environment["PATH"]!)"
        return try Program(
            "regsweep", ["run", "sweep.toml", "--cluster", "cluster.toml", "--log-level", "info"] + arguments, in: scratch,
            environment: environment.merging(variables) { _, new in new })
    }

    private func queued() throws -> Int {
        try slurm.shell("squeue -h -r -t PD,R | wc -l").split(separator: "\n").first.flatMap { Int($0) } ?? -1
    }

    /// Puts a script of a site's before one of Slurm's programs.
    private func wrap(_ program: String, _ script: String) throws {
        try Root.shell("mkdir -p '\(scratch.path)/bin'")
        try scratch.write("#!/bin/sh\n\(script)\n", to: "bin/\(program)")
        try Root.shell("chmod 755 '\(scratch.path)/bin/\(program)'")
    }

    /// Interrupts a run twice and waits for its end.
    private func stop(_ coordinator: Program) throws -> Program.End {
        coordinator.signal(SIGINT)
        try coordinator.errors(have: "interrupt once more to stop at once")
        coordinator.signal(SIGINT)
        return try coordinator.end()
    }

    private func ask(_ words: String...) throws -> Program.End {
        try Program("regsweep", ["workers"] + words + ["--out", "results/small"], in: scratch).end()
    }

    @Test("workers are submitted in arrays below MaxArraySize, run the sweep, and none is left in the queue") func arrays() throws {
        try scratch.write(Sweeps.long, to: "sweep.toml")
        // What is submitted may be longer than a pipe takes at once.
        let comments = (1...100).map { "\"--comment=\(String(repeating: "x", count: 60))\($0)\"" }.joined(separator: ", ")
        try configure(max: 4, min: 1, more: "extra = [\(comments)]\n")
        let coordinator = try run()
        try coordinator.errors(have: "with 3 workers")
        try coordinator.errors(have: "with 1 worker")
        try coordinator.errors(have: "joined with", times: 2)
        let end = try coordinator.end()
        #expect(end.code == 0, "\(end.errors)")
        #expect(try queued() == 0)
        #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed)
    }

    @Test("tasks that end before a worker comes in are told of with their last words, and given up after five orders") func fruitless()
        throws
    {
        try scratch.write(Sweeps.long, to: "sweep.toml")
        try configure(max: 2, min: 1, more: "[coordinator]\nworker_program = \"./broken\"\n")
        try scratch.write("#!/bin/sh\necho a library is missing >&2\nexit 127\n", to: "broken")
        try Root.shell("chmod 755 '\(scratch.path)/broken'")
        let coordinator = try run("--out", "my results #1 50%")
        let line = "no worker joined: a library is missing; "
        try coordinator.errors(have: line + "trying again", times: SlurmGroup.patience - 1)
        try coordinator.errors(have: line + "given up")
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
        #expect(try queued() == 0)
    }

    @Test("a group that is removed by a command gets no workers again") func removed() throws {
        try scratch.write(Sweeps.small(epochs: 60_000, replicates: 8), to: "sweep.toml")
        try configure(max: 2, min: 2)
        let coordinator = try run()
        try coordinator.errors(have: "joined with", times: 2)
        let answer = try scratch.regsweep("workers", "remove", "batch", "--out", "results/small")
        #expect(answer.output == "2 workers removed, 1 key revoked\n", "\(answer.errors)")
        try coordinator.errors(have: "slurm batch: its jobs are cancelled, and no more is submitted")
        try wait(for: "an empty queue") { try queued() == 0 }
        coordinator.signal(SIGINT)
        let end = try coordinator.end()
        #expect(end.code == 3)
        #expect(!end.errors.contains("submitting"))
    }

    @Test("an array that is being submitted when the run ends is cancelled as well") func submitting() throws {
        try scratch.write(Sweeps.small(epochs: 60_000, replicates: 8), to: "sweep.toml")
        try configure(max: 2, min: 2)
        try wrap("sbatch", "cd '\(scratch.path)'; touch submits; sleep 2; /usr/bin/sbatch \"$@\" | tee submitted")
        let coordinator = try run()
        try wait(for: "sbatch") { scratch.has("submits") }
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
        try wait(for: "an empty queue") { try queued() == 0 }
        #expect(try scratch.read("submitted").contains { $0.isNumber })
    }

    @Test("workers that are cancelled from outside are made up for") func cancelled() throws {
        try scratch.write(Sweeps.small(epochs: 60_000, replicates: 8), to: "sweep.toml")
        try configure(max: 2, min: 2)
        let coordinator = try run()
        try coordinator.errors(have: "joined with", times: 2)
        try slurm.shell("scancel --user=root")
        try coordinator.errors(have: "0 workers are left, submitting 2")
        try coordinator.errors(have: "joined with", times: 4)
        coordinator.signal(SIGINT)
        try coordinator.errors(have: "interrupt once more to stop at once")
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
        #expect(try queued() == 0)
    }

    @Test("a node that loses its power takes its workers with it; others are started elsewhere, and the tables are those of any run")
    func nodeDown() throws {
        try scratch.write(Sweeps.small(epochs: 12_000, replicates: 4), to: "sweep.toml")
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet", "--out", "calm").code == 0)
        try configure(max: 2, min: 2)
        let coordinator = try run()
        try coordinator.errors(have: "joined with", times: 2)
        let nodes = try slurm.shell("squeue -h -r -t R -o %N").split(separator: "\n").map(String.init)
        #expect(nodes.count == 2)
        let lost = nodes.count { $0 == nodes[0] }
        try slurm.cutPower(of: nodes[0])
        try coordinator.errors(have: lost == 1 ? "1 worker is left, submitting 1" : "0 workers are left, submitting 2")
        try coordinator.errors(have: "joined with", times: 2 + lost)
        let end = try coordinator.end()
        #expect(end.code == 0, "\(end.errors)")
        #expect(end.errors.components(separatedBy: "lost worker").count - 1 == lost)
        #expect(try Tables(scratch, "results/small") == Tables(scratch, "calm"))
        #expect(try queued() == 0)
    }

    @Test("a controller that is away now and then is asked again, and given up only after five calls in a row") func controllerAway() throws
    {
        try scratch.write(Sweeps.small(epochs: 60_000, replicates: 8), to: "sweep.toml")
        try configure(max: 1, min: 1)
        let coordinator = try run()
        try coordinator.errors(have: "joined with")
        let answer = "results/small/slurm-batch.out", again = "; trying again"
        for failures in [SlurmGroup.patience - 1, SlurmGroup.patience] {
            // Nobody can say who he is.
            try slurm.shell("mv \(slurm.path)/munge.socket \(slurm.path)/away")
            try coordinator.errors(have: again, times: failures)
            try slurm.shell("mv \(slurm.path)/away \(slurm.path)/munge.socket")
            try wait(for: "an answer of the controller") { (try? scratch.read(answer).contains("|RUNNING|")) == true }
        }
        coordinator.signal(SIGINT)
        try coordinator.errors(have: "interrupt once more to stop at once")
        coordinator.signal(SIGINT)
        let end = try coordinator.end()
        #expect(end.code == 3)
        #expect(!end.errors.contains("given up"))
        #expect(try queued() == 0)
    }

    @Test("before its time limit a worker drains and leaves a checkpoint, and another goes on from there") func timeLimit() throws {
        // Slurm looks at time limits about once in half a minute and sends the warning up to a minute early. The trial takes hours, and
        // nothing but the drain asks for a checkpoint.
        try scratch.write(SweepTexts.network(epochs: 1_000_000), to: "sweep.toml")
        try Images.write(to: scratch)
        try configure(max: 1, min: 1, more: "time_limit = \"1\"\ndrain_seconds = 50\n")
        let coordinator = try run("--data", "data")
        try coordinator.errors(have: "joined with")
        try coordinator.errors(have: "left: drained")
        try coordinator.errors(have: "0 workers are left, submitting 1")
        try coordinator.errors(have: "joined with", times: 2)
        let logs = "results/network/slurm-*.log"
        try wait(for: "a worker that goes on") { try Root.shell("cat \(scratch.path)/\(logs)").contains("resumes after epoch") }
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
        #expect(try queued() == 0)
    }

    @Test(
        "what a site's wrapper prints around the answer of sbatch, and whatever the user has set, costs no job too many",
        arguments: [
            "printf 'Gr\\374\\337e\\n'; echo 'warning: 1' >&2; /usr/bin/sbatch \"$@\"; code=$?; echo 'You have 4711 hours left.'; exit $code",
            "/usr/bin/sbatch \"$@\" > /dev/null; echo submitted",
            "/usr/bin/sbatch \"$@\" > /dev/null; echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1",
            "echo \"$(/usr/bin/sbatch \"$@\");site\"",
            "/usr/bin/sbatch \"$@\"; exit 3",
        ])
    func wrapped(sbatch: String) throws {
        try scratch.write(Sweeps.small(epochs: 60_000, replicates: 8), to: "sweep.toml")
        try configure(max: 2, min: 2)
        try wrap("sbatch", "echo once >> '\(scratch.path)/submissions'; \(sbatch)")
        let coordinator = try run(variables: [
            "SBATCH_ARRAY_INX": "1-3", "SBATCH_PARTITION": "nowhere", "SQUEUE_STATES": "FAILED", "SQUEUE_PARTITION": "nowhere",
            "SCANCEL_STATE": "SUSPENDED", "SCANCEL_PARTITION": "nowhere", "SLURM_JOB_ID": "1", "LC_ALL": "C",
        ])
        try coordinator.errors(have: "joined with", times: 2)
        #expect(try queued() == 2)
        let end = try stop(coordinator)
        #expect(end.code == 3)
        #expect(!end.errors.contains("may be left"), "\(end.errors)")
        #expect(try scratch.read("submissions") == "once\n")
        #expect(try queued() == 0)
    }

    @Test("a group whose controller is away for long is given up, comes back by itself, and is added again after it was removed")
    func comesBack() throws {
        try scratch.write(Sweeps.small(epochs: 60_000, replicates: 16), to: "sweep.toml")
        try configure(max: 1, min: 1)
        let coordinator = try run()
        try coordinator.errors(have: "joined with")
        try slurm.shell("mv \(slurm.path)/munge.socket \(slurm.path)/away")
        try coordinator.errors(have: "given up, the sweep goes on without it until Slurm answers")
        try slurm.shell("mv \(slurm.path)/away \(slurm.path)/munge.socket")
        try coordinator.errors(have: "slurm batch: Slurm answers again")
        try slurm.shell("scancel --user=root")
        try coordinator.errors(have: "submitting 1")
        try coordinator.errors(have: "joined with", times: 2)
        #expect(try ask("remove", "batch").output == "1 worker removed, 1 key revoked\n")
        try coordinator.errors(have: "its jobs are cancelled, and no more is submitted")
        #expect(try queued() == 0)
        let unknown = try ask("add", "slurm:other")
        #expect(unknown.code == 2 && unknown.errors.contains("has no [[host]]"), "\(unknown)")
        let added = try ask("add", "slurm:batch")
        #expect(added.code == 0, "\(added)")
        try coordinator.errors(have: "joined with", times: 3)
        #expect(try stop(coordinator).code == 3)
        #expect(try queued() == 0)
    }

    @Test("jobs of a coordinator that was killed are taken over by the next one, and cancelled when it ends") func killed() throws {
        try scratch.write(Sweeps.small(epochs: 60_000, replicates: 16), to: "sweep.toml")
        try configure(max: 2, min: 2, more: "extra = [\"--begin=now+1hour\"]\n")
        let first = try run()
        try first.errors(have: "with 2 workers")
        first.signal(SIGKILL)
        _ = try first.end()
        #expect(try queued() == 2)
        try configure(max: 1, min: 1)
        let second = try run()
        try second.errors(have: "is in the queue")
        try second.errors(have: "2 workers where 1 may be: cancelling")
        try wait(for: "one job") { try queued() == 1 }
        #expect(try stop(second).code == 3)
        #expect(try queued() == 0)
    }

    @Test("a Slurm that cannot be asked at the end is waited for, and nothing is left") func awayAtTheEnd() throws {
        try scratch.write(Sweeps.small(epochs: 60_000, replicates: 16), to: "sweep.toml")
        try configure(max: 1, min: 1)
        let coordinator = try run()
        try coordinator.errors(have: "joined with")
        try slurm.shell("mv \(slurm.path)/munge.socket \(slurm.path)/away")
        coordinator.signal(SIGINT)
        try coordinator.errors(have: "interrupt once more to stop at once")
        coordinator.signal(SIGINT)
        try coordinator.errors(have: "slurm batch: scancel: error")
        try slurm.shell("mv \(slurm.path)/away \(slurm.path)/munge.socket")
        let end = try coordinator.end()
        #expect(end.code == 3 && !end.errors.contains("may be left"), "\(end.errors)")
        #expect(try queued() == 0)
    }
}

extension SlurmTests {
    /// Within the other suite, so that there is one Slurm at a time.
    @Suite("Slurm without arrays") struct WithoutArrays {
        @Test("where MaxArraySize is 0 each worker is a job of its own") func single() throws {
            let scratch = try TemporaryFolder(), slurm = try SlurmCluster(maximumArraySize: 0)
            try scratch.write(Sweeps.long, to: "sweep.toml")
            try scratch.write(
                "[local]\nworkers = 0\n" + Sweeps.nervous
                    + "\n[[host]]\nkind = \"slurm\"\nname = \"batch\"\nmax = 2\nmin = 1\npoll_seconds = 1\n", to: "cluster.toml")
            let coordinator = try Program(
                "regsweep", ["run", "sweep.toml", "--cluster", "cluster.toml", "--log-level", "info"], in: scratch,
                environment: slurm.environment)
            try coordinator.errors(have: "with 1 worker", times: 2)
            let end = try coordinator.end()
            #expect(end.code == 0, "\(end.errors)")
            #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed)
            #expect(try slurm.shell("squeue -h -r -t PD,R") == "")
        }
    }
}
