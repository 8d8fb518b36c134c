// Sealing.swift · Coordinator/Store, a part of Migrations. Checksums for the results of a release that stored none.

internal import Vocabulary

enum Sealing {
    /// Seals the rows of a release that had no seals. The caller has a transaction open.
    static func sealAllRows(_ database: borrowing Database) throws(StoreError) {
        var trials: [[UInt8]] = []
        try database.prepare("SELECT DISTINCT trial FROM series").rows { (row) throws(StoreError) in trials.append(row.blob(0)) }
        let select = try database.prepare("SELECT name, \"values\" FROM series WHERE trial = ? ORDER BY place")
        let note = try database.prepare("UPDATE result SET series_digest = ?2 WHERE trial = ?1 AND seal IS NULL")
        for trial in trials {
            guard let digest = NumberColumns.digest(of: try Integrity.series(trial, select)) else { continue }
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
