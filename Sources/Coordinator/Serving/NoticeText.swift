// NoticeText.swift · Coordinator/Serving, before the log. What a notice says to a person: what happened, to what, why, and what to do.

internal import Logging
internal import Vocabulary
internal import Wire

/// A line for the log.
struct LogLine: Equatable {
    var level: Logger.Level
    var text: String
    /// A peer that is no worker of ours can cause it as often as it likes.
    var isAboutConnection = false
}

extension Scheduler.Notice {
    /// - Parameter name: of a peer's key.
    /// - Returns: the lines to log, in order.
    func lines(name: (Peer) -> String) -> [LogLine] {
        switch self {
        case .joined(let id, let host, let slots):
            [LogLine(level: .info, text: "worker \(id) on \(host) joined with \(slots.counted("slot"))")]
        case .left(let id, let host, let reason):
            // What a worker gives for a reason is worth reading when it is not the usual one.
            [LogLine(level: reason == "drained" ? .info : .warning, text: "worker \(id) on \(host) left: \(reason)")]
        case .lost(let id, let host, let returned):
            [
                LogLine(
                    level: .warning,
                    text: "lost worker \(id) on \(host), which has ended or was not heard for too long: "
                        + "\(returned.counted("unfinished trial")) of it will be computed by others")
            ]
        case .refused(let route, let reason):
            [LogLine(level: .warning, text: "refused connection \(route): \(reason)", isAboutConnection: true)]
        case .malformed(let route, let reason):
            [LogLine(level: .warning, text: "ignored a frame of connection \(route): \(reason)", isAboutConnection: true)]
        case .cutOff(let route, let malformed):
            [
                LogLine(
                    level: .warning,
                    text: "closed connection \(route) (\(name(route.peer))) after \(malformed) frames that are no messages")
            ]
        case .dropped(let route, let reason):
            [
                LogLine(
                    level: .warning, text: "connection \(route) could not read a frame of this coordinator: \(reason)",
                    isAboutConnection: true)
            ]
        case .rejectedResults(let id, let host, let count):
            [
                LogLine(
                    level: .warning,
                    text:
                        "\(count.counted("result")) of worker \(id) on \(host) \(count == 1 ? "was" : "were") not stored: of trials that this sweep "
                        + "does not have, or that were not leased to a worker with this key",
                    isAboutConnection: true)
            ]
        case .setAside(let key, let crashes):
            [
                LogLine(
                    level: .error,
                    text: "trial \(key) is stored as failed: \(crashes.counted("worker")) died while computing it; "
                        + "`regsweep run --retry failed` tries it again")
            ]
        case .quarantined(let id, let host, let reason):
            [
                LogLine(
                    level: .error, text: "worker \(id) on \(host) gets no more trials while other workers are connected: \(reason)")
            ]
        case .unverified(let trials):
            [
                LogLine(
                    level: .warning,
                    text:
                        "\(trials.counted("trial")) will not be verified in this run: no worker is connected that could, or too many were lost "
                        + "over it; the next run tries again")
            ]
        case .disagreed(let disagreement): [disagreement.line]
        case .rejectedCheckpoint(let key, let epoch, let host, let reason):
            [
                LogLine(
                    level: .warning,
                    text: "rejected the checkpoint of trial \(key) after epoch \(epoch), of a worker on \(host): \(reason)")
            ]
        case .progressed(_, _, let points): points.map(\.line)
        }
    }
}

extension ProgressPoint {
    fileprivate var line: LogLine {
        let ratio = lossRatio.map { "\($0)" } ?? "unknown"
        return LogLine(
            level: .debug,
            text: "trial \(key) epoch \(point.epoch): train loss \(point.trainLoss), test loss \(point.testLoss), loss ratio \(ratio)")
    }
}

extension Disagreement {
    fileprivate var line: LogLine {
        func names(_ authors: [Author]) -> String {
            authors.map { "worker \($0.worker) on \($0.host)" }.joined(separator: " and ")
        }
        let text =
            switch verdict {
            case .open: "\(names(authors)) computed different bits; another worker will compute it once more to decide"
            case .settled(let wrong): "two workers agree, so the bits of \(names(wrong)) are wrong: check memory and processor of that host"
            case .unsettled: "three workers computed three different results, the last two of them \(names(authors))"
            }
        return LogLine(level: .error, text: "trial \(trial): \(text)")
    }
}

extension JournalNotice {
    /// - Parameter store: path of the store.
    func line(store: String) -> LogLine {
        switch self {
        case .blocked(let reason):
            LogLine(
                level: .error,
                text: "\(store) cannot be written to: \(reason). Workers keep their results and get no trials until it can; it is tried "
                    + "again every second, so "
                    + (reason == StoreError.lockReason ? "wait for that program, or end it" : "make room on that disk"))
        case .late:
            LogLine(
                level: .error,
                text:
                    "\(store): the disk has not answered for \(Int(CommitQueue.lateness.inSeconds)) s. Workers keep their results and get "
                    + "no trials until it does; nothing is lost, look at the load of that disk")
        case .works: LogLine(level: .notice, text: "\(store) can be written to again: the results that waited are stored")
        case .damagedCheckpoint(let key):
            LogLine(
                level: .error,
                text: "the stored checkpoint of trial \(key) does not match its hash and was removed: the trial begins at its first epoch")
        }
    }
}

extension Int {
    /// `1 slot`, `2 slots`.
    func counted(_ noun: String) -> String { "\(self) \(noun)\(self == 1 ? "" : "s")" }
}
