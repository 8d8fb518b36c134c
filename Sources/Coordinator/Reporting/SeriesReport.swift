// SeriesReport.swift · Coordinator/Reporting, between the store's series and their figures. What every report on series has.

internal import Vocabulary
internal import Wire

/// One trial with what it left besides its losses.
struct RecordedTrial {
    /// Index into the rows of the sweep file.
    var row: Int
    var trainingSet: Int, initialization: Int, replicate: Int
    var isDiverged: Bool
    var series: [String: [Double]]

    /// Nil for a series that is missing or of another length.
    func series(_ name: String, of counts: ClosedRange<Int>) -> [Double]? { series[name].flatMap { counts.contains($0.count) ? $0 : nil } }

    /// Nil also for a series in which a number is not finite or not of these.
    func numbers(_ name: String, of counts: ClosedRange<Int>, within values: ClosedRange<Double>? = nil) -> [Double]? {
        series(name, of: counts).flatMap { $0.allSatisfy { $0.isFinite && values?.contains($0) != false } ? $0 : nil }
    }
}

/// Takes in trials one by one in grid order, and is then a table of measures and a figure.
protocol SeriesReport {
    /// Takes in nothing of a trial whose series are not of the form that Docs/numerics.md gives them, but counts it in `leftOut`: they are
    /// what a worker sent, and nobody has looked at them before.
    mutating func add(_ trial: RecordedTrial)
    var leftOut: Int { get }
    var measures: Measures { get }
    /// What the measures are, in words for the reader of the table.
    var note: String { get }
    var drawing: any Drawing { get }
}

extension SeriesReport {
    /// A line for the reader; empty where nothing was left out.
    var leftOutNote: String {
        guard leftOut > 0 else { return "" }
        return "\(leftOut) \(leftOut == 1 ? "trial is" : "trials are") left out: a series is missing, of a wrong length, or has a number "
            + "that is not finite or off the domain\n"
    }
}

extension SweepSpec {
    /// Nil where the sweep's problem has no such parameter.
    func integer(_ name: String) -> Int? {
        guard case .integer(let value) = parameters[name] else { return nil }
        return value
    }

    /// Numbers of a series that has one at the start and one after every epoch of a trial that is done.
    var seriesLength: ClosedRange<Int> {
        let count = (integer("epochs") ?? 0) + 1
        return count...count
    }
}

/// Where the better of the landscape's minima is (Docs/numerics.md, "Landscape"), and the side of its domain.
enum LandscapePlaces {
    static let minimum = (x: 7.0, y: 7.0)
    static let side = 8.0
    /// Points on each side of an initialization's cell of the map.
    static let mapPoints = 8
}
