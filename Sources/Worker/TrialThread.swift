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

    private let images: ImageCache
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
        _ lease: Lease, images: ImageCache, checkpoints: CheckpointRule, threads: Int,
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
        var baselines = BaselineLosses(lease)
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
        func run(from start: TrainingState?) throws(ParameterError) -> [TrialRecord]? {
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
        let results = zip(records, lease.trials).map { TrialResult($0, of: $1, seconds: seconds, tensors: plan.tensors) }
        return .finished(lease.id, results)
    }

    /// Nil for a problem that makes none, for a trial at its end, and for one that is too large for a message.
    private func checkpoint(at end: EpochEnd, of lease: Lease, _ plan: any LeasePlan) -> Checkpoint? {
        guard lease.trials.count == 1, !plan.tensors.isEmpty, lease.group.parameters["epochs"] != .integer(end.epoch) else { return nil }
        return end.checkpoint(ofLane: 0).flatMap { Checkpoint($0, of: lease.trials[0].key, tensors: plan.tensors) }
    }
}
