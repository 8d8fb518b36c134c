// DiagonalNetworkData.swift · Compute/DiagonalNetwork, between Random and the kernels.
// In: configuration and coordinates. Out: β, training set, initial parameters and batch orders in Float64, each from its own
// stream (Docs/numerics.md, "Data"), so that more of one moves no number of another.

/// One training set and the truth behind it.
struct DiagonalNetworkData {
    /// β, of shape (d). The same for all training sets of a master seed.
    let truth: [Double]
    /// X, of shape (N, d), row-major, standard normal.
    let inputs: [Double]
    /// y, of shape (N).
    let labels: [Double]
    /// Variance of the label noise: the risk of a perfect model.
    let noiseVariance: Double

    init(_ problem: DiagonalNetwork, at coordinates: Coordinates) {
        let d = problem.dimension
        var positions = RandomStream(seed: coordinates.seed, for: .truthPositions)
        var values = RandomStream(seed: coordinates.seed, for: .truthValues)
        var truth = [Double](repeating: 0, count: d)
        for position in positions.nextPermutation(of: d).prefix(problem.nonzero) {
            truth[position] = problem.signalVariance.squareRoot() * values.nextNormal()
        }
        var x = RandomStream(seed: coordinates.seed, for: .trainingInputs, trainingSet: coordinates.trainingSet)
        var noise = RandomStream(seed: coordinates.seed, for: .labelNoise, trainingSet: coordinates.trainingSet)
        var inputs: [Double] = []
        inputs.reserveCapacity(problem.samples * d)
        var labels: [Double] = []
        for _ in 0..<problem.samples {
            var signal = 0.0
            for j in 0..<d {
                let value = x.nextNormal()
                inputs.append(value)
                signal = signal.addingProduct(truth[j], value)
            }
            labels.append(signal + problem.noiseVariance.squareRoot() * noise.nextNormal())
        }
        self.init(truth: truth, inputs: inputs, labels: labels, noiseVariance: problem.noiseVariance)
    }

    /// Makes a data set from given values; only tests do so.
    init(truth: [Double], inputs: [Double], labels: [Double], noiseVariance: Double) {
        self.truth = truth
        self.inputs = inputs
        self.labels = labels
        self.noiseVariance = noiseVariance
    }

    /// θ = (a, b) at the start, of shape (2d).
    static func initialParameters(_ problem: DiagonalNetwork, at coordinates: Coordinates) -> [Double] {
        var stream = RandomStream(
            seed: coordinates.seed, for: .initialParameters, initialization: coordinates.initialization)
        return (0..<2 * problem.dimension).map { _ in problem.initializationScale * stream.nextNormal() }
    }

    /// `replacements` samples of the population that are in no training set, to replace the one at `index`.
    func fresh(_ problem: DiagonalNetwork, at coordinates: Coordinates, index: Int) -> DiagonalNetworkData {
        var stream = RandomStream(
            seed: coordinates.seed, for: .freshSample, step: index, trainingSet: coordinates.trainingSet,
            initialization: coordinates.initialization, replicate: coordinates.replicate)
        var inputs: [Double] = [], labels: [Double] = []
        for _ in 0..<problem.replacements {
            var signal = 0.0
            for value in truth {
                inputs.append(stream.nextNormal())
                signal = signal.addingProduct(value, inputs[inputs.count - 1])
            }
            labels.append(signal + noiseVariance.squareRoot() * stream.nextNormal())
        }
        return DiagonalNetworkData(truth: truth, inputs: inputs, labels: labels, noiseVariance: noiseVariance)
    }

    /// The order of the samples in an epoch; batch n is its range nB ..< (n+1)B.
    /// - Parameter epoch: from 0.
    static func batchOrder(_ problem: DiagonalNetwork, at coordinates: Coordinates, epoch: Int) -> [Int] {
        var stream = RandomStream(
            seed: coordinates.seed, for: .batchOrder, step: epoch, trainingSet: coordinates.trainingSet,
            initialization: coordinates.initialization, replicate: coordinates.replicate)
        return stream.nextPermutation(of: problem.samples)
    }
}
