// SampleSweep.swift · Tests/SimulationTests. A small sweep whose results are a function of their keys, and what machines that compute wrong
// make of them.

import Vocabulary
import Wire

@testable import regsweep

/// A small sweep whose trials' results are a function of their keys.
struct SampleSweep: Sendable {
    static let groups = 8, settings = 7

    /// Trials of `short` take a second and share leases; those of `long` have a lease each, read files and make checkpoints.
    static let short = SampleSweep(problem: "diagonal-network", files: [])
    static let long = SampleSweep(
        problem: "convolutional-network", files: [Array(repeating: 7, count: 250), [1], Array(0..<200), Array(repeating: 9, count: 100)])

    /// Epochs of a trial of the long sweep.
    static let epochs = 10
    /// Bytes of a file that one frame carries: three frames carry the largest file.
    static let chunkBytes = 100

    let grid: Grid
    let keys: [TrialKey]
    let files: [Digest: [UInt8]]
    /// The results of an undisturbed run.
    let expected: [TrialKey: TrialResult]

    private init(problem: String, files: [[UInt8]]) {
        var parameters: [String: ParameterValue] = files.isEmpty ? [:] : ["epochs": .integer(Self.epochs)]
        for (name, file) in zip(["training_images", "training_labels", "test_images", "test_labels"], files) {
            parameters[name] = .text(Digest(of: file).description)
        }
        let grid = Grid(
            SweepSpec(
                name: "sample", seed: 7, problem: problem, parameters: parameters, perInitialization: [:], trainingSets: Self.groups,
                initializations: 1, replicates: 1,
                settings: (0..<Self.settings).map {
                    Setting(algorithm: "sgd", strengths: [.lambda1: Double($0), .lambda2: 0], learningRate: 0.5)
                },
                curves: [], figure: FigureSpec(title: "sample"), warnings: []))
        self.grid = grid
        keys = (0..<grid.count).map(grid.key(of:))
        self.files = Dictionary(uniqueKeysWithValues: files.map { (Digest(of: $0), $0) })
        expected = Dictionary(
            uniqueKeysWithValues: keys.map { ($0, Self.lasting(Self.result(of: $0, attempt: 0, seconds: 0))) })
    }

    /// - Returns: the right result: diverged for one trial in eight, done for the others.
    static func result(of key: TrialKey, attempt: Int, seconds: Double) -> TrialResult {
        let loss = Double(key.high % 1000) + 1
        return TrialResult(
            key: key, attempt: attempt, outcome: key.low % 8 == 0 ? .diverged : .done(trainLoss: loss, testLoss: 2 * loss), epochs: 3,
            digest: Digest(of: key.bytes), curve: [CurvePoint(epoch: 1, trainLoss: loss, testLoss: 3 * loss)],
            seconds: seconds)
    }

    static let selfTest = Digest(of: "ours")

    static func failure(of trial: LeasedTrial) -> TrialResult {
        TrialResult(
            key: trial.key, attempt: trial.attempt, outcome: .failed(reason: "no memory"), epochs: 0, digest: nil,
            curve: [],
            seconds: 0)
    }

    /// The result of a machine that computes wrong and does not notice.
    static func corrupted(_ result: TrialResult, by number: Int) -> TrialResult {
        var result = result
        if case .done(let train, let test) = result.outcome { result.outcome = .done(trainLoss: train, testLoss: test + 1) }
        result.digest = Digest(of: "\(result.key) by \(number)")
        return result
    }

    static func checkpoint(of key: TrialKey, epoch: Int) -> Checkpoint {
        Checkpoint(key: key, epoch: epoch, content: key.bytes + [UInt8(epoch)])
    }

    /// The part of a result that must not differ from run to run.
    static func lasting(_ result: TrialResult) -> TrialResult {
        var result = result
        result.attempt = 0
        result.seconds = 0
        return result
    }
}
