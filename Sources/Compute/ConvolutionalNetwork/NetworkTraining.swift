// NetworkTraining.swift · Compute/ConvolutionalNetwork, between ConvolutionalNetwork.swift and its kernel. In: lanes, each from its start or from a
// checkpoint. Out: records. Decides the order of steps and of evaluations and when a trial has diverged.

internal import Vocabulary

/// Trains the lanes of one group, epoch by epoch.
struct NetworkTraining {
    /// A lane's parameters, in the kernels' layout, and its record so far.
    private struct Trial {
        let lane: Lane
        let step: NetworkStep
        let theta: Buffer<Float>
        var record: TrialRecord
    }

    /// Images of one pass of an evaluation at most; any number gives the same bits.
    private static let evaluated = 32
    /// Steps, or batches of an evaluation, between two calls of `goOn`: less than a second.
    private static let patience = 32

    private let problem: ConvolutionalNetwork
    private let coordinates: Coordinates
    private let rule: CurveRule
    private let team: ThreadTeam
    private let kernel: ConvolutionalKernel
    private let offsets: [Int]
    private let gradient: Buffer<Float>, product: Buffer<Float>
    /// The gradients ḡ and g_B − ḡ; empty where `batch_gradient_every` is 0.
    private let batchGradient: Buffer<Float>, difference: Buffer<Float>
    private var trials: [Trial]

    init(_ problem: ConvolutionalNetwork, _ coordinates: Coordinates, _ lanes: [Lane], from checkpoints: [TrainingState?], threads: Int) {
        let shape = problem.shape
        let offsets = shape.offsets
        func memory(_ isNeeded: Bool) -> Buffer<Float> { Buffer(Array(repeating: 0, count: isNeeded ? shape.memory : 0)) }
        self.problem = problem
        self.coordinates = coordinates
        self.offsets = offsets
        rule = CurveRule(epochs: problem.epochs)
        team = ThreadTeam(size: threads)
        kernel = ConvolutionalKernel(shape: shape, batch: max(problem.batchSize, Self.evaluated), team: team)
        gradient = memory(true)
        product = memory(lanes.contains { $0.strengths[.lambda2] > 0 })
        batchGradient = memory(problem.batchGradientEvery > 0)
        difference = memory(problem.batchGradientEvery > 0)
        let start = checkpoints.allSatisfy { $0 != nil } ? [] : problem.initialParameters(at: coordinates)
        trials = zip(lanes, checkpoints).map { lane, checkpoint in
            let theta = memory(true)
            for (offset, value) in zip(offsets, checkpoint?.parameters ?? start) { theta[offset] = value }
            var record = TrialRecord(
                outcome: .done, epochs: checkpoint?.epochs ?? 0, trainLoss: .nan, testLoss: .nan, curve: checkpoint?.curve ?? [],
                parameterBits: [])
            record.series = checkpoint?.series ?? ConvolutionalNetwork.seriesNames.map { Series(name: $0, values: []) }
            let step = NetworkStep(
                productFactor: 2 * lane.strengths[.lambda2], decay: lane.strengths[.weightDecay], clipNorm: problem.clipNorm)
            return Trial(lane: lane, step: step, theta: theta, record: record)
        }
    }

    /// - Parameters:
    ///   - goOn: called about once a second.
    ///   - observe: called at the end of every epoch in which a lane was alive.
    /// - Returns: one record for each lane; nil if either returned `.stop`.
    consuming func run(goOn: () -> Flow, observe: (EpochEnd) -> Flow) -> [TrialRecord]? {
        let first = (trials.map(\.record.epochs).min() ?? 0) + 1
        for epoch in stride(from: first, through: problem.epochs, by: 1) {
            var observations: [Observation] = []
            var isAlive = false
            for index in trials.indices where trials[index].record.outcome == .done && trials[index].record.epochs < epoch {
                guard train(index, epoch: epoch, goOn: goOn) == .goOn else { return nil }
                trials[index].record.epochs = epoch
                guard trials[index].record.outcome == .done else { continue }
                if rule.hasPoint(at: epoch) {
                    guard let point = evaluate(index, epoch: epoch, goOn: goOn) else { return nil }
                    guard trials[index].record.outcome == .done else { continue }
                    observations.append(Observation(lane: index, point: point))
                }
                isAlive = true
            }
            guard isAlive else { continue }
            let (trials, offsets) = (trials, offsets)
            let end = EpochEnd(epoch: epoch, observations: observations) { lane in Self.checkpoint(of: trials[lane], offsets) }
            if observe(end) == .stop { return nil }
        }
        return trials.map { trial in
            var record = trial.record
            guard record.outcome == .done, let last = record.curve.last else { return record }
            record.trainLoss = last.trainLoss
            record.testLoss = last.testLoss
            record.parameterBits = offsets.map { UInt64(trial.theta[$0].bitPattern) }
            return record
        }
    }

    private static func checkpoint(of trial: Trial, _ offsets: [Int]) -> TrainingState? {
        guard trial.record.outcome == .done else { return nil }
        return TrainingState(
            epochs: trial.record.epochs, parameters: offsets.map { trial.theta[$0] }, curve: trial.record.curve, series: trial.record.series
        )
    }

    /// Trains one lane for one epoch. A step whose loss or direction is not finite ends the trial.
    private mutating func train(_ index: Int, epoch: Int, goOn: () -> Flow) -> Flow {
        let trial = trials[index]
        let order = problem.order(at: coordinates, epoch: epoch - 1)
        let rate = problem.learningRate(trial.lane, epoch: epoch - 1)
        for step in 0..<problem.samples / problem.batchSize {
            if step % Self.patience == 0, goOn() == .stop { return .stop }
            if trial.lane.strengths[.lambda2] > 0, problem.batchGradientEvery > 0, step % problem.batchGradientEvery == 0 {
                guard takeBatchGradient(trial.theta, goOn: goOn) == .goOn else { return .stop }
            }
            let batch = order[step * problem.batchSize..<(step + 1) * problem.batchSize]
            guard self.step(trial, batch, rate: rate) else {
                trials[index].record.outcome = .diverged
                return .goOn
            }
        }
        return .goOn
    }

    private func step(_ trial: Trial, _ batch: ArraySlice<Int>, rate: Double) -> Bool {
        let losses = kernel.forward(trial.theta, on: problem.train, batch)
        guard losses.reduce(0, { $0 + $1.loss }).isFinite else { return false }
        kernel.gradient(trial.theta, on: problem.train, batch, losses, into: gradient)
        if trial.lane.strengths[.lambda2] > 0 {
            if problem.batchGradientEvery > 0 {
                for k in stride(from: 0, to: kernel.shape.memory, by: 8) {
                    store(load(gradient.base + k) - load(batchGradient.base + k), difference.base + k)
                }
            }
            kernel.product(
                trial.theta, with: problem.batchGradientEvery > 0 ? difference : gradient, batch.count, losses, into: product)
        }
        return trial.step.update(
            trial.theta, gradient, trial.lane.strengths[.lambda2] > 0 ? product : nil, count: kernel.shape.memory, rate: rate, team: team)
    }

    /// Computes ḡ: the sum of the batches' mean gradients in the order of the images, weighted by the batches' sizes; the last batch may be
    /// smaller.
    private func takeBatchGradient(_ theta: Buffer<Float>, goOn: () -> Flow) -> Flow {
        batchGradient.base.update(repeating: 0, count: kernel.shape.memory)
        let images = Array(0..<problem.samples)
        for (number, first) in stride(from: 0, to: images.count, by: problem.batchSize).enumerated() {
            if number % Self.patience == 0, goOn() == .stop { return .stop }
            let batch = images[first..<min(first + problem.batchSize, images.count)]
            let losses = kernel.forward(theta, on: problem.train, batch)
            kernel.gradient(theta, on: problem.train, batch, losses, into: gradient)
            let share = Vector(repeating: Float(Double(batch.count) / Double(images.count)))
            for k in stride(from: 0, to: kernel.shape.memory, by: 8) {
                store(load(batchGradient.base + k).addingProduct(share, load(gradient.base + k)), batchGradient.base + k)
            }
        }
        return .goOn
    }

    /// Adds a point to the curve, unless a loss is not finite.
    /// - Returns: nil if `goOn` returned `.stop`.
    private mutating func evaluate(_ index: Int, epoch: Int, goOn: () -> Flow) -> CurvePoint? {
        let theta = trials[index].theta
        guard let train = means(theta, on: problem.train, images: problem.samples, goOn: goOn),
            let test = means(theta, on: problem.test, images: problem.test.count, goOn: goOn)
        else { return nil }
        let point = CurvePoint(epoch: epoch, trainLoss: train.loss, testLoss: test.loss)
        if train.loss.isFinite, test.loss.isFinite {
            trials[index].record.curve.append(point)
            trials[index].record.series[0].values.append(test.accuracy)
        } else {
            trials[index].record.outcome = .diverged
        }
        return point
    }

    /// Mean loss and the share of images whose class is predicted, over the first `images` of a set.
    private func means(
        _ theta: Buffer<Float>, on set: ImageSet, images: Int, goOn: () -> Flow
    ) -> (loss: Double, accuracy: Double)? {
        var loss = 0.0, right = 0
        let all = Array(0..<images)
        for (number, first) in stride(from: 0, to: images, by: Self.evaluated).enumerated() {
            if number % Self.patience == 0, goOn() == .stop { return nil }
            let indices = all[first..<min(first + Self.evaluated, images)]
            for (index, result) in zip(indices, kernel.forward(theta, on: set, indices, keepsLists: false)) {
                loss += result.loss
                right += result.prediction == Int(set.labels[index]) ? 1 : 0
            }
        }
        return (loss / Double(images), Double(right) / Double(images))
    }
}
