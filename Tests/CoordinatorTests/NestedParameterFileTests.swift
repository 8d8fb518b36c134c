// NestedParameterFileTests.swift · Tests/CoordinatorTests. Parameters that are lists and tables, of a problem that exists only here, as a sweep
// file states them: each form that TOML has for them, and every mistake at its line.

import Testing
import Vocabulary

@testable import regsweep

private let declared = [
    ParameterDeclaration("rates", .list(of: .integer(1...9), count: 1...4), in: .problem, "integers"),
    ParameterDeclaration(
        "layers",
        .list(
            of: .table([
                ParameterDeclaration("width", .integer(1...64), "units"),
                ParameterDeclaration("gain", .real(RealRange(0...10)), default: 1.0, "factor"),
            ]), count: 1...3), in: .problem, "tables"),
    ParameterDeclaration(
        "optimizer",
        .variant(
            tag: "kind",
            [.init("plain"), .init("adam", [ParameterDeclaration("beta", .real(RealRange(0...1, excludesMaximum: true)), "decay")])]),
        in: .problem, default: ["kind": "plain"], "a table of one of two forms"),
]

/// The parameters in the table `[problem]` of a file, and all mistakes of it, a line each.
private func read(_ text: String) throws -> (values: [ParameterValue?], mistakes: [String]) {
    let file = try TOMLFile(text, name: "s.toml")
    let table = file.root.table("problem")
    let values = declared.map(table.value)
    table.refuseOthers()
    do {
        try file.throwIfWrong()
        return (values, [])
    } catch { return (values, error.errors.map { String($0.description.dropFirst("s.toml:".count)) }) }
}

@Suite("Sweep files: parameters that are lists and tables") struct NestedParameterFileTests {
    private let expected: [ParameterValue?] = [
        [1, 2, 3], [["width": 16, "gain": 0.5], ["width": 4, "gain": 1.0]], ["kind": "adam", "beta": 0.9],
    ]

    @Test("inline tables, tables with a header and dotted keys are one value, with the defaults of missing entries") func forms() throws {
        let inline = """
            [problem]
            rates = [1, 2, 3]
            layers = [{ width = 16, gain = 0.5 }, { width = 4 }]
            optimizer = { kind = "adam", beta = 0.9 }
            """
        let headers = """
            [problem]
            rates = [
              1, 2, # two
              3,
            ]
            [[problem.layers]]
            width = 16
            gain = 0.5
            [[problem.layers]]
            width = 4
            [problem.optimizer]
            kind = "adam"
            beta = 0.9
            """
        let dotted = """
            problem.rates = [1, 2, 3]
            problem.layers = [{ gain = 0.5, width = 16 }, { width = 4 }]
            problem.optimizer.kind = "adam"
            problem.optimizer.beta = 0.9
            """
        for text in [inline, headers, dotted] {
            let (values, mistakes) = try read(text)
            #expect(values == expected && mistakes == [])
        }
    }

    @Test("a real number may be written as an integer, and −0 is 0") func numbers() throws {
        let (values, mistakes) = try read("[problem]\nrates = [9]\nlayers = [{ width = 1, gain = 2 }, { width = 2, gain = -0.0 }]\n")
        #expect(values == [[9], [["width": 1, "gain": 2.0], ["width": 2, "gain": 0.0]], ["kind": "plain"]] && mistakes == [])
        guard case .list(let layers)? = values[1], case .table(let last)? = layers.last, case .real(let gain)? = last["gain"] else {
            Issue.record("no gain")
            return
        }
        #expect(gain.sign == .plus)
    }

    @Test("every mistake is told at its own line, by the path of the entry") func mistakes() throws {
        let text = """
            [problem]
            rates = [
              1,
              2,
              "x",
              10,
            ]
            optimizer = { kind = "adan", beta = 0.9 }
            [[problem.layers]]
            width = 1.5
            [[problem.layers]]
            width = 4
            gian = 0.5
            [[problem.layers]]
            gain = 11
            """
        let (values, mistakes) = try read(text)
        #expect(values == [nil, nil, nil])
        #expect(
            mistakes == [
                "5: rates[2]: found \"x\", allowed is an integer from 1 to 9",
                "6: rates[3]: found 10, allowed is an integer from 1 to 9",
                "8: optimizer.kind: found \"adan\", allowed is one of \"plain\", \"adam\"; did you mean \"adam\"?",
                "10: layers[0].width: found 1.5, allowed is an integer from 1 to 64",
                "13: layers[1].gian: is not known here, allowed are gain, width; did you mean gain?",
                "14: layers[2].width: is missing in [[problem.layers]], allowed is an integer from 1 to 64",
                "15: layers[2].gain: found 11, allowed is a number from 0 to 10",
            ])
    }

    @Test("so it is in lists of inline tables over several lines") func inlineLines() throws {
        let text = """
            [problem]
            rates = [1]
            layers = [
              { width = 1 },
              { gain = 2, with = 3 },
              7,
            ]
            """
        #expect(
            try read(text).mistakes == [
                "5: layers[1].width: is missing in [[problem.layers]], allowed is an integer from 1 to 64",
                "5: layers[1].with: is not known here, allowed are gain, width; did you mean width?",
                "6: layers[2]: found 7, allowed is a table",
            ])
    }

    @Test(
        "a value of another kind, and a list of another length, are told with what is allowed",
        arguments: [
            ("rates = 5", "2: rates: found 5, allowed is a list of 1 to 4, each an integer from 1 to 9"),
            ("rates = []", "2: rates: found an empty list, allowed is a list of 1 to 4, each an integer from 1 to 9"),
            ("rates = [1, 1, 1, 1, 1]", "2: rates: found [1, 1, 1, 1, 1], allowed is a list of 1 to 4, each an integer from 1 to 9"),
            ("rates = { a = 1 }", "2: rates: found a table, allowed is a list of 1 to 4, each an integer from 1 to 9"),
            ("rates = [[1]]", "2: rates[0]: found [1], allowed is an integer from 1 to 9"),
            ("rates = [1.0]", "2: rates[0]: found 1.0, allowed is an integer from 1 to 9"),
            ("", "1: rates: is missing in [problem], allowed is a list of 1 to 4, each an integer from 1 to 9"),
        ]) func kinds(line: String, mistake: String) throws
    {
        #expect(try read("[problem]\n\(line)\nlayers = [{ width = 1 }]\n").mistakes == [mistake])
    }

    @Test(
        "a table of several forms is read by its tag",
        arguments: [
            ("\"adam\"", "2: optimizer: found \"adam\", allowed is a table with kind = one of \"plain\", \"adam\""),
            ("{ beta = 0.5 }", "2: optimizer.kind: is missing in [problem.optimizer], allowed is one of \"plain\", \"adam\""),
            ("{ kind = \"adam\" }", "2: optimizer.beta: is missing in [problem.optimizer], allowed is a number from 0 to below 1"),
            ("{ kind = \"adam\", beta = 1 }", "2: optimizer.beta: found 1, allowed is a number from 0 to below 1"),
            ("{ kind = \"plain\", beta = 0.5 }", "2: optimizer.beta: is not known here, allowed are kind"),
        ]) func variants(value: String, mistake: String) throws
    {
        #expect(try read("[problem]\noptimizer = \(value)\nrates = [1]\nlayers = [{ width = 1 }]\n").mistakes == [mistake])
    }
}
