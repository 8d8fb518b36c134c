// CurvesFile.swift · Coordinator/Reporting. curves.csv: mean losses and mean loss ratio of each setting by epoch, over the trials that have a point
// at that epoch.

internal import Vocabulary

final class CurvesFile: TrialConsumer {
    static let name = "curves.csv"

    /// The means of a setting at one epoch.
    struct Row {
        var setting: Setting
        var epoch: Int
        /// Trials with a point at this epoch.
        var n: Int
        var trainLoss: Double, testLoss: Double
        /// Mean over the trials whose baseline has a positive loss at this epoch; nil where there is none.
        var ratio: Double?
    }

    private struct Sums {
        var n = 0, ratios = 0
        var trainLoss = 0.0, testLoss = 0.0, ratio = 0.0

        mutating func add(_ point: CurvePoint, ratio: Double?) {
            n += 1
            trainLoss += point.trainLoss
            testLoss += point.testLoss
            guard let ratio else { return }
            ratios += 1
            self.ratio += ratio
        }
    }

    private let spec: SweepSpec
    private let path: String
    /// Sums by setting, then epoch.
    private var sums: [[Int: Sums]]

    init(_ spec: SweepSpec, directory: String) {
        self.spec = spec
        path = "\(directory)/\(Self.name)"
        sums = Array(repeating: [:], count: spec.settings.count)
    }

    static func columns(_ spec: SweepSpec) -> [Column<Row>] {
        SettingColumns.leading(spec, \.setting) + [
            .integer("epoch", \.epoch), .integer("n", \.n), .real("mean_train_loss", \.trainLoss), .real("mean_test_loss", \.testLoss),
            .real("mean_loss_ratio", \.ratio),
        ] + SettingColumns.trailing(spec, \.setting)
    }

    func take(_ trial: TrialRow) {
        let baseline = Dictionary((trial.baseline?.curve ?? []).map { ($0.epoch, $0.testLoss) }) { first, _ in first }
        for point in trial.result.curve {
            let ratio = baseline[point.epoch].flatMap { LossRatio.of(point.testLoss, baseline: $0) }
            sums[trial.settingIndex][point.epoch, default: Sums()].add(point, ratio: ratio)
        }
    }

    func finish() throws -> [String] {
        let rows = zip(spec.settings, sums).lazy.flatMap { setting, sums in
            sums.sorted { $0.key < $1.key }.map { epoch, sum in
                Row(
                    setting: setting, epoch: epoch, n: sum.n, trainLoss: sum.trainLoss / Double(sum.n),
                    testLoss: sum.testLoss / Double(sum.n),
                    ratio: sum.ratios == 0 ? nil : sum.ratio / Double(sum.ratios))
            }
        }
        try CSVFile.write(rows, Self.columns(spec), to: path)
        return [Self.name]
    }
}
