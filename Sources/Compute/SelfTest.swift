// SelfTest.swift · Compute. Trains a few small groups of every problem, which must give the same bits on every host of a sweep.
// The worker sends their hash in its Hello, and the coordinator refuses another one (Docs/numerics.md, "Self-test").

internal import Vocabulary

/// The records of the self-test trials, one list for each problem. Takes a few hundredths of a second.
public func selfTestRecords() -> [[TrialRecord]] {
    do {
        return [try diagonalNetworkRecords(), try landscapeRecords(), try convolutionalNetworkRecords()]
    } catch { preconditionFailure("the self-test's own plan was refused: \(error)") }
}

private func records<P: Problem>(
    _ problem: P, initialization: Int = 1, trainingSet: Int = 3, _ lanes: [Lane]
) throws(ParameterError) -> [TrialRecord] {
    let coordinates = Coordinates(seed: 2026, trainingSet: trainingSet, initialization: initialization, replicate: 2)
    return run(try GroupPlan(problem: problem, coordinates: coordinates, lanes: lanes)) { _ in .goOn } ?? []
}

/// Trials in both precisions, with sizes that are no multiple of a register block, batches of 1 and 2, more lanes than one vector has, one
/// lane that diverges, and one with momentum.
private func diagonalNetworkRecords() throws(ParameterError) -> [TrialRecord] {
    var all: [TrialRecord] = []
    let strengths = (0..<18).map { Double($0) / 256 }
    let lanes =
        strengths.map { Lane(strengths: [.lambda1: $0, .lambda2: $0 / 2], learningRate: 1.0 / 128) } + [
            Lane(strengths: [.lambda2: 1e6], learningRate: 1),
            Lane(strengths: [.lambda1: 1.0 / 64, .lambda2: 1.0 / 128, .momentum: 0.75], learningRate: 1.0 / 128),
        ]
    for (precision, batchSize) in [(Precision.float32, 1), (.float32, 2), (.float64, 1), (.float64, 2)] {
        let problem = DiagonalNetwork(
            try DiagonalNetwork.declaration.configuration(overriding: [
                "dimension": 23, "samples": 14, "nonzero": 3, "initialization_scale": 0.25, "batch_size": .integer(batchSize), "epochs": 12,
                "precision": .text(precision.rawValue),
            ]))
        all += try records(problem, lanes)
    }
    return all
}

/// Trials of every algorithm, with and without penalties, and one with momentum.
private func landscapeRecords() throws(ParameterError) -> [TrialRecord] {
    var lanes: [Lane] = []
    for algorithm in Algorithm.allCases {
        for lambda1 in [0, 1.0 / 1024] {
            let lambda2 = algorithm == .sgd ? lambda1 : 0
            lanes.append(Lane(algorithm: algorithm, strengths: [.lambda1: lambda1, .lambda2: lambda2], learningRate: 0.125))
        }
    }
    lanes.append(Lane(algorithm: .sgd, strengths: [.momentum: 0.75], learningRate: 0.125))
    let problem = Landscape(try Landscape.declaration.configuration(overriding: ["epochs": 30]))
    return try records(problem, initialization: 42, lanes)
}

/// With and without Reg2, at a batch that is no multiple of a tile of rows.
private func convolutionalNetworkRecords() throws(ParameterError) -> [TrialRecord] {
    var state: UInt32 = 2026
    func images(_ count: Int) throws(ParameterError) -> ImageSet {
        let pixels = (0..<count * ImageFormat.pixels).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(state >> 24)
        }
        return try ImageSet(images: pixels, labels: (0..<count).map { UInt8($0 * 7 % ImageFormat.classes) })
    }
    // The images are given, so the files may have any name.
    let file = ParameterValue.text(String(repeating: "0", count: 2 * Digest.byteCount))
    let configuration = try ConvolutionalNetwork.declaration.configuration(overriding: [
        "training_images": file, "training_labels": file, "test_images": file, "test_labels": file, "samples": 21, "batch_size": 7,
        "epochs": 2,
    ])
    let problem = try ConvolutionalNetwork(configuration, train: images(21), test: images(5))
    let lanes = [0, 1.0 / 64].map { Lane(strengths: [.lambda2: $0, .weightDecay: 0.01], learningRate: 0.125) }
    return try records(problem, trainingSet: 0, lanes)
}
