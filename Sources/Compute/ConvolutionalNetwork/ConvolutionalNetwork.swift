// ConvolutionalNetwork.swift · Compute/ConvolutionalNetwork. The convolutional network on Fashion-MNIST, the paper's appendix A.3 (Figure 5).
// In: images and a configuration, checked here. Out: records, by way of NetworkTraining.swift and ConvolutionalKernel.swift.

/// Two convolutions and two dense layers under softmax and cross-entropy, trained by SGD with weight decay, clipping and a penalty on the
/// norm of the mini-batch's gradient. Float32.
public struct ConvolutionalNetwork: Problem {
    public static let name = "convolutional-network"

    public let train: ImageSet, test: ImageSet
    /// N: the first so many images of `train` are the training set.
    public let samples: Int
    public let pool: Pooling
    /// B; what an epoch has left over when it is cut into batches is not used in it.
    public let batchSize: Int
    public let epochs: Int
    /// What the learning rate is multiplied with after each epoch.
    public let learningRateDecay: Double
    /// λ of the term λθ that is added to each gradient.
    public let weightDecay: Double
    /// The norm to which a longer direction is shortened; 0 for none.
    public let clipNorm: Double
    /// 0: the penalty is λ2‖g_B‖². k > 0: it is λ2‖g_B − ḡ‖², with the whole training set's gradient ḡ taken anew at every k-th step of
    /// an epoch, from its first, and held constant in between.
    public let batchGradientEvery: Int

    /// What memory and the random counters can hold.
    public enum Limit {
        public static let batchSize = 1 << 10
        public static let weightDecay = 1e3, clipNorm = 1e6
    }

    /// The defaults are those of numerics.md.
    /// - Throws: for a value that cannot be computed, with its name in a sweep file.
    public init(
        train: ImageSet, test: ImageSet, samples: Int = 60_000, pool: Pooling = .max, batchSize: Int = 32, epochs: Int = 400,
        learningRateDecay: Double = 0.99, weightDecay: Double = 0.01, clipNorm: Double = 1, batchGradientEvery: Int = 0
    ) throws(PlanError) {
        try require("samples", samples, 1...train.count)
        try require("batch_size", batchSize, 1...min(samples, Limit.batchSize))
        try require("epochs", epochs, 1...(1 << 32 - 1))
        try require("learning_rate_decay", learningRateDecay, 0...1)
        try require("weight_decay", weightDecay, 0...Limit.weightDecay)
        try require("clip_norm", clipNorm, 0...Limit.clipNorm)
        try require("batch_gradient_every", batchGradientEvery, 0...(1 << 32 - 1))
        self.train = train
        self.test = test
        self.samples = samples
        self.pool = pool
        self.batchSize = batchSize
        self.epochs = epochs
        self.learningRateDecay = learningRateDecay
        self.weightDecay = weightDecay
        self.clipNorm = clipNorm
        self.batchGradientEvery = batchGradientEvery
    }

    /// The arrays that a record's or a checkpoint's parameters are, one after the other, row-major.
    public var tensors: [Tensor] { shape.tensors }

    public func check(_ lanes: [Lane], at coordinates: Coordinates) throws(PlanError) {
        guard coordinates.trainingSet == 0 else {
            throw PlanError(parameter: "training_set", value: "\(coordinates.trainingSet)", allowed: "0: the images are one training set")
        }
        for lane in lanes {
            guard lane.algorithm == .sgd else {
                throw PlanError(parameter: "algorithm", value: lane.algorithm.rawValue, allowed: "sgd with \(Self.name)")
            }
            guard lane.lambda1 == 0 else {
                throw PlanError(parameter: "lambda1", value: "\(lane.lambda1)", allowed: "0 with \(Self.name)")
            }
        }
    }

    public func check(_ checkpoint: Checkpoint) throws(PlanError) {
        guard checkpoint.parameters.count == shape.count, checkpoint.parameters.allSatisfy(\.isFinite) else {
            throw PlanError(
                parameter: "checkpoint", value: "\(checkpoint.parameters.count) parameters", allowed: "\(shape.count) finite ones")
        }
        guard (0...epochs).contains(checkpoint.epochs) else {
            throw PlanError(parameter: "checkpoint", value: "after \(checkpoint.epochs) epochs", allowed: "after 0 to \(epochs)")
        }
        let rule = CurveRule(epochs: epochs)
        let due = checkpoint.epochs / rule.stride + (checkpoint.epochs == epochs && epochs % rule.stride != 0 ? 1 : 0)
        let isRight =
            checkpoint.curve.count == due && checkpoint.series.map(\.name) == Self.seriesNames
            && checkpoint.series.allSatisfy { $0.values.count == due }
        guard isRight, zip(checkpoint.curve, 1...).allSatisfy({ $0.epoch == min($1 * rule.stride, epochs) }) else {
            throw PlanError(
                parameter: "checkpoint", value: "\(checkpoint.curve.count) curve points",
                allowed: "\(due), at the epochs that have one, with the same number of each of \(Self.seriesNames)")
        }
    }

    @inline(never)
    public func train(_ lanes: [Lane], at coordinates: Coordinates, observe: ([Observation]) -> Flow) -> [TrialRecord]? {
        train(lanes, at: coordinates, from: lanes.map { _ in nil }, threads: 1, goOn: { .goOn }) { end in
            end.observations.isEmpty ? .goOn : observe(end.observations)
        }
    }

    @inline(never)
    public func train(
        _ lanes: [Lane], at coordinates: Coordinates, from checkpoints: [Checkpoint?], threads: Int, goOn: () -> Flow,
        observe: (EpochEnd) -> Flow
    ) -> [TrialRecord]? {
        NetworkTraining(self, coordinates, lanes, from: checkpoints, threads: threads).run(goOn: goOn, observe: observe)
    }
}

extension ConvolutionalNetwork {
    /// What a record has besides losses, at each point of the curve.
    static let seriesNames = ["test_accuracy"]

    var shape: NetworkShape { NetworkShape(pool: pool) }

    /// θ at the start, in the order of `tensors`: uniform within ±1/√fanIn.
    func initialParameters(at coordinates: Coordinates) -> [Float] {
        var stream = RandomStream(seed: coordinates.seed, for: .initialParameters, initialization: coordinates.initialization)
        return shape.tensors.flatMap { tensor in
            let bound = 1 / Double(tensor.fanIn).squareRoot()
            return (0..<tensor.count).map { _ in Float((2 * stream.nextUniform() - 1) * bound) }
        }
    }

    /// - Parameter epoch: from 0.
    func order(at coordinates: Coordinates, epoch: Int) -> [Int] {
        var stream = RandomStream(
            seed: coordinates.seed, for: .batchOrder, step: epoch, trainingSet: coordinates.trainingSet,
            initialization: coordinates.initialization, replicate: coordinates.replicate)
        return stream.nextPermutation(of: samples)
    }

    /// η in an epoch, from 0.
    func learningRate(_ lane: Lane, epoch: Int) -> Double { (0..<epoch).reduce(lane.learningRate) { rate, _ in rate * learningRateDecay } }
}
