// ConvolutionalNetwork.swift · Wire/Vocabulary/Problems. The declaration of the convolutional network; its kernels are in
// Compute/ConvolutionalNetwork.

extension ProblemDeclaration {
    /// The paper's appendix A.3; Docs/numerics.md, "Convolutional network".
    public static let convolutionalNetwork = ProblemDeclaration(
        name: "convolutional-network",
        summary: "the convolutional network of the paper's appendix A.3 (Figure 5)",
        parameters: [
            ParameterDeclaration("training_images", .file, "images of the training set"),
            ParameterDeclaration("training_labels", .file, "classes of those images"),
            ParameterDeclaration("test_images", .file, "images of the test set"),
            ParameterDeclaration("test_labels", .file, "classes of those images"),
            ParameterDeclaration(
                "samples", .integer(1...16_777_216), in: .problem, default: 60_000, "N: the first so many training images"),
            ParameterDeclaration(
                "pool", .choice(Pooling.allCases), in: .problem, default: "max", "what follows the ReLU of each convolution"),
            ParameterDeclaration(
                "batch_size", .integer(1...1024), in: .training, default: 32, "B; an incomplete last batch of an epoch is left out"),
            ParameterDeclaration(
                "epochs", .integer(1...1_000_000), in: .training, default: 400, "passes over the training set"),
            ParameterDeclaration(
                "learning_rate_decay", .real(RealRange(0...1, excludesMinimum: true)), in: .training, default: 0.99,
                "factor of the learning rate after each epoch"),
            ParameterDeclaration(
                "clip_norm", .real(RealRange(0...1e6)), in: .training, default: 1.0,
                "norm to which a longer direction (gradient, penalty and decay together) is shortened; 0 for none"),
            ParameterDeclaration(
                "batch_gradient_every", .integer(0...1_000_000), in: .training, default: 0,
                "0: Reg2 is λ2‖g_B‖². k: it is λ2‖g_B − ḡ‖², with ḡ taken anew at every k-th step of an epoch"),
            ParameterDeclaration(
                "precision", .choice([Precision.float32]), in: .training, default: "float32", "arithmetic of the training step"),
        ],
        algorithms: [.sgd], strengths: [StrengthUse(.lambda2), StrengthUse(.weightDecay, default: 0.01)],
        series: [SeriesDeclaration(.testAccuracy, .curve)], numericsVersion: 2, lanes: 1,
        // Forward and backward of an image as dense products, 25 Mflop with pooling; Reg2's product costs as much again and a little more;
        // the loss on all images at the points of the curve costs a third of it.
        flops: { configuration, setting in
            let image = 25e6 * (configuration.choice("pool") == Pooling.none ? 10.0 : 1.0)
            let (samples, epochs) = (Double(configuration.integer("samples")), configuration.integer("epochs"))
            let training = Double(epochs) * samples * image * (setting.strengths[.lambda2] > 0 ? 2.1 : 1)
            return training + Double(epochs) / Double(CurveRule(epochs: epochs).stride) * (samples + 10_000) * image / 3
        }, flopsPerSecond: 100e9,
        conflicts: { configuration in
            let (samples, batch) = (configuration.integer("samples"), configuration.integer("batch_size"))
            return batch > samples ? [ParameterError("batch_size", "found \(batch), which is more than samples = \(samples)")] : []
        }, isLong: true)
}

/// The form of the images that the network reads, which is that of Fashion-MNIST. Inlinable, since kernels read it in loops.
public enum ImageFormat {
    /// Rows and columns of a grey image.
    @inlinable public static var side: Int { 28 }
    @inlinable public static var pixels: Int { side * side }
    @inlinable public static var classes: Int { 10 }
}
