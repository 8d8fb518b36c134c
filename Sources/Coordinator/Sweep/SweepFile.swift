// SweepFile.swift · Coordinator/Sweep, the first room: sweep.toml → SweepSpec, or everything that is wrong with it.

internal import Glibc
internal import Wire

extension SweepSpec {
    /// - Parameter seed: takes the place of the file's.
    /// - Throws: every mistake of the file, with its line.
    static func load(path: String, seed: UInt64? = nil) throws(SpecErrors) -> SweepSpec {
        try parse(TOMLFile(path: path), seed: seed)
    }

    static func parse(_ text: String, file: String, seed: UInt64? = nil) throws(SpecErrors) -> SweepSpec {
        try parse(TOMLFile(text, name: file), seed: seed)
    }

    private static func parse(_ file: TOMLFile, seed: UInt64?) throws(SpecErrors) -> SweepSpec {
        let root = file.root!
        let name = root.text("name") ?? ""
        if !name.isEmpty, !name.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }) {
            root.report("name", "found \"\(name)\", allowed are the letters a to z, digits and hyphens: it names files")
        }
        let fileSeed = root.integer("seed", 0...Int.max, default: 1)
        let problemTable = root.table("problem"), training = root.table("training"), grid = root.table("grid")
        let kind = problemTable.choice("kind", ProblemDeclaration.all.map(\.name))
        var spec = SweepSpec(
            name: name, seed: seed ?? UInt64(fileSeed ?? 1), problem: kind ?? "", parameters: [:], perInitialization: [:], trainingSets: 0,
            initializations: 0, repeats: 0, settings: [], curves: [], figure: FigureSpec(title: name), warnings: [])
        spec.trainingSets = grid.integer("training_sets", 1...65_536) ?? 1
        spec.repeats = grid.integer("repeats", 1...16_777_216) ?? 1
        if let kind, let declaration = ProblemDeclaration.named(kind) {
            spec.readParameters(declaration, ["problem": problemTable, "training": training, "grid": grid], file)
            spec.readCurves(declaration, root, training)
            problemTable.refuseOthers()
            training.refuseOthers()
            grid.refuseOthers()
        }
        let figure = root.table("figure")
        spec.figure.title = figure.text("title", default: name) ?? name
        spec.figure.xLabel = figure.text("x_label", default: spec.figure.xLabel) ?? ""
        spec.figure.yLabel = figure.text("y_label", default: spec.figure.yLabel) ?? ""
        figure.refuseOthers()
        root.refuseOthers()
        try file.throwIfWrong()
        return spec
    }

    private mutating func readParameters(_ declaration: ProblemDeclaration, _ tables: [String: TOMLFile.Table], _ file: TOMLFile) {
        for parameter in declaration.parameters {
            let table = tables[parameter.table]!
            guard !parameter.isPerInitialization else {
                if case .real(let range, let excludesMinimum) = parameter.kind {
                    perInitialization[parameter.name] = table.reals(parameter.key, range, excludesMinimum: excludesMinimum)?.map(
                        ParameterValue.real)
                }
                continue
            }
            switch (parameter.kind, parameter.standard) {
            case (.integer(let range), let standard):
                let fallback: Int? = if case .integer(let value) = standard { value } else { nil }
                parameters[parameter.name] = table.integer(parameter.key, range, default: fallback).map(ParameterValue.integer)
            case (.real(let range, let excludesMinimum), let standard):
                let fallback: Double? = if case .real(let value) = standard { value } else { nil }
                parameters[parameter.name] = table.real(parameter.key, range, excludesMinimum: excludesMinimum, default: fallback).map(
                    ParameterValue.real)
            case (.choice(let choices), let standard):
                let fallback: String? = if case .text(let value) = standard { value } else { nil }
                parameters[parameter.name] = table.choice(parameter.key, choices, default: fallback).map(ParameterValue.text)
            }
        }
        initializations = perInitialization.values.first?.count ?? 0
        guard declaration.parameters.allSatisfy({ $0.isPerInitialization || parameters[$0.name] != nil }) else { return }
        let place = Dictionary(declaration.parameters.map { ($0.name, $0) }) { first, _ in first }
        for conflict in declaration.conflicts(parameters) {
            let parameter = place[conflict.parameter]!
            tables[parameter.table]!.report(parameter.key, conflict.message)
        }
        for index in 0..<initializations {
            for warning in declaration.warnings(parameters(ofInitialization: index)) {
                let parameter = place[warning.parameter]!
                warnings.append(
                    SpecError(
                        file: file.name, line: tables[parameter.table]!.line(of: parameter.key),
                        message: "\(parameter.key): \(warning.message)"))
            }
        }
    }

    private mutating func readCurves(_ declaration: ProblemDeclaration, _ root: TOMLFile.Table, _ training: TOMLFile.Table) {
        let algorithm = training.choice("algorithm", declaration.algorithms, default: "sgd") ?? "sgd"
        let rates = training.reals("learning_rates", 0...1e3, excludesMinimum: true) ?? []
        let strengths = Self.readStrengths(root)
        let tables = root.tables("curves")
        if tables.isEmpty { root.missing("curves", "at least one [[curves]] table") }
        settings = rates.map { Setting(algorithm: "sgd", lambda1: 0, lambda2: 0, learningRate: $0) }
        var seen = Set(settings), labels = Set<String>()
        for table in tables {
            let label = table.text("label") ?? ""
            if !labels.insert(label).inserted { table.report("label", "found \"\(label)\" a second time; each curve needs its own") }
            guard let (axis, relation) = Self.readRelation(table) else { continue }
            for rate in rates {
                let points = strengths.map { strength in
                    CurveSpec.Point(
                        strength: strength,
                        setting: Self.setting(algorithm, strength, axis, relation, learningRate: rate))
                }
                let suffix = rates.count == 1 ? "" : ", η = \(Tables.number(rate))"
                curves.append(CurveSpec(label: label + suffix, axis: axis, relation: relation, points: points))
                settings += points.map(\.setting).filter { seen.insert($0).inserted }
            }
        }
    }

    /// Exactly one of `ratio`, `lambda1` and `lambda2`; nil, and a report, for anything else.
    private static func readRelation(_ table: TOMLFile.Table) -> (CurveSpec.Axis, CurveSpec.Relation)? {
        let keys = ["lambda1", "lambda2", "ratio"]
        let given = keys.filter(table.has)
        let values = given.map { key in key == "ratio" ? table.real(key, 1e-6...1e6) : table.real(key, 0...1e6) }
        table.allow(keys)
        table.refuseOthers()
        guard given.count == 1 else {
            let found = given.isEmpty ? "none of them" : given.joined(separator: " and ")
            table.report("label", "found \(found) beside it; allowed is exactly one of lambda1, lambda2 and ratio (λ1/λ2)")
            return nil
        }
        guard let value = values[0] else { return nil }
        switch given[0] {
        case "lambda1": return (.lambda2, .fixed(value))
        case "lambda2": return (.lambda1, .fixed(value))
        default: return (.lambda1, .ratio(value))
        }
    }

    private static func setting(
        _ algorithm: String, _ strength: Double, _ axis: CurveSpec.Axis, _ relation: CurveSpec.Relation, learningRate: Double
    ) -> Setting {
        let other =
            switch relation {
            case .fixed(let value): value
            case .ratio(let ratio): strength / ratio
            }
        return switch axis {
        case .lambda1: Setting(algorithm: algorithm, lambda1: strength, lambda2: other, learningRate: learningRate)
        case .lambda2: Setting(algorithm: algorithm, lambda1: other, lambda2: strength, learningRate: learningRate)
        }
    }

    /// `values`, or 10^from … 10^to with so many a decade. Ascending.
    private static func readStrengths(_ root: TOMLFile.Table) -> [Double] {
        let table = root.table("strengths")
        defer { table.refuseOthers() }
        guard !table.has("values") else {
            let values = table.reals("values", 0...1e6, excludesMinimum: true) ?? []
            for (i, value) in values.enumerated() where values[..<i].contains(value) {
                table.report("values", "found \(value) twice; each strength once")
            }
            table.allow(["from", "to", "per_decade"])
            for key in ["from", "to", "per_decade"] where table.has(key) {
                table.report(key, "found beside values; allowed is values, or from, to and per_decade")
            }
            return values.sorted()
        }
        let from = table.real("from", -12...6), to = table.real("to", -12...6), perDecade = table.integer("per_decade", 1...100)
        table.allow(["values"])
        guard let from, let to, let perDecade else { return [] }
        guard to >= from else {
            table.report("to", "found \(to), which is below from = \(from)")
            return []
        }
        let steps = Int(((to - from) * Double(perDecade)).rounded())
        return (0...steps).map { decimal(exponent: from + Double($0) / Double(perDecade)) }
    }

    /// 10^x, rounded to six significant decimal digits and read back. Strengths are part of a trial's key, and the last bit of `pow`
    /// differs between boxes; the sixth digit does not.
    static func decimal(exponent: Double) -> Double {
        let whole = exponent.rounded(.down)
        let digits = Int((Glibc.pow(10, exponent - whole) * 1e5).rounded())
        return Double("\(digits)e\(Int(whole) - 5)")!
    }
}
