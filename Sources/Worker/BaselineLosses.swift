// BaselineLosses.swift · Worker, for TrialThread. Loss ratios of running trials, for the live view only: results carry losses.

internal import Compute
internal import Vocabulary
internal import Wire

/// Test losses of the group's baselines, by setting and epoch: those that came with the lease and those that run in it.
struct BaselineLosses {
    private var testLoss: [Setting: [Int: Double]]

    init(_ lease: Lease) { testLoss = Dictionary(lease.baselines.map { ($0.setting, $0.testLoss) }) { first, _ in first } }

    /// Records the test loss of a baseline that runs in this lease; ignores other trials.
    mutating func note(_ observation: Observation, in lease: Lease) {
        let setting = lease.trials[observation.lane].setting
        guard setting.isBaseline else { return }
        testLoss[setting, default: [:]][observation.point.epoch] = observation.point.testLoss
    }

    /// The point of a running trial. Its ratio is nil while the baseline has no point at the same epoch.
    func progress(_ observation: Observation, in lease: Lease) -> ProgressPoint {
        let trial = lease.trials[observation.lane], point = observation.point
        let baseline = testLoss[trial.setting.baseline]?[point.epoch]
        return ProgressPoint(key: trial.key, point: point, lossRatio: baseline.flatMap { LossRatio.of(point.testLoss, baseline: $0) })
    }
}
