// EventLoop.swift · Coordinator/Serving, between the wire and the Coordinator. The only part that waits; it translates and performs.
// It owns the sockets, the store and the workers that it starts, all on one thread.

internal import Logging
internal import Vocabulary
internal import Wire

struct EventLoop: ~Copyable {
    /// What a person can tell a running coordinator with a signal.
    enum Signal: Sendable { case interrupt }

    /// Why the loop has ended.
    enum End: Equatable {
        case finished
        case interrupted
        /// No worker is here, none can be started, and none has come back for the orphan timeout.
        case noWorkers
    }

    private let mailbox: Mailbox<Signal>
    let logger: Logger
    let stopwatch: Stopwatch
    var coordinator: Coordinator<StoreThread>
    var connections: Connections
    /// The workers that the coordinator has started.
    var fleet: Fleet
    private var display: ProgressDisplay
    private var ending: EndCondition
    /// Path of the store, for messages.
    private let storePath: String
    /// What a person types to start a worker.
    private let joinCommand: String

    /// - Parameters:
    ///   - orphanTimeout: how long a worker goes on looking for its coordinator.
    ///   - storePath: for messages.
    ///   - joinCommand: what a person types to start a worker.
    init(
        _ coordinator: consuming Coordinator<StoreThread>, _ connections: consuming Connections, fleet: consuming Fleet,
        display: ProgressDisplay, orphanTimeout: Duration, storePath: String, joinCommand: String,
        mailbox: Mailbox<Signal>, logger: Logger
    ) {
        let stopwatch = Stopwatch(), incarnation = coordinator.scheduler.configuration.incarnation
        self.stopwatch = stopwatch
        self.coordinator = coordinator
        self.connections = connections
        self.fleet = fleet
        self.display = display
        ending = EndCondition(incarnation: incarnation, orphanTimeout: orphanTimeout, at: stopwatch.now)
        self.storePath = storePath
        self.joinCommand = joinCommand
        self.mailbox = mailbox
        self.logger = logger
    }

    /// Nobody finds this coordinator on its host any more. Must come before the lock of the store is released: the next start makes a file of
    /// the same name.
    mutating func removeLocalSocket() { connections.removeLocalSocket() }

    /// Releases what the loop owns, and the lock of the store last: the next start on it finds neither workers nor sockets of this one.
    consuming func close() {
        func release<Part: ~Copyable>(_ part: consuming Part) {}
        release(fleet)
        release(connections)
        release(coordinator)
    }

    /// Trials of the sweep that are stored as failed.
    var failed: Int { coordinator.scheduler.trials.counts.failed }

    mutating func run() throws -> End {
        acceptNewKeys()
        while true {
            try takeTurn()
            display.update(coordinator.scheduler, stopwatch)
            switch decide(at: stopwatch.now) {
            case .goOn: break
            case .askForWorkers:
                logger.warning("no worker is connected, so no trial is computed: start a worker with \(joinCommand)")
            case .end(let end):
                try coordinator.finish()
                display.finish(coordinator.scheduler, at: stopwatch.now)
                return end
            }
            // 0.2 s: how soon the bar moves and a worker process that died is replaced.
            let timeout = min(coordinator.nextDeadline - stopwatch.now, .milliseconds(200))
            try connections.wait(or: mailbox.wakeSignal, atMost: timeout)
        }
    }

    private mutating func takeTurn() throws {
        let turn = Turn(
            frames: try connections.receive(at: stopwatch.now), isDrainRequested: isDrainRequested(),
            exits: fleet.takeEnded().map { ProcessEnd(process: Int($0.process), host: Host.name, hasCrashed: $0.hasCrashed) })
        var actions: [CoordinatorAction] = []
        let stopwatch = stopwatch
        do { try coordinator.take(turn, at: { stopwatch.now }) { action, _ in actions.append(action) } } catch {
            // The log tells what led to it.
            for action in actions { perform(action) }
            throw error
        }
        for action in actions { perform(action) }
        try flush()
    }

    private mutating func perform(_ action: CoordinatorAction) {
        switch action {
        case .send(let envelope, let route): connections.send(envelope, to: route)
        case .sendChunk(let file, let offset, let route): connections.sendChunk(of: file, offset: offset, to: route)
        case .close(let route): connections.close(route)
        case .answer(let command, let route): connections.send(.answer(answer(command)), to: route)
        case .log(let notice, let peer): log(notice, of: peer)
        case .logJournal(let notice): log(notice.line(store: storePath))
        }
    }

    /// Must run before an invitation with a new key leaves this process, or its worker would be refused.
    mutating func acceptNewKeys() { for key in connections.acceptNewKeys() { handle(.sharedKey(key)) } }

    /// Handles an event at once, outside of a turn.
    mutating func handle(_ event: Scheduler.Event) {
        var actions: [CoordinatorAction] = []
        coordinator.handle(event, at: stopwatch.now) { action, _ in actions.append(action) }
        for action in actions { perform(action) }
    }

    mutating func flush() throws(SocketError) {
        let workers = coordinator.scheduler.workers
        try connections.flush(at: stopwatch.now) { workers.id(at: $0) != nil }
    }

    private mutating func isDrainRequested() -> Bool {
        let signals = mailbox.takeAll()
        guard !signals.isEmpty else { return false }
        for _ in signals { ending.noteInterrupt() }
        // The second interrupt ends the loop.
        guard ending.interrupts == signals.count else { return false }
        logger.notice(
            "interrupted: workers finish what they are computing and get no more trials; interrupt once more to stop at once, which loses what they are computing"
        )
        return true
    }

    private mutating func decide(at now: Instant) -> EndCondition.Decision {
        let scheduler = coordinator.scheduler
        guard !scheduler.isFinished, !scheduler.isDraining else {
            return ending.decide(
                isFinished: scheduler.isFinished, haveAllLeft: scheduler.isOver, hasPersistedAll: coordinator.hasPersistedAll, at: now)
        }
        connections.tendLocalSocket(at: now)
        fleet.localEndpoint = connections.localEndpoint
        let outlook = fleet.tend(at: now, invitation: connections.authenticator.invitation)
        acceptNewKeys()
        return ending.decide(hasWorkers: !scheduler.workers.isEmpty, outlook: outlook, at: now)
    }

    // MARK: The log

    private mutating func log(_ notice: Scheduler.Notice, of peer: Peer?) {
        switch notice {
        case .joined(let id, _, _):
            if let worker = coordinator.scheduler.workers[id] {
                fleet.joined(connections.authenticator.keyName(of: worker.route.peer), process: worker.process)
            }
        case .progressed(_, _, let points): display.add(points, coordinator.scheduler)
        default: break
        }
        let authenticator = connections.authenticator
        for line in notice.lines(name: authenticator.name) { log(line, of: peer) }
    }

    private mutating func log(_ line: LogLine, of peer: Peer? = nil) {
        guard line.isAboutConnection || peer != nil else { return logger.log(level: line.level, "\(line.text)") }
        connections.log(line.text, line.level, of: peer, at: stopwatch.now)
    }
}
