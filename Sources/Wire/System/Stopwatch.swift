// Stopwatch.swift · Wire/System. The one clock of a process.

public import Vocabulary

/// A monotonic clock that starts at 0 when it is made.
public struct Stopwatch: Sendable {
    private let start = ContinuousClock.now

    public init() {}

    public var now: Instant { Instant(sinceStart: ContinuousClock.now - start) }
}
