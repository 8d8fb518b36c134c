// Trajectories.swift · Coordinator/Reporting. Generalization gap and algorithmic variability along training (Figure 3 of the paper), as numbers.

internal import Vocabulary

struct Trajectories: SeriesReport {
    /// The gap and the variability's trace of one trial at every iteration from 0.
    struct Curve: Equatable {
        var gap: [Double], trace: [Double]
    }

    private let spec: SweepSpec
    /// Those that are drawn, by initialization, then row of the sweep file.
    private(set) var curves: [Int: [Int: Curve]] = [:]
    private var ends: [[(gap: Double, trace: Double)]]
    private var drops: [Drops]
    private var diverged: [Int]
    private(set) var leftOut = 0

    /// How the gap changes over windows of the path.
    struct Drops: Equatable {
        /// Iterations of a window. Windows do not overlap.
        static let window = 10
        var trials = 0, windows = 0, sharp = 0
        /// Windows at whose end the gap is smaller than at their begin: of all, and of those with a sharp drop of the trace.
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
        // The trace is no number from where a copy is none.
        guard let gaps = trial.numbers("gap", of: spec.seriesLength), let gap = gaps.last,
            let traces = trial.series("variability_trace", of: spec.seriesLength), let trace = traces.last
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

    var measures: Measures {
        func share(_ part: Int, _ whole: Int) -> Double? { whole == 0 ? nil : 100 * Double(part) / Double(whole) }
        return Measures(
            columns: spec.rows.map(\.label),
            rows: [
                Measures.Row(name: "gap at the end, mean", decimals: 2, values: ends.map { Statistics.mean($0.map(\.gap)) }),
                Measures.Row(
                    name: "trace at the end, median", decimals: 3,
                    values: ends.map { Statistics.quantile(0.5, of: $0.map(\.trace).filter(\.isFinite)) }),
                Measures.Row(
                    name: "rank correlation of the two", decimals: 2,
                    values: ends.map { Statistics.rankCorrelation($0.map(\.gap), $0.map(\.trace)) }),
                Measures.Row(
                    name: "sharp drops of the trace a trial", decimals: 2,
                    values: drops.map { $0.trials == 0 ? nil : Double($0.sharp) / Double($0.trials) }),
                Measures.Row(name: "with a smaller gap after, %", decimals: 1, values: drops.map { share($0.smallerWhereSharp, $0.sharp) }),
                Measures.Row(name: "of all windows, %", decimals: 1, values: drops.map { share($0.smaller, $0.windows) }),
                Measures.Row(name: "diverged", decimals: 0, values: diverged.map(Double.init)),
                Measures.Row(
                    name: "with a copy that diverged", decimals: 0, values: ends.map { Double($0.count { !$0.trace.isFinite }) }),
            ])
    }

    var note: String {
        """
        trace: Tr(∇²L(S; θ) AV); a drop is sharp if the trace loses at least half within \(Drops.window) iterations, and that is at least a
        twentieth of the largest in the trial; over all trials, drawn or not, but the trace at the end over those without a copy that diverged
        """
    }

    var drawing: any Drawing { TrajectoriesFigure(spec, curves) }
}
