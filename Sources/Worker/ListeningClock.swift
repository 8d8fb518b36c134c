// ListeningClock.swift · Worker, between WorkerLoop and WorkerMachine. The time in which a worker was listening: a silence that nobody could
// have heard is none. Pure: what the system's clock says comes in.

internal import Vocabulary

/// A clock that stands still while its process is stopped, its host sleeps or is so busy that the process does not get a turn.
struct ListeningClock {
    /// The time that has passed while the process could hear something.
    private(set) var now: Instant
    private var readAt: Instant

    /// 1 s: so late a busy host may wake a process that listens all the same.
    static let slack: Duration = .seconds(1)

    init(at time: Instant) { (now, readAt) = (time, time) }

    /// - Parameters:
    ///   - time: of the system's clock, which goes on while the host sleeps.
    ///   - wait: how long the process meant to wait since the last call. What goes far beyond it is not counted.
    mutating func advance(to time: Instant, after wait: Duration) {
        now = now + min(max(.zero, time - readAt), max(.zero, wait) + Self.slack)
        readAt = time
    }
}
