// Problem.swift · Compute/Training, behind TrialPlan.swift. What the way in asks of a problem.

public import Vocabulary

/// Something that can be trained, lane by lane, from a master seed.
///
/// The protocol is asked once for each group, so that its generality costs the inner loops nothing: a problem owns its data, its step
/// and its kernels. A new one is one conforming type; `run` and `GroupPlan` take it as it is.
public protocol Problem: Sendable, Hashable {
    /// Names, ranges, defaults and conflicts of its parameters and strengths, which a plan is checked by.
    static var declaration: ProblemDeclaration { get }

    /// The values that it was made of.
    var configuration: Configuration { get }

    /// - Parameters:
    ///   - configuration: values that its declaration allows.
    ///   - data: where a problem that reads a data set has it from.
    /// - Throws: for a data set that cannot be had, or that the values do not fit.
    init(_ configuration: Configuration, _ data: some DataSource) throws

    /// The arrays of which a trial's parameters consist, if they are worth keeping: as checkpoints, and as the model of a trial that is done.
    var tensors: [Tensor] { get }

    /// Called by `run` alone: `lanes` and `coordinates` are those of a checked plan and denormals are flushed.
    ///
    /// A conforming type promises that each record depends on the problem, the coordinates and its own lane and on nothing else, to the
    /// bit; that a diverged lane disturbs no other; and that `observe` is called as `run` says. It must not be inlined into `run`.
    func train(_ lanes: [Lane], at coordinates: Coordinates, observe: ([Observation]) -> Flow) -> [TrialRecord]?

    /// Whether a lane can go on from a checkpoint.
    func check(_ checkpoint: TrainingState) throws(ParameterError)

    /// As above, from where each lane's checkpoint is, each checked, or from its start where it has none. Ends with the bits of a run that
    /// was never interrupted.
    /// - Parameters:
    ///   - threads: how many may work at once, the calling one among them; a problem may well use fewer. They change no bit.
    ///   - goOn: asked often enough that a long trial can be given up within seconds.
    ///   - observe: called at the end of every epoch, or at least of each that has observations.
    func train(
        _ lanes: [Lane], at coordinates: Coordinates, from checkpoints: [TrainingState?], threads: Int, goOn: () -> Flow,
        observe: (EpochEnd) -> Flow
    ) -> [TrialRecord]?
}

extension Problem {
    public static var name: String { declaration.name }

    public var tensors: [Tensor] { [] }
}

/// Where files of a data set are read from.
public protocol DataSource {
    /// - Throws: for files that are not here, or are none of images and labels.
    func images(_ images: Digest, labels: Digest) throws -> ImageSet
}

/// One array of parameters.
public struct Tensor: Sendable, Hashable {
    /// The name that PyTorch gives it, such as `conv1.weight`.
    public let name: String
    /// Row-major, as PyTorch has it: (out, in, row, column) of a convolution, (out, in) of a dense layer, (out) of biases.
    public let shape: [Int]
    /// How many inputs each output of its layer has: it starts uniform within ±1/√fanIn.
    public let fanIn: Int

    public init(name: String, shape: [Int], fanIn: Int) {
        self.name = name
        self.shape = shape
        self.fanIn = fanIn
    }

    public var count: Int { shape.reduce(1, *) }
}

/// A problem whose trials take seconds starts from the beginning where a longer one is resumed.
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
            // None are observed where the trial only asks whether to go on.
            guard let epoch = observations.first?.point.epoch else { return .goOn }
            return observe(EpochEnd(epoch: epoch, observations: observations) { _ in nil })
        }
    }
}
