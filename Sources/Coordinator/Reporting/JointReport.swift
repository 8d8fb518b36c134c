// JointReport.swift · Coordinator/Reporting, after the reports of the [[parts]] of a sweep file: the table and the figure of all parts together.

internal import Vocabulary

struct JointReport {
    private let list: SweepList
    private let figure: FigureSpec
    private let parts: [(name: String, theory: Theory)]

    /// - Parameter reports: those of the parts, in order.
    /// - Returns: nil for a file that is one sweep.
    init?(_ list: SweepList, _ reports: [Report]) {
        guard let figure = list.figure else { return nil }
        self.list = list
        self.figure = figure
        parts = zip(list.sweeps, reports).compactMap { sweep, report in (report.series as? Theory).map { (sweep.name, $0) } }
    }

    /// Writes `theory.csv` and the figure of all parts into the directory of the file.
    /// - Returns: whether both are there.
    func publish(directory: String, isQuiet: Bool) -> Bool {
        var tables: [String] = [], failure: ReportError?
        do { tables = [try Theory.writeFile(of: parts.map(\.theory), in: directory)] } catch { failure = error }
        return FigureFiles.publish(
            TheoryFigure(title: figure.title, parts), as: list.name, in: directory, beside: tables, failure: failure,
            text: "\nall parts ", isQuiet: isQuiet)
    }
}
