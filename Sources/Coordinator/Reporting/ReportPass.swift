// ReportPass.swift · Coordinator/Reporting, between the store and everything that a report is made of. Reads each stored result once and hands
// it to all consumers: files that are written trial by trial, and numbers that are collected.

internal import Vocabulary

/// A stored trial and its index in the grid.
struct TrialRow {
    var group: GroupSpec
    /// Index of the setting in the sweep's list.
    var settingIndex: Int
    var setting: Setting
    var result: TrialResult
    /// The result of the baseline in the same group; nil where it has none.
    var baseline: TrialResult?
    /// What the trial left besides its losses, by name. Empty for a failed trial, and where no consumer reads it.
    var series: [String: [Double]]

    /// Final test loss over that of the baseline; nil unless both are done.
    var lossRatio: Double? {
        guard case .done(_, let loss) = result.outcome, case .done(_, let baselineLoss) = baseline?.outcome else { return nil }
        return LossRatio.of(loss, baseline: baselineLoss)
    }
}

/// One output of a report. It takes in every stored trial once, in grid order, and is finished after the last.
///
/// Consumers are classes because two owners have them: the pass, in a list, and the report, which reads what they collected.
protocol TrialConsumer: AnyObject {
    /// Whether `take` reads the series of a trial: they are fetched from the store only for consumers that do.
    var readsSeries: Bool { get }
    func take(_ trial: TrialRow) throws
    /// Renames the finished files of this output to their names.
    /// - Returns: their names.
    func finish() throws -> [String]
}

extension TrialConsumer {
    var readsSeries: Bool { false }
    func finish() throws -> [String] { [] }
}

enum ReportPass {
    /// - Parameters:
    ///   - lookup: returns the stored result of a trial, nil for one that has none. Called once for each trial of the grid.
    ///   - recorded: returns the stored series of a trial. Called at most once for each trial.
    /// - Complexity: holds the results of one group at a time.
    static func run(
        _ grid: Grid, _ consumers: [any TrialConsumer], lookup: (TrialKey) throws -> TrialResult?,
        recorded: (TrialKey) throws -> [Series]
    ) throws {
        let settings = grid.spec.settings
        let readsSeries = consumers.contains(where: \.readsSeries)
        for group in grid.groups {
            let results = try group.trials.map { try lookup(grid.key(of: $0)) }
            for (index, result) in results.enumerated() {
                guard let result else { continue }
                let series = readsSeries && !result.isFailure ? try recorded(result.key) : []
                let trial = TrialRow(
                    group: group.spec, settingIndex: index, setting: settings[index], result: result,
                    baseline: results[grid.baseline(of: group.trials.lowerBound + index) - group.trials.lowerBound],
                    series: Dictionary(series.map { ($0.name, $0.values) }) { first, _ in first })
                for consumer in consumers { try consumer.take(trial) }
            }
        }
    }
}
