// Progress.swift · Coordinator/Reporting. How far a sweep is, as one line of text.

internal import Vocabulary

struct Progress: Equatable {
    var name: String
    /// Trials with a result of any outcome, and how many of these failed or diverged.
    var done: Int, failed: Int, diverged: Int
    var total: Int
    /// Trials that had a result when this run began; they are no part of the rate.
    var doneAtStart: Int
    /// Progress of running trials, as a number of whole trials; and the part of it made in this run.
    var running = 0.0, runningSinceStart = 0.0
    var elapsed: Duration
    var workers: Int, slots: Int

    /// Trials a second in this run; nil before the first.
    var rate: Double? {
        let trained = Double(done - doneAtStart) + runningSinceStart
        return trained > 0 && elapsed > .zero ? trained / elapsed.inSeconds : nil
    }

    /// The part of the sweep that is done, 0…1.
    private var share: Double { total == 0 ? 1 : min(1, (Double(done) + running) / Double(total)) }

    private var facts: String {
        var facts = "\(done)/\(total)"
        if let rate { facts += "  \(Self.speed(rate))" }
        if let rate, done < total { facts += "  ETA \(SweepPlan.duration(max(0, Double(total - done) - running) / rate))" }
        facts += "  \(workers) worker\(workers == 1 ? "" : "s")"
        if diverged > 0 { facts += "  \(diverged) diverged" }
        if failed > 0 { facts += "  \(failed) failed" }
        return facts
    }

    /// - Parameter rate: trials a second.
    private static func speed(_ rate: Double) -> String {
        for (unit, seconds) in [("s", 1.0), ("min", 60), ("h", 3600)] where rate * seconds >= 1 {
            return "\(NumberText.fixed(rate * seconds, decimals: rate * seconds < 10 ? 1 : 0)) trials/\(unit)"
        }
        return "\(NumberText.fixed(rate * 86_400, decimals: 1)) trials/day"
    }

    /// A line for a terminal.
    /// - Parameter width: columns of the terminal; the line leaves at least the last of them free.
    func line(width: Int) -> String {
        let facts = " \(self.facts)"
        let room = min(40, width - name.count - facts.count - 4)
        guard room >= 5 else { return String("\(name)\(facts)".prefix(max(0, width - 1))) }
        let filled = Int(Double(room) * share)
        return "\(name) [" + String(repeating: "█", count: filled) + String(repeating: "·", count: room - filled) + "]" + facts
    }

    /// A line for a log.
    var plainLine: String { "\(name): \(Int(100 * share)) %  \(facts)" }
}
