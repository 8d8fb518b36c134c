// StoreTests.swift · Tests/CoordinatorTests. Results on a real disk, by a real SQLite: kept once, kept whole, or refused with a reason.

import Dispatch
import FoundationEssentials
import Glibc
import Testing
import Vocabulary
import Wire

@testable import regsweep

/// A directory that is gone with its owner.
final class StoreDirectory {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/regsweep-store-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var store: String { path + "/store.sqlite" }

    func writer() throws(StoreError) -> ResultStore { try ResultStore(writing: store, holder: "the first") }

    func write(_ bytes: [UInt8], to name: String) throws { try Data(bytes).write(to: URL(filePath: "\(path)/\(name)")) }
}

/// Results of one trial that differ where a test needs them to.
private func key(_ number: UInt64) -> TrialKey { TrialKey(high: 1 << 63, low: number) }

private func done(_ number: UInt64, attempt: Int = 1, loss: Double = 1.25, digest: String = "a") -> TrialResult {
    TrialResult(
        key: key(number), attempt: attempt, outcome: .done(trainLoss: 0.1, testLoss: loss), epochs: 200,
        digest: Digest(of: digest),
        curve: [
            CurvePoint(epoch: 1, trainLoss: .leastNonzeroMagnitude, testLoss: -0.0), CurvePoint(epoch: 200, trainLoss: 0.1, testLoss: loss),
        ], seconds: 0.5)
}

private func diverged(_ number: UInt64) -> TrialResult {
    TrialResult(
        key: key(number), attempt: 2, outcome: .diverged, epochs: 7, digest: Digest(of: "d"), curve: [], seconds: 0.25)
}

private func failed(_ number: UInt64, reason: String = "kernel refused: größer als \"d\"") -> TrialResult {
    TrialResult(
        key: key(number), attempt: 3, outcome: .failed(reason: reason), epochs: 0, digest: nil, curve: [], seconds: 0)
}

private func author(_ host: String) -> Author { Author(worker: WorkerID(high: 0, low: UInt64(host.utf8.first!)), host: host) }

extension ResultStore {
    /// Rows of a query, each as its columns in text.
    fileprivate borrowing func ask(_ query: String, columns: Int) throws -> [[String]] {
        var rows: [[String]] = []
        try database.prepare(query).rows { (row) throws(StoreError) in rows.append((0..<columns).map { row.text($0) }) }
        return rows
    }
}

@Suite("Store: results") struct StoreResultTests {
    let directory: StoreDirectory

    init() throws { directory = try StoreDirectory() }

    @Test("what was put is there after the store was opened anew, bit for bit") func reopen() throws {
        let results = [done(1, loss: 1e-7), diverged(2), failed(3)]
        do {
            let store = try directory.writer()
            #expect(try store.put([(results, author: author("ada"))]) == [])
        }
        let store = try directory.writer()
        for result in results { #expect(try store.result(result.key) == result) }
        #expect(try store.result(key(4)) == nil)
        // == takes −0 for 0; bits tell them apart.
        #expect(try store.result(key(1))?.curve[0].testLoss.sign == .minus)
        var outcomes: [TrialKey: String] = [:]
        try store.forEachOutcome { key, outcome, _ in outcomes[key] = outcome }
        #expect(outcomes == [key(1): "done", key(2): "diverged", key(3): "failed"])
    }

    @Test("series are there in their order, bit for bit, and a repeat leaves them as they are") func series() throws {
        var result = done(1)
        result.series = [
            Series(name: "x", values: [-0.0, .nan, .infinity]), Series(name: "a", values: []), Series(name: "ä", values: [1]),
        ]
        do {
            let store = try directory.writer()
            _ = try store.put([([failed(1), done(2)], author: author("ada")), ([result], author: author("bob"))])
            result.series[0].values[0] = 7
            _ = try store.put([([result], author: author("cyd"))])
        }
        let store = try ResultStore(reading: directory.store)
        let found = try store.series(key(1))
        #expect(found.map(\.name) == ["x", "a", "ä"] && found[0].values.map(\.bitPattern) == [-0.0, .nan, .infinity].map(\.bitPattern))
        #expect(found[1].values == [] && found[2].values == [1])
        #expect(try store.series(key(2)) == [] && store.series(key(3)) == [])
    }

    @Test("a repeat changes nothing, whoever brings it and in whatever attempt") func repeated() throws {
        let store = try directory.writer()
        #expect(try store.put([([done(1)], author: author("ada")), ([done(1, attempt: 2)], author: author("bob"))]) == [])
        #expect(try store.put([([done(1, attempt: 3)], author: author("cyd"))]) == [])
        #expect(try store.result(key(1)) == done(1))
        #expect(try store.ask("SELECT host FROM result", columns: 1) == [["ada"]])
        #expect(try store.ask("SELECT count(*) FROM conflict", columns: 1) == [["0"]])
    }

    @Test("a repeat with other bits is kept as evidence with both hosts, once, and the first result stays") func conflict() throws {
        let store = try directory.writer()
        _ = try store.put([([done(1, digest: "a")], author: author("ada"))])
        let other = done(1, loss: 9, digest: "b")
        let conflict = Disagreement(trial: key(1), authors: [author("ada"), author("bob")], verdict: .open)
        #expect(try store.put([([other], author: author("bob"))]) == [conflict])
        #expect(try store.put([([other], author: author("bob"))]) == [])
        #expect(try store.result(key(1)) == done(1, digest: "a"))
        let expected = [[Digest(of: "b").description, Digest(of: "a").description, "bob", "ada"]]
        #expect(
            try store.ask("SELECT lower(hex(digest)), lower(hex(first_digest)), host, first_host FROM conflict", columns: 4) == expected)
    }

    @Test("the third of three decides: the bits of two stand, and every finding is told once") func majority() throws {
        let store = try directory.writer()
        func found(_ result: TrialResult, by host: String) throws -> Disagreement.Verdict? {
            try store.put([([result], author: author(host))]).first?.verdict
        }
        #expect(try found(done(1, digest: "wrong"), by: "ada") == nil)
        #expect(try found(done(1, digest: "right"), by: "bob") == .open)
        #expect(try store.openDisagreements() == [key(1): [author("ada"), author("bob")]])
        #expect(try found(done(1, attempt: 3, digest: "right"), by: "cyd") == .settled(wrong: [author("ada")]))
        #expect(try store.result(key(1)) == done(1, attempt: 3, digest: "right"))
        #expect(try store.openDisagreements() == [:])
        for host in ["ada", "bob", "cyd"] { #expect(try found(done(1, digest: host == "ada" ? "wrong" : "right"), by: host) == nil) }
        #expect(try store.ask("SELECT verdict FROM conflict", columns: 1) == [["the first was wrong"], ["wrong"]])
        #expect(try store.comparedTrials() == [key(1)])
        #expect(try store.distrustedWitnesses() == [author("ada").witness])
        for (host, digest) in [("bob", "right"), ("dan", "wrong"), ("cyd", "right")] { _ = try found(done(3, digest: digest), by: host) }
        #expect(try store.distrustedWitnesses() == [author("ada").witness, author("dan").witness])

        #expect(try found(done(2), by: "ada") == nil)
        #expect(try found(done(2), by: "bob") == nil)
        #expect(try store.ask("SELECT host FROM confirmation ORDER BY trial", columns: 1) == [["bob"], ["bob"]])
    }

    @Test("who is overruled loses series and model as well, and those of the two that agree stand") func majorityOfSeries() throws {
        let store = try directory.writer()
        for (host, digest) in [("ada", "wrong"), ("bob", "right"), ("cyd", "right")] {
            var result = done(1, digest: digest)
            result.series = [Series(name: "path", values: host == "ada" ? [1, 2] : [3])]
            if host == "ada" { result.series.append(Series(name: "gap", values: [4])) }
            result.model = host == "ada" ? [1] : [2, 3]
            _ = try store.put([([result], author: author(host))])
        }
        #expect(try store.series(key(1)) == [Series(name: "path", values: [3])])
        #expect(try store.model(of: key(1)) == [2, 3])
        try Integrity.verify(store.database)
    }

    @Test("what is copied from another store has its series, its model and its author") func copied() throws {
        let other = try StoreDirectory(), store = try directory.writer()
        var result = done(1)
        (result.series, result.model) = ([Series(name: "path", values: [1, 2])], [7])
        _ = try other.writer().put([([result, done(2), failed(3)], author: author("ada"))])
        _ = try store.put([([done(2)], author: author("bob"))])
        #expect(try store.copy(from: ResultStore(reading: other.store), [key(1), key(2), key(3), key(4)]) == 1)
        #expect(try store.series(key(1)) == result.series)
        #expect(try store.model(of: key(1)) == [7])
        #expect(try store.author(of: key(1)) == author("ada") && store.author(of: key(2)) == author("bob"))
        #expect(try store.result(key(3)) == nil)
    }

    @Test("leases that ended are kept with the results of the same commit, and deaths are counted until they are forgiven") func history()
        throws
    {
        let store = try directory.writer()
        func record(_ number: UInt32, _ end: LeaseRecord.End, _ trials: [UInt64]) -> LeaseRecord {
            LeaseRecord(
                incarnation: 1, lease: LeaseID(incarnation: 1, number: number), worker: author("ada").worker, host: "ada",
                trials: trials.map(key),
                since: Instant(sinceStart: .seconds(1)), until: Instant(sinceStart: .milliseconds(2500)), end: end)
        }
        _ = try store.put(
            [([done(1)], author: author("ada"))], records: [record(1, .died, [1, 2]), record(2, .computed, [1]), record(3, .died, [2])])
        #expect(
            try store.ask("SELECT host, since, until, ended FROM lease", columns: 4) == [
                ["ada", "1.0", "2.5", "died"], ["ada", "1.0", "2.5", "computed"], ["ada", "1.0", "2.5", "died"],
            ])
        #expect(try store.crashes() == [key(1): 1, key(2): 2])
        // Who comes back had not died, and dies once.
        _ = try store.put([], records: [record(3, .cameBack, [2])])
        #expect(try store.crashes() == [key(1): 1, key(2): 1])
        _ = try store.put([], records: [record(3, .died, [2]), record(3, .cameBack, [2]), record(3, .died, [2])])
        #expect(try store.crashes() == [key(1): 1, key(2): 2])
        try store.forgetFailures()
        #expect(try store.crashes() == [:])
    }

    @Test("a result takes the place of a failure, and a failure that of nothing") func failures() throws {
        let store = try directory.writer()
        _ = try store.put([([failed(1, reason: "first"), failed(2), done(3), diverged(4)], author: author("ada"))])
        let late = [failed(1, reason: "second"), done(2), failed(3), failed(4)]
        #expect(try store.put([(late, author: author("bob"))]) == [])
        for result in [failed(1, reason: "first"), done(2), done(3), diverged(4)] { #expect(try store.result(result.key) == result) }
        #expect(try store.ask("SELECT host FROM result ORDER BY trial", columns: 1) == [["ada"], ["bob"], ["ada"], ["ada"]])
        try store.forgetFailures()
        #expect(try store.ask("SELECT outcome FROM result ORDER BY trial", columns: 1) == [["done"], ["done"], ["diverged"]])
    }

    @Test("a compute time that is no number costs no result") func oddSeconds() throws {
        let store = try directory.writer()
        var result = done(1)
        result.seconds = .nan
        _ = try store.put([([result], author: author("ada"))])
        result.seconds = 0
        #expect(try store.result(key(1)) == result)
    }

    @Test("a full disk takes nothing of a batch, says so, and takes all of it once there is room") func full() throws {
        let store = try directory.writer()
        let pages = try store.ask("PRAGMA page_count", columns: 1)[0][0]
        try store.database.execute("PRAGMA max_page_count = \(pages)")
        // 64 results of 1.2 kB each need more pages than there are.
        let curve = (1...50).map { CurvePoint(epoch: $0, trainLoss: 1, testLoss: 2) }
        let batch = (0..<64 as Range<UInt64>).map { number in
            var result = done(number)
            result.curve = curve
            return result
        }
        #expect(throws: StoreError.blocked(reason: "database or disk is full")) { _ = try store.put([(batch, author: author("ada"))]) }
        #expect(try store.ask("SELECT count(*) FROM result", columns: 1) == [["0"]])
        try store.database.execute("PRAGMA max_page_count = 1000000")
        #expect(try store.put([(batch, author: author("ada"))]) == [])
        #expect(try store.ask("SELECT count(*) FROM result", columns: 1) == [["64"]])
    }

    @Test("incarnations count the starts, and the base is what was last set") func starts() throws {
        for incarnation in 1...3 as ClosedRange<UInt64> {
            let store = try directory.writer()
            #expect(try store.beginIncarnation(host: "ada", process: 1) == incarnation)
            try store.setBase(["start": "\(incarnation)", "only in \(incarnation)": "yes"])
            #expect(try store.base() == ["start": "\(incarnation)", "only in \(incarnation)": "yes"])
        }
    }
}

@Suite("Store: who may open what") struct StoreOpeningTests {
    let directory: StoreDirectory

    init() throws { directory = try StoreDirectory() }

    @Test("whoever looks whether a store is in use keeps no writer from it") func look() throws {
        _ = try directory.writer()
        for _ in 0..<10 {
            // A look that takes a hundredth of a second, where it takes some microseconds.
            let look = open(directory.store + StoreLock.ending, O_RDONLY | O_CLOEXEC)
            #expect(flock(look, LOCK_SH) == 0)
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(10)) { close(look) }
            _ = try directory.writer()
        }
    }

    @Test("a second writer is refused and told who the first is, until the first is gone") func lock() throws {
        do {
            let first = try directory.writer()
            for _ in 0..<2 {
                #expect(throws: StoreError.locked(by: "the first", path: directory.store + ".lock")) {
                    _ = try ResultStore(writing: directory.store, holder: "a second one with a longer name")
                }
            }
            _ = try first.put([([done(1)], author: author("ada"))])
        }
        let second = try ResultStore(writing: directory.store, holder: "2nd")
        #expect(throws: StoreError.locked(by: "2nd", path: directory.store + ".lock")) { _ = try directory.writer() }
        #expect(try second.result(key(1)) == done(1))
    }

    @Test("a reader beside a writer sees each batch once it is stored, and cannot write") func reader() throws {
        let writer = try directory.writer()
        let reader = try ResultStore(reading: directory.store)
        #expect(try reader.result(key(1)) == nil)
        _ = try writer.put([([done(1)], author: author("ada"))])
        #expect(try reader.result(key(1)) == done(1))
        #expect(throws: StoreError.self) { _ = try reader.put([([done(2)], author: author("eve"))]) }
        #expect(try writer.result(key(2)) == nil)
    }

    private func expectForeign(_ bytes: [UInt8], because reason: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        try expectRefused(bytes, .foreign(path: directory.store, reason: reason), sourceLocation: sourceLocation)
    }

    /// Both a writer and a reader refuse, and the writer leaves the file as it was.
    private func expectRefused(_ bytes: [UInt8], _ error: StoreError, sourceLocation: SourceLocation = #_sourceLocation) throws {
        try directory.write(bytes, to: "store.sqlite")
        #expect(throws: error, sourceLocation: sourceLocation) { _ = try directory.writer() }
        #expect(throws: error, sourceLocation: sourceLocation) { _ = try ResultStore(reading: directory.store) }
        #expect(try Data(contentsOf: URL(filePath: directory.store)) == Data(bytes), sourceLocation: sourceLocation)
    }

    /// The bytes of a database made by these statements.
    private func database(_ sql: String) throws -> [UInt8] {
        let path = directory.path + "/other.sqlite"
        do { try Database(path).execute(sql) }
        defer { try? FileManager.default.removeItem(atPath: path) }
        return Array(try Data(contentsOf: URL(filePath: path)))
    }

    @Test("databases of other programs are refused, whether they say whose they are or not") func foreign() throws {
        for sql in ["CREATE TABLE result (x)", "CREATE TABLE a (x); PRAGMA user_version = 1", "PRAGMA application_id = 7"] {
            try expectForeign(try database(sql), because: "is a database of another program")
        }
    }

    @Test("a store of a newer release is refused") func newer() throws {
        let bytes = try database("PRAGMA application_id = \(Migrations.applicationID); PRAGMA user_version = 99")
        try expectForeign(bytes, because: "was written by a newer release (format 99, this one knows \(Migrations.all.count))")
    }

    @Test("a file that is no database is refused") func garbage() throws {
        let error = StoreError.headless(path: directory.store, reason: "file is not a database")
        try expectRefused(Array(repeating: 0x61, count: 5000), error)
        #expect("\(error)".contains("if it was a store, `regsweep repair \(directory.path)` finds what is left of it"))
    }

    @Test("a store that was cut in half is refused") func truncated() throws {
        do { _ = try directory.writer().put([((0..<200 as Range<UInt64>).map { done($0) }, author: author("ada"))]) }
        let bytes = Array(try Data(contentsOf: URL(filePath: directory.store)))
        try expectRefused(
            Array(bytes.prefix(bytes.count / 2)), .damaged(path: directory.store, reason: "database disk image is malformed"))
    }

    @Test("a reader of no store, or of an empty one, is told that there are no results") func nothing() throws {
        #expect(throws: StoreError.foreign(path: directory.store, reason: "there is no store here yet")) {
            _ = try ResultStore(reading: directory.store)
        }
        try directory.write([], to: "store.sqlite")
        #expect(throws: StoreError.foreign(path: directory.store, reason: "holds no results yet")) {
            _ = try ResultStore(reading: directory.store)
        }
    }

    @Test("a place where no file can be made is refused with its path") func unusable() throws {
        try FileManager.default.createDirectory(atPath: directory.store, withIntermediateDirectories: true)
        #expect(throws: StoreError.unusable(path: directory.store, reason: "unable to open database file")) { _ = try directory.writer() }
        #expect(throws: StoreError.unusable(path: directory.store, reason: "disk I/O error")) {
            _ = try ResultStore(reading: directory.store)
        }
        // Not even root makes files in /proc.
        #expect(throws: StoreError.unusable(path: "/proc/store.sqlite.lock", reason: "No such file or directory")) {
            _ = try ResultStore(writing: "/proc/store.sqlite", holder: "us")
        }
    }
}

@Suite("Store: migrations") struct StoreMigrationTests {
    let directory: StoreDirectory
    private let first = "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)"
    private let second = "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1"

    init() throws { directory = try StoreDirectory() }

    private func rows(_ database: borrowing Database, _ query: String) throws -> [[Int]] {
        var rows: [[Int]] = []
        try database.prepare(query).rows { (row) throws(StoreError) in rows.append([row.integer(0), row.integer(1)]) }
        return rows
    }

    @Test("each runs once, and those that are new run on what is there") func once() throws {
        let database = try Database(directory.store)
        try Migrations.run(on: database, [first])
        #expect(try Migrations.check(database, [first]) == 1)
        #expect(throws: StoreError.self) { try Migrations.requireReadable(database, [first, second]) }
        for _ in 0..<2 { try Migrations.run(on: database, [first, second]) }
        #expect(try rows(database, "SELECT x, y FROM a") == [[1, 2]])
        try Migrations.requireReadable(database, [first, second])
    }

    @Test("results and series of a release without seals are sealed as they are") func seals() throws {
        do {
            let database = try Database(directory.store)
            try Migrations.run(on: database, Array(Migrations.all.prefix(3)))
            let insert = try database.prepare(
                "INSERT INTO result VALUES (?, 'diverged', 7, NULL, NULL, ?, NULL, x'', 1, 0.25, 'ada')")
            for number in 1...2 as ClosedRange<UInt64> { try insert.run([.blob(key(number).bytes), .blob(Digest(of: "d").bytes)]) }
            try database.prepare("INSERT INTO series VALUES (?, 0, 'path', x'3ff0000000000000')").run([.blob(key(1).bytes)])
        }
        let store = try directory.writer()
        try Integrity.verify(store.database)
        #expect(try store.result(key(2))?.outcome == .diverged)
        #expect(try store.series(key(1)) == [Series(name: "path", values: [1])])
        try store.database.execute("UPDATE series SET name = 'gap'")
        #expect(throws: StoreError.self) { _ = try store.series(key(1)) }
    }

    @Test("one that fails leaves the database as it was before all of them") func fails() throws {
        let database = try Database(directory.store)
        try Migrations.run(on: database, [first])
        #expect(throws: StoreError.self) { try Migrations.run(on: database, [first, second, "CREATE TABLE"]) }
        #expect(try Migrations.check(database, [first]) == 1)
        #expect(try rows(database, "SELECT count(*), min(x) FROM a") == [[1, 1]])
        #expect(try rows(database, "SELECT count(*), 0 FROM pragma_table_info('a')") == [[1, 0]])
    }
}

@Suite("Store: commits of a turn") struct StoreCommitTests {
    let directory: StoreDirectory

    init() throws { directory = try StoreDirectory() }

    private func record(_ end: LeaseRecord.End) -> LeaseRecord {
        LeaseRecord(
            incarnation: 1, lease: LeaseID(incarnation: 1, number: 1), worker: author("ada").worker, host: "ada", trials: [key(1)],
            since: Instant(sinceStart: .zero), until: Instant(sinceStart: .seconds(1)), end: end)
    }

    private func ends() throws -> [[String]] { try ResultStore(reading: directory.store).ask("SELECT ended FROM lease", columns: 1) }

    @Test("a death is committed though nothing else is, and other history with what comes next, or at the end") func deaths() throws {
        let store = try directory.writer(), now = Instant(sinceStart: .seconds(1))
        var queue = CommitQueue()
        queue.add(record(.lost))
        #expect(queue.isEmpty)
        #expect(try queue.commit(to: store, at: now).events.isEmpty && ends() == [])
        queue.add(record(.died))
        #expect(!queue.isEmpty)
        #expect(try queue.commit(to: store, at: now).events.isEmpty && ends() == [["lost"], ["died"]])
        #expect(queue.isEmpty)
        #expect(try ResultStore(reading: directory.store).crashes() == [key(1): 1])
        queue.add(record(.returned))
        try queue.finish(store)
        #expect(try ends() == [["lost"], ["died"], ["returned"]])
        try queue.finish(store)
        #expect(try ends().count == 3)
    }

    @Test("a death waits for room on the disk, and what a full disk does not take at the end is no error") func fullDisk() throws {
        let store = try directory.writer()
        let pages = try store.ask("PRAGMA page_count", columns: 1)[0][0]
        try store.database.execute("PRAGMA max_page_count = \(pages)")
        var queue = CommitQueue(), many = record(.died)
        // 64 kB of keys need more pages than there are.
        many.trials = Array(repeating: key(1), count: 4096)
        queue.add(many)
        let outcome = try queue.commit(to: store, at: Instant(sinceStart: .seconds(1)))
        guard case .storeBlocked(true)? = outcome.events.first, outcome.notice == .blocked(reason: "database or disk is full") else {
            Issue.record("the disk is not full")
            return
        }
        #expect(!queue.isEmpty)
        try queue.finish(store)
        #expect(try ends() == [])
    }

    @Test("of one trial's checkpoints the newest is kept, and everybody who has sent one is answered") func answers() throws {
        let store = try directory.writer()
        var queue = CommitQueue()
        func checkpoint(_ epoch: Int) -> Checkpoint { Checkpoint(key: key(1), epoch: epoch, content: [UInt8(epoch)]) }
        let (original, copy, third) = (Route([1]), Route([2]), Route([3]))
        // The copy is ahead; the original sends two of them before the turn is over; a third one begins anew.
        for (epoch, route) in [(4, original), (9, copy), (5, original), (9, third), (2, third)] {
            queue.add(checkpoint(epoch), from: route)
        }
        var kept: [Route: Int] = [:]
        for event in try queue.commit(to: store, at: Instant(sinceStart: .seconds(1))).events {
            guard case .persistedCheckpoint(let mark, let route) = event else { continue }
            #expect(mark.key == key(1) && kept[route] == nil)
            kept[route] = mark.epoch
        }
        #expect(kept == [original: 5, copy: 9, third: 2])
        #expect(try ResultStore(reading: directory.store).checkpoint(of: key(1)) == checkpoint(9))
        #expect(try queue.commit(to: store, at: Instant(sinceStart: .seconds(2))).events.isEmpty)
    }
}

@Suite("Store: checkpoints and models") struct StoreCheckpointTests {
    let directory: StoreDirectory

    init() throws { directory = try StoreDirectory() }

    private func checkpoint(_ number: UInt64, _ epoch: Int) -> Checkpoint {
        Checkpoint(key: key(number), epoch: epoch, content: [UInt8(epoch), 0, 255])
    }

    @Test("the newest checkpoint of a trial is kept until it has a result, also through the next start") func newest() throws {
        do {
            let store = try directory.writer()
            _ = try store.put([], checkpoints: [checkpoint(1, 4), checkpoint(2, 9)])
            _ = try store.put([], checkpoints: [checkpoint(1, 3)])
            #expect(try store.checkpoint(of: key(1)) == checkpoint(1, 4))
            _ = try store.put([], checkpoints: [checkpoint(1, 5)])
        }
        let store = try directory.writer()
        #expect(try store.checkpoint(of: key(1)) == checkpoint(1, 5))
        #expect(try store.checkpoint(of: key(3)) == nil)
        #expect(
            try store.checkpointMarks().sorted { $0.key < $1.key } == [
                CheckpointMark(key: key(1), epoch: 5), CheckpointMark(key: key(2), epoch: 9),
            ])
        // One that comes with its result, or after it, is none.
        _ = try store.put([([done(1)], author("ada"))], checkpoints: [checkpoint(1, 6)])
        _ = try store.put([], checkpoints: [checkpoint(1, 7)])
        #expect(try store.checkpointMarks() == [CheckpointMark(key: key(2), epoch: 9)])
        // A failure leaves it: the trial may be tried again.
        _ = try store.put([([failed(2)], author("ada"))], checkpoints: [checkpoint(2, 10)])
        #expect(try store.checkpoint(of: key(2)) == checkpoint(2, 10))
        try store.remove(checkpointOf: key(2))
        #expect(try store.checkpointMarks() == [])
    }

    @Test("a model is stored with its result, in the same transaction, and a repeat changes nothing") func models() throws {
        let store = try directory.writer()
        var result = done(1)
        result.model = [1, 2, 3]
        _ = try store.put([([result], author("ada"))])
        result.model = [4]
        _ = try store.put([([result], author("bob"))])
        #expect(try store.model(of: key(1)) == [1, 2, 3])
        #expect(try store.model(of: key(2)) == nil)
    }

    @Test("a checkpoint that the disk has damaged is told by its hash, and can be removed") func damaged() throws {
        let store = try directory.writer()
        _ = try store.put([], checkpoints: [checkpoint(1, 4), checkpoint(2, 4)])
        try store.database.execute("UPDATE checkpoint SET content = x'00' WHERE trial = x'\(key(1))'")
        #expect(try store.checkpoint(of: key(1))?.isIntact == false)
        #expect(try store.checkpoint(of: key(2)) == checkpoint(2, 4))
        try store.remove(checkpointOf: key(1))
        let reader = try ResultStore(reading: directory.store)
        #expect(try reader.checkpointMarks() == [CheckpointMark(key: key(2), epoch: 4)])
    }
}
