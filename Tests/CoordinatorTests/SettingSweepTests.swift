// SettingSweepTests.swift · Tests/CoordinatorTests. Sweeps of [[settings]]: their rows, their mistakes, and what they print.

import FoundationEssentials
import Testing
import Vocabulary
import Wire

@testable import regsweep

/// Two settings and plain SGD, which is none of them, on 2 × 3 × 2 groups.
private let smallTable = """
    name = "small"
    [problem]
    kind = "landscape"
    samples = 5
    maximum_probability = 0.5
    [training]
    learning_rates = [0.4]
    epochs = 10
    [grid]
    training_sets = 2
    initializations = 3
    repeats = 2
    [[settings]]
    label = "GD|1"
    algorithm = "gd"
    [[settings]]
    label = "Reg2"
    algorithm = "sgd"
    lambda2 = 0.5

    """

private func spec(_ old: String = "", _ new: String = "") throws(SpecErrors) -> SweepSpec {
    precondition(old.isEmpty || smallTable.ranges(of: old).count == 1, "\(old) is not once in the small table")
    return try SweepSpec.parse(old.isEmpty ? smallTable : smallTable.replacing(old, with: new), file: "s.toml")
}

/// All that is wrong once one text is replaced, without the name of the file.
private func mistakes(_ old: String, _ new: String) -> [String] {
    do {
        _ = try spec(old, new)
        return []
    } catch { return error.errors.map { String($0.description.dropFirst("s.toml:".count)) } }
}

@Suite("Sweep files: rows of settings") struct SettingSweepTests {
    @Test("each learning rate has its own rows and its own plain SGD") func rates() throws {
        let spec = try spec("[0.4]", "[0.4, 0.2]")
        #expect(spec.rows.map(\.label) == ["GD|1, η = 0.4", "GD|1, η = 0.2", "Reg2, η = 0.4", "Reg2, η = 0.2"])
        #expect(spec.settings.map(\.learningRate) == [0.4, 0.2, 0.4, 0.2, 0.4, 0.2])
    }

    @Test(
        "more initializations, settings and replicates leave the trials that were",
        arguments: [
            ("initializations = 3", "initializations = 100"), ("repeats = 2", "repeats = 3"),
            ("lambda2 = 0.5", "lambda2 = 0.5\n[[settings]]\nlabel = \"n\"\nalgorithm = \"noisy-gd\""),
        ]) func growth(old: String, new: String) throws
    {
        let (before, after) = (try spec(), try spec(old, new))
        let (small, large) = (Grid(before), Grid(after))
        #expect((0..<small.count).allSatisfy { large.index(of: small.key(of: $0)) != nil })
        #expect(large.count > small.count && SweepSpec.differences(stored: before.base, now: after.base) == [])
    }

    @Test(
        "what is impossible is told at its line with what is allowed",
        arguments: [
            ("samples = 5", "samples = 0", ["4: samples: found 0, allowed is an integer from 1 to 65536"]),
            ("= 0.5\n[training]", "= 1.5\n[training]", ["5: maximum_probability: found 1.5, allowed is a number from 0 to 1"]),
            ("epochs = 10", "epochs = 0", ["8: epochs: found 0, allowed is an integer from 1 to 1000000000"]),
            ("epochs = 10", "learning_rate_decay = 0", ["8: learning_rate_decay: found 0, allowed is a number above 0 and up to 1"]),
            (
                "epochs = 10", "precision = \"float32\"",
                ["8: precision: found \"float32\", allowed is one of \"float64\"; did you mean \"float64\"?"]
            ),
            ("epochs = 10", "algorithm = \"gd\"", ["8: algorithm: found beside [[settings]], allowed is an algorithm in each of them"]),
            (
                "training_sets = 2", "training_sets = 1",
                [
                    "10: training_sets: found 1, which leaves no standard deviation over training sets, allowed with [[settings]] is an integer from 2 to 65536"
                ]
            ),
            ("initializations = 3", "initializations = 101", ["11: initializations: found 101, allowed is an integer from 1 to 100"]),
            (
                "repeats = 2", "repeats = 1",
                [
                    "12: repeats: found 1, which leaves no standard error over replicates, allowed with [[settings]] is an integer from 2 to 16777216"
                ]
            ),
            ("\"GD|1\"", "\"Reg2\"", ["17: label: found \"Reg2\" a second time, allowed is one setting for each label"]),
            (
                "\"gd\"", "\"gdd\"",
                [
                    "15: algorithm: found \"gdd\", allowed is one of \"sgd\", \"gd\", \"noisy-gd\", \"noisy-gd-matched\"; did you mean \"gd\"?"
                ]
            ),
            (
                "\"gd\"", "\"gd\"\nlambda2 = 1",
                ["16: lambda2: found 1, allowed is 0 with gd, which has no mini-batch that could deviate"]
            ),
            ("\"gd\"", "\"sgd\"\nlambda2 = 0.5", ["19: algorithm: found the same setting a second time, allowed is each once"]),
            (
                "lambda2 = 0.5", "lambda3 = 0.5",
                ["19: lambda3: is not known here, allowed are algorithm, label, lambda1, lambda2, momentum; did you mean lambda1?"]
            ),
            (
                "lambda2 = 0.5", "[strengths]\nvalues = [1]\n[figure]\ntitle = \"t\"",
                [
                    "19: strengths: found beside [[settings]], allowed is [strengths] with [[curves]], or [[settings]]",
                    "21: kind: is missing in [figure], allowed is one of \"density\", \"trajectories\", \"theory\"",
                ]
            ),
        ]) func mistake(old: String, new: String, expected: [String])
    { #expect(mistakes(old, new) == expected) }

    @Test("a curve of an algorithm without batches cannot have Reg2") func curves() {
        let form = smallTable[..<smallTable.firstRange(of: "[[settings]]")!.lowerBound]
            .replacing("epochs = 10", with: "algorithm = \"gd\"")
        let text = form + "[strengths]\nvalues = [1]\n[[curves]]\nlabel = \"c\"\nratio = 1\n[[curves]]\nlabel = \"d\"\nlambda2 = 0\n"
        #expect(
            throws: SpecErrors(errors: [
                SpecError(
                    file: "s.toml", line: 17,
                    message: "ratio: lambda2: found 1, allowed is 0 with gd, which has no mini-batch that could deviate")
            ])
        ) { try SweepSpec.parse(String(text), file: "s.toml") }
    }
}

@Suite("Report: the table of settings") struct LossTableTests {
    /// Test losses of GD by training set, initialization and replicate: means 2 and 4 of the training sets, 2.5 and 3.5 of the replicates.
    private static let losses = [[[1.0, 1], [1, 3], [2, 4]], [[3, 5], [4, 4], [4, 4]]]

    private func summary(_ spec: SweepSpec) -> Summary {
        let grid = Grid(spec)
        return Summary(grid) { index in
            let group = grid.groups[grid.group(of: index)].spec
            if grid.setting(of: index).strengths[.lambda2] > 0 {
                return group.replicate == 1 ? .diverged : .done(trainLoss: 1, testLoss: 1)
            }
            return .done(trainLoss: 0, testLoss: Self.losses[group.trainingSet][group.initialization][group.replicate])
        }
    }

    @Test("a row has its mean, the deviation over training sets, the error over replicates, or why it has none") func byHand() throws {
        let spec = try spec()
        let table = LossTable(summary(spec), spec)
        let row = try #require(table.rows.first)
        #expect((row.label, row.mean, row.n, row.diverged, row.failed) == ("GD|1", 3, 12, 0, 0))
        #expect(abs(row.deviation! - 2.0.squareRoot()) < 1e-15 && abs(row.error! - 0.5) < 1e-15)
        #expect(table.rows[1] == LossTable.Row(label: "Reg2", mean: nil, deviation: nil, error: nil, n: 12, diverged: 6, failed: 0))
        #expect(
            table.text == """
                setting    test loss  std. error   n
                GD|1     3.00 ± 1.41       0.500  12
                Reg2      6 diverged           –  12

                ±: standard deviation over training sets of the mean over initializations and replicates; std. error: of the mean over replicates
                N diverged, N failed: so many runs of the setting have no loss, so it has no mean; –: a run is missing, or the baseline has no mean

                """)
        #expect(
            LossTable.comparison([("seed 1", table), ("seed 2", table)]) == """
                | sweep | GD\\|1 | Reg2 |
                | --- | --- | --- |
                | seed 1 | 3.00 ± 1.41 | 6 diverged |
                | seed 2 | 3.00 ± 1.41 | 6 diverged |
                | mean ± sd | 3.00 ± 0.00 | – |

                """)
        #expect(LossTable.comparison([]) == "")
    }

    @Test("its report writes the tables and draws nothing") func noFigure() throws {
        let spec = try spec()
        let directory = try StoreDirectory()
        let report = try Report(Grid(spec), directory: directory.path, lookup: { _ in nil })
        #expect(report.drawing == nil && report.publish(directory: directory.path, isQuiet: true))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == ["curves.csv", "results.csv", "summary.csv"])
        guard case .settings(let table) = report.table else { throw UnexpectedTable() }
        #expect(report.text == table.text)
    }
}
