// Rebuilding.swift · Coordinator/Store, between Salvage and Repairing. A new store from what can be read of a damaged one: results that
// Salvage finds page by page, and the other tables as far as SQLite can still read them.

internal import FoundationEssentials
internal import Vocabulary
internal import Wire

enum Rebuilding {
    /// Makes a new store that has every intact result of a damaged one, and what else SQLite can still read there.
    /// - Parameters:
    ///   - path: the damaged store, which is only read.
    ///   - new: path of the new store.
    /// - Returns: the number of results in the new store.
    static func rebuild(_ path: String, as new: String, holder: String) throws -> Int {
        let file = try Data(contentsOf: URL(filePath: path))
        let log = (try? Data(contentsOf: URL(filePath: path + "-wal"))) ?? Data()
        let store = try ResultStore(writing: new, holder: holder)
        var columns: [Salvage.Column] = []
        try store.database.prepare("SELECT name, type FROM pragma_table_info('result') ORDER BY cid").rows { (row) throws(StoreError) in
            columns.append(Salvage.Column(name: row.text(0), isReal: row.text(1) == "REAL"))
        }
        let salvage = Salvage(file: Array(file), log: Array(log), columns: columns)
        // Where a trial is found twice, as a failure and as a result, the result counts, as it does in `put`.
        let names = columns.map(\.name).joined(separator: ", "), marks = columns.map { _ in "?" }.joined(separator: ", ")
        let insert = try store.database.prepare(
            """
            INSERT INTO result (\(names)) VALUES (\(marks)) ON CONFLICT (trial) DO UPDATE SET
                \(columns.dropFirst().map { "\($0.name) = excluded.\($0.name)" }.joined(separator: ", "))
            WHERE outcome = 'failed' AND excluded.outcome <> 'failed'
            """)
        try store.database.transaction { () throws(StoreError) in
            try salvage.forEachRow { (row) throws(StoreError) in
                try insert.run(row.map(\.value) + Array(repeating: .null, count: columns.count - row.count))
            }
        }
        try restoreSeries(salvage, store.database)
        try copyRest(of: path, to: store.database)
        return try Migrations.number("SELECT count(*) FROM result", store.database)
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
    private static func copyRest(of path: String, to database: borrowing Database) throws(StoreError) {
        // Workers may still hold leases of the old store's incarnations, which the new store must never count again.
        try database.execute("INSERT INTO start (epoch, host, process, at) VALUES (1000000, '', 0, datetime('now'))")
        // When a connection that may write is closed, SQLite takes the log into the damaged file and removes the log.
        guard let old = try? Database(path, readOnly: true) else { return }
        for table in ["base", "start", "conflict", "confirmation", "lease"] {
            guard let rows = try? old.prepare("SELECT * FROM \(table)") else { continue }
            try database.transaction { () throws(StoreError) in try copy(rows, to: table, database) }
        }
        // Row by row: a model is large, and damage to one of them must not cost the others. No checksum of ours covers a model.
        try copyEach("model", of: old, where: "IN", database)
        try copyEach("checkpoint", of: old, where: "NOT IN", database)
    }

    /// - Parameters:
    ///   - rows: selects the columns of the table, in order. The rows before the damage are copied.
    ///   - condition: SQL that a row has to fulfil; it calls the row's columns ?1, ?2 and so on.
    /// - Throws: `blocked` when the new store cannot be written to.
    private static func copy(
        _ rows: borrowing Statement, _ values: [Statement.Value] = [], to table: String, where condition: String = "",
        _ database: borrowing Database
    ) throws(StoreError) {
        let columns = rows.columnNames.indices, marks = columns.map { "?\($0 + 1)" }.joined(separator: ", ")
        // A table with other columns was not made by this program.
        guard let insert = try? database.prepare("INSERT OR IGNORE INTO \(table) SELECT \(marks) \(condition)") else { return }
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
