// DiagonalNetworkSeriesTests.swift · Tests/ComputeTests. What trials of the diagonal linear network leave besides losses, against plain
// definitions: copies that are trained one by one by the kernel to trust, matrices written out, samples drawn, differences of losses.

import Foundation
import Testing
import Vocabulary

@testable import Compute

private func network(
    samples: Int = 4, batchSize: Int = 2, epochs: Int = 7, replacements: Int = 11
) throws(ParameterError) -> DiagonalNetwork {
    try DiagonalNetwork(
        dimension: 5, samples: samples, nonzero: 2, initializationScale: 0.5, batchSize: batchSize, epochs: epochs, precision: .float64,
        recording: .variability, replacements: replacements)
}

private let coordinates = Coordinates(seed: 5, trainingSet: 1, initialization: 3, replicate: 2)
private let baseline = Lane(lambda1: 0, lambda2: 0, learningRate: 0.03)

private func train(
    _ problem: DiagonalNetwork, _ lanes: [Lane] = [baseline], at coordinates: Coordinates = coordinates
) throws
    -> [TrialRecord]
{
    run(try GroupPlan(problem: problem, coordinates: coordinates, lanes: lanes)) { _ in .goOn }!
}

extension TrialRecord {
    fileprivate subscript(_ name: String) -> [Double] { series.first { $0.name == name }!.values }
}

extension DiagonalNetwork {
    /// The trial's training set, with another sample at one index.
    fileprivate func set(replacing replacement: (index: Int, x: [Double], y: Double)? = nil) -> TrainingSet<Double> {
        let data = DiagonalNetworkData(self, at: coordinates)
        var (inputs, labels) = (data.inputs, data.labels)
        if let (index, x, y) = replacement {
            inputs.replaceSubrange(index * dimension..<(index + 1) * dimension, with: x)
            labels[index] = y
        }
        let changed = DiagonalNetworkData(truth: data.truth, inputs: inputs, labels: labels, noiseVariance: data.noiseVariance)
        return TrainingSet(changed, batchSize: batchSize)
    }

    /// θ at the start and after each step, by the kernel that trials are compared with.
    fileprivate func path(_ set: TrainingSet<Double>) -> [[Double]] {
        withFlushedDenormals {
            let start = DiagonalNetworkData.initialParameters(self, at: coordinates)
            var kernel = ReferenceKernel<Double>(set, lanes: [baseline], start: start)
            var path = [start]
            for epoch in 0..<epochs {
                let order = DiagonalNetworkData.batchOrder(self, at: coordinates, epoch: epoch)
                for first in stride(from: 0, to: samples, by: batchSize) {
                    kernel.step(batch: order[first..<first + batchSize])
                    path.append(kernel.parameters(ofLane: 0))
                }
            }
            return path
        }
    }

    fileprivate func point(_ theta: [Double]) -> DiagonalNetworkTrainingPoint { DiagonalNetworkPoint(set(), at: theta).onTrainingSet() }

    /// ∇²L(S; θ), written out.
    fileprivate func hessian(_ theta: [Double]) -> [[Double]] {
        let set = set(), d = dimension
        var hessian = [[Double]](repeating: [Double](repeating: 0, count: 2 * d), count: 2 * d)
        for i in 0..<samples {
            let x = Array(set.inputs[i * d..<(i + 1) * d])
            let residual = (0..<d).map { x[$0] * theta[$0] * theta[d + $0] }.reduce(-set.labels[i], +)
            let slope = (0..<d).map { x[$0] * theta[d + $0] } + (0..<d).map { x[$0] * theta[$0] }
            for j in 0..<2 * d { for k in 0..<2 * d { hessian[j][k] += 2 * slope[j] * slope[k] / Double(samples) } }
            for j in 0..<d {
                hessian[j][d + j] += 2 * residual * x[j] / Double(samples)
                hessian[d + j][j] += 2 * residual * x[j] / Double(samples)
            }
        }
        return hessian
    }
}

/// vᵀ H v.
private func form(_ hessian: [[Double]], _ v: [Double]) -> Double {
    v.indices.map { j in v.indices.map { v[j] * hessian[j][$0] * v[$0] }.reduce(0, +) }.reduce(0, +)
}

/// gᵢ = ∇(⟨x, a⊙b⟩ − y)².
private func gradient(_ x: [Double], _ y: Double, at theta: [Double]) -> [Double] {
    let d = x.count, residual = (0..<d).map { x[$0] * theta[$0] * theta[d + $0] }.reduce(-y, +)
    return (0..<d).map { 2 * residual * x[$0] * theta[d + $0] } + (0..<d).map { 2 * residual * x[$0] * theta[$0] }
}

private func isNear(_ x: Double, _ y: Double, within relative: Double = 1e-11) -> Bool { (x - y).magnitude <= relative * y.magnitude }

@Suite("Diagonal network: series") struct DiagonalNetworkSeriesTests {
    @Test("the algorithmic variability is the mean square of what separately trained copies differ by", arguments: [1, 2, 4])
    func variability(batchSize: Int) throws {
        let problem = try network(batchSize: batchSize), d = 5, perEpoch = 4 / batchSize
        let whole = problem.path(problem.set())
        let data = DiagonalNetworkData(problem, at: coordinates)
        var squares = [Double](repeating: 0, count: 8), traces = squares
        for index in 0..<4 {
            let fresh = data.fresh(problem, at: coordinates, index: index)
            #expect(fresh.labels.count == 11)
            for k in 0..<11 {
                let copy = problem.path(
                    problem.set(replacing: (index, Array(fresh.inputs[k * d..<(k + 1) * d]), fresh.labels[k])))
                for epoch in 0...7 {
                    let v = zip(copy[epoch * perEpoch], whole[epoch * perEpoch]).map { $0 - $1 }
                    squares[epoch] += v.map { $0 * $0 }.reduce(0, +) / 44
                    traces[epoch] += form(problem.hessian(whole[epoch * perEpoch]), v) / 44
                }
            }
        }
        let record = try train(problem)[0]
        #expect(record["solution_variance"].count == 8 && record["variability_trace"].count == 8)
        #expect(record["solution_variance"][0] == 0 && record["variability_trace"][0] == 0 && squares[7] > 1e-3)
        for epoch in 1...7 {
            #expect(isNear(record["solution_variance"][epoch], squares[epoch]))
            #expect(isNear(record["variability_trace"][epoch], traces[epoch]))
        }
    }

    @Test("the trial and its copies, in lanes and in plain loops, have the bits of the kernel", arguments: [1, 2, 4])
    func steps(batchSize: Int) throws {
        let problem = try network(batchSize: batchSize)
        let data = DiagonalNetworkData(problem, at: coordinates), start = DiagonalNetworkData.initialParameters(problem, at: coordinates)
        func path(_ step: (ArraySlice<Int>) -> Void) {
            for epoch in 0..<7 {
                let order = DiagonalNetworkData.batchOrder(problem, at: coordinates, epoch: epoch)
                for first in stride(from: 0, to: 4, by: batchSize) { step(order[first..<first + batchSize].sorted()[...]) }
            }
        }
        var trial = BaselineTrial(problem.set(), learningRate: 0.03, start: start)
        path { trial.step(batch: $0) }
        #expect(trial.theta == problem.path(problem.set()).last)
        #expect(try train(problem)[0].parameterBits == trial.theta.map(\.bitPattern))
        for index in 0..<4 {
            let fresh = data.fresh(problem, at: coordinates, index: index)
            let copies = BaselineCopies(problem.set(), index: index, fresh: fresh, members: 8..<11, learningRate: 0.03, start: start)
            path { copies.step(batch: $0) }
            for k in 8..<11 {
                let set = problem.set(replacing: (index, Array(fresh.inputs[k * 5..<(k + 1) * 5]), fresh.labels[k]))
                var plain = BaselineTrial(set, learningRate: 0.03, start: start)
                path { plain.step(batch: $0) }
                #expect(copies.theta(ofLane: k - 8) == plain.theta)
                #expect(plain.theta == problem.path(set).last && plain.theta != trial.theta)
            }
        }
    }

    @Test("series depend on the trial alone: not on company or order, nor on the copies' company") func bits() throws {
        let problem = try network()
        let lanes = [0.03, 0.01, 0.06].map { Lane(lambda1: 0, lambda2: 0, learningRate: $0) }
        let together = try train(problem, lanes)
        #expect(together.reversed().map(\.bits) == (try train(problem, lanes.reversed()).map(\.bits)))
        for (lane, record) in zip(lanes, together) { #expect(try train(problem, [lane]).map(\.bits) == [record.bits]) }
        #expect(Set(together.map(\.bits)).count == 3)
        // Only what the copies give depends on how many there are.
        let fewer = try train(try network(replacements: 3), lanes)
        for (record, other) in zip(together, fewer) {
            for (one, another) in zip(record.series, other.series) {
                let isOfCopies = ["variability_trace", "solution_variance"].contains(one.name)
                #expect((one == another) != isOfCopies, "\(one.name)")
            }
        }
    }

    @Test("what is recorded besides changes nothing of losses and parameters") func prefix() throws {
        let plain = try DiagonalNetwork(
            dimension: 5, samples: 4, nonzero: 2, initializationScale: 0.5, batchSize: 2, epochs: 7, precision: .float64)
        let expected = try train(plain)[0], record = try train(try network())[0]
        #expect(expected.series.isEmpty)
        #expect(record.bits.starts(with: expected.bits) && record.bits.count > expected.bits.count)
        #expect(
            record.series.map(\.name) == [
                "gap", "variability_trace", "solution_variance", "covariance_trace", "bound_population", "bound_batch", "bootstrap_ratio",
                "bootstrap_error", "accumulated_covariance",
            ])
    }

    @Test("the gap is test loss less training loss, as in the curve") func gap() throws {
        let record = try train(try network())[0]
        #expect(record.curve.count == 7 && record["gap"].count == 8)
        for point in record.curve { #expect(record["gap"][point.epoch] == point.testLoss - point.trainLoss) }
    }

    @Test("the trace of the gradients' covariance is that of gradients written out") func covarianceTrace() throws {
        let problem = try network(), set = problem.set(), record = try train(problem)[0]
        for (epoch, theta) in stride(from: 0, through: 14, by: 2).map({ problem.path(set)[$0] }).enumerated() {
            let gradients = (0..<4).map { gradient(Array(set.inputs[$0 * 5..<($0 + 1) * 5]), set.labels[$0], at: theta) }
            var expected = 0.0
            for j in 0..<10 {
                let mean: Double = gradients.map { $0[j] }.reduce(0, +) / 4
                for gradient in gradients { expected += (gradient[j] - mean) * (gradient[j] - mean) / 4 }
            }
            #expect(isNear(record["covariance_trace"][epoch], expected))
        }
    }

    @Test("the population's covariance is what gradients of drawn samples come to, as their number grows") func populationCovariance()
        throws
    {
        let problem = try network(), d = 5
        let theta = problem.path(problem.set()).last!
        let truth = problem.set().truth
        let point = DiagonalNetworkPoint(problem.set(), at: theta)
        var closed = SymmetricMatrix(rows: 10)
        point.addPopulationCovariance(to: &closed, times: 1)
        let mean = point.gradient(ofSlope: point.distance.map { 2 * $0 })
        var stream = RandomStream(seed: 77, for: .audit), sampled = SymmetricMatrix(rows: 10)
        var errors: [Double] = []
        for count in [2_000, 128_000] {
            let already = errors.isEmpty ? 0 : 2_000
            for _ in already..<count {
                let x = (0..<d).map { _ in stream.nextNormal() }
                let noise = stream.nextNormal()
                let y: Double = zip(x, truth).reduce(noise) { $0 + $1.0 * $1.1 }
                let own = gradient(x, y, at: theta)
                sampled.addSquare(of: own.indices.map { own[$0] - mean[$0] }, times: 1)
            }
            var difference = SymmetricMatrix(rows: 10)
            for j in 0..<10 { for k in j..<10 { difference[j, k] = sampled[j, k] / Double(count) - closed[j, k] } }
            errors.append(difference.norm / closed.norm)
        }
        // 64 times the samples, an eighth of the error; 128,000 of them are within two percent.
        #expect(errors[0] / errors[1] > 3 && errors[1] < 0.02)
    }

    @Test("the Hessian, as a matrix and as a form, is the second difference of the training loss") func hessian() throws {
        let problem = try network(), d = 5, set = problem.set()
        let theta = problem.path(set).last!, here = problem.point(theta)
        var products = [Double](repeating: 0, count: d * d)
        for x in (0..<4).map({ Array(set.inputs[$0 * d..<($0 + 1) * d]) }) {
            for j in 0..<d { for k in 0..<d { products[j * d + k] += x[j] * x[k] } }
        }
        let half = here.halfHessian(products), h = 0x1p-10
        for j in 0..<10 {
            for k in j..<10 {
                func loss(_ x: Double, _ y: Double) -> Double {
                    var moved = theta
                    moved[j] += x
                    moved[k] += y
                    return problem.point(moved).trainLoss
                }
                let (up, down): (Double, Double) = (loss(h, h) - loss(h, -h), loss(-h, h) - loss(-h, -h))
                let difference = (up - down) / (4 * h * h)
                let found = half[j, k] * 2 / 4
                #expect((found - difference).magnitude < 1e-4 * half.norm, "\(j), \(k)")
                #expect((found - problem.hessian(theta)[j][k]).magnitude < 1e-13 * half.norm)
            }
        }
        // The form of a copy's deviation, against the matrix.
        let data = DiagonalNetworkData(problem, at: coordinates)
        let away = theta.indices.map { theta[$0] + 0.1 * Double($0 % 3 - 1) }
        let copies = BaselineCopies(
            set, index: 0, fresh: data.fresh(problem, at: coordinates, index: 0), members: 0..<1, learningRate: 0.1, start: away)
        let (found, square) = copies.deviation(from: here), v = zip(away, theta).map { $0 - $1 }
        #expect(isNear(found[0] * 2 / 4, form(problem.hessian(theta), v)))
        #expect(isNear(square[0], v.map { $0 * $0 }.reduce(0, +)))
    }

    @Test("both terms of Lemma 2, summed over steps and samples one by one", arguments: [1, 2]) func bounds(batchSize: Int) throws {
        let problem = try network(batchSize: batchSize), set = problem.set(), path = problem.path(set), d = 5
        let record = try train(problem)[0], share = 0.03 / Double(batchSize)
        for epoch in [1, 3, 7] {
            let steps = epoch * 4 / batchSize, hessian = problem.hessian(path[steps])
            var population = 0.0, batch = 0.0
            for step in 0..<steps {
                let theta = path[step], point = DiagonalNetworkPoint(set, at: theta)
                let mean = point.gradient(ofSlope: point.distance.map { 2 * $0 })
                var covariance = SymmetricMatrix(rows: 10)
                point.addPopulationCovariance(to: &covariance, times: 1)
                let order = DiagonalNetworkData.batchOrder(problem, at: coordinates, epoch: step * batchSize / 4)
                let first = step * batchSize % 4
                for i in order[first..<first + batchSize] {
                    for j in 0..<10 { for k in 0..<10 { population += share * share * hessian[j][k] * covariance[min(j, k), max(j, k)] } }
                    let own = gradient(Array(set.inputs[i * d..<(i + 1) * d]), set.labels[i], at: theta)
                    batch += share * share * form(hessian, zip(own, mean).map { $0 - $1 })
                }
            }
            let passes = Double((steps * batchSize + 3) / 4)
            #expect(isNear(record["bound_population"][epoch], passes * population, within: 1e-9))
            #expect(isNear(record["bound_batch"][epoch], passes * batch, within: 1e-9))
        }
        #expect(record["bound_population"][0] == 0 && record["bound_batch"][0] == 0)
    }

    @Test("Eq. 10: what Proposition 1 accumulates has the trace of the samples' covariance, and that of all batches over B")
    func accumulated() throws {
        let record = try train(try network())[0]
        // Epoch starts are all points of the series but the last.
        #expect(isNear(record["accumulated_covariance"][0], record["covariance_trace"].dropLast().reduce(0, +)))
        // The ratio is that trace to the population's.
        let problem = try network(), set = problem.set(), path = problem.path(set)
        var target = SymmetricMatrix(rows: 10)
        for epoch in 0..<7 { DiagonalNetworkPoint(set, at: path[2 * epoch]).addPopulationCovariance(to: &target, times: 1) }
        #expect(isNear(record["bootstrap_ratio"][4], record["accumulated_covariance"][0] / target.trace))
    }

    @Test("Proposition 1: the estimate comes nearer with K, to Σ_B; and Σ_B nearer to the population's with N") func bootstrap() throws {
        func errors(samples: Int) throws -> [Double] {
            let problem = try network(samples: samples, epochs: 20, replacements: 1)
            let errors = try (0..<40).map { set in
                try train(problem, at: Coordinates(seed: 5, trainingSet: set, initialization: 3, replicate: 0))[0]["bootstrap_error"]
            }
            return (0..<5).map { index in errors.map { $0[index] }.reduce(0, +) / 40 }
        }
        let few = try errors(samples: 4), many = try errors(samples: 64)
        #expect(zip(many, many.dropFirst()).allSatisfy { $0 > $1 })
        #expect(many.last! < 0.5 * few.last!)
    }

    @Test("a run can be stopped after an epoch and between the copies", arguments: [3, 8, 9, 14]) func stop(after limit: Int) throws {
        // Seven epochs and four indices with two vectors of copies each.
        var asked = 0
        let plan = try GroupPlan(problem: try network(), coordinates: coordinates, lanes: [baseline])
        let records = run(plan) { observations in
            asked += observations.isEmpty ? 1 : 0
            return asked == limit ? .stop : .goOn
        }
        #expect(records == nil && asked == limit)
        var all = 0
        _ = run(plan) {
            all += $0.isEmpty ? 1 : 0; return .goOn
        }
        #expect(all == 7 + 4 * 2)
    }

    @Test("a diverged trial has no series") func diverged() throws {
        let record = try train(try network(), [baseline, Lane(lambda1: 0, lambda2: 0, learningRate: 1e3)])
        #expect(record.map(\.outcome) == [.done, .diverged] && record[1].series.isEmpty && !record[0].series.isEmpty)
    }

    @Test("what has no such series is refused") func refusals() throws {
        func refusal(
            _ recording: Recording, dimension: Int = 5, epochs: Int = 7, precision: Precision = .float64, replacements: Int = 8
        ) -> String? {
            do {
                _ = try DiagonalNetwork(
                    dimension: dimension, samples: 4, initializationScale: 0.5, epochs: epochs, precision: precision, recording: recording,
                    replacements: replacements)
                return nil
            } catch { return "\(error)" }
        }
        #expect(refusal(.variability, dimension: 1024, epochs: 16_383, replacements: 4096) == nil)
        #expect(refusal(.losses, dimension: 1025, epochs: 16_384, precision: .float32, replacements: 1) == nil)
        for (found, allowed) in [
            (refusal(.trajectory), "record: found \"trajectory\", allowed is one of \"losses\", \"variability\""),
            (
                refusal(.variability, precision: .float32),
                "precision: found \"float32\", allowed is \"float64\" with record = \"variability\""
            ),
            (
                refusal(.variability, epochs: 16_384),
                "epochs: found 16384, allowed are at most 16383 with record = \"variability\""
            ),
            (
                refusal(.variability, dimension: 1025),
                "dimension: found 1025, allowed are at most 1024 with record = \"variability\""
            ),
            (refusal(.losses, replacements: 0), "replacements: found 0, allowed is an integer from 1 to 4096"),
            (refusal(.losses, replacements: 4097), "replacements: found 4097, allowed is an integer from 1 to 4096"),
        ] { #expect(found == allowed) }
        for (lane, name) in [
            (Lane(lambda1: 0.5, lambda2: 0, learningRate: 0.1), "lambda1"), (Lane(lambda1: 0, lambda2: 0.5, learningRate: 0.1), "lambda2"),
        ] {
            #expect(throws: ParameterError(name, "found 0.5, allowed is 0 with record = \"variability\", which is about SGD alone")) {
                try train(try network(), [baseline, lane])
            }
        }
    }
}
