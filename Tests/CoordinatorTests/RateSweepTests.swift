// RateSweepTests.swift · Tests/CoordinatorTests. Sweeps over learning rates: what their files mean, their table and their figure.

import FoundationEssentials
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

private let text = """
    name = "rates"
    data = "somewhere"
    [problem]
    kind = "convolutional-network"
    samples = 64
    [training]
    learning_rates = [0.2, 0.1]
    epochs = 10
    [grid]
    training_sets = 1
    initializations = 2
    repeats = 1
    [[curves]]
    label = "none"
    [[curves]]
    label = "some"
    lambda2 = 0.5
    [[curves]]
    label = "other decay"
    lambda2 = 0.5
    weight_decay = 0
    """

private func sgd(_ lambda2: Double, _ rate: Double, _ decay: Double = 0.01) -> Setting {
    Setting(algorithm: "sgd", strengths: [.lambda1: 0, .lambda2: lambda2, .weightDecay: decay], learningRate: rate)
}

@Suite("Sweeps over learning rates") struct RateSweepTests {
    private func spec() throws -> SweepSpec { try SweepSpec.parse(text, file: "s.toml") }

    private func mistakes(_ old: String, _ new: String) -> [String] {
        do {
            _ = try SweepSpec.parse(text.replacing(old, with: new), file: "s.toml")
            return []
        } catch { return error.errors.map(\.description) }
    }

    @Test("a curve without [strengths] goes over the learning rates, and each weight decay has its own baselines before all others")
    func curves() throws {
        let spec = try spec()
        #expect(spec.dataFolder == "somewhere" && spec.needsData && spec.isByRate)
        #expect(spec.curves.map(\.label) == ["none", "some", "other decay"])
        #expect(spec.curves[1].points.map(\.strength) == [0.1, 0.2])
        #expect(spec.curves[2].points.map { spec.settings[$0.setting] } == [sgd(0.5, 0.1, 0), sgd(0.5, 0.2, 0)])
        #expect(
            spec.settings == [
                sgd(0, 0.2), sgd(0, 0.1), sgd(0, 0.1, 0), sgd(0, 0.2, 0), sgd(0.5, 0.1), sgd(0.5, 0.2), sgd(0.5, 0.1, 0),
                sgd(0.5, 0.2, 0),
            ])
        #expect(sgd(0.5, 0.1, 0).baseline == sgd(0, 0.1, 0) && !sgd(0.5, 0.1).isBaseline)
        #expect(spec.figure.xLabel == "learning rate" && spec.figure.yLabel == "test loss")
    }

    @Test("mistakes are told at their lines")
    func wrong() {
        #expect(
            mistakes("training_sets = 1", "training_sets = 2") == [
                "s.toml:10: training_sets: found 2, allowed is 1: the data set is one training set"
            ])
        #expect(
            mistakes("lambda2 = 0.5\n[[", "lambda1 = 0.5\n[[")
                == ["s.toml:17: lambda1: is not known here, allowed are label, lambda2, weight_decay; did you mean lambda2?"])
        #expect(mistakes("epochs = 10", "batch_size = 65") == ["s.toml:8: batch_size: found 65, which is more than samples = 64"])
        #expect(mistakes("weight_decay = 0", "weight_decay = -1").first?.hasPrefix("s.toml:21: weight_decay: found -1, allowed is") == true)
        #expect(mistakes("\"somewhere\"", "3") == ["s.toml:2: data: found 3, allowed is a text"])
        #expect(mistakes("samples = 64", "training_images = \"x\"").first?.contains("training_images: is not known here") == true)
    }

    @Test("weight decay is part of a trial's key where there is one, and 0 is none") func keys() {
        let group = GroupSpec(problem: "p", parameters: [:], seed: 1, trainingSet: 0, initialization: 0, replicate: 0)
        let texts = [0, 0.01, 0.02].map { TrialIdentity(group: group, setting: sgd(0, 0.1, $0)).canonicalText }
        #expect(!texts[0].contains("weight_decay"))
        #expect(texts[1].contains("weight_decay=") && texts[1] != texts[2])
    }

    // MARK: The report

    /// Losses by index of the setting and initialization: 0.4 + 0.1 × index, ± 0.01.
    private func summary(_ spec: SweepSpec, diverged: Int? = nil) -> Summary {
        let grid = Grid(spec)
        return Summary(grid) { index in
            let setting = index % spec.settings.count
            if setting == diverged { return .diverged }
            let loss = 0.4 + 0.1 * Double(setting) + (grid.group(of: index) == 0 ? 0.01 : -0.01)
            return .done(trainLoss: loss / 2, testLoss: loss)
        }
    }

    private func rates(of report: Report) throws -> RateTable {
        guard case .rates(let table) = report.table else { throw UnexpectedTable() }
        return table
    }

    @Test("the table has losses, gap and the ratio to the same without penalty") func table() throws {
        let spec = try spec()
        var accuracies = Accuracies()
        for share in [0.75, 0.5] { accuracies.add([0, share], points: 2, of: spec.settings[spec.curves[1].points[0].setting]) }
        let rows = RateTable(summary(spec), spec, accuracies: accuracies).rows
        #expect(rows.map(\.accuracy) == [nil, nil, 0.625, nil, nil, nil])
        #expect(rows.map(\.curve) == ["none", "none", "some", "some", "other decay", "other decay"])
        #expect(rows.map(\.rate) == [0.1, 0.2, 0.1, 0.2, 0.1, 0.2])
        let some = rows[2]
        #expect(abs(some.test! - 0.8) < 1e-12 && abs(some.train! - 0.4) < 1e-12 && abs(some.gap! - 0.4) < 1e-12 && some.n == 2)
        #expect(abs(some.deviation! - 0.02 / 2.0.squareRoot()) < 1e-12)
        #expect(abs(some.ratio! - (0.81 / 0.51 + 0.79 / 0.49) / 2) < 1e-12)
        // Its own weight decay's baseline, not the sweep's.
        #expect(abs(rows[4].ratio! - (1.01 / 0.61 + 0.99 / 0.59) / 2) < 1e-12)
        let text = RateTable(summary(spec, diverged: 4), spec).text
        #expect(
            text.contains("some                   0.1       2 diverged") && text.contains("\nsome                 0.9000            0.2\n"))
        #expect(text.contains("\nN diverged, N failed: so many runs of the setting have no loss"))
    }

    @Test(
        "an accuracy that is none is left out of the mean and counted",
        arguments: [
            (nil, 1), ([], 1), ([0.5], 1), ([0.5, .nan], 1), ([0.5, .infinity], 1), ([0.5, -0.1], 1), ([0.5, 1.1], 1),
            ([0.5, 0.5, 0.5], 1),
            ([0.5, 1], 0),
        ] as [([Double]?, Int)])
    func accuracy(values: [Double]?, leftOut: Int) throws {
        let spec = try spec(), grid = Grid(spec), first = grid.key(of: 0)
        let report = try Report(
            grid, directory: nil,
            lookup: { key in
                .sample(
                    key, .done(trainLoss: 0.25, testLoss: 0.5), epochs: 10,
                    curve: [1, 10].map { CurvePoint(epoch: $0, trainLoss: 0.25, testLoss: 0.5) })
            }, recorded: { key in (key == first ? values : [0, 0.5]).map { [Series(name: "test_accuracy", values: $0)] } ?? [] })
        // The first setting is that of the first curve at η = 0.2, with two trials.
        let rates = try rates(of: report)
        #expect(rates.rows[1].accuracy == (leftOut == 0 ? 0.75 : 0.5))
        #expect(rates.withoutAccuracy == leftOut)
        #expect(report.text.contains("\naccuracy leaves out 1 trial: the series is missing, of a wrong length, or") == (leftOut > 0))
    }

    @Test("a problem without classes has no accuracy to leave out") func noAccuracy() throws {
        let report = try Report(Grid(try spec()), directory: nil) { key in
            .sample(key, .done(trainLoss: 0, testLoss: 1), epochs: 10)
        }
        #expect(try rates(of: report).withoutAccuracy == 0 && !report.text.contains("leaves out"))
    }

    @Test(
        "several seeds are a table of the best of each curve and its learning rate, with mean and deviation; a curve without one has a dash"
    )
    func comparison() throws {
        var spec = try spec()
        spec.curves[2].label = "a|b"
        // Losses are 0.5, 0.75 and 0.875 on the three curves, and more by the shift at η = 0.2.
        func report(shift: Double, diverged: [Int] = []) throws -> Report {
            let grid = Grid(spec), count = spec.settings.count
            let indices = Dictionary(uniqueKeysWithValues: (0..<spec.trialCount).map { (grid.key(of: $0), $0 % count) })
            return try Report(grid, directory: nil) { key in
                let index = indices[key]!, isFast = spec.settings[index].learningRate == 0.2
                let loss = 0.5 + 0.125 * Double(index / 2) + (isFast ? shift : 0)
                return .sample(key, diverged.contains(index) ? .diverged : .done(trainLoss: 0, testLoss: loss), epochs: 10)
            }
        }
        let sweeps = [("seed 1", try report(shift: -0.25)), ("seed 2", try report(shift: 0.25, diverged: [4, 6, 7]))]
        #expect(
            Report.comparison(sweeps) == """
                | sweep | none | some | a\\|b |
                | --- | --- | --- | --- |
                | seed 1 | 0.2500 @ 0.2 | 0.5000 @ 0.2 | 0.6250 @ 0.2 |
                | seed 2 | 0.5000 @ 0.1 | 1.0000 @ 0.2 | – |
                | mean ± sd | 0.3750 ± 0.1768 | 0.7500 ± 0.3536 | – |

                a sweep's cell: the best mean test loss of the curve @ its learning rate; mean ± sd: mean and standard deviation over the sweeps

                """)
        #expect(RateTable.comparison([]) == "")
    }

    @Test("the tables name the weight decay, in their last column, and others do not") func columns() throws {
        let spec = try spec()
        let columns = SummaryFile.columns(spec), rows = summary(spec).settings
        #expect(CSV.header(columns).hasSuffix(",mean_train_loss,weight_decay\n"))
        #expect(CSV.line(rows[0], columns).hasSuffix(",0.01\n") && CSV.line(rows[2], columns).hasSuffix(",0\n"))
        #expect(TrialsFile.columns(spec).last?.name == "weight_decay" && CurvesFile.columns(spec).last?.name == "weight_decay")
        let other = try SweepSpec.small()
        for header in [
            CSV.header(SummaryFile.columns(other)), CSV.header(TrialsFile.columns(other)), CSV.header(CurvesFile.columns(other)),
        ] { #expect(!header.contains("weight_decay")) }
    }

    @Test("the figure shows losses by learning rate, those near the benchmark's, and gnuplot draws it") func figure() throws {
        let spec = try spec()
        let figure = CurvesFigure(summary(spec, diverged: 4), spec)
        #expect(figure.lines[0].points.map(\.x) == [0.1, 0.2])
        #expect(figure.lines[1].diverged == [0.1])
        let script = figure.script(terminal: "dumb", output: "out")
        #expect(script.contains("set ylabel \"test loss\"") && !script.contains("1 with lines linecolor rgb '#888888'"))
        // Those beyond twice the smallest, which is baseline's at the rate of 0.2; the axis ends above the others.
        #expect(script.contains("3 points above 0.52 not shown"))
        for isEmpty in [false, true] {
            let directory = try StoreDirectory(), grid = Grid(spec)
            let report = try Report(grid, directory: directory.path) { key in
                guard !isEmpty else { return nil }
                return .sample(key, .done(trainLoss: 0.1, testLoss: 0.4 + Double(key.low % 8) / 100), epochs: 10)
            }
            #expect(report.publish(directory: directory.path, isQuiet: true))
            let files = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
            #expect(files == ["curves.csv", "rates.pdf", "rates.png", "rates.svg", "results.csv", "summary.csv"])
        }
    }
}
