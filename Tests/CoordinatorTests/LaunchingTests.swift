// LaunchingTests.swift · Tests/CoordinatorTests. Keys of a results directory, and what is said to ssh and Slurm: text, and real shells.

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
        #expect(throws: StoreError.self) { try ResultsDirectory.privateFolder(folder.path) }
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path)
        #expect(try ResultsDirectory.privateFolder(folder.path) == folder.path)
    }
}

@Suite("Remote host") struct RemoteHostTests {
    private let start = Instant(sinceStart: .zero)

    @Test("a host without the program gets it once and is started") func copies() {
        var host = RemoteHost(at: start)
        #expect(host.tick(at: start) == .start)
        #expect(host.tick(at: start) == .nothing)
        #expect(host.ended(SSHText.needsCopy, at: start) == .copy)
        #expect(host.ended(0, at: start) == .start)
        // Copied, and still not there.
        #expect(host.ended(SSHText.needsCopy, at: start) == .nothing)
        #expect(host.state == .waiting(until: start + .seconds(2)))
    }

    @Test("workers that drained are not started again") func drained() {
        var host = RemoteHost(at: start)
        _ = host.tick(at: start)
        #expect(host.ended(0, at: start + .seconds(100)) == .nothing)
        #expect(host.state == .ended)
        #expect(!host.isAlive)
        #expect(host.tick(at: start + .seconds(1000)) == .nothing)
    }

    @Test("failures are tried again after 2, 4, 8 and 16 s, and the fifth is the last") func patience() {
        var host = RemoteHost(at: start)
        var now = start
        for pause in [2, 4, 8, 16] {
            #expect(host.tick(at: now) == .start)
            #expect(host.ended(255, at: now) == .nothing)
            #expect(host.tick(at: now + .seconds(pause) - .milliseconds(1)) == .nothing)
            now = now + .seconds(pause)
        }
        #expect(host.tick(at: now) == .start)
        #expect(host.ended(nil, at: now) == .nothing)
        #expect(host.state == .givenUp)
    }

    /// Twenty starts that each last half a minute, with a pause that is long enough for any.
    private func outlive(_ host: inout RemoteHost, workersCome: Bool) {
        var now = start
        for _ in 0..<20 where host.isAlive {
            #expect(host.tick(at: now) == .start)
            if workersCome { host.joined() }
            now = now + RemoteHost.settled
            _ = host.ended(255, at: now)
            now = now + .seconds(16)
        }
    }

    @Test("one that went well for half a minute begins to count anew") func settled() {
        var host = RemoteHost(at: start)
        outlive(&host, workersCome: true)
        #expect(host.isAlive)
    }

    @Test("one whose workers never come in is given up, however long they try") func unreachable() {
        var host = RemoteHost(at: start)
        outlive(&host, workersCome: false)
        #expect(host.state == .givenUp)
    }
}

extension Instant {
    fileprivate static func - (a: Instant, b: Duration) -> Instant { Instant(sinceStart: a.sinceStart - b) }
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
        let start = SSHText.start(bundle, HostLaunch(workers: 3, slots: 2, orphanTimeout: .seconds(30)))
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
        let start = SSHText.start(bundle, HostLaunch(workers: 3, slots: nil, orphanTimeout: .seconds(30)))
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
