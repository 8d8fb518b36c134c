// TrialThread.swift · Worker, between WorkerMachine and Compute. One lease from start to end on a thread of its own.
// It posts what it has into the loop's mailbox and looks at one flag; it knows no socket.

internal import Compute
internal import Glibc
internal import Synchronization
internal import Vocabulary
internal import Wire

/// A lease that is being computed.
final class TrialThread: Sendable {
    private let mustStop = Atomic(false)
    private let mustPause = Atomic(false)

    private let images: ImageShelf
    private let checkpoints: CheckpointRule
    private let threads: Int

    /// Starts at once.
    /// - Parameters:
    ///   - images: where its data set is, if it reads one.
    ///   - checkpoints: when to make one, if its problem makes any.
    ///   - threads: how many may share the work of a long trial.
    ///   - post: called on the new thread, with `progressed` at most every 0.2 s, with `checkpointed`, and with `finished`, `stopped` or
    ///     `paused` once, last.
    init(
        _ lease: Lease, images: ImageShelf, checkpoints: CheckpointRule, threads: Int,
        post: @escaping @Sendable (WorkerMachine.Event) -> Void
    ) {
        self.images = images
        self.checkpoints = checkpoints
        self.threads = threads
        startThread { [self] in post(compute(lease, post: post)) }
    }

    /// The kernels look at the epochs of the curve, fifty times in a run; those of long trials about once a second.
    func stop() { mustStop.store(true, ordering: .relaxed) }

    /// A trial that can go on from a checkpoint makes one at the end of its epoch and ends there; any other goes on to its end.
    func pause() { mustPause.store(true, ordering: .relaxed) }

    /// The last word.
    private func compute(_ lease: Lease, post: (WorkerMachine.Event) -> Void) -> WorkerMachine.Event {
        func failed(_ error: any Error) -> WorkerMachine.Event {
            .finished(lease.id, lease.trials.map { TrialResult(failure: "\(error)", of: $0) })
        }
        let plan: any LeasePlan
        do { plan = try translate(lease, images) } catch { return failed(error) }
        let stopwatch = Stopwatch()
        var baselines = Baselines(lease)
        var lastPost = stopwatch.now, lastCheckpoint = stopwatch.now
        var isPaused = false
        // Says that the lease has begun: until then its trials are merely queued and share no blame if this worker dies.
        post(.progressed(lease.id, []))
        func observe(_ end: EpochEnd) -> Flow {
            for observation in end.observations { baselines.note(observation, in: lease) }
            // Five a second are enough for eyes; the whole curve comes with the result.
            if !end.observations.isEmpty, stopwatch.now - lastPost >= .milliseconds(200) {
                lastPost = stopwatch.now
                post(.progressed(lease.id, end.observations.map { baselines.progress($0, in: lease) }))
            }
            guard !mustStop.load(ordering: .relaxed) else { return .stop }
            let pauses = mustPause.load(ordering: .relaxed)
            guard pauses || checkpoints.asks(at: end.epoch, since: stopwatch.now - lastCheckpoint),
                let checkpoint = checkpoint(at: end, of: lease, plan)
            else { return .goOn }
            lastCheckpoint = stopwatch.now
            post(.checkpointed(lease.id, checkpoint))
            isPaused = pauses
            return pauses ? .stop : .goOn
        }
        func run(from start: Compute.Checkpoint?) throws(PlanError) -> [TrialRecord]? {
            try plan.run(from: start, threads: threads, goOn: { mustStop.load(ordering: .relaxed) ? .stop : .goOn }, observe: observe)
        }
        let records: [TrialRecord]?
        do {
            let start = try lease.checkpoint?.opened(for: lease.trials[0].key, tensors: plan.tensors)
            records = try run(from: start)
        } catch let refusal {
            // It is thrown before the first step. No reason that a checkpoint gives is one to lose the trial.
            post(.refusedCheckpoint(lease.id, reason: "\(refusal)"))
            do { records = try run(from: nil) } catch { return failed(error) }
        }
        guard let records else { return isPaused ? .paused(lease.id) : .stopped(lease.id) }
        let seconds = (stopwatch.now - Instant(sinceStart: .zero)).inSeconds / Double(records.count)
        for (record, trial) in zip(records, lease.trials) where trial.setting.isBaseline {
            baselines.note(record, of: trial)
        }
        let results = zip(records, lease.trials).map { record, trial in
            let ratio = record.outcome == .done ? baselines.ratio(of: record.testLoss, epoch: record.epochs, for: trial.setting) : nil
            return TrialResult(record, of: trial, lossRatio: ratio, seconds: seconds, tensors: plan.tensors)
        }
        return .finished(lease.id, results)
    }

    /// Nil for a problem that makes none, for a trial at its end, and for one that is too large for a message.
    private func checkpoint(at end: EpochEnd, of lease: Lease, _ plan: any LeasePlan) -> Vocabulary.Checkpoint? {
        guard lease.trials.count == 1, !plan.tensors.isEmpty, lease.group.parameters["epochs"] != .integer(end.epoch) else { return nil }
        return end.checkpoint(ofLane: 0).flatMap { Vocabulary.Checkpoint($0, of: lease.trials[0].key, tensors: plan.tensors) }
    }
}

/// Test losses of the group's baselines: those that came with the lease and those that run in it.
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
        let trial = lease.trials[observation.lane], point = Vocabulary.CurvePoint(observation.point)
        return ProgressPoint(key: trial.key, point: point, lossRatio: ratio(of: point.testLoss, epoch: point.epoch, for: trial.setting))
    }
}
