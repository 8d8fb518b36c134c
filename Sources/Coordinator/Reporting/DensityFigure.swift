// DensityFigure.swift · Coordinator/Reporting, between Density and Gnuplot. Heat maps in the arrangement of the paper's Figure 2: a density
// for each setting, then what the landscape of one training set looks like, with the same few paths over all of them.

internal import Wire

struct DensityFigure: Drawing {
    /// Panels in a row.
    private static let columns = 4

    private struct Panel {
        var title: String
        /// Rows of a matrix for gnuplot: the first is y = 0.
        var rows: [String]
        var points: Int
        /// Paths over it, by the number of their block.
        var paths: [Int]
        var isLogarithmic: Bool
    }

    private let title: String
    private let panels: [Panel]
    /// Every path once.
    private let paths: [[(x: Double, y: Double)]]

    init(_ spec: SweepSpec, _ density: Density) {
        title = spec.figure.title
        var panels: [Panel] = [], paths: [[(x: Double, y: Double)]] = []
        for (row, setting) in spec.rows.enumerated() {
            let own = paths.count..<paths.count + density.paths[row].count
            paths += density.paths[row]
            let visits = density.visits[row], percent = 100 / Double(max(1, visits.reduce(0, +)))
            // Half a visit is where the logarithmic scale begins.
            let rows = (0..<Density.bins).map { y in
                (0..<Density.bins).map { "\(max(0.5, Double(visits[$0 * Density.bins + y])) * percent)" }.joined(separator: " ")
            }
            panels.append(
                Panel(title: "\(setting.label): time, %", rows: rows, points: Density.bins, paths: Array(own), isLogarithmic: true))
        }
        let side = Int(Self.integer(spec.parameters["initializations_per_side"]) ?? 1)
        for (name, title) in [
            ("map_population_loss", "Population loss"), ("map_training_loss", "Training loss"),
            ("map_gradient_norm", "Norm of the gradient"), ("map_covariance_trace", "Trace of the gradient's covariance"),
        ] {
            let cells = density.maps[name] ?? [:]
            let own = Int(Double(cells.values.first?.count ?? 1).squareRoot().rounded())
            // gnuplot complains of holes: what is not there is as dark as the least that is, and the title says so.
            let least = cells.values.flatMap { $0 }.min() ?? 0
            let rows = (0..<side * own).map { y in
                (0..<side * own).map { x in "\(cells[x / own * side + y / own]?[x % own * own + y % own] ?? least)" }.joined(separator: " ")
            }
            panels.append(
                Panel(
                    title: title + (cells.count < side * side ? ", in part" : ""), rows: rows, points: side * own,
                    paths: Array(paths.indices.prefix(0)), isLogarithmic: false))
        }
        self.panels = panels
        self.paths = paths
    }

    private static func integer(_ value: ParameterValue?) -> Int? {
        guard case .integer(let value) = value else { return nil }
        return value
    }

    private var lines: Int { (panels.count + Self.columns - 1) / Self.columns }
    var size: (width: Int, height: Int) { (1200, 50 + 265 * lines) }

    func script(terminal: String, output: String) -> String {
        let data = panels.enumerated().map { Gnuplot.block("panel\($0)", $1.rows) }.joined()
        let lines = paths.enumerated().map { number, path in
            Gnuplot.block("path\(number)", path.map { "\($0.x) \($0.y)" })
        }.joined()
        let top = 1 - 40 / Double(size.height)
        return """
            set encoding utf8
            set terminal \(terminal)
            set output \(Gnuplot.quoted(output))
            \(data)\(lines)set multiplot
            set label 1 \(Gnuplot.quoted(title)) at screen 0.5, \(1 - 18 / Double(size.height)) center font ',13'
            set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', 1 '#fde725')
            set size ratio 1
            set xrange [0:\(LandscapePlaces.side)]
            set yrange [0:\(LandscapePlaces.side)]
            set xtics 0, 2 nomirror out scale 0.5 font ',9'
            set ytics 0, 2 nomirror out scale 0.5 font ',9'
            set cbtics font ',8'
            set colorbox
            set border linecolor rgb '#444444' linewidth 0.5
            set lmargin 4
            set rmargin 7
            set tmargin 2
            set bmargin 1.5
            \(panels.indices.map { panel($0, top: top) }.joined())unset multiplot

            """
    }

    private func panel(_ number: Int, top: Double) -> String {
        let panel = panels[number], scale = LandscapePlaces.side / Double(panel.points)
        let (row, column) = number.quotientAndRemainder(dividingBy: Self.columns)
        let (width, height) = (0.96 / Double(Self.columns), top / Double(lines))
        var plots = ["$panel\(number) matrix using (($1+0.5)*\(scale)):(($2+0.5)*\(scale)):3 with image notitle"]
        for path in panel.paths {
            plots.append("$path\(path) using 1:2 with lines linecolor rgb '#60ffffff' linewidth 0.5 notitle")
            plots.append(
                "$path\(path) every ::0::0 using 1:2 with points pointtype 6 pointsize 0.6 linewidth 1 linecolor rgb '#ffffff' notitle")
            let last = paths[path].count - 1
            plots.append(
                "$path\(path) every ::\(last)::\(last) using 1:2 with points pointtype 7 pointsize 0.5 linecolor rgb '#d62728' notitle")
        }
        return """
            \(panel.isLogarithmic ? "set logscale cb" : "unset logscale cb")
            set origin \(0.015 + Double(column) * width), \(top - Double(row + 1) * height)
            set size \(width), \(height)
            set title \(Gnuplot.quoted("(\(Self.letter(number))) \(panel.title)")) font ',10' offset 0, -0.5
            plot \(plots.joined(separator: ", \\\n  "))
            unset label 1

            """
    }

    private static func letter(_ number: Int) -> Character { Character(Unicode.Scalar(UInt8(ascii: "a") + UInt8(number % 26))) }
}
