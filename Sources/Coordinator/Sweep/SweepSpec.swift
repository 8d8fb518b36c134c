// SweepSpec.swift · Coordinator/Sweep, after SweepFile, before Grid. What a sweep file asks for, checked: plain values.

internal import Vocabulary

/// What one sweep file asks for.
struct SweepList: Equatable {
    /// Name of the results directory.
    var name: String
    /// The figure into which all parts are drawn together; nil for a file that is one sweep.
    var figure: FigureSpec?
    /// At least one. Each part has its results in a directory of its own below that of the file.
    var sweeps: [SweepSpec]
}

struct SweepSpec: Equatable {
    /// Name of the file, or of the part where a file has [[parts]]. Also the name of the figures; letters a to z, digits and hyphens.
    var name: String
    /// Master seed.
    var seed: UInt64
    var problem: String
    /// The parameters that all trials share.
    var parameters: [String: ParameterValue]
    /// The parameters that have one value for each initialization.
    var perInitialization: [String: [ParameterValue]]
    var trainingSets: Int, initializations: Int, replicates: Int
    /// The baselines first, then the settings of the curves or the rows in the order of the file, each once.
    var settings: [Setting]
    /// What the file asks for with `[[curves]]`, and with `[[settings]]`: one of the two is empty.
    var curves: [CurveSpec]
    var rows: [RowSpec] = []
    /// The share of the trials that a second worker computes again to compare the bits, 0…1. It moves no result.
    var audit = 0.0
    var figure: FigureSpec
    /// The folder of the data set as the file names it; nil for a problem that reads none.
    var dataFolder: String?
    var warnings: [SpecError]

    /// Whether the curves, of which there are some, are over learning rates.
    var isByRate: Bool { curves.first?.axis == .learningRate }

    var groupCount: Int { trainingSets * initializations * replicates }
    var trialCount: Int { groupCount * settings.count }

    var declaration: ProblemDeclaration { ProblemDeclaration.named(problem)! }

    /// The strengths that every table has a column of, whatever the problem.
    static let alwaysListed = [Strength.lambda1, .lambda2]

    /// The other strengths of which tables have a column: those of which the problem has a default, and those that a setting has.
    var alsoListed: [Strength] {
        declaration.strengths.filter { use in
            !Self.alwaysListed.contains(use.strength) && (use.defaultValue != 0 || settings.contains { $0.strengths[use.strength] != 0 })
        }.map(\.strength)
    }

    /// Whether its trials read files of a data set.
    var needsData: Bool { declaration.parameters.contains { $0.kind == .file } }

    /// The parameters of a group with this initialization.
    func parameters(ofInitialization index: Int) -> [String: ParameterValue] {
        parameters.merging(perInitialization.mapValues { $0[index] }) { _, own in own }
    }

    /// What every stored trial depends on, by name: a store with another value has trials of another sweep. Lists that may grow are not in
    /// it (strengths, curves, learning rates, training sets, replicates), and of the initializations the value of each.
    var base: [String: String] {
        var base = ["problem": problem, "seed": "\(seed)"]
        for (name, value) in parameters { base[name] = value.description }
        for (name, values) in perInitialization {
            for (index, value) in values.enumerated() { base["\(name) of initialization \(index)"] = value.description }
        }
        return base
    }

    /// What differs between the base of a store and the base now, in words. What only one of them has (an initialization that was
    /// added) is no difference.
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
    /// Index into the settings of the sweep.
    var setting: Int
}

/// One line of the figure.
struct CurveSpec: Equatable {
    /// What is on the x axis: a strength, with the ratio to the baseline on the other; or the learning rate, with the test loss.
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
    /// The strengths that are the same at all points.
    var fixed: Strengths
    /// λ₁/λ₂, where λ₂ follows λ₁ along the axis.
    var ratio: Double?
    /// In order of the x axis.
    var points: [Point]
}

struct FigureSpec: Equatable {
    /// What is drawn.
    enum Kind: String, CaseIterable {
        /// Ratios over strengths, of [[curves]]: Figure 4 of the paper.
        case curves
        /// Nothing: a table, of [[settings]].
        case table
        /// Where the trials of each setting spend their time, and what the landscape looks like there: Figure 2.
        case density
        /// Gap and variability of single trials: Figure 3.
        case trajectories
        /// Lemma 1, Lemma 2 and Proposition 1, measured.
        case theory

        /// The kinds that a sweep of [[settings]] may have; the first where the file says nothing.
        static let ofSettings = [Kind.table, .density, .trajectories, .theory]

        /// What trials must record for it; nil where losses are enough.
        var record: Recording? {
            switch self {
            case .curves, .table: nil
            case .density: .trajectory
            case .trajectories, .theory: .variability
            }
        }

        /// The most initializations that it shows; nil where it shows all.
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
    /// The training set whose trials `density` and `trajectories` show; of replicate 0.
    var trainingSet = 0
    /// The initializations whose paths `density` draws, and of which `trajectories` has panels.
    var initializations: [Int] = []
}
