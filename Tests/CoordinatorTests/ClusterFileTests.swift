// ClusterFileTests.swift · Tests/CoordinatorTests. What a cluster file says, what it means where it says nothing, and its mistakes.

import TestSupport
import Testing
import Vocabulary

@testable import regsweep

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
            extra = ["--qos=low", "--array=1-9", "-J mine"]
            """
        do {
            _ = try ClusterSpec.parse(text, file: "c.toml")
            Issue.record("it was read")
        } catch {
            let words = error.errors.map(\.message)
            for fact in [
                "kind: found \"telnet\"", "name: found \"-oProxyCommand=x\"", "partition: is not known here", "min: found 9",
                "extra: found \"--array=1-9\", allowed is any option of sbatch but --array, -a,", "extra: found \"-J mine\"",
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

@Suite("Cluster file: defaults and mistakes") struct ClusterDefaultTests {
    @Test("cluster.example.toml says exactly the defaults") func defaults() throws {
        #expect(try ClusterSpec.load(path: Checkout.path(of: "cluster.example.toml")) == ClusterSpec())
    }

    @Test("an empty file means the defaults") func empty() throws {
        #expect(try ClusterSpec.parse("", file: "cluster.toml") == ClusterSpec())
    }

    @Test(
        "workers are as many as give each core a thread, unless the file says how many",
        arguments: [("", 8), ("slots = 3", 2), ("threads_per_trial = 2", 4), ("slots = 2\nthreads_per_trial = 8", 1), ("workers = 0", 0)])
    func workers(local: String, count: Int) throws {
        #expect(try ClusterSpec.parse("[local]\n\(local)\n", file: "cluster.toml").localWorkers(cores: 8) == count)
    }

    @Test("the folder of an ssh host is a path that any shell there reads alike") func folder() throws {
        func parse(_ folder: String) throws -> String? {
            let text = "[coordinator]\nlisten = \"tcp://0.0.0.0:*\"\n[[host]]\nkind = \"ssh\"\nname = \"ada\"\nfolder = '\(folder)'\n"
            return try ClusterSpec.parse(text, file: "cluster.toml").hosts[0].folder
        }
        for folder in ["/scratch/me", "~/a b"] { #expect(try parse(folder) == folder) }
        for folder in ["scratch", "~you/x", "/a$HOME", "/a\"b", "/a`b", "/a\\b", ""] {
            #expect(throws: SpecErrors.self) { try parse(folder) }
        }
        #expect(HostSpec(name: "ada").folder == nil)
    }

    @Test("all that is wrong is told in the order of the lines") func mistakes() {
        let text = """
            [timing]
            silence_seconds = 1
            crash_limit = 0
            lease = 2
            [coordinator]
            plain = true
            listen = "tcp://0.0.0.0:5577"
            [local]
            workers = -1
            slots = "all"
            [locale]
            """
        let expected = [
            (2, "silence_seconds: found 1.0, allowed is at least twice heartbeat_interval_seconds = 2.0"),
            (3, "crash_limit: found 0, allowed is an integer from 1 to 1000"),
            (
                4,
                "lease: is not known here, allowed are checkpoint_epochs, checkpoint_seconds, crash_limit, heartbeat_interval_seconds, lease_seconds, orphan_timeout_seconds, silence_seconds"
            ),
            (
                7,
                "listen: found \"tcp://0.0.0.0:5577\", allowed without keys is tcp://127.0.0.1:PORT: what is said there is not encrypted"
            ),
            (9, "workers: found -1, allowed is an integer from 0 to 1024"),
            (10, "slots: found \"all\", allowed is an integer from 1 to 1024"),
            (11, "locale: is not known here, allowed are coordinator, host, local, ssh, timing; did you mean local?"),
        ]
        let errors = expected.map { SpecError(file: "c.toml", line: $0.0, message: $0.1) }
        #expect(throws: SpecErrors(errors: errors)) { try ClusterSpec.parse(text, file: "c.toml") }
    }
}
