// Integrity.swift · Coordinator/Store. Whether a store is what was written to it, and what is left of one that is not.

internal import FoundationEssentials
internal import Glibc
internal import Vocabulary
internal import Wire

enum Integrity {
    /// 64 MiB: read in a fraction of a second. A larger one is read whole only when the machine has started anew, which may have torn it;
    /// a process that is killed tears nothing.
    private static let smallBytes = 64 << 20

    static func mayBeTorn(_ database: borrowing Database) throws(StoreError) -> Bool {
        let bytes = try Migrations.number("PRAGMA page_count", database) * Migrations.number("PRAGMA page_size", database)
        var boot = ""
        try database.prepare("SELECT boot FROM start ORDER BY epoch DESC LIMIT 1").rows { (row) throws(StoreError) in boot = row.text(0) }
        return bytes <= smallBytes || boot != Self.boot
    }

    /// Changes with every start of the machine.
    static var boot: String {
        (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?.trimmingSuffix(while: \.isWhitespace) ?? ""
    }

    /// - Throws: `damaged` where SQLite's trees or a row's seal are wrong.
    static func verify(_ database: borrowing Database) throws(StoreError) {
        var complaint: String?
        try database.prepare("PRAGMA quick_check(1)").rows { (row) throws(StoreError) in complaint = row.text(0) }
        guard complaint == "ok" else { throw .damaged(path: database.path, reason: complaint ?? "it cannot be checked") }
        try database.prepare("SELECT * FROM result").rows { (row) throws(StoreError) in
            guard isIntact(row) else {
                throw .damaged(path: database.path, reason: "trial \(row.blob(0).hexadecimal) is not what was stored")
            }
        }
        try verifySeries(database)
    }

    private static func verifySeries(_ database: borrowing Database) throws(StoreError) {
        let select = try database.prepare("SELECT name, \"values\" FROM series WHERE trial = ? ORDER BY place")
        var wrong: [UInt8]?
        try database.prepare("SELECT trial, series_digest FROM result WHERE series_digest IS NOT NULL").rows { (row) throws(StoreError) in
            if try NumberColumns.digest(of: series(row.blob(0), select))?.bytes != row.blob(1) { wrong = row.blob(0) }
        }
        guard let wrong else { return }
        throw .damaged(path: database.path, reason: "the series of trial \(wrong.hexadecimal) are not what was stored")
    }

    /// - Parameter select: gives name and values of a trial's series in order.
    private static func series(_ trial: [UInt8], _ select: borrowing Statement) throws(StoreError) -> [Series] {
        var found: [Series] = []
        try select.rows([.blob(trial)]) { (row) throws(StoreError) in
            found.append(Series(name: row.text(0), values: NumberColumns.values(of: row.blob(1))))
        }
        return found
    }

    /// - Parameter row: all columns of a result, in any order.
    static func isIntact(_ row: borrowing Statement) -> Bool {
        var columns = row.columnNames.enumerated().map { (name: $1, value: row.value($0)) }
        guard let place = columns.firstIndex(where: { $0.name == "seal" }), case .blob(let seal) = columns.remove(at: place).value else {
            return false
        }
        return Seal(columns) == Seal(bytes: seal)
    }

    /// Rows of a release that had no seals. The caller has a transaction open.
    static func sealAll(_ database: borrowing Database) throws(StoreError) {
        var trials: [[UInt8]] = []
        try database.prepare("SELECT DISTINCT trial FROM series").rows { (row) throws(StoreError) in trials.append(row.blob(0)) }
        let select = try database.prepare("SELECT name, \"values\" FROM series WHERE trial = ? ORDER BY place")
        let note = try database.prepare("UPDATE result SET series_digest = ?2 WHERE trial = ?1 AND seal IS NULL")
        for trial in trials {
            guard let digest = NumberColumns.digest(of: try series(trial, select)) else { continue }
            try note.run([.blob(trial), .blob(digest.bytes)])
        }
        var seals: [(trial: [UInt8], seal: Seal)] = []
        try database.prepare("SELECT * FROM result WHERE seal IS NULL").rows { (row) throws(StoreError) in
            let columns = row.columnNames.enumerated().map { (name: $1, value: row.value($0)) }
            seals.append((row.blob(0), Seal(columns)))
        }
        let update = try database.prepare("UPDATE result SET seal = ?2 WHERE trial = ?1")
        for (trial, seal) in seals { try update.run([.blob(trial), .blob(seal.bytes)]) }
    }

    /// Makes a new store of every intact result of a damaged one, and of what else SQLite can still read there.
    /// - Parameter path: of the damaged store; it is only read.
    /// - Returns: how many results there are.
    static func salvage(_ path: String, into new: String, holder: String) throws -> Int {
        let file = try Data(contentsOf: URL(filePath: path))
        let log = (try? Data(contentsOf: URL(filePath: path + "-wal"))) ?? Data()
        let store = try ResultStore(writing: new, holder: holder)
        var columns: [Salvage.Column] = []
        try store.database.prepare("SELECT name, type FROM pragma_table_info('result') ORDER BY cid").rows { (row) throws(StoreError) in
            columns.append(Salvage.Column(name: row.text(0), isReal: row.text(1) == "REAL"))
        }
        let salvage = Salvage(file: Array(file), log: Array(log), columns: columns)
        // Of a trial that is there twice, as a failure and as a result, the result counts, as it does in `put`.
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

    /// A result without its series is none: what cannot be restored is trained again.
    private static func restoreSeries(_ salvage: Salvage, _ database: borrowing Database) throws(StoreError) {
        // Pages that were overwritten are found as well: of one place there may be several, the newest first.
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
                // Of two results of one trial, each with its own series, either may be the one that counts; places never mix.
                let choices = (0..<most).map { age in (0..<places.count).compactMap { places[$0].map { $0[min(age, $0.count - 1)] } } }
                // Where one of fewer series came after one of more, the last places are the older one's.
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

    /// What a sweep can do without: each table as far as it can be read.
    private static func copyRest(of path: String, to database: borrowing Database) throws(StoreError) {
        // Epochs only ever go up: leases of the old store may still be with workers.
        try database.execute("INSERT INTO start (epoch, host, process, at) VALUES (1000000, '', 0, datetime('now'))")
        // A connection that may write would, at its end, take the log into the damaged file and remove it.
        guard let old = try? Database(path, readOnly: true) else { return }
        for table in ["base", "start", "conflict", "confirmation", "lease"] {
            guard let rows = try? old.prepare("SELECT * FROM \(table)") else { continue }
            try database.transaction { () throws(StoreError) in try copy(rows, to: table, database) }
        }
        // One by one, since a model is large and damage to one of them must not cost the others. No checksum of ours covers a model.
        try copyEach("model", of: old, where: "IN", database)
        try copyEach("checkpoint", of: old, where: "NOT IN", database)
    }

    /// - Parameters:
    ///   - rows: gives the columns of the table, in order. What comes before the damage is copied.
    ///   - condition: of a row, whose columns it calls ?1, ?2 and so on.
    /// - Throws: when the new store takes nothing.
    private static func copy(
        _ rows: borrowing Statement, _ values: [Statement.Value] = [], to table: String, where condition: String = "",
        _ database: borrowing Database
    ) throws(StoreError) {
        let columns = rows.columnNames.indices, marks = columns.map { "?\($0 + 1)" }.joined(separator: ", ")
        // One of another form is none of ours.
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

    /// - Parameter relation: of the trial, the first column, to those that have results.
    private static func copyEach(
        _ table: String, of old: borrowing Database, where relation: String, _ database: borrowing Database
    ) throws(StoreError) {
        var numbers: [Int] = []
        // The index and the rows are on pages of their own: what one of them still names is tried.
        try? old.prepare("SELECT rowid FROM \(table)").rows { (row) throws(StoreError) in numbers.append(row.integer(0)) }
        guard let select = try? old.prepare("SELECT * FROM \(table) WHERE rowid = ?") else { return }
        for number in numbers {
            try copy(
                select, [.integer(Int64(number))], to: table,
                where: "WHERE ?1 \(relation) (SELECT trial FROM result WHERE outcome <> 'failed')", database)
        }
    }
}

extension String {
    fileprivate func trimmingSuffix(while condition: (Character) -> Bool) -> String {
        var text = self[...]
        while let last = text.last, condition(last) { text.removeLast() }
        return String(text)
    }
}
