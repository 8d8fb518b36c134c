// Scheduler+Interface.swift · Coordinator/Scheduling. What goes into the scheduler and what comes out of it.

internal import Vocabulary
internal import Wire

extension Scheduler {
    enum Event {
        case received(Envelope, from: Route)
        /// A frame that is no message.
        case unreadable(MessageError, from: Route)
        /// The deliveries are durable.
        case persisted([Delivery])
        /// The checkpoint is durable, or a newer one of the same trial is.
        case persistedCheckpoint(CheckpointMark, from: Route)
        /// The store does not have the trial's checkpoint any more, or it is damaged.
        case lostCheckpoint(TrialKey)
        /// A lease was not sent, since the store did not give its checkpoint in time.
        case unsent(LeaseID)
        /// The store takes nothing for the moment (disk full), or takes results again.
        case storeBlocked(Bool)
        /// The store has found that the bits of these trials differ from worker to worker. It comes before `persisted` of the same
        /// transaction.
        case disagreed([Disagreement])
        /// A process on this host ended that may have been a worker.
        /// - Parameter hasCrashed: false where it left by itself, which is nobody's fault.
        case exited(process: Int, host: String, hasCrashed: Bool = true)
        /// Workers of several hosts have this key, by the launcher that gave it to them; comes before the first of them.
        case sharedKey(PublicKey)
        /// Ctrl-C, SIGTERM or a closed terminal: no more leases are given out, and every worker finishes what it computes.
        case drainRequested
        /// A person asks one worker to finish what it computes and to leave.
        case drainWorker(WorkerID)
        /// A person removes one worker: its leases go to others at once.
        case removeWorker(WorkerID)
        case tick
    }

    enum Effect: Equatable {
        case send(Envelope, to: Route)
        /// Write it to the store, then report `persisted`.
        case persist(Delivery)
        /// Send a lease whose trial goes on from the checkpoint that the store has of it.
        case sendLease(Lease, from: CheckpointMark, to: Route)
        /// Write it to the store, then report `persistedCheckpoint`.
        case persistCheckpoint(Checkpoint, from: Route)
        /// Remove the trial's checkpoint from the store.
        case forgetCheckpoint(TrialKey)
        /// Send the next bytes of a file of the data set.
        case sendData(Digest, offset: Int, to: Route)
        /// - Parameter from: the peer that can cause it as often as it likes; nil where none can, and for one of this user on this host.
        case notice(Notice, from: Peer? = nil)
        /// Write it to the store with the next transaction; `died` and `cameBack` at once, since the next start counts them.
        case record(LeaseRecord)
        /// Take no more frames from this connection, or from any connection with its key.
        case cutOff(Route)
        /// Carry out a command of a person on this host and send an Answer.
        case execute(Command, from: Route)
    }

    /// Results on their way to the disk, and whom to acknowledge them to when they are durable.
    struct Delivery: Equatable, Sendable {
        var results: [TrialResult]
        /// The worker that computed them.
        var author: Author
        /// The worker's batch that this settles; nil for a failure that the scheduler decided itself.
        var acknowledge: (BatchID, to: Route)?

        static func == (a: Self, b: Self) -> Bool {
            a.results == b.results && a.author == b.author && a.acknowledge?.0 == b.acknowledge?.0 && a.acknowledge?.to == b.acknowledge?.to
        }
    }

    /// What a person is told in the log.
    enum Notice: Equatable {
        case joined(WorkerID, host: String, slots: Int)
        case left(WorkerID, host: String, reason: String)
        /// The worker timed out or its process exited.
        /// - Parameter returned: its trials that wait again.
        case lost(WorkerID, host: String, returned: Int)
        /// A peer may not join.
        case refused(Route, reason: String)
        case malformed(Route, reason: String)
        case cutOff(Route, malformed: Int)
        /// A peer dropped a frame of ours that was no message to it.
        case dropped(Route, reason: String)
        /// A worker sent results of trials that this sweep does not have, or that it was not leased: they were not stored.
        case rejectedResults(WorkerID, host: String, count: Int)
        /// A trial failed because so many workers were lost over it.
        case setAside(TrialKey, crashes: Int)
        /// The worker gives everything back as failed, or computes other bits than others; it is given no work while others are here.
        case quarantined(WorkerID, host: String, reason: String)
        case disagreed(Disagreement)
        /// Verifications of so many trials are abandoned, since no worker is here that could compute them, or they cost too many workers.
        case unverified(trials: Int)
        /// A checkpoint was rejected: one a worker sent (it was not stored), or one sent with a lease (the worker could not resume from it).
        case rejectedCheckpoint(TrialKey, epoch: Int, host: String, reason: String)
        /// Points of trials that are being computed; never empty.
        case progressed(WorkerID, LeaseID, [ProgressPoint])
    }

    struct Configuration: Equatable {
        var sweep: String
        /// The coordinator's count of its starts on this store.
        var incarnation: UInt64
        var heartbeatInterval: Duration = .seconds(2)
        /// A worker that is not heard for so long is lost.
        var timeout: Duration = .seconds(6)
        /// Leases are sized to take about this long.
        var leaseDuration: Duration = .seconds(1)
        /// So many workers are lost over a trial before it is set aside.
        var crashLimit = 3
        /// So many workers fail at a trial before its failure is its result, where so many are here.
        var failureLimit = 3
        /// The share of the trials that another worker computes a second time to compare the bits, in blocks of `lanes`.
        var audit = 0.0
        /// Trials that a kernel runs in one go: a lease of one costs as much as a lease of this many.
        var lanes = 16
        /// Trials whose results fit into one frame.
        var trialsPerLease = Limits.trialsPerLease
        /// Sizes the leases of a worker before its first results.
        var expectedSecondsPerTrial: Double
        /// The bits that a worker has to compute in its self-test to be accepted.
        var selfTest: Digest
        /// See ``LeaseProofs/secret``.
        var leaseSecret: Digest?
        var checkpoints = CheckpointRule()
    }
}
