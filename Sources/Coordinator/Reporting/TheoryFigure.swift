// TheoryFigure.swift · Coordinator/Reporting, between Theory and Gnuplot. By how much each statement of the paper holds, for one sweep or several.

internal import Vocabulary

/// Three panels: both sides of Lemma 1 against each other; how loose the bound of Lemma 2 is; how the error of Proposition 1 falls with K.
struct TheoryFigure: Drawing {
    private let title: String
    private let parts: [(name: String, rows: [Theory.Row])]

    init(title: String, _ parts: [(name: String, theory: Theory)]) {
        self.title = title
        self.parts = parts.map { ($0.name, $0.theory.rows) }
    }

    let size = (width: 1200, height: 480)

    private func style(_ part: Int, _ row: Int) -> String {
        "linecolor rgb '\(Gnuplot.colours[part % Gnuplot.colours.count])' pointtype \(5 + 2 * (row % 5))"
    }

    func script(terminal: String, output: String) -> String {
        var data = "", sides: [String] = [], bounds: [String] = [], errors: [String] = [], keys: [String] = [], names: [String] = []
        var values: [Double] = []
        for (part, (name, rows)) in parts.enumerated() {
            names.append("\(Gnuplot.quoted(name)) \(part)")
            keys.append("keyentry with points \(style(part, 0)) title \(Gnuplot.quoted(name))")
            for (row, found) in rows.enumerated() {
                let block = "\(part)_\(row)", shift = rows.count < 2 ? 0 : 0.5 * (Double(row) / Double(rows.count - 1) - 0.5)
                // What overflows is not drawn.
                let ends = [found.halfTrace, found.gap].compactMap(\.self).flatMap {
                    [$0.mean, $0.mean - ($0.half ?? 0), $0.mean + ($0.half ?? 0)]
                }
                if ends.count == 6, ends.allSatisfy(\.isFinite) {
                    values += ends
                    data += Gnuplot.block("side\(block)", [ends.map { "\(Gnuplot.compressed($0))" }.joined(separator: " ")])
                    sides.append("$side\(block) using 1:4:2:3:5:6 with xyerrorbars \(style(part, row)) pointsize 0.9 linewidth 1.2 notitle")
                }
                if found.looseness.count == 3, found.looseness.allSatisfy(\.isFinite) {
                    let quartiles = found.looseness
                    data += Gnuplot.block("bound\(block)", ["\(Double(part) + shift) \(quartiles[1]) \(quartiles[0]) \(quartiles[2])"])
                    bounds.append("$bound\(block) using 1:2:3:4 with yerrorbars \(style(part, row)) pointsize 0.9 linewidth 1.2 notitle")
                }
                if found.errors.count == Theory.batches.count, found.errors.allSatisfy({ ($0.mean + ($0.half ?? 0)).isFinite }) {
                    data += Gnuplot.block(
                        "error\(block)", found.errors.enumerated().map { "\($0) \($1.mean) \($1.half ?? 0)" })
                    errors.append("$error\(block) using 1:2:3 with yerrorlines \(style(part, row)) pointsize 0.7 linewidth 1.2 notitle")
                }
            }
        }
        let shapes = (parts.map(\.rows).max { $0.count < $1.count } ?? []).enumerated().map { row, found in
            "keyentry with points linecolor rgb '#666666' pointtype \(5 + 2 * (row % 5)) title \(Gnuplot.quoted(found.label))"
        }
        let ticks = Theory.batches.enumerated().map { "\(Gnuplot.quoted($1.map(String.init) ?? "∞")) \($0)" }
        func panel(_ number: Int, _ settings: String, _ plots: [String]) -> String {
            """
            set origin \(Double(number) / 3), 0.14
            set size 0.333, 0.79
            \(settings)
            plot \(plots.isEmpty ? "[0:1] [0:1] 2 notitle" : plots.joined(separator: ", \\\n  "))
            unset label 1

            """
        }
        return """
            set encoding utf8
            set terminal \(terminal)
            set output \(Gnuplot.quoted(output))
            \(data)set multiplot
            set label 1 \(Gnuplot.quoted(title)) at screen 0.5, 0.965 center font ',13'
            set border 3 linecolor rgb '#444444' linewidth 0.75
            set grid linetype 1 linecolor rgb '#e5e5e5' linewidth 0.5
            set tics nomirror font ',9'
            set lmargin 9
            set bmargin 5
            \(panel(0, """
                set title 'Lemma 1: gap against half the trace' font ',11'
                set xlabel '½ Tr(∇²L AV)' font ',10'
                set ylabel 'E[L(D) − L(S)]' font ',10'
                set xtics \(Gnuplot.compressedTicks(values))
                set ytics \(Gnuplot.compressedTicks(values))
                """, sides + ["x with lines linecolor rgb '#888888' dashtype 2 notitle"]))\(panel(1, """
                set title 'Lemma 2: bound ÷ trace, quartiles' font ',11'
                set xlabel ''
                set ylabel '' font ',10'
                \(bounds.isEmpty ? "" : "set logscale y")
                set format y '10^%T'
                set xrange [-0.6:\(Double(parts.count) - 0.4)]
                set xtics (\(names.joined(separator: ", "))) rotate by 20 right
                set ytics autofreq
                """, bounds + (bounds.isEmpty ? [] : ["1 with lines linecolor rgb '#888888' dashtype 2 notitle"])))\(panel(2, """
                set title 'Proposition 1: error with K batches' font ',11'
                unset logscale y
                set format y '%g'
                set xlabel 'K' font ',10'
                set xrange [-0.3:\(Double(Theory.batches.count) - 0.7)]
                set xtics (\(ticks.joined(separator: ", "))) norotate
                set ytics autofreq
                """, errors))reset
            set origin 0, 0
            set size 1, 0.13
            unset border
            unset tics
            set key center center horizontal samplen 1.5 font ',10' maxrows 2
            set xrange [0:1]
            set yrange [0:1]
            set margins 0, 0, 0, 0
            plot 2 notitle, \((keys + shapes).joined(separator: ", \\\n  "))
            unset multiplot

            """
    }
}
