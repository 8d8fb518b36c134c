// Repairing.swift · Coordinator/Store, after Rebuilding. Puts a sound store in the place of a damaged one. A repair that is stopped, at
// whatever moment, has changed nothing, or is finished by the next one.

internal import Wire

enum Repairing {
    enum Outcome: Equatable {
        case intact(results: Int)
        /// - Parameter from: the name under which the damaged store is kept, with its log.
        case repaired(results: Int, from: String)
    }

    /// What is done to the files of the damaged store, in this order, once the new store is complete beside them.
    enum Step: CaseIterable { case keepLog, keepStore, removeLog, removeIndex, replace }

    /// - Parameter before: called before each step. Tests stop the repair there by an error.
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
        for file in [new, new + "-wal", new + "-shm", StoreLock.path(of: new), new + Rebuilding.copyEnding] { Files.remove(file) }
        let results = try Rebuilding.rebuild(stopped ?? path, as: new, holder: holder)
        // SQLite takes the log into the file when the last connection is closed, unless there is no room for that.
        guard Files.size(of: new + "-wal") == nil else {
            throw StoreError.blocked(reason: "SQLite could not complete \(new), which needs room on that disk")
        }
        Files.remove(StoreLock.path(of: new))

        let kept = stopped ?? freeName(path)
        if stopped == nil {
            // The log is linked first, so that a second name of the store always has its log beside it.
            try before(.keepLog)
            if Files.size(of: path + "-wal") ?? 0 > 0 { try Files.link(path + "-wal", as: kept + "-wal") }
            try before(.keepStore)
            try Files.link(path, as: kept)
            Files.sync(directoryOf: path)
        }
        // SQLite would take the old store's log for the new store's, since both have the same name.
        try before(.removeLog)
        Files.remove(path + "-wal")
        try before(.removeIndex)
        Files.remove(path + "-shm")
        Files.sync(directoryOf: path)
        try before(.replace)
        try Files.move(new, inPlaceOf: path)
        Files.sync(directoryOf: path)
        // Reading the damaged store has left these.
        Files.remove(kept + "-shm")
        if Files.size(of: kept + "-wal") == 0 { Files.remove(kept + "-wal") }
        return .repaired(results: results, from: kept)
    }

    /// - Returns: the second name of a store whose replacement was interrupted; its log may lie beside that name only. Nil for any other
    ///   store.
    static func interrupted(_ path: String) -> String? {
        guard Files.hasOtherNames(path) else { return nil }
        let directory = PathText.directory(of: path), name = path.split(separator: "/").last.map(String.init) ?? ""
        return FileBytes.names(in: directory).lazy.filter { $0.hasPrefix("\(name).damaged-") }.map { "\(directory)/\($0)" }.first {
            Files.isSame($0, path)
        }
    }

    /// - Throws: `damaged` for a store whose replacement was interrupted, so that nobody reads or writes it.
    static func requireFinished(_ path: String) throws(StoreError) {
        guard interrupted(path) == nil else { throw .damaged(path: path, reason: "its repair was interrupted") }
    }

    /// - Returns: the number of results of a sound store; nil for a damaged one.
    private static func intact(_ path: String) throws(StoreError) -> Int? {
        do {
            // Before SQLite opens the file, since closing it would end SQLite's locks.
            let header = StoreHeader(of: path, isAlone: true)
            try StoreLog.require(path) { true }
            let database = try Database(path, readOnly: true), format = try Migrations.requireReadable(database)
            try header.require(path)
            try Integrity.verify(database, format: format)
            return try Migrations.number("SELECT count(*) FROM result", database)
        } catch {
            switch error {
            case .damaged, .headless: return nil
            default: throw error
            }
        }
    }

    /// An unused name for the damaged store. If an earlier, interrupted repair has already linked its log under a name, returns that name.
    private static func freeName(_ path: String) -> String {
        (1...).lazy.map { "\(path).damaged-\($0)" }.first { name in
            Files.size(of: name) == nil && (Files.size(of: name + "-wal") == nil || Files.isSame(name + "-wal", path + "-wal"))
        }!
    }
}
