// ResultStore.swift · Coordinator/Store, after GroupCommit, before Reporting. Results on disk, under their trial keys.
// What `put` has returned for is durable (WAL, synchronous = FULL) and stored once, however often it arrives.

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
    private let conflict: Statement

    /// Opens a store that is there, to read; its writer may be at work.
    /// - Throws: `unusable`, `foreign`, `blocked`.
    init(reading path: String) throws(StoreError) {
        let database = try Database(path, readOnly: true)
        try Migrations.requireCurrent(database)
        try self.init(lock: nil, database: database)
    }

    /// Opens or makes a store, to write: the only one that may, until it is gone.
    /// - Parameter holder: who we are, for a second one that comes.
    /// - Throws: `locked`, `unusable`, `foreign`, `blocked`.
    init(writing path: String, holder: String) throws(StoreError) {
        let lock = try StoreLock(path: path + ".lock", holder: holder)
        let database = try Database(path)
        try Migrations.check(database)
        try database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        try Migrations.run(on: database)
        try self.init(lock: lock, database: database)
    }

    private init(lock: consuming StoreLock?, database: consuming Database) throws(StoreError) {
        // A stored failure gives way to a result; nothing else ever does. No row comes back when nothing was written.
        let insert = try database.prepare(
            """
            INSERT INTO result VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (trial) DO UPDATE SET
                outcome = excluded.outcome, epochs = excluded.epochs, train_loss = excluded.train_loss, test_loss = excluded.test_loss,
                digest = excluded.digest, reason = excluded.reason, curve = excluded.curve, attempt = excluded.attempt,
                seconds = excluded.seconds, host = excluded.host
            WHERE outcome = 'failed' AND excluded.outcome <> 'failed'
            RETURNING 1
            """)
        let select = try database.prepare(
            "SELECT outcome, epochs, train_loss, test_loss, digest, reason, curve, attempt, seconds, host FROM result WHERE trial = ?")
        let insertSeries = try database.prepare("INSERT INTO series VALUES (?, ?, ?, ?)")
        let selectSeries = try database.prepare("SELECT name, \"values\" FROM series WHERE trial = ? ORDER BY place")
        // Evidence may arrive twice as well.
        let conflict = try database.prepare(
            """
            INSERT INTO conflict SELECT ?1, ?2, ?3, ?4, ?5
            WHERE NOT EXISTS (SELECT 1 FROM conflict WHERE trial = ?1 AND digest = ?2 AND host = ?4)
            RETURNING 1
            """)
        self.lock = lock
        self.database = database
        self.insert = insert
        self.select = select
        self.insertSeries = insertSeries
        self.selectSeries = selectSeries
        self.conflict = conflict
    }

    /// Two boxes gave different bits for one trial.
    struct Conflict: Equatable, Sendable {
        var trial: TrialKey
        var host: String, firstHost: String
    }

    /// Stores what is new; a repeat changes nothing, and a repeat with other bits is kept as evidence. A failure is kept until the trial
    /// has a result after all.
    /// - Returns: the conflicts found, each the first time. When this returns, everything is on disk; when it throws, nothing is.
    func put(_ batches: [(results: [TrialResult], host: String)], _ checkpoints: [Checkpoint] = []) throws(StoreError) -> [Conflict] {
        var conflicts: [Conflict] = []
        try database.transaction { () throws(StoreError) in
            // Before the results, which remove them.
            for checkpoint in checkpoints { try put(checkpoint) }
            for (results, host) in batches {
                for result in results { if let found = try put(result, host) { conflicts.append(found) } }
            }
        }
        return conflicts
    }

    private func put(_ result: TrialResult, _ host: String) throws(StoreError) -> Conflict? {
        var train = Statement.Value.null, test = Statement.Value.null, reason = Statement.Value.null
        switch result.outcome {
        case .done(let trainLoss, let testLoss): (train, test) = (.real(trainLoss), .real(testLoss))
        case .diverged: break
        case .failed(let text): reason = .text(text)
        }
        var isNew = false
        try insert.rows([
            .blob(result.key.bytes), .text(result.outcome.name), .integer(Int64(result.epochs)), train, test,
            result.digest.map { .blob($0.bytes) } ?? .null, reason, .blob(Self.bytes(of: result.curve)), .integer(Int64(result.attempt)),
            .real(result.seconds.isFinite ? result.seconds : 0), .text(host),
        ]) { (_) throws(StoreError) in isNew = true }
        if isNew {
            for (place, series) in result.series.enumerated() {
                try insertSeries.run([
                    .blob(result.key.bytes), .integer(Int64(place)), .text(series.name),
                    .blob(Self.bytes(of: series.values.map(\.bitPattern))),
                ])
            }
        }
        if isNew, !result.isFailure { try settle(result) }
        guard !isNew, let digest = result.digest else { return nil }
        var first: (digest: [UInt8], host: String)?
        try select.rows([.blob(result.key.bytes)]) { (row) throws(StoreError) in first = (row.blob(4), row.text(9)) }
        guard let first, first.digest != digest.bytes else { return nil }
        isNew = false
        try conflict.rows([.blob(result.key.bytes), .blob(digest.bytes), .blob(first.digest), .text(host), .text(first.host)]) {
            (_) throws(StoreError) in isNew = true
        }
        return isNew ? Conflict(trial: result.key, host: host, firstHost: first.host) : nil
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
            if let key = TrialKey(bytes: row.blob(0)) { marks.append(CheckpointMark(key: key, epoch: row.integer(1))) }
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
    func result(_ key: TrialKey) throws(StoreError) -> TrialResult? {
        var found: TrialResult?
        try select.rows([.blob(key.bytes)]) { (row) throws(StoreError) in
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
    func series(_ key: TrialKey) throws(StoreError) -> [Series] {
        var found: [Series] = []
        try selectSeries.rows([.blob(key.bytes)]) { (row) throws(StoreError) in
            found.append(Series(name: row.text(0), values: Self.words(of: row.blob(1)).map(Double.init(bitPattern:))))
        }
        return found
    }

    /// Every stored trial's key, outcome and compute time, without its curve: what a coordinator needs to go on.
    func forEachOutcome(_ body: (TrialKey, _ outcome: String, _ seconds: Double) -> Void) throws(StoreError) {
        try database.prepare("SELECT trial, outcome, seconds FROM result").rows { (row) throws(StoreError) in
            if let key = TrialKey(bytes: row.blob(0)) { body(key, row.text(1), row.real(2)) }
        }
    }

    /// Failed trials wait again.
    func forgetFailures() throws(StoreError) { try database.execute("DELETE FROM result WHERE outcome = 'failed'") }

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

    /// Counts this start. Epochs begin at 1.
    func beginEpoch(host: String, process: Int) throws(StoreError) -> UInt64 {
        var epoch = 0
        try database.prepare("INSERT INTO start (host, process, at) VALUES (?, ?, datetime('now')) RETURNING epoch").rows([
            .text(host), .integer(Int64(process)),
        ]) { (row) throws(StoreError) in epoch = row.integer(0) }
        return UInt64(epoch)
    }

    // MARK: Columns of numbers

    /// 8 big-endian bytes a word: the same on every box.
    private static func bytes(of words: [UInt64]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 * words.count)
        for word in words {
            for shift in stride(from: UInt64(56), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        return bytes
    }

    private static func words(of bytes: [UInt8]) -> [UInt64] {
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
