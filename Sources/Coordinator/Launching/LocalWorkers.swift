// LocalWorkers.swift · Coordinator/Launching, used by LocalLauncher. Which worker processes of this host are started again, decided: the
// ends of processes and the time go in, the number to start comes out. Knows no process, so its tests are plain values.

internal import Vocabulary
internal import Wire

/// A worker that ends is replaced, except after a drain: somebody asked it to leave. After `patience` failures in a row, each of a worker
/// that never joined or that failed soon, none is started any more, for the rest of the run: something is wrong with the program or the
/// host, and another start cannot help.
struct LocalWorkers: Equatable {
    /// When each process was started, by its number.
    private(set) var running: [Int32: Instant] = [:]
    /// Those of them that have joined.
    private var joined: Set<Int32> = []
    private var due: Int
    private var quickFailures = 0
    private(set) var hasGivenUp = false

    /// A worker that fails sooner than this computed nothing that counts.
    static let quick: Duration = .seconds(5)
    static let patience = 5

    /// - Parameter count: how many worker processes run; 0 for none.
    init(count: Int) { due = count }

    var outlook: LaunchOutlook { !running.isEmpty || due > 0 ? .expected : hasGivenUp ? .givenUp : .none }

    /// - Returns: how many processes to start now; each of them is ``started(_:at:)`` or has ``failedToStart(_:)``.
    mutating func tick() -> Int {
        defer { due = 0 }
        return due
    }

    mutating func started(_ process: Int32, at now: Instant) { running[process] = now }

    /// A worker has said Hello. Nothing happens for a process that is none of these.
    mutating func joined(_ process: Int32) { if running[process] != nil { joined.insert(process) } }

    /// Whether an end is that of a program that failed: by a signal, or with a code with which no worker ends by itself.
    static func isCrash(_ status: Subprocess.Status) -> Bool { ![.exited(0), .exited(2), .exited(4)].contains(status) }

    mutating func failedToStart(_ reason: String) -> LaunchNotice {
        hasGivenUp = true
        return .error("\(reason): \(left) and no more are started")
    }

    /// - Returns: nil for a worker that was drained.
    mutating func ended(_ process: Int32, _ status: Subprocess.Status, at now: Instant) -> LaunchNotice? {
        let hadJoined = joined.remove(process) != nil
        guard let start = running.removeValue(forKey: process), status != .exited(0) else { return nil }
        let fact = "process \(process) ended\(hadJoined || Self.isCrash(status) ? "" : " without having joined"): \(status)"
        // Those that were running when the launcher gave up may run for long: the count does not begin again.
        if !hasGivenUp {
            quickFailures = !hadJoined || now - start < Self.quick ? quickFailures + 1 : 1
            hasGivenUp = quickFailures >= Self.patience
        }
        guard !hasGivenUp else { return .error("\(fact); \(Self.patience) failed one after the other: \(left) and no more are started") }
        due += 1
        return .warning("\(fact); starting another")
    }

    private var left: String { "\(running.count) \(running.count == 1 ? "is" : "are") left" }
}
