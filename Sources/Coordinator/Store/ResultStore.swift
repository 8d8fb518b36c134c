// ResultStore.swift · Coordinator/Store, after CommitQueue, before Reporting. Results on disk, under their trial keys, and what is written
// with them. What `put` has returned for is durable (WAL, synchronous = EXTRA) and stored once, however often it arrives.
// Reading is in +Reading, what a start of the coordinator reads in +Recovery, and what people ask about the past in +History.

internal import Vocabulary
internal import Wire

/// One connection that writes, or one that only reads.
struct ResultStore: ~Copyable, Journal {
    /// Nil for a reader.
    private let lock: StoreLock?
    let database: Database
    private let insert: Statement
    /// Everything that the table `result` has of one trial; +Reading knows the order of the columns.
    let select: Statement
    private let insertSeries: Statement
    let selectSeries: Statement
    private let comparisons: ComparisonTables
    private let insertRecord: Statement

    /// Opens a store that exists, to read it; its writer may be at work.
    /// - Throws: `unusable`, `foreign`, `headless`, `damaged`, `blocked`.
    init(reading path: String) throws(StoreError) {
        try Repairing.requireFinished(path)
        let database = try Database(path, readOnly: true)
        try Migrations.requireCurrent(database)
        try self.init(lock: nil, database: database)
    }

    /// Opens or makes a store, to write to it. Until this value is gone no other writer can open it.
    /// - Parameter holder: names this process to a second writer that comes.
    /// - Throws: `locked`, `unusable`, `foreign`, `headless`, `damaged`, `blocked`.
    init(writing path: String, holder: String) throws(StoreError) {
        let lock = try StoreLock(of: path, holder: holder)
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
        let comparisons = try ComparisonTables(database)
        let insertRecord = try database.prepare("INSERT INTO lease VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        self.lock = lock
        self.database = database
        self.insert = insert
        self.select = select
        self.insertSeries = insertSeries
        self.selectSeries = selectSeries
        self.comparisons = comparisons
        self.insertRecord = insertRecord
    }

    func put(
        _ results: [(results: [TrialResult], author: Author?)], checkpoints: [Checkpoint] = [], records: [LeaseRecord] = []
    ) throws(StoreError) -> [Disagreement] {
        var found: [Disagreement] = []
        try database.transaction { () throws(StoreError) in
            // Checkpoints come before the results, which remove them.
            for checkpoint in checkpoints { try put(checkpoint) }
            for (results, author) in results {
                for result in results { if let disagreement = try put(result, author) { found.append(disagreement) } }
            }
            for record in records {
                try insertRecord.run([
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
        let new = ComputedBits(digest: digest, author: author)
        guard let stored = try bits(of: result.key) else { return nil }
        let finding = Comparison.finding(new, stored: stored, evidence: try comparisons.evidence(of: result.key))
        for change in Comparison.changes(for: finding, new, stored: stored) {
            switch change {
            case .confirm(let author): try comparisons.confirm(result.key, by: author)
            case .decide(let verdict): try comparisons.decide(verdict, of: result.key)
            case .add(let conflict): try comparisons.add(conflict, of: result.key)
            case .replaceResult: _ = try write(result, author, replaces: true)
            }
        }
        return finding.disagreement(on: result.key, new, stored: stored)
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
            ("curve", .blob(NumberColumns.bytes(of: result.curve))), ("attempt", .integer(Int64(result.attempt))),
            ("seconds", .real(result.seconds.isFinite ? result.seconds : 0)), ("host", .text(author?.host ?? "")),
            ("worker", author.map { .blob($0.worker.bytes) } ?? .null),
            ("series_digest", NumberColumns.digest(of: result.series).map { .blob($0.bytes) } ?? .null),
        ]
        var isNew = false
        try insert.rows(row.map(\.value) + [.blob(Seal(row).bytes), .integer(replaces ? 1 : 0)]) { (_) throws(StoreError) in isNew = true }
        guard isNew else { return false }
        if replaces { try removeExtras(of: result.key) }
        for (place, series) in result.series.enumerated() {
            try insertSeries.run([
                .blob(result.key.bytes), .integer(Int64(place)), .text(series.name), .blob(NumberColumns.bytes(of: series.values)),
            ])
        }
        if !result.isFailure { try writeModel(result) }
        return true
    }

    // MARK: Checkpoints and models

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

    /// A trial that has its result needs no checkpoint any more.
    private func writeModel(_ result: TrialResult) throws(StoreError) {
        try remove(checkpointOf: result.key)
        guard let model = result.model else { return }
        try database.prepare("INSERT OR REPLACE INTO model VALUES (?, ?)").run([.blob(result.key.bytes), .blob(model)])
    }

    /// Removes what a result that was found wrong left beside its row.
    private func removeExtras(of key: TrialKey) throws(StoreError) {
        for table in ["series", "model"] { try database.prepare("DELETE FROM \(table) WHERE trial = ?").run([.blob(key.bytes)]) }
    }

    func remove(checkpointOf key: TrialKey) throws(StoreError) {
        try database.prepare("DELETE FROM checkpoint WHERE trial = ?").run([.blob(key.bytes)])
    }

    // MARK: From store to store

    /// Copies results of these trials from another store where this one has none or a failure, with series and models. Failures are not
    /// copied.
    /// - Returns: how many results were copied.
    func copy(from other: borrowing ResultStore, _ keys: some Sequence<TrialKey>) throws(StoreError) -> Int {
        var copied = 0, here: Set<TrialKey> = [], there: Set<TrialKey> = []
        try forEachOutcome { key, outcome, _ in if outcome != "failed" { here.insert(key) } }
        try other.forEachOutcome { key, outcome, _ in if outcome != "failed" { there.insert(key) } }
        try database.transaction { () throws(StoreError) in
            for key in keys where there.contains(key) && !here.contains(key) {
                guard var result = try other.result(key) else { continue }
                result.series = try other.series(key)
                result.model = try other.model(of: key)
                _ = try put(result, try other.author(of: key))
                copied += 1
            }
        }
        return copied
    }
}
