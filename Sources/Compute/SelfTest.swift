// SelfTest.swift · Compute. A few small groups of every problem, whose bits every build must agree on, on every processor.
// The worker hashes them and says so in its Hello; a build that computes others is refused (Docs/numerics.md, "Self-test").

/// Some records of each problem. Takes a few hundredths of a second.
public func selfTestRecords() -> [[TrialRecord]] {
    do {
        return [try diagonalNetworkRecords(), try landscapeRecords(), try convolutionalNetworkRecords()]
    } catch { preconditionFailure("the self-test's own plan was refused: \(error)") }
}

private func records<P: Problem>(
    _ problem: P, initialization: Int = 1, trainingSet: Int = 3, _ lanes: [Lane]
) throws(PlanError) -> [TrialRecord] {
    let coordinates = Coordinates(seed: 2026, trainingSet: trainingSet, initialization: initialization, replicate: 2)
    return run(try GroupPlan(problem: problem, coordinates: coordinates, lanes: lanes)) { _ in .goOn } ?? []
}

/// Of both precisions, with sides that are no multiple of a register block, batches of 1 and 2, more lanes than one vector has, and one
/// lane that diverges.
private func diagonalNetworkRecords() throws(PlanError) -> [TrialRecord] {
    var all: [TrialRecord] = []
    let strengths = (0..<18).map { Double($0) / 256 }
    let lanes =
        strengths.map { Lane(lambda1: $0, lambda2: $0 / 2, learningRate: 1.0 / 128) } + [Lane(lambda1: 0, lambda2: 1e6, learningRate: 1)]
    for (precision, batchSize) in [(Precision.float32, 1), (.float32, 2), (.float64, 1), (.float64, 2)] {
        let problem = try DiagonalNetwork(
            dimension: 23, samples: 14, nonzero: 3, initializationScale: 0.25, batchSize: batchSize, epochs: 12, precision: precision)
        all += try records(problem, lanes)
    }
    return all
}

/// Of every algorithm, with and without penalties.
private func landscapeRecords() throws(PlanError) -> [TrialRecord] {
    var lanes: [Lane] = []
    for algorithm in Algorithm.allCases {
        for lambda1 in [0, 1.0 / 1024] {
            lanes.append(Lane(algorithm: algorithm, lambda1: lambda1, lambda2: algorithm == .sgd ? lambda1 : 0, learningRate: 0.125))
        }
    }
    return try records(Landscape(epochs: 30), initialization: 42, lanes)
}

/// With and without Reg2, at a batch that is no multiple of a tile of rows.
private func convolutionalNetworkRecords() throws(PlanError) -> [TrialRecord] {
    var state: UInt32 = 2026
    func images(_ count: Int) throws(PlanError) -> ImageSet {
        let pixels = (0..<count * ImageSet.pixels).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(state >> 24)
        }
        return try ImageSet(images: pixels, labels: (0..<count).map { UInt8($0 * 7 % ImageSet.classes) })
    }
    let problem = try ConvolutionalNetwork(train: images(21), test: images(5), samples: 21, batchSize: 7, epochs: 2)
    return try records(problem, trainingSet: 0, [0, 1.0 / 64].map { Lane(lambda1: 0, lambda2: $0, learningRate: 0.125) })
}
