// TranslationTests.swift · Tests/WorkerTests. From a lease's words to a plan, and from a record to a result; and one lease on a thread.

import Compute
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep_worker

@Suite("Translation") struct TranslationTests {
    @Test("a lease becomes the plan with its configuration, its coordinates and a lane for each trial, in order") func plan() throws {
        let expected = try GroupPlan(
            problem: DiagonalNetwork(
                DiagonalNetwork.declaration.configuration(overriding: [
                    "dimension": 8, "samples": 4, "nonzero": 2, "initialization_scale": 0.25, "epochs": 120,
                ])),
            coordinates: Coordinates(seed: 5, trainingSet: 3, initialization: 2, replicate: 1),
            lanes: [
                Lane(strengths: [.lambda1: 0.001, .lambda2: 0.002], learningRate: 0.01),
                Lane(strengths: [.lambda1: 0, .lambda2: 0], learningRate: 0.01),
            ])
        #expect(try GroupPlan(lease(1, settings: [penalized, baseline]), noImages) == expected)
    }

    @Test("the landscape's declared defaults are those of the kernels, and its algorithms all that they know") func landscape() throws {
        let declaration = ProblemDeclaration.landscape
        let group = GroupSpec(
            problem: "landscape", parameters: Dictionary(uniqueKeysWithValues: declaration.parameters.map { ($0.name, $0.defaultValue!) }),
            seed: 5, trainingSet: 3, initialization: 99, replicate: 1)
        let settings = declaration.algorithms.map { Setting(algorithm: $0.rawValue, strengths: [.lambda1: 0.5], learningRate: 0.4) }
        let plan = try #require(try translate(lease(1, settings: settings, of: group), noImages) as? GroupPlan<Landscape>)
        #expect(try plan.problem == Landscape(declaration.configuration(overriding: [:])))
        #expect(
            plan.lanes == [.sgd, .gd, .noisyGD, .noisyGDMatched].map { Lane(algorithm: $0, strengths: [.lambda1: 0.5], learningRate: 0.4) })
        #expect(Set(plan.lanes.map(\.algorithm)) == Set(Algorithm.allCases))
        for (name, value) in group.parameters {
            // Each parameter is read under its own name: another value makes another problem.
            var changed = group
            switch value {
            case .integer(let value): changed.parameters[name] = .integer(value + 1)
            case .real(let value): changed.parameters[name] = .real(value * 0.5)
            case .text: changed.parameters[name] = .text(name == "record" ? "trajectory" : "float32")
            case .list, .table: Issue.record("\(name) is changed here in no way")
            }
            let other = try? translate(lease(1, settings: settings, of: changed), noImages) as? GroupPlan<Landscape>
            #expect(other.map { Self.fields($0.problem) } != Self.fields(plan.problem), "\(name)")
            changed.parameters[name] = nil
            #expect(throws: TranslationError.self, "\(name)") { try translate(lease(1, settings: settings, of: changed), noImages) }
        }
    }

    /// What the kernels read of a problem: all of it but the values that it was made of.
    private static func fields(_ problem: Landscape) -> [String] {
        Mirror(reflecting: problem).children.filter { $0.label != "configuration" }.map { "\($0)" }
    }

    @Test("a network is asked for its variability, with as many replacements") func variability() throws {
        var recorded = group
        recorded.parameters["record"] = .text("variability")
        recorded.parameters["replacements"] = .integer(3)
        recorded.parameters["precision"] = .text("float64")
        let plan = try GroupPlan<DiagonalNetwork>(lease(1, settings: [baseline], of: recorded), noImages)
        #expect(plan.problem.recording == .variability && plan.problem.replacements == 3)
        #expect(
            throws: TranslationError(
                description: "lambda1: found 0.001, allowed is 0 with record = \"variability\", which is about SGD alone")
        ) { try translate(lease(1, of: recorded), noImages) }
    }

    @Test("a configuration that cannot be computed here is named with its value and what would do") func mistakes() {
        let mistakes: [(change: (inout GroupSpec) -> Void, reason: String)] = [
            ({ $0.problem = "perceptron" }, "this worker knows no problem perceptron"),
            ({ $0.parameters["precision"] = "float16" }, "precision: found \"float16\", allowed is one of \"float32\", \"float64\""),
            ({ $0.parameters["precision"] = nil }, "precision: is missing, allowed is one of \"float32\", \"float64\""),
            ({ $0.parameters["dimension"] = 8.0 }, "dimension: found 8.0, allowed is an integer from 1 to 65536"),
            ({ $0.parameters["epochs"] = "many" }, "epochs: found \"many\", allowed is an integer from 1 to 1000000000"),
            ({ $0.parameters["noise_variance"] = 1 }, "noise_variance: found 1, allowed is a number from 0 to 1000000"),
            ({ $0.parameters["layers"] = [] }, "layers: is not known to diagonal-network"),
            (
                { $0.parameters["batch_size"] = .integer(3) },
                "batch_size: found 3, which does not divide samples = 4: each epoch uses every sample once"
            ),
            ({ $0.trainingSet = 1 << 16 }, "training_set: found 65536, allowed is an integer from 0 to 65535"),
        ]
        for (change, reason) in mistakes {
            var wrong = group
            change(&wrong)
            #expect(throws: TranslationError(description: reason)) { try translate(lease(1, of: wrong), noImages) }
        }
    }

    @Test("each parameter is needed", arguments: group.parameters.keys.sorted()) func needed(name: String) {
        var wrong = group
        wrong.parameters[name] = nil
        let error = #expect(throws: TranslationError.self) { try translate(lease(1, of: wrong), noImages) }
        #expect(error?.description.hasPrefix("\(name): is missing, allowed is ") == true)
    }

    @Test("a setting that cannot be trained is named")
    func settings() {
        var (adam, gd, negative, still, unknown, decayed) = (baseline, baseline, baseline, baseline, baseline, baseline)
        adam.algorithm = "adam"
        gd.algorithm = "gd"
        negative.strengths[.lambda2] = -1
        unknown.strengths["lambda3"] = 0.5
        decayed.strengths[.weightDecay] = 0.01
        still.learningRate = .nan
        for (setting, reason) in [
            (adam, "algorithm: found adam, allowed is one of sgd, gd, noisy-gd, noisy-gd-matched"),
            (gd, "algorithm: found gd, allowed is one of sgd with diagonal-network"),
            (negative, "lambda2: found -1.0, allowed is a number from 0 to 1000000"),
            (still, "learning_rate: found nan, allowed is above 0 and finite"),
            (unknown, "lambda3: found 0.5, allowed is 0: diagonal-network has no lambda3"),
            (decayed, "weight_decay: found 0.01, allowed is 0: diagonal-network has no λ_wd"),
        ] { #expect(throws: TranslationError(description: reason)) { try translate(lease(1, settings: [baseline, setting]), noImages) } }
    }

    @Test("a result has all of its record, and a digest over the big-endian words of it") func result() {
        let record = TrialRecord(
            outcome: .done, epochs: 3, trainLoss: 0.5, testLoss: 1.5, curve: [CurvePoint(epoch: 3, trainLoss: 0.5, testLoss: 1.5)],
            parameterBits: [0x3f80_0000])
        let trial = LeasedTrial(key: TrialKey(high: 1, low: 2), attempt: 4, setting: penalized)
        let digest = Digest(hexadecimal: "4a6f0317dbc6c89470e9d552658f283b7f2b1d50ade1ad81f6d58f3e32fec41a")
        #expect(
            TrialResult(record, of: trial, seconds: 0.125)
                == TrialResult(
                    key: trial.key, attempt: 4, outcome: .done(trainLoss: 0.5, testLoss: 1.5), epochs: 3, digest: digest,
                    curve: [CurvePoint(epoch: 3, trainLoss: 0.5, testLoss: 1.5)], seconds: 0.125))
    }

    @Test("the digest changes with every part of a record") func digest() {
        let record = TrialRecord(
            outcome: .done, epochs: 3, trainLoss: 0.5, testLoss: 1.5, curve: [CurvePoint(epoch: 3, trainLoss: 0.5, testLoss: 1.5)],
            parameterBits: [1, 2])
        let changes: [(inout TrialRecord) -> Void] = [
            { $0.outcome = .diverged }, { $0.epochs = 4 }, { $0.trainLoss = 0.5.nextUp }, { $0.testLoss = 1.5.nextUp },
            { $0.curve[0].epoch = 2 }, { $0.curve[0].trainLoss = 0.5.nextUp }, { $0.curve[0].testLoss = 1.5.nextUp }, { $0.curve = [] },
            { $0.parameterBits = [2, 1] }, { $0.parameterBits = [1] }, { $0.series = [Series(name: "x", values: [])] },
            { $0.series = [Series(name: "x", values: [1])] }, { $0.series = [Series(name: "y", values: [1])] },
            { $0.series = [Series(name: "x", values: [1]), Series(name: "y", values: [])] },
        ]
        let digests = changes.map { change in
            var other = record
            change(&other)
            return other.digest
        }
        #expect(Set(digests + [record.digest]).count == changes.count + 1)
    }
}

@Suite("Results of recorded trials") struct RecordedResultTests {
    @Test(
        "those of the largest lease fit into a frame, and no trial's series weigh more than is declared",
        arguments: [("trajectory", 1), ("trajectory", 50), ("variability", 1), ("variability", 50), ("variability", 16_383)])
    func frame(record: String, epochs: Int) throws {
        let declaration = ProblemDeclaration.landscape
        var parameters = Dictionary(uniqueKeysWithValues: declaration.parameters.map { ($0.name, $0.defaultValue!) })
        // One function and one sample of it: one retrained copy a trial.
        for (name, value) in [("candidates", 1), ("samples", 1), ("epochs", epochs)] { parameters[name] = .integer(value) }
        parameters["record"] = .text(record)
        let group = GroupSpec(problem: "landscape", parameters: parameters, seed: .max, trainingSet: 0, initialization: 0, replicate: 0)
        let settings = Array(repeating: penalized, count: declaration.trialsPerLease(Configuration(parameters)))
        let lease = lease(.max, incarnation: UInt64(UInt32.max), settings: settings, of: group)
        let records = try #require(try translate(lease, noImages).run(from: nil, threads: 1, goOn: { .goOn }) { _ in .goOn })
        let bytes = records[0].series.reduce(0) { $0 + 8 * $1.values.count }
        #expect(bytes > 8 * epochs)
        // Exactly the series that are declared, each as long as is declared.
        let declared = declaration.recordedSeries(Configuration(parameters))
        #expect(Set(records[0].series.map(\.name)) == Set(declared.map(\.name.rawValue)))
        for series in declared {
            let count = records[0].series.first { $0.name == series.name.rawValue }?.values.count
            switch series.length {
            case .path: #expect(count == epochs + 1, "\(series.name)")
            case .fixed(let length): #expect(count == length, "\(series.name)")
            case .curve: #expect(count == records[0].curve.count, "\(series.name)")
            }
        }
        let results = zip(records, lease.trials).map { TrialResult($0, of: $1, seconds: 0.1) }
        let frame = Envelope(incarnation: .max, message: .results(BatchID(rawValue: .max), lease.id, results)).encoded()
        #expect(frame.count < Limits.frameBytes)
        guard case .results(_, _, let arrived, _) = try Envelope(decoding: frame).message else {
            Issue.record("no results")
            return
        }
        #expect(arrived.map { $0.series.map(\.values.count) } == records.map { $0.series.map(\.values.count) })
    }
}

@Suite("Loss ratios while trials are trained") struct BaselineLossesTests {
    private func observation(_ lane: Int, _ epoch: Int, _ testLoss: Double) -> Observation {
        Observation(lane: lane, point: CurvePoint(epoch: epoch, trainLoss: 1, testLoss: testLoss))
    }

    @Test("a trial is measured against the baseline of its lease after the same epoch, and the baseline is 1") func inTheLease() {
        let lease = lease(1)
        var losses = BaselineLosses(lease)
        for (epoch, loss) in [(3, 4.0), (6, 2)] { losses.note(observation(0, epoch, loss), in: lease) }
        // Only a baseline is noted.
        losses.note(observation(1, 9, 100), in: lease)
        let points = [observation(0, 3, 4), observation(1, 3, 1), observation(1, 6, 1), observation(1, 9, 1)].map {
            losses.progress($0, in: lease)
        }
        #expect(points.map(\.lossRatio) == [1, 0.25, 0.5, nil])
        #expect(points.map(\.key) == [0, 1, 1, 1].map { lease.trials[$0].key } && points.map(\.point.epoch) == [3, 3, 6, 9])
    }

    @Test("a baseline that came with the lease counts as one that runs in it; one of another rate, or of another optimizer, does not")
    func known() {
        var (faster, decayed) = (penalized, penalized)
        faster.learningRate = 0.02
        decayed.strengths[.weightDecay] = 0.01
        var lease = lease(1, settings: [penalized, faster, decayed])
        lease.baselines = [Baseline(setting: baseline, testLoss: [120: 4])]
        var losses = BaselineLosses(lease)
        #expect((0..<3).map { losses.progress(observation($0, 120, 1), in: lease).lossRatio } == [0.25, nil, nil])
        lease.baselines.append(Baseline(setting: decayed.baseline, testLoss: [120: 2, 123: 0]))
        losses = BaselineLosses(lease)
        #expect((0..<3).map { losses.progress(observation($0, 120, 1), in: lease).lossRatio } == [0.25, nil, 0.5])
        // There is no ratio to 0, nor of a loss that is none.
        #expect(losses.progress(observation(2, 123, 1), in: lease).lossRatio == nil)
        #expect(losses.progress(observation(0, 120, .infinity), in: lease).lossRatio == nil)
    }
}

@Suite("TrialThread") struct TrialThreadTests {
    /// All that a thread posts, up to its last word.
    private func events(of lease: Lease, stoppingAtOnce: Bool = false) throws -> [WorkerMachine.Event] {
        let mailbox = try Mailbox<WorkerMachine.Event>()
        let thread = TrialThread(lease, images: noImages, checkpoints: CheckpointRule(), threads: 1) { mailbox.post($0) }
        if stoppingAtOnce { thread.stop() }
        var events: [WorkerMachine.Event] = []
        let stopwatch = Stopwatch()
        while stopwatch.now < Instant(sinceStart: .seconds(60)) {
            events += mailbox.takeAll()
            switch events.last {
            case .finished, .stopped: return events
            default: try Poller.wait(for: mailbox.wakeSignal, atMost: .seconds(1))
            }
        }
        Issue.record("no end after 60 s")
        return events
    }

    private func results(of lease: Lease) throws -> [TrialResult] {
        guard case .finished(lease.id, let results) = try events(of: lease).last else {
            Issue.record("it did not finish")
            return []
        }
        return results
    }

    @Test("it says first that it has begun, and last what came out for each trial")
    func order() throws {
        // More lanes than one vector has, and the baseline is the last of them.
        let strengths = (1...40).map {
            Setting(algorithm: "sgd", strengths: [.lambda1: Double($0) / 4096, .lambda2: 0], learningRate: 0.01)
        }
        let lease = lease(1, settings: strengths + [baseline])
        let events = try events(of: lease)
        guard case .progressed(lease.id, []) = events.first, case .finished(lease.id, let results) = events.last else {
            Issue.record("\(events)")
            return
        }
        #expect(results.map(\.key) == lease.trials.map(\.key))
        let records = try #require(try translate(lease, noImages).run(from: nil, threads: 1, goOn: { .goOn }) { _ in .goOn })
        #expect(results.map(\.digest) == records.map(\.digest))
        #expect(results.allSatisfy { $0.seconds > 0 && $0.seconds == results[0].seconds })
    }

    @Test("a lease that cannot be computed fails with its reason for each trial") func failure() throws {
        var wrong = group
        wrong.problem = "perceptron"
        let lease = lease(1, of: wrong)
        #expect(
            try results(of: lease)
                == lease.trials.map {
                    TrialResult.failure($0.key, reason: "this worker knows no problem perceptron")
                })
    }

    @Test("told to stop, it ends at the next epoch of the curve and says so") func stop() throws {
        // The first of its 50 points is the first chance.
        var long = group
        long.parameters["epochs"] = .integer(1_000_000)
        long.parameters["dimension"] = .integer(1)
        long.parameters["nonzero"] = .integer(1)
        long.parameters["samples"] = .integer(1)
        let lease = lease(1, of: long)
        guard case .stopped(lease.id) = try events(of: lease, stoppingAtOnce: true).last else {
            Issue.record("it finished")
            return
        }
    }
}
