// StorePlace.swift · Coordinator/Store. Whether the files of a store that is being written to are still where they were. To the system they
// stay open when somebody deletes, moves or replaces them, and everything that is written from then on is lost when they are closed.

internal import Wire

/// The identities of a store's files when a writer opened them.
struct StorePlace {
    private let path: String
    private let store: Files.Identity
    /// SQLite's log and its index, by the ends of their names.
    private let companions: [String: Files.Identity]
    /// A link to the lock file, which moves with its directory.
    private let lock: String
    /// Where commits are noted.
    let mark: StoreLock.Mark

    /// - Parameters:
    ///   - path: of a store that is open, and has been written to.
    ///   - lock: held for as long as this value is used.
    /// - Throws: where the store is gone already.
    init(of path: String, _ lock: borrowing StoreLock) throws(StoreError) {
        self.path = path
        self.lock = lock.link
        mark = lock.mark
        guard let store = Files.identity(of: path) else { throw .displaced(path: path, reason: "was deleted while it was opened") }
        self.store = store
        companions = Dictionary(
            uniqueKeysWithValues: ["-wal", "-shm"].compactMap { end in Files.identity(of: path + end).map { (end, $0) } })
    }

    /// Looks whether the files are where they were. Where they are not, what the store holds is saved, under its own name if that is free.
    /// - Throws: `displaced`.
    func require(_ database: borrowing Database) throws(StoreError) {
        guard !Files.isGone(path, store) else {
            let moved = (try? OutputTarget.destination(ofLink: lock)).map {
                String($0.dropLast(StoreLock.ending.count))
            }
            if let moved, Files.identity(of: moved) == store {
                throw .displaced(
                    path: path,
                    reason:
                        "was moved to \(moved) while it was in use, and all results are there: move it back, and the same command resumes")
            }
            let what = Files.size(of: path) == nil ? "was deleted" : "was replaced by another file"
            throw .displaced(path: path, reason: "\(what) while it was in use; \(save(database))")
        }
        guard let lost = companions.sorted(by: { $0.key < $1.key }).first(where: { Files.isGone(path + $0.key, $0.value) })?.key else {
            return
        }
        // What the log has goes into the file, which is in its place.
        let hasSaved = (try? database.execute("PRAGMA wal_checkpoint(TRUNCATE)")) != nil
        throw .displaced(
            path: path + lost,
            reason: "was deleted or replaced while it was in use; "
                + (hasSaved ? "all results are in \(path), and the same command resumes" : "what was stored last may be lost"))
    }

    /// Writes all that the open database holds to a file of its own.
    /// - Returns: what became of it, in words.
    private func save(_ database: borrowing Database) -> String {
        let isFree = Files.size(of: path) == nil
        let name = isFree ? path : (1...).lazy.map { "\(path).saved-\($0)" }.first { Files.size(of: $0) == nil }!
        do {
            try PathText.makeDirectories(PathText.directory(of: path))
            // A log beside it would be taken for this file's.
            if isFree { for end in ["-wal", "-shm"] { Files.remove(path + end) } }
            try database.prepare("VACUUM INTO ?").run([.text(name)])
        } catch { return "what it held could not be written again (\(error))" }
        Files.sync(directoryOf: name)
        return isFree
            ? "all results were written to it again, and the same command resumes"
            : "all results were written to \(name): put that file in its place, and the same command resumes"
    }
}
