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

    @Argument(
        help: "The results directory, such as results/figure4, or the sweep file. A sweep with parts has keys in each of them.",
        transform: PathText.expanded)
    var directory: String

    @Flag(help: "Makes a new key for the coordinator and drops those of workers: earlier invitations stop working.")
    var rotate = false

    func run() throws {
        try orExit {
            let parts = try ResultsDirectory(meantBy: directory).sweeps
            for part in parts {
                if parts.count > 1 { Console.print("\(part.path):") }
                try show(part)
            }
        }
    }

    private func show(_ part: ResultsDirectory) throws {
        if rotate, !part.hasKeys, !part.hasStore {
            throw StoreError.unusable(path: part.path, reason: "is no results directory: it has neither a store nor keys")
        }
        try part.create()
        guard PrivateFile.canBeKept(in: part.path) else {
            let reason = "is on a file system that keeps no secret from other users: no keys are stored there, and each run makes its own"
            throw StoreError.unusable(path: part.path, reason: reason)
        }
        // Keys of a coordinator that runs are changed by that coordinator.
        let lock = rotate ? try StoreLock(of: part.store, holder: ResultsDirectory.holder("regsweep keys")) : nil
        let ring = rotate ? try KeyRing(rotating: part.keys) : try KeyRing(part.keys)
        _ = consume lock
        Console.print("coordinator  \(ring.coordinator.publicKey)")
        for (name, key) in ring.workers.sorted(by: { $0.key < $1.key }) { Console.print("\(name)  \(key.publicKey)") }
    }
}
