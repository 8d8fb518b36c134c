// Gnuplot.swift · Coordinator/Reporting, after the figures. Their scripts → SVG, PDF and PNG.

internal import Glibc
internal import Vocabulary
internal import Wire

/// A figure as a script for gnuplot. The script depends on no setting of the user's own gnuplot.
protocol Drawing {
    /// Width and height in pixels of the SVG; a figure of 720 fills the width of a page.
    var size: (width: Int, height: Int) { get }
    /// - Parameters:
    ///   - terminal: gnuplot's name of a format, with its options.
    ///   - output: the path of the file.
    func script(terminal: String, output: String) -> String
}

enum Gnuplot {
    /// Text in the last bytes of a file that is whole, by ending.
    private static let ends = ["svg": "</svg>", "pdf": "%%EOF", "png": "IEND"]

    /// The formats of every figure, by the ending of the file. All have the same layout.
    static func formats(_ size: (width: Int, height: Int)) -> [(ending: String, terminal: String)] {
        let (width, height) = (Double(size.width) / 100, Double(size.height) / 100)
        return [
            ("svg", "svg noenhanced size \(size.width),\(size.height) dynamic font 'DejaVu Sans,12' background rgb 'white'"),
            ("pdf", "pdfcairo noenhanced size \(width)in,\(height)in font 'DejaVu Sans,12' background rgb 'white'"),
            (
                "png",
                "pngcairo noenhanced size \(2 * size.width),\(2 * size.height) font 'DejaVu Sans,12' fontscale 1.5 linewidth 2 "
                    + "pointscale 2.5 background rgb 'white'"
            ),
        ]
    }

    static let endings = formats((0, 0)).map(\.ending)

    /// The palette of Okabe and Ito, whose colours colour-blind readers can tell apart.
    static let colours = ["#000000", "#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442"]

    /// Writes a text as a string of gnuplot. In double quotes gnuplot runs what stands between backquotes, and in single quotes it takes two
    /// quotes in a row for one, so every character that has a meaning to it is written by its number.
    static func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { character in
            switch character {
            case "\"": "\\042"
            case "\\": "\\134"
            case "`": "\\140"
            case "@": "\\100"
            default: character.properties.generalCategory == .control ? " " : String(character)
            }
        }
        return "\"\(escaped.joined())\""
    }

    /// Writes rows as a block that plots refer to by name; an empty text for no rows. An empty row ends a stretch of a line.
    static func block(_ name: String, _ rows: [String]) -> String {
        rows.isEmpty ? "" : "$\(name) << EOD\n" + rows.joined(separator: "\n") + "\nEOD\n"
    }

    // MARK: Axes for numbers of either sign and any size

    /// Maps a number to its position on an axis that is linear around 0 and logarithmic beyond 1.
    static func compressed(_ value: Double) -> Double { asinh(value) }

    /// Ticks at 0 and at the powers of ten that lie between the least and the largest of some numbers.
    static func compressedTicks(_ values: [Double]) -> String {
        let finite = values.filter(\.isFinite)
        let (low, high) = (min(finite.min() ?? 0, 0), max(finite.max() ?? 1, 1))
        var ticks = [0.0], power = 1.0
        while power <= max(high, -low), power < 1e15 {
            if power <= high { ticks.append(power) }
            if power <= -low { ticks.append(-power) }
            power *= 10
        }
        return "(" + ticks.map { "\(quoted(NumberText.shortest($0))) \(compressed($0))" }.joined(separator: ", ") + ")"
    }

    /// Draws a figure in every format.
    /// - Throws: `noFigure` where gnuplot is missing or refuses.
    static func draw(_ drawing: any Drawing, as name: String, in directory: String) throws(ReportError) {
        // gnuplot writes the unfinished files.
        let script = OutputFile.temporary("\(directory)/figure.gnuplot"), lock = WritingLock(directory)
        defer { extendLifetime(lock) }
        defer { OutputFile.remove(script) }
        for (ending, terminal) in formats(drawing.size) {
            do {
                let path = try OutputTarget.regularFile("\(directory)/\(name).\(ending)"), part = OutputFile.temporary(path)
                // Does nothing where the file has its name by then.
                defer { OutputFile.remove(part) }
                try OutputFile.write(Array(drawing.script(terminal: terminal, output: part).utf8), toRegular: script)
                // -d: without the settings of this user and this host. The script is UTF-8, which gnuplot takes from the locale, and
                // cron has none.
                let status = try Subprocess.run("gnuplot", ["-d", script], variables: ["LC_ALL": "C.UTF-8"])
                guard status == .exited(0) else { throw ReportError.noFigure(reason: "gnuplot ended with \(status)") }
                // gnuplot says nothing of a disk that was full.
                let bytes = try FileBytes.read(part)
                guard String(decoding: bytes.suffix(16), as: UTF8.self).contains(ends[ending]!) else {
                    throw ReportError.noFigure(reason: "\(path) came out cut off after \(bytes.count) bytes")
                }
                try OutputFile.publish(part, as: path)
            } catch let error as SubprocessError {
                let advice = if case .notFound = error { " (apt-get install gnuplot-nox)" } else { "" }
                throw .noFigure(reason: "\(error)\(advice)")
            } catch let error as ReportError { throw error } catch { throw .noFigure(reason: "\(error)") }
        }
    }
}
