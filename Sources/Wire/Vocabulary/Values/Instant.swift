// Instant.swift · Wire/Vocabulary/Values. A reading of this process's monotonic clock; no decision compares the clocks of two hosts.

/// Time since an origin that only this process knows. The two state machines are given it with every event and read no clock.
public struct Instant: Hashable, Sendable, Comparable {
    public var sinceStart: Duration

    public init(sinceStart: Duration) { self.sinceStart = sinceStart }

    public static let distantFuture = Instant(sinceStart: .seconds(1 << 40))

    public static func < (a: Self, b: Self) -> Bool { a.sinceStart < b.sinceStart }
    public static func + (a: Self, b: Duration) -> Instant { Instant(sinceStart: a.sinceStart + b) }
    public static func - (a: Self, b: Self) -> Duration { a.sinceStart - b.sinceStart }
}

extension Duration {
    /// The duration as a real number of seconds.
    public var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
