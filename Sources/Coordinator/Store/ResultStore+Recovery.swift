// ResultStore+Recovery.swift · Coordinator/Store, before Serving/Recovery.swift. What a start of the coordinator reads and writes besides
// results: whose sweep the store holds, starts, deaths of workers, and bits that were compared.

internal import Vocabulary

extension ResultStore {
    // MARK: The sweep that the results belong to

    /// Makes the store this sweep's. A new store learns the settings that all of its trials share.
    /// - Parameter directory: names the store in the error.
    /// - Throws: `SpecErrors` for a store whose trials were trained under other settings; it stays as it is.
    func claim(for spec: SweepSpec, in directory: String) throws {
        let stored = try base(), now = spec.base
        try Self.refuseForeign(stored: stored, spec, directory)
        if stored != now { try setBase(stored.merging(now) { _, new in new }) }
    }

    /// - Parameter stored: the `base` of a store.
    /// - Throws: where the trials of that store were trained under other settings than those of the sweep.
    static func refuseForeign(stored: [String: String], _ spec: SweepSpec, _ directory: String) throws(SpecErrors) {
        let differences = SweepSpec.differences(stored: stored, now: spec.base)
        guard !differences.isEmpty else { return }
        let message = """
            its trials were trained with other settings: \(differences.joined(separator: "; ")). \
            Restore these settings in the sweep file, or run the changed sweep in a new results directory (run --out DIR)
            """
        throw SpecErrors(errors: [SpecError(file: directory, line: nil, message: message)])
    }

    /// The settings that all stored trials share, by name; empty in a new store.
    func base() throws(StoreError) -> [String: String] {
        var base: [String: String] = [:]
        try database.prepare("SELECT name, value FROM base").rows { (row) throws(StoreError) in base[row.text(0)] = row.text(1) }
        return base
    }

    func setBase(_ base: [String: String]) throws(StoreError) {
        try commit { (ledger) throws(StoreError) in
            try database.execute("DELETE FROM base")
            let insert = try database.prepare("INSERT INTO base VALUES (?, ?)")
            for (name, value) in base.sorted(by: { $0.key < $1.key }) { try insert.run([.text(name), .text(value)]) }
            try ledger.recount(.base, database)
        }
    }

    // MARK: Starts and deaths

    func beginIncarnation(host: String, process: Int) throws(StoreError) -> UInt64 {
        var incarnation = 0
        try commit { (ledger) throws(StoreError) in
            try database.prepare(
                "INSERT INTO start (host, process, at, boot) VALUES (?, ?, datetime('now'), ?) RETURNING epoch, host, process, at, boot"
            ).rows([.text(host), .integer(Int64(process)), .text(Integrity.boot)]) { (row) throws(StoreError) in
                incarnation = row.integer(0)
                ledger.add(row.checksum, to: .start)
            }
        }
        return UInt64(incarnation)
    }

    func crashes() throws(StoreError) -> [TrialKey: Int] {
        var count = CrashCount()
        let ends = [LeaseRecord.End.died, .cameBack].map { "'\($0.rawValue)'" }.joined(separator: ", ")
        try database.prepare("SELECT worker, lease, trials, ended FROM lease WHERE ended IN (\(ends)) ORDER BY rowid").rows {
            (row) throws(StoreError) in
            guard let worker = WorkerID(bytes: row.blob(0)), let end = LeaseRecord.End(rawValue: row.text(3)) else { return }
            let lease = LeaseID(rawValue: UInt64(bitPattern: Int64(row.integer(1))))
            count.note(end, of: lease, worker: worker, trials: NumberColumns.keys(of: row.blob(2)))
        }
        return count.crashes
    }

    func forgetFailures() throws(StoreError) {
        try commit { (ledger) throws(StoreError) in
            try delete("result WHERE outcome = 'failed'", returning: "trial, outcome, seconds", from: .result, ledger)
            try database.execute("UPDATE lease SET ended = 'died, forgiven' WHERE ended = '\(LeaseRecord.End.died.rawValue)'")
            try ledger.recount(.lease, database)
        }
    }

    // MARK: Bits that were compared

    func comparedTrials() throws(StoreError) -> Set<TrialKey> {
        var keys: Set<TrialKey> = []
        try database.prepare("SELECT trial FROM confirmation UNION SELECT trial FROM conflict").rows { (row) throws(StoreError) in
            if let key = row.key(0) { keys.insert(key) }
        }
        return keys
    }

    func openDisagreements() throws(StoreError) -> [TrialKey: Set<Author>] {
        var open: [TrialKey: Set<Author>] = [:]
        let verdict = ComparisonTables.sql(.open)
        try database.prepare("SELECT trial, worker, host, first_worker, first_host FROM conflict WHERE verdict = \(verdict)").rows {
            (row) throws(StoreError) in
            guard let key = row.key(0) else { return }
            let authors = [Author(row, worker: 1, host: 2), Author(row, worker: 3, host: 4)].compactMap { $0 }
            open[key, default: []].formUnion(authors)
        }
        return open
    }

    func distrustedWitnesses() throws(StoreError) -> Set<Witness> {
        var found: Set<Witness> = []
        let verdicts = ComparisonTables.sql(Conflict.Verdict.allCases.filter(\.distrustsAuthor))
        try database.prepare("SELECT worker FROM conflict WHERE verdict IN (\(verdicts)) AND worker IS NOT NULL").rows {
            (row) throws(StoreError) in if let author = Author(bytes: row.blob(0), host: "") { found.insert(author.witness) }
        }
        return found
    }
}
