// LandscapeSeriesTests.swift · Tests/ComputeTests. What trials on the landscape leave besides losses, against plain definitions: copies that
// are trained one by one, covariances over all batches, differences of losses.

import Foundation
import Testing
import Vocabulary

@testable import Compute

private func landscape(_ recording: Recording = .variability, epochs: Int = 9) throws(ParameterError) -> Landscape {
    try Landscape(candidates: 9, samples: 4, epochs: epochs, recording: recording)
}

private let coordinates = Coordinates(seed: 5, trainingSet: 1, initialization: 37, replicate: 2)

private let lanes = [
    Lane(lambda1: 0, lambda2: 0, learningRate: 0.4), Lane(algorithm: .gd, lambda1: 0, lambda2: 0, learningRate: 0.4),
    Lane(algorithm: .noisyGD, lambda1: 0, lambda2: 0, learningRate: 0.4),
    Lane(algorithm: .noisyGDMatched, lambda1: 0, lambda2: 0, learningRate: 0.4), Lane(lambda1: 0.001, lambda2: 0.002, learningRate: 0.2),
]

private func train<K: LandscapeKernel>(_ problem: Landscape, _ lanes: [Lane] = lanes, by kernel: K.Type) -> [TrialRecord] {
    withFlushedDenormals { problem.train(lanes, at: coordinates, by: kernel) { _ in .goOn } }!
}

extension TrialRecord {
    fileprivate subscript(_ name: String) -> [Double] { series.first { $0.name == name }!.values }
}

@Suite("Landscape: series") struct LandscapeSeriesTests {
    @Test("the algorithmic variability is the mean square of what separately trained copies differ by, to the bit", arguments: lanes)
    func variability(lane: Lane) throws {
        let problem = try landscape()
        let data = LandscapeData(problem, at: coordinates), start = LandscapeData.start(problem, at: coordinates)
        func path(_ samples: [Int]) -> [SIMD2<Double>] {
            let own = LandscapeData(candidates: data.candidates, samples: samples, offset: 0)
            let steps = problem.steps([(lane, nil)], own, start: start, by: LandscapeReferenceKernel.self) {
                LandscapeData.draw(problem, at: coordinates, iteration: $0)
            }
            var kernel = LandscapeReferenceKernel(own, steps, decay: 0.99, start: start)
            return [start]
                + (0..<9).map {
                    kernel.evaluate()
                    kernel.step(LandscapeData.draw(problem, at: coordinates, iteration: $0))
                    return kernel.parameters(ofLane: 0)
                }
        }
        let whole = path(data.samples)
        var sums = [Symmetric2](repeating: Symmetric2(), count: 10)
        for index in 0..<4 {
            for candidate in 0..<9 {
                var samples = data.samples
                samples[index] = candidate
                for (t, theta) in path(samples).enumerated() { sums[t].addSquare(of: theta - whole[t]) }
            }
        }
        let record = train(problem, [lane], by: LandscapeLaneKernel.self)[0]
        #expect(record["x"] == whole.map(\.x) && record["y"] == whole.map(\.y))
        #expect(record["solution_variance"] == sums.map { $0.xx / 36 + $0.yy / 36 })
        #expect(record["solution_variance"].last! > 1e-6)
        #expect(
            record["variability_trace"]
                == zip(whole, sums).map { LandscapePoint(data, at: $0).hessian.contracted(with: $1.divided(by: 36)) })
        #expect(record["covariance_trace"] == whole.map { LandscapePoint(data, at: $0).trainCovariance.trace })
    }

    @Test("series depend on the trial alone: not on kernel, company or order") func bits() throws {
        for recording in Recording.allCases {
            let problem = try landscape(recording)
            let together = train(problem, by: LandscapeLaneKernel.self)
            let reference = train(problem, by: LandscapeReferenceKernel.self)
            #expect(together.map(\.bits) == reference.map(\.bits))
            #expect(together.reversed().map(\.bits) == train(problem, lanes.reversed(), by: LandscapeLaneKernel.self).map(\.bits))
            for (lane, record) in zip(lanes, together) {
                #expect(train(problem, [lane], by: LandscapeLaneKernel.self).map(\.bits) == [record.bits])
            }
        }
    }

    @Test("what is recorded besides changes nothing of losses and parameters") func prefix() throws {
        let plain = train(try landscape(.losses), by: LandscapeLaneKernel.self)
        #expect(plain.allSatisfy { $0.series.isEmpty })
        for recording in [Recording.trajectory, .variability] {
            for (record, expected) in zip(train(try landscape(recording), by: LandscapeLaneKernel.self), plain) {
                #expect(record.bits.starts(with: expected.bits) && record.bits.count > expected.bits.count)
                #expect([record["x"].last!.bitPattern, record["y"].last!.bitPattern] == record.parameterBits)
            }
        }
    }

    @Test("the gap is test loss less training loss, as in the curve") func gap() throws {
        for record in train(try landscape(), by: LandscapeLaneKernel.self) {
            #expect(record.curve.count == 9 && record["gap"].count == 10)
            for point in record.curve { #expect(record["gap"][point.epoch] == point.testLoss - point.trainLoss) }
        }
    }

    @Test("Eq. 10: the trace of the mini-batch covariance, over all batches, is the samples' over B", arguments: [1, 2, 3])
    func traceIdentity(batchSize: Int) throws {
        let data = LandscapeData(try landscape(), at: coordinates)
        let point = LandscapePoint(data, at: SIMD2(5.5, 4))
        var batches = [[Int]](repeating: [], count: 1)
        for _ in 0..<batchSize { batches = batches.flatMap { batch in data.samples.map { batch + [$0] } } }
        var covariance = Symmetric2()
        for batch in batches { covariance.addSquare(of: point.batchGradient(batch) - point.trainGradient) }
        let expected = covariance.divided(by: Double(batches.count)), found = point.trainCovariance.divided(by: Double(batchSize))
        #expect(expected.trace > 0.1)
        for (one, other) in [(found.xx, expected.xx), (found.xy, expected.xy), (found.yy, expected.yy)] {
            #expect((one - other).magnitude < 1e-12 * expected.trace)
        }
    }

    @Test("gradients and Hessian are the slopes of the losses", arguments: [SIMD2(3.0, 3.5), SIMD2(6.2, 6.9), SIMD2(7.5, 1.2)])
    func slopes(theta: SIMD2<Double>) throws {
        let data = LandscapeData(try landscape(), at: coordinates)
        let here = LandscapePoint(data, at: theta), h = 0x1p-14
        func difference(_ value: (LandscapePoint) -> Double) -> SIMD2<Double> {
            func at(_ shift: SIMD2<Double>) -> Double { value(LandscapePoint(data, at: theta + shift)) }
            return SIMD2(at(SIMD2(h, 0)) - at(SIMD2(-h, 0)), at(SIMD2(0, h)) - at(SIMD2(0, -h))) / (2 * h)
        }
        for (found, expected) in [
            (here.trainGradient, difference(\.trainLoss)), (here.testGradient, difference(\.testLoss)),
            (SIMD2(here.hessian.xx, here.hessian.xy), difference { $0.trainGradient.x }),
            (SIMD2(here.hessian.xy, here.hessian.yy), difference { $0.trainGradient.y }),
        ] {
            let error = found - expected
            #expect((error * error).sum().squareRoot() < 1e-6 * max(1, (expected * expected).sum().squareRoot()))
        }
    }

    @Test("both terms of Lemma 2, summed over samples one by one") func bounds() throws {
        let problem = try landscape()
        let data = LandscapeData(problem, at: coordinates)
        let record = train(problem, by: LandscapeLaneKernel.self)[0]
        let path = zip(record["x"], record["y"]).map { SIMD2($0, $1) }
        for t in [1, 4, 9] {
            let hessian = LandscapePoint(data, at: path[t]).hessian
            func form(_ v: SIMD2<Double>) -> Double { hessian.xx * v.x * v.x + 2 * hessian.xy * v.x * v.y + hessian.yy * v.y * v.y }
            var population = 0.0, batch = 0.0
            for s in 0..<t {
                let point = LandscapePoint(data, at: path[s]), rate = 0.4 * pow(0.99, Double(s)) / 2
                for index in LandscapeData.draw(problem, at: coordinates, iteration: s).batch {
                    population += rate * rate * point.gradients.map { form($0 - point.testGradient) }.reduce(0, +) / 9
                    batch += rate * rate * form(point.gradients[data.samples[index]] - point.testGradient)
                }
            }
            // t iterations of 2 are t/2 passes over 4 samples, begun passes counted.
            let passes = Double((t + 1) / 2)
            #expect((record["bound_population"][t] - passes * population).magnitude < 1e-9 * (passes * population).magnitude)
            #expect((record["bound_batch"][t] - passes * batch).magnitude < 1e-9 * (passes * batch).magnitude)
        }
        #expect(record["bound_population"][0] == 0 && record["bound_batch"][0] == 0)
    }

    @Test("bounds and bootstrap are SGD's alone") func sgdOnly() throws {
        for (lane, record) in zip(lanes, train(try landscape(), by: LandscapeLaneKernel.self)) {
            let names = ["bound_population", "bound_batch", "bootstrap_ratio", "bootstrap_error", "accumulated_covariance"]
            #expect(names.allSatisfy { name in record.series.contains { $0.name == name } == (lane.algorithm == .sgd) })
        }
    }

    @Test("Proposition 1: the estimate comes nearer with K, to Σ_B; and Σ_B nearer to the population's with N") func bootstrap() throws {
        func errors(samples: Int) throws -> [Double] {
            let problem = try Landscape(candidates: 9, samples: samples, epochs: 60, recording: .variability)
            let sgd = [lanes[0]]
            let errors = (0..<40).map { set in
                let at = Coordinates(seed: 5, trainingSet: set, initialization: 37, replicate: 0)
                return withFlushedDenormals { problem.train(sgd, at: at, by: LandscapeLaneKernel.self) { _ in .goOn } }![0][
                    "bootstrap_error"]
            }
            return (0..<5).map { index in errors.map { $0[index] }.reduce(0, +) / 40 }
        }
        let few = try errors(samples: 4), many = try errors(samples: 64)
        #expect(zip(many, many.dropFirst()).allSatisfy { $0 > $1 })
        #expect(many.last! < 0.5 * few.last!)
    }

    @Test("the map of all initializations covers the domain, each its own cell") func map() throws {
        let problem = try Landscape(candidates: 9, samples: 4, initializationsPerSide: 2, epochs: 1, recording: .trajectory)
        let data = LandscapeData(problem, at: coordinates)
        for (initialization, corner) in [(0, SIMD2(0.25, 0.25)), (1, SIMD2(0.25, 4.25)), (2, SIMD2(4.25, 0.25)), (3, SIMD2(4.25, 4.25))] {
            var at = coordinates
            at.initialization = initialization
            let series = withFlushedDenormals { problem.train([lanes[1]], at: at, by: LandscapeLaneKernel.self) { _ in .goOn } }![0]
            let (first, next) = (LandscapePoint(data, at: corner), LandscapePoint(data, at: corner + SIMD2(0, 0.5)))
            #expect(series["map_training_loss"].count == 64)
            #expect(series["map_training_loss"][0] == first.trainLoss && series["map_training_loss"][1] == next.trainLoss)
            #expect(series["map_population_loss"][0] == first.testLoss && series["map_covariance_trace"][0] == first.trainCovariance.trace)
            let norm = hypot(first.trainGradient.x, first.trainGradient.y)
            #expect((series["map_gradient_norm"][0] - norm).magnitude < 1e-12 * norm)
        }
    }

    @Test("a run can be stopped between the copies") func stop() throws {
        var asked = 0
        let records = try landscape().train(lanes, at: coordinates) { observations in
            asked += observations.isEmpty ? 1 : 0
            return asked == 3 ? .stop : .goOn
        }
        #expect(records == nil && asked == 3)
    }

    @Test("a diverged trial leaves its path up to there and no theory") func diverged() throws {
        let wild = Lane(lambda1: 1e308, lambda2: 1e308, learningRate: 0.4)
        let record = train(try landscape(epochs: 60), [wild], by: LandscapeLaneKernel.self)[0]
        #expect(record.outcome == .diverged && record["x"].count == record.epochs && record.series.count == 3)
    }

    @Test("more epochs than a series has room for are refused") func room() throws {
        _ = try Landscape(epochs: 16_383, recording: .variability)
        #expect(throws: ParameterError("epochs", "found 16384, allowed are at most 16383 with record = \"trajectory\"")) {
            try Landscape(epochs: 16_384, recording: .trajectory)
        }
    }
}
