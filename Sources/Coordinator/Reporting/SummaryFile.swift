// SummaryFile.swift · Coordinator/Reporting. summary.csv: one row for each setting, from outcomes that are added up trial by trial.

internal import Vocabulary

final class SummaryFile: TrialConsumer {
    static let name = "summary.csv"
    private let spec: SweepSpec
    private let directory: String?
    private var sums: OutcomeSums
    /// The settings as far as the trials are taken in.
    var summary: Summary { sums.summary }

    /// - Parameter directory: nil writes no file.
    init(_ spec: SweepSpec, directory: String?) {
        self.spec = spec
        self.directory = directory
        sums = OutcomeSums(spec)
    }

    static func columns(_ spec: SweepSpec) -> [Column<SettingSummary>] {
        SettingColumns.leading(spec, \.setting) + [
            .integer("n", \.n), .integer("diverged", \.diverged), .integer("failed", \.failed),
            .real("mean_loss_ratio", \.ratio?.mean), .real("std_loss_ratio", \.ratio?.deviation),
            .real("ci_low", \.ratio?.low), .real("ci_high", \.ratio?.high),
            .real("mean_test_loss", \.testLoss?.mean), .real("std_test_loss", \.testLoss?.deviation),
            .real("mean_train_loss", \.meanTrainLoss),
        ] + SettingColumns.trailing(spec, \.setting)
    }

    func take(_ trial: TrialRow) { sums.add(trial.result.outcome, of: trial.settingIndex, in: trial.group) }

    func finish() throws -> [String] {
        guard let directory else { return [] }
        try CSVFile.write(summary.settings, Self.columns(spec), to: "\(directory)/\(Self.name)")
        return [Self.name]
    }
}
