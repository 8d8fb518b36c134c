// TranslationTests.swift · Tests/WorkerTests. From a lease's words to a plan, and from a record to a result; and one lease on a thread.

import Compute
import Testing
import Vocabulary
import Wire

@testable import regsweep_worker

@Suite("Translation") struct TranslationTests {
    @Test("a lease becomes the plan with its configuration, its coordinates and a lane for each trial, in order") func plan() throws {
        let expected = try GroupPlan(
            problem: DiagonalNetwork(
                dimension: 8, samples: 4, nonzero: 2, signalVariance: 2, noiseVariance: 1, initializationScale: 0.25, batchSize: 1,
                epochs: 120, precision: .float32),
            coordinates: Coordinates(seed: 5, trainingSet: 3, initialization: 2, replicate: 1),
            lanes: [
                Lane(lambda1: 0.001, lambda2: 0.002, learningRate: 0.01), Lane(lambda1: 0, lambda2: 0, learningRate: 0.01),
            ])
        #expect(try GroupPlan(lease(1, settings: [penalized, baseline]), noImages) == expected)
    }

    @Test("the landscape's declared defaults are those of the kernels, and its algorithms all that they know") func landscape() throws {
        let declaration = ProblemDeclaration.landscape
        let group = GroupSpec(
            problem: "landscape", parameters: Dictionary(uniqueKeysWithValues: declaration.parameters.map { ($0.name, $0.standard!) }),
            seed: 5, trainingSet: 3, initialization: 99, replicate: 1)
        let settings = declaration.algorithms.map { Setting(algorithm: $0, lambda1: 0.5, lambda2: 0, learningRate: 0.4) }
        let plan = try #require(try translate(lease(1, settings: settings, of: group), noImages) as? GroupPlan<Landscape>)
        #expect(try plan.problem == Landscape())
        #expect(
            plan.lanes == [.sgd, .gd, .noisyGD, .noisyGDMatched].map { Lane(algorithm: $0, lambda1: 0.5, lambda2: 0, learningRate: 0.4) })
        #expect(Set(plan.lanes.map(\.algorithm)) == Set(Algorithm.allCases))
        for (name, value) in group.parameters {
            // Each parameter is read under its own name: another value makes another problem.
            var changed = group
            switch value {
            case .integer(let value): changed.parameters[name] = .integer(value + 1)
            case .real(let value): changed.parameters[name] = .real(value * 0.5)
            case .text: changed.parameters[name] = .text("float32")
            }
            let other = try? translate(lease(1, settings: settings, of: changed), noImages) as? GroupPlan<Landscape>
            #expect(other?.problem != plan.problem, "\(name)")
            changed.parameters[name] = nil
            #expect(throws: TranslationError.self, "\(name)") { try translate(lease(1, settings: settings, of: changed), noImages) }
        }
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
                description: "lambda1 = 0.001 cannot be computed: it must be 0 with record = variability, which is about SGD alone")
        ) { try translate(lease(1, of: recorded), noImages) }
    }

    @Test("a configuration that cannot be computed here is named with its value and what would do") func mistakes() {
        let mistakes: [(change: (inout GroupSpec) -> Void, reason: String)] = [
            ({ $0.problem = "perceptron" }, "this worker knows no problem perceptron"),
            ({ $0.parameters["precision"] = .text("float16") }, "precision = float16 cannot be computed: it must be float32 or float64"),
            ({ $0.parameters["precision"] = nil }, "parameter precision: found nothing, need a text"),
            ({ $0.parameters["dimension"] = .real(8) }, "parameter dimension: found 8.0, need an integer"),
            ({ $0.parameters["epochs"] = .text("many") }, "parameter epochs: found \"many\", need an integer"),
            ({ $0.parameters["noise_variance"] = .integer(1) }, "parameter noise_variance: found 1, need a real number"),
            (
                { $0.parameters["batch_size"] = .integer(3) },
                "batch_size = 3 cannot be computed: it must be a divisor of samples = 4: every sample is used once in each epoch"
            ),
            ({ $0.trainingSet = 1 << 16 }, "training_set = 65536 cannot be computed: it must be from 0 to 65535"),
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
        #expect(error?.description.hasPrefix("parameter \(name): found nothing, need ") == true)
    }

    @Test("a setting that cannot be trained is named")
    func settings() {
        var (adam, gd, negative, still) = (baseline, baseline, baseline, baseline)
        adam.algorithm = "adam"
        gd.algorithm = "gd"
        negative.lambda2 = -1
        still.learningRate = .nan
        for (setting, reason) in [
            (adam, "this worker knows no algorithm adam"),
            (gd, "algorithm = gd cannot be computed: it must be sgd with diagonal-network"),
            (negative, "lambda2 = -1.0 cannot be computed: it must be at least 0 and finite"),
            (still, "learning_rate = nan cannot be computed: it must be above 0 and finite"),
        ] { #expect(throws: TranslationError(description: reason)) { try translate(lease(1, settings: [baseline, setting]), noImages) } }
    }

    @Test("a result has all of its record, and a digest over the big-endian words of it") func result() {
        let record = TrialRecord(
            outcome: .done, epochs: 3, trainLoss: 0.5, testLoss: 1.5, curve: [Compute.CurvePoint(epoch: 3, trainLoss: 0.5, testLoss: 1.5)],
            parameterBits: [0x3f80_0000])
        let trial = LeasedTrial(key: TrialKey(high: 1, low: 2), attempt: 4, setting: penalized)
        let digest = Digest(hexadecimal: "4a6f0317dbc6c89470e9d552658f283b7f2b1d50ade1ad81f6d58f3e32fec41a")
        #expect(
            TrialResult(record, of: trial, lossRatio: 0.75, seconds: 0.125)
                == TrialResult(
                    key: trial.key, attempt: 4, outcome: .done(trainLoss: 0.5, testLoss: 1.5), epochs: 3, lossRatio: 0.75, digest: digest,
                    curve: [CurvePoint(epoch: 3, trainLoss: 0.5, testLoss: 1.5)], seconds: 0.125))
    }

    @Test("the digest changes with every part of a record") func digest() {
        let record = TrialRecord(
            outcome: .done, epochs: 3, trainLoss: 0.5, testLoss: 1.5, curve: [Compute.CurvePoint(epoch: 3, trainLoss: 0.5, testLoss: 1.5)],
            parameterBits: [1, 2])
        let changes: [(inout TrialRecord) -> Void] = [
            { $0.outcome = .diverged }, { $0.epochs = 4 }, { $0.trainLoss = 0.5.nextUp }, { $0.testLoss = 1.5.nextUp },
            { $0.curve[0].epoch = 2 }, { $0.curve[0].trainLoss = 0.5.nextUp }, { $0.curve[0].testLoss = 1.5.nextUp }, { $0.curve = [] },
            { $0.parameterBits = [2, 1] }, { $0.parameterBits = [1] }, { $0.series = [Compute.Series(name: "x", values: [])] },
            { $0.series = [Compute.Series(name: "x", values: [1])] }, { $0.series = [Compute.Series(name: "y", values: [1])] },
            { $0.series = [Compute.Series(name: "x", values: [1]), Compute.Series(name: "y", values: [])] },
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
        var parameters = Dictionary(uniqueKeysWithValues: declaration.parameters.map { ($0.name, $0.standard!) })
        // One function and one sample of it: one retrained copy a trial.
        for (name, value) in [("candidates", 1), ("samples", 1), ("epochs", epochs)] { parameters[name] = .integer(value) }
        parameters["record"] = .text(record)
        let group = GroupSpec(problem: "landscape", parameters: parameters, seed: .max, trainingSet: 0, initialization: 0, replicate: 0)
        let settings = Array(repeating: penalized, count: declaration.trialsPerLease(parameters))
        let lease = lease(.max, epoch: UInt64(UInt32.max), settings: settings, of: group)
        let records = try #require(try translate(lease, noImages).run(from: nil, threads: 1, goOn: { .goOn }) { _ in .goOn })
        let bytes = records[0].series.reduce(0) { $0 + 8 * $1.values.count }
        #expect(bytes > 8 * epochs && bytes <= declaration.resultBytes(parameters))
        let results = zip(records, lease.trials).map { TrialResult($0, of: $1, lossRatio: 0.9, seconds: 0.1) }
        let frame = Envelope(incarnation: .max, message: .results(BatchID(rawValue: .max), lease.id, results)).encoded()
        #expect(frame.count < Limits.frameBytes)
        guard case .results(_, _, let arrived) = try Envelope(decoding: frame).message else {
            Issue.record("no results")
            return
        }
        #expect(arrived.map { $0.series.map(\.values.count) } == records.map { $0.series.map(\.values.count) })
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
            events += mailbox.empty()
            switch events.last {
            case .finished, .stopped: return events
            default: try Poller.wait(for: mailbox.doorbell, atMost: .seconds(1))
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

    @Test("it says first that it has begun, and last what came out for each trial, with its ratio to the baseline of its group")
    func ratios() throws {
        // More lanes than one vector has, and the baseline is the last of them.
        let strengths = (1...40).map { Setting(algorithm: "sgd", lambda1: Double($0) / 4096, lambda2: 0, learningRate: 0.01) }
        let lease = lease(1, settings: strengths + [baseline])
        let events = try events(of: lease)
        guard case .progressed(lease.id, []) = events.first, case .finished(lease.id, let results) = events.last else {
            Issue.record("\(events)")
            return
        }
        #expect(results.map(\.key) == lease.trials.map(\.key))
        let records = try #require(try translate(lease, noImages).run(from: nil, threads: 1, goOn: { .goOn }) { _ in .goOn })
        #expect(results.map(\.digest) == records.map(\.digest))
        #expect(results.map(\.lossRatio) == records.map { $0.testLoss / records[40].testLoss })
        #expect(results[40].lossRatio == 1)
        #expect(results.allSatisfy { $0.seconds > 0 && $0.seconds == results[0].seconds })
    }

    @Test("a baseline that came with the lease gives the same ratio at the last epoch as one that runs in it") func known() throws {
        let together = try results(of: lease(1))
        var alone = lease(1)
        alone.trials.removeFirst()
        // 120 epochs have a point at every third: the last is one of them.
        let curve = Dictionary(uniqueKeysWithValues: together[0].curve.map { ($0.epoch, $0.testLoss) })
        #expect(curve[120] != nil)
        alone.baselines = [Baseline(learningRate: 0.01, testLoss: curve)]
        #expect(try results(of: alone).map(\.lossRatio) == [together[1].lossRatio])
        #expect(together[1].lossRatio != nil)
    }

    @Test("there is no ratio without a baseline of the same learning rate that came to its end") func unknown() throws {
        let wild = Setting(algorithm: "sgd", lambda1: 0, lambda2: 0, learningRate: 1000)
        var lease = lease(1, settings: [penalized, wild])
        lease.baselines = [Baseline(learningRate: 0.02, testLoss: [120: 1])]
        let results = try results(of: lease)
        #expect(results.map(\.outcome.name) == ["done", "diverged"])
        #expect(results.map(\.lossRatio) == [nil, nil])
    }

    @Test("a lease that cannot be computed fails with its reason for each trial") func failure() throws {
        var wrong = group
        wrong.problem = "perceptron"
        let lease = lease(1, of: wrong)
        #expect(
            try results(of: lease)
                == lease.trials.map {
                    TrialResult(
                        key: $0.key, attempt: 1, outcome: .failed(reason: "this worker knows no problem perceptron"), epochs: 0,
                        lossRatio: nil,
                        digest: nil, curve: [], seconds: 0)
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
