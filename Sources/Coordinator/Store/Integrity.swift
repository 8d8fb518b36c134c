// Integrity.swift · Coordinator/Store, before Repairing. Whether a store holds what was written to it.

internal import Glibc
internal import Vocabulary
internal import Wire

enum Integrity {
    /// 512 MiB, which is read in about a second of processor time. All pages of a larger store are read only when the machine has started anew since,
    /// for a power cut may have torn it; a process that is killed tears nothing.
    private static let smallBytes = 512 << 20

    static func mayBeTorn(_ database: borrowing Database) throws(StoreError) -> Bool {
        let bytes = try Migrations.number("PRAGMA page_count", database) * Migrations.number("PRAGMA page_size", database)
        var boot = ""
        try database.prepare("SELECT boot FROM start ORDER BY epoch DESC LIMIT 1").rows { (row) throws(StoreError) in boot = row.text(0) }
        return bytes <= smallBytes || boot != Self.boot
    }

    /// Identifies this start of the machine; empty where the system does not tell.
    static var boot: String {
        (try? FileBytes.read("/proc/sys/kernel/random/boot_id")).map { String(decoding: $0, as: UTF8.self) }?.trimmingSuffix(
            while: \.isWhitespace) ?? ""
    }

    /// Proves that the store knows of every result that was committed, and has every row of its small tables. It reads an index and those
    /// tables, not the results; that a result is there and intact is found out when it is read.
    /// - Parameter format: of the store. One without seals of its tables is read as a whole.
    /// - Throws: `damaged`.
    static func prove(_ database: borrowing Database, format: Int) throws(StoreError) {
        guard Migrations.hasTableSeals(format) else { return try verify(database, format: format) }
        // One transaction, since a writer may be at work.
        try database.snapshot { () throws(StoreError) in
            let seals = try SealLedger.stored(database)
            for table in SealedTable.allCases {
                try compare(table, try TableSeal(of: table, database), seals, database)
            }
        }
    }

    private static func compare(
        _ table: SealedTable, _ found: TableSeal, _ seals: [SealedTable: TableSeal], _ database: borrowing Database
    ) throws(StoreError) {
        guard let seal = seals[table] else {
            throw .damaged(path: database.path, reason: "the seal of its table \(table.rawValue) is missing")
        }
        guard found != seal else { return }
        let reason =
            found.rows == seal.rows
            ? "a row of its table \(table.rawValue) is not what was stored"
            : "of the \(seal.rows) rows of its table \(table.rawValue), \(found.rows) are found"
        throw .damaged(path: database.path, reason: reason)
    }

    /// Reads the whole store.
    /// - Throws: `damaged` where SQLite's trees are broken, where a row or a series does not match its checksum, or where one is missing.
    static func verify(_ database: borrowing Database, format: Int = Migrations.all.count) throws(StoreError) {
        try database.snapshot { () throws(StoreError) in
            var complaint: String?
            try database.prepare("PRAGMA integrity_check(1)").rows { (row) throws(StoreError) in complaint = row.text(0) }
            guard complaint == "ok" else { throw .damaged(path: database.path, reason: complaint ?? "it cannot be checked") }
            guard Migrations.hasRowSeals(format) else { return }
            let found = try verifyResults(database)
            try verifySeries(database)
            guard Migrations.hasTableSeals(format) else { return }
            let seals = try SealLedger.stored(database)
            for table in SealedTable.allCases {
                try compare(table, table == .result ? found : try TableSeal(of: table, database), seals, database)
            }
        }
    }

    /// - Returns: the seal of the table of results, from its rows in place of its index.
    private static func verifyResults(_ database: borrowing Database) throws(StoreError) -> TableSeal {
        var found = TableSeal()
        try database.prepare("SELECT * FROM result NOT INDEXED").rows { (row) throws(StoreError) in
            guard isIntact(row) else {
                throw .damaged(path: database.path, reason: "trial \(row.blob(0).hexadecimal) is not what was stored")
            }
            // Trial, outcome and seconds, as the first migration orders the columns.
            found.add(RowChecksum([0, 1, 9].map { row.value($0) }))
        }
        return found
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

    /// - Parameter select: selects name and values of a trial's series in order.
    static func series(_ trial: [UInt8], _ select: borrowing Statement) throws(StoreError) -> [Series] {
        var found: [Series] = []
        try select.rows([.blob(trial)]) { (row) throws(StoreError) in
            found.append(Series(name: row.text(0), values: NumberColumns.values(of: row.blob(1))))
        }
        return found
    }

    /// Whether a row matches its seal.
    /// - Parameters:
    ///   - row: all columns of a result, in any order, and others behind them.
    ///   - count: how many columns are the result's; nil for all.
    static func isIntact(_ row: borrowing Statement, columns count: Int? = nil) -> Bool {
        var columns = row.columnNames.prefix(count ?? .max).enumerated().map { (name: $1, value: row.value($0)) }
        guard let place = columns.firstIndex(where: { $0.name == "seal" }), case .blob(let seal) = columns.remove(at: place).value else {
            return false
        }
        return Seal(columns) == Seal(bytes: seal)
    }
}

extension String {
    fileprivate func trimmingSuffix(while condition: (Character) -> Bool) -> String {
        var text = self[...]
        while let last = text.last, condition(last) { text.removeLast() }
        return String(text)
    }
}
