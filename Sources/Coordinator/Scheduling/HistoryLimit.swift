// HistoryLimit.swift · Coordinator/Scheduling, a part of Scheduler. How much history of leases that brought nothing the holder of a key can
// make us store.

internal import Vocabulary

/// What a lease has brought is stored whatever this says. A lease that was only given out and taken back is not missed: it is one line less
/// in `explain`.
struct HistoryLimit: Equatable {
    private struct Allowance: Equatable {
        /// Trials in records that may still be stored at once.
        var left: Double
        var since: Instant
    }

    /// 131,072 trials, 2 MiB of keys: as many as a thousand workers of one key have in their leases when all of them drain.
    private static let most = 131_072.0
    /// 64 trials, 1 KiB, a second.
    private static let perSecond = 64.0
    /// A record without its keys costs as much as so many of them.
    private static let perRecord = 8

    /// By ``Author/key``. There are no more than keys that the coordinator has issued and hosts that share one.
    private var allowances: [Digest: Allowance] = [:]

    /// - Parameter key: of the lease's worker; a worker without a key is one of this user's, whom nothing limits.
    /// - Returns: whether a record of so many trials is stored.
    mutating func admits(_ trials: Int, of key: Digest?, at now: Instant) -> Bool {
        guard let key else { return true }
        var allowance = allowances[key] ?? Allowance(left: Self.most, since: now)
        allowance.left = min(Self.most, allowance.left + (now - allowance.since).inSeconds * Self.perSecond)
        allowance.since = now
        let cost = Double(trials + Self.perRecord), isAdmitted = cost <= allowance.left
        if isAdmitted { allowance.left -= cost }
        allowances[key] = allowance
        return isAdmitted
    }
}
