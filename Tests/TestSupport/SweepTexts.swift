// SweepTexts.swift · Tests/TestSupport. Sweep files that several test targets read.

public enum SweepTexts {
    /// Two settings of the convolutional network from two initializations: 4 trials on 64 images.
    public static func network(epochs: Int) -> String {
        """
        name = "network"
        [problem]
        kind = "convolutional-network"
        samples = 64
        [training]
        learning_rates = [0.1]
        epochs = \(epochs)
        [grid]
        training_sets = 1
        initializations = 2
        repeats = 1
        [[curves]]
        label = "λ₂ = 0"
        [[curves]]
        label = "λ₂ = 0.01"
        lambda2 = 0.01
        """
    }
}
