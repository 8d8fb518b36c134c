// Trajectories.swift · Coordinator/Reporting. Generalization gap and algorithmic variability along training (Figure 3 of the paper), as numbers.

internal import Vocabulary

struct Trajectories: SeriesReport {
    /// The gap and the variability's trace of one trial at every iteration from 0.
    struct Curve: Equatable {
        var gap: [Double], trace: [Double]
    }

    private let spec: SweepSpec
    /// Curves that are drawn, by initialization, then row of the sweep file.
    private(set) var curves: [Int: [Int: Curve]] = [:]
    /// Last gap and trace of each trial, how its curves drop, and how many diverged, by row of the sweep file.
    private var ends: [[(gap: Double, trace: Double)]]
    private var drops: [Drops]
    private var diverged: [Int]
    private(set) var leftOut = 0

    /// How the gap changes over windows of the path.
    struct Drops: Equatable {
        /// Length of a window in iterations. Windows do not overlap.
        static let window = 10
        var trials = 0, windows = 0
        /// Windows with a sharp drop of the trace.
        var sharp = 0
        /// Windows that end with a smaller gap than they begin with, among all, and among those with a sharp drop.
        var smaller = 0, smallerWhereSharp = 0

        /// A drop is sharp if the trace loses at least half, and that is at least a twentieth of its largest value in the trial.
        mutating func add(_ curve: Curve) {
            trials += 1
            let largest = curve.trace.map(\.magnitude).max() ?? 0
            for start in stride(from: 0, to: min(curve.gap.count, curve.trace.count) - Self.window, by: Self.window) {
                let before = curve.trace[start], after = curve.trace[start + Self.window]
                let isSmaller = curve.gap[start + Self.window] < curve.gap[start]
                windows += 1
                smaller += isSmaller ? 1 : 0
                guard before > 0, after <= before / 2, before - after >= largest / 20 else { continue }
                sharp += 1
                smallerWhereSharp += isSmaller ? 1 : 0
            }
        }
    }

    init(_ spec: SweepSpec) {
        self.spec = spec
        ends = spec.rows.map { _ in [] }
        drops = spec.rows.map { _ in Drops() }
        diverged = spec.rows.map { _ in 0 }
    }

    mutating func add(_ trial: RecordedTrial) {
        guard !trial.isDiverged else {
            diverged[trial.row] += 1
            return
        }
        // Once a retrained copy has diverged, the trace is no number.
        guard let gaps = trial.numbers(.gap, of: spec.seriesLength), let gap = gaps.last,
            let traces = trial.series(.variabilityTrace, of: spec.seriesLength), let trace = traces.last
        else {
            leftOut += 1
            return
        }
        let curve = Curve(gap: gaps, trace: traces)
        ends[trial.row].append((gap, trace))
        drops[trial.row].add(curve)
        let isDrawn = trial.trainingSet == spec.figure.trainingSet && trial.replicate == 0
        guard isDrawn, spec.figure.initializations.contains(trial.initialization) else { return }
        curves[trial.initialization, default: [:]][trial.row] = curve
    }

    /// The numbers of a setting that its measures are made from.
    private struct Row {
        var ends: [(gap: Double, trace: Double)]
        var drops: Drops
        var diverged: Int

        var gaps: [Double] { ends.map(\.gap) }
        var traces: [Double] { ends.map(\.trace) }

        /// A part in percent of the whole; nil where there is no whole.
        static func share(_ part: Int, _ whole: Int) -> Double? { whole == 0 ? nil : 100 * Double(part) / Double(whole) }
    }

    private static var columns: [Column<Row>] {
        [
            .real("gap at the end, mean", decimals: 2) { Statistics.mean($0.gaps) },
            .real("trace at the end, median", decimals: 3) { Statistics.quantile(0.5, of: $0.traces.filter(\.isFinite)) },
            .real("rank correlation of the two", decimals: 2) { Statistics.rankCorrelation($0.gaps, $0.traces) },
            .real("sharp drops of the trace a trial", decimals: 2) {
                $0.drops.trials == 0 ? nil : Double($0.drops.sharp) / Double($0.drops.trials)
            },
            .real("with a smaller gap after, %", decimals: 1) { Row.share($0.drops.smallerWhereSharp, $0.drops.sharp) },
            .real("of all windows, %", decimals: 1) { Row.share($0.drops.smaller, $0.drops.windows) },
            .integer("diverged", \.diverged), .integer("with a copy that diverged") { $0.traces.count { !$0.isFinite } },
        ]
    }

    var measures: Measures {
        let rows = spec.rows.indices.map { Row(ends: ends[$0], drops: drops[$0], diverged: diverged[$0]) }
        return Measures(rows, labels: spec.rows.map(\.label), Self.columns)
    }

    var note: String {
        """
        trace: Tr(∇²L(S; θ) AV); a drop is sharp if the trace loses at least half within \(Drops.window) iterations, and that is at least a
        twentieth of the largest in the trial; over all trials, drawn or not, but the trace at the end over those without a copy that diverged
        """
    }

    var drawing: any Drawing { TrajectoriesFigure(spec, curves) }
}
