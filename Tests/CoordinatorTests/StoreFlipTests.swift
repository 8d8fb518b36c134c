// StoreFlipTests.swift · Tests/CoordinatorTests. One bit is flipped in every kind of page: what is read afterwards is everything that was
// stored, or an error, and `repair` brings back every result that is intact.

import FoundationEssentials
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Store: flipped bits") struct StoreFlipTests {
    enum Kind: String { case interior, leaf, overflow, free }

    private static let count = 80
    private static let base = ["problem": "network", "seed": "7"]
    private static let author = Author(worker: WorkerID(high: 1, low: 2), host: "ada")

    private static func key(_ number: Int) -> TrialKey { TrialKey(bytes: Digest(of: "\(number)").bytes.prefix(16))! }

    /// Rows of which some reach over to pages of their own, and some have series.
    private static func result(_ number: Int) -> TrialResult {
        TrialResult(
            key: key(number), attempt: 1, outcome: .done(trainLoss: Double(number), testLoss: 0.5), epochs: 200,
            digest: Digest(of: "\(number)"),
            curve: (1...(number.isMultiple(of: 5) ? 300 : 40)).map {
                CurvePoint(epoch: 4 * $0, trainLoss: Double(number), testLoss: 1 / Double($0))
            },
            series: number.isMultiple(of: 4) ? [Series(name: "path", values: (0..<100).map { Double($0 * number) })] : [],
            seconds: Double(number) / 8)
    }

    /// A store with something in each of its tables, and with free pages, closed, so that all of it is in one file.
    private static func bytes() throws -> [UInt8] {
        let directory = try StoreDirectory()
        do {
            let store = try directory.writer()
            try store.setBase(base)
            let incarnation = try store.beginIncarnation(host: "ada", process: 1)
            let large = Checkpoint(key: key(-1), epoch: 3, content: Array(repeating: 9, count: 60_000))
            var trained = result(0)
            trained.model = Array(repeating: 7, count: 20_000)
            let record = LeaseRecord(
                incarnation: incarnation, lease: LeaseID(incarnation: 1, number: 1), worker: author.worker, host: "ada", trials: [key(1)],
                since: Instant(sinceStart: .zero), until: Instant(sinceStart: .seconds(1)), end: .died)
            _ = try store.put([([trained] + (1..<count).map(result), author)], checkpoints: [large], records: [record])
            var other = result(1)
            other.digest = Digest(of: "other")
            _ = try store.put([([other, result(2)], Author(worker: WorkerID(high: 3, low: 4), host: "bob"))])
            try store.remove(checkpointOf: large.key)
            _ = try store.put([], checkpoints: [Checkpoint(key: key(-2), epoch: 3, content: Array(repeating: 9, count: 10_000))])
        }
        return Array(try Data(contentsOf: URL(filePath: directory.store)))
    }

    /// Numbers of the pages of each kind, from 0. An interior page is one of a tree of results, or of any other table.
    private static func pages(_ file: [UInt8]) -> [Kind: [Int]] {
        func word(_ offset: Int) -> Int { file[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
        var free: Set<Int> = [], trunk = word(32)
        while trunk != 0 {
            let start = (trunk - 1) * 4096
            free.insert(trunk - 1)
            for leaf in 0..<word(start + 4) { free.insert(word(start + 8 + 4 * leaf) - 1) }
            trunk = word(start)
        }
        return Dictionary(grouping: 1..<file.count / 4096) { page in
            if free.contains(page) { return .free }
            switch file[page * 4096] {
            case 2, 5: return .interior
            case 10, 13: return .leaf
            default: return .overflow
            }
        }
    }

    /// What a report would read: every result with its series.
    /// - Returns: how many there are.
    /// - Throws: also for a result that is not what was stored.
    private static func read(_ store: borrowing ResultStore) throws -> Int {
        var found = 0
        for number in 0..<count {
            guard let row = try store.result(key(number)) else { continue }
            var expected = result(number)
            let series = try store.series(key(number))
            #expect(series == expected.series)
            expected.series = []
            #expect(row == expected)
            found += 1
        }
        #expect(try store.base() == base)
        return found
    }

    /// - Parameter lost: how many results the damage may cost: those that lie on one page, or reach over to it.
    private func expect(_ file: [UInt8], lost: Int, _ comment: Comment) throws {
        let directory = try StoreDirectory()
        try directory.write(file, to: "store.sqlite")
        var refusals = 0
        for open in [{ try ResultStore(reading: directory.store) }, { try directory.writer() }] as [() throws -> ResultStore] {
            do {
                let store = try open()
                #expect(try Self.read(store) == Self.count, comment)
            } catch {
                refusals += 1
                let isOfDamage =
                    switch error as? StoreError {
                    case .damaged, .headless, .foreign: true
                    default: false
                    }
                #expect(isOfDamage, "\(comment): \(error)")
            }
            // A writer that was refused has left the file as it was.
            try directory.write(file, to: "store.sqlite")
            for end in ["-wal", "-shm"] { Files.remove(directory.store + end) }
        }
        switch try Repairing.repair(directory.store, holder: "us") {
        case .intact(let results): #expect(results == Self.count && refusals == 0, comment)
        case .repaired(let results, _): #expect(results >= Self.count - lost, comment)
        }
        let store = try directory.writer()
        let found = try (0..<Self.count).count { number in
            guard let row = try store.result(Self.key(number)) else { return false }
            #expect(row.digest == Self.result(number).digest, comment)
            return true
        }
        #expect(found >= Self.count - lost, comment)
        let base = try store.base()
        #expect(base == Self.base || lost > 0 && base.isEmpty, comment)
    }

    @Test("in any byte of the header, all results are there or come back", arguments: 0..<10) func header(tenth: Int) throws {
        let file = try Self.bytes()
        var random = SeededRandom(seed: UInt64(tenth))
        for offset in 10 * tenth..<10 * tenth + 10 {
            var flipped = file
            flipped[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            try expect(flipped, lost: 0, "byte \(offset) is \(flipped[offset])")
        }
    }

    @Test(
        "in a page of any kind, what is read is everything or an error, and what is intact comes back",
        arguments: [Kind.interior, .leaf, .overflow, .free], 0..<3 as Range<UInt64>)
    func page(kind: Kind, seed: UInt64) throws {
        let file = try Self.bytes(), pages = try #require(Self.pages(file)[kind])
        var random = SeededRandom(seed: seed)
        for _ in 0..<8 {
            var flipped = file
            let page = pages.randomElement(using: &random)!
            // Half of them where a page has its header and the places of its cells.
            let offset = Int.random(in: 0..<(Bool.random(using: &random) ? 40 : 4096), using: &random)
            flipped[page * 4096 + offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            try expect(flipped, lost: 40, "\(kind.rawValue) page \(page + 1), offset \(offset) is \(flipped[page * 4096 + offset])")
        }
    }

    @Test(
        "in the log of a coordinator that was killed, a reader finds everything or refuses, and repair finds everything", arguments: 0..<6)
    func log(seed: UInt64) throws {
        let origin = try StoreDirectory(), store = try origin.writer()
        try store.database.execute("PRAGMA wal_autocheckpoint = 0")
        try store.setBase(Self.base)
        for start in stride(from: 0, to: Self.count, by: 20) {
            _ = try store.put([((start..<start + 20).map(Self.result), Self.author)])
        }
        let file = Array(try Data(contentsOf: URL(filePath: origin.store)))
        let log = Array(try Data(contentsOf: URL(filePath: origin.store + "-wal")))
        var random = SeededRandom(seed: seed)
        for round in 0..<5 {
            var flipped = log
            // The header of the log, a frame's header, or anywhere before the last commit.
            let frame = 32 + 4120 * Int.random(in: 0..<(log.count / 4120 - 10), using: &random)
            let offset =
                round == 0 ? Int.random(in: 0..<32, using: &random) : frame + Int.random(in: 0..<(round == 1 ? 24 : 4120), using: &random)
            flipped[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            let directory = try StoreDirectory(), comment: Comment = "offset \(offset)"
            try directory.write(file, to: "store.sqlite")
            try directory.write(flipped, to: "store.sqlite-wal")
            do { #expect(try Self.read(try ResultStore(reading: directory.store)) == Self.count, comment) } catch {
                guard case StoreError.damaged = error else {
                    Issue.record("\(error)")
                    continue
                }
            }
            let outcome = try Repairing.repair(directory.store, holder: "us")
            let results =
                switch outcome {
                case .intact(let results), .repaired(let results, _): results
                }
            // A result of which each version is on the page of the flipped bit is lost.
            #expect(results >= Self.count - 5, comment)
            #expect(try Self.count(in: directory) == results, comment)
        }
    }

    private static func count(in directory: StoreDirectory) throws -> Int {
        let store = try ResultStore(reading: directory.store)
        return try (0..<count).count { try store.result(key($0)) != nil }
    }

    @Test("in a log that a power cut has torn, what was not committed is not missed") func tornLog() throws {
        let origin = try StoreDirectory(), store = try origin.writer()
        try store.database.execute("PRAGMA wal_autocheckpoint = 0")
        _ = try store.put([((0..<20).map(Self.result), Self.author)])
        let before = Array(try Data(contentsOf: URL(filePath: origin.store + "-wal"))).count
        _ = try store.put([((20..<40).map(Self.result), Self.author)])
        let log = Array(try Data(contentsOf: URL(filePath: origin.store + "-wal")))
        #expect(StoreLog.complaint(log) == nil)
        // The second commit is there without its last frame, or with a hole.
        var cut = Array(log.dropLast(4120))
        #expect(StoreLog.complaint(cut) == nil)
        cut.replaceSubrange(before..<before + 4120, with: Array(repeating: 0, count: 4120))
        #expect(StoreLog.complaint(cut) == nil)
        #expect(StoreLog.complaint([]) == nil && StoreLog.complaint(Array(log.prefix(32))) == nil)
        cut = log
        cut[before] ^= 1
        #expect(StoreLog.complaint(cut) == "its log has commits behind a frame that is not what was written")
        cut = log
        cut[9] ^= 1
        #expect(StoreLog.complaint(cut) == "the header of its log is not what was written")
    }
}
