// WorkerMachine.swift · Worker, after Wire, before TrialThread. Decides what a worker sends and computes.
// In: an Event and the time. Out: [Effect]. Knows no clock, socket, thread or kernel, so its tests are plain values.
// Files of the data set are in DataFetch and +Data, checkpoints in +Checkpoints.

internal import Vocabulary
internal import Wire

/// The state of one worker process: its connection, its leases, and what the coordinator has not acknowledged yet.
struct WorkerMachine {
    enum Event {
        case received(Envelope)
        /// A frame that cannot be decoded.
        case unreadable(MessageError)
        /// New points of the trials of a running lease; none when its computation has just begun.
        case progressed(LeaseID, [ProgressPoint])
        /// A lease was computed completely.
        case finished(LeaseID, [TrialResult])
        /// A compute thread stopped early because it was told to.
        case stopped(LeaseID)
        /// The trial of a running lease has made a checkpoint.
        case checkpointed(LeaseID, Checkpoint)
        /// A compute thread ended at its last checkpoint, because it was told to pause.
        case paused(LeaseID)
        /// The trial cannot be resumed from the lease's checkpoint and starts from the beginning.
        case refusedCheckpoint(LeaseID, reason: String)
        /// The outcome of an operation on the cache.
        case data(Digest, DataOutcome)
        /// SIGTERM or Ctrl-C. The first drains the worker, the second ends it at once.
        case drainRequested
        case tick
    }

    enum Effect: Equatable {
        /// Closes the connection, if there is one, and opens a new one.
        case connect
        case send(Envelope)
        case compute(Lease)
        case stop(LeaseID)
        /// Tells a compute thread to make a checkpoint at the end of its epoch and end there, if its problem can.
        case pause(LeaseID)
        case data(DataCommand, Digest)
        case notice(String)
        case exit(Exit)
    }

    enum Exit: Equatable {
        case drained
        case refused(reason: String)
        /// No coordinator was heard for so long.
        case orphaned(after: Duration)
        /// This host cannot store the data set that the trials read.
        case noData(reason: String)
    }

    /// The constant fields of Hello.
    struct Identity {
        var worker: WorkerID
        var host: String
        var process: Int
        var slots: Int
        var selfTest: Digest
    }

    /// waiting → greeting → joined. greeting, joined → waiting when the coordinator times out. joined → greeting when it sends Introduce, or
    /// a frame of another incarnation.
    enum Connection: Equatable {
        /// Waits before it connects again. The old connection stays open until then, and a Welcome that comes over it counts.
        case waiting(until: Instant)
        /// Hello was sent, and is sent again every second until it is answered: either message may get lost.
        case greeting(since: Instant, sentHello: Instant)
        case joined(Welcome)
    }

    enum Timing {
        /// 1 s: when 500 workers register at once, the coordinator gets 500 Hellos a second.
        static let helloAgain: Duration = .seconds(1)
        static let firstBackOff: Duration = .milliseconds(250)
        static let longestBackOff: Duration = .seconds(5)
        /// How long the worker waits for a Welcome, which then brings the sweep's own timeout.
        static let timeout: Duration = .seconds(6)
        /// 2 s: how long the last try to find a coordinator lasts at least.
        static let lastTry: Duration = .seconds(2)
        /// 3: so much longer than others a worker looks for a coordinator that has something to hand over.
        static let keeping = 3
    }

    let identity: Identity
    /// A worker that has nothing to hand over and has received nothing from a coordinator for this long ends.
    let orphanTimeout: Duration
    /// Two leases per slot, one running and one queued, so that a slot never waits for a round trip.
    private var credits: Int { isDraining ? 0 : 2 * identity.slots }

    private(set) var connection: Connection
    var queued: [Lease] = []
    var running: [LeaseID: Lease] = [:]
    /// Leases whose threads were told to stop. They are not this worker's any more, but each occupies a slot until its thread has ended.
    var stopping: [LeaseID: Lease] = [:]
    /// The newest checkpoint of each lease, until the coordinator has answered it.
    var unanswered: [LeaseID: Checkpoint] = [:]
    /// Leases whose threads ended at a checkpoint. Each is given back once the coordinator has answered the checkpoint.
    var paused: [LeaseID: Lease] = [:]
    var fetch = DataFetch()
    /// The files of each queued lease that were missing from the cache when the lease came. A file in the cache stays there.
    var files: [LeaseID: [Digest]] = [:]
    /// Why this host cannot store the data set; nil while it can.
    private var dataFailure: String?
    /// Results by batch, until the coordinator has acknowledged that they are durable.
    private(set) var unacknowledged: [BatchID: (lease: Lease, results: [TrialResult])] = [:]
    private var incarnation: UInt64 = 0
    private var nextBatch: UInt64 = 1
    private var failedAttempts = 0
    private var lastHeard: Instant
    private var lastSent: Instant
    private var isDraining = false
    /// Drain requests by signals. The coordinator's Drain does not count, since Ctrl-C in a terminal reaches both programs at once.
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
        case .received(let envelope): return receive(envelope, at: now)
        case .unreadable(.versionMismatch(let theirs, let ours)):
            return leave(.refused(reason: "\(MessageError.versionMismatch(theirs: theirs, ours: ours))"))
        case .unreadable(.malformed(let reason)):
            let notice = Effect.notice("a frame from the coordinator cannot be decoded and was dropped: \(reason)")
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
        case .data(let file, let outcome): return note(outcome, of: file, at: now)
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
        case .waiting(let until): min(until, orphanedAt)
        case .greeting(let since, let sentHello):
            min(sentHello + Timing.helloAgain, since + Timing.timeout, endOfLastTry(since: since))
        case .joined(let welcome): min(lastSent + welcome.heartbeatInterval, lastHeard + welcome.timeout)
        }
    }

    /// How long this worker looks for a coordinator. Results and checkpoints that nobody has acknowledged are worth a longer wait: a
    /// coordinator that stands still, or is started again after a while, wants them.
    private var patience: Duration { unacknowledged.isEmpty && unanswered.isEmpty ? orphanTimeout : orphanTimeout * Timing.keeping }

    private var orphanedAt: Instant { lastHeard + patience }

    /// When a try that began at a time is the last one, and over: nobody gives up without one.
    private func endOfLastTry(since: Instant) -> Instant { max(orphanedAt, since + Timing.lastTry) }

    var isJoined: Bool {
        if case .joined = connection { true } else { false }
    }

    // MARK: Messages of the coordinator

    private mutating func receive(_ envelope: Envelope, at now: Instant) -> [Effect] {
        lastHeard = now
        failedAttempts = 0
        let isNewIncarnation = incarnation != 0 && envelope.incarnation != incarnation
        incarnation = envelope.incarnation
        switch envelope.message {
        // A Welcome of a new incarnation answers an older Hello, which may not list what this worker holds now: send Hello again.
        case .welcome(let welcome): return isJoined && isNewIncarnation ? greet(at: now) : join(welcome, at: now)
        // After a Drain it means that nobody takes what this worker still has: a person has removed it.
        case .refused(let reason): return leave(isDraining ? .drained : .refused(reason: reason))
        case .introduce: return greet(at: now)
        // The coordinator was restarted between two frames and may not know this worker or its leases.
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
        case .checkpointAnswer(let key, let epoch, let refusal): return note(answer: refusal, to: key, epoch, at: now)
        case .heartbeat: return []
        case .dropped(let reason): return [.notice("the coordinator dropped a frame of this worker: \(reason)")]
        case .hello, .ready, .progress, .results, .goodbye, .dataRequest, .checkpoint, .command, .answer:
            return [.notice("the coordinator sent a message that only workers send")]
        }
    }

    /// Sends Hello, after which the coordinator decides which leases the worker goes on with.
    private mutating func greet(at now: Instant) -> [Effect] {
        connection = .greeting(since: now, sentHello: now)
        return [send(.hello(hello), at: now)]
    }

    /// Lists the leases that this worker holds, finished or not; the coordinator queues the trials of all others again. Where there are too
    /// many for a frame, those come first that would cost most to compute again.
    private var hello: Hello {
        var held: [LeaseID: [TrialKey]] = [:], proofs: [LeaseID: Digest] = [:]
        var room = Limits.heldTrials
        let finished = unacknowledged.sorted { $0.key < $1.key }.map(\.value.lease)
        let begun = running.merging(paused) { first, _ in first }.values.sorted { $0.id < $1.id }
        for lease in begun + finished + queued where held[lease.id] == nil {
            room -= lease.trials.count
            guard room >= 0, held.count < Limits.heldLeases else { break }
            held[lease.id] = lease.trials.map(\.key)
            proofs[lease.id] = lease.proof
        }
        return Hello(
            worker: identity.worker, host: identity.host, process: identity.process, slots: identity.slots, selfTest: identity.selfTest,
            held: held, proofs: proofs)
    }

    private mutating func join(_ welcome: Welcome, at now: Instant) -> [Effect] {
        // This answers a repeated Hello. Credits are absolute, so sending them again does no harm and replaces a Ready that was lost.
        guard !isJoined else { return [send(.ready(credits: credits), at: now)] }
        connection = .joined(welcome)
        let keep = Set(welcome.keep)
        queued.removeAll { !keep.contains($0.id) }
        paused = paused.filter { keep.contains($0.key) }
        let dropped = stop(running.keys.filter { !keep.contains($0) })
        unanswered = unanswered.filter { running[$0.key] != nil || paused[$0.key] != nil }
        fetch.forgetRequests()
        // Leases that the worker has given up since that Hello: without a Cancel the coordinator would wait for them.
        let missing = keep.subtracting(queued.map(\.id)).subtracting(running.keys).subtracting(paused.keys)
            .subtracting(unacknowledged.values.map(\.lease.id))
        let results = unacknowledged.sorted { $0.key < $1.key }.map {
            Message.results($0.key, $0.value.lease.id, $0.value.results, proof: $0.value.lease.proof)
        }
        let checkpoints = unanswered.sorted { $0.key < $1.key }.map { Message.checkpoint($0.key, $0.value) }
        let messages = results + checkpoints + missing.sorted().map(Message.cancel) + [.ready(credits: credits)]
        return dropped + messages.map { send($0, at: now) } + giveBackPaused(at: now) + fetchData(at: now) + leaveIfDrained(at: now)
    }

    private mutating func take(_ lease: Lease, at now: Instant) -> [Effect] {
        guard isJoined, !isDraining else { return [send(.cancel(lease.id), at: now)] }
        // A lease that the worker holds already is a repeated frame.
        guard running[lease.id] == nil, !queued.contains(where: { $0.id == lease.id }) else { return [] }
        // A coordinator sends no more leases than the worker has credits; a faulty one must not fill the memory.
        guard running.count + queued.count < credits else { return [send(.cancel(lease.id), at: now)] }
        queued.append(lease)
        let missing = lease.group.files.filter { !fetch.isHere($0) }
        if !missing.isEmpty { files[lease.id] = missing }
        return fillSlots() + fetchData(at: now)
    }

    // MARK: Computing

    /// Starts queued leases while there are free slots, in order, passing over those whose files are missing.
    mutating func fillSlots() -> [Effect] {
        var effects: [Effect] = []
        // Each store counts incarnations from 1, so a lease of another store can have the id of one whose thread has not ended yet.
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
        // A thread may end before it sees that it was told to stop. Its results are sent all the same: the coordinator drops duplicates.
        guard let lease = running.removeValue(forKey: id) ?? stopping.removeValue(forKey: id) else { return [] }
        return settle(lease, results, at: now)
    }

    /// Sends the results of a lease, and holds them until they are acknowledged.
    mutating func settle(_ lease: Lease, _ results: [TrialResult], at now: Instant) -> [Effect] {
        unanswered[lease.id] = nil
        let batch = BatchID(rawValue: nextBatch)
        nextBatch += 1
        unacknowledged[batch] = (lease, results)
        let next = fillSlots()
        return isJoined ? next + [send(.results(batch, lease.id, results, proof: lease.proof), at: now)] : next
    }

    // MARK: Leaving

    mutating func startDrain(at now: Instant) -> [Effect] {
        guard !isDraining else { return [] }
        isDraining = true
        let returned = queued.map(\.id)
        queued = []
        // A long trial may need hours to its end, so it is paused and another worker resumes it.
        let pauses = running.values.filter(\.isLong).map(\.id).sorted().map(Effect.pause)
        guard isJoined else { return pauses + leaveIfDrained(at: now) }
        return pauses + ([.ready(credits: 0)] + returned.map(Message.cancel)).map { send($0, at: now) } + leaveIfDrained(at: now)
    }

    mutating func leaveIfDrained(at now: Instant) -> [Effect] {
        // The coordinator is waited for while results are not acknowledged.
        guard isDraining, running.isEmpty, paused.isEmpty, queued.isEmpty, unacknowledged.isEmpty else { return [] }
        if let dataFailure { return leave(.noData(reason: dataFailure), saying: dataFailure, at: now) }
        return leave(.drained, saying: "drained", at: now)
    }

    /// Drains the worker because this host cannot store the data. Giving single leases back instead would not help: the coordinator would
    /// send them here again at once.
    mutating func giveUp(_ failure: DataFailure, at now: Instant) -> [Effect] {
        dataFailure = failure.reason
        return [.notice("\(failure.reason): this worker leaves")] + startDrain(at: now)
    }

    /// Ends the worker with a Goodbye, without which the coordinator would count its end as a crash of the running trials.
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
        // While joined the coordinator's own timeout comes first: it may be longer than a short orphan timeout.
        case .greeting(let since, _) where now >= endOfLastTry(since: since): return leaveOrphaned(at: now)
        case .waiting(let until):
            guard now >= min(until, orphanedAt) else { return [] }
            return [.connect] + greet(at: now)
        case .greeting(let since, let sentHello):
            if now - since >= Timing.timeout { return backOff(after: Timing.timeout, at: now) }
            guard now - sentHello >= Timing.helloAgain else { return [] }
            connection = .greeting(since: since, sentHello: now)
            return [send(.hello(hello), at: now)]
        case .joined(let welcome):
            if now - lastHeard >= welcome.timeout { return backOff(after: welcome.timeout, at: now) }
            guard now - lastSent >= welcome.heartbeatInterval else { return [] }
            return [send(.heartbeat(running: running.count), at: now)]
        }
    }

    private mutating func leaveOrphaned(at now: Instant) -> [Effect] {
        let results = unacknowledged.values.reduce(0) { $0 + $1.results.count }
        let loss = "\(results) results that no coordinator has acknowledged end with this worker: another one computes them again"
        return (results == 0 ? [] : [.notice(loss)])
            + leave(.orphaned(after: patience), saying: "nothing received from the coordinator for \(patience.inSeconds) s", at: now)
    }

    /// Gives the connection up and waits 0.25 s, 0.5 s, … 5 s before the next. The worker's id lengthens the wait by up to a half, so that
    /// many workers do not come back at the same time.
    private mutating func backOff(after timeout: Duration, at now: Instant) -> [Effect] {
        let base = min(Timing.firstBackOff * (1 << min(failedAttempts, 8)), Timing.longestBackOff)
        failedAttempts += 1
        let pause = base + base * (Double(identity.worker.low % 1024) / 2048)
        connection = .waiting(until: now + pause)
        return [.notice("nothing received from the coordinator for \(timeout.inSeconds) s: connecting again")]
    }

    mutating func send(_ message: Message, at now: Instant) -> Effect {
        lastSent = now
        return .send(Envelope(incarnation: incarnation, message: message))
    }
}
