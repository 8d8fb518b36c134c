// Translation.swift · Worker, between Wire and Compute. The one place that knows both vocabularies: a lease's words become a
// plan for the kernels, and the kernels' records become results. Pure; the kernels never see a message.

internal import Compute
internal import Wire

/// Why a lease cannot be computed here. The coordinator records it as the trials' failure.
struct TranslationError: Error, Equatable, CustomStringConvertible {
    let description: String
}

extension GroupPlan where P == DiagonalNetwork {
    /// - Throws: `TranslationError` for a problem, an algorithm or a parameter that this build does not know.
    init(_ lease: Lease) throws(TranslationError) {
        let group = lease.group
        guard group.problem == "diagonal-network" else {
            throw TranslationError(description: "this worker knows no problem \(group.problem)")
        }
        let parameters = ParameterReader(group.parameters)
        let precisionName = try parameters.text("precision")
        guard let precision = Precision(rawValue: precisionName) else {
            throw TranslationError(description: "this worker knows no precision \(precisionName)")
        }
        let problem: DiagonalNetwork
        do {
            problem = try DiagonalNetwork(
                dimension: parameters.integer("dimension"), samples: parameters.integer("samples"), nonzero: parameters.integer("nonzero"),
                signalVariance: parameters.real("signal_variance"), noiseVariance: parameters.real("noise_variance"),
                initializationScale: parameters.real("initialization_scale"), batchSize: parameters.integer("batch_size"),
                epochs: parameters.integer("epochs"), precision: precision)
        } catch let error as TranslationError { throw error } catch { throw TranslationError(description: "\(error)") }
        var lanes: [Lane] = []
        for trial in lease.trials {
            guard trial.setting.algorithm == "sgd" else {
                throw TranslationError(description: "\(group.problem) knows no algorithm \(trial.setting.algorithm)")
            }
            lanes.append(
                Lane(lambda1: trial.setting.lambda1, lambda2: trial.setting.lambda2, learningRate: trial.setting.learningRate))
        }
        do {
            try self.init(
                problem: problem,
                coordinates: Coordinates(
                    seed: group.seed, trainingSet: group.trainingSet, initialization: group.initialization, repetition: group.repetition),
                lanes: lanes)
        } catch { throw TranslationError(description: "\(error)") }
    }
}

/// Takes a problem's parameters by name and type. A missing one means that coordinator and worker are of different builds.
private struct ParameterReader {
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
            curve: record.curve.map(Wire.CurvePoint.init), seconds: seconds)
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
    /// SHA-256 of outcome, epochs, final losses, curve and final parameters, each number as its 8 big-endian bytes.
    var digest: Digest { Digest(of: canonicalBytes) }

    var canonicalBytes: [UInt8] { bits.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } } }
}

/// What a build has to agree on with every other: SHA-256 over the bits of the self-test trials.
func selfTestDigest() -> Digest { Digest(of: selfTestRecords().flatMap(\.canonicalBytes)) }
