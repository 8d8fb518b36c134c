// SweepFile.swift · Coordinator/Sweep, the first room: sweep.toml → SweepList, or everything that is wrong with it.

internal import Glibc
internal import Vocabulary
internal import Wire

extension SweepList {
    /// The sweep of a file, or those of its [[parts]] in order.
    /// - Parameter seed: takes the place of the file's.
    /// - Throws: every mistake of the file, with its line.
    static func load(path: String, seed: UInt64? = nil) throws(SpecErrors) -> SweepList { try parse(TOMLFile(path: path), seed: seed) }

    static func parse(_ text: String, file: String, seed: UInt64? = nil) throws(SpecErrors) -> SweepList {
        try parse(TOMLFile(text, name: file), seed: seed)
    }

    private static func parse(_ file: TOMLFile, seed: UInt64?) throws(SpecErrors) -> SweepList {
        let root = file.root
        let name = SweepSpec.readName(root)
        let fileSeed = UInt64(root.integer("seed", 0...Int.max, default: 1) ?? 1)
        let base = FigureSpec(title: name)
        var list = SweepList(name: name, figure: nil, sweeps: [])
        if root.has("parts") {
            let figure = SweepSpec.readFigure(root, base, allowed: [.theory])
            list.figure = figure
            list.sweeps = root.tables("parts").map { table in
                defer { table.refuseOthers() }
                return SweepSpec(table, name: SweepSpec.readName(table), seed: seed ?? fileSeed, figure: figure, file)
            }
            for (index, table) in root.tables("parts").enumerated()
            where list.sweeps[..<index].contains(where: { $0.name == list.sweeps[index].name }) {
                table.report("name", "found \"\(list.sweeps[index].name)\" a second time, allowed is one part of each name")
            }
        } else {
            root.allow(["parts"])
            let figure =
                root.has("settings")
                ? SweepSpec.readFigure(root, base, allowed: FigureSpec.Kind.ofSettings)
                : SweepSpec.readFigure(root, base, allowed: [.curves])
            list.sweeps = [SweepSpec(root, name: name, seed: seed ?? fileSeed, figure: figure, file)]
        }
        root.refuseOthers()
        try file.throwIfWrong()
        return list
    }
}

extension SweepSpec {
    /// The coordinator knows each trial by key and state, in memory: this many fit into a few gigabytes.
    static let trialLimit = 10_000_000

    /// Reads the tables of one sweep; what is wrong is told to the file.
    fileprivate init(_ root: TOMLFile.Table, name: String, seed: UInt64, figure: FigureSpec, _ file: TOMLFile) {
        self.init(
            name: name, seed: seed, problem: "", parameters: [:], perInitialization: [:], trainingSets: 0, initializations: 0, repeats: 0,
            settings: [], curves: [], figure: figure, warnings: [])
        let tables = ParameterTables(problem: root.table("problem"), training: root.table("training"), grid: root.table("grid"))
        audit = root.real("audit", 0...1, default: 0) ?? 0
        trainingSets = tables.grid.integer("training_sets", 1...65_536) ?? 1
        repeats = tables.grid.integer("repeats", 1...16_777_216) ?? 1
        if let kind = tables.problem.choice("kind", ProblemDeclaration.all.map(\.name)) {
            problem = kind
            if needsData, root.has("data") { dataFolder = root.text("data") } else if needsData { root.allow(["data"]) }
            if needsData, trainingSets > 1 {
                tables.grid.report("training_sets", "found \(trainingSets), allowed is 1: the data set is one training set")
            }
            readParameters(declaration, tables, file)
            let (declaration, parameters) = (declaration, parameters)
            readSettings(root, tables, algorithms: declaration.algorithms) { declaration.settingConflicts($0, parameters) }
            checkFigure(root, tables)
        } else {
            // Of a problem that is not known all is checked that does not depend on it, and keys that no problem has are still mistakes.
            for parameter in ProblemDeclaration.all.flatMap(\.parameters) where parameter.kind != .file {
                tables[parameter].allow([parameter.key])
            }
            root.allow(["data"])
            tables.training.allow(["weight_decay"])
            tables.grid.allow(["initializations"])
            let algorithms = Set(ProblemDeclaration.all.flatMap(\.algorithms)).sorted()
            readSettings(root, tables, algorithms: algorithms) { _ in [] }
        }
        for table in [tables.problem, tables.training, tables.grid] { table.refuseOthers() }
        // Of a file that is wrong already, the number says nothing.
        if file.isRight, !isSmallEnough {
            tables.grid.report("repeats", "found more than \(Self.trialLimit) trials in all, allowed are at most so many: split the sweep")
        }
    }

    /// The tables that a problem's parameters stand in.
    private struct ParameterTables {
        var problem: TOMLFile.Table, training: TOMLFile.Table, grid: TOMLFile.Table

        subscript(parameter: ParameterDeclaration) -> TOMLFile.Table {
            switch parameter.table {
            case "problem": problem
            case "training": training
            case "grid": grid
            default: preconditionFailure("\(parameter.name) is declared in table \(parameter.table), which no sweep file has")
            }
        }
    }

    private var isSmallEnough: Bool {
        // The factors are bounded one by one, but their product may be beyond Int.
        Double(trainingSets) * Double(initializations) * Double(repeats) * Double(settings.count) <= Double(Self.trialLimit)
    }

    fileprivate static func readName(_ root: TOMLFile.Table) -> String {
        guard let name = root.text("name") else { return "" }
        let isAllowed = { (byte: UInt8) in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
            default: false
            }
        }
        if !(1...64).contains(name.utf8.count) || !name.utf8.allSatisfy(isAllowed) {
            root.report("name", "found \"\(name)\", allowed are 1 to 64 of the letters a to z, digits and hyphens: it names files")
        }
        return name
    }

    /// - Parameter allowed: kinds; the first where the file says none.
    fileprivate static func readFigure(_ root: TOMLFile.Table, _ base: FigureSpec, allowed: [FigureSpec.Kind]) -> FigureSpec {
        var figure = base
        figure.kind = allowed[0]
        // [[curves]] without [strengths] have the learning rate on the x axis, where a ratio to each rate's own SGD says little.
        if root.has("curves"), !root.has("strengths") { (figure.xLabel, figure.yLabel) = ("learning rate", "test loss") }
        guard root.has("figure") else { return figure }
        let table = root.table("figure")
        defer { table.refuseOthers() }
        guard
            let kind = table.choice(
                "kind", allowed.filter { $0 != .table }.map(\.rawValue), default: allowed[0] == .table ? nil : allowed[0].rawValue)
        else {
            table.allow(["title", "training_set", "initializations"])
            return figure
        }
        figure.kind = FigureSpec.Kind(rawValue: kind) ?? figure.kind
        figure.title = table.text("title", default: figure.title) ?? ""
        switch figure.kind {
        case .curves:
            figure.xLabel = table.text("x_label", default: figure.xLabel) ?? ""
            figure.yLabel = table.text("y_label", default: figure.yLabel) ?? ""
        case .density, .trajectories:
            figure.trainingSet = table.integer("training_set", 0...65_535, default: 0) ?? 0
            figure.initializations = table.integers("initializations", 0...65_535, atMost: figure.kind == .density ? 8 : 4) ?? []
        case .table, .theory: break
        }
        return figure
    }

    /// A figure of what the trials do not leave, or of trials that are not there.
    private func checkFigure(_ root: TOMLFile.Table, _ tables: ParameterTables) {
        if let record = figure.kind.record, parameters["record"] != .text(record) {
            tables.problem.report(
                "record",
                "found \(parameters["record"]?.description ?? "none"), allowed is \"\(record)\" with figure.kind = \"\(figure.kind.rawValue)\""
            )
        }
        guard figure.kind == .density || figure.kind == .trajectories else { return }
        let table = root.table("figure")
        if figure.trainingSet >= trainingSets {
            table.report("training_set", "found \(figure.trainingSet), allowed is an integer from 0 to \(trainingSets - 1)")
        }
        if let found = figure.initializations.first(where: { $0 >= initializations }) {
            table.report("initializations", "found \(found), allowed are integers from 0 to \(initializations - 1)")
        }
    }

    private mutating func readParameters(_ declaration: ProblemDeclaration, _ tables: ParameterTables, _ file: TOMLFile) {
        let chosen = declaration.parameters.filter { $0.kind != .file }
        for parameter in chosen {
            if parameter.isPerInitialization {
                perInitialization[parameter.name] = Self.readList(parameter, tables[parameter])
            } else {
                parameters[parameter.name] = Self.readValue(parameter, tables[parameter])
            }
        }
        let areRight = chosen.allSatisfy { $0.isPerInitialization || parameters[$0.name] != nil }
        if declaration.parameters.contains(where: \.isPerInitialization) {
            initializations = perInitialization.values.first?.count ?? 0
        } else {
            let most = areRight ? declaration.initializations(parameters) : 65_536
            initializations = tables.grid.integer("initializations", 1...most) ?? 0
        }
        // What parameters must be to each other can be said once each is right by itself.
        guard areRight else { return }
        let declared = Dictionary(declaration.parameters.map { ($0.name, $0) }) { first, _ in first }
        for conflict in declaration.conflicts(parameters) {
            let parameter = declared[conflict.parameter]!
            tables[parameter].report(parameter.key, conflict.message)
        }
        for index in 0..<initializations {
            for warning in declaration.warnings(parameters(ofInitialization: index)) {
                let parameter = declared[warning.parameter]!
                let line = tables[parameter].line(of: parameter.key)
                warnings.append(SpecError(file: file.name, line: line, message: "\(parameter.key): \(warning.message)"))
            }
        }
    }

    private static func readValue(_ parameter: ParameterDeclaration, _ table: TOMLFile.Table) -> ParameterValue? {
        switch parameter.kind {
        case .integer(let range):
            let standard: Int? = if case .integer(let value) = parameter.standard { value } else { nil }
            return table.integer(parameter.key, range, default: standard).map(ParameterValue.integer)
        case .real(let range, let excludesMinimum):
            let standard: Double? = if case .real(let value) = parameter.standard { value } else { nil }
            return table.real(parameter.key, range, excludesMinimum: excludesMinimum, default: standard).map(ParameterValue.real)
        case .file: preconditionFailure("\(parameter.name) is a file of the data set, and no sweep file has its value")
        case .choice(let choices):
            let standard: String? = if case .text(let value) = parameter.standard { value } else { nil }
            return table.choice(parameter.key, choices, default: standard).map(ParameterValue.text)
        }
    }

    /// One value for each initialization. Equal ones are fine: initializations differ by their random numbers.
    private static func readList(_ parameter: ParameterDeclaration, _ table: TOMLFile.Table) -> [ParameterValue]? {
        guard case .real(let range, let excludesMinimum) = parameter.kind else {
            preconditionFailure("\(parameter.name): only real parameters can differ between initializations")
        }
        return table.reals(parameter.key, range, excludesMinimum: excludesMinimum, isDistinct: false)?.map(ParameterValue.real)
    }

    private typealias Conflicts = (Setting) -> [(parameter: String, message: String)]

    /// `[strengths]` and `[[curves]]`, or `[[settings]]`.
    private mutating func readSettings(_ root: TOMLFile.Table, _ tables: ParameterTables, algorithms: [String], conflicts: Conflicts) {
        let rates = tables.training.reals("learning_rates", 0...1e3, excludesMinimum: true) ?? []
        let declared = ProblemDeclaration.named(problem)?.weightDecay
        let decay = declared.flatMap { tables.training.real("weight_decay", Self.decays, default: $0) } ?? 0
        settings = rates.map { Setting(algorithm: "sgd", lambda1: 0, lambda2: 0, learningRate: $0, weightDecay: decay) }
        let axis = ["strengths", "curves"].filter(root.has)
        root.allow(["strengths", "curves", "settings"])
        guard root.has("settings") else {
            guard !axis.isEmpty else {
                root.report(
                    "curves",
                    "is missing, allowed is [strengths] with [[curves]], [[curves]] alone for learning rates, or [[settings]] for a table")
                tables.training.allow(["algorithm"])
                return
            }
            guard root.has("strengths") else {
                return readRateCurves(
                    root, tables.training, rates, declared == nil ? nil : decay, algorithms: algorithms, conflicts: conflicts)
            }
            return readCurves(root, tables.training, rates, decay, algorithms: algorithms, conflicts: conflicts)
        }
        for key in axis { root.report(key, "found beside [[settings]], allowed is [strengths] with [[curves]], or [[settings]]") }
        if tables.training.has("algorithm") {
            tables.training.report("algorithm", "found beside [[settings]], allowed is an algorithm in each of them")
        }
        tables.training.allow(["algorithm"])
        // Single trials need neither; the theory's intervals are over training sets alone.
        let spreads = figure.kind == .table && !root.has("figure") ? [("training_sets", trainingSets), ("repeats", repeats)] : []
        for (key, count) in spreads + (figure.kind == .theory ? [("training_sets", trainingSets)] : [])
        where count == 1 && tables.grid.has(key) {
            let name = key == "repeats" ? "standard error over repeats" : "standard deviation over training sets"
            let most = key == "repeats" ? 16_777_216 : 65_536
            tables.grid.report(key, "found 1, which leaves no \(name), allowed with [[settings]] is an integer from 2 to \(most)")
        }
        readRows(root, rates, decay, algorithms: algorithms, conflicts: conflicts)
    }

    /// Of weight decay: beyond it the parameters would not even be stable.
    private static let decays = 0.0...1e3

    private mutating func readRows(_ root: TOMLFile.Table, _ rates: [Double], _ decay: Double, algorithms: [String], conflicts: Conflicts) {
        var seen = Set(settings), labels = Set<String>(), lines = Set<Setting>()
        for table in root.tables("settings") {
            let label = table.label("label")
            let algorithm = table.choice("algorithm", algorithms)
            let lambda1 = table.real("lambda1", 0...1e6, default: 0), lambda2 = table.real("lambda2", 0...1e6, default: 0)
            table.refuseOthers()
            if let label, !labels.insert(label).inserted {
                table.report("label", "found \"\(label)\" a second time, allowed is one setting for each label")
            }
            guard let label, let algorithm, let lambda1, let lambda2 else { continue }
            let setting = Setting(algorithm: algorithm, lambda1: lambda1, lambda2: lambda2, learningRate: 0, weightDecay: decay)
            for conflict in conflicts(setting) { table.report(conflict.parameter, conflict.message) }
            if !lines.insert(setting).inserted { table.report("algorithm", "found the same setting a second time, allowed is each once") }
            for rate in rates {
                var setting = setting
                setting.learningRate = rate
                rows.append(RowSpec(label: label + Self.suffix(rate, of: rates), setting: setting))
                if seen.insert(setting).inserted { settings.append(setting) }
            }
        }
    }

    /// What tells the learning rates of a sweep apart in labels.
    private static func suffix(_ rate: Double, of rates: [Double]) -> String {
        rates.count == 1 ? "" : ", η = \(NumberText.shortest(rate))"
    }

    private mutating func readCurves(
        _ root: TOMLFile.Table, _ training: TOMLFile.Table, _ rates: [Double], _ decay: Double, algorithms: [String], conflicts: Conflicts
    ) {
        let algorithm = training.choice("algorithm", algorithms, default: "sgd") ?? "sgd"
        let strengths = Self.readStrengths(root)
        var seen = Set(settings), labels = Set<String>()
        for table in root.tables("curves") {
            let label = table.label("label")
            if let label, !labels.insert(label).inserted {
                table.report("label", "found \"\(label)\" a second time, allowed is one curve for each label")
            }
            guard let (axis, relation) = Self.readRelation(table) else { continue }
            for rate in rates {
                let points = strengths.map { strength in
                    let setting = Self.setting(algorithm, strength, axis, relation, learningRate: rate, weightDecay: decay)
                    return CurveSpec.Point(strength: strength, setting: setting)
                }
                let conflict = points.flatMap { conflicts($0.setting) }.first
                if let conflict, rate == rates[0] { table.report("label", "\(conflict.parameter): \(conflict.message)") }
                let suffix = Self.suffix(rate, of: rates)
                curves.append(CurveSpec(label: (label ?? "") + suffix, axis: axis, relation: relation, points: points))
                settings += points.map(\.setting).filter { seen.insert($0).inserted }
            }
        }
    }

    /// One curve over all learning rates for each pair of strengths and weight decay.
    /// - Parameter decay: of curves that say nothing of it; nil where the problem has none.
    private mutating func readRateCurves(
        _ root: TOMLFile.Table, _ training: TOMLFile.Table, _ rates: [Double], _ decay: Double?, algorithms: [String], conflicts: Conflicts
    ) {
        let algorithm = training.choice("algorithm", algorithms, default: "sgd") ?? "sgd"
        var seen = Set(settings), labels = Set<String>()
        for table in root.tables("curves") {
            let label = table.label("label")
            let lambda1 = table.real("lambda1", 0...1e6, default: 0), lambda2 = table.real("lambda2", 0...1e6, default: 0)
            let decay = decay.map { table.real("weight_decay", Self.decays, default: $0) } ?? 0
            table.refuseOthers()
            if let label, !labels.insert(label).inserted {
                table.report("label", "found \"\(label)\" a second time, allowed is one curve for each label")
            }
            guard let label, let lambda1, let lambda2, let decay else { continue }
            let points = rates.sorted().map { rate in
                CurveSpec.Point(
                    strength: rate,
                    setting: Setting(
                        algorithm: algorithm, lambda1: lambda1, lambda2: lambda2, learningRate: rate, weightDecay: decay))
            }
            if let conflict = points.first.map({ conflicts($0.setting) })?.first { table.report(conflict.parameter, conflict.message) }
            curves.append(CurveSpec(label: label, axis: .learningRate, relation: .fixed(0), points: points))
            // Baselines stand before all others.
            let baseline = points.map(\.setting.baseline).filter { seen.insert($0).inserted }
            settings.insert(contentsOf: baseline, at: settings.count { $0.isBaseline })
            settings += points.map(\.setting).filter { seen.insert($0).inserted }
        }
    }

    /// Exactly one of `lambda1`, `lambda2` and `ratio`; nil, and a report, for anything else.
    private static func readRelation(_ table: TOMLFile.Table) -> (CurveSpec.Axis, CurveSpec.Relation)? {
        let keys = ["lambda1", "lambda2", "ratio"]
        let given = keys.filter(table.has)
        // All that are there are read, so that a wrong value is told also of one too many.
        let values = given.map { key in table.real(key, key == "ratio" ? 1e-6...1e6 : 0...1e6) }
        table.allow(keys)
        table.refuseOthers()
        guard given.count == 1 else {
            let found = given.isEmpty ? "none of them" : given.joined(separator: " and ")
            table.report("label", "found \(found) beside it, allowed is exactly one of lambda1, lambda2 and ratio (λ1/λ2)")
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
        _ algorithm: String, _ strength: Double, _ axis: CurveSpec.Axis, _ relation: CurveSpec.Relation, learningRate: Double,
        weightDecay: Double
    ) -> Setting {
        let other =
            switch relation {
            case .fixed(let value): value
            case .ratio(let ratio): strength / ratio
            }
        return switch axis {
        case .lambda1:
            Setting(algorithm: algorithm, lambda1: strength, lambda2: other, learningRate: learningRate, weightDecay: weightDecay)
        case .lambda2:
            Setting(algorithm: algorithm, lambda1: other, lambda2: strength, learningRate: learningRate, weightDecay: weightDecay)
        case .learningRate: preconditionFailure("a curve over learning rates has no strength on its axis")
        }
    }

    /// `values`, or 10^from … 10^to with so many a decade. Ascending.
    private static func readStrengths(_ root: TOMLFile.Table) -> [Double] {
        let table = root.table("strengths")
        defer { table.refuseOthers() }
        let range = ["from", "to", "per_decade"]
        guard !table.has("values") else {
            table.allow(range)
            for key in range where table.has(key) {
                table.report(key, "found beside values, allowed is values, or from, to and per_decade")
            }
            return (table.reals("values", 0...1e6, excludesMinimum: true) ?? []).sorted()
        }
        table.allow(["values"])
        let from = table.real("from", -12...6), to = table.real("to", -12...6), perDecade = table.integer("per_decade", 1...100)
        guard let from, let to, let perDecade else { return [] }
        guard to >= from else {
            table.report("to", "found \(to), allowed is from = \(from) or more")
            return []
        }
        // A hair more, so that -0.5 − -4 in quarters is 14 steps whatever the rounding; never a step beyond `to`.
        let steps = Int((to - from) * Double(perDecade) + 1e-6)
        return (0...steps).map { decimal(exponent: from + Double($0) / Double(perDecade)) }
    }

    /// 10^x, rounded to six significant decimal digits and read back. Strengths are part of a trial's key, and the last bit of `pow`
    /// differs between hosts; the sixth digit does not.
    static func decimal(exponent: Double) -> Double {
        let whole = exponent.rounded(.down)
        let digits = Int((Glibc.pow(10, exponent - whole) * 1e5).rounded())
        return Double("\(digits)e\(Int(whole) - 5)")!
    }
}
