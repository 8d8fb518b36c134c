// Progress.swift · Coordinator/Reporting. How far a sweep is, as one line of text.

internal import Wire

struct Progress: Equatable {
    var name: String
    /// Trials with a result; of them failed and diverged ones.
    var done: Int, failed: Int, diverged: Int
    var total: Int
    /// Of earlier runs of the sweep: no part of the rate.
    var doneAtStart: Int
    var elapsed: Duration
    var workers: Int, slots: Int

    /// Trials a second since this start; nil before the first.
    var rate: Double? { done > doneAtStart && elapsed > .zero ? Double(done - doneAtStart) / elapsed.inSeconds : nil }

    private var facts: String {
        var facts = "\(done)/\(total)"
        if let rate { facts += "  \(Tables.fixed(rate, rate < 10 ? 1 : 0)) trials/s" }
        if let rate, done < total { facts += "  ETA \(SweepPlan.duration(Double(total - done) / rate))" }
        facts += "  \(workers) worker\(workers == 1 ? "" : "s")"
        if diverged > 0 { facts += "  \(diverged) diverged" }
        if failed > 0 { facts += "  \(failed) failed" }
        return facts
    }

    /// For a terminal: at most `width` columns.
    func line(width: Int) -> String {
        let facts = " \(self.facts)"
        let room = min(40, width - name.count - facts.count - 4)
        guard room >= 5 else { return String("\(name)\(facts)".prefix(max(0, width - 1))) }
        let filled = total == 0 ? room : min(room, room * done / total)
        return "\(name) [" + String(repeating: "█", count: filled) + String(repeating: "·", count: room - filled) + "]" + facts
    }

    /// For a log.
    var plainLine: String { "\(name): \(total == 0 ? 100 : 100 * done / total) %  \(facts)" }
}
