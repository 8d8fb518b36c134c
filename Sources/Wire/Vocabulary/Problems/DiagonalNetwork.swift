// DiagonalNetwork.swift · Wire/Vocabulary/Problems. What a sweep file may say about the diagonal linear network; its kernels are in
// Compute/Problems.

extension ProblemDeclaration {
    /// The paper's appendix A.2; Docs/numerics.md.
    public static let diagonalNetwork = ProblemDeclaration(
        name: "diagonal-network",
        parameters: [
            ParameterDeclaration("dimension", .integer(1...65_536), in: "problem", standard: .integer(100)),
            ParameterDeclaration("samples", .integer(1...65_536), in: "problem", standard: .integer(40)),
            ParameterDeclaration("nonzero", .integer(0...65_536), in: "problem", standard: .integer(5)),
            ParameterDeclaration("signal_variance", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(2)),
            ParameterDeclaration("noise_variance", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(1)),
            ParameterDeclaration("batch_size", .integer(1...65_536), in: "training", standard: .integer(1)),
            ParameterDeclaration("epochs", .integer(1...1_000_000_000), in: "training", standard: .integer(200)),
            ParameterDeclaration("precision", .choice(["float32", "float64"]), in: "training", standard: .text("float32")),
            ParameterDeclaration("initialization_scale", .real(0...1e3, excludesMinimum: true), in: "grid"),
            ParameterDeclaration("record", .choice(["losses", "variability"]), in: "problem", standard: .text("losses")),
            ParameterDeclaration("replacements", .integer(1...4096), in: "problem", standard: .integer(8)),
        ],
        algorithms: ["sgd"], lanes: 16, initializations: { _ in 65_536 },
        settingConflicts: { setting, values in
            guard values["record"] == .text("variability") else { return [] }
            let strengths = [("lambda1", setting.lambda1), ("lambda2", setting.lambda2)].filter { $0.1 != 0 }
            return strengths.map { ($0, "found \($1), allowed is 0 with record = \"variability\", which is about SGD alone") }
        },
        // Six passes over X or X² a step, one fused multiply-add (2 flop) an element. The variability: steps of the copies that touch the
        // batch alone and a pass at the end of each epoch, 7 fused multiply-adds an element; and squares of gradients, of (2d)² ÷ 2 each.
        flops: { values, _ in
            let (d, n, epochs) = (values.integer("dimension"), values.integer("samples"), values.integer("epochs"))
            let training = epochs * n / values.integer("batch_size") * 12 * n * d
            guard values["record"] == .text("variability") else { return training }
            return training + epochs * (n * values.integer("replacements") * 14 * n * d + (3 * n + 86) * 4 * d * d)
        },
        resultBytes: { recordedBytes($0, series: 6, others: 11) },
        conflicts: { values in
            let (d, n) = (values.integer("dimension"), values.integer("samples"))
            var found = recordConflicts(values)
            if values["record"] == .text("variability") {
                if values["precision"] != .text("float64") {
                    found.append(("precision", "found \"float32\", allowed is \"float64\" with record = \"variability\""))
                }
                if d > 1024 {
                    found.append(("dimension", "found \(Int(d)), allowed are at most 1024 with record = \"variability\""))
                }
            }
            if values.integer("nonzero") > d {
                found.append(("nonzero", "found \(Int(values.integer("nonzero"))), which is more than dimension = \(Int(d))"))
            }
            if values.integer("batch_size") > n || n.truncatingRemainder(dividingBy: values.integer("batch_size")) != 0 {
                found.append(
                    (
                        "batch_size",
                        "found \(Int(values.integer("batch_size"))), which does not divide samples = \(Int(n)): each epoch uses every sample once"
                    ))
            }
            if d * n > 16_777_216 {
                found.append(("samples", "found \(Int(n)), which with dimension = \(Int(d)) is more than 16777216 inputs"))
            }
            return found
        },
        warnings: { values in
            guard case .real(let scale) = values["initialization_scale"], scale >= 0.7 else { return [] }
            return [("initialization_scale", "\(scale): runs from scales of 0.7 and more diverge even without a penalty")]
        })
}
