// EventLoop.swift · Coordinator/Serving, between the wire and the Scheduler. The only part that waits; it translates and obeys.
// It owns the socket, the store and the local workers, all on one thread.

internal import Logging
internal import Vocabulary
internal import Wire

struct EventLoop: ~Copyable {
    /// From outside: signals.
    enum Letter: Sendable { case interrupt }

    enum End: Equatable {
        case finished
        case interrupted
        /// No worker is here, none can be started, and none has come back for the orphan timeout.
        case noWorkers
    }

    private let mailbox: Mailbox<Letter>
    let logger: Logger
    let stopwatch = Stopwatch()
    var scheduler: Scheduler
    var socket: RouterSocket
    private var commits: GroupCommit
    /// The workers that the coordinator has started.
    var fleet: Fleet
    let doorkeeper: Doorkeeper
    private var display: ProgressDisplay
    private var snapshots: SnapshotWriter
    private var live: LiveTrials
    /// What a person types to start a worker.
    private let join: String
    /// Files of the data set, by hash.
    private let data: [Digest: [UInt8]]
    private var outbox = Outbox()
    private var interrupts = 0
    /// Lines about strangers in the second that began then.
    private var strangers: (since: Instant, lines: Int)
    private var dismissedAt: Instant?
    private var warnedOfNoWorkers: Instant
    private let orphanTimeout: Duration
    /// When a worker was last here; nil where none can have been.
    private var hadWorkerAt: Instant?

    /// - Parameter orphanTimeout: how long a worker goes on looking for its coordinator.
    init(
        _ scheduler: consuming Scheduler, socket: consuming RouterSocket, store: consuming ResultStore,
        fleet: consuming Fleet, doorkeeper: Doorkeeper, display: ProgressDisplay, snapshots: SnapshotWriter, join: String,
        data: [Digest: [UInt8]], orphanTimeout: Duration, mailbox: Mailbox<Letter>, logger: Logger
    ) {
        self.scheduler = scheduler
        self.socket = socket
        commits = GroupCommit(store)
        self.fleet = fleet
        self.doorkeeper = doorkeeper
        self.display = display
        self.snapshots = snapshots
        live = LiveTrials(self.scheduler.grid.spec.declaration)
        self.join = join
        self.data = data
        self.mailbox = mailbox
        self.logger = logger
        warnedOfNoWorkers = stopwatch.now
        strangers = (stopwatch.now, 0)
        self.orphanTimeout = orphanTimeout
        // Those of an earlier start look for this one.
        hadWorkerAt = self.scheduler.configuration.incarnation > 1 ? stopwatch.now : nil
    }

    /// Trials of the sweep that are stored as failed.
    var failed: Int { scheduler.trials.counts.failed }

    /// How long workers may take to leave once every trial is stored: what they still compute, if anything, was computed elsewhere.
    private static let farewell: Duration = .seconds(10)

    mutating func run() throws -> End {
        admitNewKeys()
        while true {
            for event in try receive() + letters() + ended() + [.tick] { obey(event) }
            // Until the disk has them nothing is acknowledged and nothing is lost.
            for event in try commits.commit(at: stopwatch.now, logger) { obey(event) }
            try flush()
            let now = stopwatch.now
            live.keep { key in scheduler.isLeased(key) }
            display.show(scheduler, live, at: now)
            snapshots.write(scheduler, live, stopwatch)
            if let end = end(at: now) {
                try commits.finish()
                display.finish(scheduler, live, at: now)
                snapshots.remove()
                return end
            }
            let deadline = min(scheduler.nextDeadline, commits.retryAt ?? .distantFuture) - now
            // 0.2 s: how soon the bar moves and a worker process that died is replaced; 10 ms: how soon a full queue is tried again, since
            // libzmq does not tell when a ROUTER's has room.
            try Poller.wait(for: socket, or: mailbox.doorbell, atMost: min(deadline, .milliseconds(outbox.isEmpty ? 200 : 10)))
        }
    }

    private mutating func end(at now: Instant) -> End? {
        let over = scheduler.isFinished || scheduler.isDraining
        if !over {
            dismissedAt = nil
            let outlook = fleet.tend(at: now, logger, invitation: doorkeeper.invitation)
            admitNewKeys()
            guard scheduler.workers.isEmpty else {
                hadWorkerAt = now
                return nil
            }
            // One that fell silent, or whose coordinator was killed, may be on its way back for that long.
            let isAwaited = hadWorkerAt.map { now - $0 < orphanTimeout } ?? false
            if outlook == .givenUp, !isAwaited { return .noWorkers }
            if outlook != .expected, now - warnedOfNoWorkers > .seconds(30) {
                warnedOfNoWorkers = now
                logger.warning("no workers: start one with \(join)")
            }
            return nil
        }
        if dismissedAt == nil { dismissedAt = now }
        let end: End = scheduler.isFinished ? .finished : .interrupted
        if interrupts > 1 { return end }
        guard commits.isEmpty else { return nil }
        // Interrupted, it waits for whatever workers compute, however long: who is dead falls silent and is not waited for.
        return scheduler.isOver || (end == .finished && now - dismissedAt! > Self.farewell) ? end : nil
    }

    private mutating func letters() -> [Scheduler.Event] {
        mailbox.empty().compactMap { _ in
            interrupts += 1
            guard interrupts == 1 else { return nil }
            logger.notice("draining: workers finish what they compute; once more stops at once")
            return .drainRequested
        }
    }

    /// What such a worker still said has been received before, or is welcome later.
    private mutating func ended() -> [Scheduler.Event] {
        fleet.takeEnded().map { .exited(process: Int($0), host: Host.name) }
    }

    /// Before anybody can have been told of them by way of another host.
    func admitNewKeys() { for key in doorkeeper.takeNew() { socket.allow(key) } }

    private mutating func receive() throws(SocketError) -> [Scheduler.Event] {
        var events: [Scheduler.Event] = []
        var bytes = 0
        // 256 frames or four of the largest a turn: heartbeats go out, commits happen and memory stays small also under a flood.
        while events.count < 256, bytes < 4 * Limits.frameBytes, let (route, frame) = try socket.receive() {
            bytes += frame.count
            do { events.append(.received(try Envelope(decoding: frame), from: route)) } catch let error {
                events.append(.unreadable(error, from: route))
            }
        }
        for (key, address) in socket.refusals() {
            warnOfStranger("turned away \(address): key \("\(key)".prefix(16))… is none that was issued here")
        }
        return events
    }

    mutating func obey(_ event: Scheduler.Event) {
        for effect in scheduler.handle(event, at: stopwatch.now) {
            switch effect {
            case .send(let envelope, let route): send(envelope, to: route)
            case .persist(let delivery): commits.add(delivery)
            case .record(let record): commits.add(record)
            case .sendLease(let lease, let mark, let route): send(lease, from: mark, to: route)
            case .persistCheckpoint(let checkpoint, let route): commits.add(checkpoint, from: route)
            case .forgetCheckpoint(let key): try? commits.forgetCheckpoint(of: key)
            case .sendData(let file, let offset, let route): outbox.addChunk(of: file, offset: offset, to: route)
            case .notice(let notice): log(notice)
            case .cutOff(let route): socket.cutOff(route)
            case .execute(let command, let route): obey(command, from: route)
            }
        }
    }

    mutating func send(_ envelope: Envelope, to route: Route) { outbox.add(envelope.encoded(), to: route) }

    /// A checkpoint goes from the disk to the worker and is nowhere else.
    private mutating func send(_ lease: Lease, from mark: CheckpointMark, to route: Route) {
        var lease = lease
        // A store that takes nothing for the moment is read all the same; one that cannot be read costs the trial its head start.
        lease.checkpoint = try? commits.checkpoint(of: mark.key, logger)
        if lease.checkpoint == nil { obey(.lostCheckpoint(mark.key)) }
        send(Envelope(incarnation: scheduler.configuration.incarnation, message: .lease(lease)), to: route)
    }

    mutating func flush() throws(SocketError) {
        var waiting = Outbox()
        swap(&waiting, &outbox)
        defer { outbox = waiting }
        try waiting.flush { (word, route) throws(SocketError) in try offer(word, to: route) }
        for route in waiting.overfull {
            warnOfStranger("connection \(route) (\(doorkeeper.name(of: route.peer))) does not read what it asks for: it is cut off")
            waiting.forget(route)
            socket.cutOff(route)
        }
    }

    private func offer(_ word: Outbox.Word, to route: Route) throws(SocketError) -> Outbox.Fate {
        let frame: [UInt8]
        switch word {
        case .frame(let bytes): frame = bytes
        case .chunk(let file, let offset):
            let chunk = DataChunk(of: data[file], digest: file, offset: offset)
            frame = Envelope(incarnation: scheduler.configuration.incarnation, message: .dataChunk(chunk)).encoded()
        }
        do { try socket.send(frame, to: route) } catch {
            switch error {
            // A stranger that does not read what we answer loses the answer; what has to reach a worker is said again on its next Hello.
            case .notNow where scheduler.workers.id(at: route) == nil:
                logger.debug("connection \(route) does not read: an answer is dropped")
                return .forgotten
            case .notNow: return .waits
            case .unknownPeer: return .forgotten
            default: throw error
            }
        }
        return .sent
    }

    /// At most 20 lines a second: a flood must not fill the disk with its own description.
    private mutating func warnOfStranger(_ text: String) {
        let limit = 20, now = stopwatch.now
        if now - strangers.since >= .seconds(1) {
            if strangers.lines > limit { logger.warning("\(strangers.lines - limit) more lines like these were left out") }
            strangers = (now, 0)
        }
        strangers.lines += 1
        if strangers.lines <= limit { logger.warning("\(text)") }
    }

    private func log(_ disagreement: Disagreement) {
        let names = disagreement.authors.map { "\($0.worker) on \($0.host)" }.joined(separator: " and ")
        switch disagreement.verdict {
        case .open: logger.error("trial \(disagreement.trial): workers \(names) computed different bits; a third one decides")
        case .settled(let wrong):
            let culprits = wrong.map { "worker \($0.worker) on \($0.host)" }.joined(separator: ", ")
            logger.error("trial \(disagreement.trial): two workers agree, the bits of \(culprits) are wrong; see to that machine")
        case .unsettled: logger.error("trial \(disagreement.trial): three workers computed three different results, the last \(names)")
        }
    }

    private mutating func log(_ notice: Scheduler.Notice) {
        switch notice {
        case .joined(let id, let host, let slots):
            logger.info("worker \(id) on \(host) joined with \(slots) slot\(slots == 1 ? "" : "s")")
            if let worker = scheduler.workers[id] { fleet.joined(doorkeeper.name(of: worker.route.peer)) }
        case .left(let id, let host, let reason):
            // What a worker gives for a reason is worth reading when it is not the usual one.
            logger.log(level: reason == "drained" ? .info : .warning, "worker \(id) on \(host) left: \(reason)")
        case .lost(let id, let host, let returned): logger.warning("worker \(id) on \(host) fell silent: \(returned) trials wait again")
        case .refused(let route, let reason): warnOfStranger("refused connection \(route): \(reason)")
        case .malformed(let route, let reason): warnOfStranger("dropped a frame of connection \(route): \(reason)")
        case .cutOff(let route, let malformed):
            logger.warning(
                "connection \(route) (\(doorkeeper.name(of: route.peer))) is cut off after \(malformed) frames that are no messages")
        case .dropped(let route, let reason): warnOfStranger("connection \(route) dropped a frame of ours: \(reason)")
        case .setAside(let key, let crashes): logger.error("trial \(key) is set aside: \(crashes) workers died while they computed it")
        case .quarantined(let id, let host, let reason):
            logger.error("worker \(id) on \(host) gets no more work while others are here: \(reason)")
        case .unverified(let trials): logger.warning("\(trials) trials were not checked: that takes another worker than computed them")
        case .disagreed(let disagreement): log(disagreement)
        case .rejectedCheckpoint(let key, let epoch, let host, let reason):
            logger.warning("checkpoint of trial \(key) after epoch \(epoch), worker on \(host): \(reason)")
        case .progressed(_, _, let points):
            live.note(points, in: scheduler.grid) { key in scheduler.isLeased(key) }
            for point in points {
                logger.debug(
                    "trial \(point.key) epoch \(point.point.epoch): train loss \(point.point.trainLoss), test loss \(point.point.testLoss), ratio \(point.lossRatio.map { "\($0)" } ?? "unknown")"
                )
            }
        }
    }
}
