// FolderTests.swift · Tests/ClusterTests. Where the socket of local workers lies among the folders of other users, and what the next start
// removes of what killed programs left: the real program.

import Foundation
import Glibc
import TestSupport
import Testing
import Wire

@Suite("Folders of other users", .serialized) struct FolderTests {
    let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
        try scratch.write(Sweeps.small(), to: "sweep.toml")
    }

    private func environment(_ variables: [String: String]) -> [String: String] {
        ProcessInfo.processInfo.environment.filter { !["XDG_RUNTIME_DIR", "TMPDIR"].contains($0.key) }.merging(variables) { $1 }
    }

    private func folder(_ name: String, mode: Int = 0o700) throws -> String {
        try FileManager.default.createDirectory(atPath: scratch.path(of: name), withIntermediateDirectories: true)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: scratch.path(of: name))
        return scratch.path(of: name)
    }

    private func start(_ out: String, _ variables: [String: String]) throws -> (program: Program, socket: String) {
        let program = try Program(
            "regsweep", ["run", "sweep.toml", "--workers", "0", "--out", out], in: scratch, environment: environment(variables))
        return (program, String(try program.word(after: "--connect ipc://")))
    }

    @Test("the socket lies where the environment says, whatever others have laid there, and commands without that environment find it")
    func places() throws {
        // Short, since the path of a socket is.
        let place = try folder("t", mode: 0o1777), elsewhere = try folder("elsewhere")
        try FileManager.default.createSymbolicLink(atPath: "\(place)/regsweep-\(geteuid())-aaaaaa", withDestinationPath: elsewhere)
        if geteuid() == 0 { chown(try folder("t/regsweep-0-bbbbbb"), 65534, 65534) }
        let (coordinator, socket) = try start("results/small", ["TMPDIR": place])
        #expect(socket.hasPrefix("\(place)/regsweep-\(geteuid())-"))
        #expect(PrivateFolder.isOwn(String(socket.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" })))
        let list = try Program("regsweep", ["workers", "list", "--out", "results/small"], in: scratch, environment: environment([:])).end()
        #expect(list.code == 0, "\(list.errors)")
        let worker = try scratch.worker("ipc://" + socket)
        #expect(try coordinator.end().code == 0)
        #expect(try worker.end().code == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere).isEmpty)
        // Nothing is left in the results of where the socket was.
        #expect(!scratch.has("results/small/socket.path") && !FileManager.default.fileExists(atPath: socket))
    }

    @Test("a start after a kill listens at the same path, also in another environment, and removes what was left over") func leftOver()
        throws
    {
        let place = try folder("t"), other = try folder("u")
        let (killed, socket) = try start("one", ["XDG_RUNTIME_DIR": place]), (stale, old) = try start("two", ["XDG_RUNTIME_DIR": place])
        for program in [killed, stale] {
            program.signal(SIGKILL)
            _ = try program.end()
        }
        let leftOver = ["one/results.csv.1.part", "one/keys/workers.keys.2.part", "one/.dat.nosync7.ab"]
        for name in leftOver { try scratch.write("", to: name) }
        let (coordinator, again) = try start("one", ["XDG_RUNTIME_DIR": other, "TMPDIR": place])
        #expect(again == socket)
        #expect(!FileManager.default.fileExists(atPath: old))
        for name in leftOver { #expect(!scratch.has(name), "\(name)") }
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
        // Its folder is gone: then it lies elsewhere.
        try FileManager.default.removeItem(atPath: place)
        let (moved, newer) = try start("one", ["XDG_RUNTIME_DIR": other])
        #expect(newer.hasPrefix(other))
        moved.signal(SIGINT)
        #expect(try moved.end().code == 3)
    }

    @Test("check writes nowhere but in a folder of its own, removes it, and what a killed check has left too") func check() throws {
        let place = try folder("t", mode: 0o1777), elsewhere = try folder("elsewhere"), name = "regsweep-check-\(geteuid())"
        try FileManager.default.createSymbolicLink(atPath: "\(place)/\(name)-aaaaaa", withDestinationPath: elsewhere)
        try FileManager.default.createSymbolicLink(atPath: "\(place)/regsweep-check-\(getpid())", withDestinationPath: elsewhere)
        _ = try folder("t/\(name)-bbbbbb")
        try scratch.write("", to: "t/\(name)-bbbbbb/probe-ada")
        _ = try folder("t/\(name)-cccccc")
        let used = WritingLock("\(place)/\(name)-cccccc")
        try scratch.write(
            "[coordinator]\nlisten = \"tcp://0.0.0.0:*\"\n[[host]]\nkind = \"ssh\"\nname = \"nowhere.invalid\"\n", to: "cluster.toml")
        let end = try Program(
            "regsweep", ["check", "--cluster", "cluster.toml"], in: scratch, environment: environment(["TMPDIR": place])
        ).end()
        #expect(end.code == 4 && end.output.contains("nowhere.invalid"), "\(end.errors)")
        _ = consume used
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: place).sorted()
                == [
                    "\(name)-aaaaaa", "\(name)-cccccc", "regsweep-check-\(getpid())",
                ].sorted())
        #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere).isEmpty)
    }
}
