// IndependentTests.swift · Tests/ComputeTests. Docs/numerics.md put to the proof: a program written from it repeats the kernels'
// trials to the bit, and the page's worked example is what that program prints.

import Foundation
import TestSupport
import Testing
import Vocabulary

@testable import Compute

/// What Tests/Independent/repeat_trial.py answers.
func repeatTrial(_ arguments: [String] = [], input: String = "") throws -> String {
    let process = Process()
    // Debian's own, for which `make setup-test` installs numpy.
    process.executableURL = URL(filePath: "/usr/bin/python3")
    process.arguments = [Checkout.path(of: "Tests/Independent/repeat_trial.py")] + arguments
    let (question, answer) = (Pipe(), Pipe())
    process.standardInput = question
    process.standardOutput = answer
    try process.run()
    // Far below what a pipe holds, so that writing all of it first cannot block.
    try question.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try question.fileHandleForWriting.close()
    let output = try answer.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return String(decoding: output, as: UTF8.self)
}

@Suite("Docs/numerics.md") struct IndependentTests {
    struct Trial: Sendable {
        var what: String
        var problem: DiagonalNetwork
        var lane: Lane
        var coordinates = Coordinates.some

        var line: String {
            """
            seed=\(coordinates.seed) training_set=\(coordinates.trainingSet) initialization=\(coordinates.initialization) \
            repeat=\(coordinates.replicate) lambda1=\(lane.lambda1) lambda2=\(lane.lambda2) learning_rate=\(lane.learningRate) \
            momentum=\(lane.strengths[.momentum]) dimension=\(problem.dimension) samples=\(problem.samples) nonzero=\(problem.nonzero) \
            signal_variance=\(problem.signalVariance) noise_variance=\(problem.noiseVariance) \
            initialization_scale=\(problem.initializationScale) batch_size=\(problem.batchSize) epochs=\(problem.epochs) \
            precision=\(problem.precision.rawValue) record=\(problem.recording.rawValue) replacements=\(problem.replacements)
            """
        }
    }

    static func trials() throws -> [Trial] {
        func network(
            _ d: Int, _ n: Int, _ b: Int, _ precision: Precision, scale: Double = 0.5, noise: Double = 1, nonzero: Int = 1, epochs: Int = 3
        ) throws -> DiagonalNetwork {
            try DiagonalNetwork(
                dimension: d, samples: n, nonzero: nonzero, signalVariance: 1.7, noiseVariance: noise, initializationScale: scale,
                batchSize: b, epochs: epochs, precision: precision)
        }
        let both = Lane(lambda1: 0.03, lambda2: 0.01, learningRate: 0.02)
        let baseline = Lane(lambda1: 0, lambda2: 0, learningRate: 0.02)
        let falling = Lane(lambda1: 0, lambda2: 0.4, learningRate: 0.1)
        let brink = Coordinates(seed: .max, trainingSet: 65_535, initialization: 65_535, replicate: 16_777_215)
        return [
            Trial(what: "both penalties, float32, B = 1", problem: try network(5, 6, 1, .float32), lane: both),
            Trial(what: "both penalties, float32, B = 2", problem: try network(5, 6, 2, .float32), lane: both),
            Trial(what: "both penalties, float64, B = 1", problem: try network(7, 4, 1, .float64), lane: both),
            Trial(what: "both penalties, float64, B = 2", problem: try network(7, 4, 2, .float64), lane: both),
            Trial(
                what: "both penalties and momentum, float32", problem: try network(5, 6, 2, .float32),
                lane: Lane(lambda1: 0.03, lambda2: 0.01, momentum: 0.9, learningRate: 0.02)),
            Trial(
                what: "momentum alone, float64", problem: try network(7, 4, 1, .float64),
                lane: Lane(lambda1: 0, lambda2: 0, momentum: 0.7, learningRate: 0.02)),
            Trial(
                what: "baseline, all of β, and more than 50 epochs", problem: try network(2, 3, 3, .float32, nonzero: 2, epochs: 103),
                lane: baseline),
            Trial(what: "the last coordinates", problem: try network(3, 2, 1, .float64), lane: both, coordinates: brink),
            Trial(what: "falls over the cliff", problem: try network(4, 4, 1, .float32, epochs: 80), lane: falling),
            Trial(
                what: "diverges at once", problem: try network(3, 4, 2, .float64), lane: Lane(lambda1: 1e300, lambda2: 1e6, learningRate: 1)
            ),
            Trial(what: "flushed, float32", problem: try network(5, 4, 1, .float32, scale: 2e-38, noise: 0, nonzero: 0), lane: both),
            Trial(what: "flushed, float64", problem: try network(5, 4, 2, .float64, scale: 4e-308, noise: 0, nonzero: 0), lane: both),
            Trial(
                what: "configured with denormals", problem: try network(3, 2, 1, .float32, noise: .leastNonzeroMagnitude),
                lane: Lane(lambda1: 7 * .leastNonzeroMagnitude, lambda2: 1e-40, learningRate: 0.1)),
        ]
    }

    @Test("a program written from the page alone repeats trials to the bit") func repeated() throws {
        let trials = try Self.trials()
        let answers = try repeatTrial(input: trials.map { $0.line + "\n" }.joined()).split(separator: "\n")
        #expect(answers.count == trials.count)
        var diverged = 0
        for (trial, answer) in zip(trials, answers) {
            let record = run(GroupPlan(trial.problem, trial.coordinates, unchecked: [trial.lane])) { _ in .goOn }![0]
            let words = record.bits.map { String($0, radix: 16) }.joined(separator: ",")
            #expect(answer.hasSuffix(" record=\(words)"), "\(trial.what): \(record.outcome) after \(record.epochs); \(trial.line)")
            diverged += record.outcome == .diverged ? 1 : 0
        }
        #expect(diverged == 2)
    }

    @Test("and the network's variability") func networkSeries() throws {
        let brink = Coordinates(seed: .max, trainingSet: 65_535, initialization: 65_535, replicate: 16_777_215)
        let trials = try [(1, 3, 9, 0.02), (2, 4, 2, 0.04), (4, 3, 1, 0.03), (2, 3, 1, 1e3)].map { batchSize, epochs, replacements, rate in
            let problem = try DiagonalNetwork(
                dimension: batchSize == 1 ? 2 : 3, samples: 4, nonzero: 2, signalVariance: 1.7, initializationScale: 0.6,
                batchSize: batchSize, epochs: epochs, precision: .float64, recording: .variability, replacements: replacements)
            let lane = Lane(lambda1: 0, lambda2: 0, learningRate: rate)
            return Trial(what: "B = \(batchSize)", problem: problem, lane: lane, coordinates: batchSize == 4 ? brink : .some)
        }
        let answers = try repeatTrial(input: trials.map { $0.line + "\n" }.joined()).split(separator: "\n")
        #expect(answers.count == trials.count)
        for (trial, answer) in zip(trials, answers) {
            let record = run(GroupPlan(trial.problem, trial.coordinates, unchecked: [trial.lane])) { _ in .goOn }![0]
            #expect(record.series.count == (trial.lane.learningRate == 1e3 ? 0 : 9))
            let words = record.bits.map { String($0, radix: 16) }.joined(separator: ",")
            #expect(answer.hasSuffix(" record=\(words)"), "\(trial.what): \(trial.line)")
        }
    }

    @Test("and the landscape's paths, maps and variability", arguments: [Recording.trajectory, .variability])
    func landscapeSeries(recording: Recording) throws {
        // The last diverges in its sixth iteration.
        let coordinates = Coordinates(seed: .max, trainingSet: 65_535, initialization: 41, replicate: 16_777_215)
        var lanes = Algorithm.allCases.map { Lane(algorithm: $0, lambda1: $0 == .gd ? 0.01 : 0, lambda2: 0, learningRate: 0.3) }
        lanes += [Lane(lambda1: 0.002, lambda2: 0.003, learningRate: 0.4), Lane(lambda1: 1e308, lambda2: 1e308, learningRate: 0.4)]
        let problem = try Landscape(
            candidates: 6, samples: 5, batchSize: 3, epochs: 7, learningRateDecay: 0.97, recording: recording)
        let records = run(GroupPlan(problem, coordinates, unchecked: lanes)) { _ in .goOn }!
        let lines = lanes.map { lane in
            """
            problem=landscape record=\(recording.rawValue) seed=\(coordinates.seed) training_set=65535 initialization=41 repeat=16777215 \
            candidates=6 samples=5 batch_size=3 epochs=7 learning_rate_decay=0.97 algorithm=\(lane.algorithm.rawValue) lambda1=\(lane.lambda1) \
            lambda2=\(lane.lambda2) learning_rate=\(lane.learningRate)

            """
        }
        let answers = try repeatTrial(input: lines.joined()).split(separator: "\n")
        #expect(answers.count == lanes.count && records.map(\.outcome) == [.done, .done, .done, .done, .done, .diverged])
        let counts = recording == .trajectory ? [7, 7, 7, 7, 7, 7] : [11, 6, 6, 6, 11, 3]
        #expect(records.map(\.series.count) == counts)
        for (answer, record) in zip(answers, records) {
            let words = record.bits.map { String($0, radix: 16) }.joined(separator: ",")
            #expect(answer.hasSuffix(" record=\(words)"), "\(answer)")
        }
    }

    @Test("and trials of the landscape") func landscape() throws {
        // Eleven iterations, sixty for the last: more than a curve has points. The one with both penalties diverges.
        let coordinates = Coordinates(seed: .max, trainingSet: 65_535, initialization: 41, replicate: 16_777_215)
        var lanes = Algorithm.allCases.map { Lane(algorithm: $0, lambda1: 0.03, lambda2: 0, learningRate: 0.3) }
        lanes += [Lane(lambda1: 0, lambda2: 0.002, learningRate: 0.4), Lane(lambda1: 1e308, lambda2: 1e308, learningRate: 0.4)]
        lanes.append(Lane(lambda1: 0, lambda2: 0.5, learningRate: 4))
        lanes.append(Lane(lambda1: 0.002, lambda2: 0.003, momentum: 0.8, learningRate: 0.3))
        lanes.append(Lane(algorithm: .noisyGDMatched, lambda1: 0, lambda2: 0, momentum: 0.6, learningRate: 0.3))
        var lines: [String] = [], expected: [[UInt64]] = [], outcomes: [TrialRecord.Outcome] = []
        for (number, lane) in lanes.enumerated() {
            let epochs = number == 6 ? 60 : 11
            let problem = try Landscape(candidates: 6, samples: 5, batchSize: 3, epochs: epochs, learningRateDecay: 0.97, noiseDeviation: 2)
            lines.append(
                """
                problem=landscape seed=\(coordinates.seed) training_set=65535 initialization=41 repeat=16777215 candidates=6 samples=5 \
                batch_size=3 epochs=\(epochs) learning_rate_decay=0.97 noise_deviation=2 algorithm=\(lane.algorithm.rawValue) \
                lambda1=\(lane.lambda1) lambda2=\(lane.lambda2) momentum=\(lane.strengths[.momentum]) learning_rate=\(lane.learningRate)

                """)
            let record = run(GroupPlan(problem, coordinates, unchecked: [lane])) { _ in .goOn }![0]
            expected.append(record.bits)
            outcomes.append(record.outcome)
        }
        let answers = try repeatTrial(input: lines.joined()).split(separator: "\n")
        #expect(answers.count == lanes.count && outcomes == [.done, .done, .done, .done, .done, .diverged, .done, .done, .done])
        for (answer, bits) in zip(answers, expected) {
            let words = bits.map { String($0, radix: 16) }.joined(separator: ",")
            #expect(answer.hasSuffix(" record=\(words)"), "\(answer)")
        }
    }

    @Test("the worked example is what that program prints") func workedExample() throws {
        let page = try String(contentsOfFile: Checkout.path(of: "Docs/numerics.md"), encoding: .utf8)
        let example = try repeatTrial(["--worked-example"])
        #expect(page.hasSuffix("```text\n\(example)```\n"))
    }
}
