// StoreTests+Damage.swift · Tests/CoordinatorTests. Power cuts at every moment of a recorded run, and stores that something has torn.

import CRecordingDisk
import FoundationEssentials
import Testing
import Vocabulary
import Wire

@testable import regsweep

private let author = Author(worker: WorkerID(high: 1, low: 2), host: "ada")

/// Results with a curve that fills more than a page's share, so that some of it is on pages of its own.
private func result(_ number: Int) -> TrialResult {
    let digest = Digest(of: "\(number)")
    return TrialResult(
        key: TrialKey(bytes: digest.bytes.prefix(16))!, attempt: 1, outcome: .done(trainLoss: Double(number), testLoss: 0.5), epochs: 200,
        digest: digest,
        curve: (1...50).map { CurvePoint(epoch: 4 * $0, trainLoss: Double(number), testLoss: 1 / Double($0)) },
        // Every fourth trial has two series, one of them too long for one page of the database.
        series: number.isMultiple(of: 4)
            ? [Series(name: "path", values: (0..<200).map { Double($0 * number) }), Series(name: "gap", values: [.nan, Double(number)])]
            : [],
        seconds: 1)
}

/// Without what may be NaN, which differs from itself.
private func bits(_ series: [Series]) -> [[UInt64]] { series.map { $0.values.map(\.bitPattern) } }

private func withoutSeries(_ result: TrialResult) -> TrialResult {
    var result = result
    result.series = []
    return result
}

@Suite("Store: power cuts", .serialized) struct StorePowerTests {
    /// What the disk was told, and how many results had been acknowledged when it was.
    private struct Recording {
        enum Step { case write(Int, [UInt8]), truncate(Int), sync, delete }
        var steps: [(file: String, Step)] = []
        /// By the number of steps that had been taken.
        var acknowledged: [(steps: Int, results: Int)] = []
    }

    private let batch = 7, batches = 9

    /// Some commits with a checkpoint now and then, on a real disk.
    private func record(_ directory: StoreDirectory) throws -> Recording {
        var recording = Recording()
        #expect(recording_disk_start(directory.path) == 0)
        do {
            let store = try directory.writer()
            try store.database.execute("PRAGMA wal_autocheckpoint = 20")
            recording.acknowledged.append((recording_disk_count(), 0))
            for number in 0..<batches {
                _ = try store.put([((0..<batch).map { result(number * batch + $0) }, author: author)])
                recording.acknowledged.append((recording_disk_count(), (number + 1) * batch))
            }
        }
        recording.steps = recordedSteps()
        return recording
    }

    /// Ends the recording.
    private func recordedSteps() -> [(file: String, Recording.Step)] {
        recording_disk_stop()
        return (0..<recording_disk_count()).map { index in
            let step = recording_disk_step(index)!.pointee
            let name = (String(cString: recording_disk_name(step.file)) as String).split(separator: "/").last.map(String.init) ?? ""
            let bytes = step.bytes.map { Array(UnsafeBufferPointer(start: $0, count: Int(step.length))) } ?? []
            return switch Int(step.kind) {
            case DISK_WRITE: (name, .write(Int(step.offset), bytes))
            case DISK_TRUNCATE: (name, .truncate(Int(step.length)))
            case DISK_SYNC: (name, .sync)
            default: (name, .delete)
            }
        }
    }

    private enum Cut: CaseIterable {
        /// Everything that was written is there.
        case whole
        /// Half of the last write that was not synced is there.
        case torn
        /// Nothing that was not synced is there.
        case unsynced
        /// Every second write that was not synced is there.
        case scattered
    }

    @Test("whatever the power cut left of a write, everything that was acknowledged is there") func cuts() throws {
        let directory = try StoreDirectory(), recording = try record(directory)
        #expect(recording.steps.count > 200)
        #expect(recording.steps.contains { if case .sync = $0.1 { $0.file == "store.sqlite" } else { false } })
        var durable: [String: [UInt8]] = [:], pending: [(file: String, Recording.Step)] = []
        let first = recording.acknowledged[0].steps
        for place in 0...recording.steps.count {
            if place >= first {
                let promised = recording.acknowledged.last { $0.steps <= place }!.results
                let cut = Cut.allCases[place % Cut.allCases.count]
                try expect(promised, in: state(durable, pending, cut), "power cut \(cut) before step \(place)")
            }
            guard place < recording.steps.count else { break }
            let step = recording.steps[place]
            if case .sync = step.1 {
                for old in pending where old.file == step.file { Self.apply(old.1, to: &durable[step.file, default: []]) }
                pending.removeAll { $0.file == step.file }
            } else {
                pending.append(step)
            }
        }
    }

    private func state(_ durable: [String: [UInt8]], _ pending: [(file: String, Recording.Step)], _ cut: Cut) -> [String: [UInt8]] {
        var files = durable
        for (index, (file, step)) in pending.enumerated() {
            switch cut {
            case .whole: Self.apply(step, to: &files[file, default: []])
            case .unsynced: break
            case .scattered: if index.isMultiple(of: 2) { Self.apply(step, to: &files[file, default: []]) }
            case .torn:
                if index == pending.count - 1, case .write(let offset, let bytes) = step {
                    Self.apply(.write(offset, Array(bytes.prefix(bytes.count / 2))), to: &files[file, default: []])
                } else {
                    Self.apply(step, to: &files[file, default: []])
                }
            }
        }
        return files
    }

    private static func apply(_ step: Recording.Step, to file: inout [UInt8]) {
        switch step {
        case .write(let offset, let bytes):
            if file.count < offset + bytes.count { file += Array(repeating: 0, count: offset + bytes.count - file.count) }
            file.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        case .truncate(let size): file = Array(file.prefix(size))
        case .delete: file = []
        case .sync: break
        }
    }

    @Test("a store of an older format that is killed at any step to this one has each of its results, sealed, at the next start")
    func migration() throws {
        let directory = try StoreDirectory(), count = 8
        do {
            let database = try Database(directory.store)
            try Migrations.run(on: database, Array(Migrations.all.prefix(3)))
            // Their rows are as long as those of this format, and more than one page.
            let insert = try database.prepare(
                "INSERT INTO result VALUES (?, 'diverged', 7, NULL, NULL, ?, NULL, zeroblob(1200), 1, 0.25, 'ada')")
            for number in 0..<count { try insert.run([.blob(result(number).key.bytes), .blob(result(number).digest!.bytes)]) }
            try database.prepare("INSERT INTO series VALUES (?, 0, 'path', x'3ff0000000000000')").run([.blob(result(1).key.bytes)])
        }
        let before = ["store.sqlite": Array(try Data(contentsOf: URL(filePath: directory.store)))]
        #expect(recording_disk_start(directory.path) == 0)
        do { _ = try directory.writer() }
        let steps = recordedSteps()
        #expect(steps.count > 20)
        // Killed after each step, with everything that was written; and after the last.
        for place in 0...steps.count {
            let after = try StoreDirectory()
            for (name, bytes) in state(before, Array(steps[..<place]), .whole) where name != "store.sqlite-shm" && !bytes.isEmpty {
                try after.write(bytes, to: name)
            }
            let store = try after.writer()
            var found: Set<TrialKey> = []
            try store.forEachOutcome { key, _, _ in found.insert(key) }
            #expect(found == Set((0..<count).map { result($0).key }), "killed before step \(place)")
            try Integrity.verify(store.database)
        }
    }

    private func expect(_ promised: Int, in files: [String: [UInt8]], _ comment: Comment) throws {
        let directory = try StoreDirectory()
        for (name, bytes) in files where name != "store.sqlite-shm" && !bytes.isEmpty { try directory.write(bytes, to: name) }
        let store = try directory.writer()
        var found: Set<TrialKey> = []
        try store.forEachOutcome { key, _, _ in found.insert(key) }
        #expect((0..<promised).allSatisfy { found.contains(result($0).key) }, comment)
        // A commit that was under way is there as a whole or not at all.
        #expect(found.count.isMultiple(of: batch), comment)
    }
}

@Suite("Store: damage") struct StoreDamageTests {
    let directory: StoreDirectory
    private let count = 300

    init() throws { directory = try StoreDirectory() }

    /// A store of 300 results, closed, so that all of it is in one file.
    private func bytes() throws -> [UInt8] {
        do {
            let store = try directory.writer()
            _ = try store.beginIncarnation(host: "ada", process: 1)
            _ = try store.put([((0..<count).map { result($0) }, author: author)])
            _ = try store.put([([TrialResult(failing: result(count), because: "no memory")], author: author)])
        }
        return Array(try Data(contentsOf: URL(filePath: directory.store)))
    }

    private func salvaged() throws -> [TrialKey: TrialResult] {
        let new = directory.path + "/new.sqlite"
        for ending in ["", "-wal", "-shm", ".lock"] { Files.remove(new + ending) }
        let kept = try Rebuilding.rebuild(directory.store, as: new, holder: "us")
        let store = try ResultStore(reading: new)
        var found: [TrialKey: TrialResult] = [:]
        for number in 0...count {
            let key = result(number).key
            found[key] = try store.result(key)
            // A result is kept with its series or not at all.
            if found[key]?.isFailure == false { #expect(bits(try store.series(key)) == bits(result(number).series)) }
        }
        try Integrity.verify(store.database)
        #expect(found.count == kept)
        return found
    }

    @Test("of a sound store everything is kept, with the rest of its tables") func sound() throws {
        _ = try bytes()
        let found = try salvaged()
        #expect(found.count == count + 1)
        #expect((0..<count).allSatisfy { found[result($0).key] == withoutSeries(result($0)) })
        let new = try ResultStore(writing: directory.path + "/new.sqlite", holder: "us")
        #expect(try new.beginIncarnation(host: "ada", process: 1) == 1_000_001)
    }

    @Test("a page that is overwritten is noticed at the start, and costs the results that were on it and no other", arguments: 0..<12)
    func page(seed: UInt64) throws {
        var file = try bytes(), dice = SystemDice(seed)
        let pages = file.count / 4096, page = 1 + Int(dice.next() % UInt64(pages - 1))
        let kind = seed % 3
        for offset in 0..<(kind == 2 ? 1 : 4096) {
            let place = page * 4096 + (kind == 2 ? Int(dice.next() % 4096) : offset)
            // All zero, noise, or one bit somewhere in it.
            file[place] = kind == 0 ? 0 : kind == 1 ? UInt8(truncatingIfNeeded: dice.next()) : file[place] ^ 0x10
        }
        try directory.write(file, to: "store.sqlite")
        let found = try salvaged()
        // At most four rows are on a page, and some reach over from it.
        #expect(found.count >= count + 1 - 40)
        for (key, row) in found where !row.isFailure {
            #expect((0..<count).contains { result($0).key == key && withoutSeries(result($0)) == row })
        }
        if found.count < count + 1 {
            #expect { _ = try directory.writer() } throws: { error in
                if case .damaged = error as? StoreError { true } else { false }
            }
        }
    }

    @Test("a file that is cut, or whose beginning is gone, still gives its results", arguments: [false, true]) func cut(
        isBeginning: Bool
    ) throws {
        var file = try bytes()
        if isBeginning {
            file.replaceSubrange(0..<4096, with: Array(repeating: 0, count: 4096))
        } else {
            file = Array(file.prefix(file.count / 2))
        }
        try directory.write(file, to: "store.sqlite")
        #expect(throws: StoreError.self) { _ = try directory.writer() }
        #expect(try salvaged().count >= (isBeginning ? count + 1 : count / 4))
    }

    @Test("results that are only in the write-ahead log are found") func log() throws {
        let store = try directory.writer()
        try store.database.execute("PRAGMA wal_autocheckpoint = 0")
        _ = try store.put([((0..<count).map { result($0) }, author: author)])
        let log = Array(try Data(contentsOf: URL(filePath: directory.store + "-wal")))
        #expect(log.count > 300_000)
        #expect(try salvaged().count == count)
    }

    @Test("what an earlier log has left behind the one of now does not take the place of newer pages") func staleLog() throws {
        let store = try directory.writer()
        try store.database.execute("PRAGMA wal_autocheckpoint = 0")
        _ = try store.put([((0..<100).map { result($0) }, author: author)])
        // 20 pages that the next results get, at the end of the log.
        _ = try store.put([], checkpoints: [Checkpoint(key: result(100).key, epoch: 2, content: Array(repeating: 5, count: 80_000))])
        try store.database.execute("PRAGMA wal_checkpoint(RESTART)")
        try store.remove(checkpointOf: result(100).key)
        _ = try store.put([((100..<120).map { result($0) }, author: author)])
        let file = Array(try Data(contentsOf: URL(filePath: directory.store)))
        var log = Array(try Data(contentsOf: URL(filePath: directory.store + "-wal")))
        let frames = stride(from: 32, to: log.count, by: 4096 + 24).map { (number: log[$0..<$0 + 4], salts: log[$0 + 8..<$0 + 16]) }
        let isOfNow = frames.map { $0.salts.elementsEqual(log[16..<24]) }, end = try #require(isOfNow.firstIndex(of: false))
        #expect(end > 0 && !isOfNow[end...].contains(true))
        // Pages that rows reach over to, of which an older version stands behind.
        let leftovers = Set(frames[end...].map { Array($0.number) })
        #expect(frames[..<end].count { leftovers.contains(Array($0.number)) } >= 10)
        #expect(try salvaged().count == 120)

        // The log's own header is gone.
        log.replaceSubrange(0..<32, with: Array(repeating: 0, count: 32))
        let torn = try StoreDirectory(), new = torn.path + "/new.sqlite"
        try torn.write(file, to: "store.sqlite")
        try torn.write(log, to: "store.sqlite-wal")
        #expect(try Rebuilding.rebuild(torn.store, as: new, holder: "us") == 120)
    }

    @Test("where a page is damaged that a row reaches over to, what the log has of it from before will do") func olderPage() throws {
        let store = try directory.writer()
        try store.database.execute("PRAGMA wal_autocheckpoint = 0")
        _ = try store.put([((0..<20).map { result($0) }, author: author)])
        try store.database.execute("PRAGMA wal_checkpoint(RESTART)")
        // The log starts anew with this, and all that it had stands behind.
        _ = try store.beginIncarnation(host: "ada", process: 1)
        var file = Array(try Data(contentsOf: URL(filePath: directory.store)))
        for place in file.indices.dropFirst(4096) { file[place] = 0xff }
        let log = Array(try Data(contentsOf: URL(filePath: directory.store + "-wal")))
        let torn = try StoreDirectory(), new = torn.path + "/new.sqlite"
        try torn.write(file, to: "store.sqlite")
        try torn.write(log, to: "store.sqlite-wal")
        // A few frames at the beginning of the old log are overwritten.
        #expect(try Rebuilding.rebuild(torn.store, as: new, holder: "us") >= 15)
    }

    @Test("a number that was changed behind our back is noticed when it is read") func changed() throws {
        let store = try directory.writer()
        _ = try store.put([([result(0)], author: author)])
        #expect(try store.result(result(0).key) == withoutSeries(result(0)))
        try store.database.execute("UPDATE result SET test_loss = 0.25")
        let error = StoreError.damaged(path: directory.store, reason: "trial \(result(0).key) is not what was stored")
        #expect(throws: error) { _ = try store.result(result(0).key) }
        #expect(throws: error) { try Integrity.verify(store.database) }
    }

    @Test("so is a number of a series, and one that is missing") func changedSeries() throws {
        for change in ["UPDATE series SET \"values\" = zeroblob(1600) WHERE place = 0", "DELETE FROM series WHERE place = 1"] {
            let directory = try StoreDirectory(), store = try directory.writer()
            _ = try store.put([([result(4), result(5)], author: author)])
            try store.database.execute(change)
            let error = StoreError.damaged(
                path: directory.store, reason: "the series of trial \(result(4).key) are not what was stored")
            #expect(throws: error) { _ = try store.series(result(4).key) }
            #expect(throws: error) { try Integrity.verify(store.database) }
            #expect(try store.series(result(5).key) == [])
        }
    }

    @Test("models of results, and checkpoints of trials without one, are carried over as far as they can be read") func models() throws {
        let checkpoint = Checkpoint(key: result(3).key, epoch: 2, content: Array(repeating: 5, count: 20_000))
        var trained = result(1)
        trained.model = Array(repeating: 7, count: 20_000)
        do {
            let store = try directory.writer()
            _ = try store.put([([trained, result(2)], author: author)], checkpoints: [checkpoint])
        }
        let new = directory.path + "/new.sqlite"
        #expect(try Rebuilding.rebuild(directory.store, as: new, holder: "us") == 2)
        let store = try ResultStore(reading: new)
        #expect(try store.model(of: trained.key) == trained.model)
        #expect(try store.checkpoint(of: checkpoint.key) == checkpoint)
    }
}

@Suite("Store: repair") struct StoreRepairTests {
    let directory: StoreDirectory

    init() throws { directory = try StoreDirectory() }

    private struct Stopped: Error {}

    /// A process that another test starts has this one's locks for a moment, until it is another program.
    private func patiently<T>(_ body: () throws -> T) throws -> T {
        for _ in 0..<100 {
            do { return try body() } catch StoreError.locked { try Poller.wait(for: Mailbox<Void>().wakeSignal, atMost: .milliseconds(20)) }
        }
        return try body()
    }

    private func repair(before: (Repairing.Step) throws -> Void = { _ in }) throws -> Repairing.Outcome {
        try patiently { try Repairing.repair(directory.store, holder: "us", before: before) }
    }

    private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() }

    /// A damaged store of 41 results, half of which are in its log alone. What is wrong in the log is right in the file.
    private func damage() throws {
        let origin = try StoreDirectory()
        let store = try origin.writer()
        try store.database.execute("PRAGMA wal_autocheckpoint = 0")
        _ = try store.put([((0..<20).map { result($0) }, author: author)])
        try store.database.execute("PRAGMA wal_checkpoint(RESTART)")
        _ = try store.put([((20..<40).map { result($0) }, author: author)])
        var model = result(40)
        model.model = Array(repeating: 7, count: 20_000)
        _ = try store.put([([model], author: author)])
        try store.database.execute("UPDATE result SET epochs = 1 WHERE trial = x'\(result(0).key)'")
        for ending in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: origin.store + ending, toPath: directory.store + ending)
        }
    }

    private func expectRepaired(_ outcome: Repairing.Outcome, _ comment: Comment) throws {
        #expect(outcome == .repaired(results: 41, from: directory.store + ".damaged-1"), comment)
        let rest = Set(try names()).subtracting(["", ".damaged-1", ".damaged-1-wal", ".lock"].map { "store.sqlite" + $0 })
        #expect(rest == [], comment)
        #expect(try repair() == .intact(results: 41), comment)
        let store = try ResultStore(reading: directory.store)
        try Integrity.verify(store.database)
        for number in 0...40 { #expect(try store.result(result(number).key) == withoutSeries(result(number)), comment) }
        #expect(try store.model(of: result(40).key)?.count == 20_000, comment)
    }

    @Test(
        "a repair that is stopped before any step is finished by the next, with all of store and log; until then nobody opens the store",
        arguments: Repairing.Step.allCases)
    func stopped(step: Repairing.Step) throws {
        try damage()
        let bytes = try ["", "-wal"].map { try Data(contentsOf: URL(filePath: directory.store + $0)) }
        // Twice, for whoever has no luck.
        for _ in 0..<2 {
            #expect(throws: Stopped.self) {
                _ = try repair { if $0 == step { throw Stopped() } }
            }
            guard step != .keepLog, step != .keepStore else { continue }
            let error = StoreError.damaged(path: directory.store, reason: "its repair was interrupted")
            #expect(throws: error) { try patiently { _ = try directory.writer() } }
            #expect(throws: error) { _ = try ResultStore(reading: directory.store) }
        }
        try expectRepaired(try repair(), "stopped before \(step)")
        // What it was made from is there bit for bit.
        for (ending, bytes) in zip(["", "-wal"], bytes) {
            #expect(try Data(contentsOf: URL(filePath: directory.store + ".damaged-1" + ending)) == bytes)
        }
    }

    @Test("a repair that cannot make the new store leaves everything as it was") func noNewStore() throws {
        try damage()
        let before = try Data(contentsOf: URL(filePath: directory.store))
        // A directory stands in the way of the new store.
        try FileManager.default.createDirectory(atPath: directory.store + ".repaired", withIntermediateDirectories: true)
        #expect(throws: StoreError.self) { _ = try repair() }
        #expect(try Data(contentsOf: URL(filePath: directory.store)) == before)
        try FileManager.default.removeItem(atPath: directory.store + ".repaired")
        try expectRepaired(try repair(), "after all")
    }

    @Test("a store of another release, and a database of another program, are refused and stay as they are")
    func others() throws {
        let others: [(format: Int, change: String, reason: String)] = [
            (
                Migrations.all.count, "CREATE TABLE later (x); PRAGMA user_version = 99",
                "was written by a newer release (format 99, this one knows \(Migrations.all.count))"
            ),
            (3, "PRAGMA user_version = 3", "was written by an older release; `regsweep run` brings it up to date"),
            (0, "CREATE TABLE later (x); PRAGMA application_id = 7", "is a database of another program"),
        ]
        for (format, change, reason) in others {
            let directory = try StoreDirectory()
            do {
                let database = try Database(directory.store)
                try Migrations.run(on: database, Array(Migrations.all.prefix(format)))
                try database.execute(change)
            }
            let bytes = try Data(contentsOf: URL(filePath: directory.store))
            #expect(throws: StoreError.foreign(path: directory.store, reason: reason)) {
                _ = try patiently { try Repairing.repair(directory.store, holder: "us") }
            }
            #expect(try Data(contentsOf: URL(filePath: directory.store)) == bytes)
            let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
            #expect(!names.contains { $0.contains("damaged") || $0.contains("repaired") })
        }
    }

    @Test("an empty file is refused as well, and one of noise is made a store without results") func nothing() throws {
        try directory.write([], to: "store.sqlite")
        #expect(throws: StoreError.foreign(path: directory.store, reason: "holds no results yet")) { _ = try repair() }
        try directory.write(Array(repeating: 0x61, count: 5000), to: "store.sqlite")
        #expect(try repair() == .repaired(results: 0, from: directory.store + ".damaged-1"))
    }

    @Test("a store that has lost a table is repaired") func lostTable() throws {
        do {
            let store = try directory.writer()
            _ = try store.put([([result(1), result(2)], author: author)])
            try store.database.execute("DROP TABLE conflict")
        }
        #expect(try repair() == .repaired(results: 2, from: directory.store + ".damaged-1"))
        #expect(try repair() == .intact(results: 2))
    }
}

/// Random bytes from one seed.
private struct SystemDice {
    var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

extension TrialResult {
    fileprivate init(failing result: TrialResult, because reason: String) {
        self = result
        (outcome, digest, curve, series) = (.failed(reason: reason), nil, [], [])
    }
}
