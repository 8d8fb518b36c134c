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

    /// Settings with a mean ratio, baseline excluded, and how many of them are below 1.
    var settings = 0, below = 0
    /// Settings without a mean because a run diverged, of their own or of their baseline.
    var divergedSettings = 0
    /// Settings without a mean because a trial failed or was not run.
    var missingSettings = 0
    var bests: [Best]
    /// Best ratio of the curves λ1/λ2 = 0.5 over the best of λ2 = 0, whatever the learning rate; nil where the sweep has not both.
    var gain: Double?

    init(_ summary: Summary, _ spec: SweepSpec) {
        let rows = Dictionary(summary.settings.map { ($0.setting, $0) }) { first, _ in first }
        for row in summary.settings where !row.setting.isBaseline {
            if let ratio = row.ratio {
                settings += 1
                if ratio.mean < 1 { below += 1 }
            } else if row.diverged > 0 || (rows[row.setting.baseline]?.diverged ?? 0) > 0 {
                divergedSettings += 1
            } else {
                missingSettings += 1
            }
        }
        bests = spec.curves.map { curve in
            let points = curve.points.compactMap { point in rows[point.setting]?.ratio.map { (point.strength, $0.mean) } }
            let best = points.min { $0.1 < $1.1 }
            return Best(curve: curve.label, ratio: best?.1, strength: best?.0)
        }
        func best(_ matches: (CurveSpec) -> Bool) -> Double? {
            zip(spec.curves, bests).filter { matches($0.0) }.compactMap(\.1.ratio).min()
        }
        if let half = best({ $0.relation == .ratio(0.5) }), let only = best({ $0.axis == .lambda1 && $0.relation == .fixed(0) }) {
            gain = half / only
        }
    }

    var text: String {
        var lines = ["\(below) of \(settings) settings have a ratio below 1; \(divergedSettings) more have runs that diverged"]
        if missingSettings > 0 { lines.append("\(missingSettings) more have no ratio, since trials failed or were not run") }
        for best in bests {
            lines.append(
                "best on \(best.curve): "
                    + (best.ratio.map { "\(NumberText.fixed($0, decimals: 3)) at \(NumberText.shortest(best.strength!))" } ?? "none"))
        }
        if let gain { lines.append("best of λ1/λ2 = 0.5 relative to λ2 = 0: \(NumberText.fixed(gain, decimals: 3)) (the paper: 0.86)") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A Markdown table with a row for each sweep and one for mean ± standard deviation.
    static func comparison(_ sweeps: [(name: String, claims: Claims)]) -> String {
        guard let first = sweeps.first?.claims else { return "" }
        var columns = ["sweep", "below 1", "diverged"]
        columns += first.bests.map(\.curve) + ["0.5 / λ2 = 0"]
        var rows = sweeps.map { name, claims in
            [name, "\(claims.below)/\(claims.settings)", "\(claims.divergedSettings)"]
                + claims.bests.map { best in Tables.best(best.ratio.map { ($0, best.strength!) }, 3) }
                + [claims.gain.map { NumberText.fixed($0, decimals: 3) } ?? "–"]
        }
        let all = sweeps.map(\.claims)
        rows.append(
            [
                "mean ± sd", Tables.spread(all.map { $0.settings == 0 ? nil : Double($0.below) / Double($0.settings) }, 3),
                Tables.spread(all.map { Double($0.divergedSettings) }, 1),
            ]
                + first.bests.indices.map { curve in
                    Tables.spread(all.map { $0.bests.indices.contains(curve) ? $0.bests[curve].ratio : nil }, 3)
                }
                + [Tables.spread(all.map(\.gain), 3)])
        return MarkdownTable.text([columns] + rows)
    }
}
