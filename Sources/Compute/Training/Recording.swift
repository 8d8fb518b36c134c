// Recording.swift · Compute/Training. What a problem is asked to leave of a trial besides its losses.

/// A trial that leaves more has another key: what it leaves is part of its result.
public enum Recording: String, Sendable, Hashable, CaseIterable {
    /// Losses alone.
    case losses
    /// The path of the parameters as well, and what the problem looks like along it.
    case trajectory
    /// How the solution depends on the training set: Lemma 1, Lemma 2 and Proposition 1 of the paper, measured.
    case variability

    /// The most epochs of a trial that leaves series: a series has a number for each and one for the start.
    public static let epochs = (1 << 14) - 1
}
