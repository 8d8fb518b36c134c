// IndependentNetworkTests.swift · Tests/ComputeTests. The page's section on the convolutional network put to the proof, as
// IndependentTests.swift does with the others: Tests/Independent/repeat_network.py repeats its trials to the bit.

import Foundation
import TestSupport
import Testing
import Vocabulary

@testable import Compute

@Suite("Docs/numerics.md: convolutional network") struct IndependentNetworkTests {
    struct Trial: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Images of the training set, of a batch and of the test set.
        var samples: Int, batch: Int, test = 3
        var epochs = 2, pool = Pooling.max
        var lambda2 = 0.0, learningRate = 0.1, decay = 0.75, weightDecay = 0.01, clip = 1.0, every = 0
        /// Each image is a square of noise on plain ground, so that pixels of a pool are often equal, and the first one wins.
        var isPlain = false
        var outcome = TrialRecord.Outcome.done
    }

    static let trials = [
        Trial(testDescription: "Reg2, decay and clipping; one image is left over", samples: 7, batch: 3, lambda2: 0.03, clip: 0.5),
        Trial(testDescription: "a batch gradient at every step, of parts of 3, 3 and 1", samples: 7, batch: 3, lambda2: 0.5, every: 1),
        Trial(
            testDescription: "at every other, neither decay nor clip", samples: 3, batch: 1, lambda2: 0.01, learningRate: 0.02,
            weightDecay: 0, clip: 0, every: 2),
        Trial(testDescription: "images with plain areas", samples: 4, batch: 2, lambda2: 0.03, isPlain: true),
        Trial(testDescription: "no penalty", samples: 2, batch: 1, test: 1, epochs: 3),
        Trial(testDescription: "every pixel passes", samples: 2, batch: 2, test: 1, epochs: 1, pool: .none, lambda2: 0.03),
        // The first step is long enough that the second's gradient is near 2⁻¹²⁶, and its rate makes that count.
        Trial(
            testDescription: "gradients are flushed", samples: 1, batch: 1, test: 1, lambda2: 1e-5, learningRate: 1e38, decay: 1,
            weightDecay: 0, clip: 4.65e-38),
        Trial(
            testDescription: "configured with denormals", samples: 2, batch: 1, lambda2: 1e-40, weightDecay: 1e-42,
            clip: .leastNonzeroMagnitude),
        Trial(
            testDescription: "diverges in the second epoch, in a batch gradient", samples: 3, batch: 1, lambda2: 0.5, weightDecay: 0,
            clip: 0, every: 2, outcome: .diverged),
        Trial(
            testDescription: "an overflow that no loss shows", samples: 2, batch: 2, epochs: 1, learningRate: 1e20, weightDecay: 0, clip: 0),
        Trial(testDescription: "n² overflows", samples: 2, batch: 1, lambda2: 1e30, outcome: .diverged),
        Trial(testDescription: "a step's losses overflow", samples: 2, batch: 1, learningRate: 1e30, clip: 0, outcome: .diverged),
        Trial(testDescription: "a point's losses overflow", samples: 2, batch: 2, learningRate: 1e30, clip: 0, outcome: .diverged),
    ]

    @Test("a program written from the page alone repeats trials to the bit", arguments: trials) func repeated(trial: Trial) throws {
        let folder = try TemporaryFolder()
        // The self-test's generator of images, from another start.
        var state: UInt32 = 7
        func images(_ count: Int, _ name: String) throws -> ImageSet {
            let pixels = (0..<count * ImageFormat.pixels).map { index in
                state = state &* 1_664_525 &+ 1_013_904_223
                let (row, column) = (index / ImageFormat.side % ImageFormat.side, index % ImageFormat.side)
                return trial.isPlain && !((9..<17).contains(row) && (6..<19).contains(column)) ? 40 : UInt8(state >> 24)
            }
            let labels = (0..<count).map { UInt8($0 * 7 % ImageFormat.classes) }
            let header: [UInt8] = [0, 0, 0, UInt8(count)]
            try folder.write([0, 0, 8, 3] + header + [0, 0, 0, 28, 0, 0, 0, 28] + pixels, to: "\(name)-images-idx3-ubyte")
            try folder.write([0, 0, 8, 1] + header + labels, to: "\(name)-labels-idx1-ubyte")
            return try ImageSet(images: pixels, labels: labels)
        }
        let problem = try ConvolutionalNetwork(
            train: images(trial.samples, "train"), test: images(trial.test, "t10k"), samples: trial.samples, pool: trial.pool,
            batchSize: trial.batch, epochs: trial.epochs, learningRateDecay: trial.decay,
            clipNorm: trial.clip, batchGradientEvery: trial.every)
        let coordinates = Coordinates(seed: .max, trainingSet: 0, initialization: 65_535, replicate: 16_777_215)
        let lane = Lane(lambda1: 0, lambda2: trial.lambda2, weightDecay: trial.weightDecay, learningRate: trial.learningRate)
        let record = run(GroupPlan(problem, coordinates, unchecked: [lane])) { _ in .goOn }![0]
        let answer = try repeatTrial(
            input: """
                problem=convolutional-network seed=\(coordinates.seed) initialization=65535 repeat=16777215 data=\(folder.path) \
                samples=\(trial.samples) pool=\(trial.pool) batch_size=\(trial.batch) epochs=\(trial.epochs) \
                lambda2=\(trial.lambda2) learning_rate=\(trial.learningRate) learning_rate_decay=\(trial.decay) \
                weight_decay=\(trial.weightDecay) clip_norm=\(trial.clip) batch_gradient_every=\(trial.every)

                """)
        #expect(record.outcome == trial.outcome)
        let words = record.bits.map { String($0, radix: 16) }.joined(separator: ",")
        // Not in the macro, which would print millions of words.
        let agrees = answer.hasSuffix(" record=\(words)\n")
        #expect(agrees, "\(record.outcome) after \(record.epochs), \(record.testLoss); \(answer.prefix(400))")
    }
}
