// Translation.swift · Worker, between Wire and Compute. The one place that knows both vocabularies: a lease's words become a
// plan for the kernels, and the kernels' records become results. Pure; the kernels never see a message.

internal import Compute
internal import Vocabulary
internal import Wire

/// Why a lease cannot be computed here. The coordinator records it as the trials' failure.
struct TranslationError: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// The problems that this worker computes: one line for each. `ProblemDeclaration.all` is the same list in the other vocabulary.
private let problems: [any TranslatableProblem.Type] = [
    DiagonalNetwork.self,
    Landscape.self,
    ConvolutionalNetwork.self,
]

/// The plan that a lease asks for, of whichever problem it names.
/// - Parameter images: where a problem that reads a data set has it from.
/// - Throws: `TranslationError` for a problem, an algorithm or a parameter that this build does not know.
func translate(_ lease: Lease, _ images: ImageShelf) throws(TranslationError) -> any LeasePlan {
    for problem in problems where problem.name == lease.group.problem { return try problem.plan(of: lease, images) }
    throw TranslationError(description: "this worker knows no problem \(lease.group.problem)")
}

/// What a thread needs of a checked plan: it is asked once a lease, so the kernels behind it stay concrete.
protocol LeasePlan: Sendable {
    /// The arrays that the parameters of its trials are; none for a problem that makes no checkpoints and leaves no model.
    var tensors: [Tensor] { get }

    /// - Parameters:
    ///   - checkpoint: of its one trial; nil to begin.
    ///   - threads: how many may share it.
    /// - Throws: for a checkpoint that the problem cannot go on from.
    func run(
        from checkpoint: Compute.Checkpoint?, threads: Int, goOn: () -> Flow, observe: (EpochEnd) -> Flow
    ) throws(PlanError) -> [TrialRecord]?
}

extension GroupPlan: LeasePlan where P: TranslatableProblem {
    var tensors: [Tensor] { problem.modelTensors }

    func run(
        from checkpoint: Compute.Checkpoint?, threads: Int, goOn: () -> Flow, observe: (EpochEnd) -> Flow
    ) throws(PlanError) -> [TrialRecord]? {
        try Compute.run(self, from: lanes.map { _ in checkpoint }, threads: threads, goOn: goOn, observe: observe)
    }
}

/// A problem whose configuration can be read from a lease.
protocol TranslatableProblem: Problem {
    /// - Throws: `TranslationError` for a parameter that is missing or of another type, `PlanError` for one that cannot be computed.
    init(_ parameters: ParameterReader) throws

    /// The arrays that a trial's parameters are, if it is worth keeping them.
    var modelTensors: [Tensor] { get }
}

extension TranslatableProblem {
    var modelTensors: [Tensor] { [] }

    fileprivate static func plan(of lease: Lease, _ images: ImageShelf) throws(TranslationError) -> any LeasePlan {
        try GroupPlan<Self>(lease, images)
    }
}

extension DiagonalNetwork: TranslatableProblem {}
extension Landscape: TranslatableProblem {}

extension ConvolutionalNetwork: TranslatableProblem {
    init(_ parameters: ParameterReader) throws {
        guard try parameters.precision() == .float32 else {
            throw TranslationError(description: "\(Self.name) is computed in float32 only")
        }
        let pool = try parameters.text("pool")
        guard let pooling = Pooling(rawValue: pool) else { throw TranslationError(description: "this worker knows no pool \(pool)") }
        try self.init(
            train: parameters.images("training_images", labels: "training_labels"),
            test: parameters.images("test_images", labels: "test_labels"), samples: parameters.integer("samples"), pool: pooling,
            batchSize: parameters.integer("batch_size"), epochs: parameters.integer("epochs"),
            learningRateDecay: parameters.real("learning_rate_decay"), weightDecay: parameters.weightDecay,
            clipNorm: parameters.real("clip_norm"), batchGradientEvery: parameters.integer("batch_gradient_every"))
    }

    var modelTensors: [Tensor] { tensors }
}

extension GroupPlan where P: TranslatableProblem {
    /// - Throws: `TranslationError` for an algorithm or a parameter that this build does not know or cannot compute with.
    init(_ lease: Lease, _ images: ImageShelf) throws(TranslationError) {
        let group = lease.group
        let decay = lease.trials[0].setting.weightDecay
        guard lease.trials.allSatisfy({ $0.setting.weightDecay == decay }) else {
            throw TranslationError(description: "this worker computes no lease of several weight decays")
        }
        guard decay == 0 || ProblemDeclaration.named(P.name)?.weightDecay != nil else {
            throw TranslationError(description: "weight_decay: found \(decay), and \(P.name) has none")
        }
        do {
            let problem = try P(ParameterReader(group.parameters, weightDecay: decay, images: images))
            let lanes = try lease.trials.map { trial in
                guard let algorithm = Algorithm(rawValue: trial.setting.algorithm) else {
                    throw TranslationError(description: "this worker knows no algorithm \(trial.setting.algorithm)")
                }
                return Lane(
                    algorithm: algorithm, lambda1: trial.setting.lambda1, lambda2: trial.setting.lambda2,
                    learningRate: trial.setting.learningRate)
            }
            try self.init(
                problem: problem,
                coordinates: Coordinates(
                    seed: group.seed, trainingSet: group.trainingSet, initialization: group.initialization, replicate: group.replicate),
                lanes: lanes)
        } catch let error as TranslationError { throw error } catch { throw TranslationError(description: "\(error)") }
    }
}

/// Takes a problem's parameters by name and type. A missing one means that coordinator and worker are of different builds.
struct ParameterReader: Parameters {
    private let values: [String: ParameterValue]
    private let images: ImageShelf
    /// Of all trials of the lease.
    let weightDecay: Double

    init(_ values: [String: ParameterValue], weightDecay: Double, images: ImageShelf) {
        self.values = values
        self.weightDecay = weightDecay
        self.images = images
    }

    func file(_ name: String) throws(TranslationError) -> Digest {
        guard case .text(let text) = values[name], let file = Digest(hexadecimal: text) else { throw missing(name, "a SHA-256") }
        return file
    }

    func images(_ name: String, labels: String) throws(TranslationError) -> ImageSet {
        try images.set(images: file(name), labels: file(labels))
    }

    func integer(_ name: String) throws(TranslationError) -> Int {
        guard case .integer(let value) = values[name] else { throw missing(name, "an integer") }
        return value
    }

    func real(_ name: String) throws(TranslationError) -> Double {
        guard case .real(let value) = values[name] else { throw missing(name, "a real number") }
        return value
    }

    func text(_ name: String) throws(TranslationError) -> String {
        guard case .text(let value) = values[name] else { throw missing(name, "a text") }
        return value
    }

    private func missing(_ name: String, _ kind: String) -> TranslationError {
        TranslationError(description: "parameter \(name): found \(values[name].map(String.init(describing:)) ?? "nothing"), need \(kind)")
    }
}

extension TrialResult {
    /// - Parameters:
    ///   - seconds: the trial's share of its lease's compute time.
    ///   - tensors: of its plan.
    init(_ record: TrialRecord, of trial: LeasedTrial, lossRatio: Double?, seconds: Double, tensors: [Tensor] = []) {
        let outcome: Outcome =
            switch record.outcome {
            case .done: .done(trainLoss: record.trainLoss, testLoss: record.testLoss)
            case .diverged: .diverged
            }
        self.init(
            key: trial.key, attempt: trial.attempt, outcome: outcome, epochs: record.epochs, lossRatio: lossRatio, digest: record.digest,
            curve: record.curve.map(Vocabulary.CurvePoint.init),
            series: record.series.map { Vocabulary.Series(name: $0.name, values: $0.values) },
            seconds: seconds, model: record.model(of: trial.key, tensors: tensors))
    }

    init(failure reason: String, of trial: LeasedTrial) {
        self.init(
            key: trial.key, attempt: trial.attempt, outcome: .failed(reason: reason), epochs: 0, lossRatio: nil, digest: nil, curve: [],
            seconds: 0)
    }
}

extension Vocabulary.CurvePoint {
    init(_ point: Compute.CurvePoint) { self.init(epoch: point.epoch, trainLoss: point.trainLoss, testLoss: point.testLoss) }
}

extension TrialRecord {
    /// SHA-256 of outcome, epochs, final losses, curve, final parameters and series, each number as its 8 big-endian bytes.
    var digest: Digest { Digest(of: canonicalBytes) }

    var canonicalBytes: [UInt8] { bits.bigEndianBytes }
}

/// What a build has to agree on with every other: SHA-256 over the digests of each problem's self-test trials.
func selfTestDigest() -> Digest { Digest(of: selfTestDigests().flatMap(\.bytes)) }

/// Of each problem, in the order of Docs/numerics.md.
func selfTestDigests() -> [Digest] { selfTestRecords().map { Digest(of: $0.flatMap(\.canonicalBytes)) } }
