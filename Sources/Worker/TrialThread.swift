// TrialThread.swift · Worker, between WorkerMachine and Compute. One lease from start to end on a thread of its own.
// It posts what it has into the loop's mailbox and looks at one flag; it knows no socket.

internal import Compute
internal import Glibc
internal import Synchronization
internal import Wire

/// A lease that is being computed.
final class TrialThread: Sendable {
    private let mustStop = Atomic(false)

    /// Starts at once.
    /// - Parameter post: called on the new thread, with `progressed` at most every 0.2 s and with `finished` or `stopped` once, last.
    init(_ lease: Lease, post: @escaping @Sendable (WorkerMachine.Event) -> Void) {
        startThread { [self] in
            guard let results = compute(lease, post: post) else { return post(.stopped(lease.id)) }
            post(.finished(lease.id, results))
        }
    }

    /// The kernels look at the epochs of the curve, fifty times in a run.
    func stop() { mustStop.store(true, ordering: .relaxed) }

    /// Nil when it was told to stop.
    private func compute(_ lease: Lease, post: (WorkerMachine.Event) -> Void) -> [TrialResult]? {
        let plan: any LeasePlan
        do { plan = try translate(lease) } catch { return lease.trials.map { TrialResult(failure: "\(error)", of: $0) } }
        let stopwatch = Stopwatch()
        var baselines = Baselines(lease)
        var lastPost = stopwatch.now
        // Says that the lease has begun: until then its trials are merely queued and share no blame if this worker dies.
        post(.progressed(lease.id, []))
        let records = plan.run { observations in
            for observation in observations { baselines.note(observation, in: lease) }
            // Five a second are enough for eyes; the whole curve comes with the result.
            if stopwatch.now - lastPost >= .milliseconds(200) {
                lastPost = stopwatch.now
                post(.progressed(lease.id, observations.map { baselines.progress($0, in: lease) }))
            }
            return mustStop.load(ordering: .relaxed) ? .stop : .goOn
        }
        guard let records else { return nil }
        let seconds = (stopwatch.now - Instant(sinceStart: .zero)).inSeconds / Double(records.count)
        for (record, trial) in zip(records, lease.trials) where trial.setting.isBaseline {
            baselines.note(record, of: trial)
        }
        return zip(records, lease.trials).map { record, trial in
            let ratio = record.outcome == .done ? baselines.ratio(of: record.testLoss, epoch: record.epochs, for: trial.setting) : nil
            return TrialResult(record, of: trial, lossRatio: ratio, seconds: seconds)
        }
    }
}

/// Test losses of the group's vanilla runs: those that came with the lease and those that run in it.
private struct Baselines {
    private var testLoss: [Double: [Int: Double]]

    init(_ lease: Lease) { testLoss = Dictionary(lease.baselines.map { ($0.learningRate, $0.testLoss) }) { first, _ in first } }

    mutating func note(_ observation: Observation, in lease: Lease) {
        let setting = lease.trials[observation.lane].setting
        guard setting.isBaseline else { return }
        testLoss[setting.learningRate, default: [:]][observation.point.epoch] = observation.point.testLoss
    }

    mutating func note(_ record: TrialRecord, of trial: LeasedTrial) {
        for point in record.curve { testLoss[trial.setting.learningRate, default: [:]][point.epoch] = point.testLoss }
    }

    func ratio(of loss: Double, epoch: Int, for setting: Setting) -> Double? {
        testLoss[setting.learningRate]?[epoch].map { loss / $0 }
    }

    func progress(_ observation: Observation, in lease: Lease) -> ProgressPoint {
        let trial = lease.trials[observation.lane], point = Wire.CurvePoint(observation.point)
        return ProgressPoint(key: trial.key, point: point, lossRatio: ratio(of: point.testLoss, epoch: point.epoch, for: trial.setting))
    }
}
