// Migrations.swift · Coordinator/Store. The store grows by appending: a migration that has run anywhere is never edited.

enum Migrations {
    /// The migrations in the order in which they run. SQLite's `user_version` is the number of those that a database has seen.
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
        """,
        // 002: series that trials leave besides their losses, as columns of big-endian words; most trials leave none.
        """
        CREATE TABLE series (
            trial BLOB NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL, "values" BLOB NOT NULL, PRIMARY KEY (trial, place)
        ) STRICT, WITHOUT ROWID;
        """,
        // 003: checkpoints of long trials until they have a result; and their trained parameters.
        """
        CREATE TABLE checkpoint (trial BLOB PRIMARY KEY, epoch INTEGER NOT NULL, digest BLOB NOT NULL, content BLOB NOT NULL) STRICT;
        CREATE TABLE model (trial BLOB PRIMARY KEY, content BLOB NOT NULL) STRICT;
        """,
        // 004: who computed what, when and how it ended; which bits were compared and what came of it; checksums; and what a start has to
        // read, in one place, since the curves beside it are a hundred times as large. The columns `epoch` count starts of the coordinator;
        // times are seconds since that start.
        """
        ALTER TABLE result ADD COLUMN worker BLOB;
        ALTER TABLE result ADD COLUMN series_digest BLOB;
        ALTER TABLE result ADD COLUMN seal BLOB;
        ALTER TABLE start ADD COLUMN boot TEXT NOT NULL DEFAULT '';
        CREATE INDEX outcome ON result (trial, outcome, seconds);
        ALTER TABLE conflict ADD COLUMN worker BLOB;
        ALTER TABLE conflict ADD COLUMN first_worker BLOB;
        ALTER TABLE conflict ADD COLUMN verdict TEXT NOT NULL DEFAULT 'open';
        CREATE TABLE confirmation (trial BLOB PRIMARY KEY, worker BLOB NOT NULL, host TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE lease (
            epoch INTEGER NOT NULL, lease INTEGER NOT NULL, worker BLOB NOT NULL, host TEXT NOT NULL, since REAL NOT NULL,
            until REAL NOT NULL, ended TEXT NOT NULL, trials BLOB NOT NULL
        ) STRICT;
        """,
        // 005: how many rows each table has and a checksum over them (see TableSeal.swift); and digests of models.
        """
        CREATE TABLE seal (name TEXT PRIMARY KEY, rows INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        ALTER TABLE model ADD COLUMN digest BLOB;
        """,
    ]

    /// The format of the first release whose results carry checksums.
    private static let firstWithSeals = 4

    static func hasRowSeals(_ format: Int) -> Bool { format >= firstWithSeals }

    /// The bytes "rgsw" in SQLite's header tell `file`, and this program, whose database it is.
    static let applicationID = 0x7267_7377

    /// Whether a store of this format has seals of its tables.
    static func hasTableSeals(_ format: Int) -> Bool { format >= firstWithTableSeals }

    private static let firstWithTableSeals = 5

    /// Compares what the header says of a database with the tables that it has, so that a damaged header is not taken for another
    /// program's or another release's.
    /// - Parameter migrations: those that this release knows.
    /// - Throws: `foreign` for a database of another program or of a newer release; `damaged`.
    /// - Returns: how many migrations the database has seen; 0 for an empty one.
    @discardableResult
    static func check(_ database: borrowing Database, _ migrations: [String] = all) throws(StoreError) -> Int {
        let application = try number("PRAGMA application_id", database), version = try number("PRAGMA user_version", database)
        let names = try schema(database)
        guard application == applicationID else {
            // Most programs set neither number, so a new database is one that has no tables either.
            if application == 0, names.isEmpty { return 0 }
            guard try schemas(migrations).contains(where: { $0.isSubset(of: names) }) else {
                throw .foreign(path: database.path, reason: "is a database of another program")
            }
            throw .damaged(path: database.path, reason: "its header names another program, and its tables are those of a store")
        }
        let known = try schemas(migrations), format = known.lastIndex { $0.isSubset(of: names) }.map { $0 + 1 }
        // A newer release may have added what this one does not know.
        if version > migrations.count, names != known.last {
            throw .foreign(
                path: database.path, reason: "was written by a newer release (format \(version), this one knows \(migrations.count))")
        }
        guard format == version else {
            throw .damaged(
                path: database.path,
                reason: "its header says format \(version), and its tables are those of "
                    + (format.map { "format \($0)" } ?? "no format"))
        }
        return version
    }

    /// The names that each format has, by running the migrations on a database in memory. It ends before a migration that fails.
    private static func schemas(_ migrations: [String]) throws(StoreError) -> [Set<String>] {
        let database = try Database(":memory:")
        var found: [Set<String>] = []
        for sql in migrations {
            guard (try? database.execute(sql)) != nil else { break }
            found.append(try schema(database))
        }
        return found
    }

    /// The names of a database's tables with their columns, and of its indices.
    private static func schema(_ database: borrowing Database) throws(StoreError) -> Set<String> {
        var names: Set<String> = []
        try database.prepare(
            """
            SELECT m.name || '.' || c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'
            UNION ALL SELECT tbl_name || ' ' || name FROM sqlite_schema WHERE type = 'index'
            """
        ).rows { (row) throws(StoreError) in names.insert(row.text(0)) }
        return names
    }

    /// Checks a database for a reader, which cannot migrate it.
    /// - Throws: `foreign` also for an empty database, and for one of a release without checksums of results.
    /// - Returns: the format.
    @discardableResult
    static func requireReadable(_ database: borrowing Database, _ migrations: [String] = all) throws(StoreError) -> Int {
        let version = try check(database, migrations)
        guard version >= min(firstWithSeals, migrations.count) else {
            let reason = version == 0 ? "holds no results yet" : "was written by an older release; `regsweep run` brings it up to date"
            throw .foreign(path: database.path, reason: reason)
        }
        return version
    }

    /// Runs the migrations that the database has not seen, and what cannot be said in SQL, in one transaction.
    static func run(on database: borrowing Database, _ migrations: [String] = all) throws(StoreError) {
        let version = try check(database, migrations)
        guard version < migrations.count else { return }
        // Seals over damaged rows would vouch for the damage.
        if migrations == all, version > 0 { try Integrity.verify(database, format: version) }
        try database.transaction { () throws(StoreError) in
            for sql in migrations[version...] { try database.execute(sql) }
            if migrations == all {
                // `repair` ignores rows without a seal, so all rows get theirs before the format is said to be the new one.
                if (1..<firstWithSeals).contains(version) { try Sealing.sealAllRows(database) }
                try SealLedger.sealAll(database)
            }
            try database.execute("PRAGMA application_id = \(applicationID); PRAGMA user_version = \(migrations.count)")
        }
    }

    static func number(_ query: String, _ database: borrowing Database) throws(StoreError) -> Int {
        var value = 0
        try database.prepare(query).rows { (row) throws(StoreError) in value = row.integer(0) }
        return value
    }
}
