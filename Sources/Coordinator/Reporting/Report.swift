// Report.swift · Coordinator/Reporting, the last room. The results directory: one pass over the store, files written whole or not at all.

internal import FoundationEssentials
internal import Wire

enum ReportError: Error, Equatable, CustomStringConvertible {
    case cannotWrite(path: String, reason: String)
    /// The tables are there; the figure is not.
    case noFigure(reason: String)

    var description: String {
        switch self {
        case .cannotWrite(let path, let reason): "cannot write \(path): \(reason)"
        case .noFigure(let reason): "no figure: \(reason); the tables are written"
        }
    }
}

struct Report {
    let summary: Summary
    let claims: Claims
    /// Of a sweep of [[settings]]; nil for one of curves.
    let table: LossTable?
    /// For the console.
    let text: String
    /// Reasons of failed trials and how many gave each, the most frequent first.
    let failures: [(reason: String, count: Int)]

    /// Reads every result once, a group at a time, and writes `results.csv` and `curves.csv` on the way, then `summary.csv`.
    /// - Parameters:
    ///   - directory: nil writes nothing.
    ///   - lookup: the stored result of a trial.
    init(_ grid: Grid, directory: String?, lookup: (TrialKey) throws -> TrialResult?) throws {
        var results = try directory.map { try TextFile("\($0)/results.csv") }
        try results?.write(Tables.withDecay(Tables.resultsHeader, grid.spec))
        var curves = MeanCurves(settings: grid.spec.settings.count)
        var current: (group: Int, results: [TrialResult?]) = (-1, [])
        var failures: [String: Int] = [:]
        summary = try Summary(grid) { index in
            let group = grid.group(of: index)
            let trials = grid.groups[group].trials
            if current.group != group { current = (group, try trials.map { try lookup(grid.key(of: $0)) }) }
            guard let result = current.results[index - trials.lowerBound] else { return nil }
            let baseline = grid.baseline(of: index).flatMap { current.results[$0 - trials.lowerBound] }
            var baselineLoss: Double?
            if case .done(_, let loss) = baseline?.outcome { baselineLoss = loss }
            if case .failed(let reason) = result.outcome { failures[reason, default: 0] += 1 }
            let line = Tables.resultLine(grid, index, result, baselineLoss: baselineLoss)
            try results?.write(Tables.withDecay(line, grid.spec, grid.setting(of: index)))
            curves.add(
                result.curve, baseline: Dictionary((baseline?.curve ?? []).map { ($0.epoch, $0.testLoss) }) { first, _ in first },
                setting: index - trials.lowerBound)
            return result.outcome
        }
        claims = Claims(summary, grid.spec)
        table = grid.spec.rows.isEmpty ? nil : LossTable(summary, grid.spec)
        text =
            table?.text
            ?? (grid.spec.isByRate ? RateTable(summary, grid.spec).text : Tables.console(summary, grid.spec) + "\n" + claims.text)
        self.failures = failures.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { (reason: $0.key, count: $0.value) }
        guard let directory else { return }
        try results?.finish()
        var table = try TextFile("\(directory)/summary.csv")
        try table.write(Tables.summary(summary, grid.spec))
        try table.finish()
        var file = try TextFile("\(directory)/curves.csv")
        try file.write(Tables.withDecay(Tables.curvesHeader, grid.spec))
        for (setting, points) in zip(grid.spec.settings, curves.points) {
            for (epoch, point) in points.sorted(by: { $0.key < $1.key }) {
                try file.write(Tables.withDecay(Tables.curveLine(setting, epoch, point), grid.spec, setting))
            }
        }
        try file.finish()
    }

    /// Draws the figure, and tells what there is: the table on standard output and, last, the files.
    /// - Returns: whether the figure, if the sweep has one, is there.
    func publish(_ spec: SweepSpec, directory: String, isQuiet: Bool) -> Bool {
        var files = ["results.csv", "summary.csv", "curves.csv"], complaint: ReportError?
        do { files += try draw(spec, directory: directory).map { "\(spec.name).\($0)" } } catch { complaint = error }
        if !isQuiet { print("\(text)\nin \(directory): \(files.joined(separator: ", "))") }
        guard let complaint else { return true }
        // A figure of earlier results beside these tables would mislead.
        for (ending, _) in Figure.formats { TextFile.remove("\(directory)/\(spec.name).\(ending)") }
        Console.writeLine("\(complaint)")
        return false
    }

    /// - Returns: endings of the figure's files; none for a sweep of [[settings]], which is a table.
    /// - Throws: `noFigure` where gnuplot is missing or refuses.
    func draw(_ spec: SweepSpec, directory: String) throws(ReportError) -> [String] {
        guard table == nil else { return [] }
        let figure = Figure(summary, spec), script = TextFile.temporary("\(directory)/figure.gnuplot")
        defer { TextFile.remove(script) }
        for (ending, terminal) in Figure.formats {
            let path = "\(directory)/\(spec.name).\(ending)", part = TextFile.temporary(path)
            // Gone already where all went well.
            defer { TextFile.remove(part) }
            do {
                var file = try TextFile(script)
                try file.write(figure.script(terminal: terminal, output: part))
                try file.finish()
                // -d: without the settings of this user and this box.
                let status = try Subprocess.run("gnuplot", ["-d", script])
                guard status == .exited(0) else { throw ReportError.noFigure(reason: "gnuplot ended with \(status)") }
                // gnuplot says nothing of a disk that was full.
                let last = String(decoding: try Data(contentsOf: URL(filePath: part)).suffix(16), as: UTF8.self)
                guard last.contains(Figure.ends[ending]!) else {
                    throw ReportError.noFigure(reason: "\(path) came out cut off: is the disk full?")
                }
                try TextFile.publish(path)
            } catch let error as SubprocessError {
                throw .noFigure(reason: "\(error) (apt-get install gnuplot-nox)")
            } catch let error as ReportError { throw error } catch { throw .noFigure(reason: "\(error)") }
        }
        return Figure.formats.map(\.0)
    }
}
