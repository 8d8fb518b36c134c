// RunTests.swift · Tests/ComputeTests. The way in: what a plan refuses, what an observer sees, and the floating-point mode around it.

import Testing
import Vocabulary

@testable import Compute

@Suite("Run: what a plan refuses") struct PlanTests {
    private func network(
        dimension: Int = 4, samples: Int = 6, nonzero: Int = 1, signalVariance: Double = 1, noiseVariance: Double = 1, scale: Double = 0.5,
        batchSize: Int = 1, epochs: Int = 1
    ) throws(ParameterError) -> DiagonalNetwork {
        try DiagonalNetwork(
            dimension: dimension, samples: samples, nonzero: nonzero, signalVariance: signalVariance, noiseVariance: noiseVariance,
            initializationScale: scale, batchSize: batchSize, epochs: epochs)
    }

    private func plan(
        trainingSet: Int = 0, initialization: Int = 0, replicate: Int = 0, lambda1: Double = 0, lambda2: Double = 0, rate: Double = 0.01
    ) throws(ParameterError) -> GroupPlan<DiagonalNetwork> {
        // The bad lane stands behind a good one.
        let lanes = [
            Lane(lambda1: 0, lambda2: 0, learningRate: 0.1), Lane(lambda1: lambda1, lambda2: lambda2, learningRate: rate),
        ]
        return try GroupPlan(
            problem: network(),
            coordinates: Coordinates(seed: 1, trainingSet: trainingSet, initialization: initialization, replicate: replicate),
            lanes: lanes)
    }

    /// `name = value` of the refusal; nil when there is none.
    private func refusal(_ make: @autoclosure () throws(ParameterError) -> some Any) -> String? {
        do {
            _ = try make()
            return nil
        } catch { return error.refusal }
    }

    @Test("a network that fits is taken and the next larger or smaller one is refused by name and value") func networks() {
        #expect(refusal(try network(dimension: 1)) == nil)
        #expect(refusal(try network(dimension: 0)) == "dimension = 0")
        #expect(refusal(try network(dimension: 65_536)) == nil)
        #expect(refusal(try network(dimension: 65_537)) == "dimension = 65537")
        #expect(refusal(try network(dimension: .min)) == "dimension = \(Int.min)")
        #expect(refusal(try network(samples: 1)) == nil)
        #expect(refusal(try network(samples: 0)) == "samples = 0")
        #expect(refusal(try network(samples: 65_536)) == nil)
        #expect(refusal(try network(samples: 65_537)) == "samples = 65537")
        #expect(refusal(try network(dimension: 4096, samples: 4096)) == nil)
        #expect(refusal(try network(dimension: 4096, samples: 4097)) == "samples = 4097")
        #expect(refusal(try network(nonzero: 0)) == nil)
        #expect(refusal(try network(nonzero: -1)) == "nonzero = -1")
        #expect(refusal(try network(nonzero: 4)) == nil)
        #expect(refusal(try network(nonzero: 5)) == "nonzero = 5")
        #expect(refusal(try network(signalVariance: 0, noiseVariance: 0)) == nil)
        #expect(refusal(try network(signalVariance: -0x1p-1000)) == "signal_variance = \(-0x1p-1000)")
        #expect(refusal(try network(signalVariance: .infinity)) == "signal_variance = inf")
        #expect(refusal(try network(signalVariance: .nan)) == "signal_variance = nan")
        #expect(refusal(try network(noiseVariance: -1)) == "noise_variance = -1.0")
        #expect(refusal(try network(noiseVariance: .infinity)) == "noise_variance = inf")
        #expect(refusal(try network(noiseVariance: .nan)) == "noise_variance = nan")
        #expect(refusal(try network(scale: 0x1p-1000)) == nil)
        #expect(refusal(try network(scale: 0)) == "initialization_scale = 0.0")
        #expect(refusal(try network(scale: .infinity)) == "initialization_scale = inf")
        #expect(refusal(try network(scale: .nan)) == "initialization_scale = nan")
        for batchSize in [1, 2, 3, 6] { #expect(refusal(try network(batchSize: batchSize)) == nil) }
        for batchSize in [-1, 0, 4, 5, 7, 12] { #expect(refusal(try network(batchSize: batchSize)) == "batch_size = \(batchSize)") }
        #expect(refusal(try network(epochs: 0)) == "epochs = 0")
        #expect(refusal(try network(epochs: 1_000_000_000)) == nil)
        #expect(refusal(try network(epochs: 1_000_000_001)) == "epochs = 1000000001")
    }

    @Test("coordinates fill their fields and no more; strengths and rates are numbers that can be trained with") func plans() {
        #expect(refusal(try plan(trainingSet: 65_535, initialization: 65_535, replicate: 16_777_215)) == nil)
        #expect(refusal(try plan(trainingSet: 65_536)) == "training_set = 65536")
        #expect(refusal(try plan(trainingSet: -1)) == "training_set = -1")
        #expect(refusal(try plan(initialization: 65_536)) == "initialization = 65536")
        #expect(refusal(try plan(initialization: -1)) == "initialization = -1")
        #expect(refusal(try plan(replicate: 16_777_216)) == "replicate = 16777216")
        #expect(refusal(try plan(replicate: -1)) == "replicate = -1")
        #expect(refusal(try plan(lambda1: 1e6, lambda2: 1e6, rate: 1e308)) == nil)
        for bad in [-0x1p-1000, -.infinity, 1e6.nextUp, .infinity, .nan] {
            #expect(refusal(try plan(lambda1: bad)) == "lambda1 = \(bad)")
            #expect(refusal(try plan(lambda2: bad)) == "lambda2 = \(bad)")
        }
        for bad in [0, -0x1p-1000, -.infinity, .infinity, .nan] { #expect(refusal(try plan(rate: bad)) == "learning_rate = \(bad)") }
    }

    @Test("a refusal says what would be accepted") func description() {
        #expect(
            "\(ParameterError("nonzero", found: 5, allowed: "an integer from 0 to 4"))"
                == "nonzero: found 5, allowed is an integer from 0 to 4")
    }
}

@Suite("Run: what an observer sees") struct ObserveTests {
    private func plan(_ lanes: [Lane], epochs: Int) throws -> GroupPlan<DiagonalNetwork> {
        try GroupPlan(
            problem: DiagonalNetwork(dimension: 4, samples: 2, nonzero: 1, initializationScale: 0.3, epochs: epochs), coordinates: .some,
            lanes: lanes)
    }
    private let calm = Lane(lambda1: 0.01, lambda2: 0.01, learningRate: 0.01)
    private let falling = Lane(lambda1: 0, lambda2: 1e6, learningRate: 1)

    @Test("every point of every curve, when it is made, in order of lane") func observations() throws {
        var seen: [[Observation]] = []
        let baseline = Lane(lambda1: 0, lambda2: 0, learningRate: 0.02)
        let records = run(try plan([calm, falling, baseline], epochs: 103)) {
            seen.append($0)
            return .goOn
        }!
        #expect(records.map(\.outcome) == [.done, .diverged, .done])
        let epochs = Array(stride(from: 3, through: 102, by: 3)) + [103]
        #expect(records[0].curve.map(\.epoch) == epochs)
        #expect(seen == epochs.indices.map { n in [0, 2].map { Observation(lane: $0, point: records[$0].curve[n]) } })
        #expect(records[0].curve.last == CurvePoint(epoch: 103, trainLoss: records[0].trainLoss, testLoss: records[0].testLoss))
    }

    @Test("stop gives the group up at once, even at the last epoch", arguments: [1, 3, 5]) func stop(at call: Int) throws {
        var calls = 0
        let records = run(try plan([calm], epochs: 5)) { _ in
            calls += 1
            return calls == call ? .stop : .goOn
        }
        #expect(records == nil && calls == call)
    }

    @Test("nothing, once all have diverged") func nothing() throws {
        var calls = 0
        let records = run(try plan([falling, falling], epochs: 1_000_000_000)) { _ in
            calls += 1
            return .goOn
        }!
        #expect(records.allSatisfy { $0.outcome == .diverged && $0.epochs < 10 } && records.count == 2 && calls == records[0].curve.count)
    }

    @Test("a curve has at most 50 points, evenly spaced, and always the last") func curveRule() {
        for epochs in 1...700 {
            let rule = CurveRule(epochs: epochs)
            let points = (1...epochs).filter(rule.hasPoint(at:))
            let even = (1...epochs).filter { $0 % rule.stride == 0 }
            #expect(
                points.count <= 50 && points.count >= min(epochs, 25) && points.last == epochs && Array(points.prefix(even.count)) == even)
        }
        #expect([1, 50, 51, 100, 101, 200].map { CurveRule(epochs: $0).stride } == [1, 1, 2, 2, 3, 4])
    }
}

@Suite("Run: floating-point mode") struct ModeTests {
    /// MXCSR: round up, towards zero, flush nothing or everything, with exceptions masked.
    @Test(
        "run flushes denormals, gives its caller's mode back and computes the same in any",
        arguments: [0x1F80, 0x5F80, 0x7F80, 0x9FC0] as [UInt32])
    func mode(callers: UInt32) throws {
        // So small that a result which was not flushed, or was rounded otherwise, moves bits.
        let problem = try DiagonalNetwork(dimension: 3, samples: 2, nonzero: 0, noiseVariance: 0, initializationScale: 1e-38, epochs: 2)
        let plan = GroupPlan(problem, Coordinates.some, unchecked: nineteenLanes)
        let expected = run(plan) { _ in .goOn }!.map(\.bits)

        let before = floatingPointMode()
        var inside: Set<UInt32> = []
        setFloatingPointMode(callers)
        let records = run(plan) { _ in
            inside.insert(floatingPointMode())
            return .goOn
        }!
        let after = floatingPointMode()
        let stopped = run(plan) { _ in .stop }
        let afterStop = floatingPointMode()
        setFloatingPointMode(before)

        #expect(inside == [0x9FC0] && after == callers && afterStop == callers && stopped == nil)
        #expect(records.map(\.bits) == expected)
        // Half of the entries of a and b would be denormal: no bit of one is left.
        let parameters = records[0].parameterBits.map { Float(bitPattern: UInt32($0)) }
        #expect(parameters.contains { $0 == 0 } && parameters.allSatisfy { !$0.isSubnormal })
    }

    @Test("a thread that was told to flush keeps its rounding mode") func flush() {
        let before = floatingPointMode()
        setFloatingPointMode(0x5F80)
        flushDenormals()
        let after = floatingPointMode()
        setFloatingPointMode(before)
        #expect(after == 0xDFC0)
    }
}
