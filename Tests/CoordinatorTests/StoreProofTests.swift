// StoreProofTests.swift · Tests/CoordinatorTests. A store that lacks a row is refused, whoever removed it; so is one whose files are taken
// away while it is written to. A store that nobody can write to is read all the same.

import FoundationEssentials
import Glibc
import Testing
import Vocabulary
import Wire

@testable import regsweep

private let author = Author(worker: WorkerID(high: 1, low: 2), host: "ada")

private func key(_ number: Int) -> TrialKey { TrialKey(high: 1 << 63, low: UInt64(number)) }

private func result(_ number: Int, digest: String = "a") -> TrialResult {
    TrialResult(
        key: key(number), attempt: 1, outcome: .done(trainLoss: 0.5, testLoss: 1.25), epochs: 200, digest: Digest(of: digest), curve: [],
        seconds: 0.5)
}

@Suite("Store: proof of all rows") struct StoreProofTests {
    let directory: StoreDirectory

    init() throws { directory = try StoreDirectory() }

    private func fill(_ count: Int = 20) throws {
        let store = try directory.writer()
        try store.setBase(["seed": "7"])
        _ = try store.beginIncarnation(host: "ada", process: 1)
        _ = try store.put([
            ((0..<count).map { result($0) }, author), ([result(1, digest: "b")], Author(worker: WorkerID(high: 3, low: 4), host: "bob")),
        ])
    }

    private func refusals() -> [String] {
        [{ _ = try ResultStore(reading: directory.store) }, { _ = try directory.writer() }].map { (open: () throws -> Void) in
            do { try open() } catch StoreError.damaged(_, let reason) { return reason } catch { return "\(error)" }
            return "opened"
        }
    }

    @Test(
        "a row that is gone, changed or added behind our back is missed by readers and writers",
        arguments: [
            ("DELETE FROM result WHERE rowid_of = 1", "result"), ("UPDATE result SET seconds = 0.25", "result"),
            ("DELETE FROM base", "base"),
            ("UPDATE base SET value = '8'", "base"), ("UPDATE conflict SET verdict = 'opem'", "conflict"),
            ("UPDATE start SET boot = ''", "start"), ("INSERT INTO checkpoint VALUES (x'00', 1, x'', x'')", "checkpoint"),
        ])
    func changed(sql: String, table: String) throws {
        try fill()
        #expect(refusals() == ["opened", "opened"])
        try Database(directory.store).execute(sql.replacing("rowid_of = 1", with: "trial = x'\(key(1))'"))
        for reason in refusals() { #expect(reason.contains("of its table \(table)"), "\(reason)") }
        // What is there is what counts from then on.
        guard case .repaired(let results, _) = try Repairing.repair(directory.store, holder: "us") else {
            Issue.record("it is said to be intact")
            return
        }
        #expect(results == (sql.contains("DELETE FROM result") ? 19 : sql.contains("seconds") ? 0 : 20))
        #expect(refusals() == ["opened", "opened"])
    }

    @Test("every way to write keeps the seals, also one that is undone") func seals() throws {
        do {
            let store = try directory.writer()
            var trained = result(1)
            trained.model = [1, 2, 3]
            let checkpoints = [1, 2].map { Checkpoint(key: key($0), epoch: 3, content: [9]) }
            _ = try store.put([([TrialResult(failing: result(1))], author)], checkpoints: checkpoints)
            _ = try store.put([([trained], author)], checkpoints: [Checkpoint(key: key(2), epoch: 4, content: [8])])
            for (number, digest) in ["b", "b", "c"].enumerated() {
                let other = Author(worker: WorkerID(high: 9, low: UInt64(number)), host: "bob")
                _ = try store.put([([result(1, digest: digest)], other)])
            }
            let record = LeaseRecord(
                incarnation: 1, lease: LeaseID(incarnation: 1, number: 1), worker: author.worker, host: "ada", trials: [key(1)],
                since: Instant(sinceStart: .zero), until: Instant(sinceStart: .seconds(1)), end: .died)
            _ = try store.put([([TrialResult(failing: result(3))], author)], records: [record])
            try store.remove(checkpointOf: key(2))
            let pages = try Migrations.number("PRAGMA page_count", store.database)
            try store.database.execute("PRAGMA max_page_count = \(pages)")
            #expect(throws: StoreError.self) {
                _ = try store.put(
                    [([result(4)], author)], checkpoints: [Checkpoint(key: key(5), epoch: 1, content: Array(repeating: 1, count: 1 << 17))])
            }
            try store.database.execute("PRAGMA max_page_count = 1000000")
            try store.forgetFailures()
            _ = try store.put([([result(6)], author)])
        }
        let store = try ResultStore(reading: directory.store)
        try Integrity.verify(store.database)
        #expect(try store.result(key(6)) == result(6) && store.result(key(3)) == nil && store.result(key(4)) == nil)
    }

    @Test("a log that was removed after its writer was killed is missed by readers, and the next writer goes on") func lostLog() throws {
        let killed = try StoreDirectory()
        do {
            let store = try directory.writer()
            _ = try store.put([([result(1)], author)])
            try store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            _ = try store.put([([result(2)], author)])
            for end in ["", "-wal", ".lock"] { try FileManager.default.copyItem(atPath: directory.store + end, toPath: killed.store + end) }
        }
        #expect(try ResultStore(reading: killed.store).result(key(2)) == result(2))
        for end in ["-wal", "-shm"] { Files.remove(killed.store + end) }
        #expect(
            throws: StoreError.unusable(
                path: killed.store,
                reason:
                    "what was stored last is missing (1 of 2 commits are there), since its log, \(killed.store)-wal, was removed or replaced; `regsweep run` trains that again"
            )
        ) { _ = try ResultStore(reading: killed.store) }
        #expect(try killed.writer().result(key(2)) == nil)
        #expect(try ResultStore(reading: killed.store).result(key(1)) == result(1))
        // One from a backup is what it is.
        let backup = try Data(contentsOf: URL(filePath: killed.store))
        _ = try killed.writer().put([([result(3)], author)])
        try killed.write(Array(backup), to: "store.sqlite")
        #expect(try ResultStore(reading: killed.store).result(key(3)) == nil)
        // A power cut may leave an earlier number.
        try killed.write(Array("the first\ncommit 0\n".utf8), to: "store.sqlite.lock")
        #expect(try ResultStore(reading: killed.store).result(key(1)) == result(1))
    }

    @Test("a model that is not what was stored is not given out") func model() throws {
        var trained = result(1)
        trained.model = [1, 2, 3]
        _ = try directory.writer().put([([trained, result(2)], author)])
        try Database(directory.store).execute("UPDATE model SET content = x'010204'")
        let error = StoreError.damaged(path: directory.store, reason: "the model of trial \(key(1)) is not what was stored")
        #expect(throws: error) { _ = try ResultStore(reading: directory.store).model(of: key(1)) }
    }

    @Test("a store of the release before, which has no seals of its tables, is read as it is, and sealed by the next writer")
    func before() throws {
        try fill()
        try Database(directory.store).execute("DROP TABLE seal; ALTER TABLE model DROP COLUMN digest; PRAGMA user_version = 4")
        #expect(try Migrations.check(try Database(directory.store)) == 4)
        #expect(try ResultStore(reading: directory.store).result(key(3)) == result(3))
        let bytes = Array(try Data(contentsOf: URL(filePath: directory.store)))
        // It has no seal that would miss a row, but an index that does.
        let torn = try StoreDirectory(), hidden = try #require(bytes.firstRange(of: key(1).bytes))
        var flipped = bytes
        flipped[hidden.lowerBound] ^= 1
        try torn.write(flipped, to: "store.sqlite")
        #expect(throws: StoreError.self) { _ = try ResultStore(reading: torn.store) }
        #expect(throws: StoreError.self) { _ = try torn.writer() }
        #expect(try directory.writer().result(key(3)) == result(3))
        #expect(try Migrations.check(try Database(directory.store)) == Migrations.all.count)
        #expect(refusals() == ["opened", "opened"])
    }

    @Test("a header that names another format or program than the tables have is damage, and repaired") func header() throws {
        for change in ["user_version = 4", "user_version = 7", "user_version = 0", "application_id = 7"] {
            let directory = try StoreDirectory()
            _ = try directory.writer().put([([result(1)], author)])
            try Database(directory.store).execute("PRAGMA \(change)")
            #expect(throws: StoreError.self) { _ = try directory.writer() }
            #expect(try Repairing.repair(directory.store, holder: "us") == .repaired(results: 1, from: directory.store + ".damaged-1"))
            #expect(try directory.writer().result(key(1)) == result(1))
        }
    }
}

@Suite("Store: files that are taken away") struct StorePlaceTests {
    let directory: StoreDirectory

    init() throws { directory = try StoreDirectory() }

    private func displacement(_ body: () throws -> Void) -> String {
        do { try body() } catch StoreError.displaced(let path, let reason) { return "\(path) \(reason)" } catch { return "\(error)" }
        return "nothing"
    }

    @Test("a store that is deleted is missed by the next commit, and is there again with everything", arguments: [false, true])
    func deleted(withDirectory: Bool) throws {
        do {
            let store = try directory.writer()
            _ = try store.put([([result(1)], author)])
            try store.requireInPlace()
            if withDirectory {
                try FileManager.default.removeItem(atPath: directory.path)
            } else {
                for end in ["", "-wal", "-shm"] { Files.remove(directory.store + end) }
            }
            let said = displacement { _ = try store.put([([result(2)], author)]) }
            #expect(
                said
                    == "\(directory.store) was deleted while it was in use; all results were written to it again, and the same command resumes"
            )
        }
        let store = try directory.writer()
        #expect(try store.result(key(1)) == result(1) && store.result(key(2)) == result(2))
    }

    @Test("a store in whose place another file is goes to a name of its own, and the other file stays") func replaced() throws {
        let other = try StoreDirectory()
        _ = try other.writer().put([([result(7)], author)])
        do {
            let store = try directory.writer()
            _ = try store.put([([result(1)], author)])
            try FileManager.default.moveItem(atPath: other.store, toPath: directory.path + "/new")
            try Files.move(directory.path + "/new", inPlaceOf: directory.store)
            let said = displacement { try store.requireInPlace() }
            #expect(
                said.contains("was replaced by another file while it was in use; all results were written to \(directory.store).saved-1"))
        }
        try FileManager.default.moveItem(atPath: directory.store + ".saved-1", toPath: other.store)
        for end in ["-wal", "-shm"] { Files.remove(directory.store + end) }
        #expect(try ResultStore(reading: other.store).result(key(1)) == result(1))
        #expect(try ResultStore(reading: directory.store).result(key(7)) == result(7))
    }

    @Test("of a directory that is moved it is said where it is, and everything is there") func moved() throws {
        let moved = directory.path + "-moved"
        defer { try? FileManager.default.removeItem(atPath: moved) }
        do {
            let store = try directory.writer()
            try FileManager.default.moveItem(atPath: directory.path, toPath: moved)
            let said = displacement { _ = try store.put([([result(1)], author)]) }
            #expect(
                said
                    == "\(directory.store) was moved to \(moved)/store.sqlite while it was in use, and all results are there: move it back, and the same command resumes"
            )
        }
        #expect(try ResultStore(reading: moved + "/store.sqlite").result(key(1)) == result(1))
    }

    @Test("a log that is deleted is missed by the next commit, and what it had is in the store", arguments: ["-wal", "-shm"])
    func log(ending: String) throws {
        do {
            let store = try directory.writer()
            Files.remove(directory.store + ending)
            let said = displacement { _ = try store.put([([result(1)], author)]) }
            #expect(
                said
                    == "\(directory.store)\(ending) was deleted or replaced while it was in use; all results are in \(directory.store), and the same command resumes"
            )
        }
        #expect(try directory.writer().result(key(1)) == result(1))
    }

    @Test("a store alone in a directory that cannot be written to is read; one with a log says what it needs") func immutable() throws {
        let store = try directory.writer()
        _ = try store.put([([result(1)], author)])
        let open = try StoreDirectory(), closed = try StoreDirectory()
        for end in ["", "-wal"] { try FileManager.default.copyItem(atPath: directory.store + end, toPath: open.store + end) }
        try store.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        try FileManager.default.copyItem(atPath: directory.store, toPath: closed.store)
        // Root may write everywhere, so another user looks.
        let paths = [closed, open].map(\.store)
        for path in [closed, open].map(\.path) { chmod(path, 0o555) }
        defer { for path in [closed, open].map(\.path) { chmod(path, 0o755) } }
        let texts = try asAnotherUser {
            paths.map { path in
                do { return try ResultStore(reading: path).result(key(1)) == result(1) ? "found" : "not found" } catch { return "\(error)" }
            }
        }
        #expect(texts[0] == "found")
        #expect(
            texts[1]
                == "\(paths[1]): its log, \(paths[1])-wal, has results that can only be read where \(paths[1])-shm can be made: copy the directory to one that you may write to"
        )
        #expect(try FileManager.default.contentsOfDirectory(atPath: closed.path) == ["store.sqlite"])
    }

    /// Runs the closure without root's right to write everywhere, on this thread alone.
    private func asAnotherUser<T>(_ body: () throws -> T) throws -> T {
        guard getuid() == 0 else { return try body() }
        // It is the thread's own, unlike the user of the process: other tests go on as root. Glibc's module does not have it.
        let setFileUser = unsafeBitCast(dlsym(nil, "setfsuid"), to: (@convention(c) (uid_t) -> CInt).self)
        _ = setFileUser(65_534)
        defer { _ = setFileUser(0) }
        return try body()
    }
}

extension TrialResult {
    fileprivate init(failing result: TrialResult) {
        self = result
        (outcome, digest) = (.failed(reason: "no memory"), nil)
    }
}
