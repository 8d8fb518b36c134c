import Compute
let problem = try DiagonalNetwork(initializationScale: 0.2)
var lanes = [Lane(lambda1: 0, lambda2: 0, learningRate: 0.01)]
for k in 1..<91 { lanes.append(Lane(lambda1: Double(k) * 1e-4, lambda2: Double(k) * 1e-4, learningRate: 0.01)) }
for _ in 0..<3 {
    let plan = try GroupPlan(
        problem: problem, coordinates: Coordinates(seed: 1, trainingSet: 0, initialization: 0, repetition: 0), lanes: lanes)
    let clock = ContinuousClock()
    let start = clock.now
    let records = run(plan) { _ in .goOn }!
    print(start.duration(to: clock.now), records[0].testLoss, records[90].testLoss, records.count { $0.outcome == .diverged })
}
