// TrainingState.swift · Compute/Training. What is left of a trial between two epochs, and all that is needed to go on with it: order and
// learning rate are functions of the epoch. Who keeps it, and where, is not known here.

public import Vocabulary

/// A trial at the end of an epoch.
public struct TrainingState: Sendable, Equatable {
    /// Epochs trained.
    public var epochs: Int
    /// θ, in the order of a record's parameters.
    public var parameters: [Float]
    /// Points and series so far.
    public var curve: [CurvePoint]
    public var series: [Series]

    public init(epochs: Int, parameters: [Float], curve: [CurvePoint], series: [Series]) {
        self.epochs = epochs
        self.parameters = parameters
        self.curve = curve
        self.series = series
    }
}

/// What an observer is shown at the end of an epoch.
public struct EpochEnd {
    /// From 1.
    public let epoch: Int
    /// One for each lane that is still alive if the epoch is one of the curve's; else none.
    public let observations: [Observation]
    private let make: (Int) -> TrainingState?

    init(epoch: Int, observations: [Observation], checkpoint: @escaping (Int) -> TrainingState?) {
        self.epoch = epoch
        self.observations = observations
        make = checkpoint
    }

    /// Made when asked for: it is as large as the parameters. Ask before the observer returns; later the lane has moved on.
    /// - Returns: nil for a lane that has diverged, and for a problem whose trials are short.
    public func checkpoint(ofLane lane: Int) -> TrainingState? { make(lane) }
}
