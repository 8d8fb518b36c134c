// RemoteHost.swift · Coordinator/Launching, used by SSHLauncher. What happens next on one ssh host, decided: how the last ssh ended and
// the time go in, the next step and a notice come out. Knows no process, so its tests are plain values.

internal import Vocabulary
internal import Wire

/// due → starting or copying with time. starting → due for a copy when the program is not there; copying → due for a start.
/// Any of them → due for a start after a pause when it fails, → ended when the workers drained, → givenUp after `patience` failures in a row.
struct RemoteHost: Equatable {
    /// One ssh.
    enum Step: Equatable {
        /// Starts the workers and stays until they end.
        case start
        /// Copies the worker program.
        case copy
    }

    enum State: Equatable {
        case due(Step, at: Instant)
        case starting(since: Instant)
        case copying
        /// Its workers left as they were asked to.
        case ended
        case givenUp
    }

    private let name: String
    private(set) var state: State
    private var failures = 0
    private var hasCopied = false
    /// Whether one of its workers has joined since the last start.
    private var hasJoined = false

    /// An ssh that lasts as long and brings a worker is a start that worked.
    static let settled: Duration = .seconds(30)
    /// Then somebody has to look at it.
    static let patience = 5

    /// - Parameter name: what ssh calls the host.
    init(_ name: String, at now: Instant) {
        self.name = name
        state = .due(.start, at: now)
    }

    var outlook: LaunchOutlook { state == .ended || state == .givenUp ? .none : .expected }

    /// - Returns: the ssh to run now; nil while one runs, or none is due.
    mutating func tick(at now: Instant) -> Step? {
        guard case .due(let step, let time) = state, now >= time else { return nil }
        switch step {
        case .start:
            state = .starting(since: now)
            hasJoined = false
        case .copy: state = .copying
        }
        return step
    }

    /// A worker with this host's key is there. Without one the longest ssh is a failure: its workers wait for a coordinator that they
    /// cannot reach until their orphan timeout.
    mutating func joined() { hasJoined = true }

    /// The ssh of the last step ended.
    /// - Parameters:
    ///   - status: how ssh ended: with the code of the shell on the host, or one of its own.
    ///   - lastLine: the last line that ssh or the host wrote; nil for none.
    mutating func ended(_ status: Subprocess.Status, saying lastLine: String?, at now: Instant) -> LaunchNotice? {
        switch (state, status) {
        case (.starting, .exited(0)):
            state = .ended
            return .info("its workers have drained and left")
        // A copy that was made and is still not there: another file system, or a full one.
        case (.starting, .exited(SSHText.needsCopy)) where !hasCopied:
            state = .due(.copy, at: now)
            return .info("copying the worker program")
        case (.copying, .exited(0)):
            hasCopied = true
            state = .due(.start, at: now)
            return nil
        case (.starting(let since), _):
            hasCopied = false
            if hasJoined, now - since >= Self.settled { failures = 0 }
        default: break
        }
        let fact = status == .exited(SSHText.noConnection) ? "no connection" : "\(status)"
        return .warning(fail(fact + (lastLine.map { ": \($0)" } ?? ""), at: now))
    }

    /// The ssh of the last step could not be started.
    mutating func failedToStart(_ reason: String, at now: Instant) -> LaunchNotice { .error(fail(reason, at: now)) }

    /// Tries again after 2 s, 4 s, 8 s, 16 s.
    private mutating func fail(_ reason: String, at now: Instant) -> String {
        failures += 1
        guard failures < Self.patience else {
            state = .givenUp
            return "\(reason); given up, the sweep goes on without it; regsweep workers add ssh:\(name) tries again"
        }
        let pause = 1 << failures
        state = .due(.start, at: now + .seconds(pause))
        return "\(reason); trying again in \(pause) s"
    }
}
