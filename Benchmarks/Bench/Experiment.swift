// Experiment.swift · Benchmarks/Bench. The kernel of the idealized experiment, and the exponential that most of its time goes into.
// Operations are counted in the source: an addition, a product or a division is one, a fused multiply-add is two, and what is done to
// bits or masks is none.

import Compute
import Vocabulary

/// In `exponential` of Compute/Random: 15 fused multiply-adds and 8 others.
private let exponentialFLOP = 38.0

/// Of one candidate in one iteration: for each of two bumps the exponential and 25 around it; then 7 sums over the training set.
private let candidateFLOP = 2 * (exponentialFLOP + 25) + 20

/// Of an iteration besides its candidates, with a batch of 2: means, the two penalties and the update.
private let stepFLOP = 59.0

struct KernelSpeed { var steps: Double, flops: Double }

/// Eight lanes of SGD with both penalties. The training set is so large that it has each of the 30 candidates, and the run so long that
/// its 50 points of curve take no part of it.
func landscapeSpeed() -> KernelSpeed {
    do {
        let epochs = 20_000
        let problem = Landscape(
            try Landscape.declaration.configuration(overriding: ["samples": 4096, "epochs": .integer(epochs)]))
        let lanes = (0..<8).map { Lane(strengths: [.lambda1: Double($0) * 1e-4, .lambda2: Double($0) * 1e-4], learningRate: 0.4) }
        let plan = try GroupPlan(
            problem: problem, coordinates: Coordinates(seed: 1, trainingSet: 0, initialization: 0, replicate: 0), lanes: lanes)
        let steps = Double(lanes.count * epochs) / seconds { _ = run(plan) { _ in .goOn } }
        return KernelSpeed(steps: steps, flops: steps * (Double(problem.candidates) * candidateFLOP + stepFLOP))
    } catch { preconditionFailure("the benchmark's own plan was refused: \(error)") }
}

/// On an array that stays in the first-level cache.
func exponentialSpeed() -> KernelSpeed {
    let exponents = (0..<1_024).map { Double($0) * -0.5 }
    var values = exponents
    let time = seconds {
        for _ in 0..<10_000 {
            values = exponents
            takeExponentials(of: &values)
        }
    }
    guard values[0] == 1 else { preconditionFailure("e⁰ is \(values[0])") }
    let steps = 10_000 * Double(exponents.count) / time
    return KernelSpeed(steps: steps, flops: steps * exponentialFLOP)
}
