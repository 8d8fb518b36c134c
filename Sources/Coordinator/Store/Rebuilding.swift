// Rebuilding.swift · Coordinator/Store, between Salvage and Repairing. A new store from what can be read of a damaged one: results that
// Salvage finds page by page, and the other tables as far as SQLite can still read them.

internal import Vocabulary
internal import Wire

enum Rebuilding {
    /// Makes a new store that has every intact result of a damaged one, and what else SQLite can still read there.
    /// - Parameters:
    ///   - path: the damaged store, which is only read.
    ///   - new: path of the new store.
    /// - Returns: the number of results in the new store.
    static func rebuild(_ path: String, as new: String, holder: String) throws -> Int {
        let file = try FileBytes.read(path)
        let log = (try? FileBytes.read(path + "-wal")) ?? []
        let store = try ResultStore(writing: new, holder: holder)
        let salvage = try salvage(file, log, store.database)
        let copy = new + copyEnding
        defer { for end in ["", "-wal", "-shm"] { Files.remove(copy + end) } }
        let old = try DamagedStore(path, copy: copy, file, log, pageSize: salvage.pageSize)
        try restoreResults(salvage, old.listing(), store.database)
        try restoreSeries(salvage, store.database)
        try copyRest(of: old, to: store.database)
        try store.database.transaction { () throws(StoreError) in try SealLedger.sealAll(store.database) }
        return try Migrations.number("SELECT count(*) FROM result", store.database)
    }

    /// The end of the name of a copy of the damaged store, behind that of the new one.
    static let copyEnding = ".source"

    /// The pages of the damaged store. The size of a page is that of the header, or, where the header is wrong, the one that new files have.
    /// - Parameter database: the new store, whose columns are those of the old one.
    private static func salvage(_ file: [UInt8], _ log: [UInt8], _ database: borrowing Database) throws(StoreError) -> Salvage {
        var columns: [Salvage.Column] = []
        try database.prepare("SELECT name, type FROM pragma_table_info('result') ORDER BY cid").rows { (row) throws(StoreError) in
            columns.append(Salvage.Column(name: row.text(0), isReal: row.text(1) == "REAL"))
        }
        let usual = Salvage(file: file, log: log, columns: columns, pageSize: StoreHeader.defaultPageSize)
        guard let stated = StoreHeader.statedPageSize(file), stated != StoreHeader.defaultPageSize else { return usual }
        let other = Salvage(file: file, log: log, columns: columns, pageSize: stated)
        var counts = (usual: 0, other: 0)
        try usual.forEachRow { (_) throws(StoreError) in counts.usual += 1 }
        try other.forEachRow { (_) throws(StoreError) in counts.other += 1 }
        return counts.usual > counts.other ? usual : other
    }

    /// Writes all rows of results that are intact.
    /// - Parameter listing: what the index of the damaged store says of each trial, where that is sound. A page that was freed may still
    ///   have the row of a result that was replaced.
    private static func restoreResults(
        _ salvage: Salvage, _ listing: [TrialKey: DamagedStore.Listed], _ database: borrowing Database
    ) throws(StoreError) {
        let columns = salvage.columns
        // Where a trial is found twice, as a failure and as a result, the result counts, as it does in `put`.
        let names = columns.map(\.name).joined(separator: ", "), marks = columns.map { _ in "?" }.joined(separator: ", ")
        let insert = try database.prepare(
            """
            INSERT INTO result (\(names)) VALUES (\(marks)) ON CONFLICT (trial) DO UPDATE SET
                \(columns.dropFirst().map { "\($0.name) = excluded.\($0.name)" }.joined(separator: ", "))
            WHERE outcome = 'failed' AND excluded.outcome <> 'failed'
            """)
        try database.transaction { () throws(StoreError) in
            try salvage.forEachRow { (row) throws(StoreError) in
                func value(_ name: String) -> Statement.Value? { row.first { $0.name == name }?.value }
                if case .blob(let trial)? = value("trial"), let key = TrialKey(bytes: trial), let listed = listing[key], !listed.isFailure,
                    listed.row != RowChecksum(["trial", "outcome", "seconds"].compactMap(value)).value
                {
                    return
                }
                try insert.run(row.map(\.value) + Array(repeating: .null, count: columns.count - row.count))
            }
        }
    }

    /// Writes the series of all results. A result whose series cannot be restored is removed, so that its trial is trained again.
    private static func restoreSeries(_ salvage: Salvage, _ database: borrowing Database) throws(StoreError) {
        // Pages that were overwritten are found as well, so that one place of a trial may have several series, the newest first.
        var found: [TrialKey: [Int: [Series]]] = [:]
        salvage.forEachSeries { key, place, series in
            if found[key]?[place]?.contains(series) != true { found[key, default: [:]][place, default: []].append(series) }
        }
        var expected: [(TrialKey, Digest)] = []
        try database.prepare("SELECT trial, series_digest FROM result WHERE series_digest IS NOT NULL").rows { (row) throws(StoreError) in
            if let key = row.key(0), let digest = Digest(bytes: row.blob(1)) { expected.append((key, digest)) }
        }
        let insert = try database.prepare("INSERT INTO series VALUES (?, ?, ?, ?)")
        let drop = try database.prepare("DELETE FROM result WHERE trial = ?")
        try database.transaction { () throws(StoreError) in
            for (key, digest) in expected {
                let places = found[key] ?? [:], most = places.values.map(\.count).max() ?? 0
                // A trial may have had two results, each with its own series, and either may be the one that counts. The series of two
                // results are never mixed.
                let choices = (0..<most).map { age in (0..<places.count).compactMap { places[$0].map { $0[min(age, $0.count - 1)] } } }
                // Where a result with fewer series replaced one with more, the last places are those of the older result.
                let candidates = choices.flatMap { series in (1...max(1, series.count)).reversed().map { Array(series.prefix($0)) } }
                guard let right = candidates.first(where: { NumberColumns.digest(of: $0) == digest }) else {
                    try drop.run([.blob(key.bytes)])
                    continue
                }
                for (place, series) in right.enumerated() {
                    try insert.run([
                        .blob(key.bytes), .integer(Int64(place)), .text(series.name),
                        .blob(NumberColumns.bytes(of: series.values)),
                    ])
                }
            }
        }
    }

    /// Copies the tables that a sweep can do without, each as far as it can be read.
    private static func copyRest(of old: borrowing DamagedStore, to database: borrowing Database) throws(StoreError) {
        // Workers may still hold leases of the old store's incarnations, which the new store must never count again.
        try database.execute("INSERT INTO start (epoch, host, process, at) VALUES (1000000, '', 0, datetime('now'))")
        // Settings that are not what was stored would make the sweep another one; without them, the next `run` writes its own.
        for table in ["base", "start", "conflict", "confirmation", "lease"] where table != "base" || old.isSound(.base) {
            guard let rows = try? old.database.prepare("SELECT * FROM \(table)") else { continue }
            try database.transaction { () throws(StoreError) in try copy(rows, to: table, database) }
        }
        // Row by row: a model is large, and damage to one of them must not cost the others.
        try copyEach("model", of: old.database, where: "IN", database)
        try copyEach("checkpoint", of: old.database, where: "NOT IN", database)
        for trial in try damagedModels(database) { try database.prepare("DELETE FROM model WHERE trial = ?").run([.blob(trial)]) }
    }

    /// Trials whose models are not what was stored. Those of an older release have no digest.
    private static func damagedModels(_ database: borrowing Database) throws(StoreError) -> [[UInt8]] {
        var trials: [[UInt8]] = []
        try database.prepare("SELECT trial, content, digest FROM model WHERE digest IS NOT NULL").rows { (row) throws(StoreError) in
            if Digest(of: row.blob(1)).bytes != row.blob(2) { trials.append(row.blob(0)) }
        }
        return trials
    }

    /// - Parameters:
    ///   - rows: selects the columns of the table, in order. The rows before the damage are copied.
    ///   - condition: SQL that a row has to fulfil; it calls the row's columns ?1, ?2 and so on.
    /// - Throws: `blocked` when the new store cannot be written to.
    private static func copy(
        _ rows: borrowing Statement, _ values: [Statement.Value] = [], to table: String, where condition: String = "",
        _ database: borrowing Database
    ) throws(StoreError) {
        let names = rows.columnNames, columns = names.indices, marks = columns.map { "?\($0 + 1)" }.joined(separator: ", ")
        // A table with other columns was not made by this program.
        let sql = "INSERT OR IGNORE INTO \(table) (\(names.joined(separator: ", "))) SELECT \(marks) \(condition)"
        guard let insert = try? database.prepare(sql) else { return }
        var refusal: StoreError?
        try? rows.rows(values) { (row) throws(StoreError) in
            do throws(StoreError) { try insert.run(columns.map { row.value($0) }) } catch {
                guard case .blocked = error else { return }
                refusal = error
                throw error
            }
        }
        if let refusal { throw refusal }
    }

    /// Copies a table row by row.
    /// - Parameter relation: `IN` for rows of trials that have results, `NOT IN` for the others.
    private static func copyEach(
        _ table: String, of old: borrowing Database, where relation: String, _ database: borrowing Database
    ) throws(StoreError) {
        var numbers: [Int] = []
        // The index and the rows lie on different pages: every row that one of them still names is tried.
        try? old.prepare("SELECT rowid FROM \(table)").rows { (row) throws(StoreError) in numbers.append(row.integer(0)) }
        guard let select = try? old.prepare("SELECT * FROM \(table) WHERE rowid = ?") else { return }
        for number in numbers {
            try copy(
                select, [.integer(Int64(number))], to: table,
                where: "WHERE ?1 \(relation) (SELECT trial FROM result WHERE outcome <> 'failed')", database)
        }
    }
}

/// A damaged store as far as SQLite can read it.
private struct DamagedStore: ~Copyable {
    let database: Database

    /// - Parameters:
    ///   - path: the damaged store.
    ///   - copy: path for a copy with a header that SQLite takes, which is made where that of the store is damaged.
    init(_ path: String, copy: String, _ file: [UInt8], _ log: [UInt8], pageSize: Int) throws {
        let isReadable = StoreHeader.isOne(file) && StoreHeader.complaint(file, fileSize: log.isEmpty ? file.count : nil) == nil
        if !isReadable, file.count >= StoreHeader.size {
            let header = StoreHeader.restored(fileSize: file.count, pageSize: pageSize)
            try OutputFile.write(header + file.dropFirst(header.count), to: copy)
            if !log.isEmpty { try OutputFile.write(log, to: copy + "-wal") }
        }
        // When a connection that may write is closed, SQLite takes the log into the damaged file and removes the log.
        database = try Database(isReadable || file.count < StoreHeader.size ? path : copy, readOnly: true)
    }

    /// Whether a table is what its seal says; true also for a store of a release that had none.
    func isSound(_ table: SealedTable) -> Bool {
        guard let seals = try? SealLedger.stored(database) else { return true }
        return (try? TableSeal(of: table, database)) == seals[table]
    }

    /// What the index of results says of a trial.
    struct Listed {
        var isFailure: Bool
        /// The checksum of trial, outcome and seconds.
        var row: UInt64
    }

    /// - Returns: empty where the index is not sound.
    func listing() -> [TrialKey: Listed] {
        guard (try? SealLedger.stored(database)) != nil, isSound(.result), let select = try? database.prepare(SealedTable.result.query)
        else { return [:] }
        var found: [TrialKey: Listed] = [:]
        try? select.rows { (row) throws(StoreError) in
            if let key = row.key(0) { found[key] = Listed(isFailure: row.text(1) == "failed", row: row.checksum.value) }
        }
        return found
    }
}
