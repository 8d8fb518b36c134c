// Stopwatch.swift · Wire/System. The monotonic clock by which a process measures time.

public import Vocabulary

/// A monotonic clock that starts at 0 when it is made.
public struct Stopwatch: Sendable {
    private let start = ContinuousClock.now

    public init() {}

    /// Time since the stopwatch was made.
    public var now: Instant { Instant(sinceStart: ContinuousClock.now - start) }
}
