// BaselineLosses.swift · Worker, for TrialThread. Loss ratios of trials while they are trained, for people who watch.

internal import Compute
internal import Vocabulary
internal import Wire

/// Test losses of the group's baselines, by setting and epoch: those that came with the lease and those that run in it.
struct BaselineLosses {
    private var testLoss: [Setting: [Int: Double]]

    init(_ lease: Lease) { testLoss = Dictionary(lease.baselines.map { ($0.setting, $0.testLoss) }) { first, _ in first } }

    mutating func note(_ observation: Observation, in lease: Lease) {
        let setting = lease.trials[observation.lane].setting
        guard setting.isBaseline else { return }
        testLoss[setting, default: [:]][observation.point.epoch] = observation.point.testLoss
    }

    func progress(_ observation: Observation, in lease: Lease) -> ProgressPoint {
        let trial = lease.trials[observation.lane], point = observation.point
        let baseline = testLoss[trial.setting.baseline]?[point.epoch]
        return ProgressPoint(key: trial.key, point: point, lossRatio: baseline.flatMap { LossRatio.of(point.testLoss, baseline: $0) })
    }
}
