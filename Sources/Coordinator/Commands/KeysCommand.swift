// KeysCommand.swift · Coordinator/Commands. `regsweep keys`: the keys of a results directory, shown without their secrets, and made anew.

internal import ArgumentParser
internal import FoundationEssentials
internal import Vocabulary
internal import Wire

struct Keys: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the keys of a results directory, makes them where there are none, and rotates them.",
        discussion: """
            regsweep run makes the keys that it needs. While it runs, regsweep workers invite issues a key and regsweep workers remove \
            revokes it.
            """)

    @Argument(help: "The results directory, such as results/figure4, or the sweep file. A sweep with parts has keys in each of them.")
    var directory: String

    @Flag(help: "Makes a new key for the coordinator and drops those of workers: earlier invitations stop working.")
    var rotate = false

    func run() throws {
        try orExit {
            let parts = ResultsDirectory.stores(below: directory)
            for part in parts {
                if parts.count > 1 { print("\(part):") }
                try show(part)
            }
        }
    }

    private func show(_ part: String) throws {
        if rotate, !FileManager.default.fileExists(atPath: "\(part)/keys"), !FileManager.default.fileExists(atPath: "\(part)/store.sqlite")
        {
            throw StoreError.unusable(path: part, reason: "is no results directory: it has neither a store nor keys")
        }
        let results = try ResultsDirectory(part)
        // Keys of a coordinator that runs are changed by that coordinator.
        let lock = rotate ? try StoreLock(path: "\(results.path)/store.sqlite.lock", holder: "regsweep keys") : nil
        let keys = "\(results.path)/keys", ring = rotate ? try KeyRing(rotating: keys) : try KeyRing(keys)
        _ = consume lock
        print("coordinator  \(ring.coordinator.publicKey)")
        for (name, key) in ring.workers.sorted(by: { $0.key < $1.key }) { print("\(name)  \(key.publicKey)") }
    }
}
