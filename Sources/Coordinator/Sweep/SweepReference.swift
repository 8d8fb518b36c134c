// SweepReference.swift · Coordinator/Sweep. The reference of all keys of a sweep file, made from the declarations that the readers use. A test
// compares it with Docs/sweep-file.md.

internal import Vocabulary

/// All keys of a sweep file, table by table.
struct SweepReference {
    /// A table of the file, or what one problem adds to it.
    struct Section {
        /// The header of the table in the file; empty for the keys above the first table.
        var table: String
        /// The problem that has these keys; nil where all of them do.
        var problem: String?
        var keys: [ParameterDeclaration]
        /// What the table is for.
        var text: String
    }

    let sections: [Section]

    init() {
        let (keys, penalties) = (SweepKeys.self, Strength.all.map(Self.key))
        var sections = [
            Section(table: "", keys: [keys.name, keys.seed, keys.audit, keys.data], text: "Above the first table."),
            Section(table: "[problem]", keys: [keys.kind], text: "What is trained. Each problem adds its own keys, below."),
            Section(
                table: "[training]", keys: [keys.learningRates, keys.algorithm],
                text: "How it is trained. Each problem adds its own keys, below. With `[[settings]]` the algorithm stands in each of them."),
            Section(
                table: "[grid]", keys: [keys.trainingSets, keys.initializations, keys.repeats],
                text: "How often each setting is trained: the product of the three."),
            Section(
                table: "[strengths]", keys: [keys.values, keys.from, keys.to, keys.perDecade],
                text: """
                    The values on the x axis of `[[curves]]`: either `values`, or 10^`from` to 10^`to`. Without this table the learning rates are \
                    on the x axis.
                    """),
            Section(
                table: "[[curves]]", keys: [keys.label, keys.axis, keys.ratio] + penalties,
                text: """
                    A curve of the figure; as many tables as there are curves. With `[strengths]` either `axis` names the strength on the x axis, or \
                    exactly one of `lambda1`, `lambda2` and `ratio` is given: λ₁ is on the x axis beside a fixed `lambda2` or `ratio`, and λ₂ beside a \
                    fixed `lambda1`. A problem has the strengths that are listed below for it.
                    """),
            Section(
                table: "[[settings]]", keys: [keys.label, keys.rowAlgorithm] + penalties,
                text: "A row of a table of losses, in place of `[strengths]` and `[[curves]]`."),
            Section(
                table: "[figure]",
                keys: [keys.figureKind, keys.title, keys.xLabel, keys.yLabel, keys.trainingSet, keys.shown(atMost: keys.mostShown)],
                text: """
                    May be left out. The labels of axes belong to curves, `training_set` and `initializations` to figures of single trials (`density`, \
                    `trajectories`).
                    """),
            Section(
                table: "[[parts]]", keys: [],
                text: """
                    A file of several sweeps has one such table for each, with a `name` of its own and all tables above in it, as in \
                    `[parts.problem]`; only `name`, `seed` and `[figure]` stand above the first part.
                    """),
        ]
        for problem in ProblemDeclaration.all {
            for table in [ParameterDeclaration.Table.problem, .training, .grid] {
                var own = problem.parameters.filter { $0.table == table }
                if table == .training { own += problem.strengths.filter { !$0.strength.isPenalty }.map(Self.key) }
                guard !own.isEmpty else { continue }
                sections.append(Section(table: "[\(table.rawValue)]", problem: problem.name, keys: own, text: ""))
            }
        }
        self.sections = sections
    }

    /// The page in Markdown.
    var markdown: String {
        var lines = [
            "# The keys of a sweep file", "",
            "This page is made from the declarations that the program reads a sweep file by; `make reference` writes it again.",
            "`regsweep check FILE` reads a file and tells every mistake with its line. A key without a default has to be given, unless its line",
            "says when it may be left out.",
        ]
        for section in sections where section.problem == nil {
            lines += ["", "## \(section.table.isEmpty ? "The file" : "`\(section.table)`")", "", section.text]
            lines += Self.rows(section.keys)
        }
        for problem in ProblemDeclaration.all {
            lines += ["", "## Problem `\(problem.name)`", "", "\(problem.summary.first!.uppercased())\(problem.summary.dropFirst())."]
            lines += ["Algorithms: \(problem.algorithms.map { "`\($0.rawValue)`" }.joined(separator: ", "))."]
            lines += ["Strengths: \(problem.strengths.map { "`\($0.strength.name)`" }.joined(separator: ", "))."]
            for section in sections where section.problem == problem.name {
                lines += ["", "### `\(section.table)` of `\(problem.name)`"] + Self.rows(section.keys)
            }
            if !problem.series.isEmpty {
                lines += ["", "Series that a trial leaves besides its losses, where `record` asks for them: "]
                lines[lines.count - 1] += problem.series.map { "`\($0.name.rawValue)`" }.joined(separator: ", ") + "."
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func rows(_ keys: [ParameterDeclaration]) -> [String] {
        guard !keys.isEmpty else { return [] }
        return ["", "| key | value | default | unit | what it is |", "|---|---|---|---|---|"] + keys.flatMap { rows($0, inside: "") }
    }

    /// A row for the key and one for each entry of the tables in it.
    private static func rows(_ key: ParameterDeclaration, inside path: String) -> [String] {
        let name = path + key.key
        let allowed = key.isPerInitialization ? "a list, for each initialization \(key.kind.allowed)" : key.kind.allowed
        let cells = ["`\(name)`", allowed, key.defaultValue.map { "`\($0)`" } ?? "–", key.unit.isEmpty ? "–" : key.unit, key.summary]
        return ["| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"] + entries(key.kind, inside: name)
    }

    private static func entries(_ kind: ParameterDeclaration.Kind, inside path: String) -> [String] {
        switch kind {
        case .integer, .real, .choice, .text, .file: []
        case .list(let kind, _): entries(kind, inside: path + "[]")
        case .table(let entries): entries.flatMap { rows($0, inside: path + ".") }
        case .variant(let tag, let variants):
            variants.flatMap { variant in variant.entries.flatMap { rows($0, inside: "\(path)(\(tag) = \(variant.name)).") } }
        }
    }

    /// A strength as a key of the tables that may give it.
    private static func key(_ strength: Strength) -> ParameterDeclaration {
        ParameterDeclaration(
            strength.name, .real(strength.range), default: 0.0, unit: strength.unit, "\(strength.symbol), \(strength.summary)")
    }

    private static func key(_ use: StrengthUse) -> ParameterDeclaration {
        let strength = use.strength
        return ParameterDeclaration(
            strength.name, .real(strength.range), in: .training, default: .real(use.defaultValue), unit: strength.unit,
            "\(strength.symbol) of every setting that does not give its own")
    }
}
