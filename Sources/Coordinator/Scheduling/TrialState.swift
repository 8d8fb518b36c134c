// TrialState.swift · Coordinator/Scheduling. What the scheduler knows of a trial, a lease and a worker: plain values.

internal import Wire

/// waiting → leased → delivered → stored. leased → waiting when its worker is lost or gives it back;
/// → delivered with a failure when it was running on `crashLimit` workers that died.
/// A trial whose result was stored by an earlier run starts as stored.
enum TrialState: Equatable {
    case waiting
    case leased(LeaseID)
    /// The result is here but not durable yet; nobody else is given the trial.
    case delivered
    case stored
}

/// What a trial has been through; kept apart from its state since it outlives every move.
struct TrialHistory: Equatable {
    /// Leases that it has had.
    var attempts: UInt16 = 0
    /// Workers that died while they were computing it.
    var crashes: UInt16 = 0
}

struct LeaseState: Equatable {
    var worker: WorkerID
    var group: Int
    /// Grid indices, ascending.
    var trials: [Int]
    /// Set by the first sign that it is being computed. Trials of a lease that merely waits in a worker's queue are never blamed.
    var hasBegun: Bool
}

struct WorkerState: Equatable {
    var route: Route
    var hello: Hello
    var credits: Int
    var leases: Set<LeaseID>
    var lastHeard: Instant
    var lastSent: Instant
    /// Learned from its results; nil before the first.
    var secondsPerTrial: Double?
}
