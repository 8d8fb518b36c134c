// LimitTests.swift · Tests/ClusterTests. Limits of the system and file systems with rules of their own: each is a reason and an exit code, and
// none stops what can do without.

import Foundation
import Glibc
import TestSupport
import Testing

@Suite("Limits", .serialized) struct LimitTests {
    let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
        try scratch.write(Sweeps.small(), to: "sweep.toml")
    }

    private func shell(_ line: String) throws -> Program.End {
        let programs = ["R": Program.path(of: "regsweep"), "W": Program.path(of: "regsweep-worker")]
        let environment = ProcessInfo.processInfo.environment.merging(programs) { $1 }
        return try Program(at: "/bin/bash", ["-c", line], in: scratch, environment: environment).end()
    }

    @Test(
        "a limit on the size of files ends run with the file, the reason and exit code 4, and costs no stored result",
        arguments: [4, 40, 100])
    func fileSize(kibibytes: Int) throws {
        let end = try shell("ulimit -f \(kibibytes); exec $R run sweep.toml --quiet")
        #expect(end.code == 4, "\(end)")
        #expect(end.errors.contains("File too large"), "\(end)")
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet").code == 0)
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet", "--out", "undisturbed").code == 0)
        #expect(try Tables(scratch, "results/small") == Tables(scratch, "undisturbed"))
    }

    @Test("a limit on threads ends both programs with the reason and exit code 4", arguments: 1...4) func threads(most: Int) throws {
        // Root has no such limit, and nobody else is this user.
        let limited = "setpriv --reuid 54321 --regid 54321 --clear-groups prlimit --nproc=\(most) env HOME=/nonexistent"
        #expect(chmod(scratch.path, 0o777) == 0)
        for command in ["$R run sweep.toml --quiet --workers 0", "$W --connect tcp://127.0.0.1:9"] {
            let end = try shell("exec \(limited) \(command)")
            #expect(end.code == 4, "\(command): \(end)")
            #expect(
                end.errors.contains("no thread can be started (Resource temporarily unavailable): the limit of processes and threads"),
                "\(end)")
        }
    }

    @Test("a file system that gives every file the same mode stops no local run, and keeps no secrets") func modes() throws {
        try FileManager.default.createDirectory(atPath: scratch.path(of: "below"), withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: scratch.path(of: "card"), withIntermediateDirectories: true)
        // Its daemon must hold nothing open that the end of the shell is told by.
        let closing = "for f in /proc/$$/fd/*; do n=${f##*/}; [ $n -gt 2 ] && eval \"exec $n>&-\"; done; "
        #expect(try shell(closing + "bindfs --perms=0777 --chmod-ignore below card > /dev/null 2>&1").code == 0)
        defer { _ = try? shell("umount card || umount -l card") }
        for _ in 1...2 {
            let end = try scratch.regsweep("run", "sweep.toml", "--out", "card/small", "--quiet")
            #expect(end.code == 0)
            #expect(end.errors.split(separator: "\n").count == 1 && end.errors.contains("keeps no secret from other users"), "\(end)")
        }
        #expect(scratch.has("card/small/results.csv") && !scratch.has("card/small/keys"))
        let keys = try scratch.regsweep("keys", "card/small")
        #expect(keys.code == 4 && keys.errors.contains("no keys are stored there"), "\(keys)")
        let (coordinator, _) = try scratch.coordinator("--out", "results/other")
        let invited = try scratch.regsweep("workers", "invite", "--file", "card/ticket", "--out", "results/other")
        #expect(invited.code == 4 && invited.errors.contains("card/ticket: its file system gives files no mode 0600"), "\(invited)")
        #expect(!scratch.has("card/ticket"))
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
    }

    @Test("what the system does not let be made, read or found is said with its own reason") func reasons() throws {
        try scratch.write("", to: "file")
        #expect(symlink("circle", scratch.path(of: "circle.toml")) == 0)
        #expect(symlink("circle.toml", scratch.path(of: "circle")) == 0)
        let cases = [
            ("run sweep.toml --out file/x/y", "file/x/y: cannot be made (file/x/y: Not a directory)"),
            ("run sweep.toml --out /proc/x", "/proc/x: cannot be made (/proc/x: No such file or directory)"),
            ("status file/x", "file/x: Not a directory"), ("check file/x.toml", "file/x.toml: Not a directory"),
            ("check circle.toml", "circle.toml: Too many levels of symbolic links"),
            ("run sweep.toml --out \(String(repeating: "x", count: 300))", "File name too long"),
        ]
        for (command, reason) in cases {
            let end = try shell("$R \(command)")
            #expect([2, 4].contains(end.code) && end.errors.contains(reason), "\(command): \(end)")
            #expect(end.errors.split(separator: "\n").count == 1, "\(end)")
        }
    }
}
