// RateTable.swift · Coordinator/Reporting, beside Claims.swift. What a sweep over learning rates prints: the paper's Figure 5 in numbers.

internal import Vocabulary

/// Losses of each curve at each learning rate, and beside the benchmark's.
struct RateTable: Equatable {
    struct Row: Equatable {
        var curve: String
        var rate: Double
        /// Nil where a trial diverged, failed or was not run.
        var test: Double?, deviation: Double?, train: Double?
        /// Mean over initializations of the loss over the benchmark's at the same learning rate, start and order: SGD with the curve's weight
        /// decay and without penalty.
        var ratio: Double?
        /// Mean share of the test set that is classified right at the end; nil where the problem has no classes.
        var accuracy: Double?
        var n: Int, diverged: Int, failed: Int

        /// Generalization gap (Eq. 1).
        var gap: Double? { test.flatMap { test in train.map { test - $0 } } }
    }

    var rows: [Row]
    /// Trials that are done and not in the mean accuracies: what a worker sent as theirs is missing, of a wrong length, or no share.
    var withoutAccuracy: Int

    /// - Parameter accuracies: of the trials of a setting that are done.
    init(_ summary: Summary, _ spec: SweepSpec, accuracies: [Setting: [Double]] = [:], withoutAccuracy: Int = 0) {
        self.withoutAccuracy = withoutAccuracy
        let found = Dictionary(summary.settings.map { ($0.setting, $0) }) { first, _ in first }
        rows = spec.curves.flatMap { curve in
            curve.points.map { point in
                let row = found[point.setting] ?? SettingSummary(setting: point.setting)
                return Row(
                    curve: curve.label, rate: point.strength, test: row.testLoss?.mean, deviation: row.testLoss?.deviation,
                    train: row.meanTrainLoss, ratio: row.ratio?.mean,
                    accuracy: row.testLoss == nil ? nil : Statistics.mean(accuracies[point.setting] ?? []), n: row.n,
                    diverged: row.diverged, failed: row.failed)
            }
        }
    }

    /// For the console: labels to the left, numbers to the right; then the best of each curve.
    var text: String {
        let header = ["curve", "learning rate", "test loss", "train loss", "gap", "ratio", "accuracy", "n"]
        let lines =
            [header]
            + rows.map { row in
                [
                    row.curve, NumberText.shortest(row.rate), Self.cell(row), Self.number(row.train), Self.number(row.gap),
                    Self.number(row.ratio), Self.number(row.accuracy), "\(row.n)",
                ]
            }
        let widths = header.indices.map { column in lines.map { $0[column].count }.max()! }
        func pad(_ text: String, _ width: Int) -> String { String(repeating: " ", count: width - text.count) }
        let body = lines.map { line in
            zip(line, widths).enumerated().map { column, cell in
                column == 0 ? cell.0 + pad(cell.0, cell.1) : pad(cell.0, cell.1) + cell.0
            }.joined(separator: "  ")
        }
        let best = bests.map { curve, best in
            "best on \(curve): " + (best.map { "\(NumberText.fixed($0.loss, decimals: 4)) at \(NumberText.shortest($0.rate))" } ?? "none")
        }
        return body.joined(separator: "\n") + "\n\n" + best.joined(separator: "\n") + """


            ±: standard deviation across initializations; ratio: to the same without penalty at the same learning rate

            """ + withoutAccuracyNote
    }

    private var withoutAccuracyNote: String {
        guard withoutAccuracy > 0 else { return "" }
        return
            "accuracy leaves out \(withoutAccuracy) \(withoutAccuracy == 1 ? "trial" : "trials"): the series is missing, of a wrong length, or "
            + "has a number that is no share\n"
    }

    /// The smallest mean test loss of each curve and its learning rate; nil where no setting of the curve has a mean.
    private var bests: [(curve: String, best: (loss: Double, rate: Double)?)] {
        var labels: [String] = []
        for row in rows where !labels.contains(row.curve) { labels.append(row.curve) }
        return labels.map { label in
            let known = rows.filter { $0.curve == label }.compactMap { row in row.test.map { (loss: $0, rate: row.rate) } }
            return (label, known.min { $0.loss < $1.loss })
        }
    }

    /// A Markdown table with a row for each sweep, the best of each curve and the learning rate where it is, and one for the mean of the bests
    /// ± their standard deviation.
    static func comparison(_ sweeps: [(name: String, table: RateTable)]) -> String {
        guard let first = sweeps.first?.table.bests else { return "" }
        let bests = sweeps.map(\.table.bests)
        var lines = [["sweep"] + first.map(\.curve)]
        lines += zip(sweeps, bests).map { sweep, bests in [sweep.name] + bests.map { Tables.best($0.best.map { ($0.loss, $0.rate) }, 4) } }
        lines.append(["mean ± sd"] + first.indices.map { curve in Tables.spread(bests.map { $0[curve].best?.loss }, 4) })
        return MarkdownTable.text(lines)
    }

    private static func number(_ value: Double?) -> String { value.map { NumberText.fixed($0, decimals: 4) } ?? "–" }

    /// Mean ± deviation, or why there is none.
    private static func cell(_ row: Row) -> String {
        if row.failed > 0 { return "failed \(row.failed)" }
        if row.diverged > 0 { return "div \(row.diverged)" }
        guard let mean = row.test else { return "–" }
        return NumberText.fixed(mean, decimals: 4) + (row.deviation.map { " ± " + NumberText.fixed($0, decimals: 4) } ?? "")
    }
}
