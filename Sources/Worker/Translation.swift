// Translation.swift · Worker, between Wire and Compute. The one place that knows both vocabularies: a lease's words become a
// plan for the kernels, and the kernels' records become results. Pure; the kernels never see a message.

internal import Compute
internal import Wire

/// Why a lease cannot be computed here. The coordinator records it as the trials' failure.
struct TranslationError: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// The problems that this worker computes: one line for each. `ProblemDeclaration.all` is the same list in the other vocabulary.
private let problems: [any TranslatableProblem.Type] = [
    DiagonalNetwork.self,
    Landscape.self,
]

/// The plan that a lease asks for, of whichever problem it names.
/// - Throws: `TranslationError` for a problem, an algorithm or a parameter that this build does not know.
func translate(_ lease: Lease) throws(TranslationError) -> any LeasePlan {
    for problem in problems where problem.name == lease.group.problem { return try problem.plan(of: lease) }
    throw TranslationError(description: "this worker knows no problem \(lease.group.problem)")
}

/// What a thread needs of a checked plan: it is asked once a lease, so the kernels behind it stay concrete.
protocol LeasePlan: Sendable {
    func run(observe: ([Observation]) -> Flow) -> [TrialRecord]?
}

extension GroupPlan: LeasePlan {
    func run(observe: ([Observation]) -> Flow) -> [TrialRecord]? { Compute.run(self, observe: observe) }
}

/// A problem whose configuration can be read from a lease.
protocol TranslatableProblem: Problem {
    /// - Throws: `TranslationError` for a parameter that is missing or of another type, `PlanError` for one that cannot be computed.
    init(_ parameters: ParameterReader) throws
}

extension TranslatableProblem {
    fileprivate static func plan(of lease: Lease) throws(TranslationError) -> any LeasePlan { try GroupPlan<Self>(lease) }
}

extension DiagonalNetwork: TranslatableProblem {
    init(_ parameters: ParameterReader) throws {
        try self.init(
            dimension: parameters.integer("dimension"), samples: parameters.integer("samples"), nonzero: parameters.integer("nonzero"),
            signalVariance: parameters.real("signal_variance"), noiseVariance: parameters.real("noise_variance"),
            initializationScale: parameters.real("initialization_scale"), batchSize: parameters.integer("batch_size"),
            epochs: parameters.integer("epochs"), precision: parameters.precision(), recording: parameters.recording(),
            replacements: parameters.integer("replacements"))
    }
}

extension Landscape: TranslatableProblem {
    init(_ parameters: ParameterReader) throws {
        guard try parameters.precision() == .float64 else { throw TranslationError(description: "landscape is computed in float64 only") }
        func shape(_ name: String) throws -> Shape {
            try Shape(
                height: parameters.real("\(name)_height"), heightDeviation: parameters.real("\(name)_height_deviation"),
                width: parameters.real("\(name)_width"), widthDeviation: parameters.real("\(name)_width_deviation"))
        }
        try self.init(
            candidates: parameters.integer("candidates"), samples: parameters.integer("samples"),
            maximumProbability: parameters.real("maximum_probability"), minimum: shape("minimum"), second: shape("second"),
            offset: parameters.real("offset"), initializationsPerSide: parameters.integer("initializations_per_side"),
            batchSize: parameters.integer("batch_size"), epochs: parameters.integer("epochs"),
            learningRateDecay: parameters.real("learning_rate_decay"), noiseDeviation: parameters.real("noise_deviation"),
            recording: parameters.recording())
    }
}

extension GroupPlan where P: TranslatableProblem {
    /// - Throws: `TranslationError` for an algorithm or a parameter that this build does not know or cannot compute with.
    init(_ lease: Lease) throws(TranslationError) {
        let group = lease.group
        do {
            let problem = try P(ParameterReader(group.parameters))
            let lanes = try lease.trials.map { trial in
                guard let algorithm = Algorithm(rawValue: trial.setting.algorithm) else {
                    throw TranslationError(description: "this worker knows no algorithm \(trial.setting.algorithm)")
                }
                return Lane(
                    algorithm: algorithm, lambda1: trial.setting.lambda1, lambda2: trial.setting.lambda2,
                    learningRate: trial.setting.learningRate)
            }
            try self.init(
                problem: problem,
                coordinates: Coordinates(
                    seed: group.seed, trainingSet: group.trainingSet, initialization: group.initialization, repetition: group.repetition),
                lanes: lanes)
        } catch let error as TranslationError { throw error } catch { throw TranslationError(description: "\(error)") }
    }
}

/// Takes a problem's parameters by name and type. A missing one means that coordinator and worker are of different builds.
struct ParameterReader {
    private let values: [String: ParameterValue]

    init(_ values: [String: ParameterValue]) { self.values = values }

    func integer(_ name: String) throws(TranslationError) -> Int {
        guard case .integer(let value) = values[name] else { throw missing(name, "an integer") }
        return value
    }

    func real(_ name: String) throws(TranslationError) -> Double {
        guard case .real(let value) = values[name] else { throw missing(name, "a real number") }
        return value
    }

    func text(_ name: String) throws(TranslationError) -> String {
        guard case .text(let value) = values[name] else { throw missing(name, "a text") }
        return value
    }

    func precision() throws(TranslationError) -> Precision {
        let name = try text("precision")
        guard let precision = Precision(rawValue: name) else {
            throw TranslationError(description: "this worker knows no precision \(name)")
        }
        return precision
    }

    func recording() throws(TranslationError) -> Recording {
        let name = try text("record")
        guard let recording = Recording(rawValue: name) else { throw TranslationError(description: "this worker knows no record \(name)") }
        return recording
    }

    private func missing(_ name: String, _ kind: String) -> TranslationError {
        TranslationError(description: "parameter \(name): found \(values[name].map(String.init(describing:)) ?? "nothing"), need \(kind)")
    }
}

extension TrialResult {
    /// - Parameter seconds: the trial's share of its lease's compute time.
    init(_ record: TrialRecord, of trial: LeasedTrial, lossRatio: Double?, seconds: Double) {
        let outcome: Outcome =
            switch record.outcome {
            case .done: .done(trainLoss: record.trainLoss, testLoss: record.testLoss)
            case .diverged: .diverged
            }
        self.init(
            key: trial.key, attempt: trial.attempt, outcome: outcome, epochs: record.epochs, lossRatio: lossRatio, digest: record.digest,
            curve: record.curve.map(Wire.CurvePoint.init), series: record.series.map { Wire.Series(name: $0.name, values: $0.values) },
            seconds: seconds)
    }

    init(failure reason: String, of trial: LeasedTrial) {
        self.init(
            key: trial.key, attempt: trial.attempt, outcome: .failed(reason: reason), epochs: 0, lossRatio: nil, digest: nil, curve: [],
            seconds: 0)
    }
}

extension Wire.CurvePoint {
    init(_ point: Compute.CurvePoint) { self.init(epoch: point.epoch, trainLoss: point.trainLoss, testLoss: point.testLoss) }
}

extension TrialRecord {
    /// SHA-256 of outcome, epochs, final losses, curve, final parameters and series, each number as its 8 big-endian bytes.
    var digest: Digest { Digest(of: canonicalBytes) }

    var canonicalBytes: [UInt8] { bits.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } } }
}

/// What a build has to agree on with every other: SHA-256 over the bits of the self-test trials.
func selfTestDigest() -> Digest { Digest(of: selfTestRecords().flatMap(\.canonicalBytes)) }
