// CurveAxes.swift · Coordinator/Reporting, between CurveLine and CurvesFigure. The scales of a figure of curves: what fits on them and their ticks.

internal import Glibc

struct CurveAxes {
    /// The largest ratio that is drawn; points above it are counted in the note, since one setting near the cliff must not flatten all others.
    static let highestRatio = 1.3

    /// Whether y is a loss, which has no natural scale, over learning rates; else it is a ratio over strengths.
    let isByRate: Bool
    /// x values of all points, in order; at least one.
    let xs: [Double]
    /// The largest y that is drawn.
    let highest: Double
    /// Ends of the y axis and the distance of its ticks.
    let bottom: Double, top: Double, step: Double

    init(_ points: [CurveLine.Point], xs: [Double], isByRate: Bool) {
        self.isByRate = isByRate
        self.xs = xs
        if isByRate {
            // Twice the smallest loss, or a network that learned nothing flattens all others.
            let least = points.map(\.y).min() ?? 1
            highest = least + least.magnitude
        } else {
            highest = Self.highestRatio
        }
        let bands = points.filter { [highest] in Self.isShown($0.y, highest: highest, isByRate: isByRate) }.map(\.band)
        let (low, high) = (bands.map(\.lowerBound).min(), bands.map(\.upperBound).max())
        (bottom, top, step) = isByRate ? Self.losses(low, high) : Self.ratios(low, high)
    }

    /// Whether a point is on the scale. A ratio is below 0 only where a loss is, and is then cut off as far from 0 as above it.
    func isShown(_ point: CurveLine.Point) -> Bool { Self.isShown(point.y, highest: highest, isByRate: isByRate) }

    private static func isShown(_ y: Double, highest: Double, isByRate: Bool) -> Bool { y <= highest && (isByRate || y >= -highest) }

    /// The y axis of ratios: whole steps around everything that is drawn, and 1 always inside.
    private static func ratios(_ low: Double?, _ high: Double?) -> (bottom: Double, top: Double, step: Double) {
        let low = min(low ?? 1, 0.999), high = min(max(high ?? 1, 1.001), highestRatio)
        // Divided, not multiplied: 6 / 10 prints as 0.6, 6 × 0.1 does not.
        let perUnit: Double = high - low > 0.4 ? 10 : 20
        return ((low * perUnit).rounded(.down) / perUnit, (high * perUnit).rounded(.up) / perUnit, 1 / perUnit)
    }

    /// The y axis of losses: at most ten steps of 1, 2 or 5 times a power of ten.
    private static func losses(_ low: Double?, _ high: Double?) -> (bottom: Double, top: Double, step: Double) {
        let low = low ?? 0
        // The ends differ by at least what a Double of this size can tell apart.
        let high = max(high ?? 1, low + 1e-6 * max(1, low.magnitude))
        let power = Int(log10((high - low) / 10).rounded(.down))
        let step = [1.0, 2, 5, 10].lazy.map { Double("\($0)e\(power)")! }.first { (high - low) / $0 <= 10 }!
        // Read back from decimals, so that no tick is 0.30000000000000004.
        func whole(_ steps: Double) -> Double { Double(NumberText.fixed(steps * step, decimals: max(0, -power))) ?? steps * step }
        return (whole((low / step).rounded(.down)), whole((high / step).rounded(.up)), step)
    }

    /// Digits behind the point in the labels of the y axis.
    var decimals: Int { isByRate ? max(0, -Int(log10(step * 1.0001).rounded(.down))) : step == 0.1 ? 1 : 2 }

    // MARK: The x axis, which is logarithmic

    var left: Double { xs.first! / 1.15 }
    var right: Double { xs.last! * 1.15 }

    /// Ticks with a label at each power of ten, and at 2 and 5 times it where there would be fewer than two; small ticks between.
    var xTicks: String {
        let exponents = Int(log10(left).rounded(.down))...Int(log10(right).rounded(.down))
        let isShort = exponents.count { (left...right).contains(pow(10, Double($0))) } < 2
        let ticks = exponents.flatMap { exponent in
            (1...9).map { digit in
                let label =
                    switch digit {
                    case 1: "10\(Self.superscript(exponent))"
                    case 2 where isShort, 5 where isShort: "\(digit)·10\(Self.superscript(exponent))"
                    default: ""
                    }
                return "\"\(label)\" \(digit)e\(exponent) \(label.isEmpty ? 1 : 0)"
            }
        }
        return ticks.joined(separator: ", ")
    }

    private static func superscript(_ number: Int) -> String {
        let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
        return String(String(number).map { $0 == "-" ? "⁻" : digits[$0.wholeNumberValue!] })
    }

    // MARK: Bands

    /// The ends of a band at one x value.
    typealias Slice = (x: Double, low: Double, high: Double)

    /// The part of a band that is on the scale: gnuplot folds a band that leaves it. Where an edge crosses an end of the scale, a slice is added.
    func slices(_ band: [CurveLine.Point]) -> [Slice] {
        var slices: [Slice] = []
        for point in band {
            let next: Slice = (point.x, point.band.lowerBound, point.band.upperBound)
            if let last = slices.last { slices += crossings(from: last, to: next) }
            slices.append(next)
        }
        return slices.map { ($0.x, min(max($0.low, bottom), top), min(max($0.high, bottom), top)) }
    }

    /// Slices between two neighbours where an edge of the band crosses an end of the scale. Edges are straight on the logarithmic axis.
    private func crossings(from last: Slice, to next: Slice) -> [Slice] {
        var shares: [Double] = []
        for (from, to) in [(last.low, next.low), (last.high, next.high)] {
            for end in [bottom, top] where (from < end) != (to < end) { shares.append((end - from) / (to - from)) }
        }
        return shares.sorted().filter { $0 > 0 && $0 < 1 }.map { share in
            (
                last.x * pow(next.x / last.x, share), last.low + share * (next.low - last.low), last.high + share * (next.high - last.high)
            )
        }
    }
}
