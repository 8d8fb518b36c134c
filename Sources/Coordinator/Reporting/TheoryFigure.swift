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

    /// A part has a colour, a row of its sweep file a shape.
    private static func style(_ part: Int, _ row: Int) -> String {
        "linecolor rgb '\(Gnuplot.colours[part % Gnuplot.colours.count])' pointtype \(shape(row))"
    }

    private static func shape(_ row: Int) -> Int { 5 + 2 * (row % 5) }

    // MARK: Data and plots

    /// Blocks of rows for gnuplot, and for each panel the plots that name them. Numbers that are not finite are not drawn.
    private struct Marks {
        var data = ""
        var lemma1: [String] = [], lemma2: [String] = [], proposition1: [String] = []
        /// All numbers on the axes of Lemma 1, for their ticks.
        var sides: [Double] = []

        /// Both sides of Lemma 1, each with its interval.
        mutating func addSides(_ row: Theory.Row, _ block: String, _ style: String) {
            let ends = [row.halfTrace, row.gap].compactMap(\.self).flatMap {
                [$0.mean, $0.mean - ($0.half ?? 0), $0.mean + ($0.half ?? 0)]
            }
            guard ends.count == 6, ends.allSatisfy(\.isFinite) else { return }
            sides += ends
            data += Gnuplot.block("side\(block)", [ends.map { "\(Gnuplot.compressed($0))" }.joined(separator: " ")])
            lemma1.append("$side\(block) using 1:4:2:3:5:6 with xyerrorbars \(style) pointsize 0.9 linewidth 1.2 notitle")
        }

        /// Median and quartiles of the bound of Lemma 2 over the trace.
        mutating func addBound(_ row: Theory.Row, x: Double, _ block: String, _ style: String) {
            let quartiles = row.looseness
            guard quartiles.count == 3, quartiles.allSatisfy(\.isFinite) else { return }
            data += Gnuplot.block("bound\(block)", ["\(x) \(quartiles[1]) \(quartiles[0]) \(quartiles[2])"])
            lemma2.append("$bound\(block) using 1:2:3:4 with yerrorbars \(style) pointsize 0.9 linewidth 1.2 notitle")
        }

        /// The error of Proposition 1 for each K, with its interval.
        mutating func addErrors(_ row: Theory.Row, _ block: String, _ style: String) {
            guard row.errors.count == Theory.batches.count, row.errors.allSatisfy({ ($0.mean + ($0.half ?? 0)).isFinite }) else { return }
            data += Gnuplot.block("error\(block)", row.errors.enumerated().map { "\($0) \($1.mean) \($1.half ?? 0)" })
            proposition1.append("$error\(block) using 1:2:3 with yerrorlines \(style) pointsize 0.7 linewidth 1.2 notitle")
        }
    }

    private var marks: Marks {
        var marks = Marks()
        for (part, (_, rows)) in parts.enumerated() {
            for (index, row) in rows.enumerated() {
                let block = "\(part)_\(index)", style = Self.style(part, index)
                // The rows of a part stand side by side around the part's position on the x axis.
                let shift = rows.count < 2 ? 0 : 0.5 * (Double(index) / Double(rows.count - 1) - 0.5)
                marks.addSides(row, block, style)
                marks.addBound(row, x: Double(part) + shift, block, style)
                marks.addErrors(row, block, style)
            }
        }
        return marks
    }

    // MARK: The script

    func script(terminal: String, output: String) -> String {
        let marks = marks
        return """
            set encoding utf8
            set terminal \(terminal)
            set output \(Gnuplot.quoted(output))
            \(marks.data)set multiplot
            set label 1 \(Gnuplot.quoted(title)) at screen 0.5, 0.965 center font ',13'
            set border 3 linecolor rgb '#444444' linewidth 0.75
            set grid linetype 1 linecolor rgb '#e5e5e5' linewidth 0.5
            set tics nomirror font ',9'
            set lmargin 9
            set bmargin 5
            \(lemma1(marks))\(lemma2(marks))\(proposition1(marks))reset
            set origin 0, 0
            set size 1, 0.13
            unset border
            unset tics
            set key center center horizontal samplen 1.5 font ',10' maxrows 2
            set xrange [0:1]
            set yrange [0:1]
            set margins 0, 0, 0, 0
            plot 2 notitle, \(keys.joined(separator: ", \\\n  "))
            unset multiplot

            """
    }

    /// - Parameter plots: without any, the panel is empty: 2 is beyond its axes.
    private func panel(_ number: Int, _ settings: String, _ plots: [String]) -> String {
        """
        set origin \(Double(number) / 3), 0.14
        set size 0.333, 0.79
        \(settings)
        plot \(plots.isEmpty ? "[0:1] [0:1] 2 notitle" : plots.joined(separator: ", \\\n  "))
        unset label 1

        """
    }

    private func lemma1(_ marks: Marks) -> String {
        panel(
            0,
            """
            set title 'Lemma 1: gap against half the trace' font ',11'
            set xlabel '½ Tr(∇²L AV)' font ',10'
            set ylabel 'E[L(D) − L(S)]' font ',10'
            set xtics \(Gnuplot.compressedTicks(marks.sides))
            set ytics \(Gnuplot.compressedTicks(marks.sides))
            """, marks.lemma1 + ["x with lines linecolor rgb '#888888' dashtype 2 notitle"])
    }

    private func lemma2(_ marks: Marks) -> String {
        let names = parts.enumerated().map { "\(Gnuplot.quoted($1.name)) \($0)" }
        return panel(
            1,
            """
            set title 'Lemma 2: bound ÷ trace, quartiles' font ',11'
            set xlabel ''
            set ylabel '' font ',10'
            \(marks.lemma2.isEmpty ? "" : "set logscale y")
            set format y '10^%T'
            set xrange [-0.6:\(Double(parts.count) - 0.4)]
            set xtics (\(names.joined(separator: ", "))) rotate by 20 right
            set ytics autofreq
            """, marks.lemma2 + (marks.lemma2.isEmpty ? [] : ["1 with lines linecolor rgb '#888888' dashtype 2 notitle"]))
    }

    private func proposition1(_ marks: Marks) -> String {
        let ticks = Theory.batches.enumerated().map { "\(Gnuplot.quoted($1.map(String.init) ?? "∞")) \($0)" }
        return panel(
            2,
            """
            set title 'Proposition 1: error with K batches' font ',11'
            unset logscale y
            set format y '%g'
            set xlabel 'K' font ',10'
            set xrange [-0.3:\(Double(Theory.batches.count) - 0.7)]
            set xtics (\(ticks.joined(separator: ", "))) norotate
            set ytics autofreq
            """, marks.proposition1)
    }

    /// The colours of the parts, then the shapes of the part with most rows.
    private var keys: [String] {
        let rows = parts.map(\.rows).max { $0.count < $1.count } ?? []
        return parts.enumerated().map { "keyentry with points \(Self.style($0, 0)) title \(Gnuplot.quoted($1.name))" }
            + rows.enumerated().map { row, found in
                "keyentry with points linecolor rgb '#666666' pointtype \(Self.shape(row)) title \(Gnuplot.quoted(found.label))"
            }
    }
}
