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

    mutating func put(_ deliveries: [Scheduler.Delivery]) {
        for result in deliveries.flatMap(\.results) {
            let old = rows[result.key]
            guard acceptsRepeats || old == nil || (old!.isFailure && !result.isFailure) else { continue }
            rows[result.key] = result
            if !result.isFailure { writes[result.key, default: 0] += 1 }
        }
    }

    var counts: Scheduler.Counts {
        var counts = Scheduler.Counts()
        for row in rows.values { counts.count(row.outcome) }
        return counts
    }
}

/// A small sweep whose trials' results are a function of their keys.
enum SampleSweep {
    static let groups = 8, settings = 7

    static let grid = Grid(
        SweepSpec(
            name: "sample", seed: 7, problem: "diagonal-network", parameters: [:], perInitialization: [:], trainingSets: groups,
            initializations: 1, repeats: 1,
            settings: (0..<settings).map { Setting(algorithm: "sgd", lambda1: Double($0), lambda2: 0, learningRate: 0.5) }, curves: [],
            figure: FigureSpec(title: "sample"), warnings: []))

    static let keys = (0..<grid.count).map(grid.key(of:))

    /// - Returns: done, or diverged for one in eight.
    static func result(of key: TrialKey, attempt: Int, seconds: Double) -> TrialResult {
        let loss = Double(key.high % 1000) + 1
        return TrialResult(
            key: key, attempt: attempt, outcome: key.low % 8 == 0 ? .diverged : .done(trainLoss: loss, testLoss: 2 * loss), epochs: 3,
            lossRatio: nil, digest: digests[key], curve: [CurvePoint(epoch: 1, trainLoss: loss, testLoss: 3 * loss)], seconds: seconds)
    }

    private static let digests = Dictionary(uniqueKeysWithValues: keys.map { ($0, Digest(of: "\($0)")) })

    /// What is left of a result when everything is gone that may differ from run to run.
    static func lasting(_ result: TrialResult) -> TrialResult {
        var result = result
        result.attempt = 0
        result.seconds = 0
        return result
    }

    /// Of an undisturbed run.
    static let expected = Dictionary(uniqueKeysWithValues: keys.map { ($0, lasting(result(of: $0, attempt: 0, seconds: 0))) })
}
