// StreamTests.swift · Tests/ClusterTests. What users put where a terminal and a file would be: pipes, full disks, closed descriptors, names of
// other alphabets. A shell makes them, as it does for users.

import Foundation
import Glibc
import TestSupport
import Testing

@Suite("Streams", .serialized) struct StreamTests {
    let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
        try scratch.write(Sweeps.small(epochs: 20), to: "sweep.toml")
    }

    /// Runs a line of bash, in which R and W are the two programs.
    private func shell(_ line: String, _ variables: [String: String] = [:]) throws -> Program.End { try start(line, variables).end() }

    private func start(_ line: String, _ variables: [String: String] = [:]) throws -> Program {
        let programs = ["R": Program.path(of: "regsweep"), "W": Program.path(of: "regsweep-worker")]
        let environment = ProcessInfo.processInfo.environment.merging(programs) { $1 }.merging(variables) { $1 }
        return try Program(at: "/bin/bash", ["-c", line], in: scratch, environment: environment)
    }

    @Test("a standard output that is full or closed is a reason and an exit code, of every command") func output() throws {
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet") == Program.End(code: 0, output: "", errors: ""))
        let key = try scratch.read("results/small/results.csv").split(separator: "\n")[1].prefix(8)
        let commands = [
            "run sweep.toml", "check sweep.toml", "report sweep.toml", "report sweep.toml --seed 1 --seed 1", "status results/small",
            "explain \(key)", "keys results/small", "repair results/small", "--help", "run --help", "--version",
        ]
        for command in commands {
            for (stream, reason) in [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")] {
                let end = try shell("$R \(command) \(stream)")
                #expect(end.code == 4, "\(command): \(end)")
                #expect(end.errors.hasSuffix("standard output cannot be written: \(reason)\n"), "\(command): \(end)")
            }
        }
        for command in ["--self-test", "--help"] {
            #expect(try shell("$W \(command) > /dev/full").errors == "standard output cannot be written: No space left on device\n")
        }
        // A reader that has what it wanted ends a program without a word, and without success.
        let end = try shell("$R status results/small | true; echo ${PIPESTATUS[0]}")
        #expect(["0\n", "4\n"].contains(end.output) && end.errors == "", "\(end)")
        #expect(try shell("{ sleep 0.2; exec $R status results/small; } | true; exit ${PIPESTATUS[0]}").code == 4)
    }

    @Test("status --watch ends with its reader, and writes escape codes to a terminal alone") func watch() throws {
        let (coordinator, _) = try scratch.coordinator()
        try wait(for: "a snapshot") { scratch.has("results/small/status.json") }
        let end = try shell("$R status results/small --watch | head -1")
        #expect(end.output.hasPrefix("running: 0 of 136 trials stored") && end.errors == "", "\(end)")
        // On a terminal, where standard output or standard error is another file: `seen` is what the terminal shows.
        var programs: [Program] = []
        for stream in ["1", "2"] {
            let line = "script -qec \"$R status results/small --watch \(stream)> file\(stream)\" seen\(stream) < /dev/null > /dev/null"
            programs.append(try start(line))
        }
        try wait(for: "both have printed") {
            try ["file1", "seen2"].allSatisfy { try scratch.has($0) && scratch.read($0).contains("running: 0 of") }
        }
        // With the sweep they end.
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
        for program in programs { _ = try program.end() }
        for (name, hasCodes) in [("file1", false), ("seen1", false), ("file2", false), ("seen2", true)] {
            #expect(try scratch.read(name).contains("\u{1b}[2J") == hasCodes, "\(name)")
        }
    }

    @Test("a sweep and a cluster file may be pipes") func pipes() throws {
        let plan = try scratch.regsweep("check", "sweep.toml")
        #expect(try shell("$R check <(cat sweep.toml)") == plan)
        #expect(try shell("cat sweep.toml | $R check /dev/stdin") == plan)
        #expect(try shell("$R run <(cat sweep.toml) --cluster <(echo '[local]') --quiet") == Program.End(code: 0, output: "", errors: ""))
        #expect(try shell("$R report <(cat sweep.toml) --seed 1").output.contains("in results/small: results.csv"))
        #expect(try shell("$R status <(cat sweep.toml)").output == "not running: 136 trials stored, 5 diverged, 0 failed\n")
    }

    @Test("a folder whose name is not UTF-8 is worked in, and refused by the reason as an argument") func names() throws {
        let end = try shell("d=$(printf 'caf\\xe9'); mkdir $d; cp sweep.toml $d; cd $d; $R check sweep.toml && $R run sweep.toml --quiet")
        #expect(end.code == 0 && end.errors == "", "\(end)")
        // A page of the store is noise; repair reads it, and what it writes goes beside it.
        let damage = "dd if=/dev/urandom of=results/small/store.sqlite bs=4096 seek=3 count=1 conv=notrunc 2> /dev/null"
        let repaired = try shell(
            "cd $(printf 'caf\\xe9'); $R report sweep.toml > /dev/null && $R status results/small && \(damage); $R repair results/small")
        #expect(
            repaired.code == 0 && repaired.output.contains("the damaged store is now results/small/store.sqlite.damaged-1"), "\(repaired)")
        let refused = try shell("$R run sweep.toml --out $(printf 'caf\\xe9')/out")
        #expect(refused.code == 2 && refused.errors.contains("argument 4, caf\u{fffd}/out, is not UTF-8 text"), "\(refused)")
        #expect(try shell("ls -d caf* | wc -l").output == "1\n")
        #expect(try shell("$W --connect ipc:///tmp/$(printf 'caf\\xe9')").code == 2)
    }

    @Test("a tilde that the shell left is the home directory") func tilde() throws {
        let end = try shell("$R run sweep.toml --quiet --out=~/there && $R status '~/there'", ["HOME": scratch.path])
        #expect(end == Program.End(code: 0, output: "not running: 136 trials stored, 5 diverged, 0 failed\n", errors: ""))
        #expect(scratch.has("there/results.csv") && !scratch.has("~"))
    }

    @Test("figures are drawn without a word where there is no locale, as under cron") func locale() throws {
        let end = try shell("exec env -i PATH=\"$PATH\" HOME=/nonexistent $R run sweep.toml > /dev/null")
        #expect(end.code == 0 && !end.errors.contains("iconv"), "\(end)")
        let plain = try scratch.read("results/small/small.svg")
        #expect(try shell("LC_ALL=en_US.UTF-8 $R report sweep.toml").code == 0)
        #expect(try scratch.read("results/small/small.svg") == plain)
    }

    @Test("report prints its tables also where it can write no file, and says why it cannot") func unwritable() throws {
        let printed = try scratch.regsweep("run", "sweep.toml").output
        let table = try #require(printed.components(separatedBy: "in results/small: ").first)
        let names = try scratch.names()
        for name in ["results.csv", "summary.csv"] {
            try FileManager.default.removeItem(atPath: scratch.path(of: "results/small/\(name)"))
            #expect(mkfifo(scratch.path(of: "results/small/\(name)"), 0o600) == 0)
            let end = try scratch.regsweep("report", "sweep.toml")
            #expect(end.code == 4)
            #expect(end.output.hasPrefix(table), "\(end)")
            #expect(end.errors == "cannot write results/small/\(name): is no regular file: remove it, or write elsewhere\n")
            try FileManager.default.removeItem(atPath: scratch.path(of: "results/small/\(name)"))
        }
        #expect(try scratch.names() == names)
        #expect(try scratch.regsweep("report", "sweep.toml").output == printed)
    }

    @Test("an invitation is not written over a FIFO, a link or a device") func invitation() throws {
        let (coordinator, _) = try scratch.coordinator()
        for (name, kind) in [("fifo", "a FIFO"), ("link", "a symbolic link"), ("/dev/stdout", "a symbolic link")] {
            if name == "fifo" { #expect(mkfifo(scratch.path(of: name), 0o600) == 0) }
            if name == "link" { #expect(symlink("sweep.toml", scratch.path(of: name)) == 0) }
            let end = try scratch.regsweep("workers", "invite", "ada", "--file", name, "--out", "results/small")
            #expect(end == Program.End(code: 4, output: "", errors: "\(name): is \(kind): a secret is only written to a regular file\n"))
        }
        #expect(try scratch.regsweep("keys", "results/small").output.split(separator: "\n").count == 1)
        #expect(try scratch.read("sweep.toml").contains("name"))
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
    }
}
