// Translation.swift · Worker, between Wire and Compute. Translates leases into plans for the kernels, and the kernels' records into
// results. Pure; the kernels never see a message.

internal import Compute
internal import Vocabulary
internal import Wire

/// Why this worker cannot compute a lease. The coordinator stores it as the trials' failure.
struct TranslationError: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// The plan of a lease, for the problem that it names.
/// - Parameter data: where a problem that trains on images reads them.
/// - Throws: for a problem, an algorithm, a parameter or a strength that this build does not know, and for data that cannot be read.
func translate(_ lease: Lease, _ data: ImageCache) throws(TranslationError) -> any LeasePlan {
    guard let problem = problems.first(where: { $0.name == lease.group.problem }) else {
        throw TranslationError(description: "this worker knows no problem \(lease.group.problem)")
    }
    do { return try problem.plan(of: lease, data) } catch { throw TranslationError(description: "\(error)") }
}

/// A validated plan without the type of its problem. One dynamic call per lease: the kernels behind it are specialized for the problem.
protocol LeasePlan: Sendable {
    /// The arrays that make up a trial's parameters; empty for a problem that makes no checkpoints and leaves no model.
    var tensors: [Tensor] { get }

    /// Computes all trials of the plan.
    /// - Parameters:
    ///   - state: the state from which its only trial is resumed; nil to start from the beginning.
    ///   - threads: the number of threads that may share one trial.
    ///   - goOn: asked often, also within epochs; `stop` ends the run.
    ///   - observe: called at ends of epochs.
    /// - Returns: one record per trial; nil when the run was stopped.
    /// - Throws: for a state that the problem cannot resume from, before the first step.
    func run(
        from state: TrainingState?, threads: Int, goOn: () -> Flow, observe: (EpochEnd) -> Flow
    ) throws(ParameterError) -> [TrialRecord]?
}

extension GroupPlan: LeasePlan {
    var tensors: [Tensor] { problem.tensors }

    func run(
        from state: TrainingState?, threads: Int, goOn: () -> Flow, observe: (EpochEnd) -> Flow
    ) throws(ParameterError) -> [TrialRecord]? {
        try Compute.run(self, from: lanes.map { _ in state }, threads: threads, goOn: goOn, observe: observe)
    }

    init(_ lease: Lease, _ data: ImageCache) throws {
        let group = lease.group
        try self.init(
            problem: P(P.declaration.configuration(group.parameters), data),
            coordinates: Coordinates(
                seed: group.seed, trainingSet: group.trainingSet, initialization: group.initialization, replicate: group.replicate),
            lanes: lease.trials.map { try Lane($0.setting) })
    }
}

extension Problem {
    fileprivate static func plan(of lease: Lease, _ data: ImageCache) throws -> any LeasePlan { try GroupPlan<Self>(lease, data) }
}

extension TrialResult {
    /// The result of a trial that was computed.
    /// - Parameters:
    ///   - seconds: the trial's share of its lease's compute time.
    ///   - tensors: those of the plan; where there are none the result has no model.
    init(_ record: TrialRecord, of trial: LeasedTrial, seconds: Double, tensors: [Tensor] = []) {
        let outcome: Outcome =
            switch record.outcome {
            case .done: .done(trainLoss: record.trainLoss, testLoss: record.testLoss)
            case .diverged: .diverged
            }
        self.init(
            key: trial.key, attempt: trial.attempt, outcome: outcome, epochs: record.epochs, digest: record.digest, curve: record.curve,
            series: record.series, seconds: seconds, model: record.model(of: trial.key, tensors: tensors))
    }

    /// The result of a trial that cannot be computed by this or any other worker.
    init(failure reason: String, of trial: LeasedTrial) {
        self.init(
            key: trial.key, attempt: trial.attempt, outcome: .failed(reason: reason), epochs: 0, digest: nil, curve: [],
            seconds: 0)
    }
}

extension TrialRecord {
    /// SHA-256 of outcome, epochs, final losses, curve, final parameters and series, each number as its 8 big-endian bytes.
    var digest: Digest { Digest(of: canonicalBytes) }

    var canonicalBytes: [UInt8] { bits.bigEndianBytes }
}

/// The SHA-256 over the digests of all problems' self-test trials. Workers of one sweep must agree on it, or their results could differ.
func selfTestDigest() -> Digest { Digest(of: selfTestDigests().flatMap(\.bytes)) }

/// The digest of each problem, in the order of Docs/numerics.md.
func selfTestDigests() -> [Digest] { selfTestRecords().map { Digest(of: $0.flatMap(\.canonicalBytes)) } }
