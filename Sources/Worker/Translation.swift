// Translation.swift · Worker, between Wire and Compute. A lease becomes a plan for the kernels, and what the kernels leave becomes results.
// Pure; the kernels never see a message.

internal import Compute
internal import Vocabulary
internal import Wire

/// Why a lease cannot be computed here. The coordinator records it as the trials' failure.
struct TranslationError: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// The plan that a lease asks for, of whichever problem it names.
/// - Parameter data: where a problem that reads a data set has it from.
/// - Throws: for a problem, an algorithm, a parameter or a strength that this build does not know, and for data that cannot be had.
func translate(_ lease: Lease, _ data: ImageCache) throws(TranslationError) -> any LeasePlan {
    guard let problem = problems.first(where: { $0.name == lease.group.problem }) else {
        throw TranslationError(description: "this worker knows no problem \(lease.group.problem)")
    }
    do { return try problem.plan(of: lease, data) } catch { throw TranslationError(description: "\(error)") }
}

/// What a thread needs of a checked plan. It is asked once a lease, so the kernels behind it stay concrete.
protocol LeasePlan: Sendable {
    /// The arrays of which the parameters of its trials consist; none for a problem that makes no checkpoints and leaves no model.
    var tensors: [Tensor] { get }

    /// - Parameters:
    ///   - state: where its one trial is resumed; nil to start.
    ///   - threads: how many may share the trial.
    /// - Throws: for a state that the problem cannot resume from.
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
    /// - Parameters:
    ///   - seconds: the trial's share of its lease's compute time.
    ///   - tensors: those of the plan.
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

/// What a build has to agree on with every other: the SHA-256 over the digests of all problems' self-test trials.
func selfTestDigest() -> Digest { Digest(of: selfTestDigests().flatMap(\.bytes)) }

/// The digest of each problem, in the order of Docs/numerics.md.
func selfTestDigests() -> [Digest] { selfTestRecords().map { Digest(of: $0.flatMap(\.canonicalBytes)) } }
