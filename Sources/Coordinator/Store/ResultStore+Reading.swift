// ResultStore+Reading.swift · Coordinator/Store. What the store has of one trial, or of all of them, for reports, exports and recovery.

internal import Vocabulary
internal import Wire

extension ResultStore {
    /// - Returns: the stored result without series and model; nil where there is none.
    /// - Throws: `damaged` also for a row that is not what was stored.
    func result(_ key: TrialKey) throws(StoreError) -> TrialResult? {
        var found: TrialResult?
        try lookUp(key) { (row) throws(StoreError) in
            let outcome: Outcome =
                switch row.text(0) {
                case "done": .done(trainLoss: row.real(2), testLoss: row.real(3))
                case "diverged": .diverged
                default: .failed(reason: row.text(5))
                }
            found = TrialResult(
                key: key, attempt: row.integer(7), outcome: outcome, epochs: row.integer(1),
                digest: row.isNull(4) ? nil : Digest(bytes: row.blob(4)), curve: NumberColumns.curve(of: row.blob(6)), seconds: row.real(8))
        }
        return found
    }

    /// Calls the closure with the row of a trial, if that has a result; its columns are those of `select`.
    /// - Throws: `damaged` for a row that is missing, or is not what was stored.
    private func lookUp(_ key: TrialKey, _ body: (borrowing Statement) throws(StoreError) -> Void) throws(StoreError) {
        try select.rows([.blob(key.bytes)]) { (row) throws(StoreError) in
            guard !row.isNull(12) else { throw .damaged(path: database.path, reason: "trial \(key) was stored and is not found") }
            // An older version of the row has a seal that is right.
            guard Integrity.isIntact(row, columns: 14), row.text(0) == row.text(14), row.real(8) == row.real(15) else {
                throw .damaged(path: database.path, reason: "trial \(key) is not what was stored")
            }
            try body(row)
        }
    }

    func author(of key: TrialKey) throws(StoreError) -> Author? {
        var author: Author?
        try lookUp(key) { (row) throws(StoreError) in author = Author(row, worker: 10, host: 9) }
        return author
    }

    /// - Returns: what new bits of a trial are compared with; nil where it has no result, or a failure, which has no bits.
    func bits(of key: TrialKey) throws(StoreError) -> ComputedBits? {
        var bits: ComputedBits?
        try lookUp(key) { (row) throws(StoreError) in
            bits = Digest(bytes: row.blob(4)).map { ComputedBits(digest: $0, author: Author(row, worker: 10, host: 9)) }
        }
        return bits
    }

    /// - Returns: what a stored trial left besides its losses, in the trial's own order; empty for most trials.
    /// - Throws: `damaged` also for series that are not what was stored.
    func series(_ key: TrialKey) throws(StoreError) -> [Series] {
        var found: [Series] = [], expected: Digest?
        try selectSeries.rows([.blob(key.bytes)]) { (row) throws(StoreError) in
            found.append(Series(name: row.text(0), values: NumberColumns.values(of: row.blob(1))))
        }
        try lookUp(key) { (row) throws(StoreError) in expected = row.isNull(11) ? nil : Digest(bytes: row.blob(11)) }
        guard NumberColumns.digest(of: found) == expected else {
            throw .damaged(path: database.path, reason: "the series of trial \(key) are not what was stored")
        }
        return found
    }

    /// - Returns: the trained parameters in the safetensors format; nil where the trial left none.
    /// - Throws: `damaged` also for parameters that are not what was stored.
    func model(of key: TrialKey) throws(StoreError) -> [UInt8]? {
        var model: [UInt8]?
        try database.prepare("SELECT * FROM model WHERE trial = ?").rows([.blob(key.bytes)]) { (row) throws(StoreError) in
            let content = row.blob(1)
            // Models of an older release have no digest.
            guard row.columnNames.count < 3 || row.isNull(2) || Digest(of: content).bytes == row.blob(2) else {
                throw .damaged(path: database.path, reason: "the model of trial \(key) is not what was stored")
            }
            model = content
        }
        return model
    }

    func checkpoint(of key: TrialKey) throws(StoreError) -> Checkpoint? {
        var found: Checkpoint?
        try database.prepare("SELECT epoch, digest, content FROM checkpoint WHERE trial = ?").rows([.blob(key.bytes)]) {
            (row) throws(StoreError) in
            guard let digest = Digest(bytes: row.blob(1)) else { return }
            found = Checkpoint(key: key, epoch: row.integer(0), digest: digest, content: row.blob(2))
        }
        return found
    }

    func checkpointMarks() throws(StoreError) -> [CheckpointMark] {
        var marks: [CheckpointMark] = []
        try database.prepare("SELECT trial, epoch FROM checkpoint").rows { (row) throws(StoreError) in
            if let key = row.key(0) { marks.append(CheckpointMark(key: key, epoch: row.integer(1))) }
        }
        return marks
    }

    func forEachOutcome(_ body: (TrialKey, _ outcome: String, _ seconds: Double) -> Void) throws(StoreError) {
        try database.prepare("SELECT trial, outcome, seconds FROM result INDEXED BY outcome").rows { (row) throws(StoreError) in
            if let key = row.key(0) { body(key, row.text(1), row.real(2)) }
        }
    }
}
