// KeyTests.swift · Tests/ClusterTests. What the holder of one key does under many ids, to real programs; and the end of a run beside the
// start of the next one.

import Foundation
import TestSupport
import Testing
import Vocabulary
import Wire

@Suite("One key", .serialized) struct KeyTests {
    let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    private func invitation(_ name: String) throws -> Invitation {
        let end = try scratch.regsweep("workers", "invite", name, "--out", "results/small")
        return try #require(Invitation(String(end.output.split(separator: "=", maxSplits: 1)[1].split(separator: " ")[0])))
    }

    /// The tables of a sweep that nobody disturbs.
    private func undisturbed(_ text: String) throws -> Tables {
        let other = try TemporaryFolder()
        try other.write(text, to: "sweep.toml")
        let end = try other.regsweep("run", "sweep.toml", "--workers", "1", "--quiet")
        guard end.code == 0 else { throw Failure(description: end.errors) }
        return try Tables(other, "results/small")
    }

    /// Bits that no machine computes.
    private func forged(_ key: TrialKey, attempt: Int = 1) -> TrialResult {
        .sample(
            key, .done(trainLoss: 1, testLoss: 0.5), attempt: attempt, epochs: 200, digest: Digest(of: "forged \(key)"),
            curve: [CurvePoint(epoch: 200, trainLoss: 1, testLoss: 0.5)])
    }

    @Test("everything forged by the first to come, under four ids, is found and replaced by two honest workers, who stay") func forger()
        throws
    {
        let text = "audit = 1.0\n" + Sweeps.small()
        try scratch.write(text, to: "sweep.toml")
        let (coordinator, local) = try scratch.coordinator("--log-level", "info")
        let key = try invitation("mallory"), first = try Stranger(key), second = try Stranger(key), third = try Stranger(key)
        for id in [0, 1] {
            try id == 0 ? second.say(Stranger.hello()) : third.say(Stranger.hello())
            guard case .welcome = try id == 0 ? second.hear() : third.hear() else { throw Failure(description: "not welcome") }
        }
        try first.say(Stranger.hello())
        try first.say(.ready(credits: 4))
        var batch: UInt64 = 0, count = 0
        while count < 17 * 8 {
            guard case .lease(let lease) = try first.hear() else { continue }
            (batch, count) = (batch + 1, count + lease.trials.count)
            let results = lease.trials.map { forged($0.key, attempt: $0.attempt) }
            try first.say(.results(BatchID(rawValue: batch), lease.id, results, proof: lease.proof))
        }
        // The other ids would confirm all of it, if they were asked.
        try second.say(.ready(credits: 100))
        try third.say(.ready(credits: 100))
        let honest = try (0..<2).map { _ in try scratch.worker(local) }
        let end = try coordinator.end()
        #expect(end.code == 0, "\(end.errors)")
        for worker in honest { #expect(try worker.end().code == 0) }
        #expect(end.errors.contains("two workers agree, so the bits of"))
        #expect(try Tables(scratch, "results/small") == undisturbed(text))
    }

    @Test("results that were never leased, and those of a larger grid, are served to nobody, also after the attacker has left")
    func largerGrid() throws {
        let larger = Sweeps.small(replicates: 3), expected = try undisturbed(larger)
        try scratch.write(Sweeps.small(), to: "sweep.toml")
        let (coordinator, local) = try scratch.coordinator()
        let mallory = try Stranger(try invitation("mallory"))
        try mallory.say(Stranger.hello())
        guard case .welcome = try mallory.hear() else { throw Failure(description: "not welcome") }
        let keys = expected.results.split(separator: "\n").dropFirst().compactMap { TrialKey(hexadecimal: $0.prefix(32)) }
        #expect(keys.count == 17 * 12)
        for (number, key) in keys.enumerated() {
            let lease = LeaseID(incarnation: 1, number: UInt32(number + 1))
            try mallory.say(.results(BatchID(rawValue: UInt64(number + 1)), lease, [forged(key)]))
        }
        // Whoever is not believed is told that all is well.
        for _ in keys { guard case .acknowledged = try mallory.hear() else { throw Failure(description: "no acknowledgement") } }
        try mallory.say(.goodbye(reason: "drained"))
        let worker = try scratch.worker(local)
        #expect(try coordinator.end().code == 0)
        #expect(try worker.end().code == 0)
        try scratch.write(larger, to: "sweep.toml")
        #expect(try scratch.regsweep("run", "sweep.toml", "--workers", "1", "--quiet").code == 0)
        #expect(try Tables(scratch, "results/small") == expected)
    }

    @Test("results of guessed leases, empty ones, return no lease of another") func guessed() throws {
        try scratch.write(Sweeps.long, to: "sweep.toml")
        let (coordinator, local) = try scratch.coordinator()
        let mallory = try Stranger(try invitation("mallory"))
        try mallory.say(Stranger.hello())
        guard case .welcome = try mallory.hear() else { throw Failure(description: "not welcome") }
        let worker = try scratch.worker(local)
        var number: UInt32 = 0
        while coordinator.isRunning, number < 20_000 {
            number += 1
            let lease = LeaseID(incarnation: 1, number: number % 400)
            let frame = Envelope(incarnation: 1, message: .results(BatchID(rawValue: UInt64(number)), lease, [])).encoded()
            _ = try? mallory.socket.send(frame)
            while (try? mallory.socket.receive()) != nil {}
            usleep(200)
        }
        #expect(try coordinator.end().code == 0)
        let log = try worker.end()
        #expect(log.code == 0)
        #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed)
        // Each lease was computed once: none came back to the queue while its worker had it.
        let computed = log.errors.components(separatedBy: "computing lease").count - 1
        let leased = Set(log.errors.components(separatedBy: "computing lease ").dropFirst().map { $0.prefix { !$0.isWhitespace } }).count
        #expect(computed == leased && (1...(17 * 16)).contains(computed), "\(computed) of \(leased)")
    }

    @Test("a key that says Hello and Goodbye by the thousand fills no log") func noise() throws {
        try scratch.write(Sweeps.small(), to: "sweep.toml")
        let (coordinator, local) = try scratch.coordinator("--log-level", "info")
        let mallory = try Stranger(try invitation("mallory"))
        for _ in 0..<2_000 {
            try mallory.say(Stranger.hello())
            try mallory.say(.goodbye(reason: "tired"))
        }
        let worker = try scratch.worker(local)
        let end = try coordinator.end()
        #expect(end.code == 0)
        #expect(try worker.end().code == 0)
        let lines = end.errors.split(separator: "\n").count { $0.contains("on stranger") }
        #expect((2..<1_000).contains(lines), "\(lines)")
        // What others do is told all the same.
        #expect(end.errors.components(separatedBy: " joined with 1 slot").count - 1 >= 2)
    }

    @Test("a run that is writing its tables has the store, and its socket is gone; the next run then has workers and ends") func handover()
        throws
    {
        try scratch.write(Sweeps.small(), to: "sweep.toml")
        // It draws when it is told to.
        try scratch.write(
            "#!/bin/sh\n: > \"\(scratch.path)/drawing\"\nwhile [ ! -e \"\(scratch.path)/go\" ]; do sleep 0.1; done\nexec /usr/bin/gnuplot \"$@\"\n",
            to: "gnuplot")
        #expect(chmod("\(scratch.path)/gnuplot", 0o755) == 0)
        var environment = ProcessInfo.processInfo.environment
        environment["PATH"] = "\(scratch.path):" + (environment["PATH"] ?? "/usr/bin:/bin")
        let first = try Program("regsweep", ["run", "sweep.toml", "--workers", "1"], in: scratch, environment: environment)
        let socket = try first.word(after: "regsweep-worker --connect ipc://")
        try wait(for: "the first run draws") { scratch.has("drawing") }
        #expect(!FileManager.default.fileExists(atPath: socket))
        try scratch.write(Sweeps.small(replicates: 3), to: "sweep.toml")
        let refused = try scratch.regsweep("run", "sweep.toml", "--workers", "1")
        #expect(refused.code == 4 && refused.errors.contains("regsweep process"), "\(refused.errors)")
        try scratch.write("", to: "go")
        #expect(try first.end().code == 0)
        let second = try scratch.regsweep("run", "sweep.toml", "--workers", "1")
        #expect(second.code == 0, "\(second.errors)")
        #expect(try scratch.read("results/small/results.csv").split(separator: "\n").count == 1 + 17 * 12)
        #expect(!FileManager.default.fileExists(atPath: socket))
    }
}
