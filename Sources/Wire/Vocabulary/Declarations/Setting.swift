// Setting.swift · Wire/Vocabulary/Declarations. What is varied in a sweep and compared in its figure.

/// What a sweep compares: the algorithm, its strengths and its learning rate.
public struct Setting: Hashable, Sendable {
    /// The name of an ``Algorithm``; a message may bring one that this release does not know.
    public var algorithm: String
    public var strengths: Strengths
    /// η, constant or at the start of its schedule.
    public var learningRate: Double

    public init(algorithm: String = Algorithm.sgd.rawValue, strengths: Strengths = [:], learningRate: Double) {
        self.algorithm = algorithm
        self.strengths = strengths
        self.learningRate = learningRate
    }

    /// The setting that this one is measured against: SGD without penalties, with the same learning rate and the same optimizer.
    public var baseline: Setting {
        Setting(strengths: strengths.withoutPenalties, learningRate: learningRate)
    }

    public var isBaseline: Bool { self == baseline }
}
