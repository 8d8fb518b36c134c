// ComparisonTables.swift · Coordinator/Store, a part of ResultStore. The tables `confirmation` and `conflict`: bits that were compared, what
// came of it and who was wrong. What is written to them is decided in Comparison.swift.

internal import Vocabulary

struct ComparisonTables: ~Copyable {
    private let select: Statement
    private let selectRows: Statement
    private let insert: Statement
    private let decide: Statement
    private let confirm: Statement

    init(_ database: borrowing Database) throws(StoreError) {
        let select = try database.prepare("SELECT digest, worker, host, verdict FROM conflict WHERE trial = ?")
        let selectRows = try database.prepare(SealedTable.conflict.query + " WHERE trial = ?")
        let insert = try database.prepare(
            "INSERT INTO conflict (trial, digest, first_digest, host, first_host, worker, first_worker, verdict) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
        let decide = try database.prepare("UPDATE conflict SET verdict = ?2 WHERE trial = ?1 AND verdict = \(Self.sql(.open))")
        let confirm = try database.prepare("INSERT OR IGNORE INTO confirmation VALUES (?, ?, ?) RETURNING trial, worker, host")
        self.select = select
        self.selectRows = selectRows
        self.insert = insert
        self.decide = decide
        self.confirm = confirm
    }

    func evidence(of trial: TrialKey) throws(StoreError) -> [Comparison.Evidence] {
        var found: [Comparison.Evidence] = []
        try select.rows([.blob(trial.bytes)]) { (row) throws(StoreError) in
            guard let digest = Digest(bytes: row.blob(0)) else { return }
            let isOpen = row.text(3) == Conflict.Verdict.open.rawValue
            found.append(Comparison.Evidence(digest: digest, author: Author(row, worker: 1, host: 2), isOpen: isOpen))
        }
        return found
    }

    func confirm(_ trial: TrialKey, by author: Author, _ ledger: SealLedger) throws(StoreError) {
        try confirm.rows([.blob(trial.bytes), .blob(author.bytes), .text(author.host)]) { (row) throws(StoreError) in
            ledger.add(row.checksum, to: .confirmation)
        }
    }

    func decide(_ verdict: Conflict.Verdict, of trial: TrialKey, _ ledger: SealLedger) throws(StoreError) {
        try changing(trial, ledger) { () throws(StoreError) in try decide.run([.blob(trial.bytes), .text(verdict.rawValue)]) }
    }

    func add(_ conflict: Conflict, of trial: TrialKey, _ ledger: SealLedger) throws(StoreError) {
        func worker(_ author: Author?) -> Statement.Value { author.map { .blob($0.bytes) } ?? .null }
        let (bits, stored) = (conflict.bits, conflict.stored)
        try changing(trial, ledger) { () throws(StoreError) in
            try insert.run([
                .blob(trial.bytes), .blob(bits.digest.bytes), .blob(stored.digest.bytes), .text(bits.author?.host ?? ""),
                .text(stored.author?.host ?? ""), worker(bits.author), worker(stored.author), .text(conflict.verdict.rawValue),
            ])
        }
    }

    /// Runs the closure, which changes conflicts of this trial alone, and counts what it changed.
    private func changing(_ trial: TrialKey, _ ledger: SealLedger, _ body: () throws(StoreError) -> Void) throws(StoreError) {
        try selectRows.rows([.blob(trial.bytes)]) { (row) throws(StoreError) in ledger.remove(row.checksum, from: .conflict) }
        try body()
        try selectRows.rows([.blob(trial.bytes)]) { (row) throws(StoreError) in ledger.add(row.checksum, to: .conflict) }
    }

    /// Verdicts as literals of SQL, with commas between them.
    static func sql(_ verdicts: Conflict.Verdict...) -> String { sql(verdicts) }

    static func sql(_ verdicts: [Conflict.Verdict]) -> String { verdicts.map { "'\($0.rawValue)'" }.joined(separator: ", ") }
}

extension Author {
    /// What a column `worker` has: the worker's id, followed by the hash of its key where it has one.
    var bytes: [UInt8] { worker.bytes + (key?.bytes ?? []) }

    /// - Returns: nil where the row does not say who it was.
    init?(_ row: borrowing Statement, worker: Int, host: Int) {
        guard !row.isNull(worker) else { return nil }
        self.init(bytes: row.blob(worker), host: row.text(host))
    }

    init?(bytes: [UInt8], host: String) {
        guard let id = WorkerID(bytes: Array(bytes.prefix(WorkerID.byteCount))) else { return nil }
        let rest = bytes.dropFirst(WorkerID.byteCount), key = Digest(bytes: Array(rest))
        guard rest.isEmpty || key != nil else { return nil }
        self.init(worker: id, host: host, key: key)
    }
}
