// LossTable.swift · Coordinator/Reporting, beside RatioTable.swift. What a sweep of [[settings]] prints: the form of the paper's Table 1.

internal import Vocabulary

/// Mean test loss of each setting, how much the data matter to it and how sure it is.
struct LossTable: Equatable {
    struct Row: Equatable {
        var label: String
        /// Nil where a trial diverged, failed or was not run.
        var mean: Double?
        /// Standard deviation over training sets of the mean over initializations and replicates: how much the data matter.
        var deviation: Double?
        /// Standard error of the mean over replicates, which differ by batches and noise alone.
        var error: Double?
        /// Trials with a result, and those of them without a loss.
        var n: Int, diverged: Int, failed: Int

        var cell: Cell { .mean(mean, diverged: diverged, failed: failed) }
    }

    var rows: [Row]

    init(_ summary: Summary, _ spec: SweepSpec) {
        rows = spec.rows.map { row in
            let found = summary.settings[row.setting]
            let deviation = Statistics.deviation(found.testLossBySet), overReplicates = Statistics.deviation(found.testLossByReplicate)
            return Row(
                label: row.label, mean: found.testLoss?.mean, deviation: deviation,
                error: overReplicates.map { $0 / Double(found.testLossByReplicate.count).squareRoot() }, n: found.n,
                diverged: found.diverged, failed: found.failed)
        }
    }

    static var columns: [Column<Row>] {
        [
            .text("setting", \.label), .cells("test loss", decimals: 2, deviation: \.deviation, \.cell),
            .real("std. error", decimals: 3, \.error), .integer("n", \.n),
        ]
    }

    static let legend =
        "±: standard deviation over training sets of the mean over initializations and replicates; std. error: of the mean over replicates\n"

    static let comparisonLegend = """
        a sweep's cell: mean test loss ± standard deviation over training sets of the mean over initializations and replicates; mean ± sd: mean
        and standard deviation over the sweeps

        """

    /// The section of the report for the terminal.
    var text: String { "\(TextTable.text(rows, Self.columns))\n\(Self.legend)\(Cell.legend(rows.map(\.cell)))" }

    /// A Markdown table with a row for each sweep, and one for the mean of the means ± their standard deviation.
    static func comparison(_ sweeps: [(name: String, table: LossTable)]) -> String {
        let settings = sweeps.first?.table.rows ?? []
        return SweepComparison.text(
            sweeps,
            settings.enumerated().map { index, row in
                .compared(row.label, decimals: 2, deviation: { $0.rows[index].deviation }, shown: { $0.rows[index].cell }) {
                    $0.rows[index].mean
                }
            })
    }
}
