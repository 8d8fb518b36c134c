// TrialsFile.swift · Coordinator/Reporting. results.csv: one row for each stored trial, in grid order. Nothing in it depends on who ran what or when.

internal import Vocabulary

final class TrialsFile: TrialConsumer {
    static let name = "results.csv"
    private let file: CSVFile<TrialRow>

    init(_ spec: SweepSpec, directory: String) {
        file = CSVFile("\(directory)/\(Self.name)", Self.columns(spec))
    }

    static func columns(_ spec: SweepSpec) -> [Column<TrialRow>] {
        [.text("trial") { "\($0.result.key)" }, .text("problem", \.group.problem)] + SettingColumns.leading(spec, \.setting) + [
            .integer("training_set", \.group.trainingSet), .integer("initialization", \.group.initialization),
            .integer("replicate", \.group.replicate), .text("outcome", \.result.outcome.name), .integer("epochs", \.result.epochs),
            .real("train_loss", \.result.losses?.train), .real("test_loss", \.result.losses?.test), .real("loss_ratio", \.lossRatio),
            .cells("digest") { $0.result.digest.map { .text("\($0)") } ?? .missing },
        ] + SettingColumns.trailing(spec, \.setting)
    }

    func take(_ trial: TrialRow) { file.write(trial) }

    func finish() throws -> [String] {
        try file.finish()
        return [Self.name]
    }
}

extension TrialResult {
    /// The final losses of a trial that is done.
    fileprivate var losses: (train: Double, test: Double)? {
        guard case .done(let train, let test) = outcome else { return nil }
        return (train, test)
    }
}
