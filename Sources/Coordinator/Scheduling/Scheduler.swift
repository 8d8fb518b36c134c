// Scheduler.swift · Coordinator/Scheduling, after Grid.swift, before Serving/EventLoop.swift.
// Decides which worker computes which trials. In: an Event and the time. Out: [Effect].
// Knows no clock, socket, file or store, so its tests are plain values. Trials: +Trials, +Failures; workers: +Workers; data and
// checkpoints: +Checkpoints; what is computed twice: +Copies, +Checks; what is true after each event: +Invariants.

internal import Vocabulary
internal import Wire

struct Scheduler {
    enum Event {
        case received(Envelope, from: Route)
        /// A frame that is none of our messages.
        case unreadable(MessageError, from: Route)
        /// The deliveries are durable.
        case stored([Delivery])
        /// The checkpoint is durable, or a newer one is.
        case kept(CheckpointMark, from: Route)
        /// The store has it no longer, or in pieces.
        case lostCheckpoint(TrialKey)
        /// The store takes nothing for the moment (disk full), or takes results again.
        case storeBlocked(Bool)
        /// The store has found that these trials' bits differ from worker to worker. Comes before `stored` of the same transaction.
        case disagreed([Disagreement])
        /// A process on this host has ended that may have been a worker.
        case ended(process: Int, host: String)
        /// Ctrl-C or SIGTERM: hands out no more, and lets every worker finish what it computes.
        case drainRequested
        /// A person wants one worker to finish what it computes and to go.
        case drainWorker(WorkerID)
        /// A person wants it gone: its leases go to others at once.
        case removeWorker(WorkerID)
        case tick
    }

    enum Effect: Equatable {
        case send(Envelope, to: Route)
        /// To be committed, then said with `stored`.
        case store(Delivery)
        /// A lease whose trial goes on from the checkpoint that the store has of it.
        case sendLease(Lease, from: CheckpointMark, to: Route)
        /// To be committed, then said with `kept`.
        case keep(Checkpoint, from: Route)
        /// Nobody shall go on from the trial's checkpoint.
        case forgetCheckpoint(TrialKey)
        /// The next bytes of a file of the data set.
        case sendData(Digest, offset: Int, to: Route)
        case notice(Notice)
        /// To be committed when something else is, a death at once: history, on which nothing waits.
        case record(LeaseRecord)
        /// Nothing that comes over this connection, or with its key, is to be heard any more.
        case cutOff(Route)
        /// A command of a person on this host; whoever asked waits for an Answer.
        case obey(Command, from: Route)
    }

    /// Results on their way to the disk, and whom to tell when they are there.
    struct Delivery: Equatable, Sendable {
        var results: [TrialResult]
        /// Who computed them.
        var author: Author
        /// The worker's batch that this settles; nil for what the scheduler itself decided.
        var acknowledge: (BatchID, to: Route)?

        static func == (a: Self, b: Self) -> Bool {
            a.results == b.results && a.author == b.author && a.acknowledge?.0 == b.acknowledge?.0 && a.acknowledge?.to == b.acknowledge?.to
        }
    }

    /// What a person may want to know; the loop logs it.
    enum Notice: Equatable {
        case joined(WorkerID, host: String, slots: Int)
        case left(WorkerID, host: String, reason: String)
        /// - Parameter returned: its trials that wait again.
        case lost(WorkerID, host: String, returned: Int)
        case refused(Route, reason: String)
        case malformed(Route, reason: String)
        case cutOff(Route, malformed: Int)
        /// A peer says that a frame of ours was no message to it.
        case dropped(Route, reason: String)
        case setAside(TrialKey, crashes: Int)
        /// It gives back everything as failed, or computes other bits than others.
        case quarantined(WorkerID, host: String, reason: String)
        case disagreed(Disagreement)
        /// Nobody is there who could check these trials.
        case unchecked(trials: Int)
        /// Of a worker's, which is not stored, or of ours, which a worker does not go on from.
        case refusedCheckpoint(TrialKey, epoch: Int, host: String, reason: String)
        /// Points of trials that are being computed; never empty.
        case progressed(WorkerID, LeaseID, [ProgressPoint])
    }

    struct Configuration: Equatable {
        var sweep: String
        /// The coordinator's count of its starts on this store.
        var incarnation: UInt64
        var heartbeatInterval: Duration = .seconds(2)
        var silence: Duration = .seconds(6)
        /// Leases are packed to take about this long.
        var leaseDuration: Duration = .seconds(1)
        var crashLimit = 3
        /// So many workers have to fail at a trial before it is set aside, where so many are there.
        var failureLimit = 3
        /// The share of the trials that are computed a second time by another worker to compare the bits, in blocks of `lanes`.
        var audit = 0.0
        /// Trials that a kernel runs in one go: a lease of one costs as much as a lease of this many.
        var lanes = 16
        /// Trials whose results fit into one frame.
        var trialsPerLease = Limits.trialsPerLease
        /// For the first leases, before any result has told.
        var expectedSecondsPerTrial: Double
        var selfTest: Digest
        var checkpoints = CheckpointRule()
    }

    let configuration: Configuration
    let grid: Grid

    var states: [TrialState]
    var histories: [Int: TrialHistory] = [:]
    var waiting: WaitingTrials
    var leases: [LeaseID: LeaseState] = [:]
    var workers: [WorkerID: WorkerState] = [:]
    var routes: [Route: WorkerID] = [:]
    /// Workers that hold fewer leases than they have credits for. Most of the time one or none: finding it must not cost a look at all.
    var hungry: Set<WorkerID> = []
    /// Of all workers together.
    var slots = 0
    /// No worker has to be thought of before this. May be too early, since what is said and heard only moves a worker's deadline away.
    var alarm = Instant.distantFuture
    var lastTick: Instant?
    /// When idle workers are next looked at for copies of what others are late with, and checks for workers that could do them.
    var lookAt = Instant(sinceStart: .zero)
    /// Second and third runs that no worker has.
    var checks: [Verification]
    /// Check leases that are out.
    var checking = 0
    /// Since when checks are all that is left and nobody is there for them.
    var uncheckedSince: Instant?
    /// Who computed the trials of blocks that will be checked, until all of a block is stored.
    var authors: [Int: Author] = [:]
    /// Workers that were taken for dead, by the connection that they had: their late results have a name.
    var formerRoutes: [Route: Author] = [:]
    /// What such workers were computing: whoever of them comes back takes the blame from these trials.
    var buried: [WorkerID: [LeaseID: [Int]]] = [:]
    /// Workers, here or not, against which two others agreed on the bits of a trial.
    var condemned: Set<WorkerID>
    /// Workers that a person wants to go: they are told again on every connection.
    var leaving: Set<WorkerID> = []
    /// Leases that ended during this event.
    var records: [LeaseRecord] = []
    /// Test loss by epoch of the baselines that are known, by grid index; only of groups that have trials left.
    var baselines: [Int: [Int: Double]]
    /// What the store has of trials that have no result, by grid index.
    var checkpoints: [Int: CheckpointMark]
    var nextLease: UInt32 = 1
    var remaining: Int
    var isStoreBlocked = false
    var isDraining = false
    /// Workers have been told to go; what they still say is acknowledged.
    var hasDismissed = false
    /// Frames that were no messages, by key, or by connection where there is none.
    var malformed: [Route: Int] = [:]
    /// Of the trials that are stored or failed.
    var counts: Counts

    struct Counts: Equatable, Sendable {
        var done = 0
        var diverged = 0
        var failed = 0

        var total: Int { done + diverged + failed }

        mutating func count(_ outcome: Outcome) { count(name: outcome.name) }

        /// A result came for a trial that had been set aside.
        mutating func replaceFailure(by outcome: Outcome) {
            failed -= 1
            count(outcome)
        }

        /// - Parameter name: as `Outcome.name` has it.
        mutating func count(name: String) {
            switch name {
            case "done": done += 1
            case "diverged": diverged += 1
            default: failed += 1
            }
        }
    }

    /// - Parameters:
    ///   - stored: whether the store has a result of the trial, be it a failure, by grid index.
    ///   - failed: whether what it has is a failure, which a late result still replaces.
    ///   - counts: of those results.
    ///   - baselines: test losses of stored baselines by grid index.
    ///   - checkpoints: that the store has.
    ///   - crashes: how many workers have died while they computed a trial, by grid index.
    ///   - checks: second and third runs that an earlier run has left.
    ///   - condemned: workers that were found to compute other bits.
    init(
        _ configuration: Configuration, grid: Grid, stored: (Int) -> Bool, failed: (Int) -> Bool = { _ in false }, counts: Counts,
        baselines: [Int: [Int: Double]], checkpoints: [CheckpointMark] = [], crashes: [Int: Int] = [:], checks: [Verification] = [],
        condemned: Set<WorkerID> = []
    ) {
        self.configuration = configuration
        self.grid = grid
        states = (0..<grid.count).map { stored($0) ? failed($0) ? .failed : .stored : .waiting }
        waiting = WaitingTrials(grid.groups.map(\.trials), isWaiting: states.map { $0 == .waiting })
        remaining = waiting.count
        self.counts = counts
        self.baselines = baselines
        self.checkpoints = Dictionary(checkpoints.compactMap { mark in grid.index(of: mark.key).map { ($0, mark) } }) { first, _ in first }
        self.checks = checks
        self.condemned = condemned
        for (index, crashes) in crashes where states[index] == .waiting { histories[index, default: TrialHistory()].crashes = crashes }
    }

    /// Every trial has a durable result, and those that were to be checked are.
    var isFinished: Bool { remaining == 0 && checks.isEmpty && checking == 0 }

    /// Nothing more will happen: finished or drained, and every worker has left.
    var isOver: Bool { (isFinished || isDraining) && workers.isEmpty }

    mutating func handle(_ event: Event, at now: Instant) -> [Effect] {
        let effects = decide(event, at: now)
        guard !records.isEmpty else { return effects }
        defer { records = [] }
        return effects + records.map(Effect.record)
    }

    private mutating func decide(_ event: Event, at now: Instant) -> [Effect] {
        switch event {
        case .received(let envelope, let route): hear(envelope, from: route, at: now)
        case .unreadable(let error, let route): refuse(error, from: route, at: now)
        case .stored(let deliveries): settle(deliveries, at: now)
        case .kept(let mark, let route): kept(mark, from: route, at: now)
        case .lostCheckpoint(let key): lose(checkpointOf: key)
        case .storeBlocked(let blocked): block(blocked, at: now)
        case .disagreed(let disagreements): note(disagreements, at: now)
        case .ended(let process, let host): bury(process: process, on: host, at: now)
        case .drainRequested: drain(at: now)
        case .drainWorker(let id): drain(id, at: now)
        case .removeWorker(let id): remove(id, at: now)
        case .tick: tick(at: now)
        }
    }

    /// When `tick` has to come at the latest; at times a little sooner than it must.
    var nextDeadline: Instant { mustLook ? min(alarm, lookAt) : alarm }

    private mutating func hear(_ envelope: Envelope, from route: Route, at now: Instant) -> [Effect] {
        // Only over ipc, where file permissions have shown that it is this user.
        if case .command(let command) = envelope.message, route.peer == .local { return [.obey(command, from: route)] }
        if case .hello(let hello) = envelope.message { return greet(hello, from: route, at: now) }
        guard let id = routes[route] else { return hearStranger(envelope.message, from: route, at: now) }
        // Any frame counts as life: a worker that sends a long batch is alive, only late.
        workers[id]!.lastHeard = now
        switch envelope.message {
        case .ready(let credits):
            change(id) { $0.credits = credits }
            return grant(at: now)
        case .progress(let lease, let points):
            guard leases[lease]?.worker == id else { return [] }
            leases[lease]!.hasBegun = true
            return points.isEmpty ? [] : [.notice(.progressed(id, lease, points))]
        case .results(let batch, let lease, let results):
            return take(
                results, of: lease, by: Author(worker: id, host: workers[id]!.host), acknowledge: (batch, to: route), at: now)
                + grant(at: now)
        case .cancel(let lease):
            if leases[lease]?.worker == id { release(lease, as: .returned, at: now) }
            return grant(at: now)
        case .dataRequest(let file, let offset): return [.sendData(file, offset: offset, to: route)]
        case .checkpoint(let lease, let checkpoint): return take(checkpoint, of: lease, from: id, at: now)
        case .checkpointAnswer(let key, let epoch, let refusal): return hear(refusal: refusal, of: key, epoch, from: id)
        case .goodbye(let reason): return part(from: id, reason: reason, at: now)
        case .heartbeat: return []
        case .dropped(let reason): return [.notice(.dropped(route, reason: reason))]
        case .hello, .welcome, .refused, .lease, .drain, .acknowledged, .introduce, .dataChunk, .command, .answer:
            return blame(route, reason: "a message that only a coordinator sends", at: now)
        }
    }

    /// The connection is of a worker that was taken for dead, or that an earlier coordinator knew, or it is a worker's next connection.
    private mutating func hearStranger(_ message: Message, from route: Route, at now: Instant) -> [Effect] {
        switch message {
        // Late results are welcome: the work is done, and the store recognises a repeat. Those of a connection without a name come again
        // after its Hello: bits that nobody has computed could not be compared.
        case .results(let batch, let lease, let results):
            guard let author = formerRoutes[route] else { return [reply(.introduce, to: route)] }
            return take(results, of: lease, by: author, acknowledge: (batch, to: route), at: now) + [reply(.introduce, to: route)]
                + grant(at: now)
        case .goodbye: return []
        case .dropped(let reason): return [.notice(.dropped(route, reason: reason))]
        default: return [reply(.introduce, to: route)]
        }
    }

    private mutating func refuse(_ error: MessageError, from route: Route, at now: Instant) -> [Effect] {
        switch error {
        case .versionMismatch: [reply(.refused(reason: "\(error)"), to: route), .notice(.refused(route, reason: "\(error)"))]
        case .malformed(let reason): [reply(.dropped(reason: reason), to: route)] + blame(route, reason: reason, at: now)
        }
    }

    /// A few bad frames cost their sender nothing but the answer; `Limits.malformedFrames` of them its place.
    private mutating func blame(_ route: Route, reason: String, at now: Instant) -> [Effect] {
        var offender = route
        // A key is one peer, however often it connects.
        if case .key = route.peer { offender = Route([], peer: route.peer) }
        // Connections without a key come from this host; those that are gone must not be remembered for ever.
        if malformed.count >= Self.offenders { malformed = [:] }
        malformed[offender, default: 0] += 1
        let notice = Effect.notice(.malformed(route, reason: reason))
        guard malformed[offender]! >= Limits.malformedFrames else { return [notice] }
        malformed[offender] = nil
        let lost = workers.filter { $0.value.route == route || (offender != route && $0.value.route.peer == route.peer) }
        let left = lost.keys.sorted { $0.order < $1.order }.flatMap { part(from: $0, reason: "cut off", at: now) }
        return [notice, .notice(.cutOff(route, malformed: Limits.malformedFrames)), .cutOff(route)] + left
    }

    private static let offenders = 10_000

    private mutating func block(_ blocked: Bool, at now: Instant) -> [Effect] {
        isStoreBlocked = blocked
        return blocked ? [] : grant(at: now)
    }

    private mutating func drain(at now: Instant) -> [Effect] {
        isDraining = true
        return dismiss(at: now)
    }

    private mutating func drain(_ id: WorkerID, at now: Instant) -> [Effect] {
        guard workers[id] != nil else { return [] }
        leaving.insert(id)
        return [send(.drain, to: id, at: now)]
    }

    /// A message to a connection that belongs to no worker.
    func reply(_ message: Message, to route: Route) -> Effect {
        .send(Envelope(incarnation: configuration.incarnation, message: message), to: route)
    }

    mutating func send(_ message: Message, to id: WorkerID, at now: Instant) -> Effect {
        workers[id]!.lastSent = now
        return reply(message, to: workers[id]!.route)
    }
}
