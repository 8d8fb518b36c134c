// Accuracies.swift · Coordinator/Reporting. The share of the test set that each trained network classifies right, collected for RateTable.

internal import Vocabulary

struct Accuracies: Equatable {
    /// Shares of the trials that are done, by setting.
    private(set) var values: [Setting: [Double]] = [:]
    private var missing = 0, malformed = 0

    /// Trials that are done and in no mean: the series that a worker sent is missing, of a wrong length, or no share. A problem without classes
    /// has no accuracy at all, so there nothing is left out.
    var leftOut: Int { malformed + (values.isEmpty ? 0 : missing) }

    /// - Parameter series: of a trial that is done, one number for each point of its curve, if the worker computed right; nil for a trial without.
    mutating func add(_ series: [Double]?, points: Int, of setting: Setting) {
        guard let series else {
            missing += 1
            return
        }
        guard let last = series.last, series.count == points, (0...1).contains(last) else {
            malformed += 1
            return
        }
        values[setting, default: []].append(last)
    }

    func mean(of setting: Setting) -> Double? { Statistics.mean(values[setting] ?? []) }
}

final class AccuracyConsumer: TrialConsumer {
    private(set) var accuracies = Accuracies()

    let readsSeries = true

    func take(_ trial: TrialRow) {
        guard case .done = trial.result.outcome else { return }
        accuracies.add(trial.series[SeriesName.testAccuracy.rawValue], points: trial.result.curve.count, of: trial.setting)
    }
}
