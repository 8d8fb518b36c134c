// LandscapeSeries.swift · Compute/Landscape, after Landscape.swift. The series of a trial on the landscape: its path, its part of a map, and
// how its solution depends on the training set. Docs/numerics.md, "Landscape: series", defines them.

internal import Vocabulary

extension Landscape {
    /// `x`, `y` and `covariance_trace`, (1/N) Σ ‖gᵢ − ḡ‖², at the start and after every iteration.
    func pathSeries(_ path: [SIMD2<Double>], _ data: LandscapeData) -> [Series] {
        [
            Series(.x, path.map(\.x)), Series(.y, path.map(\.y)),
            Series(.covarianceTrace, path.map { LandscapePoint(data, at: $0).trainCovariance.trace }),
        ]
    }

    /// The landscape on this initialization's cell of the domain, which all initializations together cover: 8 × 8 points by x, then y.
    func mapSeries(_ data: LandscapeData, at coordinates: Coordinates) -> [Series] {
        let (column, row) = coordinates.initialization.quotientAndRemainder(dividingBy: initializationsPerSide)
        let side = LandscapeDomain.mapPoints, spacing = LandscapeDomain.side / Double(initializationsPerSide * side)
        let points = (0..<side * side).map { cell in
            let x = Double(column * side + cell / side) + 0.5, y = Double(row * side + cell % side) + 0.5
            return LandscapePoint(data, at: SIMD2(x, y) * spacing)
        }
        return [
            Series(.mapPopulationLoss, points.map(\.testLoss)),
            Series(.mapTrainingLoss, points.map(\.trainLoss)),
            Series(.mapGradientNorm, points.map { ($0.trainGradient * $0.trainGradient).sum().squareRoot() }),
            Series(.mapCovarianceTrace, points.map(\.trainCovariance.trace)),
        ]
    }

    /// The gap (Eq. 1), the variability (Eq. 5), the bounds of Lemma 2 and the errors of Proposition 1 along the path of a trial that is done.
    /// - Parameter observe: called without observations between the retrained copies.
    /// - Returns: nil when `observe` returned `.stop`.
    func variabilitySeries<K: LandscapeKernel>(
        of lane: Lane, _ path: [SIMD2<Double>], _ data: LandscapeData, at coordinates: Coordinates, by kernel: K.Type,
        observe: ([Observation]) -> Flow
    ) -> [Series]? {
        let draws = (0..<epochs).map { LandscapeData.draw(self, at: coordinates, iteration: $0) }
        guard let variability = algorithmicVariability(of: lane, path, data, draws, by: kernel, observe: observe) else { return nil }
        let points = path.map { LandscapePoint(data, at: $0) }
        let traces = zip(points, variability).map { $0.hessian.contracted(with: $1) }
        let own = [
            Series(.gap, points.map { $0.testLoss - $0.trainLoss }),
            Series(.variabilityTrace, traces),
            Series(.solutionVariance, variability.map(\.trace)),
        ]
        // The lemma and the proposition are about SGD.
        guard lane.algorithm == .sgd else { return own }
        return own + boundSeries(lane, points, data, draws) + bootstrapSeries(points.dropLast(), data, at: coordinates)
    }

    /// AV_t = (1/N) Σᵢ E_z′ J(A_t(Sⁱ) − A_t(S)), with the mean over the whole population for z′: N × C copies, lanes of the kernel that
    /// trained the path itself.
    private func algorithmicVariability<K: LandscapeKernel>(
        of lane: Lane, _ path: [SIMD2<Double>], _ data: LandscapeData, _ draws: [LandscapeDraw], by kernel: K.Type,
        observe: ([Observation]) -> Flow
    ) -> [Symmetric2]? {
        var sums = [Symmetric2](repeating: Symmetric2(), count: path.count)
        for index in 0..<samples {
            for first in stride(from: 0, to: candidates, by: K.width) {
                let copies = (first..<min(first + K.width, candidates)).map { (lane, Replacement(index: index, candidate: $0)) }
                let steps = steps(copies, data, start: path[0], by: kernel) { draws[$0] }
                var kernel = K(data, steps, decay: learningRateDecay, start: path[0])
                for (iteration, draw) in draws.enumerated() {
                    kernel.evaluate()
                    kernel.step(draw)
                    for copy in copies.indices {
                        sums[iteration + 1].addSquare(of: kernel.parameters(ofLane: copy) - path[iteration + 1])
                    }
                }
            }
            if observe([]) == .stop { return nil }
        }
        return sums.map { $0.divided(by: Double(samples * candidates)) }
    }

    /// The two terms of Lemma 2 (Eq. 6 and 7) at every iteration, with batches of B: each sample's share of a step is η/B, and after t
    /// iterations M = ⌈tB/N⌉.
    private func boundSeries(
        _ lane: Lane, _ points: [LandscapePoint], _ data: LandscapeData, _ draws: [LandscapeDraw]
    ) -> [Series] {
        var population = Symmetric2(), batch = Symmetric2(), rate = lane.learningRate
        var first = [0.0], second = [0.0]
        for (iteration, draw) in draws.enumerated() {
            let before = points[iteration], share = rate / Double(batchSize)
            for index in draw.batch {
                population.add(before.testCovariance, times: share * share)
                batch.addSquare(of: before.gradients[data.samples[index]] - before.testGradient, times: share * share)
            }
            let passes = Double(((iteration + 1) * batchSize + samples - 1) / samples)
            let hessian = points[iteration + 1].hessian
            first.append(passes * hessian.contracted(with: population))
            second.append(passes * hessian.contracted(with: batch))
            rate *= learningRateDecay
        }
        return [Series(.boundPopulation, first), Series(.boundBatch, second)]
    }

    /// Proposition 1 at the end of the path: how far Σ_t B Σ̂_B, each estimated from K batches drawn anew, is from Σ_t E_z J(g_z − g_D).
    /// One value for each K of `Bootstrap` and one for Σ_B itself.
    /// - Parameter points: the points at which the steps began.
    private func bootstrapSeries(_ points: ArraySlice<LandscapePoint>, _ data: LandscapeData, at coordinates: Coordinates) -> [Series] {
        var target = Symmetric2(), exact = Symmetric2()
        var estimates = Bootstrap.counts.map { _ in Symmetric2() }
        for (iteration, point) in points.enumerated() {
            target.add(point.testCovariance)
            exact.add(point.trainCovariance)
            var stream = RandomStream(
                seed: coordinates.seed, for: .bootstrap, step: iteration, trainingSet: coordinates.trainingSet,
                initialization: coordinates.initialization, replicate: coordinates.replicate)
            for draw in 0..<Bootstrap.counts.last! {
                let batch = (0..<batchSize).map { _ in data.samples[Int(stream.nextInteger(below: UInt32(samples)))] }
                let deviation = point.batchGradient(batch) - point.trainGradient
                for (index, count) in Bootstrap.counts.enumerated() where draw < count {
                    estimates[index].addSquare(of: deviation, times: Double(batchSize) / Double(count))
                }
            }
        }
        let all = estimates + [exact]
        return [
            Series(.bootstrapRatio, all.map { $0.trace / target.trace }),
            Series(
                .bootstrapError,
                all.map { estimate in
                    var difference = estimate
                    difference.add(target, times: -1)
                    return difference.norm / target.norm
                }),
            Series(.accumulatedCovariance, [exact.trace]),
        ]
    }
}
