// Tables.swift · Coordinator/Reporting. Rows → text: the CSV files of a results directory and the table on the console.
// Pure; numbers are printed with the fewest digits that read back to the same value.

internal import Vocabulary

enum Tables {
    /// An empty field for a number that is not there.
    static func number(_ value: Double?) -> String { value.map { NumberText.shortest($0) } ?? "" }

    private static func columns(_ setting: Setting) -> [String] {
        [setting.algorithm] + [setting.lambda1, setting.lambda2, setting.learningRate].map { NumberText.shortest($0) }
    }

    /// One more column, the last, where the problem has weight decay: its settings differ by it as well.
    static func withDecay(_ text: String, _ spec: SweepSpec, _ setting: Setting? = nil) -> String {
        guard spec.declaration.weightDecay != nil else { return text }
        return text.dropLast() + "," + (setting.map { NumberText.shortest($0.weightDecay) } ?? "weight_decay") + "\n"
    }

    static let resultsHeader =
        "trial,problem,algorithm,lambda1,lambda2,learning_rate,training_set,initialization,replicate,outcome,epochs,train_loss,test_loss,loss_ratio,digest\n"

    /// - Parameter baselineLoss: test loss of the baseline of the same group and learning rate; there is no ratio to 0.
    static func resultLine(_ grid: Grid, _ index: Int, _ result: TrialResult, baselineLoss: Double?) -> String {
        let group = grid.groups[grid.group(of: index)].spec
        var losses = ["", "", ""]
        if case .done(let trainLoss, let testLoss) = result.outcome {
            losses = [
                NumberText.shortest(trainLoss), NumberText.shortest(testLoss),
                number(baselineLoss.flatMap { $0 > 0 ? testLoss / $0 : nil }),
            ]
        }
        return CSV.line(
            ["\(result.key)", group.problem] + columns(grid.setting(of: index)) + [
                "\(group.trainingSet)", "\(group.initialization)", "\(group.replicate)", result.outcome.name, "\(result.epochs)",
            ] + losses + [result.digest?.description ?? ""])
    }

    static let summaryHeader =
        "algorithm,lambda1,lambda2,learning_rate,n,diverged,failed,mean_loss_ratio,std_loss_ratio,ci_low,ci_high,mean_test_loss,std_test_loss,mean_train_loss\n"

    static func summary(_ summary: Summary, _ spec: SweepSpec) -> String {
        withDecay(summaryHeader, spec)
            + summary.settings.map { row in
                let text = CSV.line(
                    columns(row.setting) + ["\(row.n)", "\(row.diverged)", "\(row.failed)"]
                        + [
                            row.ratio?.mean, row.ratio?.deviation, row.ratio?.low, row.ratio?.high, row.testLoss?.mean,
                            row.testLoss?.deviation, row.meanTrainLoss,
                        ].map { number($0) })
                return withDecay(text, spec, row.setting)
            }.joined()
    }

    static let curvesHeader = "algorithm,lambda1,lambda2,learning_rate,epoch,n,mean_train_loss,mean_test_loss,mean_loss_ratio\n"

    static func curveLine(_ setting: Setting, _ epoch: Int, _ mean: MeanCurves.Point) -> String {
        CSV.line(
            columns(setting) + [
                "\(epoch)", "\(mean.n)", NumberText.shortest(mean.trainLoss / Double(mean.n)),
                NumberText.shortest(mean.testLoss / Double(mean.n)),
                mean.ratios == 0 ? "" : NumberText.shortest(mean.ratio / Double(mean.ratios)),
            ])
    }

    /// Strengths down, curves across; a cell is the mean ratio and its deviation across initializations.
    static func console(_ summary: Summary, _ spec: SweepSpec) -> String {
        let strengths = Set(spec.curves.flatMap { $0.points.map(\.strength) }).sorted()
        let rows = Dictionary(summary.settings.map { ($0.setting, $0) }) { first, _ in first }
        var table = [["strength"] + spec.curves.map(\.label)]
        for strength in strengths {
            table.append(
                [NumberText.shortest(strength)]
                    + spec.curves.map { curve in
                        guard let point = curve.points.first(where: { $0.strength == strength }), let row = rows[point.setting] else {
                            return ""
                        }
                        return cell(row)
                    })
        }
        let widths = table[0].indices.map { column in table.map { $0[column].count }.max()! }
        return table.map { row in
            zip(row, widths).map { text, width in String(repeating: " ", count: width - text.count) + text }.joined(separator: "  ")
        }.joined(separator: "\n") + "\n"
    }

    // MARK: Several sweeps beside each other

    /// Mean ± sample standard deviation over sweeps; a dash where one of them has no value.
    static func spread(_ values: [Double?], _ decimals: Int) -> String {
        let known = values.compactMap { $0 }
        guard known.count == values.count, let mean = Statistics.mean(known) else { return "–" }
        return NumberText.fixed(mean, decimals: decimals)
            + (Statistics.deviation(known).map { " ± " + NumberText.fixed($0, decimals: decimals) } ?? "")
    }

    /// The best value of a curve and where on the x axis it is; a dash for a curve without one.
    static func best(_ best: (value: Double, place: Double)?, _ decimals: Int) -> String {
        best.map { "\(NumberText.fixed($0.value, decimals: decimals)) @ \(NumberText.shortest($0.place))" } ?? "–"
    }

    private static func cell(_ row: SettingSummary) -> String {
        if row.failed > 0 { return "failed \(row.failed)" }
        if row.diverged > 0 { return "div \(row.diverged)" }
        guard let ratio = row.ratio else { return "–" }
        return NumberText.fixed(ratio.mean, decimals: 3) + (ratio.deviation.map { " ±" + NumberText.fixed($0, decimals: 3) } ?? "")
    }
}

/// Means of curves over the trials of a setting, by epoch.
struct MeanCurves {
    struct Point {
        var n = 0, ratios = 0
        var trainLoss = 0.0, testLoss = 0.0, ratio = 0.0
    }

    private(set) var points: [[Int: Point]]

    init(settings: Int) { points = Array(repeating: [:], count: settings) }

    mutating func add(_ curve: [CurvePoint], baseline: [Int: Double], setting: Int) {
        for point in curve {
            var mean = points[setting][point.epoch] ?? Point()
            mean.n += 1
            mean.trainLoss += point.trainLoss
            mean.testLoss += point.testLoss
            if let loss = baseline[point.epoch], loss > 0 {
                mean.ratios += 1
                mean.ratio += point.testLoss / loss
            }
            points[setting][point.epoch] = mean
        }
    }
}
