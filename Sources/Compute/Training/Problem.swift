// Problem.swift · Compute/Training, after TrialPlan.swift. The protocol that every problem conforms to.

public import Vocabulary

/// Something that can be trained, lane by lane, from a master seed.
///
/// Its methods are called once for each group, so that dynamic dispatch costs the inner loops nothing: a problem owns its data, its step
/// and its kernels. A new problem is one conforming type; `run` and `GroupPlan` need no change.
public protocol Problem: Sendable, Hashable {
    /// Names, ranges, defaults and conflicts of its parameters and strengths, by which a plan is validated.
    static var declaration: ProblemDeclaration { get }

    /// The values from which the problem was made.
    var configuration: Configuration { get }

    /// - Parameters:
    ///   - configuration: values that its declaration allows.
    ///   - data: where a problem that trains on a data set reads it.
    /// - Throws: when the data set cannot be read or is too small for the values.
    init(_ configuration: Configuration, _ data: some DataSource) throws

    /// The arrays that make up a trial's parameters, in order. Empty for a problem whose trials make no checkpoints and leave no model.
    var tensors: [Tensor] { get }

    /// Trains the lanes of a validated plan. Called only by `run`, with denormals flushed.
    ///
    /// A conforming type promises that each record depends on the problem, the coordinates and its own lane and on nothing else, to the
    /// bit; that a diverged lane disturbs no other; and that `observe` is called as `run` says. It must not be inlined into `run`.
    func train(_ lanes: [Lane], at coordinates: Coordinates, observe: ([Observation]) -> Flow) -> [TrialRecord]?

    /// Validates a checkpoint.
    /// - Throws: when a lane cannot be resumed from it.
    func check(_ checkpoint: TrainingState) throws(ParameterError)

    /// Trains the lanes of a validated plan, each from its checkpoint, or from its start where it has none. The records have the bits of a
    /// run that was never interrupted.
    /// - Parameters:
    ///   - checkpoints: one for each lane, validated by `check`; nil for a lane that starts.
    ///   - threads: the number of threads that may compute, the calling one included; a problem may use fewer. They change no bit.
    ///   - goOn: called often enough that a long trial can be stopped within seconds.
    ///   - observe: called at the end of each epoch that has observations; a problem that makes checkpoints calls it at every epoch.
    func train(
        _ lanes: [Lane], at coordinates: Coordinates, from checkpoints: [TrainingState?], threads: Int, goOn: () -> Flow,
        observe: (EpochEnd) -> Flow
    ) -> [TrialRecord]?
}

extension Problem {
    public static var name: String { declaration.name }

    public var tensors: [Tensor] { [] }
}

/// Gives problems the files of a data set.
public protocol DataSource {
    /// - Parameters:
    ///   - images: SHA-256 of the file of images.
    ///   - labels: SHA-256 of the file of their classes.
    /// - Throws: when a file cannot be read, or when the two are no images and labels.
    func images(_ images: Digest, labels: Digest) throws -> ImageSet
}

/// One array of parameters.
public struct Tensor: Sendable, Hashable {
    /// The name in PyTorch's order of words, such as `conv1.weight`.
    public let name: String
    /// The shape, row-major as in PyTorch: (out, in, row, column) for a convolution, (out, in) for a dense layer, (out) for biases.
    public let shape: [Int]
    /// Number of inputs of each output of the layer. The array starts uniform within ±1/√fanIn.
    public let fanIn: Int

    public init(name: String, shape: [Int], fanIn: Int) {
        self.name = name
        self.shape = shape
        self.fanIn = fanIn
    }

    public var count: Int { shape.reduce(1, *) }
}

/// The default for problems with short trials: they make no checkpoints and always train from the start.
extension Problem {
    public func check(_ checkpoint: TrainingState) throws(ParameterError) {
        throw ParameterError("checkpoint", found: "after \(checkpoint.epochs) epochs", allowed: "left out with \(Self.name)")
    }

    @inline(never)
    public func train(
        _ lanes: [Lane], at coordinates: Coordinates, from checkpoints: [TrainingState?], threads: Int, goOn: () -> Flow,
        observe: (EpochEnd) -> Flow
    ) -> [TrialRecord]? {
        train(lanes, at: coordinates) { observations in
            guard goOn() == .goOn else { return .stop }
            // A call without observations only asks whether to go on.
            guard let epoch = observations.first?.point.epoch else { return .goOn }
            return observe(EpochEnd(epoch: epoch, observations: observations) { _ in nil })
        }
    }
}
