// Landscape.swift · Wire/Vocabulary/Problems. The declaration of the idealized experiment; its kernels are in Compute/Landscape.

extension ProblemDeclaration {
    /// The paper's section 2.4 and appendix A.1; Docs/numerics.md, "Landscape".
    public static let landscape = ProblemDeclaration(
        name: "landscape",
        summary: "the idealized experiment of the paper's section 2.4 and appendix A.1 (Table 1, Figures 2 and 3)",
        parameters: [
            ParameterDeclaration("candidates", .integer(1...65_536), in: .problem, default: 30, "C, functions of the population"),
            ParameterDeclaration(
                "samples", .integer(1...65_536), in: .problem, default: 30, "N, functions of a training set, drawn with replacement"),
            ParameterDeclaration(
                "maximum_probability", .real(RealRange(0...1)), in: .problem, default: 0.35,
                "ρ, the probability that a candidate's second critical point is a maximum"),
            height("minimum_height", 31, "mean depth of the minimum at (7, 7)"),
            height("minimum_height_deviation", 3.1, "standard deviation of that depth"),
            width("minimum_width", 1.9, "mean width of the minimum at (7, 7)"),
            height("minimum_width_deviation", 0.19, "standard deviation of that width"),
            height("second_height", 44, "mean height or depth of the second critical point"),
            height("second_height_deviation", 4.4, "standard deviation of that height"),
            width("second_width", 0.83, "mean width of the second critical point"),
            height("second_width_deviation", 0.083, "standard deviation of that width"),
            ParameterDeclaration(
                "offset", .real(RealRange(-1e6...1e6)), in: .problem, default: 36.0, "added to every loss, so that losses have ratios"),
            ParameterDeclaration(
                "initializations_per_side", .integer(2...256), in: .problem, default: 10,
                "initialization i is point i of a square grid of so many by so many on the domain"),
            ParameterDeclaration("batch_size", .integer(1...65_536), in: .training, default: 2, "B, drawn with replacement"),
            ParameterDeclaration("epochs", .integer(1...1_000_000_000), in: .training, default: 200, "iterations"),
            ParameterDeclaration(
                "learning_rate_decay", .real(RealRange(0...1, excludesMinimum: true)), in: .training, default: 0.99,
                "factor of the learning rate after each iteration"),
            ParameterDeclaration(
                "noise_deviation", .real(RealRange(0...1e6)), in: .training, default: 1.25, "σ, standard deviation of the noise of noisy-gd"
            ),
            ParameterDeclaration(
                "precision", .choice([Precision.float64]), in: .training, default: "float64", "arithmetic of the training step"),
            record(Recording.allCases),
        ],
        algorithms: Algorithm.allCases, strengths: [StrengthUse(.lambda1), StrengthUse(.lambda2), StrengthUse(.momentum)],
        series: [.x, .y, .covarianceTrace].map { SeriesDeclaration($0, .path, [.trajectory, .variability]) }
            + [SeriesName.mapPopulationLoss, .mapTrainingLoss, .mapGradientNorm, .mapCovarianceTrace].map {
                SeriesDeclaration($0, .fixed(LandscapeDomain.mapPoints * LandscapeDomain.mapPoints), [.trajectory])
            } + theorySeries,
        lanes: 8,
        initializations: { $0.integer("initializations_per_side") * $0.integer("initializations_per_side") },
        settingConflicts: { setting, configuration in
            var found: [ParameterError] = []
            if setting.algorithm != Algorithm.sgd.rawValue, setting.strengths[.lambda2] != 0 {
                let message = "allowed is 0 with \(setting.algorithm), which has no mini-batch that could deviate"
                found.append(ParameterError("lambda2", "found \(setting.strengths[.lambda2].shortestText), \(message)"))
            }
            if configuration.choice("record") == Recording.variability, setting.strengths[.momentum] != 0 {
                let message = "allowed is 0 with record = \"variability\": the lemmas are about steps without memory"
                found.append(ParameterError("momentum", "found \(setting.strengths[.momentum].shortestText), \(message)"))
            }
            return found
        },
        // Each candidate has two bumps, each with an exponential (40 flop) and its terms in gradient and Hessian (40): in every iteration for
        // the candidates in the training set, and at the points of the curve for all.
        flops: { configuration, _ in
            func number(_ name: String) -> Double { Double(configuration.integer(name)) }
            let (candidates, samples, epochs) = (number("candidates"), number("samples"), number("epochs"))
            let copies = configuration.choice("record") == Recording.variability ? samples * candidates : 0
            return epochs * (1 + copies) * min(candidates, samples) * 160 + min(Double(CurveRule.points), epochs) * candidates * 90
        }, flopsPerSecond: 10e9, conflicts: recordConflicts)

    private static func height(_ name: String, _ value: Double, _ summary: String) -> ParameterDeclaration {
        ParameterDeclaration(name, .real(RealRange(0...1e6)), in: .problem, default: .real(value), summary)
    }

    /// Declares a width. Its range is chosen so that no square of a width overflows or underflows.
    private static func width(_ name: String, _ value: Double, _ summary: String) -> ParameterDeclaration {
        ParameterDeclaration(name, .real(RealRange(0.001...1e6)), in: .problem, default: .real(value), summary)
    }
}

/// The domain of the landscape's parameters. Inlinable, since kernels read it in loops.
public enum LandscapeDomain {
    /// θ stays in [0, side]².
    @inlinable public static var side: Double { 8.0 }
    /// The better of the two minima.
    public static let minimum = SIMD2(7.0, 7.0)
    /// Points on each side of an initialization's cell of the map.
    public static let mapPoints = 8
}
