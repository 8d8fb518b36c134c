// Choices.swift · Wire/Vocabulary/Declarations. What a sweep file may choose by a word. The raw values are the words, and part of trial keys.

/// What a training step follows.
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

/// Arithmetic of the training step. Data, losses and constants are made in Float64 either way.
public enum Precision: String, Sendable, Hashable, CaseIterable {
    case float32, float64
}

/// What a trial leaves besides its losses. A trial that leaves more has another key: what it leaves is part of its result.
public enum Recording: String, Sendable, Hashable, CaseIterable {
    /// Losses alone.
    case losses
    /// The path of the parameters as well, and what the problem looks like along it.
    case trajectory
    /// How the solution depends on the training set: Lemma 1, Lemma 2 and Proposition 1 of the paper, measured.
    case variability

    /// The most epochs of a trial that leaves series: a series has one number for each epoch and one for the start.
    public static let epochs = Limits.seriesValues - 1
}

/// What follows the ReLU of a convolution.
public enum Pooling: String, Sendable, Hashable, CaseIterable {
    /// The largest of 2 × 2 activations; the first in reading order where several are.
    case max
    case none
}
