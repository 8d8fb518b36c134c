// Scheduler.swift · Coordinator/Scheduling, after Grid.swift, before Serving/EventLoop.swift.
// Decides which worker computes which trials. In: an Event and the time. Out: [Effect]. Both are in +Interface.
// Knows no clock, socket, file or store, so its tests are plain values. Its state is in parts, each of which keeps its own invariants; what
// concerns several of them is done here, and only here. +Choices asks the parts and changes nothing; +Invariants says what is always true.

internal import Vocabulary
internal import Wire

struct Scheduler {
    let configuration: Configuration
    let grid: Grid
    private(set) var trials: Trials
    private(set) var leases: Leases
    private(set) var workers: Workers
    private(set) var verifications: Verifications
    private(set) var failures: Failures
    private(set) var malformedFrames = MalformedFrames()
    private(set) var isStoreBlocked = false
    private(set) var isDraining = false
    /// All workers have been told to drain; what they still send is acknowledged.
    private(set) var hasDrainedWorkers = false
    /// When `review` next looks for late leases and for verifications that nobody can compute, which no event announces.
    private(set) var nextReview = Instant(sinceStart: .zero)
    /// A worker has brought results since the last review, and may be idle: it need not wait for the next one.
    private(set) var mayBeIdle = false
    private(set) var historyLimit = HistoryLimit()
}

extension Scheduler {
    /// - Parameters:
    ///   - stored: whether the store has a result or a failure of the trial with this grid index.
    ///   - failed: whether it has a failure, which a late result still replaces.
    ///   - counts: the outcomes of the stored trials.
    ///   - baselines: test losses of stored baselines, by grid index.
    ///   - checkpoints: those that the store has.
    ///   - crashes: how many workers were lost while they computed a trial, by grid index.
    ///   - verifications: second and third runs that earlier incarnations left.
    ///   - distrusted: those that were found to compute other bits.
    init(
        _ configuration: Configuration, grid: Grid, stored: (Int) -> Bool, failed: (Int) -> Bool = { _ in false }, counts: TrialCounts,
        baselines: [Int: [Int: Double]], checkpoints: [CheckpointMark] = [], crashes: [Int: Int] = [:],
        verifications: [Verification] = [], distrusted: Set<Witness> = []
    ) {
        let trials = Trials(grid, stored: stored, failed: failed, counts: counts, baselines: baselines, checkpoints: checkpoints)
        self.init(
            configuration: configuration, grid: grid, trials: trials, leases: Leases(grid, incarnation: configuration.incarnation),
            workers: Workers(heartbeatInterval: configuration.heartbeatInterval, timeout: configuration.timeout),
            verifications: Verifications(
                grid, audit: Audit(share: configuration.audit, lanes: configuration.lanes), crashLimit: configuration.crashLimit,
                trialsPerLease: configuration.trialsPerLease, pending: verifications),
            failures: Failures(
                crashLimit: configuration.crashLimit, failureLimit: configuration.failureLimit,
                crashes: crashes.filter { trials[$0.key] == .waiting }, distrusted: distrusted))
    }

    var proofs: LeaseProofs { LeaseProofs(secret: configuration.leaseSecret) }

    /// Every trial has a durable result, and nothing is left to verify.
    var isFinished: Bool { trials.remaining == 0 && verifications.isEmpty }

    /// Nothing more will happen: finished or drained, and every worker has left.
    var isOver: Bool { (isFinished || isDraining) && workers.isEmpty }

    /// When `tick` has to come at the latest; at times a little sooner than it must.
    var nextDeadline: Instant { needsReview ? min(workers.nextDeadline, nextReview) : workers.nextDeadline }

    mutating func handle(_ event: Event, at now: Instant) -> [Effect] {
        let effects = decide(event, at: now), records = leases.takeRecords()
        return records.isEmpty ? effects : effects + records.map(Effect.record)
    }

    private mutating func decide(_ event: Event, at now: Instant) -> [Effect] {
        switch event {
        case .received(let envelope, let route): receive(envelope, from: route, at: now)
        case .unreadable(let error, let route): refuse(error, from: route, at: now)
        case .persisted(let deliveries): didPersist(deliveries, at: now)
        case .persistedCheckpoint(let mark, let route): didPersist(mark, from: route, at: now)
        case .lostCheckpoint(let key): loseCheckpoint(of: key)
        case .unsent(let lease): takeBack(lease, at: now)
        case .storeBlocked(let isBlocked): block(isBlocked, at: now)
        case .disagreed(let disagreements): resolve(disagreements, at: now)
        case .exited(let process, let host, let hasCrashed): end(process: process, on: host, hasCrashed, at: now)
        case .sharedKey(let key): noteShared(key)
        case .drainRequested: drain(at: now)
        case .drainWorker(let id): drain(id, at: now)
        case .removeWorker(let id): remove(id, at: now)
        case .tick: tick(at: now)
        }
    }

    private mutating func block(_ isBlocked: Bool, at now: Instant) -> [Effect] {
        isStoreBlocked = isBlocked
        return isBlocked ? [] : grant(at: now)
    }

    /// Its trials wait again; its worker has never heard of it.
    private mutating func takeBack(_ lease: LeaseID, at now: Instant) -> [Effect] {
        end(lease, as: .returned, at: now)
        return []
    }

    private mutating func noteShared(_ key: PublicKey) -> [Effect] {
        workers.noteShared(key)
        return []
    }

    /// Tells people of something that a peer can cause.
    private func tell(_ notice: Notice, of peer: Peer) -> Effect { .notice(notice, from: peer == .local ? nil : peer) }

    // MARK: Messages

    private mutating func receive(_ envelope: Envelope, from route: Route, at now: Instant) -> [Effect] {
        // Commands are taken over ipc alone, where file permissions have shown that it is this user.
        if case .command(let command) = envelope.message, route.peer == .local { return [.execute(command, from: route)] }
        if case .hello(let hello) = envelope.message { return greet(hello, from: route, at: now) }
        guard let id = workers.id(at: route) else { return receive(envelope.message, fromStranger: route, at: now) }
        // Any frame counts as life: a worker that sends a long batch is alive, only late.
        workers.recordHeard(from: id, at: now)
        return receive(envelope.message, of: id, from: route, at: now)
    }

    private mutating func receive(_ message: Message, of id: WorkerID, from route: Route, at now: Instant) -> [Effect] {
        switch message {
        case .ready(let credits):
            workers.setCredits(credits, of: id)
            return grant(at: now)
        case .progress(let lease, let points):
            guard leases[lease]?.worker == id else { return [] }
            leases.begin(lease)
            return points.isEmpty ? [] : [.notice(.progressed(id, lease, points))]
        case .results(let batch, let lease, let results, let proof):
            return take(results, of: lease, proof, by: workers.author(at: route)!, acknowledge: (batch, to: route), at: now)
                + grant(at: now)
        case .cancel(let lease):
            if leases[lease]?.worker == id { end(lease, as: .returned, at: now) }
            return grant(at: now)
        case .dataRequest(let file, let offset): return [.sendData(file, offset: offset, to: route)]
        case .checkpoint(let lease, let checkpoint): return take(checkpoint, of: lease, from: id, at: now)
        case .checkpointAnswer(let key, let epoch, let refusal): return reject(key, epoch, from: id, refusal)
        case .goodbye(let reason): return leave(id, reason: reason, at: now) + grant(at: now)
        case .heartbeat: return []
        case .dropped(let reason): return [tell(.dropped(route, reason: reason), of: route.peer)]
        case .hello, .welcome, .refused, .lease, .drain, .acknowledged, .introduce, .dataChunk, .command, .answer:
            return countMalformedFrame(from: route, reason: "a message that only a coordinator sends", at: now)
        }
    }

    /// A message on a connection on which no worker has registered: that of a lost worker, of one that an earlier incarnation knew, or a
    /// worker's new connection before its Hello.
    private mutating func receive(_ message: Message, fromStranger route: Route, at now: Instant) -> [Effect] {
        switch message {
        case .results(let batch, let lease, let results, let proof):
            // Late results are welcome: the work is done, and the store recognises a repeat. A worker without a name sends them again after
            // its Hello; bits whose author is unknown could not be compared.
            guard let author = workers.author(at: route) else { return [reply(.introduce, to: route)] }
            return take(results, of: lease, proof, by: author, acknowledge: (batch, to: route), at: now)
                + [reply(.introduce, to: route)] + grant(at: now)
        case .goodbye: return []
        case .dropped(let reason): return [tell(.dropped(route, reason: reason), of: route.peer)]
        default: return [reply(.introduce, to: route)]
        }
    }

    private mutating func refuse(_ error: MessageError, from route: Route, at now: Instant) -> [Effect] {
        switch error {
        case .versionMismatch: refuse(route, "\(error)", notice: "\(error)")
        case .malformed(let reason):
            [reply(.dropped(reason: reason), to: route)] + countMalformedFrame(from: route, reason: reason, at: now)
        }
    }

    private func refuse(_ route: Route, _ reason: String, notice: String) -> [Effect] {
        [reply(.refused(reason: reason), to: route), tell(.refused(route, reason: notice), of: route.peer)]
    }

    private mutating func countMalformedFrame(from route: Route, reason: String, at now: Instant) -> [Effect] {
        let notice = tell(.malformed(route, reason: reason), of: route.peer)
        guard malformedFrames.add(from: route) else { return [notice] }
        let left = workers.ids(behind: route).flatMap { leave($0, reason: "cut off", at: now) + grant(at: now) }
        // That its key is worth nothing any more is said once, however many lines were about its frames.
        return [notice, .notice(.cutOff(route, malformed: Limits.malformedFrames)), .cutOff(route)] + left
    }

    /// A message to a connection on which no worker has registered.
    private func reply(_ message: Message, to route: Route) -> Effect {
        .send(Envelope(incarnation: configuration.incarnation, message: message), to: route)
    }

    private mutating func send(_ message: Message, to id: WorkerID, at now: Instant) -> Effect {
        reply(message, to: workers.recordSent(to: id, at: now))
    }

    // MARK: Workers come

    /// A Hello on a new connection, or the same one again because the answer was late or lost.
    private mutating func greet(_ hello: Hello, from route: Route, at now: Instant) -> [Effect] {
        if let refusal = refusal(of: hello, from: route) { return refuse(route, refusal.reason, notice: refusal.notice) }
        var effects: [Effect] = []
        let id = hello.worker, isNew = workers[id] == nil, previous = workers.id(at: route)
        if let previous, previous != id {
            effects += leave(previous, reason: "another worker speaks on its connection", at: now)
        }
        workers.register(hello, at: route, now)
        if isNew {
            // It was lost and had only been silent: the trials that it was computing are not to blame.
            leases.recordReturn(of: id, host: hello.host, blame: failures.withdrawBlame(of: id), at: now)
        }
        reconcile(hello, isRepeat: previous == id, at: now)
        effects.append(welcome(hello, at: now))
        if isNew { effects.append(tell(.joined(id, host: hello.host, slots: hello.slots), of: route.peer)) }
        if isFinished || isDraining || workers.draining.contains(id) {
            // Its results are still welcome: it finishes what it computes, hands it over and leaves.
            effects.append(send(.drain, to: id, at: now))
        } else {
            // Late results may disagree, or complete an audited block, after all workers were told to drain. A worker that joins for such
            // a verification is told when that is done.
            hasDrainedWorkers = false
        }
        return effects + grant(at: now)
    }

    private mutating func welcome(_ hello: Hello, at now: Instant) -> Effect {
        let keep = hello.held.keys.filter { leases[$0]?.worker == hello.worker }.sorted()
        let welcome = Welcome(
            sweep: configuration.sweep, heartbeatInterval: configuration.heartbeatInterval, timeout: configuration.timeout, keep: keep,
            checkpoints: configuration.checkpoints)
        return send(.welcome(welcome), to: hello.worker, at: now)
    }

    /// The worker and the scheduler agree on the leases that the worker holds.
    private mutating func reconcile(_ hello: Hello, isRepeat: Bool, at now: Instant) {
        // A lease that the worker does not list was lost on its way.
        for lease in workers[hello.worker]!.leases.sorted() where hello.held[lease] == nil { end(lease, as: .forgotten, at: now) }
        // The worker may have had the first answer by now and have dropped the leases that it did not name: a repeat brings none back.
        guard !isRepeat else { return }
        for (lease, keys) in hello.held.sorted(by: { $0.key < $1.key }) where leases[lease] == nil {
            let holder = workers[hello.worker]!.key
            guard holder.map({ proofs.isProven(hello.proofs[lease], lease, keys, to: $0) }) ?? true else { continue }
            adopt(lease, keys, of: hello.worker, at: now)
        }
    }

    /// A worker holds a lease of an earlier incarnation, or one that was taken from it when it was lost: it keeps those of its trials that
    /// still wait.
    private mutating func adopt(_ id: LeaseID, _ keys: [TrialKey], of worker: WorkerID, at now: Instant) {
        let waiting = Set(keys.compactMap(grid.index(of:)).filter { trials[$0] == .waiting }).sorted()
        guard let first = waiting.first else { return }
        let group = grid.group(of: first)
        guard waiting.allSatisfy({ grid.group(of: $0) == group }) else { return }
        lease(waiting, of: group, to: worker, as: id, at: now)
    }

    // MARK: Workers go

    /// A worker leaves in order: its leases are for others, and no trial is blamed.
    /// - Parameter mayBeLate: whether results of it may still arrive, since it said no Goodbye.
    private mutating func leave(_ id: WorkerID, reason: String, mayBeLate: Bool = false, at now: Instant) -> [Effect] {
        guard let worker = mayBeLate ? workers.lose(id) : workers.remove(id) else { return [] }
        failures.forgetLeases(of: id)
        for lease in worker.leases.sorted() { end(lease, as: .returned, of: worker, at: now) }
        return [tell(.left(id, host: worker.host, reason: reason), of: worker.route.peer)]
    }

    /// A person removes a worker. Where it is one of ours it stops, says Goodbye and is not started again. One that has results leaves as
    /// well: their acknowledgement would not reach it.
    private mutating func remove(_ id: WorkerID, at now: Instant) -> [Effect] {
        guard let worker = workers[id] else { return [] }
        let messages = worker.leases.sorted().map { Message.cancel($0) } + [.drain, .refused(reason: "removed")]
        let sent = messages.map { send($0, to: id, at: now) }
        return sent + leave(id, reason: "removed", at: now) + grant(at: now)
    }

    /// A worker timed out or its process exited.
    private mutating func lose(_ id: WorkerID, at now: Instant) -> [Effect] {
        guard let worker = workers.lose(id) else { return [] }
        failures.forgetLeases(of: id)
        var effects: [Effect] = []
        let waitingBefore = trials.queue.count
        for (position, lease) in worker.leases.sorted().enumerated() {
            // Leases that merely waited in its queue are not blamed. Its slots take leases in order, so the oldest were being computed, even
            // when nothing was heard of them: a trial that crashes at once leaves no time to say that it has begun.
            // Nor are those of a key that loses workers faster than its part of the history grows: what is blamed has to be recorded.
            if leases[lease]!.hasBegun || position < worker.slots,
                historyLimit.admits(leases[lease]!.trials.count, of: worker.key, at: now)
            {
                effects += crash(lease, of: worker, at: now)
            } else {
                end(lease, as: .lost, of: worker, at: now)
            }
        }
        return effects + [tell(.lost(id, host: worker.host, returned: trials.queue.count - waitingBefore), of: worker.route.peer)]
    }

    /// The launcher saw a process end: where it was a worker, its timeout need not be waited for.
    private mutating func end(process: Int, on host: String, _ hasCrashed: Bool, at now: Instant) -> [Effect] {
        workers.ids(ofProcess: process, on: host).flatMap { id in
            hasCrashed ? lose(id, at: now) : leave(id, reason: "its process ended by itself", mayBeLate: true, at: now)
        } + grant(at: now)
    }

    private mutating func drain(at now: Instant) -> [Effect] {
        isDraining = true
        return drainWorkers(at: now)
    }

    private mutating func drain(_ id: WorkerID, at now: Instant) -> [Effect] {
        guard workers[id] != nil else { return [] }
        workers.drain(id)
        return [send(.drain, to: id, at: now)]
    }

    /// Tells every worker once to finish what it computes, to hand it over and to leave.
    private mutating func drainWorkers(at now: Instant) -> [Effect] {
        guard !hasDrainedWorkers else { return [] }
        hasDrainedWorkers = true
        return workers.sortedIDs.map { send(.drain, to: $0, at: now) }
    }

    // MARK: Time

    private mutating func tick(at now: Instant) -> [Effect] {
        workers.tick(at: now)
        var effects: [Effect] = []
        for (id, hasTimedOut) in workers.takeDue(at: now) {
            if hasTimedOut { effects += lose(id, at: now) } else { effects.append(send(.heartbeat(running: 0), to: id, at: now)) }
        }
        return effects + review(at: now) + grant(at: now)
    }

    /// 0.25 s: a copy that starts so much later costs nothing beside a lease.
    private static let reviewInterval: Duration = .milliseconds(250)

    private mutating func review(at now: Instant) -> [Effect] {
        guard needsReview, mayBeIdle || now >= nextReview else { return [] }
        mayBeIdle = false
        nextReview = now + Self.reviewInterval
        return copyLateLeases(at: now) + abandonVerifications(at: now)
    }

    /// At the end of a sweep each worker with a free slot is given the lease that is out longest, unless it is its own. The first results end
    /// both. A copy and a verification that are late themselves are taken from the worker that sits on them.
    private mutating func copyLateLeases(at now: Instant) -> [Effect] {
        guard trials.queue.isEmpty, hasLateLease(at: now) else { return [] }
        let idle = workersForCopies
        guard !idle.isEmpty else { return [] }
        var candidates = leasesToCopy(for: idle, at: now), effects: [Effect] = []
        guard !candidates.isEmpty else { return [] }
        let present = witnessesWithWorkers
        for worker in idle {
            guard let position = candidates.firstIndex(where: { isLate($0, for: worker, among: present, at: now) }) else { continue }
            effects += spread(candidates.remove(at: position), to: worker, at: now)
        }
        return effects
    }

    /// Gives the trials of a late lease to an idle worker: as a copy, or, where the lease is no original, in its place.
    private mutating func spread(_ late: LeaseID, to worker: WorkerID, at now: Instant) -> [Effect] {
        let old = leases[late]!, id = leases.newID()
        var lease = LeaseState(worker: worker, group: old.group, trials: old.trials, since: now, purpose: old.purpose, moves: old.moves + 1)
        var effects: [Effect] = []
        switch old.purpose {
        case .verification:
            effects = [cancel(late, at: now)]
            let verification = verifications.takeMoved()
            lease.trials = verification.trials
            verifications.start(verification, as: id)
        case .own, .copy:
            let original = leases.holder(late)
            if original != late { effects = [cancel(late, at: now)] }
            (lease.trials, lease.purpose) = (trialsHeld(by: original), .copy(of: original))
            if original == late { lease.moves = 0 }
            trials.countCopy(of: lease.trials)
        }
        add(lease, as: id)
        return effects + [issue(id, at: now)]
    }

    private mutating func abandonVerifications(at now: Instant) -> [Effect] {
        let isAttended = trials.remaining > 0 || !verifications.running.isEmpty || hasWorkerForVerification
        let abandoned = verifications.abandonUnattended(isAttended, at: now, after: configuration.timeout)
        return abandoned == 0 ? [] : [.notice(.unverified(trials: abandoned))] + drainWorkers(at: now)
    }

    // MARK: Handing out

    /// Gives leases to every worker with free credits, the one with the fewest leases for its slots first.
    private mutating func grant(at now: Instant) -> [Effect] {
        guard !isDraining, !isStoreBlocked, hasWork, !workers.withFreeCredits.isEmpty else { return [] }
        var effects: [Effect] = [], candidates = candidatesForLeases
        var stations = Verifications.Stations(verifications.pending.isEmpty ? [] : stationsWithWorkers)
        while hasWork, let position = candidates.indices.min(by: { candidates[$0].goesBefore(candidates[$1]) }) {
            let worker = candidates[position].id
            guard let lease = leaseVerification(to: worker, &stations, at: now) ?? leaseTrials(to: worker, at: now) else {
                // It may have none of the work that is left: it failed at the trials, or computed what is to be verified.
                candidates.remove(at: position)
                continue
            }
            effects.append(issue(lease, at: now))
            candidates[position].leases += 1
            if !candidates[position].hasFreeCredits || leases[lease]!.isRisky { candidates.remove(at: position) }
        }
        return effects
    }

    private mutating func leaseVerification(to worker: WorkerID, _ stations: inout Verifications.Stations, at now: Instant) -> LeaseID? {
        guard let verification = verifications.take(for: workers[worker]!.station(worker), &stations) else { return nil }
        let id = leases.newID(), group = grid.group(of: verification.trials[0])
        verifications.start(verification, as: id)
        add(LeaseState(worker: worker, group: group, trials: verification.trials, since: now, purpose: .verification), as: id)
        return id
    }

    private mutating func leaseTrials(to worker: WorkerID, at now: Instant) -> LeaseID? {
        guard let (group, chosen) = nextTrials(for: worker) else { return nil }
        let id = leases.newID()
        lease(chosen, of: group, to: worker, as: id, at: now)
        return id
    }

    /// - Parameter waiting: trials of the group that wait, ascending; at least one.
    private mutating func lease(_ waiting: [Int], of group: Int, to worker: WorkerID, as id: LeaseID, at now: Instant) {
        let isRisky = failures.crashes(of: waiting[0]) > 0
        trials.lease(waiting, of: group, as: id)
        add(LeaseState(worker: worker, group: group, trials: waiting, since: now, isRisky: isRisky), as: id)
    }

    /// Every lease begins here.
    private mutating func add(_ lease: LeaseState, as id: LeaseID) {
        leases.add(lease, as: id)
        workers.add(id, to: lease.worker)
    }

    /// Sends a new lease to its worker.
    private mutating func issue(_ id: LeaseID, at now: Instant) -> Effect {
        let message = message(of: id), worker = leases[id]!.worker
        guard let mark = checkpoint(for: id) else { return send(.lease(message), to: worker, at: now) }
        return .sendLease(message, from: mark, to: workers.recordSent(to: worker, at: now))
    }

    /// Every lease ends here. What it held goes to its successor; the worker, where it is still here, has a credit more.
    /// - Parameters:
    ///   - former: the worker, where it is not here any more; else nil.
    ///   - isRecorded: whether the lease certainly becomes part of the history of its trials; else a key's share of it decides.
    private mutating func end(
        _ id: LeaseID, as end: LeaseRecord.End, of former: WorkerState? = nil, isRecorded: Bool = false, at now: Instant
    ) {
        guard let worker = leases[id]?.worker, let state = workers[worker] ?? former else { return }
        let held = trialsHeld(by: id)
        let isRecorded = isRecorded || historyLimit.admits(leases[id]!.trials.count, of: state.key, at: now)
        let (lease, successor) = leases.end(id, as: end, host: state.host, isRecorded: isRecorded, at: now)
        if workers[worker] != nil { workers.remove(id, from: worker) }
        switch successor {
        case .queue: trials.requeue(held, of: lease.group)
        case .copy(let copy): trials.transfer(held, to: copy)
        case .original: break
        case .verification: verifications.end(id)
        }
    }

    // MARK: Taking in

    /// Results that arrived, on whatever connection: nobody else is given these trials. A repeat or an older attempt changes nothing here; the
    /// store recognises what it has. A trial that this sweep does not have, or that the holder of the worker's key was not leased, is not
    /// stored; nor is what comes from one that was found to compute wrong, while others are here.
    private mutating func take(
        _ results: [TrialResult], of lease: LeaseID, _ proof: Digest?, by author: Author, acknowledge: (BatchID, to: Route),
        at now: Instant
    ) -> [Effect] {
        let own = ownTrials(results, of: lease, proof, by: author), isIgnored = isDisbelieved(author)
        var accepted: [TrialResult] = [], notices: [Effect] = [], computing: Set<LeaseID> = [], hasNews = false
        for (result, index) in own where !isIgnored {
            if trials.awaitsResult(index) {
                guard isFinal(result, index, of: lease, by: author) else { continue }
                if !result.isFailure { notices += blameWorkersThatFailed(at: index, but: author.worker) }
                if let holder = trials.holder(of: index) { computing.formUnion(leases.computing(holder)) }
                trials.deliver(index)
                hasNews = true
            }
            accepted.append(result)
        }
        if own.count < results.count {
            let rejected = Notice.rejectedResults(author.worker, host: author.host, count: results.count - own.count)
            notices.append(tell(rejected, of: acknowledge.to.peer))
        }
        if leases[lease]?.worker == author.worker {
            notices += judge(author.worker, results, accepted)
            endComputed(lease, accepted, by: author, hasNews: hasNews, at: now)
        }
        if workers[author.worker] != nil, let first = results.first(where: { $0.seconds > 0 }) {
            workers.learn(secondsPerTrial: first.seconds, of: author.worker)
        }
        // That of the sender has ended.
        let done = computing.sorted().filter { leases[$0] != nil && trialsHeld(by: $0).isEmpty },
            cancelled = done.map { cancel($0, at: now) }
        return [.persist(Delivery(results: accepted, author: author, acknowledge: acknowledge))] + cancelled + notices
    }

    /// Those of the results whose trials this sweep has and that were leased to whoever holds the worker's key, with their indices.
    private func ownTrials(
        _ results: [TrialResult], of lease: LeaseID, _ proof: Digest?, by author: Author
    ) -> [(result: TrialResult, index: Int)] {
        let known = results.compactMap { result in grid.index(of: result.key).map { (result, $0) } }
        // A worker without a key is one of this user's, or of somebody whom this user trusts.
        guard let key = author.key else { return known }
        let isHere = leases[lease]?.worker == author.worker, leased = isHere ? Set(leases[lease]!.trials) : []
        if known.count == results.count, known.allSatisfy({ leased.contains($0.1) }) { return known }
        // The lease is of an earlier incarnation, or was taken away, or had other trials that are not waited for any more.
        return proofs.isProven(proof, lease, results.lazy.map(\.key), to: key) ? known : known.filter { leased.contains($0.1) }
    }

    /// A lease ends with the results of its worker, even when they arrive on a connection on which it is not registered yet.
    private mutating func endComputed(_ id: LeaseID, _ accepted: [TrialResult], by author: Author, hasNews: Bool, at now: Instant) {
        let isVerification = leases[id]!.purpose == .verification
        if isVerification { verifications.recordResults(accepted, of: id, by: author) }
        mayBeIdle = true
        end(id, as: .computed, isRecorded: hasNews || isVerification, at: now)
    }

    /// Other leases have brought all results of this one: its worker need not go on.
    private mutating func cancel(_ id: LeaseID, at now: Instant) -> Effect {
        let worker = leases[id]!.worker
        end(id, as: .cancelled, at: now)
        return send(.cancel(id), to: worker, at: now)
    }

    /// The deliveries are durable: now, and not before, they are acknowledged.
    private mutating func didPersist(_ deliveries: [Delivery], at now: Instant) -> [Effect] {
        var effects: [Effect] = []
        for delivery in deliveries {
            for result in delivery.results {
                guard let index = grid.index(of: result.key), trials.persist(result, index) else { continue }
                failures.forget(trial: index)
                verifications.recordAuthor(delivery.author, of: index, in: trials)
            }
            effects += acknowledge(delivery, at: now)
        }
        return effects + (isFinished ? drainWorkers(at: now) : grant(at: now))
    }

    private mutating func acknowledge(_ delivery: Delivery, at now: Instant) -> [Effect] {
        guard let (batch, route) = delivery.acknowledge else { return [] }
        guard let id = workers.id(at: route) else { return [reply(.acknowledged(batch), to: route)] }
        // Each worker counts its batches from 1, so this number means something else to another worker.
        return delivery.author.worker == id ? [send(.acknowledged(batch), to: id, at: now)] : []
    }

    // MARK: Failures

    /// A worker was lost while it computed a lease. Trials that have cost `crashLimit` workers are set aside as failed, the others wait again.
    /// - Parameter worker: it is not here any more.
    private mutating func crash(_ id: LeaseID, of worker: WorkerState, at now: Instant) -> [Effect] {
        var effects: [Effect] = []
        let author = worker.author(leases[id]!.worker), held = trialsHeld(by: id)
        failures.recordCrash(of: author, over: id, held)
        for trial in held where hasReachedCrashLimit(trial) && !isComputed(trial, elsewhereThan: id) {
            effects += setAside(trial, by: author)
        }
        if leases[id]!.purpose == .verification {
            let abandoned = verifications.recordCrash(of: id)
            if abandoned > 0 { effects.append(.notice(.unverified(trials: abandoned))) }
        }
        end(id, as: .died, of: worker, isRecorded: true, at: now)
        while let forgiven = failures.nextToForgive() {
            leases.recordReturn(of: forgiven, host: "", blame: failures.withdrawBlame(of: forgiven), at: now)
        }
        // What was set aside or abandoned may have been the last.
        return effects + (isFinished ? drainWorkers(at: now) : [])
    }

    private func hasReachedCrashLimit(_ trial: Int) -> Bool {
        guard failures.crashes(of: trial) >= configuration.crashLimit else { return false }
        return failures.hasReachedCrashLimit(trial, isAlone: !hasWitness(besides: failures.witnessesLost(over: trial)))
    }

    /// - Parameter author: the last worker that was lost over the trial.
    private mutating func setAside(_ trial: Int, by author: Author) -> [Effect] {
        let crashes = failures.crashes(of: trial)
        let result = TrialResult(
            key: grid.key(of: trial), attempt: trials.attempts(of: trial),
            outcome: .failed(reason: "\(crashes) workers died while they computed it, the last on \(author.host)"), epochs: 0,
            digest: nil, curve: [], seconds: 0)
        trials.deliver(trial)
        return [
            .persist(Delivery(results: [result], author: author, acknowledge: nil)), .notice(.setAside(result.key, crashes: crashes)),
        ]
    }

    /// Whether what arrived for a trial decides it. A failure is final when nobody else computes the trial, and enough workers have failed
    /// at it or nobody is left to try it.
    private mutating func isFinal(_ result: TrialResult, _ index: Int, of lease: LeaseID, by author: Author) -> Bool {
        guard result.isFailure else { return true }
        failures.recordFailure(of: index, by: author)
        let isAlone = !hasWitness(besides: failures.witnessesThatFailed(at: index)), isOwn = leases[lease]?.worker == author.worker
        guard isOwn ? !isComputed(index, elsewhereThan: lease) : trials.holder(of: index) == nil,
            failures.hasReachedFailureLimit(index, isAlone: isAlone)
                || isAlone && !hasWorkers(besides: failures.workersThatFailed(at: index))
        else { return false }
        failures.acquitWorkers(of: index)
        return true
    }

    /// Results of a worker's own lease show whether it computes anything.
    /// - Parameter accepted: without failures that are not final: those that are final count for nobody.
    private mutating func judge(_ worker: WorkerID, _ results: [TrialResult], _ accepted: [TrialResult]) -> [Effect] {
        guard !results.contains(where: { !$0.isFailure }) else {
            failures.recordSuccess(of: worker)
            return []
        }
        let final = Set(accepted.map(\.key))
        return results.contains { !final.contains($0.key) } ? blame(worker) : []
    }

    /// A worker has computed what these workers had failed at.
    private mutating func blameWorkersThatFailed(at trial: Int, but author: WorkerID) -> [Effect] {
        let failed = failures.workersThatFailed(at: trial)
        guard !failed.isEmpty else { return [] }
        return failed.filter { $0 != author }.sorted { $0.order < $1.order }.flatMap { blame($0) }
    }

    private mutating func blame(_ worker: WorkerID) -> [Effect] {
        guard let host = workers[worker]?.host, failures.recordFailedLease(of: worker), isQuarantined(worker) else { return [] }
        let reason = "\(Failures.failedLeasesToQuarantine) leases failed one after the other where others succeed"
        return [tell(.quarantined(worker, host: host, reason: reason), of: workers[worker]!.route.peer)]
    }

    /// What follows from the bits that the store has compared.
    private mutating func resolve(_ disagreements: [Disagreement], at now: Instant) -> [Effect] {
        var effects: [Effect] = []
        for disagreement in disagreements {
            effects.append(.notice(.disagreed(disagreement)))
            switch disagreement.verdict {
            case .open:
                if let index = grid.index(of: disagreement.trial) { verifications.decide(index, between: disagreement.authors) }
            case .settled(let wrong): for author in wrong { effects += distrust(author) }
            case .unsettled: break
            }
        }
        return effects + grant(at: now)
    }

    private mutating func distrust(_ author: Author) -> [Effect] {
        guard failures.distrust(author.witness) else { return [] }
        return [.notice(.quarantined(author.worker, host: author.host, reason: "two others agree on bits that it computed differently"))]
    }

    // MARK: Checkpoints

    /// A checkpoint of a trial that the worker has on this lease. Any other is rejected with a reason, so that nobody waits for an answer:
    /// a worker that drains leaves only when it has one.
    private mutating func take(_ checkpoint: Checkpoint, of lease: LeaseID, from id: WorkerID, at now: Instant) -> [Effect] {
        guard let index = grid.index(of: checkpoint.key), leases[lease]?.worker == id, trialsHeld(by: lease).contains(index) else {
            // The trial was taken from the worker and given to another, or is done: no mistake of anybody's.
            return [answer(checkpoint, "the trial is no longer this worker's", to: id, at: now)]
        }
        leases.begin(lease)
        let worker = workers[id]!
        guard let reason = rejection(of: checkpoint, index) else { return [.persistCheckpoint(checkpoint, from: worker.route)] }
        let notice = Notice.rejectedCheckpoint(checkpoint.key, epoch: checkpoint.epoch, host: worker.host, reason: reason)
        return [answer(checkpoint, reason, to: id, at: now), tell(notice, of: worker.route.peer)]
    }

    private mutating func answer(_ checkpoint: Checkpoint, _ refusal: String, to id: WorkerID, at now: Instant) -> Effect {
        send(.checkpointAnswer(checkpoint.key, epoch: checkpoint.epoch, refusal: refusal), to: id, at: now)
    }

    /// The checkpoint is durable: the worker may forget it, and the next lease of the trial goes on from it.
    private mutating func didPersist(_ mark: CheckpointMark, from route: Route, at now: Instant) -> [Effect] {
        trials.persist(mark)
        let answer = Message.checkpointAnswer(mark.key, epoch: mark.epoch, refusal: nil)
        return [workers.id(at: route).map { send(answer, to: $0, at: now) } ?? reply(answer, to: route)]
    }

    private mutating func loseCheckpoint(of key: TrialKey) -> [Effect] {
        if let index = grid.index(of: key) { trials.removeCheckpoint(of: index) }
        return []
    }

    /// A worker could not resume from the checkpoint that came with its lease, and has started from the beginning.
    /// - Parameter refusal: why; nil is no answer of a worker.
    private mutating func reject(_ key: TrialKey, _ epoch: Int, from id: WorkerID, _ refusal: String?) -> [Effect] {
        guard let refusal, let index = grid.index(of: key), trials.checkpoints[index] != nil, let holder = trials.holder(of: index),
            leases.computing(holder).contains(where: { leases[$0]?.worker == id })
        else { return [] }
        trials.removeCheckpoint(of: index)
        let notice = Notice.rejectedCheckpoint(key, epoch: epoch, host: workers[id]!.host, reason: refusal)
        return [.forgetCheckpoint(key), tell(notice, of: workers[id]!.route.peer)]
    }
}
