// SweepFile.swift · Coordinator/Sweep, the first step of every command: sweep.toml → SweepList, or all errors of the file.
// SweepSettings reads its settings, curves and rows.

internal import Vocabulary

extension SweepList {
    /// Reads the sweep of a file, or the sweeps of its [[parts]] in order.
    /// - Parameter seed: replaces the master seed of the file; nil to use that.
    /// - Throws: all errors of the file, each with its line.
    static func load(path: String, seed: UInt64? = nil) throws(SpecErrors) -> SweepList { try parse(TOMLFile(path: path), seed: seed) }

    static func parse(_ text: String, file: String, seed: UInt64? = nil) throws(SpecErrors) -> SweepList {
        try parse(TOMLFile(text, name: file), seed: seed)
    }

    private static func parse(_ file: TOMLFile, seed: UInt64?) throws(SpecErrors) -> SweepList {
        let root = file.root
        let name = SweepSpec.readName(root)
        let fileSeed = UInt64(root.integer(SweepKeys.seed) ?? 1)
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
                table.complain("name", "found \"\(list.sweeps[index].name)\" a second time, allowed is one part of each name")
            }
        } else {
            root.allow(["parts"])
            let figure = SweepSpec.readFigure(root, base, allowed: root.has("settings") ? FigureSpec.Kind.ofSettings : [.curves])
            list.sweeps = [SweepSpec(root, name: name, seed: seed ?? fileSeed, figure: figure, file)]
        }
        root.refuseOthers()
        try file.throwIfWrong()
        return list
    }
}

/// The tables of a sweep in which a problem's parameters stand.
struct ParameterTables {
    let problem: TOMLFile.Table, training: TOMLFile.Table, grid: TOMLFile.Table

    subscript(parameter: ParameterDeclaration) -> TOMLFile.Table {
        switch parameter.table {
        case .problem: problem
        case .training: training
        case .grid: grid
        case nil: preconditionFailure("\(parameter.name) stands in no table of a sweep file")
        }
    }
}

extension SweepSpec {
    /// The largest number of trials. The coordinator holds key and state of each in memory: these need a few gigabytes.
    static let trialLimit = 10_000_000

    /// Reads the tables of one sweep. Errors are added to the file.
    fileprivate init(_ root: TOMLFile.Table, name: String, seed: UInt64, figure: FigureSpec, _ file: TOMLFile) {
        self.init(
            name: name, seed: seed, problem: "", parameters: [:], perInitialization: [:], trainingSets: 0, initializations: 0,
            replicates: 0, settings: [], curves: [], figure: figure, warnings: [])
        let tables = ParameterTables(problem: root.table("problem"), training: root.table("training"), grid: root.table("grid"))
        audit = root.real(SweepKeys.audit) ?? 0
        trainingSets = tables.grid.integer(SweepKeys.trainingSets) ?? 1
        replicates = tables.grid.integer(SweepKeys.repeats) ?? 1
        if let kind = tables.problem.choice(SweepKeys.kind) {
            problem = kind
            readProblem(root, tables, file)
        } else {
            skipProblem(root, tables)
        }
        for table in [tables.problem, tables.training, tables.grid] { table.refuseOthers() }
        // With other errors the number of trials has no meaning.
        if file.isRight, !isSmallEnough {
            let message = "found more than \(Self.trialLimit) trials in all, allowed are at most so many: split the sweep"
            tables.grid.complain(SweepKeys.repeats.key, message)
        }
    }

    private mutating func readProblem(_ root: TOMLFile.Table, _ tables: ParameterTables, _ file: TOMLFile) {
        if needsData, root.has("data") { dataFolder = root.text(SweepKeys.data) } else if needsData { root.allow(["data"]) }
        if needsData, trainingSets > 1 {
            tables.grid.complain(SweepKeys.trainingSets.key, "found \(trainingSets), allowed is 1: the data set is one training set")
        }
        let isRight = readParameters(declaration, tables, file)
        let (declaration, configuration) = (declaration, Configuration(parameters))
        readSettings(root, tables, declaration.algorithms, declaration.strengths) { setting in
            isRight ? declaration.complaints(about: setting, configuration) : []
        }
        checkFigure(root, tables)
    }

    /// Reads the tables of a sweep whose problem is not known: validates all keys that belong to no problem, and refuses those that no problem
    /// has.
    private mutating func skipProblem(_ root: TOMLFile.Table, _ tables: ParameterTables) {
        for parameter in ProblemDeclaration.all.flatMap(\.parameters) where parameter.table != nil {
            tables[parameter].allow([parameter.key])
        }
        root.allow([SweepKeys.data.key])
        tables.grid.allow([SweepKeys.initializations.key])
        readSettings(root, tables, Algorithm.allCases, Strength.all.map { StrengthUse($0) }) { _ in [] }
    }

    private var isSmallEnough: Bool {
        // Each factor is bounded, but the product may overflow an Int.
        Double(trainingSets) * Double(initializations) * Double(replicates) * Double(settings.count) <= Double(Self.trialLimit)
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
            root.complain("name", "found \"\(name)\", allowed are 1 to 64 of the letters a to z, digits and hyphens: it names files")
        }
        return name
    }

    // MARK: Figure

    /// Reads the table `[figure]`.
    /// - Parameters:
    ///   - base: the values of keys that the file leaves out.
    ///   - allowed: the allowed kinds; the first is the default.
    fileprivate static func readFigure(_ root: TOMLFile.Table, _ base: FigureSpec, allowed: [FigureSpec.Kind]) -> FigureSpec {
        var figure = base
        figure.kind = allowed[0]
        // [[curves]] without [strengths] have the learning rate on the x axis. There each rate has a baseline of its own, so that ratios could
        // not be compared, and the y axis shows losses.
        if root.has("curves"), !root.has("strengths") { (figure.xLabel, figure.yLabel) = ("learning rate", "test loss") }
        guard root.has("figure") else { return figure }
        let table = root.table("figure")
        defer { table.refuseOthers() }
        let kinds = allowed.filter { $0 != .table }.map(\.rawValue)
        guard let kind = table.choice("kind", kinds, default: allowed[0] == .table ? nil : allowed[0].rawValue) else {
            table.allow(["title", "training_set", "initializations"])
            return figure
        }
        figure.kind = FigureSpec.Kind(rawValue: kind) ?? figure.kind
        figure.title = table.text("title", default: figure.title) ?? ""
        if figure.kind == .curves {
            figure.xLabel = table.text("x_label", default: figure.xLabel) ?? ""
            figure.yLabel = table.text("y_label", default: figure.yLabel) ?? ""
        }
        if let most = figure.kind.shownInitializations {
            figure.trainingSet = table.integer(SweepKeys.trainingSet) ?? 0
            figure.initializations = table.integers("initializations", 0...65_535, atMost: most) ?? []
        }
        return figure
    }

    /// Refuses a figure of series that the trials do not record, or of trials that the sweep does not have.
    private func checkFigure(_ root: TOMLFile.Table, _ tables: ParameterTables) {
        if let record = figure.kind.record, parameters["record"] != .text(record.rawValue) {
            let found = parameters["record"]?.description ?? "none"
            tables.problem.complain(
                "record", "found \(found), allowed is \"\(record.rawValue)\" with figure.kind = \"\(figure.kind.rawValue)\"")
        }
        guard figure.kind.shownInitializations != nil else { return }
        let table = root.table("figure")
        if figure.trainingSet >= trainingSets {
            table.complain("training_set", "found \(figure.trainingSet), allowed is an integer from 0 to \(trainingSets - 1)")
        }
        if let found = figure.initializations.first(where: { $0 >= initializations }) {
            table.complain("initializations", "found \(found), allowed are integers from 0 to \(initializations - 1)")
        }
    }

    // MARK: Parameters

    /// Reads the problem's parameters, then validates them together.
    /// - Returns: whether each is allowed by itself.
    private mutating func readParameters(_ declaration: ProblemDeclaration, _ tables: ParameterTables, _ file: TOMLFile) -> Bool {
        let chosen = declaration.parameters.filter { $0.table != nil }
        for parameter in chosen {
            if parameter.isPerInitialization {
                perInitialization[parameter.name] = Self.readList(parameter, tables[parameter])
            } else {
                parameters[parameter.name] = tables[parameter].value(parameter)
            }
        }
        let areRight = chosen.allSatisfy { $0.isPerInitialization || parameters[$0.name] != nil }
        if declaration.parameters.contains(where: \.isPerInitialization) {
            initializations = perInitialization.values.first?.count ?? 0
        } else {
            let most = areRight ? declaration.initializations(Configuration(parameters)) : 65_536
            initializations = tables.grid.integer("initializations", 1...most) ?? 0
        }
        // Conflicts between parameters are only looked for when each is allowed by itself.
        guard areRight else { return false }
        let declared = Dictionary(declaration.parameters.map { ($0.name, $0) }) { first, _ in first }
        for conflict in declaration.conflicts(Configuration(parameters)) {
            let parameter = declared[conflict.parameter]!
            tables[parameter].complain(parameter.key, conflict.message)
        }
        for index in 0..<initializations {
            for warning in declaration.warnings(Configuration(parameters(ofInitialization: index))) {
                let parameter = declared[warning.parameter]!
                let line = tables[parameter].line(of: parameter.key)
                warnings.append(SpecError(file: file.name, line: line, message: "\(parameter.key): \(warning.message)"))
            }
        }
        return true
    }

    /// Reads a list with one value for each initialization. Values may be equal, since initializations differ by their random numbers.
    private static func readList(_ parameter: ParameterDeclaration, _ table: TOMLFile.Table) -> [ParameterValue]? {
        guard case .real(let range) = parameter.kind else {
            preconditionFailure("\(parameter.name): only real parameters can differ between initializations")
        }
        return table.reals(parameter.key, range, isDistinct: false)?.map(ParameterValue.real)
    }
}
