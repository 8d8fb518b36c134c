// TrajectoriesFigure.swift · Coordinator/Reporting, between Trajectories and Gnuplot. In the form of the paper's Figure 3: for each initialization the
// gap and the variability's trace over iterations, a line for each setting.

internal import Vocabulary

struct TrajectoriesFigure: Drawing {
    private let spec: SweepSpec
    private let curves: [Int: [Int: Trajectories.Curve]]

    init(_ spec: SweepSpec, _ curves: [Int: [Int: Trajectories.Curve]]) {
        self.spec = spec
        self.curves = curves
    }

    private var rows: [Int] { spec.figure.initializations }
    var size: (width: Int, height: Int) { (900, 100 + 270 * rows.count) }

    /// Where initialization i starts, on the grid of the landscape.
    private func place(_ initialization: Int) -> String {
        guard let side = spec.integer("initializations_per_side"), side > 1 else { return "" }
        let (column, row) = initialization.quotientAndRemainder(dividingBy: side)
        func position(_ index: Int) -> String { NumberText.fixed(LandscapePlaces.side * Double(index) / Double(side - 1), decimals: 2) }
        return " (\(position(column)), \(position(row)))"
    }

    func script(terminal: String, output: String) -> String {
        var data = "", panels = ""
        let (top, bottom) = (1 - 40 / Double(size.height), 46 / Double(size.height))
        let height = (top - bottom) / Double(max(1, rows.count))
        for (line, initialization) in rows.enumerated() {
            let own = (curves[initialization] ?? [:]).sorted { $0.key < $1.key }
            for (row, curve) in own {
                // What is not defined ends a stretch.
                let points = zip(curve.gap, curve.trace).enumerated()
                data += Gnuplot.block(
                    "curve\(initialization)_\(row)", points.map { "\($0) \($1.0) \($1.1.isFinite ? "\(Gnuplot.compressed($1.1))" : "NaN")" }
                )
            }
            for (column, name) in ["generalization gap", "variability trace"].enumerated() {
                let plots = own.map { row, _ in
                    "$curve\(initialization)_\(row) using 1:\(column + 2) with lines linewidth 1.5 "
                        + "linecolor rgb '\(Gnuplot.colours[row % Gnuplot.colours.count])' notitle"
                }
                panels += """
                    set origin \(0.5 * Double(column)), \(top - Double(line + 1) * height)
                    set size 0.5, \(height)
                    set title \(Gnuplot.quoted("Initialization \(initialization)\(place(initialization))")) font ',11' offset 0, -0.5
                    set ylabel \(Gnuplot.quoted(name)) font ',10'
                    set ytics \(column == 0 ? "autofreq" : Gnuplot.compressedTicks(own.flatMap(\.value.trace))) nomirror font ',9'
                    plot \(plots.isEmpty ? "[0:1] [0:1] 2 notitle" : plots.joined(separator: ", \\\n  "))
                    unset label 1

                    """
            }
        }
        let keys = spec.rows.enumerated().map { row, setting in
            let colour = Gnuplot.colours[row % Gnuplot.colours.count]
            return "keyentry with lines linewidth 2 linecolor rgb '\(colour)' title \(Gnuplot.quoted(setting.label))"
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
            \(panels)reset
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
