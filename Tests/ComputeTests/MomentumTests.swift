// MomentumTests.swift · Tests/ComputeTests. Momentum in both kernels of the diagonal network and of the landscape: the same bits, the heavy
// ball of Docs/numerics.md written out step by step, no effect on neighbours without it, and the range that is allowed.

import Testing
import Vocabulary

@testable import Compute

/// 19 lanes of the diagonal network, more than the widest vector has: two of three with momentum, with either penalty, both or none. The
/// last but one falls over the cliff.
private let mixed: [Lane] =
    (0..<17).map { (n: Int) -> Lane in
        Lane(
            lambda1: Double(n % 4) / 512, lambda2: Double(n % 5) / 256, momentum: [0, 0.5, 0.9][n % 3], learningRate: Double(n + 1) / 16384)
    } + [
        Lane(lambda1: 0, lambda2: 1e6, momentum: 0.9, learningRate: 1), Lane(lambda1: 0, lambda2: 0, momentum: 0.99, learningRate: 0.001),
    ]

/// Every algorithm of the landscape, with momentum and without; the last becomes NaN.
private let mixedOnLandscape: [Lane] =
    Algorithm.allCases.flatMap { algorithm in
        [0, 0.5, 0.9].map { momentum in
            Lane(
                algorithm: algorithm, lambda1: momentum / 512, lambda2: algorithm == .sgd ? 0.002 : 0, momentum: momentum,
                learningRate: 0.125)
        }
    } + [Lane(lambda1: 1e308, lambda2: 1e308, momentum: 0.5, learningRate: 0.4)]

private let grid = Coordinates(seed: 11, trainingSet: 2, initialization: 41, replicate: 3)

private func records<K: LandscapeKernel>(
    _ problem: Landscape, _ lanes: [Lane], by kernel: K.Type, at coordinates: Coordinates = grid
) -> [TrialRecord] {
    withFlushedDenormals { problem.train(lanes, at: coordinates, by: kernel) { _ in .goOn } }!
}

extension Lane {
    /// The same lane as the kernels knew it before there was momentum.
    fileprivate var withoutMomentum: Lane {
        var lane = self
        lane.strengths[.momentum] = 0
        return lane
    }
}

@Suite("Momentum: bits") struct MomentumBitTests {
    @Test("every width of the diagonal network gives the bits of the reference kernel", arguments: Precision.allCases, [1, 2, 6])
    func network(precision: Precision, batchSize: Int) throws {
        let problem = try DiagonalNetwork(
            dimension: 7, samples: 6, nonzero: 2, initializationScale: 0.4, batchSize: batchSize, epochs: 12, precision: precision)
        let expected = records(problem, mixed, by: .reference)
        #expect(expected[17].outcome == .diverged && expected.indices.allSatisfy { $0 == 17 || expected[$0].outcome == .done })
        for kernel in [KernelChoice.wide4, .wide8, .wide16] {
            #expect(records(problem, mixed, by: kernel).map(\.bits) == expected.map(\.bits), "\(kernel)")
        }
    }

    @Test("eight lanes of the landscape give the bits of the plain form, whatever the algorithm") func landscape() throws {
        let problem = try Landscape(candidates: 12, samples: 9, batchSize: 3, epochs: 60, learningRateDecay: 0.97)
        let expected = records(problem, mixedOnLandscape, by: LandscapeReferenceKernel.self)
        #expect(expected.map { $0.outcome == .diverged } == mixedOnLandscape.map { $0.lambda1 == 1e308 })
        #expect(records(problem, mixedOnLandscape, by: LandscapeLaneKernel.self).map(\.bits) == expected.map(\.bits))
    }

    @Test("momentum moves every trial that has it, and each strength in its own way") func moves() throws {
        let network = try DiagonalNetwork(dimension: 7, samples: 6, nonzero: 2, initializationScale: 0.4, epochs: 12)
        let landscape = try Landscape(candidates: 12, samples: 9, epochs: 60)
        let lanes = [0, 0.1, 0.5, 0.9].map { Lane(lambda1: 0.001, lambda2: 0.001, momentum: $0, learningRate: 0.01) }
        #expect(Set(records(network, lanes, by: .wide16).map(\.bits)).count == 4)
        #expect(Set(records(landscape, lanes, by: LandscapeLaneKernel.self).map(\.bits)).count == 4)
    }

    @Test("a lane without momentum has the bits that it has in a group without, and −0 is no momentum", arguments: Precision.allCases)
    func neighbours(precision: Precision) throws {
        let problem = try DiagonalNetwork(
            dimension: 7, samples: 6, nonzero: 2, initializationScale: 0.4, batchSize: 2, epochs: 12, precision: precision)
        let landscape = try Landscape(candidates: 12, samples: 9, epochs: 60)
        func still(_ lanes: [Lane]) -> [Int] { lanes.indices.filter { lanes[$0].strengths[.momentum] == 0 } }
        for kernel in KernelChoice.allCases {
            let (found, expected) = (records(problem, mixed, by: kernel), records(problem, mixed.map(\.withoutMomentum), by: kernel))
            #expect(still(mixed).count == 6)
            for lane in still(mixed) { #expect(found[lane].bits == expected[lane].bits, "\(kernel), lane \(lane)") }
        }
        let found = records(landscape, mixedOnLandscape, by: LandscapeLaneKernel.self)
        let expected = records(landscape, mixedOnLandscape.map(\.withoutMomentum), by: LandscapeLaneKernel.self)
        #expect(still(mixedOnLandscape).count == 4)
        for lane in still(mixedOnLandscape) { #expect(found[lane].bits == expected[lane].bits, "lane \(lane)") }
        let negative = Lane(lambda1: 0.001, lambda2: 0, momentum: -0.0, learningRate: 0.01)
        #expect(negative == negative.withoutMomentum)
    }

    @Test("a trial with momentum has the same record alone, in any company and in any order") func company() throws {
        let problem = try DiagonalNetwork(dimension: 4, samples: 2, nonzero: 3, initializationScale: 0.3, batchSize: 2, epochs: 5)
        let landscape = try Landscape(candidates: 6, samples: 5, epochs: 20)
        func check<P: Problem>(_ problem: P, _ lanes: [Lane], _ coordinates: Coordinates) {
            func bits(_ lanes: [Lane]) -> [[UInt64]] {
                run(GroupPlan(problem, coordinates, unchecked: lanes)) { _ in .goOn }!.map(\.bits)
            }
            let alone = lanes.map { bits([$0])[0] }
            #expect(bits(lanes) == alone)
            #expect(bits(lanes.reversed()) == alone.reversed())
        }
        check(problem, mixed, .some)
        check(landscape, mixedOnLandscape, grid)
    }

    @Test("trials of both problems are too short for checkpoints: none is offered, and none is taken") func noCheckpoints() throws {
        func check<P: Problem>(_ problem: P, _ coordinates: Coordinates) throws {
            let lane = Lane(lambda1: 0, lambda2: 0, momentum: 0.9, learningRate: 0.01)
            let plan = try GroupPlan(problem: problem, coordinates: coordinates, lanes: [lane])
            var offered = 0
            _ = try run(plan, from: [nil], goOn: { .goOn }) { end in
                if end.checkpoint(ofLane: 0) != nil { offered += 1 }
                return .goOn
            }
            #expect(offered == 0 && !P.declaration.isLong)
            let state = TrainingState(epochs: 2, parameters: [], curve: [], series: [])
            let refusal = ParameterError("checkpoint", "found after 2 epochs, allowed is left out with \(P.name)")
            #expect(throws: refusal) { try run(plan, from: [state], goOn: { .goOn }) { _ in .goOn } }
        }
        try check(DiagonalNetwork(dimension: 4, samples: 2, nonzero: 3, initializationScale: 0.3, epochs: 5), .some)
        try check(Landscape(candidates: 6, samples: 5, epochs: 5), grid)
    }
}

@Suite("Momentum: the heavy ball") struct HeavyBallTests {
    /// v ← g + μv, θ ← θ − ηv, from v = 0, with the gradients of a kernel that knows no momentum: its own are tested elsewhere.
    @Test("a trial of the diagonal network is the heavy ball over the gradients of loss and penalties", arguments: [1, 3])
    func network(batchSize: Int) throws {
        let problem = try DiagonalNetwork(
            dimension: 5, samples: 6, nonzero: 2, initializationScale: 0.4, batchSize: batchSize, epochs: 9, precision: .float64)
        let lane = Lane(lambda1: 0.002, lambda2: 0.003, momentum: 0.8, learningRate: 0.004)
        let data = DiagonalNetworkData(problem, at: .some)
        var plain = PlainProblem(
            inputs: (0..<6).map { Array(data.inputs[$0 * 5..<($0 + 1) * 5]) }, labels: data.labels, batch: [])
        var theta = DiagonalNetworkData.initialParameters(problem, at: .some)
        var velocity = theta.map { _ in 0.0 }
        var losses: [(train: Double, test: Double)] = []
        for epoch in 0..<9 {
            let order = DiagonalNetworkData.batchOrder(problem, at: .some, epoch: epoch)
            for first in stride(from: 0, to: 6, by: batchSize) {
                plain.batch = Array(order[first..<first + batchSize])
                let gradient = plain.gradient(ReferenceKernel<Double>.self, at: theta, lambda1: 0.002, lambda2: 0.003)
                for j in theta.indices {
                    velocity[j] = gradient[j] + 0.8 * velocity[j]
                    theta[j] -= 0.004 * velocity[j]
                }
            }
            plain.batch = Array(0..<6)
            let distance = (0..<5).map { theta[$0] * theta[5 + $0] - data.truth[$0] }.reduce(0) { $0 + $1 * $1 }
            losses.append((plain.loss(theta), distance + data.noiseVariance))
        }
        let record = records(problem, [lane], by: .wide8)[0]
        #expect(record.curve.count == 9)
        for (point, expected) in zip(record.curve, losses) {
            #expect((point.trainLoss / expected.train - 1).magnitude < 1e-10 && (point.testLoss / expected.test - 1).magnitude < 1e-10)
        }
        #expect(relativeError(record.parameterBits.map { Double(bitPattern: $0) }, theta) < 1e-10)
    }

    /// The gradients are those of the plain form; what a step makes of them is written out here: v ← g + μv, θ ← clip(θ − ηv), η ← δη.
    @Test("a trial of the landscape is the heavy ball, clipped to the domain", arguments: [Algorithm.sgd, .gd])
    func landscape(algorithm: Algorithm) throws {
        let problem = try Landscape(candidates: 6, samples: 5, batchSize: 3, epochs: 40, learningRateDecay: 0.97)
        let lambda2 = algorithm == .sgd ? 0.002 : 0
        let lane = Lane(algorithm: algorithm, lambda1: 0.001, lambda2: lambda2, momentum: 0.7, learningRate: 0.05)
        // Near the minimum, where the landscape is steep.
        let coordinates = Coordinates(seed: 11, trainingSet: 2, initialization: 77, replicate: 3)
        let data = LandscapeData(problem, at: coordinates)
        var theta = LandscapeData.start(problem, at: coordinates)
        var velocity = SIMD2<Double>(), rate = 0.05
        var losses: [(train: Double, test: Double)] = []
        let probe = 0x1p-20
        for iteration in 0..<40 {
            // −(θ after − θ) ÷ η of one short step without momentum, from a point where it is not clipped.
            let inside = theta.clamped(lowerBound: SIMD2(repeating: 1e-3), upperBound: SIMD2(repeating: LandscapeDomain.side - 1e-3))
            #expect(inside == theta)
            var still = lane.withoutMomentum
            still.learningRate = probe
            var kernel = LandscapeReferenceKernel(data, [LandscapeStep(still, deviation: 0)], decay: 1, start: theta)
            kernel.evaluate()
            kernel.step(LandscapeData.draw(problem, at: coordinates, iteration: iteration))
            let gradient = (theta - kernel.parameters(ofLane: 0)) / probe
            velocity = gradient + 0.7 * velocity
            theta -= rate * velocity
            theta.clamp(lowerBound: SIMD2(), upperBound: SIMD2(repeating: LandscapeDomain.side))
            rate *= 0.97
            losses += LandscapeReferenceKernel(data, [LandscapeStep(lane, deviation: 0)], decay: 1, start: theta).losses()
        }
        let record = records(problem, [lane], by: LandscapeLaneKernel.self, at: coordinates)[0]
        let found = record.parameterBits.map { Double(bitPattern: $0) }
        // A gradient is a difference of numbers near 8 that is divided by 2⁻²⁰: 1e-9 of rounding in each of 40.
        #expect((found[0] - theta.x).magnitude < 1e-6 && (found[1] - theta.y).magnitude < 1e-6)
        #expect(record.curve.count == 40)
        for (point, expected) in zip(record.curve, losses) {
            #expect((point.trainLoss - expected.train).magnitude < 1e-5 && (point.testLoss - expected.test).magnitude < 1e-5)
        }
        // It has moved, and momentum has moved it elsewhere.
        let other = records(problem, [lane.withoutMomentum], by: LandscapeLaneKernel.self, at: coordinates)[0]
        #expect(zip(record.curve, other.curve).contains { ($0.testLoss - $1.testLoss).magnitude > 0.1 })
    }
}

@Suite("Momentum: what is refused") struct MomentumPlanTests {
    private func refusal(_ make: () throws(ParameterError) -> some Any) -> ParameterError? {
        do {
            _ = try make()
            return nil
        } catch { return error }
    }

    private func complaint<P: Problem>(_ problem: P, _ lane: Lane) -> ParameterError? {
        refusal { () throws(ParameterError) in
            try GroupPlan(
                problem: problem, coordinates: Coordinates(seed: 1, trainingSet: 0, initialization: 0, replicate: 0), lanes: [lane])
        }
    }

    @Test("momentum is 0 or more and below 1", arguments: [-0.1, 1, 1.5, .infinity, .nan]) func range(momentum: Double) throws {
        let lane = Lane(lambda1: 0, lambda2: 0, momentum: momentum, learningRate: 0.1)
        let expected = ParameterError("momentum", "found \(momentum), allowed is a number from 0 to below 1")
        #expect(complaint(try DiagonalNetwork(initializationScale: 1), lane) == expected)
        #expect(complaint(try Landscape(), lane) == expected)
        for allowed in [0, .leastNonzeroMagnitude, 1.0.nextDown] {
            #expect(complaint(try Landscape(), Lane(lambda1: 0, lambda2: 0, momentum: allowed, learningRate: 0.1)) == nil)
        }
    }

    @Test("a recorded variability is about steps without memory") func variability() throws {
        let lane = Lane(lambda1: 0, lambda2: 0, momentum: 0.5, learningRate: 0.1)
        #expect(complaint(try Landscape(recording: .variability), lane)?.parameter == "momentum")
        #expect(complaint(try Landscape(recording: .trajectory), lane) == nil)
        let network = try DiagonalNetwork(initializationScale: 1, precision: .float64, recording: .variability)
        #expect(complaint(network, lane)?.parameter == "momentum")
    }
}
