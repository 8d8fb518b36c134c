// Launcher.swift · Coordinator/Launching. What the fleet asks of whoever starts workers: on this host, by ssh, by Slurm.

internal import Glibc
internal import Vocabulary
internal import Wire

/// Starts the workers of one place and looks after them. A launcher runs processes and reads what they say; what that means and what is
/// done next is decided by a value beside it: ``LocalWorkers``, ``RemoteHost``, ``SlurmGroup``.
///
/// A launcher that is released ends the processes that it has started.
protocol Launcher: AnyObject {
    /// Names the place in the log: `host ada`.
    var name: String { get }
    /// Name of the key that its workers share; nil for workers of this host, which need none.
    var keyName: String? { get }
    var outlook: LaunchOutlook { get }
    /// Whether it was removed and has nothing left to do: the fleet then releases it.
    var isOver: Bool { get }

    /// Takes note of processes that have ended and starts those that are due. Waits for none.
    /// - Parameter invitation: makes the invitation for a name of a key; asked at each start of workers on other hosts.
    func tend(at now: Instant, invitation: (String) throws -> Invitation) -> [LaunchNotice]
    /// A worker of this place has joined.
    /// - Parameter process: its process, which on another host may have any number.
    func joined(process: Int)
    /// Ends what it has started and starts nothing again.
    func remove()
    /// Worker processes on this host that have ended since the last call.
    func takeEnded() -> [EndedProcess]
    /// Ends what would outlive its processes, however the run has ended: the last call. May wait until nothing is left.
    /// - Parameter tell: is given notices as they arise.
    func end(_ tell: (LaunchNotice) -> Void)
}

extension Launcher {
    func takeEnded() -> [EndedProcess] { [] }
    func end(_ tell: (LaunchNotice) -> Void) {}
}

/// A worker process of this host that has ended.
struct EndedProcess: Equatable {
    var process: pid_t
    /// False where it left by itself: told to, or because it found no coordinator or cannot work here.
    var hasCrashed: Bool
}

/// Whether workers of a place, or of all places together, may join.
enum LaunchOutlook: Equatable {
    /// Some run, wait in a queue, or will be started.
    case expected
    /// None was asked for, those that there were have left, or they are on hosts that were given up.
    case none
    /// Local workers ended one after the other and none is left.
    case givenUp
}

/// What a person is told of a launcher's work.
struct LaunchNotice: Equatable {
    enum Level { case info, warning, error }

    var level: Level
    var text: String

    static func info(_ text: String) -> LaunchNotice { LaunchNotice(level: .info, text: text) }
    static func warning(_ text: String) -> LaunchNotice { LaunchNotice(level: .warning, text: text) }
    static func error(_ text: String) -> LaunchNotice { LaunchNotice(level: .error, text: text) }

    /// With the file that has more about it, unless all went well.
    func naming(_ log: String) -> LaunchNotice { level == .info ? self : LaunchNotice(level: level, text: "\(text); see \(log)") }
}
