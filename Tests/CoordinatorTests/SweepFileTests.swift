// SweepFileTests.swift · Tests/CoordinatorTests. A person mends a sweep file once: every mistake is told, with its line and what is allowed.

import FoundationEssentials
import Testing
import Vocabulary
import Wire

@testable import regsweep

/// A small sweep that is right: 1 + 2 × 2 settings on 2 × 2 × 2 groups.
let smallSweep = """
    name = "small"
    seed = 5

    [problem]
    kind = "diagonal-network"
    dimension = 4
    samples = 6
    nonzero = 2

    [training]
    learning_rates = [0.01]
    epochs = 10

    [grid]
    training_sets = 2
    initialization_scales = [0.2, 0.3]
    repeats = 2

    [strengths]
    values = [0.1, 0.01]

    [[curves]]
    label = "only"
    lambda2 = 0

    [[curves]]
    label = "half"
    ratio = 0.5

    """

extension SweepSpec {
    /// The one sweep of a file without [[parts]].
    static func parse(_ text: String, file: String, seed: UInt64? = nil) throws(SpecErrors) -> SweepSpec {
        try SweepList.parse(text, file: file, seed: seed).sweeps[0]
    }

    static func load(path: String, seed: UInt64? = nil) throws(SpecErrors) -> SweepSpec {
        try SweepList.load(path: path, seed: seed).sweeps[0]
    }

    /// The small sweep with one text replaced, which must be in it once.
    static func small(_ old: String = "", _ new: String = "", seed: UInt64? = nil) throws -> SweepSpec {
        try parse(smallSweep(old, new), file: "s.toml", seed: seed)
    }
}

private func smallSweep(_ old: String, _ new: String) -> String {
    precondition(old.isEmpty || smallSweep.ranges(of: old).count == 1, "\(old) is not once in the small sweep")
    return old.isEmpty ? smallSweep : smallSweep.replacing(old, with: new)
}

/// All that is wrong with a text, a line each; without the name of the file.
private func mistakes(_ text: String) -> [String] {
    do {
        _ = try SweepSpec.parse(text, file: "s.toml")
        return []
    } catch { return error.errors.map { String($0.description.dropFirst("s.toml:".count)) } }
}

/// What is wrong with the small sweep once one text in it is replaced.
private func mistakes(_ old: String, _ new: String) -> [String] { mistakes(smallSweep(old, new)) }

@Suite("Sweep files: mistakes") struct SweepMistakeTests {
    @Test("a file full of mistakes gives all of them in the order of their lines") func all() {
        let text = """
            nane = "typo"
            name = "Figure 4"
            seed = -1
            strengths = { from = "low", to = 1, per_decade = 0, step = 2 }
            problem.kind = "diagonal-network"
            problem.dimension = 0x64
            problem.samples = 40.0
            problem.nonzero = 101
            problem.noise_variance = -0.5

            [training]
            algorithm = "sgdd"
            learning_rates = [
                0.01,  # fine ]
                0,
                "x",
                0.01,
            ]
            epochs = 9223372036854775807
            precision = "float16"
            batch_size = true

            [grid]
            training_sets = [4]
            initialization_scales = []
            repeats = 1979-05-27

            [[curves]]
            label = ""
            ratio = 0
            [[curves]]
            label = "twice"
            ratio = 1
            lambda1 = inf
            [[curves]]
            label = "twice"
            lambda2 = nan
            [[curves]]
            lamda2 = 0

            [figure]
            title = 7
            xlabel = "x"

            """
        let expected = [
            "1: nane: is not known here, allowed are audit, curves, figure, grid, name, parts, problem, seed, settings, strengths, training; did you mean name?",
            "2: name: found \"Figure 4\", allowed are 1 to 64 of the letters a to z, digits and hyphens: it names files",
            "3: seed: found -1, allowed is an integer from 0 to 9223372036854775807",
            "4: from: found \"low\", allowed is a number from -12 to 6",
            "4: per_decade: found 0, allowed is an integer from 1 to 100",
            "4: step: is not known here, allowed are from, per_decade, to, values",
            "7: samples: found 40.0, allowed is an integer from 1 to 65536",
            "9: noise_variance: found -0.5, allowed is a number from 0 to 1000000",
            "12: algorithm: found \"sgdd\", allowed is one of \"sgd\"; did you mean \"sgd\"?",
            "15: learning_rates: found 0, allowed are numbers above 0 and up to 1000",
            "16: learning_rates: found \"x\", allowed are numbers above 0 and up to 1000",
            "17: learning_rates: found 0.01 a second time, allowed is each number once",
            "19: epochs: found 9223372036854775807, allowed is an integer from 1 to 1000000000",
            "20: precision: found \"float16\", allowed is one of \"float32\", \"float64\"; did you mean \"float32\"?",
            "21: batch_size: found true, allowed is an integer from 1 to 65536",
            "24: training_sets: found [4], allowed is an integer from 1 to 65536",
            "25: initialization_scales: found an empty list, allowed is a list of numbers above 0 and up to 1000",
            "26: repeats: found a date or time, allowed is an integer from 1 to 16777216",
            "29: label: found \"\", allowed is a text of 1 to 40 characters on one line",
            "30: ratio: found 0, allowed is a number from 1e-06 to 1000000",
            "32: label: found lambda1 and ratio beside it, allowed is axis, or exactly one of lambda1, lambda2 and ratio (λ1/λ2)",
            "34: lambda1: found inf, allowed is a number from 0 to 1000000",
            "36: label: found \"twice\" a second time, allowed is one curve for each label",
            "37: lambda2: found nan, allowed is a number from 0 to 1000000",
            "38: label: is missing in [[curves]], allowed is a text of 1 to 40 characters on one line",
            "38: label: found none of them beside it, allowed is axis, or exactly one of lambda1, lambda2 and ratio (λ1/λ2)",
            "39: lamda2: is not known here, allowed are axis, label, lambda1, lambda2, momentum, ratio; did you mean lambda2?",
            "42: title: found 7, allowed is a text",
            "43: xlabel: is not known here, allowed are kind, title, x_label, y_label; did you mean x_label?",
        ]
        #expect(mistakes(text) == expected)
    }

    @Test("of an empty file everything that has no default is missing") func empty() {
        #expect(
            mistakes("") == [
                " name: is missing, allowed is a text",
                " training_sets: is missing in [grid], allowed is an integer from 1 to 65536",
                " repeats: is missing in [grid], allowed is an integer from 1 to 16777216",
                " kind: is missing in [problem], allowed is one of \"diagonal-network\", \"landscape\", \"convolutional-network\"",
                " learning_rates: is missing in [training], allowed is a list of numbers above 0 and up to 1000",
                " curves: is missing, allowed is [strengths] with [[curves]], [[curves]] alone for learning rates, or [[settings]] for a table",
            ])
    }

    @Test("where the problem is not known, the rest is checked, and only what no problem has is unknown") func unknownProblem() {
        let text = smallSweep("\"diagonal-network\"", "\"diagonal-net\"").replacing("ratio = 0.5", with: "ratio = -1")
            .replacing("epochs", with: "epoch").replacing("repeats = 2", with: "repeats = 0")
        #expect(
            mistakes(text) == [
                "5: kind: found \"diagonal-net\", allowed is one of \"diagonal-network\", \"landscape\", \"convolutional-network\"; did you mean \"diagonal-network\"?",
                "12: epoch: is not known here, allowed are algorithm, batch_gradient_every, batch_size, clip_norm, epochs, learning_rate_decay, learning_rates, momentum, noise_deviation, precision, weight_decay; did you mean epochs?",
                "17: repeats: found 0, allowed is an integer from 1 to 16777216",
                "28: ratio: found -1, allowed is a number from 1e-06 to 1000000",
            ])
    }

    @Test("what parameters must be to each other is told at the parameter") func conflicts() {
        #expect(mistakes("nonzero = 2", "nonzero = 5") == ["8: nonzero: found 5, which is more than dimension = 4"])
        #expect(
            mistakes("epochs = 10", "batch_size = 4") == [
                "12: batch_size: found 4, which does not divide samples = 6: each epoch uses every sample once"
            ])
    }

    @Test("what a recorded variability cannot be had with is told at the parameter, or the table that leaves it out") func variability() {
        func recorded(_ precision: String, _ change: (inout String) -> Void = { _ in }) -> [String] {
            var text = smallSweep("nonzero = 2", "record = \"variability\"").replacing("epochs = 10", with: precision + "epochs = 10")
            text = String(text.prefix(upTo: text.firstRange(of: "[strengths]")!.lowerBound))
            text += "[[settings]]\nlabel = \"SGD\"\nalgorithm = \"sgd\"\n"
            change(&text)
            return mistakes(text)
        }
        let float64 = "precision = \"float64\"\n"
        #expect(recorded(float64) { $0.replace("dimension = 4", with: "dimension = 5") } == [])
        #expect(
            recorded("") { $0.replace("dimension = 4", with: "dimension = 1025") } == [
                "6: dimension: found 1025, allowed are at most 1024 with record = \"variability\"",
                "10: precision: found \"float32\", allowed is \"float64\" with record = \"variability\"",
            ])
        #expect(
            recorded(float64) {
                $0.replace("dimension = 4", with: "dimension = 5")
                $0.replace("epochs = 10", with: "epochs = 16384")
            } == ["13: epochs: found 16384, allowed are at most 16383 with record = \"variability\""])
        #expect(
            recorded(float64) {
                $0.replace("dimension = 4", with: "dimension = 5")
                $0 += "[[settings]]\nlabel = \"Reg\"\nalgorithm = \"sgd\"\nlambda2 = 0.5\nlambda1 = 1\n"
            } == [
                "26: lambda2: found 0.5, allowed is 0 with record = \"variability\", which is about SGD alone",
                "27: lambda1: found 1, allowed is 0 with record = \"variability\", which is about SGD alone",
            ])
        #expect(
            recorded(float64) { $0.replace("\"variability\"", with: "\"trajectory\"") }.contains {
                $0.hasPrefix("8: record: found \"trajectory\", allowed is one of \"losses\", \"variability\"")
            })
    }

    @Test("strengths are a list or a range, and a range goes up") func strengths() {
        #expect(
            mistakes("values = [0.1, 0.01]", "values = [0.1, 0.01, 0.1]\nfrom = 1") == [
                "20: values: found 0.1 a second time, allowed is each number once",
                "21: from: found beside values, allowed is values, or from, to and per_decade",
            ])
        #expect(
            mistakes("values = [0.1, 0.01]", "from = -1\nto = -1.5\nper_decade = 4") == [
                "20: from: found from = -1, allowed is at most to = -1.5: both are exponents of 10, from = -4 and to = -1 give 0.0001 to 0.1"
            ])
    }

    @Test(
        "tables in the place of values, values in the place of tables",
        arguments: [
            (
                "[strengths]\nvalues = [0.1, 0.01]", "[[strengths]]\nvalues = [0.1]",
                "19: strengths: found [a table], allowed is a table, written [strengths]"
            ),
            (
                "[[curves]]\nlabel = \"only\"\nlambda2 = 0\n\n[[curves]]\nlabel = \"half\"\nratio = 0.5", "[curves]\nlabel = \"only\"",
                "22: curves: found a table, allowed is at least one table, written [[curves]]"
            ),
            ("seed = 5", "seed = 5\nfigure = \"no\"", "3: figure: found \"no\", allowed is a table, written [figure]"),
            ("seed = 5", "[seed]", "2: seed: found a table, allowed is an integer from 0 to 9223372036854775807"),
        ]) func tables(old: String, new: String, mistake: String)
    {
        #expect(mistakes(old, new).contains(mistake))
    }

    @Test("an array of curves that are no tables is told element by element") func inlineCurves() {
        let text = smallSweep.prefix { $0 != "\n" } + "\ncurves = [\n  1,\n  { label = \"a\", lambda2 = 0, x = 1 },\n]\n"
        #expect(mistakes(String(text)).contains("2: curves: found 1, allowed is at least one table, written [[curves]]"))
        #expect(mistakes(String(text)).contains("4: x: is not known here, allowed are label, lambda1, lambda2, momentum, weight_decay"))
    }

    @Test(
        "a name is refused unless it can name files everywhere",
        arguments: ["", "../x", "a b", "Ä", "a.b", "A", String(repeating: "a", count: 65)])
    func names(name: String) {
        let message = "found \"\(name)\", allowed are 1 to 64 of the letters a to z, digits and hyphens: it names files"
        #expect(mistakes("\"small\"", "\"\(name)\"") == ["1: name: \(message)"])
    }

    @Test("more trials than a coordinator can hold are refused, however large their number") func tooMany() {
        let text = smallSweep("training_sets = 2", "training_sets = 65536").replacing("repeats = 2", with: "repeats = 16777216")
        #expect(mistakes(text) == ["17: repeats: found more than 10000000 trials in all, allowed are at most so many: split the sweep"])
    }

    @Test(
        "a syntax error is told with its line",
        arguments: [
            ("seed = 5", "seed = ", 2), ("epochs = 10", "epochs = 10\nepochs = 11", 13), ("[grid]", "[grid", 14),
            ("[grid]", "[training]", 14),
            ("seed = 5", "seed = 99999999999999999999", 2), ("seed = 5", "seed = 1e400", 2), ("seed = 5", "seed = 0x_1", 2),
            ("label = \"only\"", "label = \"only", 23),
        ]) func syntax(old: String, new: String, line: Int)
    {
        let found = mistakes(old, new)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("\(line): ") == true, "\(found)")
    }

    @Test("a zero byte is no end of the file") func zeroByte() {
        #expect(mistakes("seed = 5", "seed = 5\n\0rubbish") == ["3: found a zero byte, allowed is text"])
    }

    @Test("a file that is not there, a directory and bytes that are no text are told apart") func files() throws {
        let directory = try StoreDirectory()
        func message(_ path: String) -> String? {
            do throws(SpecErrors) {
                _ = try SweepSpec.load(path: path)
                return nil
            } catch { return error.description }
        }
        try directory.write(Array("name = \"".utf8) + [0xff, 0x22], to: "latin.toml")
        #expect(message(directory.path + "/none.toml") == directory.path + "/none.toml: there is no such file")
        #expect(message(directory.path) == directory.path + ": is a directory, not a file")
        #expect(message(directory.path + "/latin.toml") == directory.path + "/latin.toml: is not UTF-8 text")
    }

    @Test("a warning is told at its line and stops nothing") func warnings() throws {
        let spec = try SweepSpec.small("[0.2, 0.3]", "[0.2, 0.7]")
        let message = "initialization_scales: 0.7: runs from scales of 0.7 and more diverge even without a penalty"
        #expect(spec.warnings == [SpecError(file: "s.toml", line: 16, message: message)])
    }
}

@Suite("Sweep files: values") struct SweepValueTests {
    @Test(
        "the same file in other words is the same sweep",
        arguments: [
            ("learning_rates = [0.01]", "learning_rates = [1e-2]"), ("epochs = 10", "epochs = 0xA"), ("epochs = 10", "epochs = 1_0"),
            ("lambda2 = 0", "lambda2 = -0.0"), ("[problem]\nkind", "[ \"problem\" ]\n\"kind\""),
            ("values = [0.1, 0.01]", "values = [0.01, 0.1]"),
            ("values = [0.1, 0.01]", "from = -2\nto = -1\nper_decade = 1"),
            ("values = [0.1, 0.01]", "from = -2\nto = -0.5\nper_decade = 1"),
            ("\"only\"", "'''only'''"),
            ("[strengths]\nvalues = [0.1, 0.01]", "strengths = { values = [0.1, 0.01] }"),
        ]) func words(old: String, new: String) throws
    {
        // Before the first header, since that is where an inline table can stand.
        let text = new.hasPrefix("strengths") ? new + "\n" + smallSweep(old, "") : smallSweep(old, new)
        #expect(try SweepSpec.parse(text, file: "s.toml") == SweepSpec.small())
    }

    @Test("ends of lines from Windows and a byte order mark change nothing, not even the lines of mistakes") func windows() throws {
        func dressed(_ text: String) -> String { "\u{FEFF}" + text.replacing("\n", with: "\r\n") }
        #expect(try SweepSpec.parse(dressed(smallSweep), file: "s.toml") == SweepSpec.small())
        let wrong = smallSweep("\"small\"", "\"\"").replacing("ratio = 0.5", with: "ratio = 0")
        #expect(mistakes(dressed(wrong)).map { $0.prefix { $0 != ":" } } == ["1", "28"])
        #expect(mistakes(dressed(wrong)) == mistakes(wrong))
    }

    @Test("a range reaches its end although tenths do not add up in binary") func range() throws {
        // (-0.1 − -4.1) · 10 is 39.99999999999999.
        let strengths = try SweepSpec.small("values = [0.1, 0.01]", "from = -4.1\nto = -0.1\nper_decade = 10").curves[0].points.map(
            \.strength)
        #expect(strengths.count == 41)
        #expect((strengths.first, strengths.last) == (7.94328e-05, 0.794328))
    }

    @Test("−0 in a file is 0 everywhere, also where it is printed") func minusZero() throws {
        #expect(try SweepSpec.small("lambda2 = 0", "lambda2 = -0.0").settings[1].strengths[.lambda2].sign == .plus)
    }

    @Test("what the file leaves out has its default") func defaults() throws {
        let spec = try SweepSpec.small("seed = 5", "")
        #expect(spec.seed == 1)
        #expect(
            spec.parameters == [
                "dimension": .integer(4), "samples": .integer(6), "nonzero": .integer(2), "signal_variance": .real(2),
                "noise_variance": .real(1), "batch_size": .integer(1), "epochs": .integer(10), "precision": .text("float32"),
                "record": .text("losses"), "replacements": .integer(8),
            ])
        #expect(spec.figure == FigureSpec(title: "small"))
    }

    @Test("a seed from outside takes the place of the file's, but not of a mistake in it") func seed() throws {
        #expect(try SweepSpec.small(seed: .max).seed == .max)
        #expect(throws: SpecErrors.self) { try SweepSpec.small("seed = 5", "seed = 1.5", seed: 7) }
    }

    @Test("settings are baseline for each learning rate, then each setting of the curves once, in order") func settings() throws {
        let spec = try SweepSpec.parse(
            smallSweep("[0.01]", "[0.01, 0.02]") + "[[curves]]\nlabel = \"again\"\nlambda2 = 0\n[[curves]]\nlabel = \"2\"\nlambda1 = 0\n",
            file: "s.toml")
        func setting(_ lambda1: Double, _ lambda2: Double, _ rate: Double) -> Setting {
            Setting(algorithm: "sgd", strengths: [.lambda1: lambda1, .lambda2: lambda2], learningRate: rate)
        }
        var expected = [setting(0, 0, 0.01), setting(0, 0, 0.02)]
        for (first, second) in [((0.01, 0.0), (0.1, 0.0)), ((0.01, 0.02), (0.1, 0.2)), ((0.0, 0.01), (0.0, 0.1))] {
            for rate in [0.01, 0.02] { expected += [setting(first.0, first.1, rate), setting(second.0, second.1, rate)] }
        }
        #expect(spec.settings == expected)
        #expect(
            spec.curves.map(\.label) == ["only", "half", "again", "2"].flatMap { ["\($0), η = 0.01", "\($0), η = 0.02"] })
        #expect(spec.curves[4].points == spec.curves[0].points)
    }
}

@Suite("Sweep files: lines of keys") struct SweepLineTests {
    @Test("every way to write a key has its line") func everyWay() {
        let text = #"""
            # comment [x] = 1
            a = 1 # [b] = 2
            "quoted key" = 2
            'a.b'."c\"]=" = 3
            dotted . name = 4
            text = """ [t]
            no = "key" \""" still
            """
            raw = '''
            [no] = 1''''
            list = [ # ] no end
              [1, 2], "]", '[',
              { x = 1, y.z = [
                2] },
            ]
            inline = { p = 1, q = "}", r = { s = 1 } }

            [table] # [[other]]
            k = "#"
            [ table . "sub.table" ]
            k = 1
            [[array]]
            k = 1
            [[array]]
            k = '\'
            [array.sub]
            k = 2
            [[array.inner]]
            [[array.inner]]
            k = 3
            """#
        let lines = TOMLLines(text)
        let expected: [(String, Int?)] = [
            ("a", 2), ("b", nil), ("quoted key", 3), ("a.b", 4), ("a.b|c\"]=", 4), ("dotted", 5), ("dotted|name", 5), ("text", 6),
            ("t", nil), ("no", nil), ("raw", 9), ("list", 11), ("list|0", 12), ("list|0|1", 12), ("list|2", 12), ("list|3", 13),
            ("list|3|x", 13), ("list|3|y", 13), ("list|3|y|z", 13), ("list|3|y|z|0", 14), ("inline", 16), ("inline|q", 16),
            ("inline|r|s", 16), ("table", 18), ("other", nil), ("table|k", 19), ("table|sub.table", 20), ("table|sub.table|k", 21),
            ("array", 22), ("array|0", 22), ("array|0|k", 23), ("array|1", 24), ("array|1|k", 25), ("array|1|sub", 26),
            ("array|1|sub|k", 27), ("array|1|inner|0", 28), ("array|1|inner|1|k", 30), ("array|2", nil),
        ]
        for (path, line) in expected {
            #expect(lines[path.split(separator: "|").map(String.init)] == line, "\(path)")
        }
    }

    @Test(
        "a scan ends for every text, TOML or not",
        arguments: ["[", "[[", "]", "=", "a", "a=", "a=[", "a={", "a={]", "\"", "'''", "a.", "a=\"\\", "[a]]]=,"])
    func ends(text: String) {
        #expect(TOMLLines(text)[["nothing"]] == nil)
    }
}
