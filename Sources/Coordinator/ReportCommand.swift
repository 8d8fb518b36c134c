// ReportCommand.swift · Coordinator. `regsweep report`: tables and figures again from what is stored, or several seeds beside each other.

internal import ArgumentParser
internal import Wire

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Writes tables and figures from the store; with several --seed, compares master seeds as a Markdown table.")

    @Argument(help: "The sweep file that was run.")
    var sweep: String

    @Option(help: "Master seeds that were run with --seed, each in results/NAME-seed-N.")
    var seed: [UInt64] = []

    @Option(help: "Results directory of a single sweep. (default: results/NAME)")
    var out: String?

    func run() throws {
        try orExit {
            guard seed.isEmpty else {
                let sweeps = try seed.map { seed in
                    let spec = try SweepSpec.load(path: sweep, seed: seed)
                    return (
                        name: "seed \(seed)", report: try summarize(spec, directory: "results/\(spec.name)-seed-\(seed)", writes: false)
                    )
                }
                let tables = sweeps.compactMap { sweep in sweep.report.table.map { (name: sweep.name, table: $0) } }
                print(tables.isEmpty ? Claims.comparison(sweeps.map { ($0.name, $0.report.claims) }) : LossTable.comparison(tables))
                return
            }
            let spec = try SweepSpec.load(path: sweep)
            let directory = out ?? "results/\(spec.name)"
            let report = try summarize(spec, directory: directory, writes: true)
            try report.draw(spec, directory: directory)
            print(report.text)
        }
    }

    private func summarize(_ spec: SweepSpec, directory: String, writes: Bool) throws -> Report {
        let store = try ResultStore(reading: "\(directory)/store.sqlite")
        return try Report(Grid(spec), directory: writes ? directory : nil) { try store.result($0) }
    }
}
