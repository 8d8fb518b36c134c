// SweepKeys.swift · Coordinator/Sweep, for SweepFile and SweepReference. The keys of a sweep file that belong to no problem.

internal import Vocabulary

enum SweepKeys {
    static let name = ParameterDeclaration(
        "name", .text(1...64), "name of the results directory and the figures: letters a to z, digits and hyphens")
    static let seed = ParameterDeclaration(
        "seed", .integer(0...Int.max), default: 1, "master seed of all random numbers; `--seed` takes its place")
    static let audit = ParameterDeclaration(
        "audit", .real(RealRange(0...1)), default: 0.0, "share of the trials that a second worker computes again to compare the bits")
    static let data = ParameterDeclaration(
        "data", .text(0...Int.max), "folder of the data set of a problem that reads one; may be left out where `--data` names it")

    static let kind = ParameterDeclaration("kind", .choice(ProblemDeclaration.all.map(\.name)), in: .problem, "the problem")

    static let learningRates = ParameterDeclaration(
        "learning_rates", .list(of: .real(RealRange(0...1e3, excludesMinimum: true)), count: 1...Int.max), in: .training,
        "η, constant or at the start of its schedule; each setting is trained with every one")
    static let algorithm = ParameterDeclaration(
        "algorithm", .choice(Algorithm.allCases), in: .training, default: "sgd", "what the steps of all curves follow")

    static let trainingSets = ParameterDeclaration("training_sets", .integer(1...65_536), in: .grid, "training sets")
    static let initializations = ParameterDeclaration(
        "initializations", .integer(1...65_536), in: .grid,
        "initializations; left out where a parameter is a list with one value for each, and fewer where a problem has fewer")
    static let repeats = ParameterDeclaration(
        "repeats", .integer(1...16_777_216), in: .grid, "replicates: other orders of the samples of one training set and initialization")

    static let values = ParameterDeclaration(
        "values", .list(of: .real(RealRange(0...1e6, excludesMinimum: true)), count: 1...Int.max), "the strengths on the x axis")
    static let from = ParameterDeclaration("from", .real(RealRange(-12...6)), "exponent of 10 of the smallest strength")
    static let to = ParameterDeclaration("to", .real(RealRange(-12...6)), "exponent of 10 of the largest strength")
    static let perDecade = ParameterDeclaration("per_decade", .integer(1...100), "strengths for each factor of 10")

    static let axis = ParameterDeclaration(
        "axis", .choice(Strength.all.map(\.name)), "the strength on the x axis; the others are fixed, a penalty at 0 where nothing is said")
    static let label = ParameterDeclaration("label", .text(1...40), "name in the legend and in tables")
    static let ratio = ParameterDeclaration(
        "ratio", .real(RealRange(1e-6...1e6)), "λ₁/λ₂, with λ₁ on the x axis; in place of `lambda1` or `lambda2`")

    static let rowAlgorithm = ParameterDeclaration("algorithm", .choice(Algorithm.allCases), "what the steps of this setting follow")

    static let figureKind = ParameterDeclaration(
        "kind", .choice(FigureSpec.Kind.allCases.filter { $0 != .table }),
        "what is drawn: `curves` of `[[curves]]`, which is the default there; `density`, `trajectories` or `theory` of `[[settings]]`")
    static let title = ParameterDeclaration("title", .text(0...Int.max), "title of the figure; the sweep's name where it is left out")
    static let xLabel = ParameterDeclaration("x_label", .text(0...Int.max), "label of the x axis; may be left out")
    static let yLabel = ParameterDeclaration("y_label", .text(0...Int.max), "label of the y axis; may be left out")
    static let trainingSet = ParameterDeclaration(
        "training_set", .integer(0...65_535), default: 0, "the training set whose trials the figure shows, of replicate 0")
    /// The largest number of initializations that a figure of any kind can show.
    static let mostShown = FigureSpec.Kind.allCases.compactMap(\.shownInitializations).max()!

    /// The key `figure.initializations`.
    /// - Parameter most: the largest number of initializations that the figure can show.
    static func shown(atMost most: Int) -> ParameterDeclaration {
        ParameterDeclaration(
            "initializations", .list(of: .integer(0...65_535), count: 1...most), "the initializations whose trials the figure shows")
    }
}
