// CurveLine.swift · Coordinator/Reporting, between Summary and CurvesFigure. One curve of a sweep as the points that are drawn of it.

internal import Vocabulary

struct CurveLine: Equatable {
    /// A mean that is larger counts as none: gnuplot's own numbers end near 1e308.
    static let largestMean = 1e300
    /// Wider bands are not shaded, or those near the cliff would cover everything; the points say so by being open.
    static let widestBand = 0.2

    struct Point: Equatable {
        /// A strength, or a learning rate.
        var x: Double
        /// A mean ratio, or a mean loss.
        var y: Double
        /// Standard deviation across initializations; nil with one initialization.
        var deviation: Double?

        var isWide: Bool { (deviation ?? 0) > CurveLine.widestBand }

        /// What is shaded around the point: y ± the deviation, not below 0 unless y itself is. Only y for a band that is too wide to shade.
        var band: ClosedRange<Double> {
            let deviation = isWide ? 0 : deviation ?? 0
            return min(y, max(0, y - deviation))...y + deviation
        }
    }

    var label: String
    /// Runs of neighbours that have a mean: a setting without one ends a stretch.
    var stretches: [[Point]]
    /// Places on the x axis at which a run diverged.
    var diverged: [Double] = []
    /// Settings that have no mean although no run diverged: something failed, was not run, or the mean is too large to draw.
    var missing = 0

    /// - Parameter isByRate: whether y is a loss; else it is a ratio.
    init(_ curve: CurveSpec, _ summary: Summary, isByRate: Bool) {
        label = curve.label
        var stretches: [[Point]] = [[]]
        for point in curve.points {
            let row = summary.settings[point.setting]
            if let spread = isByRate ? row.testLoss : row.ratio, spread.mean.magnitude < Self.largestMean {
                let deviation = spread.deviation.flatMap { $0.isNaN ? nil : $0 }
                stretches[stretches.count - 1].append(Point(x: point.strength, y: spread.mean, deviation: deviation))
                continue
            }
            stretches.append([])
            // A ratio is missing also where the baseline diverged.
            let rows = [row, isByRate ? nil : summary[row.setting.baseline]]
            if rows.contains(where: { ($0?.diverged ?? 0) > 0 }) { diverged.append(point.strength) } else { missing += 1 }
        }
        self.stretches = stretches.filter { !$0.isEmpty }
    }

    var points: [Point] { stretches.flatMap(\.self) }

    /// Runs of at least two neighbours with a band, which have something between them to shade.
    var bands: [[Point]] {
        stretches.flatMap { $0.split(whereSeparator: { $0.isWide || $0.deviation == nil }).map(Array.init) }.filter { $0.count > 1 }
    }
}
