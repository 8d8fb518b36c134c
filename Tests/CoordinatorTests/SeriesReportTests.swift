// SeriesReportTests.swift · Tests/CoordinatorTests. Sweeps that draw what trials leave besides losses: their files, their numbers, their figures.

import FoundationEssentials
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

/// Two settings on 2 × 4 × 1 groups of the smallest grid of initializations.
private func sweep(_ kind: String, record: String, epochs: Int = 20, more: String = "") -> String {
    """
    name = "small"
    [problem]
    kind = "landscape"
    record = "\(record)"
    initializations_per_side = 2
    [training]
    learning_rates = [0.4]
    epochs = \(epochs)
    [grid]
    training_sets = 2
    initializations = 4
    repeats = 1
    [figure]
    kind = "\(kind)"
    title = "a `title`"
    \(more)
    [[settings]]
    label = "GD"
    algorithm = "gd"
    [[settings]]
    label = "SGD"
    algorithm = "sgd"

    """
}

private func mistakes(_ text: String) -> [String] {
    do {
        _ = try SweepList.parse(text, file: "s.toml")
        return []
    } catch { return error.errors.map { String($0.description.dropFirst("s.toml:".count)) } }
}

private let density = sweep("density", record: "trajectory", more: "initializations = [0, 3]")

private func trial(
    _ row: Int = 0, set: Int = 0, initialization: Int = 0, isDiverged: Bool = false, _ series: [String: [Double]]
)
    -> RecordedTrial
{
    RecordedTrial(row: row, trainingSet: set, initialization: initialization, replicate: 0, isDiverged: isDiverged, series: series)
}

/// The same sweep with two epochs a trial, and one of trajectories.
private let shortDensity = sweep("density", record: "trajectory", epochs: 2, more: "initializations = [0, 3]")
private let shortTrajectories = sweep("trajectories", record: "variability", epochs: 2, more: "initializations = [0, 1]")

/// What a trial of two epochs on the landscape leaves with `record = "trajectory"`: 64 points of each map.
private func trajectory(
    _ x: [Double] = [1, 2, 7.5], _ y: [Double] = [1, 3, 6.5], traces: [Double] = [0.5, 2.5, 9], mapTraces: [Double] = [3]
) -> [String: [Double]] {
    var series = ["x": x, "y": y, "covariance_trace": traces]
    for (name, _) in Density.mapTitles { series[name.rawValue] = (0..<64).map(Double.init) }
    series["map_covariance_trace"] = (0..<64).map { mapTraces[$0 % mapTraces.count] }
    return series
}

/// What one of SGD leaves with `record = "variability"` after an epoch.
private func variability(gap: Double = 1, trace: Double = 4, bound: Double = 8, error: Double = 1) -> [String: [Double]] {
    [
        "gap": [0, gap], "variability_trace": [0, trace], "solution_variance": [0, trace], "bound_population": [0, bound / 2],
        "bound_batch": [0, bound / 2], "bootstrap_error": [5, 4, 3, 2, error], "bootstrap_ratio": [1, 1, 1, 1, 0.9],
        "accumulated_covariance": [bound],
    ]
}

/// The same series each time with one mistake in one of them: it is missing, empty, too short, too long, or has a number in it that is none.
private func mistakes(in series: [String: [Double]], of names: [String], also numbers: [Double] = []) -> [[String: [Double]]] {
    names.flatMap { name in
        let values = series[name]!
        let changed =
            [nil, [], values.dropLast(), values + [values[0]]] + ([.nan, .infinity, -.infinity] + numbers).map { values.dropLast() + [$0] }
        return changed.map { change in
            var series = series
            series[name] = change
            return series
        }
    }
}

@Suite("Sweep files: figures of series") struct SeriesSweepTests {
    @Test("each kind reads what it draws") func kinds() throws {
        let spec = try SweepSpec.parse(density, file: "s.toml")
        #expect((spec.figure.kind, spec.figure.initializations, spec.figure.trainingSet) == (.density, [0, 3], 0))
        #expect(spec.rows.count == 2 && spec.replicates == 1)
        let theory = try SweepSpec.parse(sweep("theory", record: "variability"), file: "s.toml")
        #expect(theory.figure == FigureSpec(title: "a `title`", kind: .theory))
        let lines = "training_set = 1\ninitializations = [2]"
        #expect(try SweepSpec.parse(sweep("trajectories", record: "variability", more: lines), file: "s.toml").figure.trainingSet == 1)
    }

    @Test("the shipped files of Figures 2 and 3 and of the theory are what Docs/reproduction.md says they are") func shippedFiles() throws {
        for (name, kind) in [("figure2", FigureSpec.Kind.density), ("figure3", .trajectories)] {
            let spec = try SweepSpec.load(path: Checkout.path(of: "Sweeps/\(name).toml"))
            #expect(spec.figure.kind == kind && spec.trialCount == 400 && spec.rows.map(\.label) == ["GD", "SGD", "NoisyGD", "SGDwReg2"])
            #expect(spec.warnings == [])
        }
        let theory = try SweepList.load(path: Checkout.path(of: "Sweeps/theory.toml"))
        #expect(
            theory.sweeps.map(\.name) == ["landscape-10", "landscape-30", "landscape-90", "network-20", "network-40", "network-160"])
        #expect(theory.sweeps.map(\.trialCount) == [540, 540, 540, 24, 24, 24])
    }

    @Test(
        "what a figure cannot show is told at its line",
        arguments: [
            (
                sweep("density", record: "losses", more: "initializations = [0]"),
                ["4: record: found \"losses\", allowed is \"trajectory\" with figure.kind = \"density\""]
            ),
            (
                sweep("trajectories", record: "trajectory", more: "initializations = [0]"),
                ["4: record: found \"trajectory\", allowed is \"variability\" with figure.kind = \"trajectories\""]
            ),
            (
                sweep("density", record: "trajectory", more: "initializations = [4]"),
                ["16: initializations: found 4, allowed are integers from 0 to 3"]
            ),
            (
                sweep("density", record: "trajectory", more: "training_set = 2\ninitializations = [1, 1]"),
                [
                    "16: training_set: found 2, allowed is an integer from 0 to 1",
                    "17: initializations: found [1, 1], allowed is a list of 1 to 8 different integers from 0 to 65535",
                ]
            ),
            (
                sweep("theory", record: "variability", more: "initializations = [1]"),
                ["16: initializations: is not known here, allowed are kind, title"]
            ),
            (
                sweep("theory", record: "variability").replacing("training_sets = 2", with: "training_sets = 1"),
                [
                    "10: training_sets: found 1, which leaves no standard deviation over training sets, allowed with [[settings]] is an integer from 2 to 65536"
                ]
            ),
            (
                sweep("theory", record: "variability").replacing("epochs = 20", with: "epochs = 16384"),
                ["8: epochs: found 16384, allowed are at most 16383 with record = \"variability\""]
            ),
            (
                sweep("curves", record: "losses"),
                ["14: kind: found \"curves\", allowed is one of \"density\", \"trajectories\", \"theory\""]
            ),
        ]) func mistake(text: String, expected: [String])
    { #expect(mistakes(text) == expected) }

    /// A file of two parts.
    private static func parts(_ first: String = "a", _ second: String = "b", samples: String = "5", audit: String = "") -> String {
        let part = { (name: String) in
            """
            [[parts]]
            name = "\(name)"\(audit)
            [parts.problem]
            kind = "landscape"
            samples = \(samples)
            record = "variability"
            [parts.training]
            learning_rates = [0.4]
            [parts.grid]
            training_sets = 2
            initializations = 1
            repeats = 1
            [[parts.settings]]
            label = "SGD"
            algorithm = "sgd"

            """
        }
        return "name = \"both\"\nseed = 3\n[figure]\nkind = \"theory\"\n" + part(first) + part(second)
    }

    @Test("a file of parts is a sweep for each, with the file's seed and figure and directories below its own") func parts() throws {
        let list = try SweepList.parse(Self.parts(), file: "s.toml", seed: nil)
        #expect(list.name == "both" && list.figure?.kind == .theory && list.sweeps.map(\.name) == ["a", "b"])
        #expect(list.sweeps.allSatisfy { $0.seed == 3 && $0.figure == list.figure && $0.trialCount == 2 })
        #expect(ResultsDirectory("results/both").directory(of: list.sweeps[1], in: list).path == "results/both/b")
        #expect(try SweepList.parse(Self.parts(), file: "s.toml", seed: 9).sweeps.map(\.seed) == [9, 9])
        #expect(try SweepList.parse(Self.parts(audit: "\naudit = 0.5"), file: "s.toml").sweeps.map(\.audit) == [0.5, 0.5])
        #expect(mistakes("audit = 0.5\n" + Self.parts()).count == 1)
        let single = try SweepList.parse(density, file: "s.toml")
        #expect(ResultsDirectory("results/small").directory(of: single.sweeps[0], in: single).path == "results/small")
    }

    @Test("mistakes in parts have their lines") func partMistakes() {
        #expect(mistakes(Self.parts("a", "a")) == ["21: name: found \"a\" a second time, allowed is one part of each name"])
        #expect(
            mistakes(Self.parts(samples: "0")) == [
                "9: samples: found 0, allowed is an integer from 1 to 65536", "24: samples: found 0, allowed is an integer from 1 to 65536",
            ])
        #expect(
            mistakes(Self.parts().replacing("seed = 3\n", with: "seed = 3\n[grid]\nrepeats = 1\n")) == [
                "3: grid: is not known here, allowed are figure, name, parts, seed"
            ])
    }
}

@Suite("Report: series") struct SeriesReportTests {
    @Test("density: squares, ends, ranks among the map, what was clipped") func density() throws {
        var report = Density(try SweepSpec.parse(shortDensity, file: "s.toml"))
        // The map of four cells: traces 1, 2, 3, 4.
        for initialization in 0..<4 {
            let (x, y) = initialization == 3 ? ([1.0, 8, 7.5], [1.0, 8, 6.5]) : ([1.0, 1, 1], [3.0, 3, 3])
            report.add(trial(initialization: initialization, trajectory(x, y, mapTraces: [Double(initialization + 1)])))
        }
        // A trial on another training set counts in the table and not in the figure.
        report.add(trial(set: 1, trajectory([7, 7, 7.2], [7, 7, 7.1], traces: [1, 1, 1], mapTraces: [1, 2])))
        let measures = report.measures
        func row(_ name: String) -> [Double?] { measures.rows.first { $0.name.hasPrefix(name) }!.values }
        #expect(measures.settings == ["GD", "SGD"])
        #expect(row("end near") == [40, nil] && row("left the domain") == [20, nil] && row("diverged") == [0, 0])
        // Along each of the first set's four paths none, two and four of the four cells are smaller; along the second's path none, three times.
        let share: Double = 600.0 / 15, mean: Double = 51.0 / 15
        #expect(row("domain with a smaller trace") == [share, nil] && row("mean trace") == [mean, nil])
        // 8 is in the last square; (1, 3) in square 5, 15.
        #expect(report.visits[0][5 * 40 + 15] == 9 && report.visits[0][39 * 40 + 39] == 1 && report.visits[0].reduce(0, +) == 12)
        #expect(report.paths[0].count == 2 && report.paths[1].isEmpty && report.maps[.mapTrainingLoss]?.count == 4)
        #expect(report.leftOut == 0)
    }

    @Test("density: a trial with series that no trial leaves is left out of picture and table, and counted") func densityMistakes() throws {
        let spec = try SweepSpec.parse(shortDensity, file: "s.toml")
        var report = Density(spec), sound = Density(spec)
        let good = trajectory(), all = ["x", "y", "covariance_trace"] + Density.mapTitles.map(\.0.rawValue)
        let bad =
            mistakes(in: good, of: all)
            + mistakes(in: good, of: ["x", "y"], also: [-0.1, 8.1, -1e300, 1e300, .leastNonzeroMagnitude * -1]) + [[:]]
        for series in bad { report.add(trial(0, series)) }
        // One that diverged ends before its last epoch; the epochs are two.
        for count in 1...3 {
            let cut = good.mapValues { $0.count == 3 ? Array($0.prefix(count)) : $0 }
            for isDiverged in [true, false] {
                report.add(trial(isDiverged: isDiverged, cut))
                if isDiverged ? count < 3 : count == 3 { sound.add(trial(isDiverged: isDiverged, cut)) }
            }
        }
        #expect(report.leftOut == bad.count + 3 && sound.leftOut == 0)
        #expect(report.measures == sound.measures && report.visits == sound.visits && report.paths[0].count == 3)
        #expect(report.drawing.script(terminal: "", output: "") == sound.drawing.script(terminal: "", output: ""))
    }

    @Test("trajectories: ends, and how often a sharp drop of the trace comes with a smaller gap") func trajectories() throws {
        let spec = try SweepSpec.parse(sweep("trajectories", record: "variability", more: "initializations = [1]"), file: "s.toml")
        var report = Trajectories(spec)
        // Windows 0–10 and 10–20: the first loses nine tenths with a smaller gap, the second everything with a larger one.
        let trace = (0...20).map { $0 < 10 ? 10.0 : $0 < 20 ? 1 : 0 }, gap = (0...20).map { $0 < 10 ? 5.0 : $0 < 20 ? 4 : 6 }
        report.add(trial(initialization: 1, ["gap": gap, "variability_trace": trace]))
        // The trace loses less than half, then half of almost nothing.
        let slow = (0...20).map { $0 < 10 ? 10.0 : $0 < 20 ? 6 : 5.9 }
        report.add(trial(initialization: 2, ["gap": gap, "variability_trace": slow]))
        report.add(trial(initialization: 3, isDiverged: true, [:]))
        func row(_ name: String) -> Double? { report.measures.rows.first { $0.name.hasPrefix(name) }!.values[0] }
        #expect(row("gap at the end") == 6 && row("trace at the end") == 2.95 && row("diverged") == 1)
        #expect(row("sharp drops") == 1 && row("with a smaller gap") == 50 && row("of all windows") == 50)
        #expect(report.curves[1]?[0]?.trace == trace && report.curves.count == 1)
    }

    @Test("trajectories: what no trial leaves is left out and counted; a trace that is no number is that of a copy") func curveMistakes()
        throws
    {
        let spec = try SweepSpec.parse(shortTrajectories, file: "s.toml")
        var report = Trajectories(spec), sound = Trajectories(spec)
        let good = ["gap": [1.0, 2, 3], "variability_trace": [1.0, 2, 3]]
        let bad =
            mistakes(in: good, of: ["gap"]) + mistakes(in: good, of: ["variability_trace"]).filter { $0["variability_trace"]?.count != 3 }
            + [[:]]
        for series in bad { report.add(trial(0, series)) }
        for trace in [3.0, .nan, .infinity, 5] {
            let series = ["gap": [1.0, 2, 3], "variability_trace": [1.0, 2, trace]]
            report.add(trial(initialization: 1, series))
            sound.add(trial(initialization: 1, series))
        }
        report.add(trial(isDiverged: true, good))
        sound.add(trial(isDiverged: true, [:]))
        #expect(report.leftOut == bad.count && sound.leftOut == 0)
        #expect(report.measures == sound.measures && report.curves == sound.curves)
        func row(_ name: String) -> Double? { report.measures.rows.first { $0.name.hasPrefix(name) }!.values[0] }
        #expect(row("trace at the end") == 4 && row("with a copy") == 2 && row("diverged") == 1)
    }

    @Test("theory: means over training sets of the means of their trials, and Student's interval") func theory() throws {
        var report = Theory(try SweepSpec.parse(sweep("theory", record: "variability", epochs: 1), file: "s.toml"))
        func add(_ set: Int, gap: Double, trace: Double, bound: Double) {
            report.add(trial(1, set: set, variability(gap: gap, trace: trace, bound: bound, error: Double(set))))
        }
        add(0, gap: 1, trace: 4, bound: 8)
        add(0, gap: 3, trace: 8, bound: 4)
        add(1, gap: 4, trace: 2, bound: 20)
        add(1, gap: 9, trace: .nan, bound: 1)
        report.add(trial(1, set: 1, isDiverged: true, [:]))
        let row = report.rows[1]
        #expect((row.trials, row.diverged, row.unstable) == (5, 1, 1))
        #expect(row.gap?.mean == 3 && row.halfTrace?.mean == 2 && row.difference?.mean == 1)
        // Half the width for means 2 and 4: 12.706 × √2 / √2.
        #expect(abs((row.gap?.half ?? 0) - 12.706205) < 1e-6)
        #expect(row.boundHolds.map { ($0 * 3).rounded() } == 200 && row.looseness[1] == 2)
        #expect(row.errors.map(\.mean) == [5, 4, 3, 2, 0.5] && row.ratios.last?.mean == 0.9)
        #expect(row.correlation == Statistics.rankCorrelation([8, 4, 20], [4, 8, 2]))
        #expect(report.rows[0].gap == nil && report.rows[0].errors == [])
        let directory = try StoreDirectory()
        #expect(try report.writeFiles(in: directory.path) == ["theory.csv"])
        let lines = try String(contentsOfFile: "\(directory.path)/theory.csv", encoding: .utf8).split(separator: "\n")
        #expect(lines.map { $0.split(separator: ",", omittingEmptySubsequences: false).count } == [25, 25, 25])
        #expect(
            lines[0] == """
                sweep,problem,samples,algorithm,lambda1,lambda2,learning_rate,n,diverged,unstable,gap,gap_half_width,half_trace,\
                half_trace_half_width,difference,difference_half_width,bound_holds_percent,bound_ratio_median,error_1,error_4,error_16,\
                error_64,error_exact,trace_ratio_exact,rank_correlation
                """)
        #expect(lines[1] == "small,landscape,30,gd,0,0,0.4,0,0,0,,,,,,,,,,,,,,,")
        #expect(lines[2].hasPrefix("small,landscape,30,sgd,0,0,0.4,5,1,1,3,") && lines[2].contains(",5,4,3,2,0.5,0.9,"))
    }

    @Test("theory: what no trial leaves is left out and counted; what is SGD's alone is asked of SGD alone") func theoryMistakes() throws {
        let spec = try SweepSpec.parse(sweep("theory", record: "variability", epochs: 1), file: "s.toml")
        var report = Theory(spec), sound = Theory(spec)
        let good = variability(), short = ["gap", "variability_trace", "solution_variance"]
        // A trace that is not finite is that of a copy; the variance is then none either.
        let bad =
            mistakes(in: good, of: ["gap", "solution_variance", "bound_population", "bound_batch", "accumulated_covariance"])
            + mistakes(in: good, of: ["variability_trace"]).filter { $0["variability_trace"]?.count != 2 }
            + mistakes(in: good, of: ["bootstrap_error", "bootstrap_ratio"]).filter { $0.values.allSatisfy { $0.allSatisfy(\.isFinite) } }
            + [[:]]
        for series in bad { report.add(trial(1, series)) }
        for row in 0...1 {
            for set in 0...1 {
                report.add(trial(row, set: set, row == 0 ? good.filter { short.contains($0.key) } : good))
                sound.add(trial(row, set: set, good))
            }
        }
        #expect(report.leftOut == bad.count && sound.leftOut == 0)
        #expect(report.rows == sound.rows && report.rows.map(\.trials) == [2, 2])
        #expect(report.rows[0].errors == [] && report.rows[0].boundHolds == nil && report.rows[1].errors.count == 5)
        // Where all gradients are alike, Proposition 1 says nothing, and Lemma 2 does.
        for error in [.nan, .infinity] as [Double] { report.add(trial(1, variability(error: error))) }
        #expect(report.leftOut == bad.count && report.rows[1].errors == sound.rows[1].errors)
        #expect((report.rows[1].trials, report.rows[1].undefined) == (4, 2) && report.rows[1].boundHolds == 100)
        #expect(report.measures.rows.last?.values == [0, 2])
    }

    /// A report on the short density sweep, of whose 16 trials some leave a path that ends in no number.
    private func report(bad count: Int) throws -> Report {
        let grid = Grid(try SweepSpec.parse(shortDensity, file: "s.toml"))
        let bad = Set((0..<count).map { grid.key(of: $0) })
        return try Report(
            grid, directory: nil,
            lookup: { key in
                .sample(key, .done(trainLoss: 1, testLoss: 1), epochs: 2)
            },
            recorded: { key in
                trajectory([1, 2, bad.contains(key) ? .nan : 3]).sorted { $0.key < $1.key }.map { Series(name: $0, values: $1) }
            })
    }

    @Test("the report says below its table how many trials are left out, and so do several seeds", arguments: [0, 1, 16])
    func leftOut(count: Int) throws {
        let report = try report(bad: count)
        let note =
            "left out: a series is missing, of a wrong length, or has a number that is not finite or off the domain\n"
        #expect(report.series?.leftOut == count)
        #expect(report.text.hasSuffix("\(count) \(count == 1 ? "trial is" : "trials are") \(note)") == (count > 0))
        #expect(report.text.contains("left out:") == (count > 0))
        let comparison = Report.comparison([("seed 1", try self.report(bad: 0)), ("seed 2", report)])
        #expect(comparison.contains("left out:") == (count > 0))
        #expect(comparison.hasSuffix("seed 2: \(count) \(count == 1 ? "trial is" : "trials are") \(note)") == (count > 0))
    }

    @Test("measures of several sweeps stand beside each other with mean and deviation") func comparison() {
        let one = Measures(settings: ["GD", "a|b"], rows: [Measures.Row(name: "share, %", decimals: 1, values: [1, nil])])
        let two = Measures(settings: ["GD", "a|b"], rows: [Measures.Row(name: "share, %", decimals: 1, values: [3, 2])])
        #expect(
            Measures.comparison([("seed 1", one), ("seed 2", two)]) == """
                | share, % | GD | a\\|b |
                | --- | --- | --- |
                | seed 1 | 1.0 | – |
                | seed 2 | 3.0 | 2.0 |
                | mean ± sd | 2.0 ± 1.4 | – |

                """)
        #expect(one.text == "           GD  a|b\nshare, %  1.0    –\n")
    }

    /// Every figure, of full and of empty reports, goes through the real gnuplot without a word of complaint.
    @Test("figures are drawn", arguments: [nil, 1, 1e8, 1e299, .greatestFiniteMagnitude]) func drawn(size: Double?) throws {
        let directory = try StoreDirectory()
        var density = Density(try SweepSpec.parse(shortDensity, file: "s.toml"))
        var trajectories = Trajectories(try SweepSpec.parse(shortTrajectories, file: "s.toml"))
        var theory = Theory(try SweepSpec.parse(sweep("theory", record: "variability", epochs: 1), file: "s.toml"))
        for row in 0..<2 {
            for initialization in 0..<4 {
                guard let size else { break }
                let maps = (0..<64).map { size / Double($0 + row + 1) }
                density.add(
                    trial(row, initialization: initialization, trajectory([0, 4, 8], [8, 5, 0], traces: [1, 2, size], mapTraces: maps)))
                trajectories.add(
                    trial(
                        row, initialization: initialization,
                        [
                            "gap": [1, -2 / size, initialization.isMultiple(of: 2) ? size : -size],
                            "variability_trace": [-size, .nan, size],
                        ]))
                theory.add(
                    trial(
                        row, set: initialization % 2,
                        variability(gap: row == 0 ? size : -size, trace: 1 / size, bound: size, error: size)))
            }
        }
        #expect((density.leftOut, trajectories.leftOut, theory.leftOut) == (0, 0, 0))
        let script = theory.drawing.script(terminal: "", output: "")
        #expect([" inf", " -inf", " nan"].allSatisfy { !script.contains($0) })
        for (name, drawing) in [
            ("density", density.drawing), ("trajectories", trajectories.drawing), ("theory", theory.drawing),
            ("both", TheoryFigure(title: "two", [("a", theory), ("b", theory)])),
        ] {
            try Gnuplot.draw(drawing, as: name, in: directory.path)
            let svg = try String(contentsOfFile: "\(directory.path)/\(name).svg", encoding: .utf8)
            #expect(svg.contains(name == "both" ? "two" : "a `title`"))
        }
    }
}
