// Landscape.swift · Wire/Vocabulary/Problems. What a sweep file may say about the idealized experiment; its kernels are in
// Compute/Problems.

extension ProblemDeclaration {
    /// The paper's section 2.4 and appendix A.1; Docs/numerics.md.
    public static let landscape = ProblemDeclaration(
        name: "landscape",
        parameters: [
            ParameterDeclaration("candidates", .integer(1...65_536), in: "problem", standard: .integer(30)),
            ParameterDeclaration("samples", .integer(1...65_536), in: "problem", standard: .integer(30)),
            ParameterDeclaration("maximum_probability", .real(0...1, excludesMinimum: false), in: "problem", standard: .real(0.35)),
            ParameterDeclaration("minimum_height", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(31)),
            ParameterDeclaration("minimum_height_deviation", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(3.1)),
            ParameterDeclaration("minimum_width", .real(0.001...1e6, excludesMinimum: false), in: "problem", standard: .real(1.9)),
            ParameterDeclaration("minimum_width_deviation", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(0.19)),
            ParameterDeclaration("second_height", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(44)),
            ParameterDeclaration("second_height_deviation", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(4.4)),
            ParameterDeclaration("second_width", .real(0.001...1e6, excludesMinimum: false), in: "problem", standard: .real(0.83)),
            ParameterDeclaration("second_width_deviation", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(0.083)),
            ParameterDeclaration("offset", .real(-1e6...1e6, excludesMinimum: false), in: "problem", standard: .real(36)),
            ParameterDeclaration("initializations_per_side", .integer(2...256), in: "problem", standard: .integer(10)),
            ParameterDeclaration("batch_size", .integer(1...65_536), in: "training", standard: .integer(2)),
            ParameterDeclaration("epochs", .integer(1...1_000_000_000), in: "training", standard: .integer(200)),
            ParameterDeclaration("learning_rate_decay", .real(0...1, excludesMinimum: true), in: "training", standard: .real(0.99)),
            ParameterDeclaration("noise_deviation", .real(0...1e6, excludesMinimum: false), in: "training", standard: .real(1.25)),
            ParameterDeclaration("precision", .choice(["float64"]), in: "training", standard: .text("float64")),
            record,
        ],
        algorithms: ["sgd", "gd", "noisy-gd", "noisy-gd-matched"], lanes: 8,
        initializations: { Int($0.integer("initializations_per_side") * $0.integer("initializations_per_side")) },
        settingConflicts: { setting, _ in
            guard setting.algorithm != "sgd", setting.lambda2 != 0 else { return [] }
            return [
                ("lambda2", "found \(setting.lambda2), allowed is 0 with \(setting.algorithm), which has no mini-batch that could deviate")
            ]
        },
        // Two bumps a candidate: an exponential (40 flop) and its place in gradient and Hessian (40) each, in every iteration for those in the
        // training set, and at 50 points of the curve for all.
        flops: { values, _ in
            let (candidates, samples, epochs) = (values.integer("candidates"), values.integer("samples"), values.integer("epochs"))
            let copies = values["record"] == .text("variability") ? samples * candidates : 0
            return epochs * (1 + copies) * min(candidates, samples) * 160 + min(50, epochs) * candidates * 90
        }, flopsPerSecond: 10e9,
        resultBytes: { recordedBytes($0, series: 10, others: 4 * 64) }, conflicts: recordConflicts, warnings: { _ in [] })
}
