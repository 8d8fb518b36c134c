// RepairCommand.swift · Coordinator. `regsweep repair`: a damaged store becomes a sound one with every result that is intact.

internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import Wire

struct Repair: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a damaged store sound again, with every result that is intact.",
        discussion: "The damaged files stay beside it, under other names. Run the sweep again to train what was lost.")

    @Argument(help: "The results directory, such as results/figure4.")
    var directory: String

    func run() throws {
        try orExit {
            let path = "\(directory)/store.sqlite"
            guard FileManager.default.fileExists(atPath: path) else {
                throw StoreError.foreign(path: path, reason: "there is no store here")
            }
            let lock = try StoreLock(path: path + ".lock", holder: "regsweep repair, process \(getpid()) on \(Host.name)")
            if let results = try intact(path) {
                print("\(path) is intact: \(results) results, nothing to repair")
                return
            }
            let new = path + ".repaired"
            for ending in ["", "-wal", "-shm", ".lock"] { ResultsDirectory.remove(new + ending) }
            let kept = try Integrity.salvage(path, into: new, holder: "regsweep repair")
            let number = (1...).first { !FileManager.default.fileExists(atPath: "\(path).damaged-\($0)") }!
            for ending in ["-wal", "-shm"] where FileManager.default.fileExists(atPath: path + ending) {
                try FileManager.default.moveItem(atPath: path + ending, toPath: "\(path).damaged-\(number)\(ending)")
            }
            try FileManager.default.moveItem(atPath: path, toPath: "\(path).damaged-\(number)")
            try FileManager.default.moveItem(atPath: new, toPath: path)
            ResultsDirectory.remove(new + ".lock")
            _ = consume lock
            print("\(path) holds \(kept) intact results; what it was made from is \(path).damaged-\(number)")
        }
    }

    /// The number of results of a store that is sound; nil for a damaged one.
    private func intact(_ path: String) throws(StoreError) -> Int? {
        do {
            let store = try ResultStore(reading: path)
            try Integrity.verify(store.database)
            return try Migrations.number("SELECT count(*) FROM result", store.database)
        } catch {
            switch error {
            case .damaged, .foreign: return nil
            default: throw error
            }
        }
    }
}
