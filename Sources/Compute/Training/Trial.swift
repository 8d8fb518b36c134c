// Trial.swift · Compute/Training. Read it first, with TrialPlan.swift: the values that go into training a lane (Lane, Coordinates) and
// come out of it (Observation, TrialRecord).

public import Vocabulary

/// One trial of a group, which a kernel trains in one SIMD lane.
public struct Lane: Sendable, Hashable {
    public var algorithm: Algorithm
    /// A strength that is not named is 0, which leaves its term out. SGD without penalties is the baseline.
    public var strengths: Strengths
    /// The learning rate η: constant over the run, or its initial value where the problem has a schedule.
    public var learningRate: Double

    public init(algorithm: Algorithm = .sgd, strengths: Strengths = [:], learningRate: Double) {
        self.algorithm = algorithm
        self.strengths = strengths
        self.learningRate = learningRate
    }

    /// - Throws: for an algorithm that this build does not know.
    public init(_ setting: Setting) throws(ParameterError) {
        guard let algorithm = Algorithm(rawValue: setting.algorithm) else {
            let known = Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw ParameterError("algorithm", found: setting.algorithm, allowed: "one of \(known)")
        }
        self.init(algorithm: algorithm, strengths: setting.strengths, learningRate: setting.learningRate)
    }

    public var setting: Setting { Setting(algorithm: algorithm.rawValue, strengths: strengths, learningRate: learningRate) }
}

/// The values that choose the random streams of a group: all its trials share them, besides the problem.
public struct Coordinates: Sendable, Hashable {
    /// The master seed, which is the key of every random stream.
    public var seed: UInt64
    /// Indices from 0. They are below 2¹⁶, 2¹⁶ and 2²⁴, the widths of their fields in a Philox counter.
    public var trainingSet: Int, initialization: Int, replicate: Int

    public init(seed: UInt64, trainingSet: Int, initialization: Int, replicate: Int) {
        self.seed = seed
        self.trainingSet = trainingSet
        self.initialization = initialization
        self.replicate = replicate
    }
}

/// The result of training one lane. It is a function of problem, coordinates and lane alone, to the bit.
public struct TrialRecord: Sendable, Equatable {
    public enum Outcome: Sendable, Hashable {
        case done
        /// A loss was NaN or infinite at the end of epoch `epochs`.
        case diverged
    }

    public var outcome: Outcome
    /// Epochs trained; for a diverged trial, the first epoch at whose end a loss was not finite.
    public var epochs: Int
    /// Losses at the end. NaN for a diverged trial, so that two such records are unequal; compare their `bits`.
    public var trainLoss: Double, testLoss: Double
    /// Points at the epochs of `CurveRule`, as long as the losses were finite.
    public var curve: [CurvePoint]
    /// Final θ, in the problem's order, as IEEE 754 bit patterns, those of Float zero-extended; empty for a diverged trial.
    public var parameterBits: [UInt64]
    /// The series that the problem's `record` parameter asks for; often none.
    public var series: [Series] = []

    public init(
        outcome: Outcome, epochs: Int, trainLoss: Double, testLoss: Double, curve: [CurvePoint], parameterBits: [UInt64]
    ) {
        self.outcome = outcome
        self.epochs = epochs
        self.trainLoss = trainLoss
        self.testLoss = testLoss
        self.curve = curve
        self.parameterBits = parameterBits
    }

    /// Everything in the record as words, for hashing and for comparing bit for bit: outcome (0 done, 1 diverged), epochs, final
    /// losses, number of curve points and their three words each, then the parameters. Series, where there are any, follow: their number,
    /// and for each the number of bytes of its name in UTF-8, those bytes, the number of values and their bits.
    public var bits: [UInt64] {
        let head = [outcome == .done ? 0 : 1, UInt64(epochs), trainLoss.bitPattern, testLoss.bitPattern, UInt64(curve.count)]
        let body = head + curve.flatMap { [UInt64($0.epoch), $0.trainLoss.bitPattern, $0.testLoss.bitPattern] } + parameterBits
        guard !series.isEmpty else { return body }
        return series.reduce(into: body + [UInt64(series.count)]) { words, series in
            words.append(UInt64(series.name.utf8.count))
            words += series.name.utf8.map { UInt64($0) }
            words.append(UInt64(series.values.count))
            words += series.values.map(\.bitPattern)
        }
    }
}

/// A curve point of one lane while its group is still training.
public struct Observation: Sendable, Equatable {
    /// Index of the lane in `GroupPlan.lanes`.
    public var lane: Int
    public var point: CurvePoint

    public init(lane: Int, point: CurvePoint) {
        self.lane = lane
        self.point = point
    }
}

/// Whether a run continues, as its observer decides.
public enum Flow: Sendable, Hashable {
    case goOn
    /// Stops the whole group without a record.
    case stop
}
