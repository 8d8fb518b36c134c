// RemoteHost.swift · Coordinator/Launching, used by SSHLauncher. What happens next on one host, decided: how the last ssh ended and the
// time go in, the next step comes out. Knows no process, so its tests are plain values.

internal import Vocabulary

/// starting → running with time; starting → copying when the program is not there; copying → starting.
/// Any of them → waiting when it fails, → ended when the workers drained, → givenUp after `patience` failures in a row.
/// waiting → starting when its time is over.
struct RemoteHost: Equatable {
    enum State: Equatable {
        case starting(since: Instant)
        case copying
        case waiting(until: Instant)
        /// Its workers left as they were asked to.
        case ended
        case givenUp
    }

    enum Step: Equatable { case start, copy, nothing }

    private(set) var state: State
    private var failures = 0
    private var hasCopied = false
    /// One of its workers has been heard since the last start.
    private var hasJoined = false

    /// An ssh that lasts as long and brings a worker is a start that worked.
    static let settled: Duration = .seconds(30)
    /// Then somebody has to look at it. `regsweep workers add` tries again.
    static let patience = 5

    init(at now: Instant) { state = .waiting(until: now) }

    /// Whether workers of it may be there or come.
    var isAlive: Bool { state != .ended && state != .givenUp }

    mutating func tick(at now: Instant) -> Step {
        guard case .waiting(let until) = state, now >= until else { return .nothing }
        state = .starting(since: now)
        hasJoined = false
        return .start
    }

    /// A worker with this host's key is there. Without one the longest ssh is a failure: its workers wait for a coordinator that they
    /// cannot reach until their orphan timeout.
    mutating func joined() { hasJoined = true }

    /// - Parameter code: of ssh, or of the shell over there; nil when a signal ended it.
    mutating func ended(_ code: Int32?, at now: Instant) -> Step {
        switch (state, code) {
        case (.starting, 0):
            state = .ended
            return .nothing
        // A copy that was made and is still not there: another file system, or a full one.
        case (.starting, SSHText.needsCopy) where !hasCopied:
            state = .copying
            return .copy
        case (.copying, 0):
            hasCopied = true
            state = .starting(since: now)
            return .start
        case (.starting(let since), _):
            hasCopied = false
            if hasJoined, now - since >= Self.settled { failures = 0 }
            fail(at: now)
            return .nothing
        default:
            fail(at: now)
            return .nothing
        }
    }

    /// 2 s, 4 s, 8 s, 16 s.
    private mutating func fail(at now: Instant) {
        failures += 1
        state = failures >= Self.patience ? .givenUp : .waiting(until: now + .seconds(1 << failures))
    }
}
