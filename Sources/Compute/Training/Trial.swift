// Trial.swift · Compute/Training, the reader's way in, with TrialPlan.swift.
// The words of the room: what one lane of a group is asked to do, what is seen of it on the way, and what is left at the end.

/// Arithmetic of the training step. Data, losses and constants are made in Float64 either way.
public enum Precision: String, Sendable, Hashable, CaseIterable {
    case float32, float64
}

/// What a step follows.
public enum Algorithm: String, Sendable, Hashable, CaseIterable {
    /// The gradient of a mini-batch.
    case sgd
    /// The gradient of the whole training set.
    case gd
    /// The same with normal noise that does not depend on the data: of a declared deviation, or as strong as SGD's own.
    case noisyGD = "noisy-gd"
    case noisyGDMatched = "noisy-gd-matched"
}

/// One trial of a group: the algorithm, the strengths and the learning rate that one SIMD lane trains with.
public struct Lane: Sendable, Hashable {
    public var algorithm: Algorithm
    /// λ1 of Eq. 11 and λ2 of Eq. 12, in parameters² per unit of loss; 0 leaves the penalty out. SGD with both 0 is baseline.
    public var lambda1: Double, lambda2: Double
    /// η, constant over the run or, where the problem has a schedule, at its start.
    public var learningRate: Double

    public init(algorithm: Algorithm = .sgd, lambda1: Double, lambda2: Double, learningRate: Double) {
        self.algorithm = algorithm
        self.lambda1 = lambda1
        self.lambda2 = lambda2
        self.learningRate = learningRate
    }
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

/// Losses at the end of an epoch.
public struct CurvePoint: Sendable, Equatable {
    /// Epochs trained so far, from 1.
    public var epoch: Int
    /// Mean loss on the training set, without penalties; and the exact population risk, or for a network the mean loss on the test set.
    public var trainLoss: Double, testLoss: Double

    public init(epoch: Int, trainLoss: Double, testLoss: Double) {
        self.epoch = epoch
        self.trainLoss = trainLoss
        self.testLoss = testLoss
    }
}

/// Numbers that a problem was asked to leave besides its losses, such as a path: one list, whose places mean what the problem says.
public struct Series: Sendable, Equatable {
    /// Lower case with underscores, such as `gap`.
    public var name: String
    /// NaN where a number is not defined, always with the bits of `Double.nan`.
    public var values: [Double]

    public init(name: String, values: [Double]) {
        self.name = name
        self.values = values.map { $0.isNaN ? .nan : $0 }
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
