// CurvesFigure.swift · Coordinator/Reporting, between CurveAxes and Gnuplot. The script of a sweep of [[curves]].

internal import Vocabulary

/// One line with a shaded band (± standard deviation across initializations) for each curve: ratios to SGD by strength, in the form of the
/// paper's Figure 4, or test losses by learning rate, in the form of its Figure 5.
struct CurvesFigure: Drawing {
    private let spec: FigureSpec
    let lines: [CurveLine]
    private let axes: CurveAxes

    let size = (width: 720, height: 480)

    init(_ summary: Summary, _ spec: SweepSpec) {
        self.spec = spec.figure
        lines = spec.curves.map { CurveLine($0, summary, isByRate: spec.isByRate) }
        axes = CurveAxes(
            lines.flatMap(\.points), xs: Set(spec.curves.flatMap { $0.points.map(\.strength) }).sorted(), isByRate: spec.isByRate)
    }

    /// Curves of which a run diverged: above the ratios, each has a row of crosses.
    private var crossed: [Int] { lines.indices.filter { !lines[$0].diverged.isEmpty } }
    private var rowHeight: Double { 0.03 * (axes.top - axes.bottom) }

    /// The line below the figure, with what a reader cannot see from the axes.
    private var note: String {
        let points = lines.flatMap(\.points), hidden = points.filter { !axes.isShown($0) }, missing = lines.reduce(0) { $0 + $1.missing }
        var parts: [String] = []
        if points.contains(where: { $0.deviation != nil }) { parts.append("Shaded: ± standard deviation across initializations") }
        if points.contains(where: { $0.isWide && axes.isShown($0) }) {
            parts.append("open symbols: more than ±\(NumberText.shortest(CurveLine.widestBand)), not shaded")
        }
        if !crossed.isEmpty { parts.append("×: a run diverged") }
        if !hidden.isEmpty {
            let limit = axes.isByRate ? NumberText.fixed(axes.top, decimals: axes.decimals) : NumberText.shortest(axes.highest)
            let side = hidden.contains { $0.y < -axes.highest } && !axes.isByRate ? "beyond ±" : "above "
            parts.append("\(hidden.count) \(hidden.count == 1 ? "point" : "points") \(side)\(limit) not shown")
        }
        if missing > 0 { parts.append("\(missing) \(missing == 1 ? "setting" : "settings") without result") }
        return parts.joined(separator: "; ")
    }

    func script(terminal: String, output: String) -> String {
        let ceiling = crossed.isEmpty ? axes.top : axes.top + (Double(crossed.count) + 0.7) * rowHeight
        var strip = ""
        if !crossed.isEmpty {
            strip = """
                set arrow from graph 0, first \(axes.top) to graph 1, first \(axes.top) nohead linecolor rgb '#bbbbbb' linewidth 0.5
                set label 'diverged' at graph 0.012, first \((axes.top + ceiling) / 2) left font ',10' textcolor rgb '#555555'

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
            set xrange [\(axes.left):\(axes.right)]
            set xtics nomirror (\(axes.xTicks))
            set yrange [\(axes.bottom):\(ceiling)]
            set ytics \(axes.bottom), \(axes.step), \(axes.top) nomirror
            set format y '%.\(axes.decimals)f'
            set border 3 linecolor rgb '#444444' linewidth 0.75
            set grid ytics linetype 1 linecolor rgb '#e5e5e5' linewidth 0.5
            set key outside right center vertical reverse Left samplen 2.5 spacing 1.3 font ',11'
            \(strip)\(data)plot \(plots.joined(separator: ", \\\n  "))

            """
    }

    /// Blocks of rows that the plots name. An empty row ends a stretch.
    private var data: String {
        var text = ""
        for (number, line) in lines.enumerated() {
            let bands = line.bands.map { axes.slices($0).map { "\($0.x) \($0.low) \($0.high)" } }
            text += Gnuplot.block("band\(number)", Array(bands.joined(separator: [""])))
            text += Gnuplot.block("line\(number)", Array(line.stretches.map { $0.map { "\($0.x) \($0.y)" } }.joined(separator: [""])))
            for isWide in [false, true] {
                text += Gnuplot.block(
                    "\(isWide ? "open" : "full")\(number)", symbols(line, isWide: isWide).map { "\($0.x) \($0.y)" })
            }
        }
        for (row, number) in crossed.enumerated() {
            let height = axes.top + (Double(crossed.count - row) - 0.15) * rowHeight
            text += Gnuplot.block("cross\(number)", lines[number].diverged.map { "\($0) \(height)" })
        }
        return text
    }

    /// Points with a symbol: those off the scale have none, since it would stand among the crosses; the line shows where they are.
    private func symbols(_ line: CurveLine, isWide: Bool) -> [CurveLine.Point] {
        line.points.filter { axes.isShown($0) && $0.isWide == isWide }
    }

    private var plots: [String] {
        var bands: [String] = [], curves: [String] = [], keys: [String] = []
        for (number, line) in lines.enumerated() {
            let colour = "linecolor rgb '\(Gnuplot.colours[number % Gnuplot.colours.count])'"
            let full = 5 + 2 * (number % 6)
            if !line.bands.isEmpty {
                bands.append("$band\(number) using 1:2:3 with filledcurves \(colour) fillstyle transparent solid 0.13 noborder notitle")
            }
            if !line.points.isEmpty { curves.append("$line\(number) using 1:2 with lines \(colour) linewidth 1.75 notitle") }
            for (name, type, isWide) in [("full", full, false), ("open", full - 1, true)] where !symbols(line, isWide: isWide).isEmpty {
                curves.append("$\(name)\(number) using 1:2 with points \(colour) pointtype \(type) pointsize 0.6 linewidth 1.25 notitle")
            }
            if !line.diverged.isEmpty {
                curves.append("$cross\(number) using 1:2 with points \(colour) pointtype 2 pointsize 0.55 linewidth 1.25 notitle")
            }
            keys.append(
                "keyentry with linespoints \(colour) linewidth 1.75 pointtype \(full) pointsize 0.6 title \(Gnuplot.quoted(line.label))")
        }
        // The line of SGD, if the y axis is relative to it. Without it the plot has a line that draws nothing: gnuplot refuses a plot of keys alone.
        return bands + (axes.isByRate ? ["NaN notitle"] : ["1 with lines linecolor rgb '#888888' dashtype 2 notitle"]) + curves + keys
    }
}
