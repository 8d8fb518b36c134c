// SeriesReport.swift · Coordinator/Reporting, between the store's series and their figures. What every report on series has.

internal import Wire

/// One trial with what it left besides its losses.
struct RecordedTrial {
    /// Index into the rows of the sweep file.
    var row: Int
    var trainingSet: Int, initialization: Int, repetition: Int
    var isDiverged: Bool
    var series: [String: [Double]]

    subscript(_ name: String) -> [Double] { series[name] ?? [] }
}

/// Takes in trials one by one in grid order, and is then a table of measures and a figure.
protocol SeriesReport {
    mutating func add(_ trial: RecordedTrial)
    var measures: Measures { get }
    /// What the measures are, in words for the reader of the table.
    var note: String { get }
    var drawing: any Drawing { get }
}

/// Where the better of the landscape's minima is (Docs/numerics.md, "Landscape"), and the side of its domain.
enum LandscapePlaces {
    static let minimum = (x: 7.0, y: 7.0)
    static let side = 8.0
}
