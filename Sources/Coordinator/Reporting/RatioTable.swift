// RatioTable.swift · Coordinator/Reporting, beside Claims.swift. What a sweep of curves over strengths prints: the paper's Figure 4 in numbers.

internal import Vocabulary

/// Strengths down, curves across: mean loss ratios and their deviations across initializations.
struct RatioTable {
    private let spec: SweepSpec
    private let summary: Summary

    init(_ summary: Summary, _ spec: SweepSpec) {
        self.spec = spec
        self.summary = summary
    }

    private var strengths: [Double] { Set(spec.curves.flatMap { $0.points.map(\.strength) }).sorted() }

    /// A row is a strength.
    private var columns: [Column<Double>] {
        [.real("strength") { $0 }]
            + spec.curves.map { curve in
                func row(_ strength: Double) -> SettingSummary? {
                    curve.points.first { $0.strength == strength }.map { summary.settings[$0.setting] }
                }
                return .cells(curve.label, decimals: 3, deviation: { row($0)?.ratio?.deviation }) { strength in
                    guard let row = row(strength) else { return .missing(because: "") }
                    return .mean(row.ratio?.mean, diverged: row.diverged, failed: row.failed)
                }
            }
    }

    /// The section of the report for the terminal.
    var text: String {
        let cells = columns.flatMap { column in strengths.map(column.cell) }
        return TextTable.text(strengths, columns) + """

            mean loss ratio to SGD without penalty, by strength and curve; ±: standard deviation across initializations

            """ + Cell.legend(cells)
    }
}
