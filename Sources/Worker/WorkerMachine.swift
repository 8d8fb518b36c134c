// WorkerMachine.swift · Worker, after Wire, before TrialThread. Decides what a worker says and computes.
// In: an Event and the time. Out: [Effect]. Knows no clock, socket, thread or kernel, so its tests are plain values.
// Files of the data set: DataFetch and +Data; checkpoints: +Checkpoints.

internal import Vocabulary
internal import Wire

struct WorkerMachine {
    enum Event {
        case received(Envelope)
        /// A frame that is none of our messages.
        case unreadable(MessageError)
        /// Points of a lease that is being computed.
        case progressed(LeaseID, [ProgressPoint])
        /// A lease was computed to its end.
        case finished(LeaseID, [TrialResult])
        /// A compute thread stopped early because it was told to.
        case stopped(LeaseID)
        /// A running lease's trial is so far.
        case checkpointed(LeaseID, Checkpoint)
        /// A compute thread ended at the checkpoint that it said last, because it was told to pause.
        case paused(LeaseID)
        /// The lease's checkpoint is none of its trial's: it starts from the beginning.
        case refusedCheckpoint(LeaseID, reason: String)
        /// What the disk answers.
        case data(Digest, DataNews)
        /// SIGTERM or Ctrl-C: once finishes what runs, twice leaves at once.
        case drainRequested
        case tick
    }

    enum Effect: Equatable {
        /// Throws the connection away, if there is one, and makes a new one.
        case connect
        case send(Envelope)
        case compute(Lease)
        case stop(LeaseID)
        /// Makes a checkpoint at the end of its epoch and ends there, if it can.
        case pause(LeaseID)
        case data(DataCommand, Digest)
        case notice(String)
        case exit(Exit)
    }

    enum Exit: Equatable {
        case drained
        case refused(reason: String)
        case orphaned
        /// This host cannot keep what the trials read.
        case noData(reason: String)
    }

    /// What the host and the program say of themselves in Hello.
    struct Identity {
        var worker: WorkerID
        var host: String
        var process: Int
        var slots: Int
        var selfTest: Digest
    }

    /// waiting → greeting → joined. greeting, joined → waiting when the coordinator falls silent; joined → greeting when it asks who we are.
    enum Connection: Equatable {
        /// Until the back-off is over. The old connection is given up but not closed: a Welcome that still comes over it counts.
        case waiting(until: Instant)
        /// Hello was said and is said again until there is an answer: no leg of the handshake may be lost for good.
        case greeting(since: Instant, saidHello: Instant)
        case joined(Welcome)
    }

    enum Timing {
        /// A registration storm of 500 workers then costs the coordinator 500 Hellos a second.
        static let helloAgain: Duration = .seconds(1)
        static let firstBackOff: Duration = .milliseconds(250)
        static let longestBackOff: Duration = .seconds(5)
        /// Before a Welcome has told the sweep's own.
        static let silence: Duration = .seconds(6)
    }

    let identity: Identity
    /// A worker that has heard no coordinator for this long leaves.
    let orphanTimeout: Duration
    /// Queued beside each running lease, so that a slot never waits for a round trip.
    private var credits: Int { isDraining ? 0 : 2 * identity.slots }

    private(set) var connection: Connection
    var queued: [Lease] = []
    var running: [LeaseID: Lease] = [:]
    /// Told to stop: this worker's no longer, but each has its slot until its thread has ended.
    var stopping: [LeaseID: Lease] = [:]
    /// The newest checkpoint of each lease, until the coordinator has it on disk.
    var unanswered: [LeaseID: Checkpoint] = [:]
    /// Ended at a checkpoint; given back once the coordinator has that.
    var paused: [LeaseID: Lease] = [:]
    var fetch = DataFetch()
    /// Files that queued leases read and that were not here when the lease came; a file that is here stays.
    var files: [LeaseID: [Digest]] = [:]
    /// Why the data cannot be had here.
    private var dataFailure: String?
    /// Results by batch, until the coordinator has them on disk.
    private(set) var unacknowledged: [BatchID: (lease: Lease, results: [TrialResult])] = [:]
    private var incarnation: UInt64 = 0
    private var nextBatch: UInt64 = 1
    private var failedAttempts = 0
    private var lastHeard: Instant
    private var lastSent: Instant
    private var isDraining = false
    /// How often a person or a launcher has asked; the coordinator's Drain does not count, since Ctrl-C in a terminal gives both at once.
    private var drainRequests = 0
    private var hasLeft = false

    init(_ identity: Identity, orphanTimeout: Duration, at now: Instant) {
        self.identity = identity
        self.orphanTimeout = orphanTimeout
        connection = .waiting(until: now)
        lastHeard = now
        lastSent = now
    }

    mutating func handle(_ event: Event, at now: Instant) -> [Effect] {
        guard !hasLeft else { return [] }
        switch event {
        case .received(let envelope): return hear(envelope, at: now)
        case .unreadable(.versionMismatch(let theirs, let ours)):
            return leave(.refused(reason: "\(MessageError.versionMismatch(theirs: theirs, ours: ours))"))
        case .unreadable(.malformed(let reason)):
            let notice = Effect.notice("the coordinator sent something unreadable: \(reason)")
            if case .waiting = connection { return [notice] }
            return [notice, send(.dropped(reason: reason), at: now)]
        case .progressed(let lease, let points):
            guard running[lease] != nil, case .joined = connection else { return [] }
            return [send(.progress(lease, points), at: now)]
        case .finished(let lease, let results): return finish(lease, results, at: now)
        case .stopped(let lease):
            stopping[lease] = nil
            return fillSlots()
        case .checkpointed(let lease, let checkpoint): return note(checkpoint, of: lease, at: now)
        case .paused(let lease): return pause(lease, at: now)
        case .refusedCheckpoint(let lease, let reason): return refuse(lease, reason, at: now)
        case .data(let file, let news): return hear(news, of: file, at: now)
        case .drainRequested:
            drainRequests += 1
            return drainRequests > 1 ? leave(.drained, saying: "drained", at: now) : startDrain(at: now)
        case .tick: return tick(at: now)
        }
    }

    /// When `tick` has to come at the latest.
    var nextDeadline: Instant { min(connectionDeadline, dataDeadline) }

    private var connectionDeadline: Instant {
        switch connection {
        case .waiting(let until): min(until, lastHeard + orphanTimeout)
        case .greeting(let since, let saidHello): min(saidHello + Timing.helloAgain, since + Timing.silence, lastHeard + orphanTimeout)
        case .joined(let welcome): min(lastSent + welcome.heartbeatInterval, lastHeard + welcome.timeout)
        }
    }

    var isJoined: Bool {
        if case .joined = connection { true } else { false }
    }

    // MARK: Hearing

    private mutating func hear(_ envelope: Envelope, at now: Instant) -> [Effect] {
        lastHeard = now
        failedAttempts = 0
        let isNewIncarnation = incarnation != 0 && envelope.incarnation != incarnation
        incarnation = envelope.incarnation
        switch envelope.message {
        // From a coordinator that was restarted it answers a Hello that is older than what this worker holds now.
        case .welcome(let welcome): return isJoined && isNewIncarnation ? greet(at: now) : join(welcome, at: now)
        case .refused(let reason): return leave(.refused(reason: reason))
        case .introduce: return greet(at: now)
        // A coordinator that was restarted between two frames: it may know nothing of us or what we hold.
        case _ where isNewIncarnation: return greet(at: now)
        case .lease(let lease): return take(lease, at: now)
        case .cancel(let lease):
            queued.removeAll { $0.id == lease }
            if paused.removeValue(forKey: lease) != nil { unanswered[lease] = nil }
            return (running[lease] == nil ? [] : stop([lease])) + leaveIfDrained(at: now)
        case .drain: return startDrain(at: now)
        case .acknowledged(let batch):
            unacknowledged[batch] = nil
            return leaveIfDrained(at: now)
        case .dataChunk(let chunk): return take(chunk, at: now)
        case .checkpointAnswer(let key, let epoch, let refusal): return hear(answer: refusal, to: key, epoch, at: now)
        case .heartbeat: return []
        case .dropped(let reason): return [.notice("the coordinator dropped a frame of ours: \(reason)")]
        case .hello, .ready, .progress, .results, .goodbye, .dataRequest, .checkpoint, .command, .answer:
            return [.notice("the coordinator sent a message that only workers send")]
        }
    }

    private mutating func greet(at now: Instant) -> [Effect] {
        connection = .greeting(since: now, saidHello: now)
        return [send(.hello(hello), at: now)]
    }

    /// Everything that this worker knows of, finished or not: what is not listed is lost and waits again. Where that is too much for a
    /// frame, what would cost most to compute again comes first.
    private var hello: Hello {
        var held: [LeaseID: [TrialKey]] = [:]
        var room = Limits.heldTrials
        let finished = unacknowledged.sorted { $0.key < $1.key }.map(\.value.lease)
        let begun = running.merging(paused) { first, _ in first }.values.sorted { $0.id < $1.id }
        for lease in begun + finished + queued where held[lease.id] == nil {
            room -= lease.trials.count
            guard room >= 0, held.count < Limits.heldLeases else { break }
            held[lease.id] = lease.trials.map(\.key)
        }
        return Hello(
            worker: identity.worker, host: identity.host, process: identity.process, slots: identity.slots, selfTest: identity.selfTest,
            held: held)
    }

    private mutating func join(_ welcome: Welcome, at now: Instant) -> [Effect] {
        // A second answer, to a Hello that was said again. Credits are absolute: once more costs a frame and mends a Ready that was lost.
        guard !isJoined else { return [send(.ready(credits: credits), at: now)] }
        connection = .joined(welcome)
        let keep = Set(welcome.keep)
        queued.removeAll { !keep.contains($0.id) }
        paused = paused.filter { keep.contains($0.key) }
        let dropped = stop(running.keys.filter { !keep.contains($0) })
        unanswered = unanswered.filter { running[$0.key] != nil || paused[$0.key] != nil }
        fetch.forgetRequests()
        // Let go of since Hello listed it: the coordinator would wait for it until this worker leaves.
        let missing = keep.subtracting(queued.map(\.id)).subtracting(running.keys).subtracting(paused.keys)
            .subtracting(unacknowledged.values.map(\.lease.id))
        let results = unacknowledged.sorted { $0.key < $1.key }.map { Message.results($0.key, $0.value.lease.id, $0.value.results) }
        let checkpoints = unanswered.sorted { $0.key < $1.key }.map { Message.checkpoint($0.key, $0.value) }
        let messages = results + checkpoints + missing.sorted().map(Message.cancel) + [.ready(credits: credits)]
        return dropped + messages.map { send($0, at: now) } + giveBackPaused(at: now) + fetchData(at: now) + leaveIfDrained(at: now)
    }

    private mutating func take(_ lease: Lease, at now: Instant) -> [Effect] {
        guard isJoined, !isDraining else { return [send(.cancel(lease.id), at: now)] }
        // The same lease again is a repeated frame.
        guard running[lease.id] == nil, !queued.contains(where: { $0.id == lease.id }) else { return [] }
        // No coordinator of ours sends more than it was asked for; this keeps any other from filling the memory.
        guard running.count + queued.count < credits else { return [send(.cancel(lease.id), at: now)] }
        queued.append(lease)
        let missing = lease.group.files.filter { !fetch.isHere($0) }
        if !missing.isEmpty { files[lease.id] = missing }
        return fillSlots() + fetchData(at: now)
    }

    // MARK: Computing

    mutating func fillSlots() -> [Effect] {
        var effects: [Effect] = []
        // Stores count their epochs from 1, so a lease of another store can have the id of one whose thread has not ended yet.
        while running.count + stopping.count < identity.slots,
            let next = queued.firstIndex(where: { stopping[$0.id] == nil && files[$0.id]?.allSatisfy(fetch.isHere) ?? true })
        {
            let lease = queued.remove(at: next)
            running[lease.id] = lease
            files[lease.id] = nil
            effects.append(.compute(lease))
        }
        return effects
    }

    private mutating func stop(_ leases: [LeaseID]) -> [Effect] {
        for lease in leases {
            stopping[lease] = running.removeValue(forKey: lease)
            unanswered[lease] = nil
        }
        return leases.sorted().map(Effect.stop)
    }

    mutating func finish(_ id: LeaseID, _ results: [TrialResult], at now: Instant) -> [Effect] {
        // One that came to its end before it saw that it must stop is as good as any: the store knows whether it has the trials.
        guard let lease = running.removeValue(forKey: id) ?? stopping.removeValue(forKey: id) else { return [] }
        return settle(lease, results, at: now)
    }

    /// Its results are kept until they are acknowledged.
    mutating func settle(_ lease: Lease, _ results: [TrialResult], at now: Instant) -> [Effect] {
        unanswered[lease.id] = nil
        let batch = BatchID(rawValue: nextBatch)
        nextBatch += 1
        unacknowledged[batch] = (lease, results)
        let next = fillSlots()
        return isJoined ? next + [send(.results(batch, lease.id, results), at: now)] : next
    }

    // MARK: Leaving

    mutating func startDrain(at now: Instant) -> [Effect] {
        guard !isDraining else { return [] }
        isDraining = true
        let returned = queued.map(\.id)
        queued = []
        // One that is hours long does not end for this: it goes on elsewhere.
        let pauses = running.values.filter(\.isLong).map(\.id).sorted().map(Effect.pause)
        guard isJoined else { return pauses + leaveIfDrained(at: now) }
        return pauses + ([.ready(credits: 0)] + returned.map(Message.cancel)).map { send($0, at: now) } + leaveIfDrained(at: now)
    }

    mutating func leaveIfDrained(at now: Instant) -> [Effect] {
        // Results that no coordinator has are worth waiting for, until nobody has been heard for the orphan timeout.
        guard isDraining, running.isEmpty, paused.isEmpty, queued.isEmpty, unacknowledged.isEmpty else { return [] }
        if let dataFailure { return leave(.noData(reason: dataFailure), saying: dataFailure, at: now) }
        return leave(.drained, saying: "drained", at: now)
    }

    /// Finishes what runs and leaves: another worker of this host would fare no better, and what is given back to one that is asked for
    /// it at once goes round in circles.
    mutating func giveUp(_ failure: DataFailure, at now: Instant) -> [Effect] {
        dataFailure = failure.reason
        return [.notice("\(failure.reason): this worker leaves")] + startDrain(at: now)
    }

    /// - Parameter goodbye: without one a coordinator blames the trials that run here for the worker's end.
    private mutating func leave(_ exit: Exit, saying goodbye: String, at now: Instant) -> [Effect] {
        [send(.goodbye(reason: goodbye), at: now)] + leave(exit)
    }

    private mutating func leave(_ exit: Exit) -> [Effect] {
        hasLeft = true
        return stop(Array(running.keys)) + [.exit(exit)]
    }

    // MARK: Time

    private mutating func tick(at now: Instant) -> [Effect] {
        tickConnection(at: now) + (hasLeft ? [] : fetchData(at: now))
    }

    private mutating func tickConnection(at now: Instant) -> [Effect] {
        switch connection {
        // A coordinator that is there may be silent for longer than a short orphan timeout, so while joined its silence comes first.
        case .waiting where now - lastHeard >= orphanTimeout, .greeting where now - lastHeard >= orphanTimeout:
            return leave(.orphaned, saying: "no word from the coordinator", at: now)
        case .waiting(let until):
            guard now >= until else { return [] }
            return [.connect] + greet(at: now)
        case .greeting(let since, let saidHello):
            if now - since >= Timing.silence { return backOff(at: now) }
            guard now - saidHello >= Timing.helloAgain else { return [] }
            connection = .greeting(since: since, saidHello: now)
            return [send(.hello(hello), at: now)]
        case .joined(let welcome):
            if now - lastHeard >= welcome.timeout { return backOff(at: now) }
            guard now - lastSent >= welcome.heartbeatInterval else { return [] }
            return [send(.heartbeat(running: running.count), at: now)]
        }
    }

    /// 0.25 s, 0.5 s, … 5 s, shifted by up to half as much again by the worker's own number, so that a fleet does not come back in one instant.
    private mutating func backOff(at now: Instant) -> [Effect] {
        let base = min(Timing.firstBackOff * (1 << min(failedAttempts, 8)), Timing.longestBackOff)
        failedAttempts += 1
        let pause = base + base * (Double(identity.worker.low % 1024) / 2048)
        connection = .waiting(until: now + pause)
        return [.notice("no word from the coordinator: connecting again")]
    }

    mutating func send(_ message: Message, at now: Instant) -> Effect {
        lastSent = now
        return .send(Envelope(incarnation: incarnation, message: message))
    }
}
