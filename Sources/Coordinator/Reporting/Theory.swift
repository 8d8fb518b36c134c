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
        /// N: samples of a training set.
        var samples: Int
        var label: String
        var setting: Setting
        var trials = 0, diverged = 0
        /// Trials whose estimates of Proposition 1 are no numbers, since all gradients of the population are alike, and are left out of its means.
        var undefined = 0
        /// Trials that are done, but one of their retrained copies is not: their variability is no number, and they are left out of the means.
        var unstable = 0
        /// Eq. 1 and half of Eq. 5 at the end of training, and their difference, trial by trial.
        var gap: Estimate?, halfTrace: Estimate?, difference: Estimate?
        /// Lemma 2: the share, in percent, of trials whose trace is at most the sum of Eq. 6 and 7, among those with a positive trace.
        var boundHolds: Double?
        /// Lemma 2: quartiles of that sum over the trace; empty where no trial has a positive trace.
        var looseness: [Double] = []
        /// Proposition 1: relative error in Frobenius' norm, and ratio of the traces, for each of `batches`.
        var errors: [Estimate] = [], ratios: [Estimate] = []
        /// Spearman's rank correlation, over trials, of the accumulated covariance's trace and the variance of the solution.
        var correlation: Double?
    }

    /// The K of the estimates that a trial leaves, in their order; nil stands for Σ_B itself.
    static let batches: [Int?] = Bootstrap.counts + [nil]

    let spec: SweepSpec
    private var collected: [Collected]
    private(set) var leftOut = 0

    init(_ spec: SweepSpec) {
        self.spec = spec
        collected = spec.rows.map { _ in Collected() }
    }

    mutating func add(_ trial: RecordedTrial) {
        guard !trial.isDiverged else { return collected[trial.row].addDiverged() }
        let isSGD = spec.settings[spec.rows[trial.row].setting].algorithm == Algorithm.sgd.rawValue
        guard let ends = Ends(trial, of: spec.seriesLength, isSGD: isSGD) else {
            leftOut += 1
            return
        }
        collected[trial.row].add(ends, trainingSet: trial.trainingSet)
    }

    var rows: [Row] { zip(spec.rows, collected).map { row, own in own.row(row, spec, samples: samples) } }

    private var samples: Int { spec.integer("samples") ?? 0 }

    var measures: Measures { Measures(rows, labels: spec.rows.map(\.label), Self.measureColumns) }

    var note: String {
        "means over \(spec.trainingSets) training sets, at the end of training; intervals by Student's t over these sets; N = \(samples)"
    }

    var drawing: any Drawing { TheoryFigure(title: spec.figure.title, [(spec.name, self)]) }

    func writeFiles(in directory: String) throws -> [String] { [try Self.writeFile(of: [self], in: directory)] }
}

/// The last numbers of a trial that is done.
private struct Ends {
    var gap: Double
    /// Trace and variance are not finite where a retrained copy diverged.
    var trace: Double, variance: Double
    /// Nil for algorithms other than SGD.
    var bounds: Bounds?

    /// What Lemma 2 and Proposition 1 say of SGD.
    struct Bounds {
        /// The sum of Eq. 6 and 7.
        var bound: Double
        /// For each of `Theory.batches`. No numbers where all gradients of the population are alike.
        var errors: [Double], ratios: [Double]
        /// Trace of the accumulated covariance.
        var covariance: Double
    }

    /// - Parameter counts: the length of a series with a number at the start and one after every epoch.
    /// - Returns: nil where a series is not what such a trial leaves.
    init?(_ trial: RecordedTrial, of counts: ClosedRange<Int>, isSGD: Bool) {
        guard let gap = trial.numbers(.gap, of: counts)?.last, let trace = trial.series(.variabilityTrace, of: counts)?.last,
            let variance = trial.series(.solutionVariance, of: counts)?.last, variance.isFinite || !trace.isFinite
        else { return nil }
        (self.gap, self.trace, self.variance) = (gap, trace, variance)
        guard isSGD else { return }
        let estimates = Theory.batches.count...Theory.batches.count
        guard let population = trial.numbers(.boundPopulation, of: counts)?.last,
            let batch = trial.numbers(.boundBatch, of: counts)?.last,
            let errors = trial.series(.bootstrapError, of: estimates), let ratios = trial.series(.bootstrapRatio, of: estimates),
            let covariance = trial.numbers(.accumulatedCovariance, of: 1...1)?.last
        else { return nil }
        bounds = Bounds(bound: population + batch, errors: errors, ratios: ratios, covariance: covariance)
    }
}

/// The numbers of one row's trials, as they are taken in.
private struct Collected {
    /// Values of the trials by training set.
    private typealias BySet = [Int: [Double]]

    private var trials = 0, diverged = 0, unstable = 0, undefined = 0
    private var gaps: BySet = [:], halves: BySet = [:], differences: BySet = [:]
    private var errors = Theory.batches.map { _ in BySet() }, ratios = Theory.batches.map { _ in BySet() }
    private var bounds: [(trace: Double, bound: Double)] = []
    private var variances: [Double] = [], covariances: [Double] = []

    mutating func addDiverged() {
        trials += 1
        diverged += 1
    }

    mutating func add(_ ends: Ends, trainingSet set: Int) {
        trials += 1
        guard ends.trace.isFinite else {
            unstable += 1
            return
        }
        gaps[set, default: []].append(ends.gap)
        halves[set, default: []].append(ends.trace / 2)
        differences[set, default: []].append(ends.gap - ends.trace / 2)
        guard let found = ends.bounds else { return }
        bounds.append((ends.trace, found.bound))
        variances.append(ends.variance)
        covariances.append(found.covariance)
        guard (found.errors + found.ratios).allSatisfy(\.isFinite) else {
            undefined += 1
            return
        }
        for index in Theory.batches.indices {
            errors[index][set, default: []].append(found.errors[index])
            ratios[index][set, default: []].append(found.ratios[index])
        }
    }

    func row(_ row: RowSpec, _ spec: SweepSpec, samples: Int) -> Theory.Row {
        let looseness = bounds.filter { $0.trace > 0 }.map { $0.bound / $0.trace }
        return Theory.Row(
            sweep: spec.name, problem: spec.problem, samples: samples, label: row.label, setting: spec.settings[row.setting],
            trials: trials,
            diverged: diverged, undefined: undefined, unstable: unstable,
            gap: Self.estimate(gaps), halfTrace: Self.estimate(halves), difference: Self.estimate(differences),
            boundHolds: looseness.isEmpty ? nil : 100 * Double(looseness.count { $0 >= 1 }) / Double(looseness.count),
            looseness: [0.25, 0.5, 0.75].compactMap { Statistics.quantile($0, of: looseness) },
            errors: errors.compactMap(Self.estimate), ratios: ratios.compactMap(Self.estimate),
            correlation: Statistics.rankCorrelation(covariances, variances))
    }

    private static func estimate(_ values: BySet) -> Theory.Estimate? {
        let means = values.sorted { $0.key < $1.key }.compactMap { Statistics.mean($0.value) }
        guard let mean = Statistics.mean(means) else { return nil }
        return Theory.Estimate(mean: mean, half: Statistics.interval(means).map { ($0.high - $0.low) / 2 })
    }
}
