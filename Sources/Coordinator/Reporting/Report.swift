// Report.swift · Coordinator/Reporting, the last room. The results directory: one pass over the store, files written whole or not at all.

internal import Vocabulary
internal import Wire

enum ReportError: Error, Equatable, CustomStringConvertible {
    case cannotWrite(path: String, reason: String)
    /// The tables are there; the figure is not.
    case noFigure(reason: String)

    var description: String {
        switch self {
        case .cannotWrite(let path, let reason): "cannot write \(path): \(reason)"
        case .noFigure(let reason): "no figure: \(reason); the tables are written"
        }
    }
}

struct Report {
    let summary: Summary
    let claims: Claims
    /// Of a sweep of [[settings]]; nil for one of curves.
    let table: LossTable?
    /// Of a sweep over learning rates; nil for any other.
    let rates: RateTable?
    /// Of what trials left besides their losses; nil for a sweep that draws nothing of it.
    let series: (any SeriesReport)?
    /// For the console.
    let text: String
    /// Reasons of failed trials and how many gave each, the most frequent first.
    let failures: [(reason: String, count: Int)]

    /// Reads every result once, a group at a time, and writes `results.csv` and `curves.csv` on the way, then `summary.csv`.
    /// - Parameters:
    ///   - directory: nil writes nothing.
    ///   - lookup: the stored result of a trial.
    ///   - recorded: what it left besides its losses; asked only of sweeps that show it.
    init(
        _ grid: Grid, directory: String?, lookup: (TrialKey) throws -> TrialResult?, recorded: (TrialKey) throws -> [Series] = { _ in [] }
    ) throws {
        var seriesReport = Self.seriesReport(grid.spec)
        var accuracies: [Setting: [Double]] = [:], without = (missing: 0, wrong: 0)
        let rows = Dictionary(grid.spec.rows.enumerated().map { ($1.setting, $0) }) { first, _ in first }
        var results = try directory.map { try TextFile("\($0)/results.csv") }
        try results?.write(Tables.withDecay(Tables.resultsHeader, grid.spec))
        var curves = MeanCurves(settings: grid.spec.settings.count)
        var current: (group: Int, results: [TrialResult?]) = (-1, [])
        var failures: [String: Int] = [:]
        summary = try Summary(grid) { index in
            let group = grid.group(of: index)
            let trials = grid.groups[group].trials
            if current.group != group { current = (group, try trials.map { try lookup(grid.key(of: $0)) }) }
            guard let result = current.results[index - trials.lowerBound] else { return nil }
            let baseline = grid.baseline(of: index).flatMap { current.results[$0 - trials.lowerBound] }
            var baselineLoss: Double?
            if case .done(_, let loss) = baseline?.outcome { baselineLoss = loss }
            if case .failed(let reason) = result.outcome { failures[reason, default: 0] += 1 }
            let line = Tables.resultLine(grid, index, result, baselineLoss: baselineLoss)
            try results?.write(Tables.withDecay(line, grid.spec, grid.setting(of: index)))
            curves.add(
                result.curve, baseline: Dictionary((baseline?.curve ?? []).map { ($0.epoch, $0.testLoss) }) { first, _ in first },
                setting: index - trials.lowerBound)
            if grid.spec.isByRate, case .done = result.outcome {
                // As many shares as the curve has points, if the worker computed right.
                let series = try recorded(result.key).first { $0.name == "test_accuracy" }?.values
                if let last = series?.last, series?.count == result.curve.count, (0...1).contains(last) {
                    accuracies[grid.setting(of: index), default: []].append(last)
                } else if series == nil {
                    without.missing += 1
                } else {
                    without.wrong += 1
                }
            }
            if seriesReport != nil, let row = rows[grid.setting(of: index)], !result.isFailure {
                let spec = grid.groups[group].spec, all = try recorded(result.key)
                seriesReport?.add(
                    RecordedTrial(
                        row: row, trainingSet: spec.trainingSet, initialization: spec.initialization, replicate: spec.replicate,
                        isDiverged: result.outcome == .diverged, series: Dictionary(all.map { ($0.name, $0.values) }) { first, _ in first })
                )
            }
            return result.outcome
        }
        series = seriesReport
        claims = Claims(summary, grid.spec)
        let spec = grid.spec
        table = spec.rows.isEmpty ? nil : LossTable(summary, spec)
        // A problem without classes has no accuracy at all.
        let withoutAccuracy = without.wrong + (accuracies.isEmpty ? 0 : without.missing)
        rates = spec.isByRate ? RateTable(summary, spec, accuracies: accuracies, withoutAccuracy: withoutAccuracy) : nil
        let more = series.map { "\n\($0.measures.text)\n\($0.note)\n\($0.leftOutNote)" } ?? ""
        text = (table?.text ?? rates?.text ?? Tables.console(summary, spec) + "\n" + claims.text) + more
        self.failures = failures.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { (reason: $0.key, count: $0.value) }
        guard let directory else { return }
        try results?.finish()
        var table = try TextFile("\(directory)/summary.csv")
        try table.write(Tables.summary(summary, grid.spec))
        try table.finish()
        if let theory = series as? Theory {
            var file = try TextFile("\(directory)/theory.csv")
            try file.write(Theory.header + theory.lines)
            try file.finish()
        }
        var file = try TextFile("\(directory)/curves.csv")
        try file.write(Tables.withDecay(Tables.curvesHeader, grid.spec))
        for (setting, points) in zip(grid.spec.settings, curves.points) {
            for (epoch, point) in points.sorted(by: { $0.key < $1.key }) {
                try file.write(Tables.withDecay(Tables.curveLine(setting, epoch, point), grid.spec, setting))
            }
        }
        try file.finish()
    }

    /// Draws the figure, and tells what there is: the table on standard output and, last, the files.
    /// - Returns: whether the figure, if the sweep has one, is there.
    func publish(_ spec: SweepSpec, directory: String, isQuiet: Bool) -> Bool {
        var files = ["results.csv", "summary.csv", "curves.csv"] + (series is Theory ? ["theory.csv"] : []), complaint: ReportError?
        do { files += try draw(spec, directory: directory).map { "\(spec.name).\($0)" } } catch { complaint = error }
        if !isQuiet { print("\(text)\nin \(directory): \(files.joined(separator: ", "))") }
        guard let complaint else { return true }
        // A figure of earlier results beside these tables would mislead.
        for ending in Gnuplot.endings { TextFile.remove("\(directory)/\(spec.name).\(ending)") }
        Console.writeLine("\(complaint)")
        return false
    }

    private static func seriesReport(_ spec: SweepSpec) -> (any SeriesReport)? {
        switch spec.figure.kind {
        case .curves, .table: nil
        case .density: Density(spec)
        case .trajectories: Trajectories(spec)
        case .theory: Theory(spec)
        }
    }

    /// - Returns: endings of the figure's files; none for a sweep that is a table alone.
    func draw(_ spec: SweepSpec, directory: String) throws(ReportError) -> [String] {
        guard spec.figure.kind != .table else { return [] }
        try Gnuplot.draw(series?.drawing ?? Figure(summary, spec), as: spec.name, in: directory)
        return Gnuplot.endings
    }
}

extension Report {
    /// One sweep under several master seeds: Markdown tables of what each of them prints.
    static func comparison(_ sweeps: [(name: String, report: Report)]) -> String {
        let tables = sweeps.compactMap { sweep in sweep.report.table.map { (name: sweep.name, table: $0) } }
        let rates = sweeps.compactMap { sweep in sweep.report.rates.map { (name: sweep.name, table: $0) } }
        let measures = sweeps.compactMap { sweep in sweep.report.series.map { (name: sweep.name, measures: $0.measures) } }
        let first =
            if !tables.isEmpty {
                LossTable.comparison(tables)
            } else if !rates.isEmpty {
                RateTable.comparison(rates)
            } else {
                Claims.comparison(sweeps.map { ($0.name, $0.report.claims) })
            }
        let notes = sweeps.compactMap { name, report in
            report.series.flatMap { $0.leftOut > 0 ? "\(name): \($0.leftOutNote)" : nil }
        }
        return ([first] + (measures.isEmpty ? [] : [Measures.comparison(measures)]) + notes).joined(separator: "\n")
    }

    /// Of a store, which has all of it.
    init(_ grid: Grid, directory: String?, of store: borrowing ResultStore) throws {
        try self.init(grid, directory: directory, lookup: { try store.result($0) }, recorded: { try store.series($0) })
    }
}
