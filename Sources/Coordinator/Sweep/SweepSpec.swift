// SweepSpec.swift · Coordinator/Sweep, after SweepFile, before Grid. What a sweep file asks for, checked: plain values.

internal import Vocabulary
internal import Wire

/// What one sweep file asks for.
struct SweepList: Equatable {
    /// Names the results directory.
    var name: String
    /// What all parts are drawn into together; nil for a file that is one sweep.
    var figure: FigureSpec?
    /// At least one. Each part has its results in a directory of its own below that of the file.
    var sweeps: [SweepSpec]
}

struct SweepSpec: Equatable {
    /// Of the file, or of the part where a file has [[parts]]. Also the name of the figures; letters a to z, digits and hyphens.
    var name: String
    /// Master seed.
    var seed: UInt64
    var problem: String
    /// Configuration that all trials share.
    var parameters: [String: ParameterValue]
    /// Values that belong to one initialization each, by parameter.
    var perInitialization: [String: [ParameterValue]]
    var trainingSets: Int, initializations: Int, repeats: Int
    /// The baseline setting of every learning rate first, then those of the curves or the rows in the order of the file, each once.
    var settings: [Setting]
    /// What the file asks for with `[strengths]` and `[[curves]]`, and with `[[settings]]`: one of the two is empty.
    var curves: [CurveSpec]
    var rows: [RowSpec] = []
    /// The share of the trials that a second worker computes again to compare the bits, 0…1. Moves no result.
    var audit = 0.0
    var figure: FigureSpec
    /// Of a problem that reads a data set, as the file names it; nil where it does not.
    var dataFolder: String?
    var warnings: [SpecError]

    /// Whether the curves, of which there are some, are over learning rates.
    var isByRate: Bool { curves.first?.axis == .learningRate }

    var groupCount: Int { trainingSets * initializations * repeats }
    var trialCount: Int { groupCount * settings.count }

    var declaration: ProblemDeclaration { ProblemDeclaration.named(problem)! }

    /// Whether its trials read the files of a data set.
    var needsData: Bool { declaration.parameters.contains { $0.kind == .file } }

    /// Configuration of a group with this initialization.
    func parameters(ofInitialization index: Int) -> [String: ParameterValue] {
        parameters.merging(perInitialization.mapValues { $0[index] }) { _, own in own }
    }

    /// By name, what every stored trial depends on: a change of it makes them foreign. Lists that may grow are not in it (strengths,
    /// curves, learning rates, training sets, repeats), and of the initializations each one's own value.
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

/// One line of the table of a sweep without a strength axis.
struct RowSpec: Equatable {
    var label: String
    var setting: Setting
}

/// One line of the figure.
struct CurveSpec: Equatable {
    /// What is on the x axis: a strength, with the ratio to SGD on the other; or the learning rate, with the test loss.
    enum Axis: Equatable { case lambda1, lambda2, learningRate }

    /// What the other strength does.
    enum Relation: Equatable {
        case fixed(Double)
        /// λ1/λ2.
        case ratio(Double)
    }

    struct Point: Equatable {
        /// Where it stands on the x axis, be it a strength or a learning rate.
        var strength: Double
        var setting: Setting
    }

    var label: String
    var axis: Axis
    var relation: Relation
    /// In order of strength.
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

        /// Those that [[settings]] may have; the first without a word.
        static let ofSettings = [Kind.table, .density, .trajectories, .theory]

        /// What trials must leave for it; nil where losses are enough.
        var record: String? {
            switch self {
            case .curves, .table: nil
            case .density: "trajectory"
            case .trajectories, .theory: "variability"
            }
        }
    }

    var title: String
    var kind = Kind.curves
    var xLabel = "strength (λ₁, or λ₂ where λ₁ = 0)"
    var yLabel = "test loss ÷ test loss of SGD"
    /// Whose trials `density` and `trajectories` show; of repeat 0.
    var trainingSet = 0
    /// Those whose paths `density` draws, and those that `trajectories` has panels of.
    var initializations: [Int] = []
}
