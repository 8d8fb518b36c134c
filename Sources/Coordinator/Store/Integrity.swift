// Integrity.swift · Coordinator/Store, before Repairing. Whether a store holds what was written to it.

internal import FoundationEssentials
internal import Glibc
internal import Vocabulary
internal import Wire

enum Integrity {
    /// 64 MiB, which is read in a fraction of a second. A larger store is verified only when the machine has started anew since, for a power
    /// cut may have torn it; a process that is killed tears nothing.
    private static let smallBytes = 64 << 20

    static func mayBeTorn(_ database: borrowing Database) throws(StoreError) -> Bool {
        let bytes = try Migrations.number("PRAGMA page_count", database) * Migrations.number("PRAGMA page_size", database)
        var boot = ""
        try database.prepare("SELECT boot FROM start ORDER BY epoch DESC LIMIT 1").rows { (row) throws(StoreError) in boot = row.text(0) }
        return bytes <= smallBytes || boot != Self.boot
    }

    /// Identifies this start of the machine; empty where the system does not tell.
    static var boot: String {
        (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?.trimmingSuffix(while: \.isWhitespace) ?? ""
    }

    /// Reads the whole store.
    /// - Throws: `damaged` where SQLite's trees are broken, or a row or a series does not match its checksum.
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

    /// - Parameter select: selects name and values of a trial's series in order.
    private static func series(_ trial: [UInt8], _ select: borrowing Statement) throws(StoreError) -> [Series] {
        var found: [Series] = []
        try select.rows([.blob(trial)]) { (row) throws(StoreError) in
            found.append(Series(name: row.text(0), values: NumberColumns.values(of: row.blob(1))))
        }
        return found
    }

    /// Whether a row matches its seal.
    /// - Parameter row: all columns of a result, in any order.
    static func isIntact(_ row: borrowing Statement) -> Bool {
        var columns = row.columnNames.enumerated().map { (name: $1, value: row.value($0)) }
        guard let place = columns.firstIndex(where: { $0.name == "seal" }), case .blob(let seal) = columns.remove(at: place).value else {
            return false
        }
        return Seal(columns) == Seal(bytes: seal)
    }

    /// Seals the rows of a release that had no seals. The caller has a transaction open.
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
}

extension String {
    fileprivate func trimmingSuffix(while condition: (Character) -> Bool) -> String {
        var text = self[...]
        while let last = text.last, condition(last) { text.removeLast() }
        return String(text)
    }
}
