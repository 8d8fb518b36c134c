// LaunchTextTests.swift · Tests/CoordinatorTests. What workers, ssh and Slurm are called with: text, and real shells that read it.

import Foundation
import Glibc
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

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

@Suite("ssh: what is said") struct SSHTextTests {
    private func shell(_ script: String, home: String, input: String = "") throws -> (code: Int32, output: String) {
        // By our own launcher: a shell that inherits blocked signals from a test's thread waits for its children for ever.
        let path = "\(home)/\(UUID())"
        try input.write(toFile: "\(path).in", atomically: true, encoding: .utf8)
        let status = try Subprocess.run(
            "/bin/sh", ["-c", "HOME=\(home); export HOME; \(script)"], input: .file("\(path).in"), outputTo: "\(path).out")
        guard case .exited(let code) = status else { throw SubprocessError.failed(program: "sh", reason: "\(status)") }
        return (code, ChildProcess.text("\(path).out"))
    }

    private func host(slots: Int? = nil, folder: String? = nil) -> HostSpec {
        var spec = HostSpec(name: "ada")
        (spec.workers, spec.slots, spec.folder) = (3, slots, folder)
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
        let folder = try TemporaryFolder()
        // A program that says what it was given, and ends as its number says.
        let program = "#!/bin/sh\nread i; echo \"$* $i\" >> \"$HOME/said\"; exit 0\n"
        let bundle = WorkerBundle(path: "", digest: Digest(of: program))
        let start = SSHText.start(bundle, host(slots: 2), orphanTimeout: .seconds(30))
        #expect(!start.contains("'") && !SSHText.copy(bundle, host()).contains("'") && !SSHText.probe(bundle, host()).contains("'"))
        #expect(try shell(start, home: folder.path, input: "secret\n").code == SSHText.needsCopy)
        #expect(try shell(SSHText.copy(bundle, host()), home: folder.path, input: program).code == 0)
        #expect(try shell(start, home: folder.path, input: "secret\n").code == 0)
        let said = try String(contentsOfFile: folder.path + "/said", encoding: .utf8)
        #expect(said == String(repeating: "--join - --slots 2 --threads-per-trial 1 --orphan-timeout 30.0 secret\n", count: 3))

        let path = folder.path + "/.cache/regsweep/worker-\("\(bundle.digest)".prefix(16))"
        try "another".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try shell(start, home: folder.path, input: "secret\n").code == SSHText.needsCopy)
        // What another copy may still be writing stays, and what was cut off long ago does not.
        for (name, age) in [("new", 60.0), ("old", 4_000)] {
            try folder.write("", to: ".cache/regsweep/worker-1.\(name)")
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: "\(folder.path)/.cache/regsweep/worker-1.\(name)")
        }
        // What was cut off on its way does not get the name.
        #expect(try shell(SSHText.copy(bundle, host()), home: folder.path, input: String(program.dropLast(3))).code == 74)
        #expect(folder.has(".cache/regsweep/worker-1.new") && !folder.has(".cache/regsweep/worker-1.old"))
    }

    @Test("without a number of slots every core that the program counts has a thread, whatever OMP_NUM_THREADS says") func cores() throws {
        let folder = try TemporaryFolder()
        // Counts 8 cores; 3 workers.
        let program = "#!/bin/sh\n[ \"$1\" = --cores ] && exec echo 8\nread i; echo \"$4\" >> \"$HOME/said\"\n"
        let bundle = WorkerBundle(path: "", digest: Digest(of: program))
        _ = try shell(SSHText.copy(bundle, host()), home: folder.path, input: program)
        let start = "export OMP_NUM_THREADS=64; " + SSHText.start(bundle, host(), orphanTimeout: .seconds(30))
        #expect(try shell(start, home: folder.path, input: "secret\n").code == 0)
        #expect(try folder.read("said") == "3\n3\n3\n")
        #expect(SSHText.cores(from: try shell(SSHText.selfTest(bundle, host()), home: folder.path, input: "\n").output) == 8)
        #expect(SSHText.cores(from: "sh: not found\nregsweep-cores \n") == nil)
    }

    @Test("a folder of the cluster file has the program and the data, and one of another user is refused", arguments: ["/f", "~/f"])
    func folder(path: String) throws {
        let home = try TemporaryFolder()
        let program = "#!/bin/sh\nread i; echo \"$*\" >> \"$HOME/said\"\n"
        let bundle = WorkerBundle(path: "", digest: Digest(of: program))
        let spec = host(slots: 1, folder: path == "/f" ? home.path(of: "f") : path)
        let start = SSHText.start(bundle, spec, orphanTimeout: .seconds(30))
        for script in [start, SSHText.copy(bundle, spec), SSHText.probe(bundle, spec), SSHText.selfTest(bundle, spec)] {
            #expect(!script.contains("'"))
        }
        #expect(try shell(start, home: home.path, input: "secret\n").code == SSHText.needsCopy)
        #expect(try shell(SSHText.copy(bundle, spec), home: home.path, input: program).code == 0)
        #expect(try shell(start, home: home.path, input: "secret\n").code == 0)
        let line = "--join - --slots 1 --threads-per-trial 1 --orphan-timeout 30.0 --cache \(home.path(of: "f"))\n"
        #expect(try home.read("said") == String(repeating: line, count: 3))
        #expect(!home.has(".cache"))
        guard geteuid() == 0 else { return }
        chown(home.path(of: "f"), 65534, 65534)
        for script in [start, SSHText.copy(bundle, spec)] {
            let refused = try shell(script, home: home.path, input: program)
            #expect(refused.code == 77 && refused.output.hasSuffix("/f belongs to another user\n"))
        }
    }

    @Test("the last line of what ssh says is one line, however it ends") func lastLine() {
        #expect(Subprocess.lastLine("first\r\nssh: Could not resolve hostname ada\r\n") == "ssh: Could not resolve hostname ada")
        #expect(Subprocess.lastLine("first\nlast\n\n") == "last")
        #expect(Subprocess.lastLine("\r\n") == nil && Subprocess.lastLine("") == nil)
        #expect(
            Subprocess.lastLine("a\u{1B}[31m\u{7}\n") == "a?[31m?" && Subprocess.lastLine(String(repeating: "x", count: 999))?.count == 300)
    }

    @Test("the code of a worker that failed is the host's") func failure() throws {
        let folder = try TemporaryFolder()
        let program = "#!/bin/sh\n[ \"$1\" = --cores ] && exec echo 1\nread i; mkdir \"$HOME/one\" 2>/dev/null || exit 0; exit 4\n"
        let bundle = WorkerBundle(path: "", digest: Digest(of: program))
        _ = try shell(SSHText.copy(bundle, host()), home: folder.path, input: program)
        let start = SSHText.start(bundle, host(slots: nil), orphanTimeout: .seconds(30))
        #expect(try shell(start, home: folder.path, input: "secret\n").code == 4)
    }

    @Test("a host says what it is, and anything else is no answer") func probe() throws {
        let folder = try TemporaryFolder()
        let program = "#!/bin/sh\n"
        let bundle = WorkerBundle(path: "", digest: Digest(of: program))
        let before = try #require(SSHText.probe(from: try shell(SSHText.probe(bundle, host()), home: folder.path).output))
        #expect((before.freeKiB ?? 0) > 0 && before.isV3 && !before.isCopied)
        _ = try shell(SSHText.copy(bundle, host()), home: folder.path, input: program)
        #expect(SSHText.probe(from: "motd\n" + (try shell(SSHText.probe(bundle, host()), home: folder.path).output))?.isCopied == true)
        // A folder that cannot be made has no room; everything else is known.
        let none = host(folder: "/dev/null/f")
        let output = try shell(SSHText.probe(bundle, none), home: folder.path).output
        #expect(SSHText.probe(from: output) == SSHText.Probe(isV3: true, freeKiB: nil, isCopied: false))
        #expect(SSHText.probe(from: "This account is currently not available.\n") == nil)
        // Greetings in other encodings, with other ends of lines, or without any.
        for greeting in [Array("Gr\r\n".utf8), [0x47, 0xfc, 0x0d, 0x0a], [0xfc, 0xdf]] {
            let script = "printf \"\(greeting.map { "\\" + String($0, radix: 8) }.joined())\"; \(SSHText.probe(bundle, host()))"
            #expect(SSHText.probe(from: try shell(script, home: folder.path).output)?.isCopied == true, "\(greeting)")
        }
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

    private func options(_ spec: HostSpec, isArray: Bool = true, log: String = "/r") -> [String] {
        SlurmText.options(spec, name: "regsweep-small-1", tasks: 3, isArray: isArray, log: log)
    }

    @Test("a job array of workers that phone home, with the secret in a file and all settings as options") func script() {
        #expect(
            SlurmText.script(
                spec, program: "/opt/my worker", invitation: "/r/keys/batch.invitation", orphanTimeout: .seconds(30)) == """
                    #!/bin/sh
                    exec '/opt/my worker' --join /r/keys/batch.invitation --slots 4 --threads-per-trial 2 --orphan-timeout 30.0

                    """)
        let settings = [
            "--signal=B:TERM@60", "--ntasks=1", "--cpus-per-task=8", "--time=1:00:00", "--partition=long", "--qos=low", "--no-requeue",
            "--job-name=regsweep-small-1",
        ]
        #expect(options(spec) == ["--output=/r/slurm-%A_%a.log"] + settings + ["--array=1-3"])
        #expect(options(spec, isArray: false) == ["--output=/r/slurm-%j.log"] + settings)
    }

    @Test("a log in a folder with any name has a name that sbatch takes for no pattern") func oddFolder() {
        #expect(options(spec, log: "/my #1 \"50%\" \\r")[0] == "--output=/my #1 \"50%%\" \\r/slurm-%A_%a.log")
    }

    @Test("further options are split as sbatch splits them, and what has to hold comes last") func extra() {
        var spec = spec
        spec.slurm.extra = ["-p 'a b' --comment=\"x y\\\"\" # not this", "--array=1-9", ""]
        let words = options(spec)
        #expect(words.contains(["-p", "a b", "--comment=x y\"", "--array=1-9", "--no-requeue"]))
        #expect(words.last == "--array=1-3")
        #expect(SlurmText.words("--comment='x") == nil && SlurmText.words(" a\\ b ") == ["a b"] && SlurmText.words("''") == [""])
        #expect(SlurmText.clusters(in: ["-p", "x"]) == [] && SlurmText.clusters(in: ["--clusters=a,b"]) == ["a", "b"])
        #expect(SlurmText.clusters(in: ["-M", "a"]) == ["a"] && SlurmText.clusters(in: ["-Ma", "--cluster", "b"]) == ["b"])
    }

    @Test("the number of a job is read between the lines of a site, and is none where two could be it") func submitted() {
        func job(_ output: String) -> SlurmJob? { SlurmText.job(fromSbatch: output) }
        let one = SlurmJob(id: 17)
        #expect(job("17\n") == one && job("17") == one && job("17\r\n") == one)
        #expect(job("17;cluster\n") == SlurmJob(id: 17, cluster: "cluster"))
        #expect(job("Welcome\n17\nYou have 4711 hours left.\n\n") == one)
        #expect(job(String(decoding: Array("Gr".utf8) + [0xfc, 0xdf, 0x0a] + Array("17\n".utf8), as: UTF8.self)) == one)
        #expect(job("17\n17\n") == one && job("17\n18\n") == nil && job("17\n17;c\n") == nil)
        #expect(job("Submitted batch job 17\n") == one)
        #expect(job("Submitted batch job 17 on cluster c\n") == SlurmJob(id: 17, cluster: "c"))
        for text in ["sbatch: error: invalid partition\n", "", "0\n", "-1\n", "+17\n", "17;\n", "17;a;b\n", "job 17\n", "١٧\n"] {
            #expect(job(text) == nil, "\(text)")
        }
    }

    @Test("the queue is read below its header, also of several clusters, and without one there was no answer") func queue() {
        let header = "ARRAY_JOB_ID|JOBID|STATE|REASON|NAME\n"
        func tasks(_ output: String) -> [SlurmTask]? { SlurmText.tasks(fromSqueue: output, cluster: nil) }
        let running = SlurmTask(job: SlurmJob(id: 17), id: "17_2", state: "RUNNING", reason: "None", name: "a|b")
        #expect(tasks(header) == [])
        #expect(tasks("note\n" + header + "17|17_2|RUNNING|None|a|b\nbye | bye\n") == [running])
        #expect(tasks(header.replacing("\n", with: "\r\n") + "17|17_2|RUNNING|None|a|b\r\n") == [running])
        #expect(tasks("") == nil && tasks("17|17_2|RUNNING|None|a\n") == nil && tasks("slurm_load_jobs error\n") == nil)
        #expect(
            tasks("CLUSTER: x\n" + header + "17|17|PENDING|JobHeldUser|a\n\nCLUSTER: y\n" + header)
                == [SlurmTask(job: SlurmJob(id: 17, cluster: "x"), id: "17", state: "PENDING", reason: "JobHeldUser", name: "a")])
        func task(_ state: String, _ reason: String = "None") -> SlurmTask {
            SlurmTask(job: SlurmJob(id: 1), id: "1", state: state, reason: reason, name: "")
        }
        #expect(task("RUNNING").isAlive && task("PENDING").isAlive && task("NOVEL").isAlive)
        #expect(!task("COMPLETING").isAlive && !task("COMPLETING").hasEnded)
        #expect(!task("FAILED").isAlive && task("FAILED").hasEnded)
        #expect(task("PENDING", "JobHeldAdmin").isHeld && task("PENDING", "launch failed requeued held").isHeld)
        #expect(!task("PENDING", "Priority").isHeld)
    }

    @Test("what squeue and scancel are asked does not hang on anybody's settings") func arguments() {
        #expect(
            SlurmText.countArguments(user: 7, cluster: nil) == [
                "--federation", "--array", "--all", "--states=all", "--user=7", "--format=%F|%i|%T|%r|%j",
            ])
        #expect(SlurmText.countArguments(user: 7, cluster: "x").first == "--clusters=x")
        #expect(SlurmText.cancelArguments(["17", "18_2"], cluster: nil) == ["--quiet", "17", "18_2"])
        #expect(SlurmText.cancelArguments(["17"], cluster: "x") == ["--clusters=x", "--quiet", "17"])
        func isTaken(_ name: String) -> Bool { SlurmText.variables.contains { name.hasPrefix($0) } }
        for name in [
            "SBATCH_PARTITION", "SBATCH_ARRAY_INX", "SQUEUE_STATES", "SCANCEL_USER", "SLURM_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_HINT",
        ] { #expect(isTaken(name)) }
        for name in ["SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT", "PATH", "HOME"] { #expect(!isTaken(name)) }
    }

    @Test("jobs have a name that no other group's have, and the same one after a restart") func jobName() {
        func name(_ directory: String = "/r", group: String = "batch") -> String {
            SlurmText.jobName(sweep: "small", directory: directory, group: group)
        }
        #expect(name().hasPrefix("regsweep-small-") && name() == name())
        #expect(Set([name(), name("/s"), name(group: "b")]).count == 3)
    }

    @Test("the size of arrays is read from among other settings") func limits() {
        #expect(SlurmText.maximumArraySize(from: "MaxArrayTasks = 7\nMaxArraySize            = 1001\n") == 1001)
        #expect(SlurmText.maximumArraySize(from: "") == nil)
        #expect(SlurmText.clusterName(from: "ClusterName             = linux\n") == "linux")
    }

    @Test("arrays stay below the largest index, and all together have every task") func arrays() {
        #expect(SlurmText.arrays(5, maximumArraySize: 1001) == [5])
        #expect(SlurmText.arrays(7, maximumArraySize: 4) == [3, 3, 1])
        #expect(SlurmText.arrays(3, maximumArraySize: 4) == [3])
        #expect(SlurmText.arrays(3, maximumArraySize: 0) == [1, 1, 1])
    }

    @Test("there are between min and max workers: below min it is filled to max") func missing() {
        #expect(SlurmText.missing(alive: 2, minimum: 2, maximum: 5) == 0)
        #expect(SlurmText.missing(alive: 1, minimum: 2, maximum: 5) == 4)
        #expect(SlurmText.missing(alive: 0, minimum: 0, maximum: 5) == 0)
    }
}

@Suite("Child processes") struct ChildProcessTests {
    @Test("a child's two streams are apart, bytes that are no text are none, and variables are taken out of its environment")
    func streams() throws {
        let folder = try TemporaryFolder()
        setenv("SBATCH_TEST_A", "\u{FF}", 1)
        setenv("REGSWEEP_TEST_B", "b", 1)
        defer {
            unsetenv("SBATCH_TEST_A")
            unsetenv("REGSWEEP_TEST_B")
        }
        try "before\n".write(toFile: "\(folder.path)/out", atomically: true, encoding: .utf8)
        let script =
            "echo \"${SBATCH_TEST_A-none} ${REGSWEEP_TEST_B-none}\"; printf 'Gr\\374\\337e\\n17\\n'; printf 'w\\344hrend' >&2; exit 3"
        let child = try ChildProcess(
            "/bin/sh", ["-c", script], outputTo: "\(folder.path)/out", errorsTo: "\(folder.path)/err", withoutVariables: ["SBATCH_"])
        let end = child.wait()
        #expect(end.status == .exited(3))
        #expect(end.output.split(separator: "\n") == ["none b", "Gr\u{FFFD}\u{FFFD}e", "17"])
        #expect(end.errors == "w\u{FFFD}hrend")
    }
}
