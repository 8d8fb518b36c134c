// ConvolutionalNetwork.swift · Compute/ConvolutionalNetwork. The convolutional network on Fashion-MNIST, the paper's appendix A.3 (Figure 5).
// In: images and a configuration, checked here. Out: records, by way of NetworkTraining.swift and ConvolutionalKernel.swift.

public import Vocabulary

/// Two convolutions and two dense layers under softmax and cross-entropy, trained by SGD with weight decay, clipping and a penalty on the
/// norm of the mini-batch's gradient. Float32.
public struct ConvolutionalNetwork: Problem {
    public static let declaration = ProblemDeclaration.convolutionalNetwork

    public let configuration: Configuration

    public let train: ImageSet, test: ImageSet
    /// N: the first so many images of `train` are the training set.
    public let samples: Int
    public let pool: Pooling
    /// The batch size B. An incomplete last batch of an epoch is not used.
    public let batchSize: Int
    public let epochs: Int
    /// Factor of the learning rate after each epoch.
    public let learningRateDecay: Double
    /// The norm to which a longer direction is shortened; 0 for none.
    public let clipNorm: Double
    /// 0: the penalty is λ2‖g_B‖². k > 0: it is λ2‖g_B − ḡ‖², with the whole training set's gradient ḡ taken anew at every k-th step of
    /// an epoch, from its first, and held constant in between.
    public let batchGradientEvery: Int

    public init(_ configuration: Configuration, _ data: some DataSource) throws {
        try self.init(
            configuration, train: data.images(configuration.file("training_images"), labels: configuration.file("training_labels")),
            test: data.images(configuration.file("test_images"), labels: configuration.file("test_labels")))
    }

    /// - Parameter configuration: values that the declaration allows; the files that it names are not looked at.
    /// - Throws: for a training set with fewer images than `samples`.
    public init(_ configuration: Configuration, train: ImageSet, test: ImageSet) throws(ParameterError) {
        self.configuration = configuration
        (self.train, self.test) = (train, test)
        samples = configuration.integer("samples")
        pool = configuration.choice("pool")
        batchSize = configuration.integer("batch_size")
        epochs = configuration.integer("epochs")
        learningRateDecay = configuration.real("learning_rate_decay")
        clipNorm = configuration.real("clip_norm")
        batchGradientEvery = configuration.integer("batch_gradient_every")
        guard samples <= train.count else {
            throw ParameterError("samples", found: samples, allowed: "at most the \(train.count) images of the training set")
        }
    }

    /// The arrays that make up the parameters of a record or a checkpoint, in order, each row-major.
    public var tensors: [Tensor] { shape.tensors }

    public func check(_ checkpoint: TrainingState) throws(ParameterError) {
        guard checkpoint.parameters.count == shape.count, checkpoint.parameters.allSatisfy(\.isFinite) else {
            throw ParameterError("checkpoint", found: "\(checkpoint.parameters.count) parameters", allowed: "\(shape.count) finite ones")
        }
        guard (0...epochs).contains(checkpoint.epochs) else {
            throw ParameterError("checkpoint", found: "after \(checkpoint.epochs) epochs", allowed: "after 0 to \(epochs)")
        }
        let rule = CurveRule(epochs: epochs)
        let due = rule.points(after: checkpoint.epochs)
        let isRight =
            checkpoint.curve.count == due && checkpoint.series.map(\.name) == Self.seriesNames
            && checkpoint.series.allSatisfy { $0.values.count == due }
        guard isRight, zip(checkpoint.curve, 1...).allSatisfy({ $0.epoch == min($1 * rule.stride, epochs) }) else {
            throw ParameterError(
                "checkpoint", found: "\(checkpoint.curve.count) curve points",
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
        _ lanes: [Lane], at coordinates: Coordinates, from checkpoints: [TrainingState?], threads: Int, goOn: () -> Flow,
        observe: (EpochEnd) -> Flow
    ) -> [TrialRecord]? {
        NetworkTraining(self, coordinates, lanes, from: checkpoints, threads: threads).run(goOn: goOn, observe: observe)
    }
}

extension ConvolutionalNetwork {
    /// The series of a record, with one value for each point of the curve.
    static let seriesNames = declaration.series.map(\.name.rawValue)

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

    /// The learning rate η in an epoch, which is counted from 0.
    func learningRate(_ lane: Lane, epoch: Int) -> Double { (0..<epoch).reduce(lane.learningRate) { rate, _ in rate * learningRateDecay } }
}
