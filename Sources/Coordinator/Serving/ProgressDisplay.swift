// ProgressDisplay.swift · Coordinator/Serving, after each turn of EventLoop. When the progress of a sweep is shown, and where; how it looks
// is in Reporting/Progress.swift, what others read of it in Snapshot.swift.

internal import Vocabulary
internal import Wire

/// Everything that a person can watch while a sweep runs. Nothing is decided by it.
struct ProgressDisplay {
    private let isTerminal: Bool
    private let isQuiet: Bool
    private let doneAtStart: Int
    private var shownAt: Instant?
    private var live: LiveTrials
    private var snapshots: SnapshotWriter

    /// - Parameters:
    ///   - isQuiet: writes no progress to standard error; the snapshot is written all the same.
    ///   - doneAtStart: stored trials at the start of this coordinator.
    init(of declaration: ProblemDeclaration, isQuiet: Bool, doneAtStart: Int, snapshots: SnapshotWriter) {
        isTerminal = Console.isTerminal
        self.isQuiet = isQuiet
        self.doneAtStart = doneAtStart
        self.snapshots = snapshots
        live = LiveTrials(declaration)
    }

    /// Points of trials that workers report while they compute them.
    mutating func add(_ points: [ProgressPoint], _ scheduler: Scheduler) {
        live.add(points, in: scheduler.grid) { scheduler.isLeased($0) }
    }

    /// Called after each turn; costs next to nothing when nothing is due.
    mutating func update(_ scheduler: Scheduler, _ stopwatch: Stopwatch) {
        live.keep { scheduler.isLeased($0) }
        // A terminal is redrawn five times a second; a log gets a line every five seconds.
        let interval: Duration = isTerminal ? .milliseconds(200) : .seconds(5), now = stopwatch.now
        if !isQuiet, now - (shownAt ?? Instant(sinceStart: .zero)) >= interval {
            shownAt = now
            if isTerminal { Console.draw(bar(scheduler, at: now)) } else { Console.write(line(scheduler, at: now)) }
        }
        snapshots.write(scheduler, live, stopwatch)
    }

    /// Called once, after the last turn.
    mutating func finish(_ scheduler: Scheduler, at now: Instant) {
        snapshots.remove()
        guard !isQuiet else { return }
        Console.write(isTerminal ? bar(scheduler, at: now) + "\n" : line(scheduler, at: now))
    }

    private func bar(_ scheduler: Scheduler, at now: Instant) -> String {
        "\r\u{1b}[K" + progress(scheduler, at: now).line(width: Console.width)
    }

    private func line(_ scheduler: Scheduler, at now: Instant) -> String { progress(scheduler, at: now).plainLine + "\n" }

    private func progress(_ scheduler: Scheduler, at now: Instant) -> Progress {
        let counts = scheduler.trials.counts, share = live.share
        return Progress(
            name: scheduler.configuration.sweep, done: counts.total, failed: counts.failed, diverged: counts.diverged,
            total: scheduler.grid.count, doneAtStart: doneAtStart, running: share.computed, runningSinceStart: share.sinceStart,
            elapsed: now.sinceStart, workers: scheduler.workers.byID.count, slots: scheduler.workers.slots)
    }
}
