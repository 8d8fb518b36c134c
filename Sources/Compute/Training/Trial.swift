// Trial.swift · Compute/Training, the reader's way in, with TrialPlan.swift.
// The words of the room: what one lane of a group is asked to do, what is seen of it on the way, and what is left at the end.

public import Vocabulary

/// One trial of a group: what one SIMD lane trains with.
public struct Lane: Sendable, Hashable {
    public var algorithm: Algorithm
    /// A strength that is not named is 0 and leaves its term out. SGD without penalties is the baseline.
    public var strengths: Strengths
    /// η, constant over the run or, where the problem has a schedule, at its start.
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

/// What the trials of one group share besides their problem, and what chooses their random streams.
public struct Coordinates: Sendable, Hashable {
    /// Master seed: the key of every stream.
    public var seed: UInt64
    /// 0-based; below 2¹⁶, 2¹⁶ and 2²⁴, the widths of their fields in a Philox counter.
    public var trainingSet: Int, initialization: Int, replicate: Int

    public init(seed: UInt64, trainingSet: Int, initialization: Int, replicate: Int) {
        self.seed = seed
        self.trainingSet = trainingSet
        self.initialization = initialization
        self.replicate = replicate
    }
}

/// All that is left of a trial. A function of problem, coordinates and lane alone, to the bit.
public struct TrialRecord: Sendable, Equatable {
    public enum Outcome: Sendable, Hashable {
        case done
        /// A loss was NaN or infinite at the end of epoch `epochs`.
        case diverged
    }

    public var outcome: Outcome
    /// Epochs trained; for a diverged trial, the one at whose end the loss was first not finite.
    public var epochs: Int
    /// At the end; NaN for a diverged trial (which makes two records of it unequal: compare `bits`).
    public var trainLoss: Double, testLoss: Double
    /// At the epochs that `CurveRule` names, as long as the losses were finite.
    public var curve: [CurvePoint]
    /// Final θ, in the problem's order, as IEEE 754 bit patterns, those of Float zero-extended; empty for a diverged trial.
    public var parameterBits: [UInt64]
    /// What the problem was asked to leave besides; often nothing.
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
    /// Index into `GroupPlan.lanes`.
    public var lane: Int
    public var point: CurvePoint

    public init(lane: Int, point: CurvePoint) {
        self.lane = lane
        self.point = point
    }
}

/// Answer of whoever observes a run.
public enum Flow: Sendable, Hashable {
    case goOn
    /// Give the whole group up; what was computed is lost.
    case stop
}
