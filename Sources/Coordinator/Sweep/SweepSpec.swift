// SweepSpec.swift · Coordinator/Sweep, after SweepFile, before Grid. The content of a validated sweep file as plain values.

internal import Vocabulary

/// The content of one sweep file.
struct SweepList: Equatable {
    /// Name of the results directory.
    var name: String
    /// The figure into which all parts are drawn together; nil for a file that is one sweep.
    var figure: FigureSpec?
    /// The sweeps of the file, at least one. Each part has its results in a directory of its own below that of the file.
    var sweeps: [SweepSpec]
}

struct SweepSpec: Equatable {
    /// The name of the file's sweep, or of the part where a file has [[parts]]. It names the figures too; letters a to z, digits, hyphens.
    var name: String
    /// The master seed of all random numbers.
    var seed: UInt64
    var problem: String
    /// The parameters that all trials share.
    var parameters: [String: ParameterValue]
    /// The parameters that have one value for each initialization.
    var perInitialization: [String: [ParameterValue]]
    var trainingSets: Int, initializations: Int, replicates: Int
    /// All settings, each once: the baselines, then the settings of the curves or rows in the order of the file.
    var settings: [Setting]
    /// The curves of `[[curves]]` and the rows of `[[settings]]`. One of the two lists is empty.
    var curves: [CurveSpec]
    var rows: [RowSpec] = []
    /// The share of trials, from 0 to 1, that a second worker computes again to compare the bits. It changes no result.
    var audit = 0.0
    var figure: FigureSpec
    /// The folder of the data set, as the file gives it; nil when it gives none.
    var dataFolder: String?
    var warnings: [SpecError]

    /// Whether the sweep has curves and their x axis is the learning rate.
    var isByRate: Bool { curves.first?.axis == .learningRate }

    var groupCount: Int { trainingSets * initializations * replicates }
    var trialCount: Int { groupCount * settings.count }

    var declaration: ProblemDeclaration { ProblemDeclaration.named(problem)! }

    /// The strengths that have a column in every table, whatever the problem.
    static let alwaysListed = [Strength.lambda1, .lambda2]

    /// The other strengths that have a column in tables: those with a default of the problem other than 0, and those of some setting.
    var alsoListed: [Strength] {
        declaration.strengths.filter { use in
            !Self.alwaysListed.contains(use.strength) && (use.defaultValue != 0 || settings.contains { $0.strengths[use.strength] != 0 })
        }.map(\.strength)
    }

    /// Whether the problem's trials read files of a data set.
    var needsData: Bool { declaration.parameters.contains { $0.kind == .file } }

    /// The parameters of a group with this initialization.
    func parameters(ofInitialization index: Int) -> [String: ParameterValue] {
        parameters.merging(perInitialization.mapValues { $0[index] }) { _, own in own }
    }

    /// The values on which every trial in a store depends, by name: a store with another value belongs to another sweep. Lists that may grow
    /// are left out (strengths, curves, learning rates, training sets, replicates); of initializations the value of each is in it.
    var base: [String: String] {
        var base = ["problem": problem, "seed": "\(seed)"]
        for (name, value) in parameters { base[name] = value.description }
        for (name, values) in perInitialization {
            for (index, value) in values.enumerated() { base["\(name) of initialization \(index)"] = value.description }
        }
        return base
    }

    /// The differences between the base of a store and the base now, for people. A value that only one of them has (an initialization that
    /// was added) is no difference.
    static func differences(stored: [String: String], now: [String: String]) -> [String] {
        stored.sorted { $0.key < $1.key }.compactMap { name, old in
            guard let new = now[name], new != old else { return nil }
            return "\(name) was \(old), is now \(new)"
        }
    }
}

/// One row of the table of a sweep of `[[settings]]`.
struct RowSpec: Equatable {
    var label: String
    /// Index of the row's setting in the settings of the sweep.
    var setting: Int
}

/// One line of the figure.
struct CurveSpec: Equatable {
    /// The quantity on the x axis: a strength, with the loss ratio on the y axis; or the learning rate, with the test loss.
    enum Axis: Equatable {
        case strength(Strength)
        case learningRate
    }

    struct Point: Equatable {
        /// The value on the x axis.
        var strength: Double
        /// Index into the settings of the sweep.
        var setting: Int
    }

    var label: String
    var axis: Axis
    /// The strengths that all points share.
    var fixed: Strengths
    /// The constant λ₁/λ₂ of a curve on which λ₂ follows λ₁; nil for other curves.
    var ratio: Double?
    /// The points in ascending order of the x axis.
    var points: [Point]
}

struct FigureSpec: Equatable {
    /// The kind of figure.
    enum Kind: String, CaseIterable {
        /// Ratios over strengths, of [[curves]]: Figure 4 of the paper.
        case curves
        /// No figure: a table, of [[settings]].
        case table
        /// Where the trials of each setting spend their time, and what the landscape looks like there: Figure 2.
        case density
        /// Gap and variability of single trials: Figure 3.
        case trajectories
        /// Lemma 1, Lemma 2 and Proposition 1, measured.
        case theory

        /// The kinds that a sweep of [[settings]] may have; the first is the default.
        static let ofSettings = [Kind.table, .density, .trajectories, .theory]

        /// The value of `record` that the figure needs; nil where losses are enough.
        var record: Recording? {
            switch self {
            case .curves, .table: nil
            case .density: .trajectory
            case .trajectories, .theory: .variability
            }
        }

        /// The largest number of initializations that it shows; nil where it shows all.
        var shownInitializations: Int? {
            switch self {
            case .density: 8
            case .trajectories: 4
            case .curves, .table, .theory: nil
            }
        }
    }

    var title: String
    var kind = Kind.curves
    var xLabel = "strength (λ₁, or λ₂ where λ₁ = 0)"
    var yLabel = "test loss ÷ test loss of SGD"
    /// The training set whose trials `density` and `trajectories` show, with replicate 0.
    var trainingSet = 0
    /// The initializations whose paths `density` draws, and for which `trajectories` has panels.
    var initializations: [Int] = []
}
