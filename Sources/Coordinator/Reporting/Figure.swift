// Figure.swift · Coordinator/Reporting. Summary → a gnuplot script → SVG, PDF and PNG. The script is text made by a pure function.

internal import Wire

enum Figure {
    /// Okabe and Ito's palette, which colour-blind readers can tell apart.
    private static let colours = ["#000000", "#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442"]
    /// Above this a ratio is only told to be off the scale: one setting near the cliff must not flatten all others.
    static let highest = 1.3

    /// One line with a shaded band (± standard deviation across initializations) for each curve, in the form of the paper's Figure 4.
    /// - Parameter output: the path without its ending.
    static func script(_ summary: Summary, _ spec: SweepSpec, terminal: String, output: String) -> String {
        let rows = Dictionary(summary.settings.map { ($0.setting, $0) }) { first, _ in first }
        var data = "", plots: [String] = [], lines: [String] = []
        var clipped = 0, lowest = 0.9
        for (number, curve) in spec.curves.enumerated() {
            data += "$curve\(number) << EOD\n"
            for point in curve.points {
                // An empty line ends a stretch of the curve: a setting in which a run diverged has no point.
                guard let ratio = rows[point.setting]?.ratio else {
                    data += "\n"
                    continue
                }
                if ratio.mean > highest { clipped += 1 }
                let band = ratio.deviation ?? 0
                lowest = min(lowest, ratio.mean - band)
                data += "\(point.strength) \(ratio.mean) \(max(0, ratio.mean - band)) \(ratio.mean + band)\n"
            }
            data += "EOD\n"
            let colour = colours[number % colours.count]
            plots.append(
                "$curve\(number) using 1:3:4 with filledcurves fillcolor rgb '\(colour)' fillstyle transparent solid 0.14 noborder notitle")
            lines.append(
                "$curve\(number) using 1:2 with linespoints linecolor rgb '\(colour)' linewidth 2 pointtype \(number + 4) pointsize 0.7 title \(quoted(curve.label))"
            )
        }
        let bottom = (max(0, lowest) * 20).rounded(.down) / 20
        let note =
            clipped == 0
            ? ""
            : "set label \(quoted("\(clipped) point\(clipped == 1 ? "" : "s") above \(Tables.number(highest)) not shown")) at graph 0.985, graph 0.96 right font ',10' textcolor rgb '#555555'\n"
        return """
            set encoding utf8
            set terminal \(terminal)
            set output \(quoted(output))
            set title \(quoted(spec.figure.title)) font ',14'
            set xlabel \(quoted(spec.figure.xLabel))
            set ylabel \(quoted(spec.figure.yLabel))
            set logscale x
            set format x '10^{%L}'
            set mxtics 10
            set yrange [\(bottom):\(highest)]
            set ytics nomirror
            set xtics nomirror
            set border 3 linecolor rgb '#444444'
            set grid ytics linecolor rgb '#dddddd'
            set key bottom left reverse Left samplen 3 spacing 1.15
            \(note)\(data)
            plot 1 with lines linecolor rgb '#888888' dashtype 2 notitle, \\
              \((plots + lines).joined(separator: ", \\\n  "))

            """
    }

    /// The three files and what gnuplot is told for each.
    static let formats = [
        ("svg", "svg size 900,620 dynamic font 'DejaVu Sans,12' background rgb 'white'"),
        ("pdf", "pdfcairo size 9in,6.2in font 'DejaVu Sans,12'"),
        ("png", "pngcairo size 1350,930 font 'DejaVu Sans,18' background rgb 'white'"),
    ]

    /// Double quotes with everything escaped that gnuplot would read as more than a character.
    private static func quoted(_ text: String) -> String {
        var out = "\""
        for character in text {
            switch character {
            case "\\", "\"": out += "\\\(character)"
            case "_", "^", "@", "&", "~", "{", "}": out += "\\\\\(character)"
            case "\n": out += " "
            default: out.append(character)
            }
        }
        return out + "\""
    }
}
