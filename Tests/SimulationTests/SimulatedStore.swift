// SimulatedStore.swift · Tests/SimulationTests. What the store promises the scheduler, without a disk; and what every trial results in.

import Wire

@testable import regsweep

/// Durable results. A real result takes the place of a failure; anything else that comes again changes nothing.
struct SimulatedStore {
    private(set) var rows: [TrialKey: TrialResult] = [:]
    /// How often a result of each trial was written with effect.
    private(set) var writes: [TrialKey: Int] = [:]
    /// A fault to be found: a store without a unique constraint.
    var acceptsRepeats = false
    var epoch: UInt64 = 0
    private(set) var checkpoints: [TrialKey: Checkpoint] = [:]

    mutating func put(_ deliveries: [Scheduler.Delivery]) {
        for result in deliveries.flatMap(\.results) {
            let old = rows[result.key]
            guard acceptsRepeats || old == nil || (old!.isFailure && !result.isFailure) else { continue }
            rows[result.key] = result
            if !result.isFailure {
                writes[result.key, default: 0] += 1
                checkpoints[result.key] = nil
            }
        }
    }

    /// The newest of each trial that has no result.
    mutating func put(_ new: [Checkpoint]) {
        for checkpoint in new where rows[checkpoint.key]?.isFailure ?? true {
            if checkpoint.epoch > checkpoints[checkpoint.key]?.epoch ?? 0 { checkpoints[checkpoint.key] = checkpoint }
        }
    }

    var counts: Scheduler.Counts {
        var counts = Scheduler.Counts()
        for row in rows.values { counts.count(row.outcome) }
        return counts
    }
}

/// A small sweep whose trials' results are a function of their keys.
struct SampleSweep: Sendable {
    static let groups = 8, settings = 7

    /// Trials of a second that share leases; and trials that have a lease each, read files and make checkpoints.
    static let short = SampleSweep(problem: "diagonal-network", files: [])
    static let long = SampleSweep(
        problem: "convolutional-network", files: [Array(repeating: 7, count: 250), [1], Array(0..<200), Array(repeating: 9, count: 100)])

    /// Of a trial of the long sweep.
    static let epochs = 10
    /// Bytes of a chunk: three of them carry the largest file.
    static let chunkBytes = 100

    let grid: Grid
    let keys: [TrialKey]
    let files: [Digest: [UInt8]]
    /// Of an undisturbed run.
    let expected: [TrialKey: TrialResult]

    private init(problem: String, files: [[UInt8]]) {
        var parameters: [String: ParameterValue] = files.isEmpty ? [:] : ["epochs": .integer(Self.epochs)]
        for (name, file) in zip(["training_images", "training_labels", "test_images", "test_labels"], files) {
            parameters[name] = .text(Digest(of: file).description)
        }
        let grid = Grid(
            SweepSpec(
                name: "sample", seed: 7, problem: problem, parameters: parameters, perInitialization: [:], trainingSets: Self.groups,
                initializations: 1, repeats: 1,
                settings: (0..<Self.settings).map { Setting(algorithm: "sgd", lambda1: Double($0), lambda2: 0, learningRate: 0.5) },
                curves: [], figure: FigureSpec(title: "sample"), warnings: []))
        self.grid = grid
        keys = (0..<grid.count).map(grid.key(of:))
        self.files = Dictionary(uniqueKeysWithValues: files.map { (Digest(of: $0), $0) })
        expected = Dictionary(
            uniqueKeysWithValues: keys.map { ($0, Self.lasting(Self.result(of: $0, attempt: 0, seconds: 0))) })
    }

    /// - Returns: done, or diverged for one in eight.
    static func result(of key: TrialKey, attempt: Int, seconds: Double) -> TrialResult {
        let loss = Double(key.high % 1000) + 1
        return TrialResult(
            key: key, attempt: attempt, outcome: key.low % 8 == 0 ? .diverged : .done(trainLoss: loss, testLoss: 2 * loss), epochs: 3,
            lossRatio: nil, digest: Digest(of: "\(key)"), curve: [CurvePoint(epoch: 1, trainLoss: loss, testLoss: 3 * loss)],
            seconds: seconds)
    }

    static func checkpoint(of key: TrialKey, epoch: Int) -> Checkpoint {
        Checkpoint(key: key, epoch: epoch, content: Array("\(key) after \(epoch)".utf8))
    }

    /// What is left of a result when everything is gone that may differ from run to run.
    static func lasting(_ result: TrialResult) -> TrialResult {
        var result = result
        result.attempt = 0
        result.seconds = 0
        return result
    }
}
