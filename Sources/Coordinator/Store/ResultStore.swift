// ResultStore.swift · Coordinator/Store, after GroupCommit, before Reporting. Results on disk, under their trial keys.
// What `put` has returned for is durable (WAL, synchronous = EXTRA) and stored once, however often it arrives.

internal import Vocabulary
internal import Wire

/// One connection that writes, or one that only reads.
struct ResultStore: ~Copyable {
    /// Nil for a reader.
    private let lock: StoreLock?
    /// For this file and for queries of tests.
    let database: Database
    private let insert: Statement
    private let select: Statement
    private let insertSeries: Statement
    private let selectSeries: Statement
    private let comparing: Comparing
    private let history: Statement

    /// Opens a store that is there, to read; its writer may be at work.
    /// - Throws: `unusable`, `foreign`, `headless`, `damaged`, `blocked`.
    init(reading path: String) throws(StoreError) {
        try Repairing.requireFinished(path)
        let database = try Database(path, readOnly: true)
        try Migrations.requireCurrent(database)
        try self.init(lock: nil, database: database)
    }

    /// Opens or makes a store, to write: the only one that may, until it is gone.
    /// - Parameter holder: who we are, for a second one that comes.
    /// - Throws: `locked`, `unusable`, `foreign`, `headless`, `damaged`, `blocked`.
    init(writing path: String, holder: String) throws(StoreError) {
        let lock = try StoreLock(path: path + ".lock", holder: holder)
        try Repairing.requireFinished(path)
        let database = try Database(path)
        try Migrations.check(database)
        // EXTRA is FULL and, for the moment before the write-ahead log is in place, a sync of the directory: a rollback journal that comes
        // back after a power cut would undo that step and with it everything that the log holds.
        try database.execute("PRAGMA synchronous = EXTRA; PRAGMA journal_mode = WAL")
        try Migrations.run(on: database)
        if try Integrity.mayBeTorn(database) { try Integrity.verify(database) }
        try self.init(lock: lock, database: database)
    }

    private init(lock: consuming StoreLock?, database: consuming Database) throws(StoreError) {
        // A stored failure gives way to a result; nothing else ever does. No row comes back when nothing was written.
        let insert = try database.prepare(
            """
            INSERT INTO result
                (trial, outcome, epochs, train_loss, test_loss, digest, reason, curve, attempt, seconds, host, worker, series_digest, seal)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
            ON CONFLICT (trial) DO UPDATE SET
                outcome = excluded.outcome, epochs = excluded.epochs, train_loss = excluded.train_loss, test_loss = excluded.test_loss,
                digest = excluded.digest, reason = excluded.reason, curve = excluded.curve, attempt = excluded.attempt,
                seconds = excluded.seconds, host = excluded.host, worker = excluded.worker,
                series_digest = excluded.series_digest, seal = excluded.seal
            WHERE outcome = 'failed' AND excluded.outcome <> 'failed' OR ?15
            RETURNING 1
            """)
        let select = try database.prepare(
            """
            SELECT outcome, epochs, train_loss, test_loss, digest, reason, curve, attempt, seconds, host, worker, series_digest, trial, seal
            FROM result WHERE trial = ?
            """)
        let insertSeries = try database.prepare("INSERT INTO series VALUES (?, ?, ?, ?)")
        let selectSeries = try database.prepare("SELECT name, \"values\" FROM series WHERE trial = ? ORDER BY place")
        let comparing = try Comparing(database)
        let history = try database.prepare("INSERT INTO lease VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        self.lock = lock
        self.database = database
        self.insert = insert
        self.select = select
        self.insertSeries = insertSeries
        self.selectSeries = selectSeries
        self.comparing = comparing
        self.history = history
    }

    /// Stores what is new; a repeat changes nothing, and a repeat with other bits is kept as evidence. A failure is kept until the trial
    /// has a result after all, and a result until two workers agree against it.
    /// - Parameters:
    ///   - batches: results with whoever computed them, where that is known.
    ///   - checkpoints: of trials; those that have a result by now are left out.
    ///   - records: leases that have ended.
    /// - Returns: what comparing bits has brought, each finding once. When this returns, everything is on disk; when it throws, nothing is.
    func put(
        _ batches: [(results: [TrialResult], author: Author?)], _ checkpoints: [Checkpoint] = [], records: [LeaseRecord] = []
    ) throws(StoreError) -> [Disagreement] {
        var found: [Disagreement] = []
        try database.transaction { () throws(StoreError) in
            // Before the results, which remove them.
            for checkpoint in checkpoints { try put(checkpoint) }
            for (results, author) in batches {
                for result in results { if let finding = try put(result, author) { found.append(finding) } }
            }
            for record in records {
                try history.run([
                    .integer(Int64(record.incarnation)), .integer(Int64(bitPattern: record.lease.rawValue)), .blob(record.worker.bytes),
                    .text(record.host), .real(record.since.sinceStart.inSeconds), .real(record.until.sinceStart.inSeconds),
                    .text(record.end.rawValue), .blob(record.trials.flatMap(\.bytes)),
                ])
            }
        }
        return found
    }

    private func put(_ result: TrialResult, _ author: Author?) throws(StoreError) -> Disagreement? {
        guard try !write(result, author, replaces: false), let digest = result.digest else { return nil }
        var stored: (digest: Digest, author: Author?)?
        try select.rows([.blob(result.key.bytes)]) { (row) throws(StoreError) in
            if let digest = Digest(bytes: row.blob(4)) { stored = (digest, Author(row, worker: 10, host: 9)) }
        }
        guard let stored else { return nil }
        let evidence = try comparing.evidence(of: result.key)
        let finding = Comparison.finding((digest, author), stored: stored, evidence: evidence)
        try comparing.note(finding, of: result.key, (digest, author), stored: stored)
        if case .settles(_, replacesStored: true) = finding { _ = try write(result, author, replaces: true) }
        return finding.disagreement(on: result.key, between: [stored.author, author])
    }

    /// - Returns: whether anything was written.
    private func write(_ result: TrialResult, _ author: Author?, replaces: Bool) throws(StoreError) -> Bool {
        var train = Statement.Value.null, test = Statement.Value.null, reason = Statement.Value.null
        switch result.outcome {
        case .done(let trainLoss, let testLoss): (train, test) = (.real(trainLoss), .real(testLoss))
        case .diverged: break
        case .failed(let text): reason = .text(text)
        }
        let row: [(name: String, value: Statement.Value)] = [
            ("trial", .blob(result.key.bytes)), ("outcome", .text(result.outcome.name)), ("epochs", .integer(Int64(result.epochs))),
            ("train_loss", train), ("test_loss", test), ("digest", result.digest.map { .blob($0.bytes) } ?? .null), ("reason", reason),
            ("curve", .blob(Self.bytes(of: result.curve))), ("attempt", .integer(Int64(result.attempt))),
            ("seconds", .real(result.seconds.isFinite ? result.seconds : 0)), ("host", .text(author?.host ?? "")),
            ("worker", author.map { .blob($0.worker.bytes) } ?? .null),
            ("series_digest", Self.digest(of: result.series).map { .blob($0.bytes) } ?? .null),
        ]
        var isNew = false
        try insert.rows(row.map(\.value) + [.blob(Seal(row).bytes), .integer(replaces ? 1 : 0)]) { (_) throws(StoreError) in isNew = true }
        guard isNew else { return false }
        if replaces { try removeExtras(of: result.key) }
        for (place, series) in result.series.enumerated() {
            try insertSeries.run([
                .blob(result.key.bytes), .integer(Int64(place)), .text(series.name), .blob(Self.bytes(of: series.values.map(\.bitPattern))),
            ])
        }
        if !result.isFailure { try settle(result) }
        return true
    }

    // MARK: Checkpoints and models

    /// The newest of a trial; none of one that has a result.
    private func put(_ checkpoint: Checkpoint) throws(StoreError) {
        try database.prepare(
            """
            INSERT INTO checkpoint SELECT ?1, ?2, ?3, ?4
            WHERE NOT EXISTS (SELECT 1 FROM result WHERE trial = ?1 AND outcome <> 'failed')
            ON CONFLICT (trial) DO UPDATE SET epoch = excluded.epoch, digest = excluded.digest, content = excluded.content
            WHERE excluded.epoch > epoch
            """
        ).run([
            .blob(checkpoint.key.bytes), .integer(Int64(checkpoint.epoch)), .blob(checkpoint.digest.bytes), .blob(checkpoint.content),
        ])
    }

    /// A trial that is done needs no checkpoint.
    private func settle(_ result: TrialResult) throws(StoreError) {
        try remove(checkpointOf: result.key)
        guard let model = result.model else { return }
        try database.prepare("INSERT OR REPLACE INTO model VALUES (?, ?)").run([.blob(result.key.bytes), .blob(model)])
    }

    /// What a result left that has turned out wrong.
    private func removeExtras(of key: TrialKey) throws(StoreError) {
        for table in ["series", "model"] { try database.prepare("DELETE FROM \(table) WHERE trial = ?").run([.blob(key.bytes)]) }
    }

    func remove(checkpointOf key: TrialKey) throws(StoreError) {
        try database.prepare("DELETE FROM checkpoint WHERE trial = ?").run([.blob(key.bytes)])
    }

    /// - Returns: nil when there is none; what is damaged is returned as it is: `isIntact` tells.
    func checkpoint(of key: TrialKey) throws(StoreError) -> Checkpoint? {
        var found: Checkpoint?
        try database.prepare("SELECT epoch, digest, content FROM checkpoint WHERE trial = ?").rows([.blob(key.bytes)]) {
            (row) throws(StoreError) in
            guard let digest = Digest(bytes: row.blob(1)) else { return }
            found = Checkpoint(key: key, epoch: row.integer(0), digest: digest, content: row.blob(2))
        }
        return found
    }

    func checkpointMarks() throws(StoreError) -> [CheckpointMark] {
        var marks: [CheckpointMark] = []
        try database.prepare("SELECT trial, epoch FROM checkpoint").rows { (row) throws(StoreError) in
            if let key = row.key(0) { marks.append(CheckpointMark(key: key, epoch: row.integer(1))) }
        }
        return marks
    }

    /// The trained parameters in the safetensors format; nil where the trial has left none.
    func model(of key: TrialKey) throws(StoreError) -> [UInt8]? {
        var model: [UInt8]?
        try database.prepare("SELECT content FROM model WHERE trial = ?").rows([.blob(key.bytes)]) { (row) throws(StoreError) in
            model = row.blob(0)
        }
        return model
    }

    /// A stored result without its series; nil when there is none.
    /// - Throws: `damaged` also for a row that is not what was stored.
    func result(_ key: TrialKey) throws(StoreError) -> TrialResult? {
        var found: TrialResult?
        try select.rows([.blob(key.bytes)]) { (row) throws(StoreError) in
            guard Integrity.isIntact(row) else { throw .damaged(path: database.path, reason: "trial \(key) is not what was stored") }
            let outcome: Outcome =
                switch row.text(0) {
                case "done": .done(trainLoss: row.real(2), testLoss: row.real(3))
                case "diverged": .diverged
                default: .failed(reason: row.text(5))
                }
            found = TrialResult(
                key: key, attempt: row.integer(7), outcome: outcome, epochs: row.integer(1), lossRatio: nil,
                digest: row.isNull(4) ? nil : Digest(bytes: row.blob(4)), curve: Self.curve(of: row.blob(6)), seconds: row.real(8))
        }
        return found
    }

    /// What a stored trial left besides its losses, in its own order; empty for most.
    /// - Throws: `damaged` also for series that are not what was stored.
    func series(_ key: TrialKey) throws(StoreError) -> [Series] {
        var found: [Series] = [], expected: Digest?
        try selectSeries.rows([.blob(key.bytes)]) { (row) throws(StoreError) in
            found.append(Series(name: row.text(0), values: Self.words(of: row.blob(1)).map(Double.init(bitPattern:))))
        }
        try select.rows([.blob(key.bytes)]) { (row) throws(StoreError) in expected = row.isNull(11) ? nil : Digest(bytes: row.blob(11)) }
        guard Self.digest(of: found) == expected else {
            throw .damaged(path: database.path, reason: "the series of trial \(key) are not what was stored")
        }
        return found
    }

    /// Of all numbers that a trial left besides its losses, which the seal of its row covers; nil where it left none.
    static func digest(of series: [Series]) -> Digest? {
        guard !series.isEmpty else { return nil }
        return Digest(
            of: series.flatMap {
                bytes(of: [UInt64($0.name.utf8.count), UInt64($0.values.count)]) + $0.name.utf8
                    + bytes(of: $0.values.map(\.bitPattern))
            })
    }

    /// Every stored trial's key, outcome and compute time, without its curve: what a coordinator needs to go on.
    func forEachOutcome(_ body: (TrialKey, _ outcome: String, _ seconds: Double) -> Void) throws(StoreError) {
        try database.prepare("SELECT trial, outcome, seconds FROM result INDEXED BY outcome").rows { (row) throws(StoreError) in
            if let key = row.key(0) { body(key, row.text(1), row.real(2)) }
        }
    }

    /// Who computed a stored trial, where that is known.
    func author(of key: TrialKey) throws(StoreError) -> Author? {
        var author: Author?
        try select.rows([.blob(key.bytes)]) { (row) throws(StoreError) in author = Author(row, worker: 10, host: 9) }
        return author
    }

    /// Trials of which two workers have the same bits, or differ and were decided.
    func comparedTrials() throws(StoreError) -> Set<TrialKey> {
        var keys: Set<TrialKey> = []
        try database.prepare("SELECT trial FROM confirmation UNION SELECT trial FROM conflict").rows { (row) throws(StoreError) in
            if let key = row.key(0) { keys.insert(key) }
        }
        return keys
    }

    /// Trials whose bits differ and of which nobody has decided, with everybody who has computed them.
    func openDisagreements() throws(StoreError) -> [TrialKey: Set<Author>] {
        var open: [TrialKey: Set<Author>] = [:]
        try database.prepare("SELECT trial, worker, host, first_worker, first_host FROM conflict WHERE verdict = 'open'").rows {
            (row) throws(StoreError) in
            guard let key = row.key(0) else { return }
            let authors = [Author(row, worker: 1, host: 2), Author(row, worker: 3, host: 4)].compactMap { $0 }
            open[key, default: []].formUnion(authors)
        }
        return open
    }

    /// How many workers have died while they computed a trial.
    func crashes() throws(StoreError) -> [TrialKey: Int] {
        struct Lease: Hashable { var worker: [UInt8], lease: Int }
        var died: [Lease: [TrialKey]] = [:]
        // A worker that came back had not died.
        try database.prepare("SELECT worker, lease, trials, ended FROM lease WHERE ended IN ('died', 'came back') ORDER BY rowid").rows {
            (row) throws(StoreError) in
            died[Lease(worker: row.blob(0), lease: row.integer(1))] = row.text(3) == "died" ? TrialKey.list(of: row.blob(2)) : nil
        }
        var crashes: [TrialKey: Int] = [:]
        for key in died.values.joined() { crashes[key, default: 0] += 1 }
        return crashes
    }

    /// Workers whose bits two others have found to be wrong.
    func condemnedWorkers() throws(StoreError) -> Set<WorkerID> {
        var found: Set<WorkerID> = []
        try database.prepare("SELECT worker FROM conflict WHERE verdict IN ('wrong', 'the first was right') AND worker IS NOT NULL").rows {
            (row) throws(StoreError) in if let id = WorkerID(bytes: row.blob(0)) { found.insert(id) }
        }
        return found
    }

    /// Failed trials wait again, and workers that died of them are forgotten.
    func forgetFailures() throws(StoreError) {
        try database.transaction { () throws(StoreError) in
            try database.execute(
                "DELETE FROM result WHERE outcome = 'failed'; UPDATE lease SET ended = 'died, forgiven' WHERE ended = 'died'")
        }
    }

    /// Takes over what another store has of these trials and this one has not, with series and models; failures stay where they are.
    /// - Returns: how many there were.
    func copy(from other: borrowing ResultStore, _ keys: some Sequence<TrialKey>) throws(StoreError) -> Int {
        var taken = 0, here: Set<TrialKey> = [], there: Set<TrialKey> = []
        try forEachOutcome { key, outcome, _ in if outcome != "failed" { here.insert(key) } }
        try other.forEachOutcome { key, outcome, _ in if outcome != "failed" { there.insert(key) } }
        try database.transaction { () throws(StoreError) in
            for key in keys where there.contains(key) && !here.contains(key) {
                guard var result = try other.result(key) else { continue }
                result.series = try other.series(key)
                result.model = try other.model(of: key)
                _ = try put(result, try other.author(of: key))
                taken += 1
            }
        }
        return taken
    }

    // MARK: The sweep that the results belong to

    /// The settings that every stored trial was trained under, by name; empty in a new store.
    func base() throws(StoreError) -> [String: String] {
        var base: [String: String] = [:]
        try database.prepare("SELECT name, value FROM base").rows { (row) throws(StoreError) in base[row.text(0)] = row.text(1) }
        return base
    }

    func setBase(_ base: [String: String]) throws(StoreError) {
        try database.transaction { () throws(StoreError) in
            try database.execute("DELETE FROM base")
            let insert = try database.prepare("INSERT INTO base VALUES (?, ?)")
            for (name, value) in base.sorted(by: { $0.key < $1.key }) { try insert.run([.text(name), .text(value)]) }
        }
    }

    /// Counts this start. Incarnations begin at 1.
    func beginIncarnation(host: String, process: Int) throws(StoreError) -> UInt64 {
        var incarnation = 0
        try database.prepare("INSERT INTO start (host, process, at, boot) VALUES (?, ?, datetime('now'), ?) RETURNING epoch").rows([
            .text(host), .integer(Int64(process)), .text(Integrity.boot),
        ]) { (row) throws(StoreError) in incarnation = row.integer(0) }
        return UInt64(incarnation)
    }

    // MARK: Columns of numbers

    /// 8 big-endian bytes a word: the same on every host.
    static func bytes(of words: [UInt64]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 * words.count)
        for word in words {
            for shift in stride(from: UInt64(56), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        return bytes
    }

    static func words(of bytes: [UInt8]) -> [UInt64] {
        stride(from: 0, to: bytes.count - 7, by: 8).map { at in bytes[at..<at + 8].reduce(0) { $0 << 8 | UInt64($1) } }
    }

    /// Epoch, train loss, test loss of each point.
    private static func bytes(of curve: [CurvePoint]) -> [UInt8] {
        bytes(of: curve.flatMap { [UInt64($0.epoch), $0.trainLoss.bitPattern, $0.testLoss.bitPattern] })
    }

    private static func curve(of bytes: [UInt8]) -> [CurvePoint] {
        let words = words(of: bytes)
        return stride(from: 0, to: words.count - 2, by: 3).map { at in
            CurvePoint(
                epoch: Int(clamping: words[at]), trainLoss: Double(bitPattern: words[at + 1]), testLoss: Double(bitPattern: words[at + 2]))
        }
    }
}

extension TrialKey {
    /// - Parameter bytes: 16 a key.
    static func list(of bytes: [UInt8]) -> [TrialKey] {
        stride(from: 0, to: bytes.count - byteCount + 1, by: byteCount).compactMap { TrialKey(bytes: bytes[$0..<$0 + byteCount]) }
    }
}
