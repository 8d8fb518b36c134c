// StoreCommandTests.swift · Tests/ClusterTests. Commands about what is stored, as a user types them: status, explain, repair, and a cache that
// sweeps share.

import Foundation
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Commands about the store", .serialized) struct StoreCommandTests {
    let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    /// The column of a table, row by row.
    private func column(_ name: String, _ directory: String) throws -> [String] {
        let rows = try Tables(scratch, directory).results.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let location = try #require(rows[0].firstIndex { $0 == name })
        return rows.dropFirst().map { String($0[location]) }
    }

    // MARK: Repair

    @Test("a store with a changed bit is refused, repaired but for that trial, and the sweep ends with the bytes that it had") func repair()
        throws
    {
        try scratch.write(Sweeps.small(), to: "sweep.toml")
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet").code == 0)
        let tables = try Tables(scratch, "results/small")
        let sound = try scratch.regsweep("repair", "results/small")
        #expect(
            sound
                == Program.End(code: 0, output: "results/small/store.sqlite is intact: 136 results, nothing to repair\n", errors: ""))

        // One bit of the digest of the eighth trial, wherever it lies.
        let url = URL(filePath: scratch.path + "/results/small/store.sqlite")
        var bytes = try Data(contentsOf: url)
        let digest = try column("digest", "results/small")[7], key = try column("trial", "results/small")[7]
        let stored = Data([UInt8](hexadecimal: digest) ?? [])
        let location = try #require(bytes.firstRange(of: stored))
        bytes[location.lowerBound] ^= 1
        try bytes.write(to: url)

        for command in [["run", "sweep.toml", "--quiet"], ["run", "sweep.toml", "--workers", "0"]] {
            let refused = try Program("regsweep", command, in: scratch).end()
            #expect(refused.code == 4)
            #expect(
                refused.errors
                    == "results/small/store.sqlite is damaged: trial \(key) is not what was stored; `regsweep repair results/small` keeps every intact result\n"
            )
        }
        let repaired = try scratch.regsweep("repair", "results/small")
        #expect(
            repaired
                == Program.End(
                    code: 0,
                    output:
                        "results/small/store.sqlite has the 135 results that are intact; the damaged store is now results/small/store.sqlite.damaged-1\n",
                    errors: ""))
        #expect(try Data(contentsOf: URL(filePath: scratch.path + "/results/small/store.sqlite.damaged-1")) == bytes)
        let end = try scratch.regsweep("run", "sweep.toml")
        #expect(end.code == 0, "\(end.errors)")
        #expect(end.errors.contains("small: 1 of 136 trials to run"))
        #expect(try Tables(scratch, "results/small") == tables)
    }

    @Test("a store that has lost its first page is repaired as well") func repairHead() throws {
        try scratch.write(Sweeps.small(), to: "sweep.toml")
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet").code == 0)
        let tables = try Tables(scratch, "results/small")
        let file = try #require(FileHandle(forWritingAtPath: scratch.path + "/results/small/store.sqlite"))
        try file.write(contentsOf: Data(count: 4096))
        try file.close()
        let refused = try scratch.regsweep("run", "sweep.toml", "--quiet")
        #expect(refused.code == 4)
        #expect(refused.errors.contains("regsweep repair"))
        let repaired = try scratch.regsweep("repair", "results/small")
        #expect(repaired.code == 0, "\(repaired.errors)")
        #expect(repaired.output.contains("has the 136 results that are intact"))
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet").code == 0)
        #expect(try Tables(scratch, "results/small") == tables)
    }

    @Test(
        "a flipped bit in any page costs no row: report has all of them, or ends with an error and leaves the tables; repair and run bring them back"
    )
    func flipped() throws {
        try scratch.write(Sweeps.small(), to: "sweep.toml")
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet").code == 0)
        let tables = try Tables(scratch, "results/small")
        let url = URL(filePath: scratch.path + "/results/small/store.sqlite"), sound = try Data(contentsOf: url)
        var random = SeededRandom(seed: 15)
        let interior = try #require((1..<sound.count / 4096).filter { [2, 5].contains(sound[4096 * $0]) }.randomElement(using: &random))
        // The number of cells of an interior page, so that rows are hidden which are themselves intact; the name of the program, the format
        // and the number of pages in the header; and six more bits anywhere.
        let offsets = [4096 * interior + 4, 71, 63, 31] + (0..<6).map { _ in Int.random(in: 0..<sound.count, using: &random) }
        for offset in offsets {
            var bytes = sound
            bytes[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            try bytes.write(to: url)
            let report = try scratch.regsweep("report", "sweep.toml")
            #expect(report.code == 0 || report.code == 4 && report.errors.contains("regsweep repair"), "\(offset): \(report)")
            #expect(try Tables(scratch, "results/small") == tables, "\(offset)")
            let repair = try scratch.regsweep("repair", "results/small")
            #expect(repair.code == 0, "\(offset): \(repair)")
            let run = try scratch.regsweep("run", "sweep.toml", "--quiet")
            #expect(run.code == 0, "\(offset): \(run)")
            #expect(try Tables(scratch, "results/small") == tables, "\(offset)")
        }
    }

    @Test("a store that is deleted during a run ends it at the next commit with everything that was stored, and the same command resumes")
    func deleted() throws {
        try scratch.write(Sweeps.long, to: "sweep.toml")
        let (coordinator, endpoint) = try scratch.coordinator()
        let worker = try scratch.worker(endpoint)
        try worker.errors(have: "computing lease", times: 3)
        for end in ["", "-wal", "-shm", ".lock"] { Files.remove(scratch.path + "/results/small/store.sqlite" + end) }
        let end = try coordinator.end()
        #expect(end.code == 4)
        #expect(end.errors.contains("results/small/store.sqlite was deleted while it was in use; all results were written to it again"))
        worker.signal(SIGKILL)
        _ = try worker.end()
        let again = try scratch.regsweep("run", "sweep.toml", "--workers", "1")
        #expect(again.code == 0, "\(again.errors)")
        let left = try #require(Int(again.errors.split(separator: " ").dropFirst().first ?? ""))
        #expect(left < 272)
        #expect(try Tables(scratch, "results/small") == Sweeps.undisturbed)
    }

    @Test("there is nothing to repair where there is no store, or while a coordinator has it") func noRepair() throws {
        let nothing = try scratch.regsweep("repair", "nowhere")
        #expect(nothing.code == 4)
        #expect(nothing.errors.contains("nowhere/store.sqlite: there is no store here"))
        try scratch.write(Sweeps.small(), to: "sweep.toml")
        let (coordinator, _) = try scratch.coordinator()
        let locked = try scratch.regsweep("repair", "results/small")
        #expect(locked.code == 4)
        #expect(locked.errors.contains("is held by regsweep process"))
        coordinator.signal(SIGINT)
        #expect(try coordinator.end().code == 3)
    }

    // MARK: Cache

    @Test("what one sweep has put into a cache another one takes from it and does not train") func cache() throws {
        try scratch.write(Sweeps.small(), to: "first.toml")
        // Other strengths beside the old ones, under another name.
        let second = Sweeps.small(strengths: "0.001, 0.003, 0.01, 0.1, 1.0").replacing("name = \"small\"", with: "name = \"second\"")
        try scratch.write(second, to: "second.toml")
        #expect(try scratch.regsweep("run", "second.toml", "--quiet", "--out", "alone").code == 0)
        let alone = try Tables(scratch, "alone")

        let first = try scratch.regsweep("run", "first.toml", "--cache", "shared")
        #expect(first.code == 0, "\(first.errors)")
        #expect(!first.errors.contains("taken from"))
        let end = try scratch.regsweep("run", "second.toml", "--cache", "shared")
        #expect(end.code == 0, "\(end.errors)")
        #expect(end.errors.contains("136 trials taken from shared"))
        #expect(end.errors.contains("second: \(21 * 8 - 136) of \(21 * 8) trials to run"))
        #expect(try Tables(scratch, "results/second") == alone)
        // All of it is there by now: no worker is needed.
        let third = try scratch.regsweep("run", "second.toml", "--cache", "shared", "--workers", "0", "--out", "third")
        #expect(third.code == 0, "\(third.errors)")
        #expect(third.errors.contains("\(21 * 8) trials taken from shared"))
        #expect(try Tables(scratch, "third") == alone)
        // The same trials under another seed are other trials.
        let other = try scratch.regsweep("run", "first.toml", "--seed", "2", "--cache", "shared")
        #expect(other.code == 0)
        #expect(!other.errors.contains("taken from"))
    }

    // MARK: Status and explain

    @Test("explain says why a trial waits, where it runs and what became of it, and status --trial the same") func explain() throws {
        try scratch.write(Sweeps.long, to: "sweep.toml")
        try scratch.write(Sweeps.nervous, to: "cluster.toml")
        let keys = Sweeps.undisturbed.results.split(separator: "\n").dropFirst().map { String($0.prefix(32)) }
        let first = keys[0], last = keys[271]

        let (coordinator, endpoint) = try scratch.coordinator("--cluster", "cluster.toml")
        try says(
            "status", "results/small",
            has: """
                running: 0 of 272 trials stored, 0 diverged, 0 failed
                0 leased to workers, 272 waiting, 0 verifications waiting; incarnation 1

                """)
        try says("status", "sweep.toml", has: "running: 0 of 272 trials stored")
        try says(
            "explain", last, "--out", "results/small", has: "trial \(last)\nwaits, if the sweep has such a trial: no worker is connected\n")
        let worker = try scratch.worker(endpoint)
        let end = try coordinator.end()
        #expect(end.code == 0, "\(end.errors)")
        #expect(try worker.end().code == 0)

        for command in [["explain", first], ["explain", String(first.prefix(12))], ["status", "results/small", "--trial", first]] {
            let answer = try Program("regsweep", command, in: scratch).end()
            #expect(answer.code == 0 && answer.errors == "")
            let lines = answer.output.split(separator: "\n")
            #expect(lines.count == 4, "\(answer.output)")
            #expect(lines[0] == "trial \(first)")
            #expect(lines[1].hasPrefix("stored as done, attempt 1, 3000 epochs by worker "))
            #expect(lines[2] == "history:")
            #expect(lines[3].contains(": computed after "))
        }
        let overview = try scratch.regsweep("status", "results/small")
        let diverged = try column("outcome", "results/small").count { $0 == "diverged" }
        #expect(overview == Program.End(code: 0, output: "not running: 272 trials stored, \(diverged) diverged, 0 failed\n", errors: ""))
        let nobody = try scratch.regsweep("explain", "ffffffffffff")
        #expect(nobody.code == 2)
        #expect(nobody.errors == "no results directory in results/ knows a trial ffffffffffff; name one with --out\n")
        let unknown = try scratch.regsweep("status", "results/small", "--trial", String(repeating: "f", count: 32))
        #expect(unknown.code == 0)
        #expect(
            unknown.output.contains("has no result, and no coordinator is running: regsweep run trains it, if the sweep has such a trial"))
    }

    @Test("explain names the worker that holds a trial, and that a trial which lost its worker is at its second attempt") func runs() throws
    {
        try scratch.write(Sweeps.small(epochs: 20_000, replicates: 1), to: "sweep.toml")
        try scratch.write(Sweeps.nervous, to: "cluster.toml")
        let (coordinator, endpoint) = try scratch.coordinator("--cluster", "cluster.toml", "--log-level", "info")
        let worker = try scratch.worker(endpoint)
        try worker.errors(have: "computing lease")
        let key = try held()
        try says("explain", key, has: " on worker ")
        try says("status", "results/small", "--trial", key, has: " on worker ")
        worker.signal(SIGKILL)
        try coordinator.errors(have: "lost worker")
        let second = try scratch.worker(endpoint)
        let end = try coordinator.end()
        #expect(end.code == 0, "\(end.errors)")
        #expect(try second.end().code == 0)
        // What the snapshot named may have been finished before the worker died; the history says what was not.
        var lost: [String] = []
        let store = try ResultStore(reading: scratch.path + "/results/small/store.sqlite")
        try store.database.prepare("SELECT trials FROM lease WHERE ended IN ('died', 'lost') AND length(trials) > 0").rows {
            (row) throws(StoreError) in lost.append(Array(row.blob(0).prefix(16)).hexadecimal)
        }
        let answer = try scratch.regsweep("explain", try #require(lost.first)).output
        #expect(answer.contains("stored as done, attempt 2, 20000 epochs by worker "))
        #expect(answer.contains(": died after ") || answer.contains(": lost after "))
        #expect(answer.contains(": computed after "))
    }

    @Test("both look into the parts of a file of parts") func parts() throws {
        try scratch.write(Sweeps.parts, to: "sweep.toml")
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet").code == 0)
        let overview = try scratch.regsweep("status", "results/parts")
        #expect(
            overview.output == """
                results/parts/landscape
                not running: 24 trials stored, 0 diverged, 0 failed
                results/parts/network
                not running: 3 trials stored, 0 diverged, 0 failed

                """)
        for (part, epochs) in [("landscape", 50), ("network", 30)] {
            let key = try column("trial", "results/parts/\(part)")[1]
            for command in [["explain", key], ["status", "results/parts", "--trial", key], ["explain", key, "--out", "results/parts"]] {
                let answer = try Program("regsweep", command, in: scratch).end()
                #expect(answer.code == 0, "\(answer.errors)")
                #expect(answer.output.hasPrefix("trial \(key)\nstored as done, attempt 1, \(epochs) epochs by worker "), "\(answer.output)")
            }
        }
        let nobody = try scratch.regsweep("status", "results/parts", "--trial", "ffffffffffff")
        #expect(nobody.code == 2)
        #expect(nobody.errors == "no results directory in results/parts/ knows a trial ffffffffffff; name one of its parts\n")
    }

    @Test("keys are made anew in every part of a file of parts, and in no folder that is none") func rotate() throws {
        try scratch.write(Sweeps.parts, to: "sweep.toml")
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet").code == 0)
        func keys() throws -> [String] {
            try ["landscape", "network"].map { try scratch.read("results/parts/\($0)/keys/coordinator.key") }
        }
        let before = try keys()
        let end = try scratch.regsweep("keys", "results/parts", "--rotate")
        #expect(end.code == 0, "\(end.errors)")
        #expect(
            end.output.split(separator: "\n").map { $0.prefix { $0 != " " } } == [
                "results/parts/landscape:", "coordinator", "results/parts/network:", "coordinator",
            ])
        #expect(try Set(before + keys()).count == 4)
        let misspelt = try scratch.regsweep("keys", "results/party", "--rotate")
        #expect(misspelt.code == 4)
        #expect(misspelt.errors.contains("is no results directory"))
        #expect(!scratch.has("results/party"))
    }

    /// Asks until the answer, which is that of a second ago, has a text.
    private func says(_ arguments: String..., has text: String) throws {
        try wait(for: "\(arguments) to say \"\(text)\"") { try Program("regsweep", arguments, in: scratch).end().output.contains(text) }
    }

    /// A trial that a worker holds, as the snapshot beside the store says.
    private func held() throws -> String {
        var key = ""
        try wait(for: "a trial that a worker holds") {
            let text = (try? scratch.read("results/small/status.json")) ?? ""
            if let trials = text.firstRange(of: "\"trials\":[\"") { key = String(text[trials.upperBound...].prefix(32)) }
            return !key.isEmpty
        }
        return key
    }
}
