// Report.swift · Coordinator/Reporting, the last file of its folder. A store → the tables and the figure of a results directory.

internal import Vocabulary

struct Report {
    let summary: Summary
    let table: SweepTable
    /// What trials left besides their losses, summed up; nil for a sweep that draws nothing of it.
    let series: (any SeriesReport)?
    /// Reasons of failed trials and how many gave each, the most frequent first.
    let failures: [(reason: String, count: Int)]
    private let spec: SweepSpec
    /// Names of the tables that are written.
    private let files: [String]
    /// Why one of the tables could not be written; it and those after it are as they were. Nil where all are written.
    let failure: ReportError?

    /// Reads every result once and writes all tables. An output more is a consumer more. What is printed needs no file: a report in a
    /// directory that cannot be written has its numbers all the same.
    /// - Parameters:
    ///   - directory: nil writes nothing.
    ///   - lookup: returns the stored result of a trial.
    ///   - recorded: returns what the trial left besides its losses; called only for sweeps that show it.
    /// - Throws: whatever `lookup` and `recorded` throw. All files are as they were then.
    init(
        _ grid: Grid, directory: String?, lookup: (TrialKey) throws -> TrialResult?, recorded: (TrialKey) throws -> [Series] = { _ in [] }
    ) throws {
        spec = grid.spec
        let summaries = SummaryFile(spec, directory: directory), failed = FailureCounts()
        let accurate = spec.isByRate ? AccuracyConsumer() : nil, recording = SeriesConsumer(spec, directory: directory)
        // Their order is that in which the user is told the names of the files.
        let consumers: [(any TrialConsumer)?] = [
            directory.map { TrialsFile(grid.spec, directory: $0) }, summaries,
            directory.map { CurvesFile(grid.spec, directory: $0) }, recording, accurate, failed,
        ]
        try ReportPass.run(grid, consumers.compactMap(\.self), lookup: lookup, recorded: recorded)
        (files, failure) = try Self.finish(consumers.compactMap(\.self))
        summary = summaries.summary
        table = SweepTable(summary, spec, accuracies: accurate?.accuracies ?? Accuracies())
        series = recording?.report
        failures = failed.reasons
    }

    /// Puts files into place until one cannot be written.
    private static func finish(_ consumers: [any TrialConsumer]) throws -> (files: [String], failure: ReportError?) {
        var files: [String] = []
        do { for consumer in consumers { files += try consumer.finish() } } catch let error as ReportError { return (files, error) }
        return (files, nil)
    }

    /// The report on a store, which has all of it.
    init(_ grid: Grid, directory: String?, of store: borrowing ResultStore) throws {
        try self.init(grid, directory: directory, lookup: { try store.result($0) }, recorded: { try store.series($0) })
    }

    /// What is printed on the terminal.
    var text: String { table.text + (series.map { "\n\($0.text)" } ?? "") }

    /// Nil for a sweep that is a table alone.
    var drawing: (any Drawing)? { spec.figure.kind == .table ? nil : series?.drawing ?? CurvesFigure(summary, spec) }

    /// Draws the figure, and prints the tables and, last, the names of all files.
    /// - Returns: whether the tables and the figure, if the sweep has one, are there.
    func publish(directory: String, isQuiet: Bool) -> Bool {
        FigureFiles.publish(
            drawing, as: spec.name, in: directory, beside: files, failure: failure, text: "\(text)\n", isQuiet: isQuiet)
    }

    /// One sweep under several master seeds: Markdown tables of what each of them prints.
    static func comparison(_ sweeps: [(name: String, report: Report)]) -> String {
        let measures = sweeps.compactMap { name, report in report.series.map { (name: name, table: $0.measures) } }
        let notes = sweeps.compactMap { name, report in
            report.series.flatMap { $0.leftOut > 0 ? "\(name): \($0.leftOutNote)" : nil }
        }
        return
            ([SweepTable.comparison(sweeps.map { ($0.name, $0.report.table) })] + (measures.isEmpty ? [] : [Measures.comparison(measures)])
            + notes).joined(separator: "\n")
    }
}
