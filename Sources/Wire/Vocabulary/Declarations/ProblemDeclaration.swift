// ProblemDeclaration.swift · Wire/Vocabulary/Declarations. All that sweep file, coordinator, worker and kernels have to agree on about a
// problem. Each is declared in a file of Problems/ and named in `all`.

public struct ProblemDeclaration: Sendable {
    /// The value of `kind` in the table `[problem]` of a sweep file.
    public var name: String
    public var summary: String
    public var parameters: [ParameterDeclaration]
    public var algorithms: [Algorithm]
    /// The strengths that its kernels compute with.
    public var strengths: [StrengthUse]
    /// The series that its trials can leave.
    public var series: [SeriesDeclaration] = []
    /// Version of the problem's part of Docs/numerics.md. It is raised when the bits of any trial change, and gives all trials new keys.
    public var numericsVersion = 1
    /// The number of trials that a kernel computes side by side: a lease of one trial takes as long as a lease of this many.
    public var lanes: Int
    /// The number of initializations of a problem that has no parameter with one value for each of them.
    public var initializations: @Sendable (Configuration) -> Int = { _ in 65_536 }
    /// The errors of a setting whose strengths are in their ranges.
    public var settingConflicts: @Sendable (Setting, Configuration) -> [ParameterError] = { _, _ in [] }
    /// Floating-point operations of one trial of a setting. They are used for estimates and for the size of the first leases only.
    public var flops: @Sendable (Configuration, Setting) -> Double
    /// Floating-point operations per second of one core, while no trial has been measured: the rate of the kernels on a small server of
    /// 2021 (`make bench`).
    public var flopsPerSecond = 60e9
    /// The errors of values that are each allowed, but not together.
    public var conflicts: @Sendable (Configuration) -> [ParameterError] = { _ in [] }
    /// Warnings about values that are allowed, but that are probably a mistake.
    public var warnings: @Sendable (Configuration) -> [ParameterError] = { _ in [] }
    /// Whether its trials are long. Each long trial has a lease of its own, makes checkpoints, can be resumed from one, and leaves a model.
    public var isLong = false

    /// The largest number of trials in one lease: their series must fit into half a frame, and the other half is left to curves.
    public func trialsPerLease(_ configuration: Configuration) -> Int {
        min(Limits.trialsPerLease, max(1, Limits.frameBytes / 2 / max(1, seriesBytes(configuration))))
    }

    /// Bytes of one trial's series in a message.
    private func seriesBytes(_ configuration: Configuration) -> Int {
        recordedSeries(configuration).reduce(0) { $0 + 8 * $1.length.count(configuration) }
    }

    /// The series of every trial that is done.
    public func recordedSeries(_ configuration: Configuration) -> [SeriesDeclaration] {
        let recording = configuration.values["record"] == nil ? nil : configuration.choice("record") as Recording
        return series.filter { series in recording.map(series.recordings.contains) ?? series.recordings.isEmpty }
    }
}

/// A strength that a problem lists, with its default there.
public struct StrengthUse: Hashable, Sendable {
    public var strength: Strength
    /// The value in settings for which the sweep file gives none; 0 for a penalty.
    public var defaultValue: Double

    public init(_ strength: Strength, default defaultValue: Double = 0) {
        self.strength = strength
        self.defaultValue = defaultValue
    }
}

/// A list of numbers that trials of a problem leave besides their losses.
public struct SeriesDeclaration: Hashable, Sendable {
    public enum Length: Hashable, Sendable {
        /// One value at the start and one after every epoch.
        case path
        /// One value at each point of the curve.
        case curve
        case fixed(Int)

        func count(_ configuration: Configuration) -> Int {
            switch self {
            case .path: configuration.integer("epochs") + 1
            case .curve: CurveRule(epochs: configuration.integer("epochs")).points(after: configuration.integer("epochs"))
            case .fixed(let count): count
            }
        }
    }

    public let name: SeriesName
    public let length: Length
    /// The values of `record` with which trials leave the series; empty for a series that every trial leaves.
    public let recordings: Set<Recording>

    public init(_ name: SeriesName, _ length: Length, _ recordings: Set<Recording> = []) {
        self.name = name
        self.length = length
        self.recordings = recordings
    }
}

/// The names of all series; Docs/numerics.md defines them.
public enum SeriesName: String, Hashable, Sendable, CaseIterable {
    case x, y, gap
    case covarianceTrace = "covariance_trace"
    case mapPopulationLoss = "map_population_loss"
    case mapTrainingLoss = "map_training_loss"
    case mapGradientNorm = "map_gradient_norm"
    case mapCovarianceTrace = "map_covariance_trace"
    case variabilityTrace = "variability_trace"
    case solutionVariance = "solution_variance"
    case boundPopulation = "bound_population"
    case boundBatch = "bound_batch"
    case bootstrapRatio = "bootstrap_ratio"
    case bootstrapError = "bootstrap_error"
    case accumulatedCovariance = "accumulated_covariance"
    case testAccuracy = "test_accuracy"
}

/// Proposition 1: from how many mini-batches the covariance of the gradient is estimated.
public enum Bootstrap {
    /// K: the first 1, 4 and 16 of the 64 batches drawn at each point of a path make the smaller estimates.
    public static let counts = [1, 4, 16, 64]
    /// Numbers in every list over K: one for each count, and one for Σ_B itself, which is K → ∞.
    public static let estimates = counts.count + 1
}

extension ProblemDeclaration {
    /// The series of the paper's theory, which a trial with `record = "variability"` leaves.
    static let theorySeries =
        [SeriesName.gap, .variabilityTrace, .solutionVariance, .boundPopulation, .boundBatch].map {
            SeriesDeclaration($0, .path, [.variability])
        } + [
            SeriesDeclaration(.bootstrapRatio, .fixed(Bootstrap.estimates), [.variability]),
            SeriesDeclaration(.bootstrapError, .fixed(Bootstrap.estimates), [.variability]),
            SeriesDeclaration(.accumulatedCovariance, .fixed(1), [.variability]),
        ]

    /// - Parameter recordings: what trials of the problem can leave.
    static func record(_ recordings: [Recording]) -> ParameterDeclaration {
        ParameterDeclaration(
            "record", .choice(recordings), in: .problem, default: .text(Recording.losses.rawValue),
            "what a trial leaves besides its losses: nothing, its path, or how its solution depends on the training set")
    }

    /// The error of a trial that leaves series and has more epochs than a series can have values.
    static func recordConflicts(_ configuration: Configuration) -> [ParameterError] {
        let epochs = configuration.integer("epochs"), recording: Recording = configuration.choice("record")
        guard recording != .losses, epochs > Recording.epochs else { return [] }
        return [
            ParameterError("epochs", "found \(epochs), allowed are at most \(Recording.epochs) with record = \"\(recording.rawValue)\"")
        ]
    }

    /// The errors of settings with strengths whose variability is recorded: the paper's lemmas are about plain SGD.
    static func variabilityConflicts(_ setting: Setting, _ configuration: Configuration) -> [ParameterError] {
        guard configuration.choice("record") == Recording.variability else { return [] }
        return setting.strengths.nonZero.map {
            ParameterError(
                $0.name, "found \($0.value.shortestText), allowed is 0 with record = \"variability\", which is about SGD alone")
        }
    }
}
