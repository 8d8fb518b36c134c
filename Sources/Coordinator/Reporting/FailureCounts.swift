// FailureCounts.swift · Coordinator/Reporting. Why trials failed, counted by reason.

internal import Vocabulary

final class FailureCounts: TrialConsumer {
    private var counts: [String: Int] = [:]

    /// The most frequent first.
    var reasons: [(reason: String, count: Int)] {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { (reason: $0.key, count: $0.value) }
    }

    func take(_ trial: TrialRow) {
        if case .failed(let reason) = trial.result.outcome { counts[reason, default: 0] += 1 }
    }
}
