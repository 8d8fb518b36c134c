// NetworkTrainingTests.swift · Tests/ComputeTests. The convolutional network from its first epoch to its record: what is refused, what is
// learned, and that bits do not depend on company, pauses or replicate.

import Testing
import Vocabulary

@testable import Compute

@Suite("Convolutional network: training") struct NetworkTrainingTests {
    private let train = sampleImages(70, seed: 1), test = sampleImages(45, seed: 2)
    private let here = Coordinates(seed: 4, trainingSet: 0, initialization: 1, replicate: 2)
    private let baseline = Lane(lambda1: 0, lambda2: 0, weightDecay: 0.01, learningRate: 0.1)
    private let penalized = Lane(lambda1: 0, lambda2: 0.03, weightDecay: 0.01, learningRate: 0.1)
    private let falling = Lane(lambda1: 0, lambda2: 1e6, weightDecay: 0.01, learningRate: 1e30)

    private func network(epochs: Int = 4, clipNorm: Double = 1, every: Int = 0) throws -> ConvolutionalNetwork {
        try ConvolutionalNetwork(
            train: train, test: test, samples: 66, batchSize: 16, epochs: epochs, clipNorm: clipNorm, batchGradientEvery: every)
    }

    private func records(_ problem: ConvolutionalNetwork, _ lanes: [Lane]) throws -> [TrialRecord] {
        try #require(run(GroupPlan(problem: problem, coordinates: here, lanes: lanes)) { _ in .goOn })
    }

    @Test("it learns, and the penalty changes what it learns") func learns() throws {
        let records = try records(network(epochs: 30), [baseline, penalized])
        for record in records {
            #expect(record.outcome == .done && record.epochs == 30 && record.curve.map(\.epoch) == Array(1...30))
            #expect(record.parameterBits.count == 421_642)
            // Guessing is ln 10 = 2.30 and 0.1.
            #expect(record.trainLoss < 0.5 && record.testLoss < 1)
            #expect(record.series.map(\.name) == ["test_accuracy"] && record.series[0].values.count == 30)
            #expect(record.series[0].values.last! > 0.7)
        }
        #expect(records[0].parameterBits != records[1].parameterBits)
    }

    @Test("losses and accuracy are those of the plain loops on the parameters that the record has") func evaluation() throws {
        let record = try records(network(epochs: 1), [baseline])[0]
        var plain = ReferenceNetwork<Float>(
            shape: NetworkShape(pool: .max), theta: record.parameterBits.map { Float(bitPattern: UInt32($0)) })
        func means(_ set: ImageSet, _ count: Int) -> (loss: Double, accuracy: Double) {
            let intensities = pixelIntensities().map { Float($0) }
            let images = (0..<count).map { index in
                set.images[index * ImageFormat.pixels..<(index + 1) * ImageFormat.pixels].map { intensities[Int($0)] }
            }
            withFlushedDenormals { plain.forward(images: images, labels: (0..<count).map { Int(set.labels[$0]) }) }
            let right = plain.losses.enumerated().filter { $1.prediction == Int(set.labels[$0]) }.count
            return (plain.loss, Double(right) / Double(count))
        }
        let (trained, tested) = (means(train, 66), means(test, 45))
        #expect(record.trainLoss == trained.loss && record.testLoss == tested.loss)
        #expect(record.series[0].values == [tested.accuracy])
    }

    @Test("a record has the same bits when it is repeated and in any company") func company() throws {
        let problem = try network()
        let alone = try [baseline, penalized, falling].map { try records(problem, [$0])[0].bits }
        #expect(try records(problem, [baseline]).map(\.bits) == [alone[0]])
        #expect(try records(problem, [falling, penalized, baseline, penalized]).map(\.bits) == [alone[2], alone[1], alone[0], alone[1]])
    }

    @Test("order and start depend on the seed and their coordinates") func streams() throws {
        let problem = try network(epochs: 1)
        var others = [here, here, here]
        others[0].seed = 5
        others[1].initialization = 0
        others[2].replicate = 0
        let bits = try ([here] + others).map { coordinates in
            try #require(run(GroupPlan(problem: problem, coordinates: coordinates, lanes: [baseline])) { _ in .goOn })[0].bits
        }
        #expect(Set(bits).count == 4)
        let start = problem.initialParameters(at: here)
        #expect(start == problem.initialParameters(at: others[2]) && start != problem.initialParameters(at: others[1]))
        for (tensor, first) in zip(problem.tensors, problem.tensors.reduce(into: [0]) { $0.append($0.last! + $1.count) }) {
            let bound = 1 / Float(tensor.fanIn).squareRoot()
            let largest = start[first..<first + tensor.count].map(\.magnitude).max()!
            #expect(largest <= bound && largest > 0.7 * bound, "\(tensor.name)")
        }
        #expect(problem.order(at: here, epoch: 0).sorted() == Array(0..<66))
        #expect(problem.order(at: here, epoch: 0) != problem.order(at: here, epoch: 1))
        #expect((problem.learningRate(baseline, epoch: 2) - 0.1 * 0.99 * 0.99).magnitude < 1e-16)
    }

    @Test("a run that goes on from checkpoints ends with the bits of one that was never interrupted", arguments: [1, 2, 3, 4])
    func resumed(after epoch: Int) throws {
        let lanes = [penalized, falling, baseline]
        let plan = try GroupPlan(problem: network(every: 2), coordinates: here, lanes: lanes)
        var kept: [TrainingState?] = []
        var epochs: [Int] = []
        let interrupted = try run(plan, from: [nil, nil, nil], goOn: { .goOn }) { end in
            epochs.append(end.epoch)
            if end.epoch < epoch { return .goOn }
            kept = (0..<3).map(end.checkpoint)
            return .stop
        }
        #expect(interrupted == nil && epochs == Array(1...epoch))
        #expect(kept[1] == nil && kept[0]?.epochs == epoch && kept[0]?.curve.count == epoch)
        // One lane begins anew: they need not stand at the same epoch.
        kept[2] = epoch == 2 ? nil : kept[2]
        let whole = try #require(run(plan) { _ in .goOn })
        let resumed = try #require(try run(plan, from: kept, goOn: { .goOn }) { _ in .goOn })
        #expect(resumed.map(\.bits) == whole.map(\.bits))
        #expect(whole.map(\.outcome) == [.done, .diverged, .done])
    }

    @Test("threads that share a trial change no bit of it, nor of its checkpoints", arguments: [2, 3, 8])
    func threads(_ count: Int) throws {
        let plan = try GroupPlan(problem: network(every: 2), coordinates: here, lanes: [penalized, falling])
        func results(_ threads: Int) throws -> [[UInt64]] {
            var checkpoints: [[UInt64]] = []
            let records = try run(plan, from: [nil, nil], threads: threads, goOn: { .goOn }) { end in
                checkpoints.append((end.checkpoint(ofLane: 0)?.parameters ?? []).map { UInt64($0.bitPattern) })
                return .goOn
            }
            return try #require(records).map(\.bits) + checkpoints
        }
        let alone = try results(1)
        #expect(alone.count > 2 && alone.last?.isEmpty == false)
        #expect(try results(count) == alone)
    }

    @Test("a checkpoint that is none of the trial's is refused") func foreignCheckpoint() throws {
        let problem = try network(epochs: 60)
        let right = TrainingState(
            epochs: 3, parameters: problem.initialParameters(at: here), curve: [CurvePoint(epoch: 2, trainLoss: 1, testLoss: 1)],
            series: [Series(name: "test_accuracy", values: [0.5])])
        func isRefused(_ change: (inout TrainingState) -> Void) -> Bool {
            var checkpoint = right
            change(&checkpoint)
            do {
                try problem.check(checkpoint)
                return false
            } catch { return error.parameter == "checkpoint" }
        }
        #expect(!isRefused { _ in })
        #expect(isRefused { $0.parameters.removeLast() })
        #expect(isRefused { $0.parameters[7] = .nan })
        #expect(isRefused { $0.epochs = 61 })
        #expect(isRefused { $0.epochs = -1 })
        #expect(isRefused { $0.epochs = 4 })
        #expect(isRefused { $0.curve[0].epoch = 1 })
        #expect(isRefused { $0.curve = [] })
        #expect(isRefused { $0.series = [] })
        #expect(isRefused { $0.series[0].values = [] })
        let plan = try GroupPlan(problem: problem, coordinates: here, lanes: [baseline])
        #expect(throws: ParameterError.self) { _ = try run(plan, from: [], goOn: { .goOn }) { _ in .goOn } }
        let other = try GroupPlan(
            problem: DiagonalNetwork(dimension: 4, samples: 2, nonzero: 1, initializationScale: 0.3, epochs: 2), coordinates: here,
            lanes: [Lane(lambda1: 0, lambda2: 0, learningRate: 0.1)])
        #expect(throws: ParameterError.self) { _ = try run(other, from: [right], goOn: { .goOn }) { _ in .goOn } }
    }

    @Test("it stops when it is told to, in the middle of an epoch too") func stop() throws {
        let plan = try GroupPlan(problem: network(), coordinates: here, lanes: [baseline])
        var asked = 0
        let records = try run(
            plan, from: [nil],
            goOn: {
                asked += 1; return asked < 2 ? .goOn : .stop
            }
        ) { _ in .goOn }
        #expect(records == nil && asked == 2)
    }

    @Test("a step that is not finite ends a trial as diverged, at its epoch") func divergence() throws {
        let record = try records(network(), [falling])[0]
        #expect(record.outcome == .diverged && record.epochs == 1 && record.curve.isEmpty && record.parameterBits.isEmpty)
        #expect(record.trainLoss.isNaN && record.testLoss.isNaN)
        // Without clipping, a rate that is merely too high.
        let wild = try records(network(clipNorm: 0), [Lane(lambda1: 0, lambda2: 0, learningRate: 1e6)])[0]
        #expect(wild.outcome == .diverged && wild.parameterBits.isEmpty)
    }

    @Test("with one batch of the whole set, the batch gradient term cancels the penalty; left out, it does not") func batchGradient() throws
    {
        func bits(_ every: Int, _ lane: Lane) throws -> [UInt64] {
            let problem = try ConvolutionalNetwork(
                train: train, test: test, samples: 1, batchSize: 1, epochs: 2, batchGradientEvery: every)
            return try records(problem, [lane])[0].bits
        }
        #expect(try bits(1, penalized) == bits(1, baseline))
        #expect(try bits(0, penalized) != bits(0, baseline))
    }

    @Test("what cannot be computed is refused by name") func refusals() throws {
        func name(_ make: @autoclosure () throws(ParameterError) -> some Any) -> String? {
            do {
                _ = try make()
                return nil
            } catch { return error.parameter }
        }
        func network(
            samples: Int = 70, batchSize: Int = 32, epochs: Int = 1, decay: Double = 0.9, clip: Double = 0,
            every: Int = 0
        ) throws(ParameterError) -> ConvolutionalNetwork {
            try ConvolutionalNetwork(
                train: train, test: test, samples: samples, batchSize: batchSize, epochs: epochs, learningRateDecay: decay,
                clipNorm: clip, batchGradientEvery: every)
        }
        #expect(name(try network()) == nil)
        #expect(name(try network(samples: 71)) == "samples" && name(try network(samples: 0)) == "samples")
        #expect(name(try network(batchSize: 70)) == nil && name(try network(batchSize: 71)) == "batch_size")
        #expect(name(try network(batchSize: 0)) == "batch_size" && name(try network(epochs: 0)) == "epochs")
        #expect(name(try network(decay: 1.1)) == "learning_rate_decay" && name(try network(decay: .nan)) == "learning_rate_decay")
        #expect(name(try network(clip: .infinity)) == "clip_norm")
        #expect(name(try network(every: -1)) == "batch_gradient_every")
        func plan(_ lane: Lane, trainingSet: Int = 0) throws(ParameterError) -> GroupPlan<ConvolutionalNetwork> {
            try GroupPlan(
                problem: network(), coordinates: Coordinates(seed: 0, trainingSet: trainingSet, initialization: 0, replicate: 0),
                lanes: [baseline, lane])
        }
        #expect(name(try plan(penalized)) == nil && name(try plan(penalized, trainingSet: 1)) == "training_set")
        #expect(name(try plan(Lane(lambda1: 0, lambda2: 0, weightDecay: -1, learningRate: 1))) == "weight_decay")
        #expect(name(try plan(Lane(lambda1: 1, lambda2: 0, learningRate: 1))) == "lambda1")
        #expect(name(try plan(Lane(algorithm: .gd, lambda1: 0, lambda2: 0, learningRate: 1))) == "algorithm")
        #expect(name(try ImageSet(images: [], labels: [])) == "images")
        #expect(name(try ImageSet(images: Array(repeating: 0, count: 783), labels: [0])) == "images")
        #expect(name(try ImageSet(images: Array(repeating: 0, count: 784), labels: [10])) == "labels")
    }
}
