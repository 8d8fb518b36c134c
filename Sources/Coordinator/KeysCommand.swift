// KeysCommand.swift · Coordinator. `regsweep keys`: the keys of a results directory, shown without their secrets, and made anew.

internal import ArgumentParser
internal import FoundationEssentials
internal import Wire

struct Keys: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the keys of a results directory, makes them where there are none, and rotates them.",
        discussion: """
            run makes what it needs by itself. While it runs, regsweep workers invite issues a key and regsweep workers remove revokes it.
            """)

    @Argument(help: "Results directory, such as results/figure4.")
    var directory: String

    @Flag(help: "A new key for the coordinator and none for workers: every invitation so far is worth nothing.")
    var rotate = false

    func run() throws {
        try orExit {
            let results = try ResultsDirectory(directory)
            // Keys of a coordinator that runs are changed by that coordinator.
            let lock = rotate ? try StoreLock(path: "\(results.path)/store.sqlite.lock", holder: "regsweep keys") : nil
            var ring = try KeyRing("\(results.path)/keys")
            if rotate { try ring.rotate() }
            _ = consume lock
            print("coordinator  \(ring.coordinator.publicKey)")
            for (name, key) in ring.workers.sorted(by: { $0.key < $1.key }) { print("\(name)  \(key.publicKey)") }
        }
    }
}
