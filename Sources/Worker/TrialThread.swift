// TrialThread.swift · Worker, between WorkerMachine and Compute. Computes one lease on a thread of its own, posts progress, checkpoints
// and results as events to the loop's mailbox, and reads two flags. Knows no socket.

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

    /// Starts the thread.
    /// - Parameters:
    ///   - images: the source of images, for a problem that trains on them.
    ///   - checkpoints: when to make a checkpoint, for a problem that makes them.
    ///   - threads: the number of threads that may share a long trial.
    ///   - post: called on the new thread: with `progressed` at most every 0.2 s, with `checkpointed`, and last, once, with `finished`,
    ///     `stopped` or `paused`.
    init(
        _ lease: Lease, images: ImageCache, checkpoints: CheckpointRule, threads: Int,
        post: @escaping @Sendable (WorkerMachine.Event) -> Void
    ) {
        self.images = images
        self.checkpoints = checkpoints
        self.threads = threads
        startThread { [self] in post(compute(lease, post: post)) }
    }

    /// Ends the computation soon: kernels look at the flag at the points of the curve, fifty times in a run, and those of long trials about
    /// once a second.
    func stop() { mustStop.store(true, ordering: .relaxed) }

    /// Makes a trial that has checkpoints make one at the end of its epoch and end there. Any other trial runs to its end.
    func pause() { mustPause.store(true, ordering: .relaxed) }

    /// Computes the lease.
    /// - Returns: the last event of the thread: `finished`, `stopped` or `paused`.
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
        // Tells the coordinator that the lease runs. Should this worker crash, only trials that ran count it as a crash of theirs.
        post(.progressed(lease.id, []))
        func observe(_ end: EpochEnd) -> Flow {
            for observation in end.observations { baselines.note(observation, in: lease) }
            // Five a second are enough for people who watch; the whole curve comes with the result.
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
            // The error comes before the first step. A bad checkpoint costs the epochs before it, not the trial.
            post(.refusedCheckpoint(lease.id, reason: "\(refusal)"))
            do { records = try run(from: nil) } catch { return failed(error) }
        }
        guard let records else { return isPaused ? .paused(lease.id) : .stopped(lease.id) }
        let seconds = (stopwatch.now - Instant(sinceStart: .zero)).inSeconds / Double(records.count)
        let results = zip(records, lease.trials).map { TrialResult($0, of: $1, seconds: seconds, tensors: plan.tensors) }
        return .finished(lease.id, results)
    }

    /// The checkpoint at the end of an epoch; nil for a problem that makes none, at a trial's last epoch, and when it is too large to send.
    private func checkpoint(at end: EpochEnd, of lease: Lease, _ plan: any LeasePlan) -> Checkpoint? {
        guard lease.trials.count == 1, !plan.tensors.isEmpty, lease.group.parameters["epochs"] != .integer(end.epoch) else { return nil }
        return end.checkpoint(ofLane: 0).flatMap { Checkpoint($0, of: lease.trials[0].key, tensors: plan.tensors) }
    }
}
