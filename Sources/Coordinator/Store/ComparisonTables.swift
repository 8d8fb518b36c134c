// ComparisonTables.swift · Coordinator/Store, a part of ResultStore. The tables `confirmation` and `conflict`: bits that were compared, what
// came of it and who was wrong. What is written to them is decided in Comparison.swift.

internal import Vocabulary

struct ComparisonTables: ~Copyable {
    private let select: Statement
    private let insert: Statement
    private let decide: Statement
    private let confirm: Statement

    init(_ database: borrowing Database) throws(StoreError) {
        let select = try database.prepare("SELECT digest, worker, host, verdict FROM conflict WHERE trial = ?")
        let insert = try database.prepare(
            "INSERT INTO conflict (trial, digest, first_digest, host, first_host, worker, first_worker, verdict) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
        let decide = try database.prepare("UPDATE conflict SET verdict = ?2 WHERE trial = ?1 AND verdict = \(Self.sql(.open))")
        let confirm = try database.prepare("INSERT OR IGNORE INTO confirmation VALUES (?, ?, ?)")
        self.select = select
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

    func confirm(_ trial: TrialKey, by author: Author) throws(StoreError) {
        try confirm.run([.blob(trial.bytes), .blob(author.worker.bytes), .text(author.host)])
    }

    func decide(_ verdict: Conflict.Verdict, of trial: TrialKey) throws(StoreError) {
        try decide.run([.blob(trial.bytes), .text(verdict.rawValue)])
    }

    func add(_ conflict: Conflict, of trial: TrialKey) throws(StoreError) {
        func worker(_ author: Author?) -> Statement.Value { author.map { .blob($0.worker.bytes) } ?? .null }
        let (bits, stored) = (conflict.bits, conflict.stored)
        try insert.run([
            .blob(trial.bytes), .blob(bits.digest.bytes), .blob(stored.digest.bytes), .text(bits.author?.host ?? ""),
            .text(stored.author?.host ?? ""), worker(bits.author), worker(stored.author), .text(conflict.verdict.rawValue),
        ])
    }

    /// Verdicts as literals of SQL, with commas between them.
    static func sql(_ verdicts: Conflict.Verdict...) -> String { sql(verdicts) }

    static func sql(_ verdicts: [Conflict.Verdict]) -> String { verdicts.map { "'\($0.rawValue)'" }.joined(separator: ", ") }
}

extension Author {
    /// - Returns: nil where the row does not say who it was.
    init?(_ row: borrowing Statement, worker: Int, host: Int) {
        guard !row.isNull(worker), let id = WorkerID(bytes: row.blob(worker)) else { return nil }
        self.init(worker: id, host: row.text(host))
    }
}
