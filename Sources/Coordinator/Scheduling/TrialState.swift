// TrialState.swift · Coordinator/Scheduling. What the scheduler knows of a trial, a lease and a worker: plain values.

internal import Wire

/// waiting → leased → delivered → stored. leased → waiting when its worker is lost or gives it back;
/// → delivered with a failure when it was running on `crashLimit` workers that died. waiting → delivered when a result comes late.
/// delivered → failed when what became durable is a failure; failed → stored when a result comes after all.
/// A trial that the store has of an earlier run starts as stored or failed.
enum TrialState: Equatable {
    case waiting
    case leased(LeaseID)
    /// The result is here but not durable yet; nobody else is given the trial.
    case delivered
    /// The store has its result.
    case stored
    /// The store has a failure. Nobody is given the trial again in this run.
    case failed
}

/// What a trial has been through; kept apart from its state since it outlives every move.
struct TrialHistory: Equatable {
    /// Leases that it has had.
    var attempts = 0
    /// Workers that died while they were computing it.
    var crashes = 0
}

/// Names a checkpoint that the store has, without its content, which is large.
struct CheckpointMark: Equatable, Sendable {
    var key: TrialKey
    var epoch: Int
}

struct LeaseState: Equatable {
    var worker: WorkerID
    var group: Int
    /// Grid indices, ascending.
    var trials: [Int]
    /// Set by the first sign that it is being computed.
    var hasBegun: Bool
}

struct WorkerState: Equatable {
    var route: Route
    /// What it said last, but for the leases that it held then.
    var hello: Hello
    var credits: Int
    var leases: Set<LeaseID>
    var lastHeard: Instant
    var lastSent: Instant
    /// Learned from its results; nil before the first.
    var secondsPerTrial: Double?
}
