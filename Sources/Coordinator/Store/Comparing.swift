// Comparing.swift · Coordinator/Store, beside ResultStore. Bits that were compared: what was confirmed, what differed, who was wrong.
// What follows from them is decided in Scheduling/Verification.swift.

internal import Vocabulary

/// The tables `confirmation` and `conflict`.
struct Comparing: ~Copyable {
    private let select: Statement
    private let insert: Statement
    private let decide: Statement
    private let confirm: Statement

    init(_ database: borrowing Database) throws(StoreError) {
        let select = try database.prepare("SELECT digest, worker, host, verdict FROM conflict WHERE trial = ?")
        let insert = try database.prepare(
            "INSERT INTO conflict (trial, digest, first_digest, host, first_host, worker, first_worker, verdict) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
        let decide = try database.prepare("UPDATE conflict SET verdict = ?2 WHERE trial = ?1 AND verdict = 'open'")
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
            found.append(Comparison.Evidence(digest: digest, author: Author(row, worker: 1, host: 2), isOpen: row.text(3) == "open"))
        }
        return found
    }

    func note(
        _ finding: Comparison.Finding, of trial: TrialKey, _ new: (digest: Digest, author: Author?),
        stored: (digest: Digest, author: Author?)
    ) throws(StoreError) {
        switch finding {
        case .nothing: break
        case .confirms:
            if let author = new.author { try confirm.run([.blob(trial.bytes), .blob(author.worker.bytes), .text(author.host)]) }
        case .disagrees: try add(trial, new, against: stored, verdict: "open")
        case .unsettled:
            try add(trial, new, against: stored, verdict: "open")
            try decide.run([.blob(trial.bytes), .text("three different")])
        case .settles(_, let replacesStored):
            try decide.run([.blob(trial.bytes), .text(replacesStored ? "the first was wrong" : "the first was right")])
            // What was stored is evidence from now on.
            if replacesStored { try add(trial, stored, against: new, verdict: "wrong") }
        }
    }

    private func add(
        _ trial: TrialKey, _ new: (digest: Digest, author: Author?), against first: (digest: Digest, author: Author?), verdict: String
    ) throws(StoreError) {
        func bytes(_ author: Author?) -> Statement.Value { author.map { .blob($0.worker.bytes) } ?? .null }
        try insert.run([
            .blob(trial.bytes), .blob(new.digest.bytes), .blob(first.digest.bytes), .text(new.author?.host ?? ""),
            .text(first.author?.host ?? ""), bytes(new.author), bytes(first.author), .text(verdict),
        ])
    }
}

extension Author {
    /// Nil where the row does not know.
    init?(_ row: borrowing Statement, worker: Int, host: Int) {
        guard !row.isNull(worker), let id = WorkerID(bytes: row.blob(worker)) else { return nil }
        self.init(worker: id, host: row.text(host))
    }
}
