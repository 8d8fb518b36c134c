// ConvolutionalNetwork.swift · Wire/Vocabulary/Problems. What a sweep file may say about the convolutional network; its kernels are in
// Compute/Problems and Compute/Kernels.

extension ProblemDeclaration {
    /// The paper's appendix A.3; Docs/numerics.md.
    public static let convolutionalNetwork = ProblemDeclaration(
        name: "convolutional-network",
        parameters: [
            ParameterDeclaration("training_images", .file, in: ""),
            ParameterDeclaration("training_labels", .file, in: ""),
            ParameterDeclaration("test_images", .file, in: ""),
            ParameterDeclaration("test_labels", .file, in: ""),
            ParameterDeclaration("samples", .integer(1...16_777_216), in: "problem", standard: .integer(60_000)),
            ParameterDeclaration("pool", .choice(["max", "none"]), in: "problem", standard: .text("max")),
            ParameterDeclaration("batch_size", .integer(1...1024), in: "training", standard: .integer(32)),
            ParameterDeclaration("epochs", .integer(1...1_000_000), in: "training", standard: .integer(400)),
            ParameterDeclaration("learning_rate_decay", .real(0...1, excludesMinimum: true), in: "training", standard: .real(0.99)),
            ParameterDeclaration("clip_norm", .real(0...1e6, excludesMinimum: false), in: "training", standard: .real(1)),
            ParameterDeclaration("batch_gradient_every", .integer(0...1_000_000), in: "training", standard: .integer(0)),
            ParameterDeclaration("precision", .choice(["float32"]), in: "training", standard: .text("float32")),
        ],
        algorithms: ["sgd"], numericsVersion: 2, lanes: 1,
        settingConflicts: { setting, _ in
            guard setting.lambda1 != 0 else { return [] }
            return [("lambda1", "found \(setting.lambda1), allowed is 0: Reg1 is not defined for this problem")]
        },
        // Forward and backward of an image as dense products, 25 Mflop with pooling; Reg2's product costs as much again and a little more;
        // the loss on all images at the points of the curve costs a third of it.
        flops: { values, setting in
            let image = 25e6 * (values["pool"] == .text("none") ? 10.0 : 1.0)
            let (samples, epochs) = (values.integer("samples"), values.integer("epochs"))
            let stride = (epochs / 50).rounded(.up)
            return epochs * samples * image * (setting.lambda2 > 0 ? 2.1 : 1) + epochs / stride * (samples + 10_000) * image / 3
        }, flopsPerSecond: 100e9,
        conflicts: { values in
            guard values.integer("batch_size") > values.integer("samples") else { return [] }
            return [
                ("batch_size", "found \(Int(values.integer("batch_size"))), which is more than samples = \(Int(values.integer("samples")))")
            ]
        }, weightDecay: 0.01, isLong: true)
}
