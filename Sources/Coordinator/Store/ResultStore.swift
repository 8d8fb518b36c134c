// ResultStore.swift · Coordinator/Store, after CommitQueue, before Reporting. Results on disk, under their trial keys, and what is written
// with them. What `put` has returned for is durable (WAL, synchronous = EXTRA) and stored once, however often it arrives.
// Reading is in +Reading, what a start of the coordinator reads in +Recovery, and what people ask about the past in +History.

internal import Vocabulary
internal import Wire

/// One connection that writes, or one that only reads.
struct ResultStore: ~Copyable, Journal {
    let database: Database
    /// What a commit has to count. Nil for a reader.
    private let ledger: SealLedger?
    /// The files that a writer has open. Nil for a reader.
    private let place: StorePlace?
    private let insert: Statement
    /// Everything that the table `result` has of one trial; +Reading knows the order of the columns.
    let select: Statement
    private let selectListing: Statement
    private let insertSeries: Statement
    let selectSeries: Statement
    private let comparisons: ComparisonTables
    private let insertRecord: Statement
    /// Nil for a reader. It comes last: fields are destroyed in order, and the lock is held until the database is closed.
    private let lock: StoreLock?

    /// Opens a store that exists, to read it; its writer may be at work. Whatever is read from it afterwards is all that was committed.
    /// - Throws: `unusable`, `foreign`, `headless`, `damaged`, `blocked`.
    init(reading path: String) throws(StoreError) {
        try Repairing.requireFinished(path)
        // Header and log are read first: to close the files would end the locks that SQLite has on them.
        let header = StoreHeader(of: path, isAlone: !StoreLock.isHeld(of: path))
        try StoreLog.require(path) { !StoreLock.isHeld(of: path) }
        // A writer notes a commit after it has made it, so this one is in the store, or it was lost.
        let noted = StoreLock.notedCommit(of: path)
        let database = try Database(path, readOnly: true)
        let format = try Migrations.requireReadable(database)
        try header.require(path)
        try Integrity.prove(database, format: format)
        try SealLedger.require(noted, database, format: format)
        try self.init(lock: nil, database: database, ledger: nil, place: nil)
    }

    /// Opens or makes a store, to write to it. Until this value is gone no other writer can open it.
    /// - Parameter holder: names this process to a second writer that comes.
    /// - Throws: `locked`, `unusable`, `foreign`, `headless`, `damaged`, `blocked`.
    init(writing path: String, holder: String) throws(StoreError) {
        let lock = try StoreLock(of: path, holder: holder)
        try Repairing.requireFinished(path)
        let header = StoreHeader(of: path, isAlone: true)
        let database = try Database(path)
        try Migrations.check(database)
        try header.require(path)
        // EXTRA is FULL and, for the moment before the write-ahead log is in place, a sync of the directory: a rollback journal that comes
        // back after a power cut would undo that step and with it everything that the log holds.
        try database.execute("PRAGMA synchronous = EXTRA; PRAGMA journal_mode = WAL")
        try Migrations.run(on: database)
        try Integrity.prove(database, format: Migrations.all.count)
        if try Integrity.mayBeTorn(database) { try Integrity.verify(database) }
        let ledger = try SealLedger(database), place = try StorePlace(of: path, lock)
        place.mark.note(ledger.commits)
        try self.init(lock: lock, database: database, ledger: ledger, place: place)
    }

    private init(
        lock: consuming StoreLock?, database: consuming Database, ledger: SealLedger?, place: StorePlace?
    ) throws(StoreError) {
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
        // By way of the index, which is known to have all trials: a row that is not found is missing.
        let select = try database.prepare(
            """
            SELECT r.outcome, r.epochs, r.train_loss, r.test_loss, r.digest, r.reason, r.curve, r.attempt, r.seconds, r.host, r.worker,
                r.series_digest, r.trial, r.seal, listed.outcome, listed.seconds
            FROM (SELECT trial, outcome, seconds FROM result INDEXED BY outcome WHERE trial = ?) listed
            LEFT JOIN result r ON r.trial = listed.trial
            """)
        let selectListing = try database.prepare("SELECT trial, outcome, seconds FROM result INDEXED BY outcome WHERE trial = ?")
        let insertSeries = try database.prepare("INSERT INTO series VALUES (?, ?, ?, ?)")
        let selectSeries = try database.prepare("SELECT name, \"values\" FROM series WHERE trial = ? ORDER BY place")
        let comparisons = try ComparisonTables(database)
        let insertRecord = try database.prepare("INSERT INTO lease VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        self.lock = lock
        self.database = database
        self.ledger = ledger
        self.place = place
        self.insert = insert
        self.select = select
        self.selectListing = selectListing
        self.insertSeries = insertSeries
        self.selectSeries = selectSeries
        self.comparisons = comparisons
        self.insertRecord = insertRecord
    }

    func put(
        _ results: [(results: [TrialResult], author: Author?)], checkpoints: [Checkpoint] = [], records: [LeaseRecord] = []
    ) throws(StoreError) -> [Disagreement] {
        var found: [Disagreement] = []
        try commit { (ledger) throws(StoreError) in
            // Checkpoints come before the results, which remove them.
            for checkpoint in checkpoints { try put(checkpoint, ledger) }
            for (results, author) in results {
                for result in results { if let disagreement = try put(result, author, ledger) { found.append(disagreement) } }
            }
            for record in records {
                let row: [Statement.Value] = [
                    .integer(Int64(record.incarnation)), .integer(Int64(bitPattern: record.lease.rawValue)), .blob(record.worker.bytes),
                    .text(record.host), .real(record.since.sinceStart.inSeconds), .real(record.until.sinceStart.inSeconds),
                    .text(record.end.rawValue), .blob(record.trials.flatMap(\.bytes)),
                ]
                try insertRecord.run(row)
                ledger.add(RowChecksum(row), to: .lease)
            }
        }
        return found
    }

    func answer() -> [Disagreement] { preconditionFailure("every call of put has answered") }

    /// Nothing is ever under way: each call is done when it returns.
    func settle() {}

    /// Runs the closure in one transaction, and looks afterwards whether what it wrote has gone to the store that people see. The closure
    /// tells the ledger of each row that it adds or removes.
    func commit(_ body: (SealLedger) throws(StoreError) -> Void) throws(StoreError) {
        guard let ledger else { throw .unusable(path: database.path, reason: "is open for reading alone") }
        try ledger.transaction(database) { () throws(StoreError) in try body(ledger) }
        place?.mark.note(ledger.commits)
        try requireInPlace()
    }

    func requireInPlace() throws(StoreError) {
        guard let place else { return }
        try place.require(database)
    }

    private func put(_ result: TrialResult, _ author: Author?, _ ledger: SealLedger) throws(StoreError) -> Disagreement? {
        guard try !write(result, author, replaces: false, ledger), let digest = result.digest else { return nil }
        let new = ComputedBits(digest: digest, author: author)
        guard let stored = try bits(of: result.key) else { return nil }
        let finding = Comparison.finding(new, stored: stored, evidence: try comparisons.evidence(of: result.key))
        for change in Comparison.changes(for: finding, new, stored: stored) {
            switch change {
            case .confirm(let author): try comparisons.confirm(result.key, by: author, ledger)
            case .decide(let verdict): try comparisons.decide(verdict, of: result.key, ledger)
            case .add(let conflict): try comparisons.add(conflict, of: result.key, ledger)
            case .replaceResult: _ = try write(result, author, replaces: true, ledger)
            }
        }
        return finding.disagreement(on: result.key, new, stored: stored)
    }

    /// - Returns: whether anything was written.
    private func write(
        _ result: TrialResult, _ author: Author?, replaces: Bool, _ ledger: SealLedger
    ) throws(StoreError) -> Bool {
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
            ("worker", author.map { .blob($0.bytes) } ?? .null),
            ("series_digest", NumberColumns.digest(of: result.series).map { .blob($0.bytes) } ?? .null),
        ]
        var isNew = false, old: RowChecksum?
        try selectListing.rows([.blob(result.key.bytes)]) { (row) throws(StoreError) in old = row.checksum }
        try insert.rows(row.map(\.value) + [.blob(Seal(row).bytes), .integer(replaces ? 1 : 0)]) { (_) throws(StoreError) in isNew = true }
        guard isNew else { return false }
        if let old { ledger.remove(old, from: .result) }
        let seconds = Statement.Value.real(result.seconds.isFinite ? result.seconds : 0)
        ledger.add(RowChecksum([.blob(result.key.bytes), .text(result.outcome.name), seconds]), to: .result)
        if replaces { try removeExtras(of: result.key, ledger) }
        for (place, series) in result.series.enumerated() {
            try insertSeries.run([
                .blob(result.key.bytes), .integer(Int64(place)), .text(series.name), .blob(NumberColumns.bytes(of: series.values)),
            ])
        }
        if !result.isFailure { try writeModel(result, ledger) }
        return true
    }

    // MARK: Checkpoints and models

    private func put(_ checkpoint: Checkpoint, _ ledger: SealLedger) throws(StoreError) {
        let trial = Statement.Value.blob(checkpoint.key.bytes)
        var old: RowChecksum?, new: RowChecksum?
        try database.prepare("SELECT trial, epoch FROM checkpoint WHERE trial = ?").rows([trial]) { (row) throws(StoreError) in
            old = row.checksum
        }
        try database.prepare(
            """
            INSERT INTO checkpoint SELECT ?1, ?2, ?3, ?4
            WHERE NOT EXISTS (SELECT 1 FROM result WHERE trial = ?1 AND outcome <> 'failed')
            ON CONFLICT (trial) DO UPDATE SET epoch = excluded.epoch, digest = excluded.digest, content = excluded.content
            WHERE excluded.epoch > epoch
            RETURNING trial, epoch
            """
        ).rows([trial, .integer(Int64(checkpoint.epoch)), .blob(checkpoint.digest.bytes), .blob(checkpoint.content)]) {
            (row) throws(StoreError) in new = row.checksum
        }
        guard let new else { return }
        if let old { ledger.remove(old, from: .checkpoint) }
        ledger.add(new, to: .checkpoint)
    }

    /// A trial that has its result needs no checkpoint any more.
    private func writeModel(_ result: TrialResult, _ ledger: SealLedger) throws(StoreError) {
        try remove(checkpointOf: result.key, ledger)
        guard let model = result.model else { return }
        try delete("model WHERE trial = ?", returning: "trial", [.blob(result.key.bytes)], from: .model, ledger)
        let trial = Statement.Value.blob(result.key.bytes)
        try database.prepare("INSERT INTO model (trial, content, digest) VALUES (?, ?, ?)").run([
            trial, .blob(model), .blob(Digest(of: model).bytes),
        ])
        ledger.add(RowChecksum([trial]), to: .model)
    }

    /// Removes what a result that was found wrong left beside its row.
    private func removeExtras(of key: TrialKey, _ ledger: SealLedger) throws(StoreError) {
        try database.prepare("DELETE FROM series WHERE trial = ?").run([.blob(key.bytes)])
        try delete("model WHERE trial = ?", returning: "trial", [.blob(key.bytes)], from: .model, ledger)
    }

    func remove(checkpointOf key: TrialKey) throws(StoreError) {
        try commit { (ledger) throws(StoreError) in try remove(checkpointOf: key, ledger) }
    }

    private func remove(checkpointOf key: TrialKey, _ ledger: SealLedger) throws(StoreError) {
        try delete("checkpoint WHERE trial = ?", returning: "trial, epoch", [.blob(key.bytes)], from: .checkpoint, ledger)
    }

    /// Deletes rows and takes them off the table's seal.
    /// - Parameter columns: those that the seal covers, in its order.
    func delete(
        _ rows: String, returning columns: String, _ values: [Statement.Value] = [], from table: SealedTable, _ ledger: SealLedger
    ) throws(StoreError) {
        try database.prepare("DELETE FROM \(rows) RETURNING \(columns)").rows(values) { (row) throws(StoreError) in
            ledger.remove(row.checksum, from: table)
        }
    }

    // MARK: From store to store

    /// Copies results of these trials from another store where this one has none or a failure, with series and models. Failures are not
    /// copied.
    /// - Returns: how many results were copied.
    func copy(from other: borrowing ResultStore, _ keys: some Sequence<TrialKey>) throws(StoreError) -> Int {
        var copied = 0, here: Set<TrialKey> = [], there: Set<TrialKey> = []
        try forEachOutcome { key, outcome, _ in if outcome != "failed" { here.insert(key) } }
        try other.forEachOutcome { key, outcome, _ in if outcome != "failed" { there.insert(key) } }
        try commit { (ledger) throws(StoreError) in
            for key in keys where there.contains(key) && !here.contains(key) {
                guard var result = try other.result(key) else { continue }
                result.series = try other.series(key)
                result.model = try other.model(of: key)
                _ = try put(result, try other.author(of: key), ledger)
                copied += 1
            }
        }
        return copied
    }
}
