// ReportCommand.swift · Coordinator/Commands. `regsweep report`: tables and figures again from what is stored, or several seeds beside each other.

internal import ArgumentParser
internal import Vocabulary
internal import Wire

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Writes tables and figures from the store; with several --seed, compares master seeds as a Markdown table.")

    @Argument(help: "The sweep file that was run.", transform: PathText.expanded)
    var sweep: String

    @Option(help: "Master seed that was run with --seed, in results/NAME-seed-N; given several times, compares them.")
    var seed: [UInt64] = []

    @Option(
        help: "Results directory of a single sweep. (default: results/NAME, or results/NAME-seed-N with --seed)",
        transform: PathText.expanded)
    var out: String?

    func validate() throws {
        if seed.count > 1, out != nil { throw ValidationError("--out names one directory, and several --seed are in several") }
    }

    func run() throws {
        try orExit(hasOut: seed.count < 2) { if seed.count > 1 { try compare() } else { try report() } }
    }

    private func compare() throws {
        let text = try sweepText()
        let sweeps = try seed.map { seed in
            let (list, directory) = try load(seed, text)
            return (name: "seed \(seed)", list: list, reports: try reports(list, directory, writes: false))
        }
        for (index, part) in sweeps[0].list.sweeps.enumerated() {
            if sweeps[0].list.figure != nil { Console.print("\(index > 0 ? "\n" : "")\(part.name)\n") }
            Console.print(Report.comparison(sweeps.map { ($0.name, $0.reports[index]) }))
        }
    }

    private func report() throws {
        let (list, directory) = try load(seed.first, sweepText())
        let reports = try reports(list, directory, writes: true)
        var hasAll = true
        for (spec, report) in zip(list.sweeps, reports) {
            hasAll = report.publish(directory: directory.directory(of: spec, in: list).path, isQuiet: false) && hasAll
        }
        if let joint = JointReport(list, reports) { hasAll = joint.publish(directory: directory.path, isQuiet: false) && hasAll }
        guard hasAll else { throw ExitCode(4) }
    }

    /// The text of the sweep file, which may be a pipe and is then read for good.
    private func sweepText() throws(SpecErrors) -> String {
        guard !ResultsDirectory.isResults(sweep, FileStatus(sweep)) else {
            let directory = ShellWords.quoted([try ResultsDirectory(meantBy: sweep).path])
            let message = "is no sweep file; report reads the sweep file as well: regsweep report FILE --out \(directory)"
            throw SpecErrors(errors: [SpecError(file: sweep, line: nil, message: message)])
        }
        return try TOMLFile.text(of: sweep)
    }

    private func load(_ seed: UInt64?, _ text: String) throws(SpecErrors) -> (list: SweepList, directory: ResultsDirectory) {
        let list = try SweepList.parse(text, file: sweep, seed: seed)
        if let out { return (list, ResultsDirectory(out)) }
        let directory = ResultsDirectory(ofSweep: list.name, seed: seed)
        // The file's own seed may have been run without --seed.
        guard let seed, !directory.sweeps[0].hasStore, try SweepList.parse(text, file: sweep).sweeps[0].seed == seed else {
            return (list, directory)
        }
        return (list, ResultsDirectory(ofSweep: list.name, seed: nil))
    }

    /// - Parameter writes: whether the tables are written into the directory.
    /// - Returns: a report of each part, in order.
    private func reports(_ list: SweepList, _ directory: ResultsDirectory, writes: Bool) throws -> [Report] {
        try list.sweeps.map { spec in
            let own = directory.directory(of: spec, in: list)
            guard own.hasStore else {
                let option = seed.isEmpty ? "" : " with --seed \(spec.seed)"
                throw StoreError.foreign(path: own.store, reason: "there is no store here yet: run the sweep\(option) first")
            }
            let store = try own.openForReading()
            var spec = spec
            let base = try store.base()
            // Without them it cannot be told that the results are those of this file, or, of a sweep with data, which they are.
            guard !base.isEmpty else {
                throw StoreError.foreign(path: own.store, reason: "a repair could not keep its settings: `regsweep run` writes them again")
            }
            spec.takeData(from: base)
            try ResultStore.refuseForeign(stored: base, spec, own.path)
            return try Report(Grid(spec), directory: writes ? own.path : nil, of: store)
        }
    }
}
