// Repairing.swift · Coordinator/Store, after Integrity. A sound store in place of a damaged one. Whenever it is stopped, the next time finds
// everything as it was, or finishes.

internal import FoundationEssentials

enum Repairing {
    enum Outcome: Equatable {
        case intact(results: Int)
        /// - Parameter from: the damaged store, which is kept with its log.
        case repaired(results: Int, from: String)
    }

    /// What is done to the files of a store, one after the other, once the new one is complete beside them.
    enum Step: CaseIterable { case keepLog, keepStore, removeLog, removeIndex, replace }

    /// - Parameter before: called before each step that is done; for tests, which stop there.
    /// - Throws: `foreign` for a database of another program or release, which is left alone; `locked`, `blocked`, `unusable`.
    static func repair(_ path: String, holder: String, before: (Step) throws -> Void = { _ in }) throws -> Outcome {
        let lock = try StoreLock(of: path, holder: holder)
        let outcome = try repairLocked(path, holder: holder, before)
        _ = consume lock
        return outcome
    }

    private static func repairLocked(_ path: String, holder: String, _ before: (Step) throws -> Void) throws -> Outcome {
        let stopped = interrupted(path)
        if stopped == nil, let results = try intact(path) { return .intact(results: results) }
        let new = path + ".repaired"
        for file in [new, new + "-wal", new + "-shm", StoreLock.path(of: new)] { Files.remove(file) }
        let results = try Integrity.salvage(stopped ?? path, into: new, holder: holder)
        // SQLite's last connection takes the log into the file, unless there is no room.
        guard Files.size(of: new + "-wal") == nil else { throw StoreError.blocked(reason: "\(new) cannot be completed: is the disk full?") }
        Files.remove(StoreLock.path(of: new))

        let kept = stopped ?? freeName(path)
        if stopped == nil {
            // The log first: what has the name of the store beside it is complete.
            try before(.keepLog)
            if Files.size(of: path + "-wal") ?? 0 > 0 { try Files.link(path + "-wal", as: kept + "-wal") }
            try before(.keepStore)
            try Files.link(path, as: kept)
            Files.sync(directoryOf: path)
        }
        // Under the new store's name SQLite would take the old one's log for its own.
        try before(.removeLog)
        Files.remove(path + "-wal")
        try before(.removeIndex)
        Files.remove(path + "-shm")
        Files.sync(directoryOf: path)
        try before(.replace)
        try Files.move(new, inPlaceOf: path)
        Files.sync(directoryOf: path)
        // Left by reading it.
        Files.remove(kept + "-shm")
        if Files.size(of: kept + "-wal") == 0 { Files.remove(kept + "-wal") }
        return .repaired(results: results, from: kept)
    }

    /// A second name that a store has while it is being replaced: from then on its log may be found beside that name only.
    static func interrupted(_ path: String) -> String? {
        guard Files.hasOtherNames(path) else { return nil }
        let directory = Files.directory(of: path), name = path.split(separator: "/").last.map(String.init) ?? ""
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.sorted().lazy.filter { $0.hasPrefix("\(name).damaged-") }.map { "\(directory)/\($0)" }.first {
            Files.isSame($0, path)
        }
    }

    /// Readers and writers leave such a store alone.
    static func requireFinished(_ path: String) throws(StoreError) {
        guard interrupted(path) == nil else { throw .damaged(path: path, reason: "its repair was stopped on the way") }
    }

    /// The number of results of a store that is sound; nil for a damaged one.
    private static func intact(_ path: String) throws(StoreError) -> Int? {
        do { try Migrations.requireCurrent(try Database(path, readOnly: true)) } catch {
            switch error {
            case .damaged, .headless: return nil
            default: throw error
            }
        }
        do {
            let store = try ResultStore(reading: path)
            try Integrity.verify(store.database)
            return try Migrations.number("SELECT count(*) FROM result", store.database)
        } catch {
            // It says that it is one of this release: a table that is missing is damage as well.
            if case .blocked = error { throw error }
            return nil
        }
    }

    /// An unused name for the damaged store. If an earlier, interrupted repair has already linked its log under a name, returns that name.
    private static func freeName(_ path: String) -> String {
        (1...).lazy.map { "\(path).damaged-\($0)" }.first { name in
            Files.size(of: name) == nil && (Files.size(of: name + "-wal") == nil || Files.isSame(name + "-wal", path + "-wal"))
        }!
    }
}
