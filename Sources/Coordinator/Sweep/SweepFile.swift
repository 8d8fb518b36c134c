// SweepFile.swift · Coordinator/Sweep, the first room: sweep.toml → SweepSpec, or everything that is wrong with it.

internal import FoundationEssentials
internal import Wire

extension SweepSpec {
    /// - Parameter seed: takes the place of the file's.
    /// - Throws: every mistake of the file, with its line.
    static func load(path: String, seed: UInt64? = nil) throws(SpecErrors) -> SweepSpec {
        try parse(TOMLFile(path: path), seed: seed)
    }

    static func parse(_ text: String, name: String, seed: UInt64? = nil) throws(SpecErrors) -> SweepSpec {
        try parse(TOMLFile(text, name: name), seed: seed)
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
            initializations: 0, repeats: 0, settings: [], curves: [], title: "", warnings: [])
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
        spec.title = figure.text("title", default: name) ?? name
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
                    perInitialization[parameter.name] = table.reals(parameter.key, range, excludesMinimum: excludesMinimum)?.map(ParameterValue.real)
                }
                continue
            }
            switch (parameter.kind, parameter.standard) {
            case (.integer(let range), let standard):
                let fallback: Int? = if case .integer(let value) = standard { value } else { nil }
                parameters[parameter.name] = table.integer(parameter.key, range, default: fallback).map(ParameterValue.integer)
            case (.real(let range, let excludesMinimum), let standard):
                let fallback: Double? = if case .real(let value) = standard { value } else { nil }
                parameters[parameter.name] = table.real(parameter.key, range, excludesMinimum: excludesMinimum, default: fallback).map(ParameterValue.real)
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
                warnings.append(SpecError(file: file.name, line: tables[parameter.table]!.line(of: parameter.key), message: "\(parameter.key): \(warning.message)"))
            }
        }
    }

    private mutating func readCurves(_ declaration: ProblemDeclaration, _ root: TOMLFile.Table, _ training: TOMLFile.Table) {
        let algorithm = training.choice("algorithm", declaration.algorithms, default: "sgd") ?? "sgd"
        let rate = training.real("learning_rate", 0...1e3, excludesMinimum: true) ?? 1
        let strengths = Self.readStrengths(root)
        let tables = root.tables("curves")
        if tables.isEmpty { root.missing("curves", "at least one [[curves]] table") }
        settings = [Setting(algorithm: "sgd", lambda1: 0, lambda2: 0, learningRate: rate)]
        var seen = Set(settings), labels = Set<String>()
        for table in tables {
            let label = table.text("label") ?? ""
            if !labels.insert(label).inserted { table.report("label", "found \"\(label)\" a second time; each curve needs its own") }
            let given = ["ratio", "lambda1", "lambda2"].filter(table.has)
            let ratio = table.has("ratio") ? table.real("ratio", 1e-6...1e6) : nil
            for key in ["lambda1", "lambda2"] where table.has(key) { _ = table.real(key, 0...0) }
            table.allow(["ratio", "lambda1", "lambda2"])
            table.refuseOthers()
            guard given.count == 1 else {
                table.report("label", "found \(given.isEmpty ? "none" : given.joined(separator: " and ")) beside it; allowed is exactly one of ratio = λ1/λ2, lambda2 = 0, lambda1 = 0")
                continue
            }
            let axis = given[0] == "lambda1" ? CurveSpec.Axis.lambda2 : .lambda1
            let points = strengths.map { strength in
                switch given[0] {
                case "lambda1": Setting(algorithm: algorithm, lambda1: 0, lambda2: strength, learningRate: rate)
                case "lambda2": Setting(algorithm: algorithm, lambda1: strength, lambda2: 0, learningRate: rate)
                default: Setting(algorithm: algorithm, lambda1: strength, lambda2: strength / (ratio ?? 1), learningRate: rate)
                }
            }
            curves.append(CurveSpec(label: label, axis: axis, ratio: ratio, settings: points))
            settings += points.filter { seen.insert($0).inserted }
        }
    }

    /// `values`, or 10^from … 10^to with so many a decade. Ascending.
    private static func readStrengths(_ root: TOMLFile.Table) -> [Double] {
        let table = root.table("strengths")
        defer { table.refuseOthers() }
        guard !table.has("values") else {
            let values = table.reals("values", 0...1e6, excludesMinimum: true) ?? []
            for (i, value) in values.enumerated() where values[..<i].contains(value) { table.report("values", "found \(value) twice; each strength once") }
            table.allow(["from", "to", "per_decade"])
            for key in ["from", "to", "per_decade"] where table.has(key) { table.report(key, "found beside values; allowed is values, or from, to and per_decade") }
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
        let digits = Int((pow(10, exponent - whole) * 1e5).rounded())
        return Double("\(digits)e\(Int(whole) - 5)")!
    }
}
