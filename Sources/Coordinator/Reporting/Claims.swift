// Claims.swift · Coordinator/Reporting. What the paper says of Figure 4, as measured; one sweep, or several master seeds beside each other.

internal import Vocabulary

/// The statements of the paper's Section 4.1 on one sweep.
struct Claims: Equatable {
    struct Best: Equatable {
        var curve: String
        /// Nil where no setting of the curve has a mean.
        var ratio: Double?
        var strength: Double?
    }

    /// Settings with a mean ratio, baseline excluded, and how many of the means are below 1.
    var settings = 0, below = 0
    /// Settings whose ratio has a 95 % interval, baseline excluded, and how many of the intervals are below 1 as a whole.
    var intervals = 0, intervalsBelow = 0
    /// Settings without a mean because a run diverged, of their own or of their baseline.
    var divergedSettings = 0
    /// Settings without a mean because a trial failed or was not run.
    var missingSettings = 0
    var bests: [Best]
    /// Best ratio of the curves λ1/λ2 = 0.5 over the best of λ2 = 0, whatever the learning rate; nil where the sweep has not both.
    var gain: Double?

    init(_ summary: Summary, _ spec: SweepSpec) {
        bests = spec.curves.map { curve in
            let points = curve.points.compactMap { point in summary.settings[point.setting].ratio.map { (point.strength, $0.mean) } }
            let best = points.min { $0.1 < $1.1 }
            return Best(curve: curve.label, ratio: best?.1, strength: best?.0)
        }
        func best(_ matches: (CurveSpec) -> Bool) -> Double? {
            zip(spec.curves, bests).filter { matches($0.0) }.compactMap(\.1.ratio).min()
        }
        let hasReg1Alone = { (curve: CurveSpec) in
            curve.axis == .strength(.lambda1) && curve.ratio == nil && curve.fixed[.lambda2] == 0
        }
        if let half = best({ $0.ratio == 0.5 }), let only = best(hasReg1Alone) {
            gain = half / only
        }
        for row in summary.settings where !row.setting.isBaseline { count(row, baseline: summary[row.setting.baseline]) }
    }

    private mutating func count(_ row: SettingSummary, baseline: SettingSummary?) {
        if let ratio = row.ratio {
            settings += 1
            below += ratio.mean < 1 ? 1 : 0
            intervals += ratio.high == nil ? 0 : 1
            intervalsBelow += ratio.high.map { $0 < 1 } == true ? 1 : 0
        } else if row.diverged > 0 || (baseline?.diverged ?? 0) > 0 {
            divergedSettings += 1
        } else {
            missingSettings += 1
        }
    }

    private static var bestColumns: [Column<Best>] {
        [.text("curve", \.curve), .real("best ratio", decimals: 3, \.ratio), .real("strength", \.strength)]
    }

    static let comparisonLegend = """
        below 1: settings with a mean ratio below 1, of those with a ratio; diverged: settings without one, since runs diverged; a curve: its best
        mean ratio @ the strength where it is; 0.5 / λ2 = 0: best ratio with λ1/λ2 = 0.5 over best with λ2 = 0; mean ± sd: mean and standard
        deviation over the sweeps

        """

    /// The section of the report for the terminal.
    var text: String {
        var lines = ["\(below) of \(settings) settings have a mean ratio below 1"]
        lines.append(
            intervals > 0
                ? "\(intervalsBelow) of \(intervals) settings have their whole 95 % interval below 1"
                : "no setting has a 95 % interval, which takes two training sets or more")
        for (count, reason) in [
            (divergedSettings, "runs of the setting or of its baseline diverged"), (missingSettings, "trials failed or were not run"),
        ] where count > 0 { lines.append("\(count) more \(count == 1 ? "has" : "have") no ratio, since \(reason)") }
        if let gain { lines.append("best ratio with λ1/λ2 = 0.5 over best ratio with λ2 = 0: \(NumberText.fixed(gain, decimals: 3))") }
        return "\(TextTable.text(bests, Self.bestColumns))\n\(lines.joined(separator: "\n"))\n"
    }

    /// A Markdown table with a row for each sweep and one for mean ± standard deviation.
    static func comparison(_ sweeps: [(name: String, table: Claims)]) -> String {
        let curves = sweeps.first?.table.bests.map(\.curve) ?? []
        let bests = curves.enumerated().map { index, curve in
            Column<ComparisonRow<Claims>>.compared(
                curve, decimals: 3, shown: { .best($0.best(index)?.ratio, at: $0.best(index)?.strength, decimals: 3) }
            ) { $0.best(index)?.ratio }
        }
        return SweepComparison.text(
            sweeps,
            [
                .compared("below 1", decimals: 3, shown: { .text("\($0.below)/\($0.settings)") }) {
                    $0.settings == 0 ? nil : Double($0.below) / Double($0.settings)
                }, .compared("diverged", decimals: 1, shown: { .integer($0.divergedSettings) }) { Double($0.divergedSettings) },
            ] + bests + [.compared("0.5 / λ2 = 0", decimals: 3, \.gain)])
    }

    /// Nil where another sweep has more curves.
    private func best(_ index: Int) -> Best? { bests.indices.contains(index) ? bests[index] : nil }
}
