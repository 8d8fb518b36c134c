// SeriesReport.swift · Coordinator/Reporting, between the pass over the store and the figures of series. What every report on series has.

internal import Vocabulary

/// A trial with what it left besides its losses.
struct RecordedTrial {
    /// Index into the rows of the sweep file.
    var row: Int
    var trainingSet: Int, initialization: Int, replicate: Int
    var isDiverged: Bool
    var series: [String: [Double]]

    /// Nil for a series that is missing or of another length.
    func series(_ name: SeriesName, of counts: ClosedRange<Int>) -> [Double]? {
        series[name.rawValue].flatMap { counts.contains($0.count) ? $0 : nil }
    }

    /// Nil also for a series in which a number is not finite or outside of `values`.
    func numbers(_ name: SeriesName, of counts: ClosedRange<Int>, within values: ClosedRange<Double>? = nil) -> [Double]? {
        series(name, of: counts).flatMap { $0.allSatisfy { $0.isFinite && values?.contains($0) != false } ? $0 : nil }
    }
}

/// Takes in trials one by one in grid order, and is then a table of measures and a figure.
protocol SeriesReport {
    /// Leaves a trial out, and counts it in `leftOut`, whose series are not of the form that Docs/numerics.md gives them: they are what a worker
    /// sent, and nothing has looked at them before.
    mutating func add(_ trial: RecordedTrial)
    var leftOut: Int { get }
    var measures: Measures { get }
    /// Says what the measures are, for the reader of the table.
    var note: String { get }
    var drawing: any Drawing { get }
    /// Writes CSV files of its own.
    /// - Returns: their names.
    func writeFiles(in directory: String) throws -> [String]
}

extension SeriesReport {
    func writeFiles(in directory: String) throws -> [String] { [] }

    /// A line for the reader; empty where nothing was left out.
    var leftOutNote: String {
        guard leftOut > 0 else { return "" }
        return "\(leftOut) \(leftOut == 1 ? "trial is" : "trials are") left out: a series is missing, of a wrong length, or has a number "
            + "that is not finite or off the domain\n"
    }

    /// The section of the report for the terminal.
    var text: String { "\(measures.text)\n\(note)\n\(leftOutNote)" }
}

/// Hands the trials of the settings in a sweep file's rows to a report on their series.
final class SeriesConsumer: TrialConsumer {
    private(set) var report: any SeriesReport
    /// The row of the sweep file by index of the setting.
    private let rows: [Int: Int]
    private let directory: String?

    let readsSeries = true

    /// - Parameter directory: nil writes no files.
    init?(_ spec: SweepSpec, directory: String?) {
        switch spec.figure.kind {
        case .curves, .table: return nil
        case .density: report = Density(spec)
        case .trajectories: report = Trajectories(spec)
        case .theory: report = Theory(spec)
        }
        rows = Dictionary(spec.rows.enumerated().map { ($1.setting, $0) }) { first, _ in first }
        self.directory = directory
    }

    func take(_ trial: TrialRow) {
        guard let row = rows[trial.settingIndex], !trial.result.isFailure else { return }
        let group = trial.group
        report.add(
            RecordedTrial(
                row: row, trainingSet: group.trainingSet, initialization: group.initialization, replicate: group.replicate,
                isDiverged: trial.result.outcome == .diverged, series: trial.series))
    }

    func finish() throws -> [String] { try directory.map { try report.writeFiles(in: $0) } ?? [] }
}

extension SweepSpec {
    /// Nil where the sweep's problem has no such parameter.
    func integer(_ name: String) -> Int? {
        guard case .integer(let value) = parameters[name] else { return nil }
        return value
    }

    /// Length of a series with one number at the start and one after every epoch of a trial that is done.
    var seriesLength: ClosedRange<Int> {
        let count = (integer("epochs") ?? 0) + 1
        return count...count
    }
}
