// TrajectoriesFigure.swift · Coordinator/Reporting, between Trajectories and Gnuplot. In the form of the paper's Figure 3: for each initialization the
// gap and the variability's trace over iterations, a line for each setting.

internal import Vocabulary

struct TrajectoriesFigure: Drawing {
    private let spec: SweepSpec
    /// Lines by initialization, then row of the sweep file.
    private let curves: [Int: [Int: Trajectories.Curve]]

    init(_ spec: SweepSpec, _ curves: [Int: [Int: Trajectories.Curve]]) {
        self.spec = spec
        self.curves = curves
    }

    var size: (width: Int, height: Int) { (900, 100 + 270 * spec.figure.initializations.count) }

    /// Ends of the panels, as shares of the height.
    private var top: Double { 1 - 40 / Double(size.height) }
    private var bottom: Double { 46 / Double(size.height) }

    private func lines(of initialization: Int) -> [(row: Int, curve: Trajectories.Curve)] {
        (curves[initialization] ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private static func colour(_ row: Int) -> String { Gnuplot.colours[row % Gnuplot.colours.count] }

    /// The coordinates at which an initialization starts, on the grid of the landscape.
    private func position(of initialization: Int) -> String {
        guard let side = spec.integer("initializations_per_side"), side > 1 else { return "" }
        let (column, row) = initialization.quotientAndRemainder(dividingBy: side)
        func position(_ index: Int) -> String {
            NumberText.fixed(LandscapeDomain.side * Double(index) / Double(side - 1), decimals: 2)
        }
        return " (\(position(column)), \(position(row)))"
    }

    /// Blocks of rows that the plots name: iteration, gap, trace. A trace that is no number ends a stretch of its line.
    private var data: String {
        spec.figure.initializations.flatMap { initialization in
            lines(of: initialization).map { row, curve in
                let points = zip(curve.gap, curve.trace).enumerated()
                return Gnuplot.block(
                    "curve\(initialization)_\(row)",
                    points.map { "\($0) \($1.0) \($1.1.isFinite ? "\(Gnuplot.compressed($1.1))" : "NaN")" })
            }
        }.joined()
    }

    /// The panel of an initialization in one of the two columns.
    private func panel(line: Int, _ initialization: Int, column: Int, _ name: String) -> String {
        let height = (top - bottom) / Double(max(1, spec.figure.initializations.count)), lines = lines(of: initialization)
        let plots = lines.map { row, _ in
            "$curve\(initialization)_\(row) using 1:\(column + 2) with lines linewidth 1.5 linecolor rgb '\(Self.colour(row))' notitle"
        }
        return """
            set origin \(0.5 * Double(column)), \(top - Double(line + 1) * height)
            set size 0.5, \(height)
            set title \(Gnuplot.quoted("Initialization \(initialization)\(position(of: initialization))")) font ',11' offset 0, -0.5
            set ylabel \(Gnuplot.quoted(name)) font ',10'
            set ytics \(column == 0 ? "autofreq" : Gnuplot.compressedTicks(lines.flatMap(\.curve.trace))) nomirror font ',9'
            plot \(plots.isEmpty ? "[0:1] [0:1] 2 notitle" : plots.joined(separator: ", \\\n  "))
            unset label 1

            """
    }

    func script(terminal: String, output: String) -> String {
        let panels = spec.figure.initializations.enumerated().flatMap { line, initialization in
            ["generalization gap", "variability trace"].enumerated().map { panel(line: line, initialization, column: $0, $1) }
        }
        let keys = spec.rows.enumerated().map { row, setting in
            "keyentry with lines linewidth 2 linecolor rgb '\(Self.colour(row))' title \(Gnuplot.quoted(setting.label))"
        }
        return """
            set encoding utf8
            set terminal \(terminal)
            set output \(Gnuplot.quoted(output))
            \(data)set multiplot
            set label 1 \(Gnuplot.quoted(spec.figure.title)) at screen 0.5, \(1 - 18 / Double(size.height)) center font ',13'
            set border 3 linecolor rgb '#444444' linewidth 0.75
            set grid ytics linetype 1 linecolor rgb '#e5e5e5' linewidth 0.5
            set xtics nomirror font ',9'
            set xlabel 'iteration' font ',10' offset 0, 0.5
            set lmargin 10
            \(panels.joined())reset
            set origin 0, 0
            set size 1, \(bottom)
            unset border
            unset tics
            set key center center horizontal samplen 2.5 width 3 font ',11'
            set xrange [0:1]
            set yrange [0:1]
            set margins 0, 0, 0, 0
            plot 2 notitle, \(keys.joined(separator: ", \\\n  "))
            unset multiplot

            """
    }
}
