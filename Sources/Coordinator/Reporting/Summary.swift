// Summary.swift · Coordinator/Reporting, between the store and tables and figures. Trials → one row for each setting.
// Docs/reproduction.md defines the ratio, its band and its interval.

internal import Vocabulary

/// What a setting did over all training sets, initializations and repeats.
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
    /// Means of the test loss over all initializations and repeats of each training set; and over all training sets and initializations of
    /// each repeat. Empty where `testLoss` is nil.
    var testLossBySet: [Double] = [], testLossByRepeat: [Double] = []

    /// A mean over cells (training set × initialization).
    struct Spread: Equatable {
        var mean: Double
        /// Sample standard deviation across initializations of the means over training sets; nil with one initialization.
        var deviation: Double?
        /// 95 % interval by Student's t over the means of training sets, the only thing here that is drawn anew; nil with one training set.
        var low: Double?, high: Double?
    }
}

/// All settings of a sweep, in their order.
struct Summary: Equatable {
    var settings: [SettingSummary]

    /// - Parameter outcome: of a trial by grid index; nil for one without a result. Called once for each trial, in order.
    init(_ grid: Grid, outcome: (Int) throws -> Outcome?) rethrows {
        let spec = grid.spec
        let cells = spec.trainingSets * spec.initializations
        /// Sums over repeats of test and train loss, by setting and cell; nil once anything in the cell is not done.
        var test = [[Double?]](repeating: [Double?](repeating: 0, count: cells), count: spec.settings.count)
        var train = test
        var byRepeat = [[Double]](repeating: [Double](repeating: 0, count: spec.repeats), count: spec.settings.count)
        settings = spec.settings.map { SettingSummary(setting: $0) }
        for (number, group) in grid.groups.enumerated() {
            let cell = number / spec.repeats
            for (place, index) in group.trials.enumerated() {
                guard let outcome = try outcome(index) else {
                    test[place][cell] = nil
                    continue
                }
                settings[place].n += 1
                switch outcome {
                case .done(let trainLoss, let testLoss):
                    test[place][cell] = test[place][cell].map { $0 + testLoss }
                    train[place][cell] = train[place][cell].map { $0 + trainLoss }
                    byRepeat[place][number % spec.repeats] += testLoss
                case .diverged:
                    settings[place].diverged += 1
                    test[place][cell] = nil
                case .failed:
                    settings[place].failed += 1
                    test[place][cell] = nil
                }
            }
        }
        let places = Dictionary(spec.settings.enumerated().map { ($1, $0) }) { first, _ in first }
        for place in settings.indices {
            let own = test[place].compactMap { $0 }
            guard own.count == cells else { continue }
            let repeats = Double(spec.repeats)
            settings[place].testLoss = Self.spread(own.map { $0 / repeats }, spec)
            settings[place].testLossBySet = stride(from: 0, to: cells, by: spec.initializations).map { first in
                own[first..<first + spec.initializations].reduce(0, +) / (repeats * Double(spec.initializations))
            }
            settings[place].testLossByRepeat = byRepeat[place].map { $0 / Double(cells) }
            settings[place].meanTrainLoss = Statistics.mean(train[place].compactMap { $0 }.map { $0 / repeats })
            guard let base = places[settings[place].setting.baseline] else { continue }
            let baseline = test[base].compactMap { $0 }
            guard baseline.count == cells, baseline.allSatisfy({ $0 > 0 }) else { continue }
            settings[place].ratio = Self.spread(zip(own, baseline).map { $0 / $1 }, spec)
        }
    }

    /// - Parameter cells: by training set, then initialization.
    private static func spread(_ cells: [Double], _ spec: SweepSpec) -> SettingSummary.Spread {
        let (sets, starts) = (spec.trainingSets, spec.initializations)
        let byStart = (0..<starts).map { start in Statistics.mean((0..<sets).map { cells[$0 * starts + start] })! }
        let bySet = (0..<sets).map { set in Statistics.mean(Array(cells[set * starts..<(set + 1) * starts]))! }
        let interval = Statistics.interval(bySet)
        return SettingSummary.Spread(
            mean: Statistics.mean(cells)!, deviation: Statistics.deviation(byStart), low: interval?.low, high: interval?.high)
    }

    func summary(of setting: Setting) -> SettingSummary? { settings.first { $0.setting == setting } }
}
