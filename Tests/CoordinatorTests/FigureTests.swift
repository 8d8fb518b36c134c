// FigureTests.swift · Tests/CoordinatorTests. What a figure shows of a summary, and that gnuplot draws any of it without a word.

import FoundationEssentials
import Testing
import Vocabulary
import Wire

@testable import regsweep

/// A figure of the small sweep's settings after baseline: (ratio, deviation) in order, nil for a run that diverged.
private func figure(_ spec: SweepSpec, _ ratios: [(Double, Double?)?]) -> CurvesFigure {
    var summary = Summary(Grid(spec)) { _ in nil }
    for (index, ratio) in ratios.enumerated() {
        summary.settings[index + 1].ratio = ratio.map { SettingSummary.Spread(mean: $0.0, deviation: $0.1) }
        summary.settings[index + 1].diverged = ratio == nil ? 1 : 0
    }
    return CurvesFigure(summary, spec)
}

@Suite("Figure: what it shows") struct FigureTests {
    /// Four strengths on two curves.
    private func spec() throws -> SweepSpec { try SweepSpec.small("[0.1, 0.01]", "[0.001, 0.01, 0.1, 1]") }

    private func small(_ ratios: [(Double, Double?)?]) throws -> CurvesFigure { figure(try SweepSpec.small(), ratios) }

    private let ratios: [(Double, Double?)?] = [
        (0.9, 0.01), nil, (0.8, 0.02), (0.7, 0.3), (1.1, 0.05), (1.2, 0.06), (1.31, 0.01), nil,
    ]

    /// The lines of the script that begin so.
    private func lines(_ figure: CurvesFigure, _ start: String) -> [String] {
        figure.script(terminal: "dumb", output: "out").split(separator: "\n").map(String.init).filter { $0.hasPrefix(start) }
    }

    /// The rows of a block of data.
    private func block(_ figure: CurvesFigure, _ name: String) -> [String]? {
        let parts = figure.script(terminal: "dumb", output: "out").components(separatedBy: "$\(name) << EOD\n")
        guard parts.count == 2 else { return nil }
        return parts[1].components(separatedBy: "\nEOD\n")[0].components(separatedBy: "\n")
    }

    @Test("a setting that diverged ends a stretch of its curve and has a cross in the row of the curve") func diverged() throws {
        let figure = figure(try spec(), ratios)
        #expect(figure.lines[0].stretches.map { $0.map(\.x) } == [[0.001], [0.1, 1]])
        #expect(figure.lines.map(\.diverged) == [[0.01], [1]])
        #expect(block(figure, "line0") == ["0.001 0.9", "", "0.1 0.8", "1.0 0.7"])
        #expect(block(figure, "cross0")?.map { $0.prefix { $0 != " " } } == ["0.01"])
        #expect(block(figure, "cross1")?.map { $0.prefix { $0 != " " } } == ["1.0"])
    }

    @Test("a band wider than ±0.2 is not shaded; its point is open") func wide() throws {
        let figure = figure(try spec(), ratios)
        // The first curve has no two neighbours with bands.
        #expect(block(figure, "band0") == nil)
        // And the second one's ends where its upper edge leaves the scale, at two thirds of the way.
        #expect(
            block(figure, "band1") == [
                "0.001 1.05 1.1500000000000001", "0.01 1.14 1.26", "0.04641588833612779 1.2466666666666666 1.3", "0.1 1.3 1.3",
            ])
        #expect(block(figure, "full0") == ["0.001 0.9", "0.1 0.8"])
        #expect(block(figure, "open0") == ["1.0 0.7"])
        #expect(block(figure, "open1") == nil)
    }

    @Test("the axes hold what is drawn and the note tells what is not") func axes() throws {
        let figure = figure(try spec(), ratios)
        #expect(lines(figure, "set xrange") == ["set xrange [\(0.001 / 1.15):\(1 * 1.15)]"])
        #expect(lines(figure, "set ytics") == ["set ytics 0.7, 0.1, 1.3 nomirror"])
        let note =
            "Shaded: ± standard deviation across initializations; open symbols: more than ±0.2, not shaded; ×: a run diverged; 1 point above 1.3 not shown"
        #expect(lines(figure, "set label \"S").first?.hasPrefix("set label \"\(note)\" at screen") == true)
    }

    @Test("a point off the scale has no symbol, which would stand among the crosses") func offScale() throws {
        let figure = figure(try spec(), ratios)
        #expect(block(figure, "full1") == ["0.001 1.1", "0.01 1.2"])
        #expect(block(figure, "line1") == ["0.001 1.1", "0.01 1.2", "0.1 1.31"])
        // Nor is there a plot of symbols where all of a kind are off it.
        let wide = try small([(0.9, 0.1), (5, 1), (6, 0.01), (7, 1)])
        #expect(block(wide, "full0") == ["0.01 0.9"] && block(wide, "open0") == nil && block(wide, "full1") == nil)
        let script = wide.script(terminal: "dumb", output: "out")
        #expect(!script.contains("$open0") && !script.contains("$full1") && !script.contains("$open1") && script.contains("$line1 using"))
    }

    @Test("means that are no numbers, negative ones and huge ones are figures too") func extremes() throws {
        let infinite = try small([(.infinity, .nan), (.nan, nil), (0.9, .nan), (-0.5, 0.01)])
        #expect(infinite.lines.map { $0.points.map(\.y) } == [[], [0.9, -0.5]])
        #expect(lines(infinite, "set label").first?.contains("; 2 settings without result\"") == true)
        #expect(infinite.lines[1].points.map(\.band) == [0.9...0.9, -0.5...(-0.49)])
        let far = try small([(-1e299, 0.01), (1e299, 0.01), (0.9, 0.01), (1, 0.01)])
        #expect(lines(far, "set label").first?.contains("; 2 points beyond ±1.3 not shown\"") == true)
        #expect(lines(far, "set yrange") == ["set yrange [0.85:1.05]"])
    }

    @Test("a plain figure has close axes, no row of crosses and a short note") func plain() throws {
        let figure = figure(try SweepSpec.small(), [(0.99, 0.01), (0.97, 0.01), (0.95, 0.01), (0.93, 0.02)])
        #expect(lines(figure, "set yrange") == ["set yrange [0.9:1.05]"])
        #expect(lines(figure, "set format y") == ["set format y '%.2f'"])
        #expect(lines(figure, "set arrow") == [])
        #expect(lines(figure, "set label").count == 1)
    }

    @Test("a setting whose baseline diverged has a cross as well, one that failed is counted in the note") func missing() throws {
        var summary = Summary(Grid(try SweepSpec.small())) { _ in nil }
        #expect(
            lines(CurvesFigure(summary, try SweepSpec.small()), "set label").first?.hasPrefix("set label \"4 settings without result\"")
                == true)
        summary.settings[0].diverged = 1
        #expect(CurvesFigure(summary, try SweepSpec.small()).lines.map(\.diverged) == [[0.01, 0.1], [0.01, 0.1]])
    }

    @Test("text that means something to gnuplot is written by numbers") func quoting() throws {
        var spec = try SweepSpec.small()
        spec.figure.title = "\"a\" \\n `id` @x 'y' {z}_1^2 %s\nλ\u{7}"
        let script = figure(spec, []).script(terminal: "dumb", output: "it's_`x`")
        #expect(script.contains("set title \"\\042a\\042 \\134n \\140id\\140 \\100x 'y' {z}_1^2 %s λ \" font"))
        #expect(script.contains("set output \"it's_\\140x\\140\"\n"))
    }
}

private let gnuplot = ["/usr/bin/gnuplot", "/usr/local/bin/gnuplot"].first(where: FileManager.default.isExecutableFile)

@Suite("Figure: with gnuplot", .enabled(if: gnuplot != nil, "gnuplot is not installed")) struct FigureDrawingTests {
    /// Draws in every format and returns what gnuplot said and the SVG.
    private func draw(_ figure: CurvesFigure, in directory: StoreDirectory) throws -> (said: String, svg: String) {
        let (script, log) = (directory.path + "/script", directory.path + "/log")
        for (ending, terminal) in Gnuplot.formats(figure.size) {
            let output = "\(directory.path)/it's `a`_b@c\"\\.\(ending)"
            try directory.write(Array(figure.script(terminal: terminal, output: output).utf8), to: "script")
            #expect(try Subprocess.run(gnuplot!, ["-d", script], outputTo: log) == .exited(0))
            #expect(try Data(contentsOf: URL(filePath: output)).count > 1000)
        }
        func text(_ path: String) throws -> String { String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self) }
        return (try text(log), try text("\(directory.path)/it's `a`_b@c\"\\.svg"))
    }

    @Test(
        "any figure is drawn without a warning",
        arguments: [
            [(0.99, 0.01), (0.97, 0.01), (0.95, 0.01), (0.93, 0.02)], [(0.99, nil), nil, (0.9, nil), (0.8, nil)], [nil, nil, nil, nil],
            [(5, 1), (9, 2), nil, nil], [(-1e299, 0.01), (1e299, 0.01), (0.9, 0.01), (-0.5, 0.01)], [(1, 0), (1, 0), (1, 0), (1, 0)],
            [nil, (0, 0), (0.5, 0.5), (0.1, 0.15)],
        ] as [[(Double, Double?)?]]) func drawn(ratios: [(Double, Double?)?]) throws
    {
        #expect(try draw(figure(try SweepSpec.small(), ratios), in: StoreDirectory()).said == "")
    }

    @Test(
        "losses of any size are drawn",
        arguments: [
            [1e11, 1e11, 1e11, 1e11], [1e299, 1e299, 1e308, 1], [-1e299, 1e299, 0, 1], [.greatestFiniteMagnitude, 9e299, 5e299, 9e299],
            [-.greatestFiniteMagnitude, -1, -1e-300, .leastNonzeroMagnitude], [.nan, .infinity, -.infinity, 0], [0, 0, 0, 0],
        ] as [[Double]]) func rates(losses: [Double]) throws
    {
        // Two learning rates on each of two curves.
        let changes = [
            "[0.01]\nepochs": "[0.01, 0.1]\nepochs", "[strengths]\nvalues = [0.1, 0.01]\n": "", "ratio = 0.5": "lambda2 = 0.5",
        ]
        let spec = try SweepSpec.parse(changes.reduce(smallSweep) { $0.replacing($1.key, with: $1.value) }, file: "s.toml")
        var summary = Summary(Grid(spec)) { _ in nil }
        for (index, loss) in losses.enumerated() { summary.settings[index].testLoss = SettingSummary.Spread(mean: loss, deviation: 0.1) }
        #expect(spec.isByRate)
        #expect(try draw(CurvesFigure(summary, spec), in: StoreDirectory()).said == "")
    }

    @Test("one strength is a figure too") func oneStrength() throws {
        let spec = try SweepSpec.small("[0.1, 0.01]", "[0.03]")
        #expect(try draw(figure(spec, [(0.9, 0.1), nil]), in: StoreDirectory()).said == "")
    }

    @Test("hostile texts stand in the figure as they are, and nothing of them is run") func hostile() throws {
        let directory = try StoreDirectory()
        let trap = directory.path + "/trap"
        var spec = try SweepSpec.small()
        spec.figure = FigureSpec(title: "`touch \(trap)`", xLabel: "a_b^{c} <i>&amp;", yLabel: "\\n \"q\" @GPVAL_VERSION")
        spec.curves[0].label = "it's {/=40 x}\\"
        let (said, svg) = try draw(figure(spec, [(0.9, 0.1), (0.8, 0.1), (0.7, 0.1), nil]), in: directory)
        #expect(said == "")
        #expect(!FileManager.default.fileExists(atPath: trap))
        // Quotes and > need no escape in XML; whether they have one is gnuplot's choice.
        let texts = [("&quot;", "\""), ("&#39;", "'"), ("&gt;", ">"), ("&lt;", "<"), ("&amp;", "&")].reduce(svg) {
            $0.replacing($1.0, with: $1.1)
        }
        for text in [spec.figure.title, spec.figure.xLabel, spec.figure.yLabel, spec.curves[0].label] {
            #expect(texts.contains("<text>\(text)</text>"), "\(text)")
        }
    }
}
