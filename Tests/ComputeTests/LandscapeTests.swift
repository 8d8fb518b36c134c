// LandscapeTests.swift · Tests/ComputeTests. The landscape: its data, its steps against plain definitions and independent vectors, and that
// a trial's bits depend on nothing but the trial.

import Foundation
import TestSupport
import Testing
import Vocabulary

@testable import Compute

private func landscape(
    candidates: Int = 30, samples: Int = 30, batchSize: Int = 2, epochs: Int = 12, offset: Double = 36, maximumProbability: Double = 0.35
) throws(ParameterError) -> Landscape {
    try Landscape(
        candidates: candidates, samples: samples, maximumProbability: maximumProbability, offset: offset, batchSize: batchSize,
        epochs: epochs)
}

private let coordinates = Coordinates(seed: 11, trainingSet: 2, initialization: 41, replicate: 3)

/// The table's six, and others: more than one vector, one lane that moves to the border, one that becomes NaN.
private let lanes: [Lane] =
    named
    + (0..<8).map { (n: Int) -> Lane in
        Lane(lambda1: Double(n) / 512, lambda2: Double(n % 3) / 256, learningRate: Double(n + 1) / 16)
    }
private let named: [Lane] =
    [
        Lane(lambda1: 0, lambda2: 0, learningRate: 0.4), Lane(algorithm: .gd, lambda1: 0, lambda2: 0, learningRate: 0.4),
        Lane(algorithm: .noisyGD, lambda1: 0, lambda2: 0, learningRate: 0.4),
        Lane(algorithm: .noisyGDMatched, lambda1: 0, lambda2: 0, learningRate: 0.4),
        Lane(lambda1: 0.001, lambda2: 0, learningRate: 0.4), Lane(lambda1: 0, lambda2: 0.001, learningRate: 0.4),
        Lane(algorithm: .noisyGDMatched, lambda1: 0.001, lambda2: 0, learningRate: 0.1), Lane(lambda1: 0, lambda2: 1, learningRate: 1000),
        Lane(lambda1: 1e308, lambda2: 1e308, learningRate: 0.4),
    ]

private func train<K: LandscapeKernel>(
    _ problem: Landscape, _ lanes: [Lane] = lanes, by kernel: K.Type, at coordinates: Coordinates = coordinates
) -> [TrialRecord] {
    withFlushedDenormals { problem.train(lanes, at: coordinates, by: kernel) { _ in .goOn } }!
}

@Suite("Landscape: data") struct LandscapeDataTests {
    @Test("a population has its two kinds of critical points, as often and of the size that was declared") func population() throws {
        let data = LandscapeData(try landscape(candidates: 20_000), at: coordinates)
        let (first, second) = (data.candidates.map { $0[0] }, data.candidates.map { $0[1] })
        #expect(first.allSatisfy { $0.amplitude < 0 && ($0.x, $0.y) == (7, 7) })
        let positions = Dictionary(grouping: second) { [$0.x, $0.y] }.mapValues { Double($0.count) / 20_000 }
        #expect(Set(positions.keys) == [[1, 1], [1, 4], [1, 7], [4, 1], [4, 4], [4, 7], [7, 1], [7, 4]])
        // Five standard deviations of a proportion and of a mean of 20,000.
        #expect(positions.values.allSatisfy { abs($0 - 0.125) < 5 * 0.00234 })
        #expect(abs(Double(second.count { $0.amplitude > 0 }) / 20_000 - 0.35) < 5 * 0.00338)
        for (values, mean, deviation) in [
            (first.map { -$0.amplitude }, 31, 3.1), (second.map(\.amplitude.magnitude), 44, 4.4),
            (first.map { 1 / $0.inverseSquare.squareRoot() }, 1.9, 0.19), (second.map { 1 / $0.inverseSquare.squareRoot() }, 0.83, 0.083),
        ] {
            let found = values.reduce(0, +) / 20_000
            let spread = (values.map { ($0 - found) * ($0 - found) }.reduce(0, +) / 20_000).squareRoot()
            #expect(abs(found - mean) < 5 * deviation / 141.4 && abs(spread - deviation) < 5 * deviation / 200)
        }
    }

    @Test("heights and widths that would fall below a fifth of their mean are set there") func floor() throws {
        let wild = Landscape.Shape(height: 10, heightDeviation: 1000, width: 1, widthDeviation: 1000)
        let data = LandscapeData(try Landscape(candidates: 200, minimum: wild, second: wild), at: coordinates)
        let bumps = data.candidates.flatMap { [$0[0], $0[1]] }
        #expect(bumps.map(\.amplitude.magnitude).min() == 2 && bumps.map(\.inverseSquare).max() == 1 / (0.2 * 0.2))
    }

    @Test("more candidates leave those that were; training sets differ by resampling alone") func streams() throws {
        let few = LandscapeData(try landscape(candidates: 5), at: coordinates)
        let many = LandscapeData(try landscape(candidates: 30), at: coordinates)
        var other = coordinates
        other.trainingSet = 3
        let next = LandscapeData(try landscape(candidates: 30), at: other)
        #expect(zip(few.candidates, many.candidates).allSatisfy { $0[0] == $1[0] && $0[1] == $1[1] })
        #expect(zip(next.candidates, many.candidates).allSatisfy { $0[0] == $1[0] && $0[1] == $1[1] })
        #expect(next.samples != many.samples)
        #expect(many.counts.reduce(0, +) == 30 && many.samples.allSatisfy { many.counts[$0] > 0 } && many.counts.contains { $0 > 1 })
    }

    @Test("initializations are the grid's points by x, then y, its corners those of the domain") func grid() throws {
        let problem = try landscape()
        let points = (0..<100).map {
            LandscapeData.start(problem, at: Coordinates(seed: 1, trainingSet: 0, initialization: $0, replicate: 0))
        }
        #expect(points[0] == SIMD2(0, 0) && points[9] == SIMD2(0, 8) && points[90] == SIMD2(8, 0) && points[99] == SIMD2(8, 8))
        #expect(points[12] == SIMD2(8.0 / 9, 16.0 / 9) && Set(points).count == 100)
    }
}

@Suite("Landscape: steps") struct LandscapeStepTests {
    /// The derivatives of the plain definitions, by central differences of the losses alone.
    struct Plain {
        var candidates: [Candidate], samples: [Int], batch: [Int]

        func value(_ c: Int, _ theta: SIMD2<Double>) -> Double {
            var sum = 0.0
            for b in 0..<2 {
                let bump = candidates[c][b]
                sum += bump.amplitude * exp(-square(SIMD2(theta.x - bump.x, theta.y - bump.y)) * bump.inverseSquare / 2)
            }
            return sum
        }
        func gradient(_ c: Int, _ theta: SIMD2<Double>) -> SIMD2<Double> {
            var sum = SIMD2<Double>()
            for b in 0..<2 {
                let bump = candidates[c][b]
                let d = SIMD2(theta.x - bump.x, theta.y - bump.y)
                let height: Double = bump.amplitude * exp(-square(d) * bump.inverseSquare / 2)
                sum -= d * (height * bump.inverseSquare)
            }
            return sum
        }
        private func mean(_ indices: [Int], _ theta: SIMD2<Double>) -> SIMD2<Double> {
            indices.map { gradient($0, theta) }.reduce(SIMD2(), +) / Double(indices.count)
        }
        private func square(_ v: SIMD2<Double>) -> Double { v.x * v.x + v.y * v.y }
        func reg1(_ theta: SIMD2<Double>) -> Double {
            let all = mean(samples, theta)
            return samples.map { square(gradient($0, theta) - all) }.reduce(0, +) / Double(samples.count)
        }
        func reg2(_ theta: SIMD2<Double>) -> Double { square(mean(batch, theta) - mean(samples, theta)) }
        func loss(_ indices: [Int], _ theta: SIMD2<Double>) -> Double {
            indices.map { value($0, theta) }.reduce(0, +) / Double(indices.count)
        }

        /// −(θ after − θ) ÷ η of one step of a kernel, so small that nothing is clipped.
        func direction<K: LandscapeKernel>(_ kernel: K.Type, _ lane: Lane, at theta: SIMD2<Double>) -> SIMD2<Double> {
            let rate = 0x1p-20
            var lane = lane
            lane.learningRate = rate
            let data = LandscapeData(candidates: candidates, samples: samples, offset: 0)
            var trained = K(data, [LandscapeStep(lane, deviation: 0)], decay: 0.99, start: theta)
            trained.evaluate()
            trained.step(LandscapeDraw(batch: batch.map { samples.firstIndex(of: $0)! }, noise: SIMD2(1, -1)))
            return (theta - trained.parameters(ofLane: 0)) / rate
        }
        func penalty<K: LandscapeKernel>(_ kernel: K.Type, lambda1: Double, lambda2: Double, at theta: SIMD2<Double>) -> SIMD2<Double> {
            direction(kernel, Lane(lambda1: lambda1, lambda2: lambda2, learningRate: 1), at: theta)
                - direction(kernel, Lane(lambda1: 0, lambda2: 0, learningRate: 1), at: theta)
        }
    }

    @Test("what a step follows is the slope of each loss and penalty: half the difference, a quarter of the error", arguments: 0..<4)
    func slope(seed: Int) throws {
        let data = LandscapeData(try landscape(), at: Coordinates(seed: UInt64(seed), trainingSet: 0, initialization: 0, replicate: 0))
        let plain = Plain(candidates: data.candidates, samples: data.samples, batch: [data.samples[3], data.samples[7]])
        let theta = SIMD2(3.1 + Double(seed), 5.3 - Double(seed) / 2)
        let kernel = LandscapeReferenceKernel.self
        let gd = Lane(algorithm: .gd, lambda1: 0, lambda2: 0, learningRate: 1), sgd = Lane(lambda1: 0, lambda2: 0, learningRate: 1)
        let found: [(what: String, loss: (SIMD2<Double>) -> Double, direction: SIMD2<Double>)] = [
            ("training loss", { plain.loss(plain.samples, $0) }, plain.direction(kernel, gd, at: theta)),
            ("batch", { plain.loss(plain.batch, $0) }, plain.direction(kernel, sgd, at: theta)),
            ("Reg1", plain.reg1, plain.penalty(kernel, lambda1: 1, lambda2: 0, at: theta)),
            ("Reg2", plain.reg2, plain.penalty(kernel, lambda1: 0, lambda2: 1, at: theta)),
        ]
        for (what, loss, direction) in found {
            for axis in 0..<2 {
                func error(_ step: Double) -> Double {
                    var up = theta, down = theta
                    up[axis] += step
                    down[axis] -= step
                    return (loss(up) - loss(down)) / (2 * step) - direction[axis]
                }
                let ratio = error(2e-2) / error(1e-2)
                #expect((3.8...4.2).contains(ratio), "\(what), axis \(axis): \(ratio)")
            }
        }
    }

    struct Vectors: Decodable {
        struct Case: Decodable {
            var height: [[Double]], width: [[Double]], center: [[[Double]]], trainingSet: [Int], batch: [Int], theta: [Double]
            var trainingLoss: Double, populationLoss: Double, gradient: [Double], batchGradient: [Double]
            var covarianceTrace: Double, reg1Gradient: [Double], reg2: Double, reg2Gradient: [Double]
        }
        var cases: [Case]

        static let file = URL(filePath: Checkout.path(of: "Tests/ComputeTests/Vectors/landscape.json"))
    }

    private func check<K: LandscapeKernel>(_ vector: Vectors.Case, by kernel: K.Type) {
        let candidates: [Candidate] = vector.height.indices.map { c in
            InlineArray { b in
                Bump(
                    amplitude: vector.height[c][b], width: vector.width[c][b], x: vector.center[c][b][0], y: vector.center[c][b][1])
            }
        }
        let plain = Plain(candidates: candidates, samples: vector.trainingSet, batch: vector.batch.map { vector.trainingSet[$0] })
        let theta = SIMD2(vector.theta[0], vector.theta[1])
        var measured = K(
            LandscapeData(candidates: candidates, samples: vector.trainingSet, offset: 0),
            [LandscapeStep(Lane(lambda1: 0, lambda2: 0, learningRate: 1), deviation: 0)], decay: 1, start: theta)
        measured.evaluate()
        // A direction is a difference of numbers near 8 that is divided by 2⁻²⁰: 2⁻⁵⁰ · 2²⁰ = 1e-9.
        let tolerance = 1e-8
        func difference(_ found: SIMD2<Double>, _ expected: [Double]) -> Double {
            max((found.x - expected[0]).magnitude, (found.y - expected[1]).magnitude)
        }
        #expect((measured.losses()[0].train / vector.trainingLoss - 1).magnitude < 1e-12)
        #expect((measured.losses()[0].test / vector.populationLoss - 1).magnitude < 1e-12)
        #expect((measured.gradientVariances()[0] / vector.covarianceTrace - 1).magnitude < 1e-12)
        let gd = Lane(algorithm: .gd, lambda1: 0, lambda2: 0, learningRate: 1), sgd = Lane(lambda1: 0, lambda2: 0, learningRate: 1)
        #expect(difference(plain.direction(kernel, gd, at: theta), vector.gradient) < tolerance)
        #expect(difference(plain.direction(kernel, sgd, at: theta), vector.batchGradient) < tolerance)
        #expect(difference(plain.penalty(kernel, lambda1: 1, lambda2: 0, at: theta), vector.reg1Gradient) < tolerance)
        #expect(difference(plain.penalty(kernel, lambda1: 0, lambda2: 1, at: theta), vector.reg2Gradient) < tolerance)
    }

    @Test("losses, gradients, their variance and both penalties are those of the independent test vectors")
    func independentVectors() throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let cases = try decoder.decode(Vectors.self, from: Data(contentsOf: Vectors.file)).cases
        #expect(!cases.isEmpty)
        for vector in cases {
            check(vector, by: LandscapeReferenceKernel.self)
            check(vector, by: LandscapeLaneKernel.self)
        }
    }

    @Test("losses, gradient and its variance are numbers computed with 40 digits") func known() {
        let candidates: [Candidate] = [
            [Bump(amplitude: -31, width: 2, x: 7, y: 7), Bump(amplitude: 44, width: 1, x: 4, y: 4)],
            [Bump(amplitude: -30, width: 1.5, x: 7, y: 7), Bump(amplitude: -40, width: 0.5, x: 4, y: 7)],
        ]
        let plain = Plain(candidates: candidates, samples: [0, 1, 0], batch: [])
        let theta = SIMD2(5.0, 6.0)
        var kernel = LandscapeLaneKernel(
            LandscapeData(candidates: candidates, samples: plain.samples, offset: 0),
            [LandscapeStep(Lane(lambda1: 0, lambda2: 0, learningRate: 1), deviation: 0)], decay: 1, start: theta)
        kernel.evaluate()
        #expect((kernel.losses()[0].train + 12.190381293020279).magnitude < 1e-14)
        #expect((kernel.losses()[0].test + 11.794889767211842).magnitude < 1e-14)
        #expect((kernel.gradientVariances()[0] - 11.810273326074501).magnitude < 1e-13)
        var whole = plain
        whole.batch = plain.samples
        for lane in [Lane(lambda1: 0, lambda2: 0, learningRate: 1), Lane(algorithm: .gd, lambda1: 0, lambda2: 0, learningRate: 1)] {
            let gradient = whole.direction(LandscapeLaneKernel.self, lane, at: theta)
            #expect((gradient.x + 9.888187205223934).magnitude < 1e-8 && (gradient.y + 10.02108465316225).magnitude < 1e-8)
        }
    }

    @Test("noise moves θ by −ησ times its draw along the whole gradient, and SGD by none") func noise() throws {
        let data = LandscapeData(try landscape(), at: coordinates)
        let draw = LandscapeDraw(batch: [0, 1], noise: SIMD2(0.5, -0.25))
        func after(_ lane: Lane) -> SIMD2<Double> {
            let deviation: Double = lane.algorithm == .noisyGD ? 2 : 4
            var kernel = LandscapeLaneKernel(data, [LandscapeStep(lane, deviation: deviation)], decay: 1, start: SIMD2(4, 4))
            kernel.evaluate()
            kernel.step(draw)
            return kernel.parameters(ofLane: 0)
        }
        let still = after(Lane(algorithm: .gd, lambda1: 0, lambda2: 0, learningRate: 0x1p-6))
        let noisy = after(Lane(algorithm: .noisyGD, lambda1: 0, lambda2: 0, learningRate: 0x1p-6)) - still
        let matched = after(Lane(algorithm: .noisyGDMatched, lambda1: 0, lambda2: 0, learningRate: 0x1p-6)) - still
        for (found, expected) in [(noisy, SIMD2(1.0, -0.5) / 64), (matched, SIMD2(2.0, -1) / 64)] {
            #expect((found.x - expected.x).magnitude < 1e-14 && (found.y - expected.y).magnitude < 1e-14)
        }
    }

    @Test("the matched noise is as strong as SGD's own: 2σ² is the mean trace along the run, by enumeration of all batches") func matched()
        throws
    {
        let problem = try landscape(candidates: 6, samples: 5, epochs: 7)
        let data = LandscapeData(problem, at: coordinates)
        var kernel = LandscapeReferenceKernel(
            data, [LandscapeStep(Lane(lambda1: 0, lambda2: 0, learningRate: 0.4), deviation: 0)], decay: 0.99,
            start: LandscapeData.start(problem, at: coordinates))
        var sum = 0.0
        for iteration in 0..<7 {
            let theta = kernel.parameters(ofLane: 0)
            let plain = Plain(candidates: data.candidates, samples: data.samples, batch: [])
            // E‖g_B − ḡ‖² over the 25 ordered pairs.
            for first in data.samples {
                for second in data.samples {
                    var pair = plain
                    pair.batch = [first, second]
                    sum += pair.reg2(theta) / 25
                }
            }
            kernel.evaluate()
            kernel.step(LandscapeData.draw(problem, at: coordinates, iteration: iteration))
        }
        let sigma = (sum / 7 / 2).squareRoot()
        let lane = Lane(algorithm: .noisyGDMatched, lambda1: 0, lambda2: 0, learningRate: 0.4)
        let trained = train(problem, [lane], by: LandscapeLaneKernel.self)
        let fixed = try Landscape(candidates: 6, samples: 5, epochs: 7, noiseDeviation: sigma)
        var noisy = lane
        noisy.algorithm = .noisyGD
        let expected = train(fixed, [noisy], by: LandscapeLaneKernel.self)
        for (found, expected) in zip(trained[0].curve, expected[0].curve) {
            #expect((found.testLoss / expected.testLoss - 1).magnitude < 1e-9)
        }
        #expect(trained[0].curve.count == 7 && sigma > 0.1)
    }
}

@Suite("Landscape: bits") struct LandscapeBitTests {
    @Test(
        "eight lanes give the bits of the plain form, whatever the sizes", arguments: [(30, 30, 2), (1, 1, 1), (3, 7, 5), (40, 6, 1)],
        [1, 12, 120])
    func agree(shape: (candidates: Int, samples: Int, batchSize: Int), epochs: Int) throws {
        let problem = try landscape(candidates: shape.candidates, samples: shape.samples, batchSize: shape.batchSize, epochs: epochs)
        for initialization in [0, 41, 99] {
            let coordinates = Coordinates(seed: 5, trainingSet: 1, initialization: initialization, replicate: 1)
            let plain = train(problem, by: LandscapeReferenceKernel.self, at: coordinates)
            #expect(train(problem, by: LandscapeLaneKernel.self, at: coordinates).map(\.bits) == plain.map(\.bits))
        }
    }

    @Test("a trial's record is the same alone, in any company and in any order") func company() throws {
        let problem = try landscape()
        func bits(_ lanes: [Lane]) -> [[UInt64]] {
            run(GroupPlan(problem, coordinates, unchecked: lanes)) { _ in .goOn }!.map(\.bits)
        }
        let alone = lanes.map { bits([$0])[0] }
        #expect(Set(alone).count == lanes.count)
        #expect(bits(lanes) == alone)
        #expect(bits(lanes.reversed()) == alone.reversed())
        #expect(bits([]) == [])
    }

    @Test("nothing leaves the domain, and a lane whose direction is no number diverges at its step alone") func domain() throws {
        let records: [TrialRecord] = train(try landscape(epochs: 60), by: LandscapeLaneKernel.self)
        #expect(records.map { $0.outcome == .diverged } == lanes.map { $0.lambda1 == 1e308 })
        #expect(records[8].epochs < 60 && records[8].curve.count == (records[8].epochs - 1) / 2)
        #expect(records[8].parameterBits == [] && records[8].testLoss.isNaN)
        for record in records where record.outcome == .done {
            #expect(record.epochs == 60 && record.curve.count == 30)
            #expect(record.parameterBits.map { Double(bitPattern: $0) }.allSatisfy { (0...8).contains($0) })
        }
        #expect(records[7].parameterBits.contains { [0, 8].contains(Double(bitPattern: $0)) })
    }

    @Test("observers see every point of every curve and can stop at any") func observations() throws {
        let plan = GroupPlan(try landscape(epochs: 103), coordinates, unchecked: lanes)
        var seen: [[Observation]] = []
        let records: [TrialRecord] = run(plan) {
            seen.append($0)
            return .goOn
        }!
        let alive = records.indices.filter { records[$0].outcome == .done }
        #expect(seen.count == 35 && records[0].curve.map(\.epoch) == Array(stride(from: 3, through: 102, by: 3)) + [103])
        #expect(seen == seen.indices.map { n in alive.map { Observation(lane: $0, point: records[$0].curve[n]) } })
        #expect(run(plan) { $0[0].point.epoch == 103 ? .stop : .goOn } == nil)
    }

    @Test("repeats differ by batches and noise, so gradient descent's do not differ") func repeats() throws {
        var other = coordinates
        other.replicate += 1
        let (first, second) = (
            train(try landscape(), by: LandscapeLaneKernel.self), train(try landscape(), by: LandscapeLaneKernel.self, at: other)
        )
        #expect(first[1].bits == second[1].bits)
        for lane in [0, 2, 3, 4, 5] { #expect(first[lane].bits != second[lane].bits) }
    }
}

@Suite("Landscape: what is refused") struct LandscapePlanTests {
    private func refusal(_ make: @autoclosure () throws(ParameterError) -> some Any) -> String? {
        do {
            _ = try make()
            return nil
        } catch { return error.refusal }
    }

    @Test("impossible settings, by name and value") func settings() {
        #expect(refusal(try landscape(candidates: 1, samples: 1, batchSize: 1, epochs: 1)) == nil)
        #expect(refusal(try landscape(candidates: 0)) == "candidates = 0")
        #expect(refusal(try landscape(samples: 0)) == "samples = 0")
        #expect(refusal(try landscape(samples: 65_537)) == "samples = 65537")
        #expect(refusal(try landscape(batchSize: 0)) == "batch_size = 0")
        #expect(refusal(try landscape(epochs: 0)) == "epochs = 0")
        #expect(refusal(try landscape(offset: .nan)) == "offset = nan")
        for bad in [-0.01, 1.01, .nan] {
            #expect(refusal(try landscape(maximumProbability: bad)) == "maximum_probability = \(bad)")
        }
        #expect(refusal(try Landscape(second: .init(height: 1, heightDeviation: 0, width: 0, widthDeviation: 0))) == "second_width = 0.0")
        #expect(refusal(try Landscape(initializationsPerSide: 1)) == "initializations_per_side = 1")
        #expect(refusal(try Landscape(learningRateDecay: 1.5)) == "learning_rate_decay = 1.5")
        #expect(refusal(try Landscape(noiseDeviation: -1)) == "noise_deviation = -1.0")
    }

    @Test("initializations beyond the grid, Reg2 without batches, and other algorithms on the network") func plans() throws {
        func plan(_ initialization: Int, _ lane: Lane) throws(ParameterError) -> GroupPlan<Landscape> {
            try GroupPlan(
                problem: landscape(), coordinates: Coordinates(seed: 1, trainingSet: 0, initialization: initialization, replicate: 0),
                lanes: [lane])
        }
        let sgd = Lane(lambda1: 0, lambda2: 1, learningRate: 0.4)
        #expect(refusal(try plan(99, sgd)) == nil)
        #expect(refusal(try plan(100, sgd)) == "initialization = 100")
        for algorithm in [Algorithm.gd, .noisyGD, .noisyGDMatched] {
            #expect(refusal(try plan(0, Lane(algorithm: algorithm, lambda1: 1, lambda2: 0, learningRate: 0.4))) == nil)
            let lane = Lane(algorithm: algorithm, lambda1: 0, lambda2: 1, learningRate: 0.4)
            #expect(refusal(try plan(0, lane)) == "lambda2 = 1")
            #expect(
                refusal(
                    try GroupPlan(
                        problem: DiagonalNetwork(initializationScale: 1),
                        coordinates: Coordinates(seed: 1, trainingSet: 0, initialization: 0, replicate: 0), lanes: [sgd, lane]))
                    == "algorithm = \(algorithm.rawValue)")
        }
    }
}
