// ReportCommand.swift · Coordinator. `regsweep report`: tables and figures again from what is stored, or several seeds beside each other.

internal import ArgumentParser
internal import Wire

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Writes tables and figures from the store; with several --seed, compares master seeds as a Markdown table.")

    @Argument(help: "The sweep file that was run.")
    var sweep: String

    @Option(help: "Master seed that was run with --seed, in results/NAME-seed-N; given several times, compares them.")
    var seed: [UInt64] = []

    @Option(help: "Results directory of a single sweep. (default: results/NAME, or results/NAME-seed-N with --seed)")
    var out: String?

    func validate() throws {
        if seed.count > 1, out != nil { throw ValidationError("--out names one directory, and several --seed are in several") }
    }

    func run() throws {
        try orExit {
            guard seed.count > 1 else {
                let (spec, directory) = try load(seed.first)
                let report = try summarize(spec, directory: directory, writes: true)
                guard report.publish(spec, directory: directory, isQuiet: false) else { throw ExitCode(4) }
                return
            }
            let sweeps = try seed.map { seed in
                let (spec, directory) = try load(seed)
                return (name: "seed \(seed)", report: try summarize(spec, directory: directory, writes: false))
            }
            let tables = sweeps.compactMap { sweep in sweep.report.table.map { (name: sweep.name, table: $0) } }
            print(tables.isEmpty ? Claims.comparison(sweeps.map { ($0.name, $0.report.claims) }) : LossTable.comparison(tables))
        }
    }

    private func load(_ seed: UInt64?) throws -> (SweepSpec, directory: String) {
        let spec = try SweepSpec.load(path: sweep, seed: seed)
        return (spec, out ?? "results/\(spec.name)" + (seed.map { "-seed-\($0)" } ?? ""))
    }

    private func summarize(_ spec: SweepSpec, directory: String, writes: Bool) throws -> Report {
        let store = try ResultStore(reading: "\(directory)/store.sqlite")
        var spec = spec
        spec.takeData(from: try store.base())
        try Resume.refuseForeign(stored: try store.base(), spec, directory)
        return try Report(Grid(spec), directory: writes ? directory : nil) { try store.result($0) }
    }
}
