// Figure.swift · Coordinator/Reporting, between Summary and Gnuplot. The ratios of a sweep of [[curves]] as a script.

internal import Glibc
internal import Vocabulary

/// One line with a shaded band (± standard deviation across initializations) for each curve: ratios to SGD by strength, in the form of the
/// paper's Figure 4, or test losses by learning rate, in the form of its Figure 5.
struct Figure: Drawing {
    /// Above this a ratio is only told to be off the scale: one setting near the cliff must not flatten all others.
    static let highest = 1.3
    /// A mean that is larger counts as none: gnuplot's own numbers end near 1e308.
    static let largest = 1e300
    /// Wider bands are not shaded, or those near the cliff would cover everything; the points say so by being open.
    static let widest = 0.2

    struct Point: Equatable {
        /// Where it stands on the x axis, and how high: a ratio, or a loss.
        var strength: Double, ratio: Double
        /// Nil with one initialization.
        var deviation: Double?

        var isWide: Bool { (deviation ?? 0) > Figure.widest }
        /// What is shaded around the point.
        var band: ClosedRange<Double> {
            let deviation = isWide ? 0 : deviation ?? 0
            // A loss below 0 stays where it is.
            return min(ratio, max(0, ratio - deviation))...ratio + deviation
        }
    }

    struct Line: Equatable {
        var label: String
        /// Neighbours that have a mean; a setting without one ends a stretch.
        var stretches: [[Point]] = [[]]
        /// Strengths at which a run diverged.
        var diverged: [Double] = []

        var points: [Point] { stretches.flatMap { $0 } }
    }

    private let spec: FigureSpec
    let lines: [Line]
    private let strengths: [Double]
    /// Losses on the y axis, which have no natural scale; else ratios.
    private let isByRate: Bool
    /// Settings that have no mean although no run diverged: something failed, was not run, or the mean is too large to draw.
    private var missing = 0

    init(_ summary: Summary, _ spec: SweepSpec) {
        var missing = 0
        lines = spec.curves.map { curve in
            var line = Line(label: curve.label)
            for point in curve.points {
                let row = summary[point.setting], spread = spec.isByRate ? row?.testLoss : row?.ratio
                guard let spread, spread.mean.magnitude < Self.largest else {
                    line.stretches.append([])
                    let rows = [row, spec.isByRate ? nil : summary[point.setting.baseline]]
                    if rows.contains(where: { ($0?.diverged ?? 0) > 0 }) { line.diverged.append(point.strength) } else { missing += 1 }
                    continue
                }
                let place = line.stretches.count - 1
                let deviation = spread.deviation.flatMap { $0.isNaN ? nil : $0 }
                line.stretches[place].append(Point(strength: point.strength, ratio: spread.mean, deviation: deviation))
            }
            line.stretches.removeAll(where: \.isEmpty)
            return line
        }
        isByRate = spec.isByRate
        self.spec = spec.figure
        self.missing = missing
        strengths = Set(spec.curves.flatMap { $0.points.map(\.strength) }).sorted()
    }

    // MARK: Axes

    /// Above this a point is only told to be off the scale. Twice the smallest loss, or a network that learned nothing flattens all others.
    private var highest: Double {
        guard isByRate else { return Self.highest }
        let least = lines.flatMap(\.points).map(\.ratio).min() ?? 1
        return least + least.magnitude
    }

    /// A ratio is below 0 only where a loss is, and then cut off as far from 0 as above it.
    private func isShown(_ point: Point) -> Bool { point.ratio <= highest && (isByRate || point.ratio >= -highest) }

    private var shown: [Point] { lines.flatMap(\.points).filter(isShown) }

    /// Of the ratios, in whole steps around everything that is drawn, 1 always inside.
    private var range: (bottom: Double, top: Double, step: Double) {
        guard !isByRate else { return lossRange }
        let low = min(shown.map(\.band.lowerBound).min() ?? 1, 0.999)
        let high = min(max(shown.map(\.band.upperBound).max() ?? 1, 1.001), Self.highest)
        // Divided, not multiplied: 6 / 10 prints as 0.6, 6 × 0.1 does not.
        let perUnit: Double = high - low > 0.4 ? 10 : 20
        return ((low * perUnit).rounded(.down) / perUnit, (high * perUnit).rounded(.up) / perUnit, 1 / perUnit)
    }

    /// At most ten steps of 1, 2 or 5 times a power of ten.
    private var lossRange: (bottom: Double, top: Double, step: Double) {
        let low = shown.map(\.band.lowerBound).min() ?? 0
        // Apart by what a Double of this size can tell.
        let high = max(shown.map(\.band.upperBound).max() ?? 1, low + 1e-6 * max(1, low.magnitude))
        let power = Int(log10((high - low) / 10).rounded(.down))
        let step = [1.0, 2, 5, 10].lazy.map { Double("\($0)e\(power)")! }.first { (high - low) / $0 <= 10 }!
        // Read back from decimals, so that no tick is 0.30000000000000004.
        func whole(_ steps: Double) -> Double { Double(NumberText.fixed(steps * step, decimals: max(0, -power))) ?? steps * step }
        return (whole((low / step).rounded(.down)), whole((high / step).rounded(.up)), step)
    }

    /// A label at each power of ten, and at 2 and 5 times it where there would be fewer than two; small ticks between.
    private var strengthTicks: String {
        let (low, high) = (strengths.first! / 1.15, strengths.last! * 1.15)
        let exponents = Int(log10(low).rounded(.down))...Int(log10(high).rounded(.down))
        let isShort = exponents.count { (low...high).contains(pow(10, Double($0))) } < 2
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

    /// Above the ratios, a row of crosses for each curve that has diverged.
    private var crossed: [Int] { lines.indices.filter { !lines[$0].diverged.isEmpty } }
    private var rowHeight: Double { 0.03 * (range.top - range.bottom) }

    /// What a reader cannot see from the axes.
    private var note: String {
        let points = lines.flatMap(\.points), hidden = points.filter { !isShown($0) }
        var parts: [String] = []
        if points.contains(where: { $0.deviation != nil }) { parts.append("Shaded: ± standard deviation across initializations") }
        if shown.contains(where: \.isWide) { parts.append("open symbols: more than ±\(NumberText.shortest(Self.widest)), not shaded") }
        if !crossed.isEmpty { parts.append("×: a run diverged") }
        if !hidden.isEmpty {
            let limit = isByRate ? NumberText.fixed(range.top, decimals: decimals) : NumberText.shortest(highest)
            let side = hidden.contains { $0.ratio < -highest } && !isByRate ? "beyond ±" : "above "
            parts.append("\(hidden.count) \(hidden.count == 1 ? "point" : "points") \(side)\(limit) not shown")
        }
        if missing > 0 { parts.append("\(missing) \(missing == 1 ? "setting" : "settings") without result") }
        return parts.joined(separator: "; ")
    }

    // MARK: The script

    let size = (width: 720, height: 480)

    /// - Parameter output: the path of the file.
    func script(terminal: String, output: String) -> String {
        let (bottom, top, step) = range
        let ceiling = crossed.isEmpty ? top : top + (Double(crossed.count) + 0.7) * rowHeight
        var strip = ""
        if !crossed.isEmpty {
            strip = """
                set arrow from graph 0, first \(top) to graph 1, first \(top) nohead linecolor rgb '#bbbbbb' linewidth 0.5
                set label 'diverged' at graph 0.012, first \((top + ceiling) / 2) left font ',10' textcolor rgb '#555555'

                """
        }
        return """
            set encoding utf8
            set terminal \(terminal)
            set output \(Gnuplot.quoted(output))
            set title \(Gnuplot.quoted(spec.title)) font ',13'
            set xlabel \(Gnuplot.quoted(spec.xLabel))
            set ylabel \(Gnuplot.quoted(spec.yLabel))
            set label \(Gnuplot.quoted(note)) at screen 0.5, 0.025 center font ',9' textcolor rgb '#555555'
            set bmargin 5
            set logscale x
            set xrange [\(strengths.first! / 1.15):\(strengths.last! * 1.15)]
            set xtics nomirror (\(strengthTicks))
            set yrange [\(bottom):\(ceiling)]
            set ytics \(bottom), \(step), \(top) nomirror
            set format y '%.\(decimals)f'
            set border 3 linecolor rgb '#444444' linewidth 0.75
            set grid ytics linetype 1 linecolor rgb '#e5e5e5' linewidth 0.5
            set key outside right center vertical reverse Left samplen 2.5 spacing 1.3 font ',11'
            \(strip)\(data)plot \(plots.joined(separator: ", \\\n  "))

            """
    }

    /// Of the labels of the y axis.
    private var decimals: Int { isByRate ? max(0, -Int(log10(range.step * 1.0001).rounded(.down))) : range.step == 0.1 ? 1 : 2 }

    /// Blocks of rows that the plots name.
    private var data: String {
        var text = ""
        for (number, line) in lines.enumerated() {
            func rows(_ stretches: [[Point]], _ row: (Point) -> String) -> [String] {
                Array(stretches.map { $0.map(row) }.joined(separator: [""]))
            }
            let bands = bands(line)
            text += Gnuplot.block(
                "band\(number)", Array(bands.map { slices($0).map { "\($0.x) \($0.low) \($0.high)" } }.joined(separator: [""])))
            text += Gnuplot.block("line\(number)", rows(line.stretches) { "\($0.strength) \($0.ratio)" })
            for isWide in [false, true] {
                let points = symbols(line, isWide: isWide)
                text += Gnuplot.block("\(isWide ? "open" : "full")\(number)", points.map { "\($0.strength) \($0.ratio)" })
            }
        }
        for (row, number) in crossed.enumerated() {
            let height = range.top + (Double(crossed.count - row) - 0.15) * rowHeight
            text += Gnuplot.block("cross\(number)", lines[number].diverged.map { "\($0) \(height)" })
        }
        return text
    }

    /// Without those off the scale, which would stand among the crosses; the line shows where they are.
    private func symbols(_ line: Line, isWide: Bool) -> [Point] { line.points.filter { isShown($0) && $0.isWide == isWide } }

    /// Two neighbours at least have something between them to shade.
    private func bands(_ line: Line) -> [[Point]] {
        line.stretches.flatMap { $0.split(whereSeparator: { $0.isWide || $0.deviation == nil }).map(Array.init) }.filter { $0.count > 1 }
    }

    /// How far a band reaches at a place on the x axis.
    private typealias Slice = (x: Double, low: Double, high: Double)

    /// A band as far as it is on the scale: gnuplot folds one that leaves it. Where an edge crosses an end of the scale it has a slice more.
    private func slices(_ band: [Point]) -> [Slice] {
        let (bottom, top, _) = range
        var slices: [Slice] = []
        for point in band {
            let next: Slice = (point.strength, point.band.lowerBound, point.band.upperBound)
            if let last = slices.last {
                var shares: [Double] = []
                for (from, to) in [(last.low, next.low), (last.high, next.high)] {
                    for end in [bottom, top] where (from < end) != (to < end) { shares.append((end - from) / (to - from)) }
                }
                // Edges are straight on the logarithmic axis.
                for share in shares.sorted() where share > 0 && share < 1 {
                    slices.append(
                        (
                            last.x * pow(next.x / last.x, share), last.low + share * (next.low - last.low),
                            last.high + share * (next.high - last.high)
                        ))
                }
            }
            slices.append(next)
        }
        return slices.map { ($0.x, min(max($0.low, bottom), top), min(max($0.high, bottom), top)) }
    }

    private var plots: [String] {
        var bands: [String] = [], curves: [String] = [], keys: [String] = []
        for (number, line) in lines.enumerated() {
            let colour = "linecolor rgb '\(Gnuplot.colours[number % Gnuplot.colours.count])'"
            let full = 5 + 2 * (number % 6)
            if !self.bands(line).isEmpty {
                bands.append("$band\(number) using 1:2:3 with filledcurves \(colour) fillstyle transparent solid 0.13 noborder notitle")
            }
            if !line.points.isEmpty { curves.append("$line\(number) using 1:2 with lines \(colour) linewidth 1.75 notitle") }
            for (name, type, isThere) in [
                ("full", full, !symbols(line, isWide: false).isEmpty), ("open", full - 1, !symbols(line, isWide: true).isEmpty),
            ] where isThere {
                curves.append("$\(name)\(number) using 1:2 with points \(colour) pointtype \(type) pointsize 0.6 linewidth 1.25 notitle")
            }
            if !line.diverged.isEmpty {
                curves.append("$cross\(number) using 1:2 with points \(colour) pointtype 2 pointsize 0.55 linewidth 1.25 notitle")
            }
            keys.append(
                "keyentry with linespoints \(colour) linewidth 1.75 pointtype \(full) pointsize 0.6 title \(Gnuplot.quoted(line.label))")
        }
        // Where SGD is, if the y axis is relative to it. gnuplot refuses a plot of keys alone.
        return bands + (isByRate ? ["NaN notitle"] : ["1 with lines linecolor rgb '#888888' dashtype 2 notitle"]) + curves + keys
    }
}
