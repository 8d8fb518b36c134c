// SlurmTests.swift · Tests/ClusterTests. A real Slurm of two nodes on this box: Debian's, with a configuration of the test's own.

import Foundation
import Glibc
import Testing

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

    init(in scratch: Scratch) throws {
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
            MaxArraySize=4
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
        try waitFor("test -S \(path)/munge.socket")
        servers.append(try start("slurmctld", ["-D", "-c", "-f", "\(path)/slurm.conf"]))
        for node in ["n1", "n2"] { servers.append(try start("slurmd", ["-D", "-N", node, "-f", "\(path)/slurm.conf"])) }
        try waitFor("test \"$(SLURM_CONF=\(path)/slurm.conf sinfo -h -N -t idle | wc -l)\" = 2")
    }

    private func start(_ program: String, _ arguments: [String]) throws -> pid_t {
        try Subprocess.spawn(
            "/usr/bin/env", environment.map { "\($0.key)=\($0.value)" } + ["/usr/sbin/\(program)"] + arguments,
            outputTo: "\(path)/\(program)-\(servers.count).out")
    }

    private func waitFor(_ line: String) throws {
        try Root.shell(
            "for i in $(seq 150); do \(line) 2>/dev/null && exit 0; sleep 0.2; done; echo 'not in 30 s: '; tail -qn 5 \(path)/*.out; exit 1"
        )
    }

    /// For programs that speak to this Slurm.
    var environment: [String: String] { ["SLURM_CONF": "\(path)/slurm.conf", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"] }

    @discardableResult func shell(_ line: String) throws -> String { try Root.shell("export SLURM_CONF=\(path)/slurm.conf; \(line)") }

    deinit {
        _ = try? shell("scancel --user=root; true")
        for server in servers.reversed() { Glibc.kill(server, SIGTERM) }
        let deadline = Date(timeIntervalSinceNow: 5)
        var left = Set(servers)
        while !left.isEmpty, Date() < deadline {
            for (pid, _) in Subprocess.reap(left) { left.remove(pid) }
            usleep(50_000)
        }
        for server in left { Glibc.kill(server, SIGKILL) }
        _ = Subprocess.reap(left)
        try? FileManager.default.removeItem(atPath: path)
    }
}

@Suite("Slurm", .serialized, .enabled(if: SlurmCluster.complaint == nil, Comment(rawValue: SlurmCluster.complaint ?? ""))) struct SlurmTests
{
    let scratch: Scratch
    let slurm: SlurmCluster

    init() throws {
        scratch = try Scratch()
        slurm = try SlurmCluster(in: scratch)
    }

    private func configure(max: Int, min: Int, more: String = "") throws {
        try scratch.write(
            "[local]\nworkers = 0\n" + Sweeps.nervous + "\norphan_timeout_seconds = 5\n"
                + "[[host]]\nkind = \"slurm\"\nname = \"batch\"\nmax = \(max)\nmin = \(min)\npoll_seconds = 1\n" + more, to: "cluster.toml")
    }

    private func run() throws -> Program {
        try Program(
            "regsweep", ["run", "sweep.toml", "--cluster", "cluster.toml", "--log-level", "info"], in: scratch,
            environment: slurm.environment)
    }

    private func queued() throws -> Int {
        try slurm.shell("squeue -h -r -t PD,R | wc -l").split(separator: "\n").first.flatMap { Int($0) } ?? -1
    }

    @Test("workers are submitted in arrays below MaxArraySize, run the sweep, and none is left in the queue") func arrays() throws {
        try scratch.write(Sweeps.long, to: "sweep.toml")
        try configure(max: 4, min: 1)
        let coordinator = try run()
        try coordinator.errors(have: "with 3 workers")
        try coordinator.errors(have: "with 1 worker")
        try coordinator.errors(have: "joined with", times: 2)
        let end = try coordinator.end()
        #expect(end.code == 0, "\(end.errors)")
        #expect(try queued() == 0)
        #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed)
    }

    @Test("workers that are cancelled from outside are made up for") func cancelled() throws {
        try scratch.write(Sweeps.small(epochs: 60_000, repeats: 8), to: "sweep.toml")
        try configure(max: 2, min: 2)
        let coordinator = try run()
        try coordinator.errors(have: "joined with", times: 2)
        try slurm.shell("scancel --user=root")
        try coordinator.errors(have: "0 workers are left, submitting 2")
        try coordinator.errors(have: "joined with", times: 4)
        coordinator.signal(SIGINT)
        try coordinator.errors(have: "once more stops at once")
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
        #expect(try queued() == 0)
    }

    @Test("before its time limit a worker drains, and another takes its place") func timeLimit() throws {
        // Slurm looks at time limits about once in half a minute and sends the warning up to a minute early.
        try scratch.write(Sweeps.small(epochs: 60_000, repeats: 8), to: "sweep.toml")
        try configure(max: 1, min: 1, more: "time_limit = \"1\"\ndrain_seconds = 50\n")
        let coordinator = try run()
        try coordinator.errors(have: "joined with")
        try coordinator.errors(have: "left: drained")
        try coordinator.errors(have: "0 workers are left, submitting 1")
        try coordinator.errors(have: "joined with", times: 2)
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
        #expect(try queued() == 0)
    }
}
