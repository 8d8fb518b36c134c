// ResultStore+History.swift · Coordinator/Store. What `status` and `explain` read: attempts, disagreements, keys by their first digits.

internal import Vocabulary
internal import Wire

extension ResultStore {
    /// Stored trials whose keys begin with these hexadecimal digits; at most two.
    func keys(beginningWith digits: String) throws(StoreError) -> [TrialKey] {
        guard (1...32).contains(digits.count), digits.allSatisfy(\.isHexDigit) else { return [] }
        let low = digits + String(repeating: "0", count: 32 - digits.count),
            high = digits + String(repeating: "f", count: 32 - digits.count)
        guard let low = TrialKey(hexadecimal: low), let high = TrialKey(hexadecimal: high) else { return [] }
        var keys: [TrialKey] = []
        try database.prepare("SELECT trial FROM result WHERE trial BETWEEN ? AND ? LIMIT 2").rows([.blob(low.bytes), .blob(high.bytes)]) {
            (row) throws(StoreError) in if let key = row.key(0) { keys.append(key) }
        }
        return keys
    }

    /// Every lease that held a trial and has ended, in words, the oldest first.
    func attempts(at key: TrialKey) throws(StoreError) -> [String] {
        var lines: [String] = []
        try database.prepare(
            """
            SELECT datetime(at, '+' || since || ' seconds'), until - since, ended, worker, lease.host, lease
            FROM lease JOIN start USING (epoch) WHERE instr(trials, ?) > 0 ORDER BY lease.rowid
            """
        ).rows([.blob(key.bytes)]) { (row) throws(StoreError) in
            let id = LeaseID(rawValue: UInt64(bitPattern: Int64(row.integer(5))))
            let worker = WorkerID(bytes: row.blob(3)).map { "\($0)" } ?? "?"
            let seconds = (row.real(1) * 1000).rounded() / 1000
            lines.append("\(row.text(0)) UTC lease \(id) on worker \(worker) on \(row.text(4)): \(row.text(2)) after \(seconds) s")
        }
        return lines
    }

    /// Trials whose bits differed from worker to worker, in words.
    /// - Parameter key: of one trial; nil for all.
    func disagreements(of key: TrialKey? = nil) throws(StoreError) -> [String] {
        var lines: [String] = []
        // What was stored first and found wrong stands there twice.
        try database.prepare(
            "SELECT trial, first_host, first_worker, host, worker, verdict FROM conflict WHERE verdict <> 'wrong' AND (?1 IS NULL OR trial = ?1)"
        ).rows([key.map { .blob($0.bytes) } ?? .null]) { (row) throws(StoreError) in
            let first = Self.name(Author(row, worker: 2, host: 1), on: row.text(1))
            let second = Self.name(Author(row, worker: 4, host: 3), on: row.text(3))
            let verdict = row.text(5) == "open" ? "nobody has decided yet" : row.text(5)
            lines.append("trial \(row.blob(0).hexadecimal): \(first) and \(second) computed different bits; \(verdict)")
        }
        return lines
    }

    private static func name(_ author: Author?, on host: String) -> String {
        author.map { "worker \($0.worker) on \($0.host)" } ?? "a worker on \(host)"
    }
}
