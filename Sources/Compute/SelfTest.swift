// SelfTest.swift · Compute. A few small groups whose bits every build must agree on, on every processor.
// The worker hashes them and says so in its Hello; a build that computes others is refused (Docs/numerics.md, "Self-test").

/// Trials of both precisions, with sides that are no multiple of a register block, batches of 1 and 2, more lanes than one vector
/// has, and one lane that diverges. Takes a few milliseconds.
public func selfTestRecords() -> [TrialRecord] {
    var records: [TrialRecord] = []
    for (precision, batchSize) in [(Precision.float32, 1), (.float32, 2), (.float64, 1), (.float64, 2)] {
        let strengths = (0..<18).map { Double($0) / 256 }
        let lanes = strengths.map { Lane(lambda1: $0, lambda2: $0 / 2, learningRate: 1.0 / 128) }
        do {
            let problem = try DiagonalNetwork(
                dimension: 23, samples: 14, nonzero: 3, initializationScale: 0.25, batchSize: batchSize, epochs: 12, precision: precision)
            let plan = try GroupPlan(
                problem: problem, coordinates: Coordinates(seed: 2026, trainingSet: 3, initialization: 1, repetition: 2),
                lanes: lanes + [Lane(lambda1: 0, lambda2: 1e6, learningRate: 1)])
            records += run(plan) { _ in .goOn } ?? []
        } catch { preconditionFailure("the self-test's own plan was refused: \(error)") }
    }
    return records
}
