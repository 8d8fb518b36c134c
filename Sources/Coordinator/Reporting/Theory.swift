// Theory.swift · Coordinator/Reporting. Lemma 1, Lemma 2 and Proposition 1 of the paper on one sweep, as numbers with intervals.

internal import Vocabulary

struct Theory: SeriesReport {
    /// A mean over training sets, each the mean of its own trials, and half the width of its 95 % interval by Student's t: training sets are
    /// what the expectations of the paper are over, and nothing else here is drawn independently.
    struct Estimate: Equatable {
        var mean: Double
        /// Nil with one training set.
        var half: Double?
    }

    /// The results of one row of the sweep file, without the trials that are left out; nil where none of the others left such a number.
    struct Row: Equatable {
        var sweep: String, problem: String
        /// N.
        var samples: Int
        var label: String
        var setting: Setting
        var trials = 0, diverged = 0
        /// Trials whose estimates of Proposition 1 are no numbers, since all gradients of the population are alike, and are left out of its means.
        var undefined = 0
        /// Trials that are done, but of whose retrained copies one was not: their variability is no number, and they are left out.
        var unstable = 0
        /// Eq. 1 and half of Eq. 5, at the end; and their difference, trial by trial.
        var gap: Estimate?, halfTrace: Estimate?, difference: Estimate?
        /// Of trials with a positive trace: the share, in percent, below the sum of Eq. 6 and 7; and quartiles of that sum over the trace.
        var boundHolds: Double?
        var looseness: [Double] = []
        /// Of Proposition 1, for each K and for Σ_B itself: relative error in Frobenius' norm, and ratio of the traces.
        var errors: [Estimate] = [], ratios: [Estimate] = []
        /// Spearman's, over trials, of the accumulated covariance's trace and the variance of the solution.
        var correlation: Double?
    }

    /// K of the worker's estimates; nil stands for Σ_B itself.
    static let batches: [Int?] = [1, 4, 16, 64, nil]

    let spec: SweepSpec
    private var collected: [Collected]
    private(set) var leftOut = 0

    private struct Collected {
        var trials = 0, diverged = 0, unstable = 0, undefined = 0
        /// By training set.
        var gaps: [Int: [Double]] = [:], halves: [Int: [Double]] = [:], differences: [Int: [Double]] = [:]
        var errors = batches.map { _ in [Int: [Double]]() }, ratios = batches.map { _ in [Int: [Double]]() }
        var bounds: [(trace: Double, bound: Double)] = []
        var variances: [Double] = [], covariances: [Double] = []
    }

    init(_ spec: SweepSpec) {
        self.spec = spec
        collected = spec.rows.map { _ in Collected() }
    }

    /// What a trial that is done came to.
    private struct Ends {
        var gap: Double
        /// Not finite where a copy diverged.
        var trace: Double, variance: Double
        /// Of SGD alone; errors and ratios are no numbers where all gradients of the population are alike.
        var bounds: (bound: Double, errors: [Double], ratios: [Double], covariance: Double)?

        /// - Parameter counts: of a series with a number at the start and one after every epoch.
        /// - Returns: nil where a series is not what such a trial leaves.
        init?(_ trial: RecordedTrial, of counts: ClosedRange<Int>, isSGD: Bool) {
            guard let gap = trial.numbers("gap", of: counts)?.last, let trace = trial.series("variability_trace", of: counts)?.last,
                let variance = trial.series("solution_variance", of: counts)?.last, variance.isFinite || !trace.isFinite
            else { return nil }
            (self.gap, self.trace, self.variance) = (gap, trace, variance)
            guard isSGD else { return }
            let estimates = batches.count...batches.count
            guard let population = trial.numbers("bound_population", of: counts)?.last,
                let batch = trial.numbers("bound_batch", of: counts)?.last,
                let errors = trial.series("bootstrap_error", of: estimates), let ratios = trial.series("bootstrap_ratio", of: estimates),
                let covariance = trial.numbers("accumulated_covariance", of: 1...1)?.last
            else { return nil }
            bounds = (population + batch, errors, ratios, covariance)
        }
    }

    mutating func add(_ trial: RecordedTrial) {
        guard !trial.isDiverged else {
            collected[trial.row].trials += 1
            collected[trial.row].diverged += 1
            return
        }
        let isSGD = spec.rows[trial.row].setting.algorithm == "sgd"
        guard let ends = Ends(trial, of: spec.seriesLength, isSGD: isSGD) else {
            leftOut += 1
            return
        }
        var own = collected[trial.row]
        defer { collected[trial.row] = own }
        own.trials += 1
        guard ends.trace.isFinite else {
            own.unstable += 1
            return
        }
        let set = trial.trainingSet
        own.gaps[set, default: []].append(ends.gap)
        own.halves[set, default: []].append(ends.trace / 2)
        own.differences[set, default: []].append(ends.gap - ends.trace / 2)
        guard let bounds = ends.bounds else { return }
        own.bounds.append((ends.trace, bounds.bound))
        own.variances.append(ends.variance)
        own.covariances.append(bounds.covariance)
        guard (bounds.errors + bounds.ratios).allSatisfy(\.isFinite) else {
            own.undefined += 1
            return
        }
        for index in Self.batches.indices {
            own.errors[index][set, default: []].append(bounds.errors[index])
            own.ratios[index][set, default: []].append(bounds.ratios[index])
        }
    }

    private static func estimate(_ bySet: [Int: [Double]]) -> Estimate? {
        let means = bySet.sorted { $0.key < $1.key }.compactMap { Statistics.mean($0.value) }
        guard let mean = Statistics.mean(means) else { return nil }
        return Estimate(mean: mean, half: Statistics.interval(means).map { ($0.high - $0.low) / 2 })
    }

    var rows: [Row] {
        zip(spec.rows, collected).map { row, own in
            let positive = own.bounds.filter { $0.trace > 0 }
            let looseness = positive.map { $0.bound / $0.trace }
            return Row(
                sweep: spec.name, problem: spec.problem, samples: samples, label: row.label, setting: row.setting, trials: own.trials,
                diverged: own.diverged, undefined: own.undefined, unstable: own.unstable,
                gap: Self.estimate(own.gaps), halfTrace: Self.estimate(own.halves), difference: Self.estimate(own.differences),
                boundHolds: positive.isEmpty ? nil : 100 * Double(looseness.count { $0 >= 1 }) / Double(positive.count),
                looseness: [0.25, 0.5, 0.75].compactMap { Statistics.quantile($0, of: looseness) },
                errors: own.errors.compactMap(Self.estimate), ratios: own.ratios.compactMap(Self.estimate),
                correlation: Statistics.rankCorrelation(own.covariances, own.variances))
        }
    }

    /// N.
    private var samples: Int { spec.integer("samples") ?? 0 }

    var measures: Measures { Measures(rows, labels: spec.rows.map(\.label), Self.measureColumns) }

    var note: String {
        "means over \(spec.trainingSets) training sets, at the end of training; intervals by Student's t over these sets; N = \(samples)"
    }

    var drawing: any Drawing { TheoryFigure(title: spec.figure.title, [(spec.name, self)]) }

    func writeFiles(in directory: String) throws -> [String] { [try Self.writeFile(of: [self], in: directory)] }
}
