// Density.swift · Coordinator/Reporting. Where the trials of each setting spend their time (Figure 2 of the paper), as numbers.

internal import Vocabulary

struct Density: SeriesReport {
    /// Squares of the histogram on each side of the domain.
    static let bins = 40

    /// Maps by the name of their series, which holds an initialization's cell of the map, by x, then y.
    static let mapTitles = [
        (SeriesName.mapPopulationLoss, "Population loss"), (SeriesName.mapTrainingLoss, "Training loss"),
        (SeriesName.mapGradientNorm, "Norm of the gradient"),
        (SeriesName.mapCovarianceTrace, "Trace of the gradient's covariance"),
    ]

    private let spec: SweepSpec
    /// How often the paths on the drawn training set were in each square, by row of the sweep file, then x, then y.
    private(set) var visits: [[Int]]
    /// Paths that are drawn, by row of the sweep file.
    private(set) var paths: [[[(x: Double, y: Double)]]]
    /// Maps of the drawn training set by name: the cell of each initialization, from the first trial that had it.
    private(set) var maps: [SeriesName: [Int: [Double]]] = [:]
    /// The covariance's trace along every path, by row and training set; and on the map, by training set and initialization.
    private var traces: [[Int: [Double]]]
    private var mapTraces: [Int: [Int: [Double]]] = [:]
    private var counts: [Counts]
    private(set) var leftOut = 0

    private struct Counts {
        var trials = 0, diverged = 0, atMinimum = 0, clipped = 0

        mutating func add(_ path: [(x: Double, y: Double)], isDiverged: Bool) {
            trials += 1
            diverged += isDiverged ? 1 : 0
            // After a step, a coordinate is exactly on the border only if it was clipped.
            clipped += path.dropFirst().contains { [$0.x, $0.y].contains { $0 == 0 || $0 == LandscapeDomain.side } } ? 1 : 0
            guard let last = path.last, !isDiverged else { return }
            let (dx, dy) = (last.x - LandscapeDomain.minimum.x, last.y - LandscapeDomain.minimum.y)
            atMinimum += dx * dx + dy * dy < 1 ? 1 : 0
        }
    }

    init(_ spec: SweepSpec) {
        self.spec = spec
        visits = spec.rows.map { _ in Array(repeating: 0, count: Self.bins * Self.bins) }
        paths = spec.rows.map { _ in [] }
        traces = spec.rows.map { _ in [:] }
        counts = spec.rows.map { _ in Counts() }
    }

    /// Reads path, traces and maps of a trial; nil where one of them is not what a trial on the landscape leaves.
    private func read(_ trial: RecordedTrial) -> (path: [(x: Double, y: Double)], traces: [Double], maps: [SeriesName: [Double]])? {
        let domain = 0...LandscapeDomain.side, map = LandscapeDomain.mapPoints * LandscapeDomain.mapPoints
        // A trial that diverged ends with the iteration before.
        let counts = trial.isDiverged ? 1...max(1, spec.seriesLength.upperBound - 1) : spec.seriesLength
        guard let x = trial.numbers(.x, of: counts, within: domain),
            let y = trial.numbers(.y, of: x.count...x.count, within: domain),
            let traces = trial.numbers(.covarianceTrace, of: x.count...x.count)
        else { return nil }
        let maps = Self.mapTitles.compactMap { name, _ in trial.numbers(name, of: map...map).map { (name, $0) } }
        guard maps.count == Self.mapTitles.count else { return nil }
        return (zip(x, y).map { (x: $0, y: $1) }, traces, Dictionary(uniqueKeysWithValues: maps))
    }

    mutating func add(_ trial: RecordedTrial) {
        guard let (path, covariances, cells) = read(trial) else {
            leftOut += 1
            return
        }
        counts[trial.row].add(path, isDiverged: trial.isDiverged)
        traces[trial.row][trial.trainingSet, default: []] += covariances
        if mapTraces[trial.trainingSet]?[trial.initialization] == nil {
            mapTraces[trial.trainingSet, default: [:]][trial.initialization] = cells[.mapCovarianceTrace]
        }
        if trial.trainingSet == spec.figure.trainingSet { addToFigure(trial, path, cells) }
    }

    /// Takes in a trial on the training set that is drawn.
    private mutating func addToFigure(_ trial: RecordedTrial, _ path: [(x: Double, y: Double)], _ cells: [SeriesName: [Double]]) {
        for point in path {
            func bin(_ value: Double) -> Int { min(Self.bins - 1, Int(value / LandscapeDomain.side * Double(Self.bins))) }
            visits[trial.row][bin(point.x) * Self.bins + bin(point.y)] += 1
        }
        if trial.replicate == 0, spec.figure.initializations.contains(trial.initialization) { paths[trial.row].append(path) }
        for (name, values) in cells where maps[name]?[trial.initialization] == nil {
            maps[name, default: [:]][trial.initialization] = values
        }
    }

    /// The numbers of a setting that its measures are made from.
    private struct Row {
        var counts: Counts
        /// Means over all points of all paths; nil without any.
        var trace: Double?, smaller: Double?

        /// A count in percent of the trials.
        func share(_ count: Int) -> Double? { counts.trials == 0 ? nil : 100 * Double(count) / Double(counts.trials) }
    }

    private static var columns: [Column<Row>] {
        [
            .real("end near (7, 7), %", decimals: 1) { $0.share($0.counts.atMinimum) },
            .real("mean trace along the path", decimals: 1, \.trace),
            .real("domain with a smaller trace, %", decimals: 1, \.smaller),
            .real("left the domain at times, %", decimals: 1) { $0.share($0.counts.clipped) }, .integer("diverged", \.counts.diverged),
        ]
    }

    var measures: Measures {
        let rows = zip(counts, traces).map { counts, traces in
            Row(counts: counts, trace: Statistics.mean(traces.values.flatMap { $0 }), smaller: smallerShare(traces))
        }
        return Measures(rows, labels: spec.rows.map(\.label), Self.columns)
    }

    var note: String {
        """
        trace: of the gradient's covariance, (1/N) Σ ‖gᵢ − ḡ‖²; near: within 1; domain with a smaller trace: mean over the path, about 50 for
        a path on which the trace has no influence; a path that left the domain was clipped to its border
        """
    }

    var drawing: any Drawing { DensityFigure(spec, self) }

    /// Mean, over all points of all paths, of the share of the map's points with a smaller trace, in percent. Paths and map are of one training set
    /// each time.
    private func smallerShare(_ paths: [Int: [Double]]) -> Double? {
        var shares = 0.0, count = 0
        for (set, values) in paths.sorted(by: { $0.key < $1.key }) {
            let map = (mapTraces[set] ?? [:]).values.flatMap { $0 }.sorted()
            guard !map.isEmpty else { return nil }
            for value in values {
                var (low, high) = (0, map.count)
                while low < high {
                    let middle = (low + high) / 2
                    if map[middle] < value { low = middle + 1 } else { high = middle }
                }
                shares += Double(low) / Double(map.count)
            }
            count += values.count
        }
        return count == 0 ? nil : 100 * shares / Double(count)
    }
}
