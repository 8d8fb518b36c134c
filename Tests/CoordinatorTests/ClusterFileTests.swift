// ClusterFileTests.swift · Tests/CoordinatorTests. The hosts of a cluster file.

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
