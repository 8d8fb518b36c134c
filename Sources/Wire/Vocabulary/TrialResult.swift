// TrialResult.swift · Wire/Vocabulary. The result of a trial, as workers send it and the coordinator stores it.

/// Losses of a trial at the end of an epoch.
public struct CurvePoint: Hashable, Sendable {
    /// Epochs trained so far, from 1.
    public var epoch: Int
    /// Mean loss on the training set, without penalties; and the exact population risk, or for the convolutional network the mean loss on
    /// the test set.
    public var trainLoss: Double, testLoss: Double

    public init(epoch: Int, trainLoss: Double, testLoss: Double) {
        self.epoch = epoch
        self.trainLoss = trainLoss
        self.testLoss = testLoss
    }
}

/// Numbers that a trial leaves besides its losses, such as a path. Docs/numerics.md says what each index means.
public struct Series: Hashable, Sendable {
    public var name: String
    public var values: [Double]

    /// - Parameter values: NaN where a number is not defined. Every NaN is replaced by `Double.nan`, so that equal series have equal bits.
    public init(name: String, values: [Double]) {
        self.name = name
        self.values = values.map { $0.isNaN ? .nan : $0 }
    }

    public init(_ name: SeriesName, _ values: [Double]) { self.init(name: name.rawValue, values: values) }
}

/// How a trial ended. Divergence is a result; only `failed` means that there is none.
public enum Outcome: Hashable, Sendable {
    case done(trainLoss: Double, testLoss: Double)
    /// A loss was NaN or infinite at the end of `TrialResult.epochs`.
    case diverged
    case failed(reason: String)

    /// The name in the column `outcome` of `results.csv`.
    public var name: String {
        switch self {
        case .done: "done"
        case .diverged: "diverged"
        case .failed: "failed"
        }
    }
}

/// The end of one attempt at a trial.
public struct TrialResult: Hashable, Sendable {
    public var key: TrialKey
    public var attempt: Int
    public var outcome: Outcome
    /// Epochs trained; 0 for a failure.
    public var epochs: Int
    /// The SHA-256 of outcome, epochs, losses, curve, final parameters and series, bit for bit; nil for a failure.
    public var digest: Digest?
    /// Finite points at the epochs of the curve rule (Docs/numerics.md), in order of epoch.
    public var curve: [CurvePoint]
    /// Series with distinct names; none for most trials.
    public var series: [Series]
    /// The trial's share of its lease's compute time, in seconds. It decides the size of later leases and no result.
    public var seconds: Double
    /// The trained parameters in the safetensors format; nil for a problem that leaves no model, and for a trial that is not done.
    public var model: [UInt8]?

    public init(
        key: TrialKey, attempt: Int, outcome: Outcome, epochs: Int, digest: Digest?, curve: [CurvePoint],
        series: [Series] = [], seconds: Double, model: [UInt8]? = nil
    ) {
        self.key = key
        self.attempt = attempt
        self.outcome = outcome
        self.epochs = epochs
        self.digest = digest
        self.curve = curve
        self.series = series
        self.seconds = seconds
        self.model = model
    }
}
