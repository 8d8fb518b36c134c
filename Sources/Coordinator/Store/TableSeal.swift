// TableSeal.swift · Coordinator/Store, beside Seal. How many rows each table has, and a checksum over all of them: whoever reads a store
// proves by it that no row is missing. A damaged page can hide rows that are intact, and then SQLite itself reports no error.

internal import Vocabulary

/// The tables whose rows are counted, and what of each row is under the checksum.
enum SealedTable: String, CaseIterable {
    case result, base, conflict, confirmation, lease, start, checkpoint, model

    /// Selects of each row what its checksum covers.
    var query: String {
        switch self {
        // The index has what a start needs, and is a hundredth of the table. The rest of a row is covered by the row's own seal.
        case .result: "SELECT trial, outcome, seconds FROM result INDEXED BY outcome"
        case .base: "SELECT name, value FROM base"
        case .conflict: "SELECT trial, digest, first_digest, host, first_host, worker, first_worker, verdict FROM conflict"
        case .confirmation: "SELECT trial, worker, host FROM confirmation"
        case .lease: "SELECT epoch, lease, worker, host, since, until, ended, trials FROM lease"
        case .start: "SELECT epoch, host, process, at, boot FROM start"
        // Their contents are large, and have digests of their own.
        case .checkpoint: "SELECT trial, epoch FROM checkpoint"
        case .model: "SELECT trial FROM model"
        }
    }
}

/// The number of rows and the sum of their checksums. The order of the rows does not matter.
struct TableSeal: Equatable {
    private(set) var rows = 0
    private(set) var checksum: UInt64 = 0

    init() {}

    init(rows: Int, checksum: UInt64) { (self.rows, self.checksum) = (rows, checksum) }

    /// The seal of a table as it is.
    init(of table: SealedTable, _ database: borrowing Database) throws(StoreError) {
        var seal = TableSeal()
        try database.prepare(table.query).rows { (row) throws(StoreError) in seal.add(row.checksum) }
        self = seal
    }

    mutating func add(_ row: RowChecksum) {
        rows += 1
        checksum &+= row.value
    }

    mutating func remove(_ row: RowChecksum) {
        rows -= 1
        checksum &-= row.value
    }
}

/// A checksum over the columns of a row, each with its kind and length. It finds accidents, not forgeries.
struct RowChecksum {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    init() {}

    init(_ columns: [Statement.Value]) {
        for column in columns {
            switch column {
            case .null: addNull()
            case .integer(let value): add(value)
            case .real(let value): add(value)
            case .text(let value): add(kind: 4, value.utf8)
            case .blob(let value): add(kind: 5, value)
            }
        }
    }

    mutating func addNull() { mix(1) }

    mutating func add(_ value: Int64) {
        mix(2)
        mix(UInt64(bitPattern: value))
    }

    /// SQLite stores −0 as 0.
    mutating func add(_ value: Double) {
        mix(3)
        mix((value + 0).bitPattern)
    }

    mutating func add(kind: UInt64, _ bytes: some Collection<UInt8>) {
        mix(kind)
        mix(UInt64(bytes.count))
        var word: UInt64 = 0, count = 0
        for byte in bytes {
            word = word << 8 | UInt64(byte)
            count += 1
            if count == 8 {
                mix(word)
                (word, count) = (0, 0)
            }
        }
        if count > 0 { mix(word) }
    }

    private mutating func mix(_ word: UInt64) {
        state = (state ^ word) &* 0x9e37_79b9_7f4a_7c15
        state ^= state >> 32
    }

    /// The last mixing, of splitmix64: sums of checksums of similar rows must not be similar.
    var value: UInt64 {
        var value = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

/// The seals of all tables while a store is written to. They are stored in the transaction of the rows that they count.
final class SealLedger {
    private var stored: [SealedTable: TableSeal]
    private var current: [SealedTable: TableSeal]
    /// How many transactions the store has had. It stands among the seals, as the rows of a table of this name.
    private(set) var commits: Int
    private static let commitName = "commit"

    /// Reads the seals of a store, which were proven.
    init(_ database: borrowing Database) throws(StoreError) {
        stored = try Self.stored(database)
        current = stored
        commits = try Self.commits(database)
    }

    /// - Returns: 0 for a store that has been counted by nobody.
    private static func commits(_ database: borrowing Database) throws(StoreError) -> Int {
        try Migrations.number("SELECT rows FROM seal WHERE name = '\(commitName)'", database)
    }

    /// - Parameter noted: the newest commit that somebody has seen; nil for none.
    /// - Throws: `unusable` for a store that does not have it any more. Nothing else in it says that something is missing.
    static func require(_ noted: Int?, _ database: borrowing Database, format: Int) throws(StoreError) {
        guard let noted, Migrations.hasTableSeals(format), case let found = try commits(database), found < noted else { return }
        throw .unusable(
            path: database.path,
            reason: "what was stored last is missing (\(found) of \(noted) commits are there), since its log, \(database.path)-wal, was "
                + "removed or replaced; `regsweep run` trains that again")
    }

    /// - Returns: the seals that the store has, by table.
    static func stored(_ database: borrowing Database) throws(StoreError) -> [SealedTable: TableSeal] {
        var seals: [SealedTable: TableSeal] = [:]
        try database.prepare("SELECT name, rows, checksum FROM seal").rows { (row) throws(StoreError) in
            guard let table = SealedTable(rawValue: row.text(0)) else { return }
            seals[table] = TableSeal(rows: row.integer(1), checksum: UInt64(bitPattern: Int64(row.integer(2))))
        }
        return seals
    }

    func add(_ row: RowChecksum, to table: SealedTable) { current[table, default: TableSeal()].add(row) }

    func remove(_ row: RowChecksum, from table: SealedTable) { current[table, default: TableSeal()].remove(row) }

    /// Counts a table anew, after a change of many rows.
    func recount(_ table: SealedTable, _ database: borrowing Database) throws(StoreError) {
        current[table] = try TableSeal(of: table, database)
    }

    /// Runs the closure in one transaction, with the seals that belong to what it writes.
    func transaction(_ database: borrowing Database, _ body: () throws(StoreError) -> Void) throws(StoreError) {
        do throws(StoreError) {
            try database.transaction { () throws(StoreError) in
                try body()
                for (table, seal) in current where stored[table] != seal { try Self.write(seal, of: table.rawValue, database) }
                try Self.write(TableSeal(rows: commits + 1, checksum: 0), of: Self.commitName, database)
            }
        } catch {
            current = stored
            throw error
        }
        stored = current
        commits += 1
    }

    /// Counts all tables as they are. The caller has a transaction open.
    static func sealAll(_ database: borrowing Database) throws(StoreError) {
        for table in SealedTable.allCases { try write(try TableSeal(of: table, database), of: table.rawValue, database) }
    }

    private static func write(_ seal: TableSeal, of name: String, _ database: borrowing Database) throws(StoreError) {
        try database.prepare("INSERT OR REPLACE INTO seal VALUES (?, ?, ?)").run([
            .text(name), .integer(Int64(seal.rows)), .integer(Int64(bitPattern: seal.checksum)),
        ])
    }
}
