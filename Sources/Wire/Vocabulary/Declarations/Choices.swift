// Choices.swift · Wire/Vocabulary/Declarations. What a sweep file may choose by a word. The raw values are the words, and part of trial keys.

/// The direction that a training step follows.
public enum Algorithm: String, Sendable, Hashable, CaseIterable {
    /// The gradient of a mini-batch.
    case sgd
    /// The gradient of the whole training set.
    case gd
    /// The gradient of the whole training set with normal noise of a declared standard deviation.
    case noisyGD = "noisy-gd"
    /// The gradient of the whole training set with normal noise that is as strong as SGD's own.
    case noisyGDMatched = "noisy-gd-matched"
}

/// The arithmetic of the training step. Data, losses and constants are computed in Float64 either way.
public enum Precision: String, Sendable, Hashable, CaseIterable {
    case float32, float64
}

/// What a trial leaves besides its losses. It is part of the trial's key, because it is part of the result.
public enum Recording: String, Sendable, Hashable, CaseIterable {
    /// Losses alone.
    case losses
    /// Losses, the path of the parameters, and properties of the problem along it.
    case trajectory
    /// Losses, and measurements of how the solution depends on the training set: Lemma 1, Lemma 2 and Proposition 1 of the paper.
    case variability

    /// The most epochs of a trial that leaves series: a series has one number for each epoch and one for the start.
    public static let epochs = Limits.seriesValues - 1
}

/// The layer after the ReLU of a convolution.
public enum Pooling: String, Sendable, Hashable, CaseIterable {
    /// The largest of 2 × 2 activations; the first of them, row by row, where several are equal.
    case max
    case none
}
