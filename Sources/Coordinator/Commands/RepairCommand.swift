// RepairCommand.swift · Coordinator/Commands. `regsweep repair`: a damaged store becomes a sound one with every result that is intact.

internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import Vocabulary
internal import Wire

struct Repair: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a damaged store sound again, with every result that is intact.",
        discussion: "The damaged files stay beside it, under other names. Run the sweep again to train what was lost.")

    @Argument(help: "The results directory, such as results/figure4, or the sweep file.", transform: PathText.expanded)
    var directory: String

    func run() throws {
        try orExit {
            let results = try ResultsDirectory(meantBy: directory), path = results.store
            guard results.hasStore else { throw StoreError.foreign(path: path, reason: "there is no store here") }
            switch try Repairing.repair(path, holder: ResultsDirectory.holder("regsweep repair")) {
            case .intact(let results): Console.print("\(path) is intact: \(results) results, nothing to repair")
            case .repaired(let results, let damaged):
                Console.print("\(path) has the \(results) results that are intact; the damaged store is now \(damaged)")
            }
        }
    }
}
