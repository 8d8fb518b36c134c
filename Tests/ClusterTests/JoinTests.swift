// JoinTests.swift · Tests/ClusterTests. Workers that are invited, listed, drained and removed while a sweep runs.

import Foundation
import TestSupport
import Testing
import Vocabulary
import Wire

@Suite("Joining", .serialized) struct JoinTests {
    let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
        try scratch.write(Sweeps.long, to: "sweep.toml")
        try scratch.write(Sweeps.nervous, to: "cluster.toml")
    }

    private func ask(_ words: String...) throws -> Program.End {
        try Program("regsweep", ["workers"] + words + ["--out", "results/small"], in: scratch).end()
    }

    private func join(_ file: String, _ arguments: String...) throws -> Program {
        try Program("regsweep-worker", ["--join", file, "--log-level", "debug"] + arguments, in: scratch)
    }

    @Test("an invited worker joins over tcp with its key, has work, and is listed by name; the tables are those of any run") func invited()
        throws
    {
        let (coordinator, _) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        let line = try ask("invite", "ada")
        #expect(line.code == 0, "\(line.errors)")
        // On any other host it would lead nowhere.
        #expect(line.errors.contains("listens for its own host only"))
        let words = line.output.split(separator: " ")
        // The path of the program, since it is not on PATH.
        #expect(words.dropFirst(2) == ["--join", "env\n"])
        #expect(words[1].hasSuffix("/regsweep-worker") && FileManager.default.isExecutableFile(atPath: String(words[1])))
        let variable = words[0].split(separator: "=", maxSplits: 1)
        let worker = try Program(
            "regsweep-worker", ["--join", "env", "--log-level", "debug"], in: scratch,
            environment: [String(variable[0]): String(variable[1])])
        try worker.errors(have: "computing lease")
        let list = try ask("list")
        #expect(list.code == 0)
        #expect(list.output.split(separator: "\n").count == 3, "\(list.output)")
        #expect(list.output.contains(" ada "))
        #expect(try coordinator.end().code == 0)
        #expect(try worker.end().code == 0)
        #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed)
    }

    @Test("an invitation in a file has mode 0600, and one that others may read is refused") func file() throws {
        let (coordinator, _) = try scratch.coordinator("--cluster", "cluster.toml")
        #expect(try ask("invite", "--file", "\(scratch.path)/ticket").output.contains("--join"))
        let mode = try FileManager.default.attributesOfItem(atPath: scratch.path + "/ticket")[.posixPermissions] as? Int
        #expect(mode == 0o600)
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: scratch.path + "/ticket")
        let refused = try join("ticket").end()
        #expect(refused.code == 2)
        #expect(refused.errors.contains("has mode 0640"))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: scratch.path + "/ticket")
        let worker = try join("ticket")
        #expect(try coordinator.end().code == 0)
        #expect(try worker.end().code == 0)
        let secret = try scratch.read("ticket").split(separator: ",")[2].trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(try coordinator.end().errors.contains(secret) == false)
        #expect(try worker.end().errors.contains(secret) == false)
    }

    @Test("a removed worker is cut off at once, its key comes in no more, and the sweep loses nothing") func removed() throws {
        let (coordinator, _) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        _ = try ask("invite", "ada", "--file", "\(scratch.path)/ticket")
        let worker = try join("ticket")
        try worker.errors(have: "computing lease", times: 2)
        let removed = try ask("remove", "ada")
        #expect(removed.output == "1 worker removed, 1 key revoked\n", "\(removed)")
        try coordinator.errors(have: "left: removed")
        #expect(try ask("list").output.split(separator: "\n").count == 2)
        #expect(try worker.end().code == 0)
        let again = try join("ticket", "--orphan-timeout", "2").end()
        #expect(again.code == 4)
        #expect(again.errors.contains("does not accept this worker's key: it was removed or replaced"))
        try coordinator.errors(have: "has not issued its key")
        #expect(try ask("remove", "ada").code == 2)
        // Another one ends the sweep.
        _ = try ask("invite", "bob", "--file", "\(scratch.path)/other")
        let bob = try join("other")
        #expect(try coordinator.end().code == 0)
        #expect(try bob.end().code == 0)
        #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed)
    }

    @Test("a removed worker that does not listen is cut off all the same") func deaf() throws {
        let (coordinator, local) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        let line = try ask("invite", "mallory").output
        let invitation = try #require(Invitation(String(line.split(separator: "=", maxSplits: 1)[1].split(separator: " ")[0])))
        let mallory = try Stranger(invitation)
        try mallory.say(Stranger.hello())
        guard case .welcome = try mallory.hear() else { throw Failure(description: "not welcome") }
        try mallory.say(.ready(credits: 2))
        guard case .lease = try mallory.hear() else { throw Failure(description: "no lease") }
        #expect(try ask("remove", "mallory").code == 0)
        // It goes on as if nothing had been said, and is neither heard nor connected.
        try wait(for: "its connection is closed") { !mallory.sayOnce(Stranger.hello()) }
        let worker = try scratch.worker(local)
        #expect(try coordinator.end().code == 0)
        #expect(try worker.end().code == 0)
        #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed)
    }

    @Test("a drained worker hands over what it computes and leaves; the others end the sweep") func drained() throws {
        let (coordinator, local) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        _ = try ask("invite", "ada", "--file", "\(scratch.path)/ticket")
        let ada = try join("ticket")
        try ada.errors(have: "computing lease", times: 2)
        #expect(try ask("drain", "ada").output == "1 worker will leave after the trials that are being computed\n")
        #expect(try ada.end().code == 0)
        try coordinator.errors(have: "left: drained")
        let unknown = try ask("drain", "carol")
        #expect(unknown.code == 2)
        #expect(unknown.errors.contains("no worker, host or key has the name carol"))
        let worker = try scratch.worker(local)
        #expect(try coordinator.end().code == 0)
        #expect(try worker.end().code == 0)
        #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed)
    }

    @Test("who invites others to a coordinator that only its own host reaches is told so") func loopback() throws {
        let (coordinator, _) = try scratch.coordinator("--plain")
        let plain = try ask("add", "ssh:nowhere.invalid")
        #expect(plain.code == 2 && plain.errors.contains("without --plain"), "\(plain)")
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
        let (other, _) = try scratch.coordinator()
        #expect(try ask("invite", "ada").errors.contains("listens for its own host only"))
        let added = try ask("add", "ssh:nowhere.invalid").output
        #expect(added.hasPrefix("starting workers on nowhere.invalid; ") && added.contains("listens for its own host only"), "\(added)")
        other.signal(SIGINT)
        #expect(try other.end().code == 3)
    }

    @Test("keys are shown without secrets, made anew on request, and not while the sweep runs") func keys() throws {
        let (coordinator, _) = try scratch.coordinator("--cluster", "cluster.toml")
        _ = try ask("invite", "ada")
        let shown = try scratch.regsweep("keys", "results/small")
        #expect(shown.code == 0)
        #expect(shown.output.split(separator: "\n").map { $0.prefix { $0 != " " } } == ["coordinator", "ada"])
        let secrets = try scratch.read("results/small/keys/coordinator.key") + scratch.read("results/small/keys/workers.keys")
        for word in secrets.split(whereSeparator: \.isWhitespace) where word.count == 64 { #expect(!shown.output.contains(word)) }
        #expect(try scratch.regsweep("keys", "results/small", "--rotate").code == 4)
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
        let rotated = try scratch.regsweep("keys", "results/small", "--rotate")
        #expect(rotated.code == 0)
        #expect(rotated.output.split(separator: "\n").count == 1)
        #expect(!shown.output.contains(rotated.output))
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o644], ofItemAtPath: scratch.path + "/results/small/keys/coordinator.key")
        let refused = try scratch.regsweep("run", "sweep.toml")
        #expect(refused.code == 4)
        #expect(refused.errors.contains("has mode 0644"))
    }

    @Test("without a sweep there is nobody to ask") func nobody() throws {
        let end = try ask("list")
        #expect(end.code == 4)
        #expect(end.errors.contains("no coordinator answered"))
    }
}
