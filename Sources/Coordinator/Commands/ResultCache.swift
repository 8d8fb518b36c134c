// ResultCache.swift · Coordinator/Commands, used by SweepRun. A directory in which sweeps share results.

internal import Vocabulary

/// The store of a cache is like any other, but belongs to no sweep: a result is found in it by its trial's key.
struct ResultCache {
    let directory: ResultsDirectory

    /// Copies the results of a sweep's trials that the cache has and the store has not.
    /// - Returns: how many.
    func copy(to store: borrowing ResultStore, _ grid: Grid) throws -> Int {
        guard directory.hasStore else { return 0 }
        return try store.copy(from: try directory.openForReading(), keys(of: grid))
    }

    /// Adds the results of a sweep that the cache lacks.
    /// - Throws: also while another sweep adds its own.
    func add(from store: borrowing ResultStore, _ grid: Grid) throws {
        try directory.create()
        _ = try directory.openForWriting().copy(from: store, keys(of: grid))
    }

    private func keys(of grid: Grid) -> some Sequence<TrialKey> { (0..<grid.count).lazy.map(grid.key(of:)) }
}
