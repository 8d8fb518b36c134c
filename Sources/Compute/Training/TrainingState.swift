// TrainingState.swift · Compute/Training. The state of a trial between two epochs, from which it can be resumed: order and learning rate
// are functions of the epoch. Who stores it is not known here.

public import Vocabulary

/// A trial at the end of an epoch.
public struct TrainingState: Sendable, Equatable {
    /// Epochs trained.
    public var epochs: Int
    /// The parameters θ, in the order of `TrialRecord.parameterBits`.
    public var parameters: [Float]
    /// Points of the curve and values of the series up to this epoch.
    public var curve: [CurvePoint]
    public var series: [Series]

    public init(epochs: Int, parameters: [Float], curve: [CurvePoint], series: [Series]) {
        self.epochs = epochs
        self.parameters = parameters
        self.curve = curve
        self.series = series
    }
}

/// The end of an epoch, as an observer sees it.
public struct EpochEnd {
    /// Epochs trained, from 1.
    public let epoch: Int
    /// One for each lane that has not diverged, if the curve has a point at this epoch; otherwise none.
    public let observations: [Observation]
    private let make: (Int) -> TrainingState?

    init(epoch: Int, observations: [Observation], checkpoint: @escaping (Int) -> TrainingState?) {
        self.epoch = epoch
        self.observations = observations
        make = checkpoint
    }

    /// The state of a lane. It is as large as the parameters and is made by this call, which is only valid before the observer returns.
    /// - Returns: nil for a lane that has diverged, and for a problem that makes no checkpoints.
    public func checkpoint(ofLane lane: Int) -> TrainingState? { make(lane) }
}
