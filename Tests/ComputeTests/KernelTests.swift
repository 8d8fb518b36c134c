// KernelTests.swift · Tests/ComputeTests. One trial, one sequence of bits: whatever the kernel, the width, the company and the order
// of lanes.

import Testing
import Vocabulary

@testable import Compute

/// Trains by one kernel in the mode that `run` sets.
func records(_ problem: DiagonalNetwork, _ lanes: [Lane], by kernel: KernelChoice, at coordinates: Coordinates = .some) -> [TrialRecord] {
    withFlushedDenormals { problem.train(lanes, at: coordinates, kernel: kernel) { _ in .goOn } }!
}

extension Coordinates {
    static let some = Coordinates(seed: 11, trainingSet: 2, initialization: 1, replicate: 3)
}

/// Baseline, penalised, over the cliff after some epochs, over it at once, and with constants that overflow: 19 in all.
let nineteenLanes: [Lane] =
    (0..<14).map { (n: Int) -> Lane in
        Lane(lambda1: Double(n % 5) / 512, lambda2: Double(n % 7) / 256, learningRate: Double(n + 1) / 512)
    } + [
        Lane(lambda1: 0, lambda2: 0.5, learningRate: 0.05), Lane(lambda1: 0, lambda2: 1e6, learningRate: 1),
        Lane(lambda1: 1e300, lambda2: 0, learningRate: 0.01), Lane(lambda1: 0, lambda2: 1e308, learningRate: 0.01),
        Lane(lambda1: 0.015625, lambda2: 0.0078125, learningRate: 0.015625),
    ]

@Suite("Kernels") struct KernelTests {
    @Test(
        "every width gives the bits of the reference kernel at sizes that fill no register block", arguments: Precision.allCases,
        [(1, 1, 1), (3, 2, 1), (3, 2, 2), (5, 5, 1), (6, 4, 2), (7, 11, 1), (11, 9, 3), (4, 6, 6)])
    func sizes(precision: Precision, shape: (dimension: Int, samples: Int, batchSize: Int)) throws {
        let problem = try DiagonalNetwork(
            dimension: shape.dimension, samples: shape.samples, nonzero: 1, initializationScale: 0.5, batchSize: shape.batchSize, epochs: 2,
            precision: precision)
        #expect(disagreements(problem, counts: [19]) == [])
    }

    @Test("and with 1 to 19 lanes", arguments: Precision.allCases) func counts(precision: Precision) throws {
        let problem = try DiagonalNetwork(dimension: 2, samples: 3, nonzero: 1, initializationScale: 0.5, epochs: 2, precision: precision)
        #expect(disagreements(problem, counts: Array(1...19)) == [])
    }

    @Test(
        "and where numbers are so small that products are flushed to zeros of either sign",
        arguments: [(Precision.float32, 1e-38), (.float32, 1e-19), (.float64, 3e-308), (.float64, 1e-154)], [1, 2])
    func zeros(small: (precision: Precision, scale: Double), batchSize: Int) throws {
        let problem = try DiagonalNetwork(
            dimension: 3, samples: 2, nonzero: 0, noiseVariance: 0, initializationScale: small.scale, batchSize: batchSize, epochs: 2,
            precision: small.precision)
        for seed in 0..<8 as Range<UInt64> { #expect(disagreements(problem, counts: [3], seed: seed) == []) }
    }

    /// Kernels and numbers of lanes with other bits than the reference kernel's.
    private func disagreements(_ problem: DiagonalNetwork, counts: [Int], seed: UInt64 = 11) -> [String] {
        let coordinates = Coordinates(seed: seed, trainingSet: 2, initialization: 1, replicate: 3)
        let expected = records(problem, nineteenLanes, by: .reference, at: coordinates).map(\.bits)
        var found: [String] = []
        for kernel in [KernelChoice.wide4, .wide8, .wide16] {
            for count in counts {
                let bits = records(problem, Array(nineteenLanes.prefix(count)), by: kernel, at: coordinates).map(\.bits)
                if bits != Array(expected.prefix(count)) { found.append("\(kernel) with \(count) lanes, seed \(seed)") }
            }
        }
        return found
    }

    @Test("a trial's record is the same alone, in any company and in any order", arguments: Precision.allCases)
    func company(precision: Precision) throws {
        let problem = try DiagonalNetwork(
            dimension: 4, samples: 2, nonzero: 3, initializationScale: 0.3, batchSize: 2, epochs: 3, precision: precision)
        func bits(_ lanes: [Lane]) -> [[UInt64]] {
            run(GroupPlan(problem, Coordinates.some, unchecked: lanes)) { _ in .goOn }!.map(\.bits)
        }
        let alone = nineteenLanes.map { bits([$0])[0] }
        #expect(bits(nineteenLanes) == alone)
        #expect(bits(nineteenLanes.reversed()) == alone.reversed())
        #expect(bits(nineteenLanes + nineteenLanes) == alone + alone)
        #expect(bits([]) == [])
        var random = RandomStream(seed: 3, for: .audit)
        for _ in 0..<5 {
            let order = random.nextPermutation(of: nineteenLanes.count).prefix(11)
            #expect(bits(order.map { nineteenLanes[$0] }) == order.map { alone[$0] })
        }
    }

    @Test("a lane that diverges says when, keeps what it had and leaves its neighbours as they are", arguments: KernelChoice.allCases)
    func divergence(kernel: KernelChoice) throws {
        let problem = try DiagonalNetwork(dimension: 9, samples: 8, nonzero: 2, initializationScale: 0.3, epochs: 60)
        let calm = (0..<15).map { Lane(lambda1: Double($0) / 4096, lambda2: Double($0) / 4096, learningRate: 1.0 / 128) }
        // The first is just over the cliff, λ2 ≈ 1/(η h²), and falls in the third epoch; the second falls at once.
        let falling = [Lane(lambda1: 0, lambda2: 1, learningRate: 0.02), Lane(lambda1: 0, lambda2: 1e6, learningRate: 1)]
        let all = records(problem, [falling[0]] + calm + [falling[1]], by: kernel)
        #expect(all[1...15].map(\.bits) == records(problem, calm, by: kernel).map(\.bits))
        #expect(all[1...15].allSatisfy { $0.outcome == .done && $0.epochs == 60 && $0.curve.count == 30 && $0.parameterBits.count == 18 })
        let nan = Double.nan.bitPattern
        #expect(all[16].bits == [1, 1, nan, nan, 0])
        let late = all[0]
        #expect(late.outcome == .diverged && late.trainLoss.isNaN && late.testLoss.isNaN && late.parameterBits == [])
        #expect(late.epochs == 3 && late.curve.map(\.epoch) == [2])
        #expect(late.curve.allSatisfy { $0.trainLoss.isFinite && $0.testLoss.isFinite })
    }
}
