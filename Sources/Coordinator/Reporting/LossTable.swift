// LossTable.swift · Coordinator/Reporting, beside Claims.swift. What a sweep of [[settings]] prints: the form of the paper's Table 1.

internal import Vocabulary

/// Mean test loss of each setting, the whole of it and how sure it is.
struct LossTable: Equatable {
    struct Row: Equatable {
        var label: String
        /// Nil where a trial diverged, failed or was not run.
        var mean: Double?
        /// Standard deviation over training sets of the mean over initializations and repeats: how much the data matter.
        var deviation: Double?
        /// Standard error of the mean over repeats, which differ by batches and noise alone.
        var error: Double?
        /// Trials with a result, and those of them without a loss.
        var n: Int, diverged: Int, failed: Int
    }

    var rows: [Row]

    init(_ summary: Summary, _ spec: SweepSpec) {
        rows = spec.rows.map { row in
            let found = summary.summary(of: row.setting) ?? SettingSummary(setting: row.setting)
            let deviation = Statistics.deviation(found.testLossBySet), overRepeats = Statistics.deviation(found.testLossByRepeat)
            return Row(
                label: row.label, mean: found.testLoss?.mean, deviation: deviation,
                error: overRepeats.map { $0 / Double(found.testLossByRepeat.count).squareRoot() }, n: found.n, diverged: found.diverged,
                failed: found.failed)
        }
    }

    /// For the console: labels to the left, numbers to the right.
    var text: String {
        let header = ["algorithm", "test loss", "std. error", "n"]
        let lines =
            [header]
            + rows.map { row in
                let error = row.mean == nil ? "" : row.error.map { NumberText.fixed($0, decimals: 3) } ?? "–"
                return [row.label, Self.cell(row), error, "\(row.n)"]
            }
        let widths = header.indices.map { column in lines.map { $0[column].count }.max()! }
        let body = lines.map { line in
            let label = line[0] + String(repeating: " ", count: widths[0] - line[0].count)
            return
                ([label]
                + zip(line, widths).dropFirst().map { text, width in String(repeating: " ", count: width - text.count) + text })
                .joined(separator: "  ")
        }
        return body.joined(separator: "\n") + """


            ±: standard deviation over training sets of the mean over initializations and repeats; std. error: of the mean over repeats

            """
    }

    /// Mean ± deviation, or why there is none.
    private static func cell(_ row: Row) -> String {
        if row.failed > 0 { return "failed \(row.failed)" }
        if row.diverged > 0 { return "div \(row.diverged)" }
        guard let mean = row.mean else { return "–" }
        return NumberText.fixed(mean, decimals: 2) + (row.deviation.map { " ± " + NumberText.fixed($0, decimals: 2) } ?? "")
    }

    /// A Markdown table with a row for each sweep and one for the mean of the means ± their standard deviation.
    static func comparison(_ sweeps: [(name: String, table: LossTable)]) -> String {
        guard let first = sweeps.first?.table else { return "" }
        var lines = [["sweep"] + first.rows.map(\.label)]
        lines += sweeps.map { name, table in [name] + table.rows.map(cell) }
        lines.append(["mean ± sd"] + first.rows.indices.map { column in Tables.spread(sweeps.map { $0.table.rows[column].mean }, 2) })
        return MarkdownTable.text(lines)
    }
}
