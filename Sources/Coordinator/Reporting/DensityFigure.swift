// DensityFigure.swift · Coordinator/Reporting, between Density and Gnuplot. Heat maps in the arrangement of the paper's Figure 2: a density
// for each setting with a few of its paths, then what the landscape of one training set looks like, with the first of these paths of each.

internal import Vocabulary

struct DensityFigure: Drawing {
    /// Panels in a row.
    private static let columns = 4

    private struct Panel {
        var title: String
        /// Rows of a matrix for gnuplot: the first is y = 0.
        var rows: [String]
        /// Rows and columns of the matrix.
        var points: Int
        /// Paths over the matrix, by the number of their block, each with its colour.
        var paths: [(number: Int, colour: String)]
        var isLogarithmic: Bool
    }

    private let title: String
    /// Labels of the settings, in the colours of their paths over the maps.
    private let labels: [String]
    private let panels: [Panel]
    /// All paths that are drawn. A path's index here is the number of its block.
    private let paths: [[(x: Double, y: Double)]]

    init(_ spec: SweepSpec, _ density: Density) {
        title = spec.figure.title
        labels = spec.rows.map(\.label)
        var panels: [Panel] = [], paths: [[(x: Double, y: Double)]] = [], firsts: [(number: Int, colour: String)] = []
        for (row, setting) in spec.rows.enumerated() {
            let own = paths.count..<paths.count + density.paths[row].count
            paths += density.paths[row]
            if let first = own.first { firsts.append((first, Self.colour(row))) }
            let visits = density.visits[row], percent = 100 / Double(max(1, visits.reduce(0, +)))
            // Half a visit is where the logarithmic scale begins.
            let rows = (0..<Density.bins).map { y in
                (0..<Density.bins).map { "\(max(0.5, Double(visits[$0 * Density.bins + y])) * percent)" }.joined(separator: " ")
            }
            panels.append(
                Panel(
                    title: "\(setting.label): time, %", rows: rows, points: Density.bins,
                    paths: own.map { ($0, "#60ffffff") }, isLogarithmic: true))
        }
        let side = spec.integer("initializations_per_side") ?? 1, own = LandscapeDomain.mapPoints
        for (name, title) in Density.mapTitles {
            let cells = density.maps[name] ?? [:]
            // gnuplot complains of holes: what is not there is as dark as the least that is, and the title says so.
            let least = cells.values.flatMap { $0 }.min() ?? 0
            let rows = (0..<side * own).map { y in
                (0..<side * own).map { x in "\(cells[x / own * side + y / own]?[x % own * own + y % own] ?? least)" }.joined(separator: " ")
            }
            panels.append(
                Panel(
                    title: title + (cells.count < side * side ? ", in part" : ""), rows: rows, points: side * own, paths: firsts,
                    isLogarithmic: false))
        }
        self.panels = panels
        self.paths = paths
    }

    private var lines: Int { (panels.count + Self.columns - 1) / Self.columns }
    var size: (width: Int, height: Int) { (1200, 66 + 265 * lines) }

    func script(terminal: String, output: String) -> String {
        let data = panels.enumerated().map { Gnuplot.block("panel\($0)", $1.rows) }.joined()
        let lines = paths.enumerated().map { number, path in
            Gnuplot.block("path\(number)", path.map { "\($0.x) \($0.y)" })
        }.joined()
        let top = 1 - 56 / Double(size.height)
        return """
            set encoding utf8
            set terminal \(terminal)
            set output \(Gnuplot.quoted(output))
            \(data)\(lines)set multiplot
            set label 1 \(Gnuplot.quoted(title)) at screen 0.5, \(1 - 18 / Double(size.height)) center font ',13'
            \(key)set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', 1 '#fde725')
            set size ratio 1
            set xrange [0:\(LandscapeDomain.side)]
            set yrange [0:\(LandscapeDomain.side)]
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

    /// The colour of a setting's path over the maps, which have dark and bright areas.
    private static func colour(_ row: Int) -> String {
        let colours = ["#ffffff", "#ff7f0e", "#e377c2", "#17becf", "#d62728", "#c7c7c7"]
        return colours[row % colours.count]
    }

    /// The line below the title: which setting has which colour.
    private var key: String {
        let words = ["○ start, ● end; over the maps, one path each:"] + labels
        let width = words.map { Double($0.count) + 3 }.reduce(0, +)
        var x = 0.5 - width / 2 * 6.2 / Double(size.width), text = ""
        for (index, word) in words.enumerated() {
            if index > 0 {
                text += """
                    set object \(10 + index) rectangle from screen \(x), \(1 - 44 / Double(size.height)) to screen \(x + 0.01), \(1 - 34 / Double(size.height)) \
                        fillcolor rgb '\(Self.colour(index - 1))' fillstyle solid border linecolor rgb '#444444' front

                    """
            }
            let shift = index > 0 ? 0.013 : 0
            text +=
                "set label \(10 + index) \(Gnuplot.quoted(word)) at screen \(x + shift), \(1 - 39 / Double(size.height)) left font ',9'\n"
            x += (Double(word.count) + 3) * 6.2 / Double(size.width) + shift
        }
        return text
    }

    private func panel(_ number: Int, top: Double) -> String {
        let panel = panels[number], scale = LandscapeDomain.side / Double(panel.points)
        let (row, column) = number.quotientAndRemainder(dividingBy: Self.columns)
        let (width, height) = (0.96 / Double(Self.columns), top / Double(lines))
        var plots = ["$panel\(number) matrix using (($1+0.5)*\(scale)):(($2+0.5)*\(scale)):3 with image notitle"]
        for (path, colour) in panel.paths {
            plots.append("$path\(path) using 1:2 with lines linecolor rgb '\(colour)' linewidth 0.5 notitle")
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
            unset label
            unset object

            """
    }

    private static func letter(_ number: Int) -> Character { Character(Unicode.Scalar(UInt8(ascii: "a") + UInt8(number % 26))) }
}
