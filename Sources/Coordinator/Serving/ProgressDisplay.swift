// ProgressDisplay.swift · Coordinator/Serving. When the progress is shown, and where; how it looks is Reporting/Progress.swift.

internal import Vocabulary
internal import Wire

/// A bar that is drawn over on a terminal, plain lines elsewhere.
struct ProgressDisplay {
    private let isTerminal: Bool
    private let isQuiet: Bool
    private let doneAtStart: Int
    private var shownAt: Instant?

    init(isQuiet: Bool, doneAtStart: Int) {
        isTerminal = Console.isTerminal
        self.isQuiet = isQuiet
        self.doneAtStart = doneAtStart
    }

    mutating func show(_ scheduler: borrowing Scheduler, _ live: LiveTrials, at now: Instant) {
        // Five times a second for eyes, every five seconds for a log.
        let interval: Duration = isTerminal ? .milliseconds(200) : .seconds(5)
        guard !isQuiet, now - (shownAt ?? Instant(sinceStart: .zero)) >= interval else { return }
        shownAt = now
        draw(scheduler, live, at: now)
    }

    mutating func finish(_ scheduler: borrowing Scheduler, _ live: LiveTrials, at now: Instant) {
        guard !isQuiet else { return }
        draw(scheduler, live, at: now)
        if isTerminal { Console.write("\n") }
    }

    private func draw(_ scheduler: borrowing Scheduler, _ live: LiveTrials, at now: Instant) {
        let counts = scheduler.trials.counts
        let progress = Progress(
            name: scheduler.configuration.sweep, done: counts.done + counts.diverged + counts.failed, failed: counts.failed,
            diverged: counts.diverged, total: scheduler.grid.count, doneAtStart: doneAtStart, running: live.share.behind,
            runningSinceStart: live.share.watched, elapsed: now.sinceStart,
            workers: scheduler.workers.byID.count, slots: scheduler.workers.slots)
        Console.write(isTerminal ? "\r\u{1b}[K" + progress.line(width: Console.width) : progress.plainLine + "\n")
    }
}
