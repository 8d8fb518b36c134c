// DiagonalNetworkSeries.swift · Compute/DiagonalNetwork, after DiagonalNetwork.swift. How the solution of a trial that is done depends on its training
// set. Definitions: Docs/numerics.md, "Network: series".

internal import Vocabulary

extension DiagonalNetwork {
    /// The gap (Eq. 1), the variability (Eq. 5) and the bounds of Lemma 2, at the start and after every epoch; and the errors of
    /// Proposition 1 over all epochs.
    /// - Parameter observe: called without observations after each epoch and between the retrained copies.
    /// - Returns: nil when `observe` returned `.stop`.
    func variabilitySeries(of lane: Lane, at coordinates: Coordinates, observe: ([Observation]) -> Flow) -> [Series]? {
        let data = DiagonalNetworkData(self, at: coordinates)
        let set = TrainingSet<Double>(data, batchSize: batchSize)
        let start = DiagonalNetworkData.initialParameters(self, at: coordinates)
        guard let trial = trialSeries(of: lane, set, start: start, at: coordinates, observe: observe) else { return nil }
        guard
            let copies = algorithmicVariability(
                of: lane, data, set, start: start, trial.path, at: coordinates, observe: observe)
        else { return nil }
        return [trial.series[0]] + copies + trial.series.dropFirst()
    }

    /// The order of an epoch, with the rows of each batch sorted.
    private func batches(at coordinates: Coordinates, epoch: Int) -> [Int] {
        var order = DiagonalNetworkData.batchOrder(self, at: coordinates, epoch: epoch)
        for first in stride(from: 0, to: samples, by: batchSize) { order[first..<first + batchSize].sort() }
        return order
    }

    /// The series of the trial itself, and the points of its path.
    ///
    /// A sample's share of a step is η/B and M = ⌈tB/N⌉ is the number of epochs, as for `Landscape`; the sums of Lemma 2 run over all steps.
    private func trialSeries(
        of lane: Lane, _ set: TrainingSet<Double>, start: [Double], at coordinates: Coordinates, observe: ([Observation]) -> Flow
    ) -> (path: [DiagonalNetworkTrainingPoint], series: [Series])? {
        let products = innerProducts(set)
        let share = lane.learningRate / Double(batchSize)
        var trial = BaselineTrial(set, learningRate: lane.learningRate, start: start)
        var population = SymmetricMatrix(rows: 2 * dimension), batch = population
        var bootstrap = DiagonalNetworkBootstrap(self)
        var path: [DiagonalNetworkTrainingPoint] = []
        var traces: [Double] = [], first: [Double] = [], second: [Double] = []
        for epoch in 0...epochs {
            let here = DiagonalNetworkPoint(set, at: trial.theta).onTrainingSet()
            let slopes = here.deviationSlopes()
            let hessian = here.halfHessian(products)
            path.append(here)
            traces.append(here.covarianceTrace(slopes))
            first.append(Double(epoch) * (2 * hessian.contracted(with: population) / Double(samples)))
            second.append(Double(epoch) * (2 * hessian.contracted(with: batch) / Double(samples)))
            guard epoch < epochs else { break }
            bootstrap.add(here.point, slopes, at: coordinates, epoch: epoch)
            let order = batches(at: coordinates, epoch: epoch)
            for first in stride(from: 0, to: samples, by: batchSize) {
                let rows = order[first..<first + batchSize], before = DiagonalNetworkPoint(set, at: trial.theta)
                before.addPopulationCovariance(to: &population, times: share * share * Double(batchSize))
                for row in rows { batch.addSquare(of: before.deviationFromPopulation(row), times: share * share) }
                trial.step(batch: rows)
            }
            if observe([]) == .stop { return nil }
        }
        let series = [
            Series(.gap, path.map(\.gap)), Series(.covarianceTrace, traces),
            Series(.boundPopulation, first), Series(.boundBatch, second),
        ]
        return (path, series + bootstrap.series)
    }

    /// XᵀX, of shape (d, d).
    private func innerProducts(_ set: TrainingSet<Double>) -> [Double] {
        let d = dimension
        var products = [Double](repeating: 0, count: d * d)
        for i in 0..<samples {
            for j in 0..<d {
                let x = set.inputs[i * d + j]
                for k in 0..<d { products[j * d + k] = products[j * d + k].addingProduct(x, set.inputs[i * d + k]) }
            }
        }
        return products
    }

    /// Tr(∇²L(S; A_t) AV_t) and Tr AV_t with AV_t = (1/N) Σᵢ E_z′ J(A_t(Sⁱ) − A_t(S)), where the mean over z′ is one over `replacements`
    /// fresh samples for each index.
    private func algorithmicVariability(
        of lane: Lane, _ data: DiagonalNetworkData, _ set: TrainingSet<Double>, start: [Double], _ path: [DiagonalNetworkTrainingPoint],
        at coordinates: Coordinates, observe: ([Observation]) -> Flow
    ) -> [Series]? {
        var forms = [Double](repeating: 0, count: epochs + 1), squares = forms
        for index in 0..<samples {
            let fresh = data.fresh(self, at: coordinates, index: index)
            for first in stride(from: 0, to: replacements, by: BaselineCopies.width) {
                let members = first..<min(first + BaselineCopies.width, replacements)
                let copies = BaselineCopies(
                    set, index: index, fresh: fresh, members: members, learningRate: lane.learningRate, start: start)
                for epoch in 0..<epochs {
                    let order = batches(at: coordinates, epoch: epoch)
                    for n in stride(from: 0, to: samples, by: batchSize) { copies.step(batch: order[n..<n + batchSize]) }
                    let deviation = copies.deviation(from: path[epoch + 1])
                    for lane in members.indices {
                        forms[epoch + 1] += deviation.form[lane - first]
                        squares[epoch + 1] += deviation.square[lane - first]
                    }
                }
                if observe([]) == .stop { return nil }
            }
        }
        let copies = Double(samples * replacements)
        return [
            Series(.variabilityTrace, forms.map { 2 * $0 / Double(samples) / copies }),
            Series(.solutionVariance, squares.map { $0 / copies }),
        ]
    }
}

/// Proposition 1: how far Σ_t B Σ̂_B, each estimated from K batches drawn anew, is from Σ_t E_z J(g_z − g_D), t running over the epochs'
/// starts.
private struct DiagonalNetworkBootstrap {
    private let problem: DiagonalNetwork
    private var target: SymmetricMatrix, exact: SymmetricMatrix
    /// The estimates, one for each K of `Bootstrap`.
    private var estimates: [SymmetricMatrix]

    init(_ problem: DiagonalNetwork) {
        self.problem = problem
        target = SymmetricMatrix(rows: 2 * problem.dimension)
        exact = target
        estimates = Bootstrap.counts.map { [target] _ in target }
    }

    /// - Parameter slopes: the slopes of gᵢ − ḡ, of shape (N, d).
    mutating func add(_ point: DiagonalNetworkPoint, _ slopes: [[Double]], at coordinates: Coordinates, epoch: Int) {
        point.addPopulationCovariance(to: &target, times: 1)
        let weight = 1 / Double(problem.samples), size = problem.batchSize
        for slope in slopes { exact.addSquare(of: point.gradient(ofSlope: slope), times: weight) }
        var stream = RandomStream(
            seed: coordinates.seed, for: .bootstrap, step: epoch, trainingSet: coordinates.trainingSet,
            initialization: coordinates.initialization, replicate: coordinates.replicate)
        for draw in 0..<Bootstrap.counts.last! {
            var mean = [Double](repeating: 0, count: problem.dimension)
            for _ in 0..<size {
                let slope = slopes[Int(stream.nextInteger(below: UInt32(problem.samples)))]
                for j in mean.indices { mean[j] += slope[j] }
            }
            let deviation = point.gradient(ofSlope: mean.map { $0 / Double(size) })
            for (index, count) in Bootstrap.counts.enumerated() where draw < count {
                estimates[index].addSquare(of: deviation, times: Double(size) / Double(count))
            }
        }
    }

    var series: [Series] {
        let all = estimates + [exact], size = target.norm
        return [
            Series(.bootstrapRatio, all.map { $0.trace / target.trace }),
            Series(
                .bootstrapError,
                all.map { estimate in
                    var difference = estimate
                    difference.subtract(target)
                    return difference.norm / size
                }),
            Series(.accumulatedCovariance, [exact.trace]),
        ]
    }
}
