// ReportTests.swift · Tests/CoordinatorTests. Reports on stored results: summaries against numbers by hand, files byte for byte, texts.

import FoundationEssentials
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Report: the summary") struct ReportSummaryTests {
    /// Test losses of two replicates in the cells (training set, initialization) (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2).
    private static let baseline = [[2.0, 4], [1, 3], [4, 4], [8, 8], [2, 2], [8, 8]]
    /// Ratios of their means: 0.5, 1, 0.75 on the first training set and 1, 1, 0.625 on the second.
    private static let regularized = [[1.0, 2], [2, 2], [2, 4], [8, 8], [2, 2], [5, 5]]

    /// Baseline and the first setting as above; of the other three one trial each diverged, failed and was not run.
    private func summary(changing change: (_ setting: Int, _ trial: Int, inout Outcome?) -> Void = { _, _, _ in }) throws -> Summary {
        let grid = Grid(try SweepSpec.small("[0.2, 0.3]", "[0.2, 0.3, 0.4]"))
        return Summary(grid) { index in
            let (group, setting) = (grid.group(of: index), index % 5)
            let loss = (setting == 0 ? Self.baseline : Self.regularized)[group / 2][group % 2]
            var outcome: Outcome? = .done(trainLoss: loss / 2, testLoss: loss)
            if group == 11 {
                if setting == 2 { outcome = .diverged }
                if setting == 3 { outcome = .failed(reason: "") }
                if setting == 4 { outcome = nil }
            }
            change(setting, group, &outcome)
            return outcome
        }
    }

    @Test("a ratio is of means over replicates, a mean over cells, a band across initializations, an interval across training sets")
    func byHand() throws {
        // Means: of the initializations 0.75, 1 and 0.6875, of the training sets 0.75 and 0.875.
        // The interval reaches t(1) = 12.706205 times 0.125 / 2.
        let half = 12.706205 * 0.0625
        let row = try summary().settings[1]
        let ratio = try #require(row.ratio)
        #expect((row.n, row.diverged, row.failed) == (12, 0, 0))
        #expect(ratio.mean == 0.8125)
        #expect(abs(ratio.deviation! - 0.02734375.squareRoot()) < 1e-15)
        #expect(abs(ratio.low! - (0.8125 - half)) < 1e-15)
        #expect(abs(ratio.high! - (0.8125 + half)) < 1e-15)
        // Test losses of the cells: 1.5, 2, 3, 8, 2, 5; of initializations 4.75, 2 and 4; of training sets 6.5 / 3 and 5.
        let loss = try #require(row.testLoss)
        #expect(abs(loss.mean - 21.5 / 6) < 1e-15)
        #expect(abs(loss.deviation! - (97.0 / 48).squareRoot()) < 1e-15)
        #expect(abs(loss.low! - (21.5 / 6 - 12.706205 * 8.5 / 6)) < 1e-13)
        #expect(abs(row.meanTrainLoss! - 21.5 / 12) < 1e-15)
    }

    @Test("baseline is exactly 1 to itself") func baseline() throws {
        let spread = SettingSummary.Spread(mean: 1, deviation: 0, low: 1, high: 1)
        #expect(try summary().settings[0].ratio == spread)
    }

    @Test("a setting with a run that diverged, failed or is not there has counts and no mean") func incomplete() throws {
        let spec = try SweepSpec.small()
        let rows = try summary().settings
        #expect(
            Array(rows[2...]) == [
                SettingSummary(setting: spec.settings[2], n: 12, diverged: 1), SettingSummary(setting: spec.settings[3], n: 12, failed: 1),
                SettingSummary(setting: spec.settings[4], n: 11),
            ])
    }

    @Test(
        "without its baseline, or with one of 0, a setting has losses and no ratio",
        arguments: [
            Outcome.diverged, .done(trainLoss: 0, testLoss: 0), nil,
        ]) func baseline(outcome: Outcome?) throws
    {
        let row = try summary { setting, group, own in
            // Both replicates of a cell.
            if setting == 0, group < 2 { own = outcome }
        }.settings[1]
        #expect(row.ratio == nil)
        #expect(row.testLoss != nil)
    }
}

@Suite("Report: the pass over the store") struct ReportPassTests {
    /// Writes down what it takes in.
    private final class Recorder: TrialConsumer {
        let readsSeries: Bool
        private(set) var trials: [TrialRow] = []

        init(readsSeries: Bool) { self.readsSeries = readsSeries }

        func take(_ trial: TrialRow) { trials.append(trial) }
    }

    @Test("each result is read once and goes to every consumer in grid order, with its baseline and, if one reads them, its series")
    func order() throws {
        let grid = Grid(try SweepSpec.small())
        // Trial 6 has no result, and trial 7 failed.
        func result(_ index: Int) -> TrialResult? {
            guard index != 6 else { return nil }
            return .sample(
                grid.key(of: index), index == 7 ? .failed(reason: "") : .done(trainLoss: 0, testLoss: Double(index)), epochs: 1)
        }
        for readsSeries in [false, true] {
            let recorders = [Recorder(readsSeries: readsSeries), Recorder(readsSeries: false)]
            var read: [TrialKey] = [], series: [TrialKey] = []
            try ReportPass.run(
                grid, recorders,
                lookup: { key in
                    read.append(key)
                    return result(grid.index(of: key)!)
                },
                recorded: { key in
                    series.append(key)
                    return [Series(name: "x", values: [1]), Series(name: "x", values: [2])]
                })
            let stored = (0..<grid.count).filter { $0 != 6 }
            #expect(read == (0..<grid.count).map(grid.key(of:)))
            #expect(series == (readsSeries ? stored.filter { $0 != 7 }.map(grid.key(of:)) : []))
            for trials in recorders.map(\.trials) {
                #expect(trials.map(\.result.key) == stored.map(grid.key(of:)))
                #expect(trials.map(\.setting) == stored.map(grid.setting(of:)) && trials.map(\.settingIndex) == stored.map { $0 % 5 })
                #expect(trials.map(\.group) == stored.map { grid.groups[grid.group(of: $0)].spec })
                #expect(trials.map(\.baseline?.key) == stored.map { grid.key(of: $0 / 5 * 5) })
                // The first baseline has a loss of 0, to which there is no ratio.
                #expect(trials.map(\.lossRatio) == stored.map { $0 < 5 || $0 == 7 ? nil : Double($0) / Double($0 / 5 * 5) })
                #expect(trials.map(\.series) == stored.map { readsSeries && $0 != 7 ? ["x": [1]] : [:] })
            }
        }
    }
}

@Suite("Report: the files") struct ReportFileTests {
    @Test("results, summary and curves of five trials, byte for byte") func files() throws {
        let text = ["training_sets = 2": "training_sets = 1", "[0.2, 0.3]": "[0.5]", "repeats = 2": "repeats = 1"]
        let spec = try SweepSpec.parse(text.reduce(smallSweep) { $0.replacing($1.key, with: $1.value) }, file: "s.toml")
        let grid = Grid(spec)
        func result(_ index: Int, _ outcome: Outcome, epochs: Int, _ digest: String?, _ curve: [(Int, Double, Double)] = []) -> TrialResult
        {
            TrialResult(
                key: grid.key(of: index), attempt: index, outcome: outcome, epochs: epochs,
                digest: digest.map { Digest(of: $0) },
                curve: curve.map { CurvePoint(epoch: $0.0, trainLoss: $0.1, testLoss: $0.2) }, seconds: 99)
        }
        let results = [
            result(0, .done(trainLoss: 1e-7, testLoss: 4), epochs: 10, "a", [(1, 5, 8), (10, 1e-7, 4)]),
            result(1, .done(trainLoss: 0.25, testLoss: 1), epochs: 10, "b", [(1, 2, 2), (10, 0.25, 1)]),
            result(2, .diverged, epochs: 3, "c", [(1, 6, 16)]), result(3, .failed(reason: "x, \"y\"\n"), epochs: 0, nil),
            result(4, .done(trainLoss: -0.0, testLoss: 1e22), epochs: 10, "a"),
        ]
        let directory = try StoreDirectory()
        _ = try Report(grid, directory: directory.path, lookup: { key in results.first { $0.key == key } })
        func file(_ name: String) throws -> String {
            String(decoding: try Data(contentsOf: URL(filePath: "\(directory.path)/\(name)")), as: UTF8.self)
        }
        // Keys and digests by Python's hashlib.
        let (a, b, c) = (
            "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
            "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d",
            "2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6"
        )
        let expected = """
            trial,problem,algorithm,lambda1,lambda2,learning_rate,training_set,initialization,replicate,outcome,epochs,train_loss,test_loss,loss_ratio,digest
            05c431dffe377dbe01bb89d567b1eb1d,diagonal-network,sgd,0,0,0.01,0,0,0,done,10,1e-07,4,1,\(a)
            d3ff3ccceb2ad3326f1ca0ce2af0b15e,diagonal-network,sgd,0.01,0,0.01,0,0,0,done,10,0.25,1,0.25,\(b)
            d9082b0c7c32c53d5d355978c1085de4,diagonal-network,sgd,0.1,0,0.01,0,0,0,diverged,3,,,,\(c)
            d0fbff2fa50cfc0c90041e4b8fa7edab,diagonal-network,sgd,0.01,0.02,0.01,0,0,0,failed,0,,,,
            4ceb72b0a4c6150389f817f2ad3fb0ea,diagonal-network,sgd,0.1,0.2,0.01,0,0,0,done,10,-0,1e+22,2.5e+21,\(a)

            """
        #expect(try file("results.csv") == expected)
        #expect(
            try file("summary.csv") == """
                algorithm,lambda1,lambda2,learning_rate,n,diverged,failed,mean_loss_ratio,std_loss_ratio,ci_low,ci_high,mean_test_loss,std_test_loss,mean_train_loss
                sgd,0,0,0.01,1,0,0,1,,,,4,,1e-07
                sgd,0.01,0,0.01,1,0,0,0.25,,,,1,,0.25
                sgd,0.1,0,0.01,1,1,0,,,,,,,
                sgd,0.01,0.02,0.01,1,0,1,,,,,,,
                sgd,0.1,0.2,0.01,1,0,0,2.5e+21,,,,1e+22,,0

                """)
        #expect(
            try file("curves.csv") == """
                algorithm,lambda1,lambda2,learning_rate,epoch,n,mean_train_loss,mean_test_loss,mean_loss_ratio
                sgd,0,0,0.01,1,1,5,8,1
                sgd,0,0,0.01,10,1,1e-07,4,1
                sgd,0.01,0,0.01,1,1,2,2,0.25
                sgd,0.01,0,0.01,10,1,0.25,1,0.25
                sgd,0.1,0,0.01,1,1,6,16,2

                """)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == ["curves.csv", "results.csv", "summary.csv"])
    }

    @Test("a directory that is gone is named, and nothing half-written takes a file's name") func cannotWrite() throws {
        let grid = Grid(try SweepSpec.small())
        let unwritten = try Report(grid, directory: "/nowhere", lookup: { _ in nil })
        #expect(unwritten.failure == .cannotWrite(path: "/nowhere/results.csv", reason: "No such file or directory"))
        #expect(try unwritten.text == Report(grid, directory: nil, lookup: { _ in nil }).text)
        let directory = try StoreDirectory()
        try directory.write(Array("old".utf8), to: "results.csv")
        struct Stop: Error {}
        #expect(throws: Stop.self) { _ = try Report(grid, directory: directory.path, lookup: { _ in throw Stop() }) }
        #expect(try Data(contentsOf: URL(filePath: directory.path + "/results.csv")) == Data("old".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["results.csv"])
    }
}

@Suite("Report: the table of ratios") struct RatioTableTests {
    @Test("the table shows strengths down and curves across, why a cell has no mean, and explains itself") func table() throws {
        let spec = try SweepSpec.small("\"half\"", "\"λ₁/λ₂ = 0.5\"")
        var summary = Summary(Grid(spec)) { _ in nil }
        summary.settings[1].ratio = SettingSummary.Spread(mean: 0.8125, deviation: 0.0884)
        summary.settings[2].diverged = 12
        (summary.settings[3].failed, summary.settings[3].diverged) = (2, 1)
        #expect(
            RatioTable(summary, spec).text == """
                strength           only  λ₁/λ₂ = 0.5
                    0.01  0.813 ± 0.088     2 failed
                     0.1    12 diverged            –

                mean loss ratio to SGD without penalty, by strength and curve; ±: standard deviation across initializations
                N diverged, N failed: so many runs of the setting have no loss, so it has no mean; –: a run is missing, or the baseline has no mean

                """)
    }

    @Test("a table whose settings all have a mean explains no missing ones, and a curve without a strength leaves its cell empty")
    func whole() throws {
        var spec = try SweepSpec.small()
        spec.curves[1].points.removeLast()
        var summary = Summary(Grid(spec)) { _ in nil }
        for index in 1...4 { summary.settings[index].ratio = SettingSummary.Spread(mean: 0.5) }
        #expect(
            RatioTable(summary, spec).text == """
                strength   only   half
                    0.01  0.500  0.500
                     0.1  0.500

                mean loss ratio to SGD without penalty, by strength and curve; ±: standard deviation across initializations

                """)
    }
}

@Suite("Report: what the mean ratios claim") struct ReportClaimsTests {
    /// A summary of this sweep with these mean ratios, in the order of settings after baseline; nil for a run that diverged.
    private func claims(_ spec: SweepSpec, _ ratios: [Double?], failed: [Int] = []) -> Claims {
        var summary = Summary(Grid(spec)) { _ in nil }
        for (index, ratio) in ([1] + ratios).enumerated() {
            summary.settings[index].ratio = ratio.map { SettingSummary.Spread(mean: $0) }
            if ratio == nil, failed.contains(index) {
                summary.settings[index].failed = 1
            } else {
                summary.settings[index].diverged = ratio == nil ? 1 : 0
            }
        }
        return Claims(summary, spec)
    }

    @Test("bests, gain and counts are those of the curves") func small() throws {
        let claims = claims(try SweepSpec.small(), [0.9, 0.8, 0.75, nil])
        #expect(claims.gain.map { abs($0 - 0.9375) < 1e-15 } == true)
        #expect(
            claims.text == """
                curve  best ratio  strength
                only        0.800       0.1
                half        0.750      0.01

                3 of 3 settings have a mean ratio below 1
                no setting has a 95 % interval, which takes two training sets or more
                1 more has no ratio, since runs of the setting or of its baseline diverged
                best ratio with λ1/λ2 = 0.5 over best ratio with λ2 = 0: 0.938

                """)
    }

    @Test("a sweep without the paper's curves claims nothing about them, and what failed is no divergence") func others() throws {
        let claims = claims(try SweepSpec.small("ratio = 0.5", "ratio = 3"), [1, nil, nil, nil], failed: [3])
        #expect(claims.gain == nil)
        #expect(
            claims.text == """
                curve  best ratio  strength
                only        1.000      0.01
                half            –         –

                0 of 1 settings have a mean ratio below 1
                no setting has a 95 % interval, which takes two training sets or more
                2 more have no ratio, since runs of the setting or of its baseline diverged
                1 more has no ratio, since trials failed or were not run

                """)
    }

    @Test("a mean below 1 is told apart from a whole interval below 1") func intervals() throws {
        var summary = Summary(Grid(try SweepSpec.small())) { _ in nil }
        for (index, high) in [0.99, 1.01, 1, nil].enumerated() {
            summary.settings[index + 1].ratio = SettingSummary.Spread(mean: 0.9, low: high.map { _ in 0.8 }, high: high)
        }
        let claims = Claims(summary, try SweepSpec.small())
        #expect((claims.below, claims.settings, claims.intervalsBelow, claims.intervals) == (4, 4, 1, 3))
        #expect(
            claims.text.contains("\n4 of 4 settings have a mean ratio below 1\n1 of 3 settings have their whole 95 % interval below 1\n"))
    }

    @Test("several seeds are a Markdown table with mean and deviation, and no label breaks it") func comparison() throws {
        let spec = try SweepSpec.small("\"only\"", "\"a|b\"")
        let sweeps = [(name: "seed 1", table: claims(spec, [0.9, 0.8, 0.75, nil])), ("seed 2", claims(spec, [1.1, 1, 0.85, 1.5]))]
        #expect(
            Claims.comparison(sweeps) == """
                | sweep | below 1 | diverged | a\\|b | half | 0.5 / λ2 = 0 |
                | --- | --- | --- | --- | --- | --- |
                | seed 1 | 3/3 | 1 | 0.800 @ 0.1 | 0.750 @ 0.01 | 0.938 |
                | seed 2 | 1/4 | 0 | 1.000 @ 0.1 | 0.850 @ 0.01 | 0.850 |
                | mean ± sd | 0.625 ± 0.530 | 0.5 ± 0.7 | 0.900 ± 0.141 | 0.800 ± 0.071 | 0.894 ± 0.062 |

                """)
        #expect(Claims.comparison([]) == "")
    }
}

@Suite("Report: progress") struct ReportProgressTests {
    private let progress = Progress(
        name: "figure4", done: 1000, failed: 0, diverged: 0, total: 4000, doneAtStart: 400, elapsed: .seconds(60), workers: 1, slots: 1)

    @Test("a line has a bar, the rate of this start, and what is left at that rate") func line() {
        #expect(progress.line(width: 80) == "figure4 [██████···················] 1000/4000  10 trials/s  ETA 5 min  1 worker")
        #expect(progress.plainLine == "figure4: 25 %  1000/4000  10 trials/s  ETA 5 min  1 worker")
    }

    @Test("what is done of running trials counts, also for the rate, and slow sweeps have another unit") func running() {
        var progress = progress
        (progress.done, progress.total, progress.doneAtStart, progress.elapsed) = (2, 10, 2, .seconds(120))
        (progress.running, progress.runningSinceStart) = (1.5, 1)
        #expect(progress.plainLine == "figure4: 35 %  2/10  30 trials/h  ETA 13 min  1 worker")
        progress.elapsed = .seconds(3600 * 48)
        #expect(progress.plainLine.contains("  0.5 trials/day  "))
    }

    @Test("a curve is drawn between its lowest and its highest value, thinned to its width") func sparkline() {
        #expect(Sparkline.text([1, 0.5, nil, .nan, 0.25, 0]) == "█▅  ▃▁")
        #expect(Sparkline.text([]) == "" && Sparkline.text([nil]) == "" && Sparkline.text([3]) == "▁")
        // What a worker says may be as large or as close as numbers can be.
        let largest = Double.greatestFiniteMagnitude
        #expect(Sparkline.text([largest, -largest, 0, .infinity]) == "█▁▅ " && Sparkline.text([largest, 0, largest / 2]) == "█▁▅")
        #expect(Sparkline.text([.leastNonzeroMagnitude, 0]) == "█▁")
        #expect(Sparkline.text((0..<100).map { Double($0) }, width: 10).count == 10)
        #expect(Sparkline.text((0..<100).map { Double($0) }, width: 10).hasSuffix("█"))
    }

    @Test("a line never fills its terminal, however narrow", arguments: 0..<120) func width(width: Int) {
        var progress = progress
        (progress.failed, progress.diverged, progress.workers) = (3, 12, 2)
        let line = progress.line(width: width)
        #expect(line.count <= max(0, width - 1))
        if width >= 100 { #expect(line.hasSuffix("  2 workers  12 diverged  3 failed")) }
    }

    @Test("nothing done has no rate, everything done no end to wait for, nothing to do is all of it") func ends() {
        var progress = progress
        progress.done = 400
        #expect(progress.plainLine == "figure4: 10 %  400/4000  1 worker")
        progress.done = 3999
        #expect(progress.plainLine.hasPrefix("figure4: 99 %"))
        progress.done = 4000
        #expect(progress.plainLine == "figure4: 100 %  4000/4000  60 trials/s  1 worker")
        (progress.done, progress.total, progress.doneAtStart) = (0, 0, 0)
        #expect(progress.plainLine == "figure4: 100 %  0/0  1 worker")
        #expect(progress.line(width: 40) == "figure4 [███████████████] 0/0  1 worker")
    }
}
