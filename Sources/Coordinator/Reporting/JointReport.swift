// JointReport.swift · Coordinator/Reporting, after the reports of the [[parts]] of a sweep file: what they come to together.

internal import Vocabulary
internal import Wire

struct JointReport {
    private let list: SweepList
    private let figure: FigureSpec
    private let parts: [(name: String, theory: Theory)]

    /// - Parameter reports: of the parts, in order.
    /// - Returns: nil for a file that is one sweep.
    init?(_ list: SweepList, _ reports: [Report]) {
        guard let figure = list.figure else { return nil }
        self.list = list
        self.figure = figure
        parts = zip(list.sweeps, reports).compactMap { sweep, report in (report.series as? Theory).map { (sweep.name, $0) } }
    }

    /// Writes `theory.csv` and the figure of all parts into the directory of the file.
    /// - Returns: whether the figure is there.
    func publish(directory: String, isQuiet: Bool) throws -> Bool {
        var file = try TextFile("\(directory)/theory.csv")
        try file.write(Theory.header + parts.map(\.theory.lines).joined())
        try file.finish()
        var files = ["theory.csv"], complaint: ReportError?
        do {
            try Gnuplot.draw(TheoryFigure(title: figure.title, parts), as: list.name, in: directory)
            files += Gnuplot.endings.map { "\(list.name).\($0)" }
        } catch { complaint = error }
        if !isQuiet { print("\nall parts in \(directory): \(files.joined(separator: ", "))") }
        guard let complaint else { return true }
        for ending in Gnuplot.endings { TextFile.remove("\(directory)/\(list.name).\(ending)") }
        Console.writeLine("\(complaint)")
        return false
    }
}
