// RateTable.swift · Coordinator/Reporting, beside RatioTable.swift. What a sweep over learning rates prints: the paper's Figure 5 in numbers.

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

        var cell: Cell { .mean(test, diverged: diverged, failed: failed) }
    }

    /// The smallest mean test loss of a curve and its learning rate; nil where no setting of the curve has a mean.
    private struct Best {
        var curve: String
        var loss: Double?, rate: Double?
    }

    var rows: [Row]
    /// Trials that are done and not in the mean accuracies.
    var withoutAccuracy: Int

    init(_ summary: Summary, _ spec: SweepSpec, accuracies: Accuracies = Accuracies()) {
        withoutAccuracy = accuracies.leftOut
        rows = spec.curves.flatMap { curve in
            curve.points.map { point in
                let row = summary.settings[point.setting]
                return Row(
                    curve: curve.label, rate: point.strength, test: row.testLoss?.mean, deviation: row.testLoss?.deviation,
                    train: row.meanTrainLoss, ratio: row.ratio?.mean,
                    accuracy: row.testLoss == nil ? nil : accuracies.mean(of: row.setting), n: row.n,
                    diverged: row.diverged, failed: row.failed)
            }
        }
    }

    static var columns: [Column<Row>] {
        [
            .text("curve", \.curve), .real("learning rate", \.rate), .cells("test loss", decimals: 4, deviation: \.deviation, \.cell),
            .real("train loss", decimals: 4, \.train), .real("gap", decimals: 4, \.gap), .real("ratio", decimals: 4, \.ratio),
            .real("accuracy", decimals: 4, \.accuracy), .integer("n", \.n),
        ]
    }

    private static var bestColumns: [Column<Best>] {
        [.text("curve", \.curve), .real("best test loss", decimals: 4, \.loss), .real("learning rate", \.rate)]
    }

    static let legend = """
        ±: standard deviation across initializations; gap: test loss less train loss; ratio: to SGD without penalty at the same learning rate
        and weight decay; accuracy: share of the test set that is classified right at the end

        """

    static let comparisonLegend =
        "a sweep's cell: the best mean test loss of the curve @ its learning rate; mean ± sd: mean and standard deviation over the sweeps\n"

    /// The section of the report for the terminal.
    var text: String {
        "\(TextTable.text(rows, Self.columns))\n\(TextTable.text(bests, Self.bestColumns))\n\(Self.legend)"
            + Cell.legend(rows.map(\.cell)) + withoutAccuracyNote
    }

    private var withoutAccuracyNote: String {
        guard withoutAccuracy > 0 else { return "" }
        return
            "accuracy leaves out \(withoutAccuracy) \(withoutAccuracy == 1 ? "trial" : "trials"): the series is missing, of a wrong length, or "
            + "has a number that is no share\n"
    }

    private var bests: [Best] {
        var labels: [String] = []
        for row in rows where !labels.contains(row.curve) { labels.append(row.curve) }
        return labels.map { label in
            let best = rows.filter { $0.curve == label && $0.test != nil }.min { $0.test! < $1.test! }
            return Best(curve: label, loss: best?.test, rate: best?.rate)
        }
    }

    /// A Markdown table with a row for each sweep, the best of each curve and the learning rate where it is, and one for the mean of the bests
    /// ± their standard deviation.
    static func comparison(_ sweeps: [(name: String, table: RateTable)]) -> String {
        let bests = sweeps.map { (name: $0.name, table: $0.table.bests) }
        return SweepComparison.text(
            bests,
            (bests.first?.table ?? []).enumerated().map { index, best in
                .compared(best.curve, decimals: 4, shown: { .best($0[index].loss, at: $0[index].rate, decimals: 4) }) { $0[index].loss }
            })
    }
}
