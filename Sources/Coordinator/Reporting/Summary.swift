// Summary.swift · Coordinator/Reporting, between the pass over the store and tables and figures. Trials → one row for each setting.
// Docs/reproduction.md defines the ratio, its band and its interval.

internal import Vocabulary

/// The results of one setting over all training sets, initializations and replicates.
struct SettingSummary: Equatable {
    var setting: Setting
    /// Trials with a result, of any outcome.
    var n = 0
    var diverged = 0
    var failed = 0
    /// Nil unless every trial of the setting, and of its baseline, is done.
    var ratio: Spread?
    var testLoss: Spread?
    var meanTrainLoss: Double?
    /// Means of the test loss over all initializations and replicates of each training set; and over all training sets and initializations of
    /// each replicate. Empty where `testLoss` is nil.
    var testLossBySet: [Double] = [], testLossByReplicate: [Double] = []

    /// A mean over cells (training set × initialization).
    struct Spread: Equatable {
        var mean: Double
        /// Sample standard deviation across initializations of the means over training sets; nil with one initialization.
        var deviation: Double?
        /// Ends of the 95 % interval by Student's t over the means of training sets, the only thing here that is drawn anew; nil with one
        /// training set.
        var low: Double?, high: Double?
    }
}

/// All settings of a sweep, in their order.
struct Summary: Equatable {
    var settings: [SettingSummary]
    private let indices: [Setting: Int]

    fileprivate init(_ settings: [SettingSummary]) {
        self.settings = settings
        indices = Dictionary(settings.enumerated().map { ($1.setting, $0) }) { first, _ in first }
    }

    /// - Parameter outcome: returns the outcome of a trial by grid index, nil for one without a result. Called once for each trial, in order.
    init(_ grid: Grid, outcome: (Int) throws -> Outcome?) rethrows {
        var sums = OutcomeSums(grid.spec)
        for group in grid.groups {
            for (index, trial) in group.trials.enumerated() {
                if let outcome = try outcome(trial) { sums.add(outcome, of: index, in: group.spec) }
            }
        }
        self = sums.summary
    }

    /// Nil for a setting that the sweep does not have.
    subscript(setting: Setting) -> SettingSummary? { indices[setting].map { settings[$0] } }
}

/// Outcomes of a sweep's trials, added up in grid order.
struct OutcomeSums {
    private let spec: SweepSpec
    /// One entry for each setting of the sweep.
    private var sums: [Sums]

    private struct Sums {
        var n = 0, diverged = 0, failed = 0
        /// Sums over replicates of the losses of trials that are done, and how many these are, by cell.
        var cells: [(done: Int, train: Double, test: Double)]
        /// Sums of test losses over cells, by replicate.
        var byReplicate: [Double]
    }

    init(_ spec: SweepSpec) {
        self.spec = spec
        let cells = Array(repeating: (done: 0, train: 0.0, test: 0.0), count: spec.trainingSets * spec.initializations)
        sums = spec.settings.map { _ in Sums(cells: cells, byReplicate: Array(repeating: 0, count: spec.replicates)) }
    }

    /// - Parameter setting: an index into the settings of the sweep.
    mutating func add(_ outcome: Outcome, of setting: Int, in group: GroupSpec) {
        sums[setting].n += 1
        switch outcome {
        case .done(let train, let test):
            let cell = group.trainingSet * spec.initializations + group.initialization
            sums[setting].cells[cell].done += 1
            sums[setting].cells[cell].train += train
            sums[setting].cells[cell].test += test
            sums[setting].byReplicate[group.replicate] += test
        case .diverged: sums[setting].diverged += 1
        case .failed: sums[setting].failed += 1
        }
    }

    var summary: Summary {
        var summary = Summary(
            zip(spec.settings, sums).map { SettingSummary(setting: $0, n: $1.n, diverged: $1.diverged, failed: $1.failed) })
        for (index, sums) in sums.enumerated() where isComplete(sums) { describe(sums, in: &summary.settings[index]) }
        return summary
    }

    private func isComplete(_ sums: Sums) -> Bool { sums.cells.allSatisfy { $0.done == spec.replicates } }

    /// Means of a setting whose trials are all done.
    private func describe(_ own: Sums, in row: inout SettingSummary) {
        let replicates = Double(spec.replicates), starts = spec.initializations
        row.testLoss = spread(own.cells.map { $0.test / replicates })
        row.testLossBySet = stride(from: 0, to: own.cells.count, by: starts).map { first in
            own.cells[first..<first + starts].reduce(0) { $0 + $1.test } / (replicates * Double(starts))
        }
        row.testLossByReplicate = own.byReplicate.map { $0 / Double(own.cells.count) }
        row.meanTrainLoss = Statistics.mean(own.cells.map { $0.train / replicates })
        guard let index = spec.settings.firstIndex(of: row.setting.baseline) else { return }
        let baseline = sums[index]
        guard isComplete(baseline), baseline.cells.allSatisfy({ $0.test > 0 }) else { return }
        row.ratio = spread(zip(own.cells, baseline.cells).map { $0.test / $1.test })
    }

    /// - Parameter cells: by training set, then initialization.
    private func spread(_ cells: [Double]) -> SettingSummary.Spread {
        let (sets, starts) = (spec.trainingSets, spec.initializations)
        let byStart = (0..<starts).map { start in Statistics.mean((0..<sets).map { cells[$0 * starts + start] })! }
        let bySet = (0..<sets).map { set in Statistics.mean(Array(cells[set * starts..<(set + 1) * starts]))! }
        let interval = Statistics.interval(bySet)
        return SettingSummary.Spread(
            mean: Statistics.mean(cells)!, deviation: Statistics.deviation(byStart), low: interval?.low, high: interval?.high)
    }
}
