// Migrations.swift · Coordinator/Store. The store grows by appending: a migration that has run anywhere is never edited.

enum Migrations {
    /// The number of those that ran is SQLite's `user_version`.
    static let all = [
        // 001: results by trial key, with everything a query by hand wants to see; curves are columns of big-endian words.
        """
        CREATE TABLE result (
            trial BLOB PRIMARY KEY, outcome TEXT NOT NULL, epochs INTEGER NOT NULL, train_loss REAL, test_loss REAL,
            digest BLOB, reason TEXT, curve BLOB NOT NULL, attempt INTEGER NOT NULL, seconds REAL NOT NULL, host TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE conflict (
            trial BLOB NOT NULL, digest BLOB, first_digest BLOB, host TEXT NOT NULL, first_host TEXT NOT NULL
        ) STRICT;
        CREATE TABLE base (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
        CREATE TABLE start (epoch INTEGER PRIMARY KEY, host TEXT NOT NULL, process INTEGER NOT NULL, at TEXT NOT NULL) STRICT;
        """
    ]

    /// In SQLite's header, so that `file` and we know whose it is: "rgsw".
    static let applicationID = 0x7267_7377

    /// - Throws: `foreign` for a database of another program or of a newer release.
    /// - Returns: how many migrations it has seen.
    @discardableResult
    static func check(_ database: borrowing Database) throws(StoreError) -> Int {
        let version = try pragma("user_version", database), application = try pragma("application_id", database)
        guard application == applicationID || (application == 0 && version == 0) else {
            throw .foreign(path: database.path, reason: "is a database of another program")
        }
        guard version <= all.count else {
            throw .foreign(path: database.path, reason: "was written by a newer release (format \(version), this one knows \(all.count))")
        }
        return version
    }

    static func run(on database: borrowing Database) throws(StoreError) {
        let version = try check(database)
        guard version < all.count else { return }
        try database.execute("BEGIN IMMEDIATE")
        for sql in all[version...] { try database.execute(sql) }
        try database.execute("PRAGMA application_id = \(applicationID); PRAGMA user_version = \(all.count); COMMIT")
    }

    private static func pragma(_ name: String, _ database: borrowing Database) throws(StoreError) -> Int {
        var value = 0
        try database.prepare("PRAGMA \(name)").rows { (row) throws(StoreError) in value = row.integer(0) }
        return value
    }
}
