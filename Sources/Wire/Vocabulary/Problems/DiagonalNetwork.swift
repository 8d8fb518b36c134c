// DiagonalNetwork.swift · Wire/Vocabulary/Problems. The declaration of the diagonal linear network; its kernels are in
// Compute/DiagonalNetwork.

extension ProblemDeclaration {
    /// The paper's appendix A.2; Docs/numerics.md, "Diagonal linear network".
    public static let diagonalNetwork = ProblemDeclaration(
        name: "diagonal-network",
        summary: "the diagonal linear network of the paper's appendix A.2 (Figure 4)",
        parameters: [
            ParameterDeclaration("dimension", .integer(1...65_536), in: .problem, default: 100, "d, the length of an input"),
            ParameterDeclaration("samples", .integer(1...65_536), in: .problem, default: 40, "N, samples of a training set"),
            ParameterDeclaration("nonzero", .integer(0...65_536), in: .problem, default: 5, "entries of β that are not 0"),
            ParameterDeclaration(
                "signal_variance", .real(RealRange(0...1e6)), in: .problem, default: 2.0, "variance of those entries"),
            ParameterDeclaration("noise_variance", .real(RealRange(0...1e6)), in: .problem, default: 1.0, "variance of the labels' noise"),
            ParameterDeclaration("batch_size", .integer(1...65_536), in: .training, default: 1, "B, which divides N"),
            ParameterDeclaration(
                "epochs", .integer(1...1_000_000_000), in: .training, default: 200, "passes over the training set"),
            ParameterDeclaration(
                "precision", .choice(Precision.allCases), in: .training, default: "float32", "arithmetic of the training step"),
            ParameterDeclaration(
                "initialization_scale", .real(RealRange(0...1e3, excludesMinimum: true)), in: .grid, isPerInitialization: true,
                "standard deviation of the entries of a and b at the start"),
            record([.losses, .variability]),
            ParameterDeclaration(
                "replacements", .integer(1...4096), in: .problem, default: 8,
                "fresh samples that replace each sample of the training set in turn, where the variability is recorded"),
        ],
        algorithms: [.sgd], strengths: [StrengthUse(.lambda1), StrengthUse(.lambda2), StrengthUse(.momentum)],
        series: theorySeries + [SeriesDeclaration(.covarianceTrace, .path, [.variability])], lanes: 16,
        settingConflicts: variabilityConflicts,
        // Six passes over X or X² a step, one fused multiply-add (2 flop) an element. The variability: steps of the copies that touch the
        // batch alone and a pass at the end of each epoch, 7 fused multiply-adds an element; and squares of gradients, of (2d)² ÷ 2 each.
        flops: { configuration, _ in
            func number(_ name: String) -> Double { Double(configuration.integer(name)) }
            let (d, n, epochs) = (number("dimension"), number("samples"), number("epochs"))
            let training = epochs * n / number("batch_size") * 12 * n * d
            guard configuration.choice("record") == Recording.variability else { return training }
            return training + epochs * (n * number("replacements") * 14 * n * d + (3 * n + 86) * 4 * d * d)
        },
        conflicts: { configuration in
            let (d, n) = (configuration.integer("dimension"), configuration.integer("samples"))
            let nonzero = configuration.integer("nonzero"), batch = configuration.integer("batch_size")
            var found = recordConflicts(configuration)
            if configuration.choice("record") == Recording.variability {
                if configuration.choice("precision") != Precision.float64 {
                    found.append(ParameterError("precision", "found \"float32\", allowed is \"float64\" with record = \"variability\""))
                }
                if d > DiagonalNetworkLimit.recordedDimension {
                    let most = DiagonalNetworkLimit.recordedDimension
                    found.append(ParameterError("dimension", "found \(d), allowed are at most \(most) with record = \"variability\""))
                }
            }
            if nonzero > d { found.append(ParameterError("nonzero", "found \(nonzero), which is more than dimension = \(d)")) }
            if batch > n || n % batch != 0 {
                let message = "found \(batch), which does not divide samples = \(n): each epoch uses every sample once"
                found.append(ParameterError("batch_size", message))
            }
            if d * n > DiagonalNetworkLimit.inputs {
                let most = DiagonalNetworkLimit.inputs
                found.append(ParameterError("samples", "found \(n), which with dimension = \(d) is more than \(most) inputs"))
            }
            return found
        },
        warnings: { configuration in
            let scale = configuration.real("initialization_scale")
            guard scale >= 0.7 else { return [] }
            let message = "\(scale): runs from scales of 0.7 and more diverge even without a penalty"
            return [ParameterError("initialization_scale", message)]
        })
}

/// Sizes that memory sets.
enum DiagonalNetworkLimit {
    /// 2²⁴ inputs (d·N): their eight copies, as drawn, rounded and packed, take 1 GiB in Float64.
    static let inputs = 1 << 24
    /// d = 2¹⁰ where the variability is recorded: the covariances, each of shape (2d, 2d), take 160 MiB.
    static let recordedDimension = 1 << 10
}
