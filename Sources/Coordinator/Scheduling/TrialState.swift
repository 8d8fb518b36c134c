// TrialState.swift · Coordinator/Scheduling. What the scheduler knows of a trial, a lease and a worker: plain values.

internal import Vocabulary
internal import Wire

/// waiting → leased → delivered → stored. leased → waiting when its worker is lost or gives it back,
/// and when it failed there but may succeed elsewhere; → delivered with a failure when it was running on `crashLimit` workers that died, or
/// when nobody is left to try it. waiting → delivered when a result comes late.
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
    /// Workers that gave it back as failed.
    var failedOn: Set<WorkerID> = []
}

/// Names a checkpoint that the store has, without its content, which is large.
struct CheckpointMark: Equatable, Sendable {
    var key: TrialKey
    var epoch: Int
}

struct LeaseState: Equatable {
    enum Purpose: Equatable {
        /// Its trials are nobody else's, but for a copy.
        case own
        /// Computes the trials of another worker's lease as well, which takes long. Becomes `own` when that one ends without results.
        case copy(of: LeaseID)
        /// Its trials are stored; they are computed again to compare the bits.
        indirect case check(Verification)
    }

    var worker: WorkerID
    var group: Int
    /// Grid indices, ascending.
    var trials: [Int]
    /// Set by the first sign that it is being computed.
    var hasBegun = false
    var since: Instant
    /// A worker has died over these trials.
    var isRisky = false
    var purpose = Purpose.own
    /// The lease that computes the same trials for another worker; only of an `own` lease.
    var copy: LeaseID?
}

/// The end of a lease, for the history of its trials.
struct LeaseRecord: Equatable, Sendable {
    enum End: String, Equatable, Sendable {
        case computed
        /// The worker stopped answering, or its process ended, while it computed this.
        case died
        /// The same, while this was queued behind what it computed.
        case lost
        /// The worker said Goodbye, or gave this lease back.
        case returned
        /// The worker came back without it.
        case forgotten
        /// Another lease had brought the results of all its trials.
        case cancelled
        /// Of a lease that had ended with `died`: its worker is there again, so it had only been silent and nothing is to blame.
        case cameBack = "came back"
    }

    /// Of the coordinator whose time `since` and `until` are; not that of the lease where it was adopted.
    var incarnation: UInt64
    var lease: LeaseID
    var worker: WorkerID
    var host: String
    var trials: [TrialKey]
    var since: Instant, until: Instant
    var end: End
}

struct WorkerState: Equatable {
    var route: Route
    /// Of what it said last: what the scheduler goes by, and nothing more, since this is copied whenever workers are looked over.
    var host: String
    var process: Int
    var slots: Int
    var credits: Int
    var leases: Set<LeaseID>
    var lastHeard: Instant
    var lastSent: Instant
    /// Learned from its results; nil before the first.
    var secondsPerTrial: Double?
    /// Leases in a row of which it has computed nothing.
    var failuresInRow = 0
}
