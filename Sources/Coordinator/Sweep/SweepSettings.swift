// SweepSettings.swift · Coordinator/Sweep, a part of SweepFile. `[strengths]` with `[[curves]]`, `[[curves]]` alone, or `[[settings]]` →
// the settings of a sweep, each once, and the curves or rows that refer to them.

internal import Glibc
internal import Vocabulary

/// The settings of a sweep while its file is read. Baselines come first, so indices are known only at the end; until then curves and rows
/// refer to settings by value.
private struct SettingList {
    private var baselines: [Setting] = [], others: [Setting] = []
    private var known: Set<Setting> = []

    /// Adds a setting and its baseline, unless they are in the list.
    mutating func add(_ setting: Setting) {
        let baseline = setting.baseline
        if known.insert(baseline).inserted { baselines.append(baseline) }
        if known.insert(setting).inserted { others.append(setting) }
    }

    var all: [Setting] { baselines + others }
}

extension SweepSpec {
    /// Reads the settings that the sweep compares.
    /// - Parameters:
    ///   - algorithms: the algorithms of the problem.
    ///   - strengths: the strengths of the problem.
    ///   - complaints: returns the errors of a setting.
    mutating func readSettings(
        _ root: TOMLFile.Table, _ tables: ParameterTables, _ algorithms: [Algorithm], _ strengths: [StrengthUse],
        complaints: @escaping (Setting) -> [ParameterError]
    ) {
        let rates = tables.training.reals(SweepKeys.learningRates) ?? []
        var optimizer = Strengths()
        for use in strengths where !use.strength.isPenalty {
            optimizer[use.strength] = tables.training.real(use.strength.name, use.strength.range, default: use.defaultValue) ?? 0
        }
        let reader = SettingReader(
            rates: rates, optimizer: optimizer, algorithms: algorithms, strengths: strengths.map(\.strength), complaints: complaints)
        root.allow(["strengths", "curves", "settings"])
        var list = SettingList()
        for rate in rates { list.add(Setting(strengths: optimizer, learningRate: rate)) }
        var curves: [Draft] = [], rows: [(label: String, setting: Setting)] = []
        if root.has("settings") {
            refuseBesideRows(root, tables)
            rows = reader.rows(root)
            for row in rows { list.add(row.setting) }
        } else if root.has("strengths") || root.has("curves") {
            curves = root.has("strengths") ? reader.curves(root, tables.training) : reader.rateCurves(root, tables.training)
            for curve in curves { for point in curve.points { list.add(point.setting) } }
        } else {
            let allowed = "[strengths] with [[curves]], [[curves]] alone for learning rates, or [[settings]] for a table"
            root.complain("curves", "is missing, allowed is \(allowed)")
            tables.training.allow(["algorithm"])
        }
        settings = list.all
        let indices = Dictionary(settings.enumerated().map { ($1, $0) }) { first, _ in first }
        self.rows = rows.map { RowSpec(label: $0.label, setting: indices[$0.setting]!) }
        self.curves = curves.map { draft in
            CurveSpec(
                label: draft.label, axis: draft.axis, fixed: draft.fixed, ratio: draft.ratio,
                points: draft.points.map { CurveSpec.Point(strength: $0.x, setting: indices[$0.setting]!) })
        }
        labelAxis(root)
    }

    /// Names the strengths on the x axis where they are not only λ₁ and λ₂, unless the file has a label for the axis.
    private mutating func labelAxis(_ root: TOMLFile.Table) {
        var onAxis: [Strength] = []
        for case .strength(let strength) in curves.map(\.axis) where !onAxis.contains(strength) { onAxis.append(strength) }
        guard !onAxis.allSatisfy(Self.alwaysListed.contains), !(root.has("figure") && root.table("figure").has(SweepKeys.xLabel.key)) else {
            return
        }
        figure.xLabel = "strength (\(onAxis.map(\.symbol).joined(separator: " or ")))"
    }

    /// Refuses keys of curves beside `[[settings]]`, and a grid with one trial for each setting, which gives a table no spread.
    private func refuseBesideRows(_ root: TOMLFile.Table, _ tables: ParameterTables) {
        for key in ["strengths", "curves"] where root.has(key) {
            root.complain(key, "found beside [[settings]], allowed is [strengths] with [[curves]], or [[settings]]")
        }
        if tables.training.has("algorithm") {
            tables.training.complain("algorithm", "found beside [[settings]], allowed is an algorithm in each of them")
        }
        tables.training.allow(["algorithm"])
        // Figures of single trials need no spread; the intervals of the theory's figure are over training sets alone.
        var needed: [(key: String, count: Int, spread: String, most: Int)] = []
        if figure.kind == .theory || (figure.kind == .table && !root.has("figure")) {
            needed.append(("training_sets", trainingSets, "standard deviation over training sets", 65_536))
        }
        if figure.kind == .table, !root.has("figure") {
            needed.append(("repeats", replicates, "standard error over replicates", 16_777_216))
        }
        for (key, count, spread, most) in needed where count == 1 && tables.grid.has(key) {
            tables.grid.complain(key, "found 1, which leaves no \(spread), allowed with [[settings]] is an integer from 2 to \(most)")
        }
    }

    /// A curve whose settings have no indices yet.
    fileprivate struct Draft {
        var label: String
        var axis: CurveSpec.Axis
        var fixed: Strengths
        var ratio: Double?
        var points: [(x: Double, setting: Setting)]
    }

    /// 10^x, rounded to six significant decimal digits. Strengths are part of a trial's key, and the last bit of `pow` differs between
    /// hosts; the sixth digit does not.
    static func decimal(exponent: Double) -> Double {
        let whole = exponent.rounded(.down)
        let digits = Int((Glibc.pow(10, exponent - whole) * 1e5).rounded())
        return Double("\(digits)e\(Int(whole) - 5)")!
    }
}

/// Reads rows and curves of one sweep.
private struct SettingReader {
    let rates: [Double]
    /// The strengths of the optimizer from `[training]`, for curves and rows that do not give them.
    let optimizer: Strengths
    let algorithms: [Algorithm]
    let strengths: [Strength]
    let complaints: (Setting) -> [ParameterError]

    private var names: [String] { algorithms.map(\.rawValue) }

    /// The end of a label, which names the learning rate where a sweep has several.
    private func suffix(_ rate: Double) -> String { rates.count == 1 ? "" : ", η = \(rate.shortestText)" }

    /// The strengths of a curve or row. A penalty that it does not give is 0; a strength of the optimizer has the value of `[training]`.
    /// - Returns: nil, after a complaint, when one of them is not allowed.
    private func readStrengths(_ table: TOMLFile.Table, but excluded: [String] = []) -> Strengths? {
        var found = optimizer, isRight = true
        for strength in strengths where !excluded.contains(strength.name) {
            let value = table.real(strength.name, strength.range, default: strength.isPenalty ? 0 : optimizer[strength])
            if let value { found[strength] = value } else { isRight = false }
        }
        return isRight ? found : nil
    }

    private func readLabel(_ table: TOMLFile.Table, _ seen: inout Set<String>, one thing: String) -> String? {
        let label = table.label("label")
        if let label, !seen.insert(label).inserted {
            table.complain("label", "found \"\(label)\" a second time, allowed is one \(thing) for each label")
        }
        return label
    }

    // MARK: [[settings]]

    func rows(_ root: TOMLFile.Table) -> [(label: String, setting: Setting)] {
        var labels = Set<String>(), seen = Set<Setting>()
        return root.tables("settings").flatMap { table -> [(label: String, setting: Setting)] in
            let label = readLabel(table, &labels, one: "setting")
            let algorithm = table.choice("algorithm", names)
            let strengths = readStrengths(table)
            table.refuseOthers()
            guard let label, let algorithm, let strengths else { return [] }
            let setting = Setting(algorithm: algorithm, strengths: strengths, learningRate: rates.first ?? 1)
            for complaint in complaints(setting) { table.complain(complaint.parameter, complaint.message) }
            if !seen.insert(setting).inserted {
                table.complain("algorithm", "found the same setting a second time, allowed is each once")
            }
            return rates.map { rate in
                (label + suffix(rate), Setting(algorithm: algorithm, strengths: strengths, learningRate: rate))
            }
        }
    }

    // MARK: [[curves]] alone

    /// Reads one curve over all learning rates from each table.
    func rateCurves(_ root: TOMLFile.Table, _ training: TOMLFile.Table) -> [SweepSpec.Draft] {
        let algorithm = training.choice("algorithm", names, default: Algorithm.sgd.rawValue) ?? Algorithm.sgd.rawValue
        var labels = Set<String>()
        return root.tables("curves").compactMap { table in
            let label = readLabel(table, &labels, one: "curve")
            let strengths = readStrengths(table)
            table.refuseOthers()
            guard let label, let strengths else { return nil }
            let points = rates.sorted().map { rate in
                (x: rate, setting: Setting(algorithm: algorithm, strengths: strengths, learningRate: rate))
            }
            if let complaint = points.first.map({ complaints($0.setting) })?.first {
                table.complain(complaint.parameter, complaint.message)
            }
            return SweepSpec.Draft(label: label, axis: .learningRate, fixed: strengths, ratio: nil, points: points)
        }
    }

    // MARK: [strengths] with [[curves]]

    /// Reads one curve over all strengths from each table, for each learning rate.
    func curves(_ root: TOMLFile.Table, _ training: TOMLFile.Table) -> [SweepSpec.Draft] {
        let algorithm = training.choice("algorithm", names, default: Algorithm.sgd.rawValue) ?? Algorithm.sgd.rawValue
        let values = readValues(root)
        var labels = Set<String>()
        return root.tables("curves").flatMap { table -> [SweepSpec.Draft] in
            let label = readLabel(table, &labels, one: "curve")
            guard let (axis, fixed, ratio, key) = readAxis(table) else { return [] }
            return rates.map { rate in
                let points = values.map { value in
                    var strengths = fixed
                    strengths[axis] = value
                    if let ratio { strengths[.lambda2] = value / ratio }
                    return (x: value, setting: Setting(algorithm: algorithm, strengths: strengths, learningRate: rate))
                }
                if rate == rates[0], let complaint = points.lazy.flatMap({ complaints($0.setting) }).first {
                    table.complain(key, "\(complaint)")
                }
                return SweepSpec.Draft(
                    label: (label ?? "") + suffix(rate), axis: .strength(axis), fixed: fixed, ratio: ratio, points: points)
            }
        }
    }

    /// The strength on the x axis of a curve: the one that `axis` names; without `axis`, λ₁ where `lambda2` or `ratio` is given, and λ₂ where
    /// `lambda1` is. The others are fixed.
    /// - Returns: the axis, and the key that decided it, for complaints; nil, after a complaint, for any other combination of keys.
    private func readAxis(_ table: TOMLFile.Table) -> (axis: Strength, fixed: Strengths, ratio: Double?, key: String)? {
        let shorthand = [Strength.lambda1.name, Strength.lambda2.name, SweepKeys.ratio.name]
        guard !table.has("axis") else {
            table.allow([SweepKeys.ratio.name])
            if table.has(SweepKeys.ratio.name) {
                table.complain(SweepKeys.ratio.name, "found beside axis, allowed is one of them")
            }
            let axis = table.choice("axis", strengths.map(\.name)).flatMap(Strength.named)
            if let axis, table.has(axis.name) {
                table.allow([axis.name])
                table.complain(axis.name, "found beside axis = \"\(axis.name)\", allowed are the other strengths")
            }
            let fixed = readStrengths(table, but: axis.map { [$0.name] } ?? [])
            table.allow(strengths.map(\.name))
            table.refuseOthers()
            guard let axis, let fixed else { return nil }
            return (axis, fixed, nil, "axis")
        }
        let given = shorthand.filter(table.has)
        // All given keys are read, so that a value that is not allowed is reported even where there is one key too many.
        let values = given.map { key in
            key == SweepKeys.ratio.name ? table.real(SweepKeys.ratio) : table.real(key, Strength.named(key)!.range)
        }
        let fixed = readStrengths(table, but: shorthand)
        table.allow(shorthand + ["axis"])
        table.refuseOthers()
        guard given.count == 1 else {
            let found = given.isEmpty ? "none of them" : given.joined(separator: " and ")
            table.complain("label", "found \(found) beside it, allowed is axis, or exactly one of lambda1, lambda2 and ratio (λ1/λ2)")
            return nil
        }
        guard let value = values[0], var fixed else { return nil }
        switch given[0] {
        case SweepKeys.ratio.name: return (.lambda1, fixed, value, given[0])
        case Strength.lambda1.name:
            fixed[.lambda1] = value
            return (.lambda2, fixed, nil, given[0])
        default:
            fixed[.lambda2] = value
            return (.lambda1, fixed, nil, given[0])
        }
    }

    /// The strengths of the x axis, ascending: `values`, or 10^from … 10^to with `per_decade` of them in each decade.
    private func readValues(_ root: TOMLFile.Table) -> [Double] {
        let table = root.table("strengths")
        defer { table.refuseOthers() }
        let range = ["from", "to", "per_decade"]
        guard !table.has("values") else {
            table.allow(range)
            for key in range where table.has(key) {
                table.complain(key, "found beside values, allowed is values, or from, to and per_decade")
            }
            return (table.reals(SweepKeys.values) ?? []).sorted()
        }
        table.allow(["values"])
        let from = table.real(SweepKeys.from), to = table.real(SweepKeys.to), perDecade = table.integer(SweepKeys.perDecade)
        guard let from, let to, let perDecade else { return [] }
        guard to >= from else {
            let example = "both are exponents of 10, from = -4 and to = -1 give 0.0001 to 0.1"
            table.complain("from", "found from = \(from.shortestText), allowed is at most to = \(to.shortestText): \(example)")
            return []
        }
        // 10⁻⁶ is added so that from -4 to -0.5 in quarters there are 14 steps whatever the rounding, and never one beyond `to`.
        let steps = Int((to - from) * Double(perDecade) + 1e-6)
        return (0...steps).map { SweepSpec.decimal(exponent: from + Double($0) / Double(perDecade)) }
    }
}
