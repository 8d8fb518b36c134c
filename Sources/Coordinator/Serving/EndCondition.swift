// EndCondition.swift · Coordinator/Serving, a part of EventLoop. When the loop ends, and as what. Knows no clock, process or scheduler: what
// is true of them comes in with each question.

internal import Vocabulary

struct EndCondition {
    /// What the loop does after a turn.
    enum Decision: Equatable {
        case goOn
        /// It goes on, and says that somebody has to start a worker.
        case askForWorkers
        case end(EventLoop.End)
    }

    /// 10 s: how long workers may take to leave once every trial is stored. What they still compute was computed elsewhere.
    private static let patience: Duration = .seconds(10)
    /// 30 s: how often somebody is asked to start a worker.
    private static let reminder: Duration = .seconds(30)

    /// How long a worker goes on looking for its coordinator.
    private let orphanTimeout: Duration
    /// How often a person has asked for the end.
    private(set) var interrupts = 0
    /// When a worker was last here; nil where none can have been.
    private var hadWorkerAt: Instant?
    private var askedAt: Instant
    /// Since when workers are to leave; nil while trials are left to hand out.
    private var dismissedAt: Instant?

    /// - Parameter incarnation: workers of an earlier one look for this coordinator.
    init(incarnation: UInt64, orphanTimeout: Duration, at now: Instant) {
        self.orphanTimeout = orphanTimeout
        hadWorkerAt = incarnation > 1 ? now : nil
        askedAt = now
    }

    mutating func noteInterrupt() { interrupts += 1 }

    /// The decision while trials are left to hand out.
    /// - Parameters:
    ///   - hasWorkers: whether workers have said Hello and have neither left nor timed out.
    ///   - outlook: whether more of them can be expected from those that the coordinator starts.
    mutating func decide(hasWorkers: Bool, outlook: LaunchOutlook, at now: Instant) -> Decision {
        dismissedAt = nil
        guard !hasWorkers else {
            hadWorkerAt = now
            return .goOn
        }
        guard outlook != .expected else { return .goOn }
        // A worker that timed out, or whose coordinator was killed, may be on its way back for that long.
        let isAwaited = hadWorkerAt.map { now - $0 < orphanTimeout } ?? false
        if outlook == .givenUp, !isAwaited { return .end(.noWorkers) }
        guard now - askedAt > Self.reminder else { return .goOn }
        askedAt = now
        return .askForWorkers
    }

    /// The decision once nothing is handed out any more, since everything is stored or somebody has interrupted.
    /// - Parameters:
    ///   - isFinished: whether every trial is stored.
    ///   - haveAllLeft: whether no worker is here any more.
    ///   - hasPersistedAll: whether nothing that workers sent waits for the disk.
    mutating func decide(isFinished: Bool, haveAllLeft: Bool, hasPersistedAll: Bool, at now: Instant) -> Decision {
        let since = dismissedAt ?? now
        dismissedAt = since
        let end = Decision.end(isFinished ? .finished : .interrupted)
        if interrupts > 1 { return end }
        guard hasPersistedAll else { return .goOn }
        // An interrupted coordinator waits for whatever workers compute, however long that takes: one that has died times out.
        return haveAllLeft || (isFinished && now - since > Self.patience) ? end : .goOn
    }
}
