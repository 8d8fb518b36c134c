// WorkerLoop.swift · Worker. The loop that owns the socket: it waits, gives events to WorkerMachine and performs its effects.
// Its thread computes nothing, so heartbeats are sent on time however busy the compute threads are.

internal import Logging
internal import Vocabulary
internal import Wire

/// Where the coordinator is, and the keys by which it and this worker prove who they are.
enum CoordinatorAddress {
    /// A coordinator on this host, without keys.
    case endpoint(String)
    case invitation(Invitation)

    var endpoint: String {
        switch self {
        case .endpoint(let endpoint): endpoint
        case .invitation(let invitation): invitation.endpoint
        }
    }

    /// Why it does not answer.
    func probe() -> Reach {
        switch self {
        case .endpoint(let endpoint): .of(endpoint, nil)
        case .invitation(let invitation): .of(invitation.endpoint, invitation)
        }
    }

    func connect(in context: Context) throws(SocketError) -> DealerSocket {
        switch self {
        case .endpoint(let endpoint): try DealerSocket(connectedTo: endpoint, in: context)
        case .invitation(let invitation): try DealerSocket(invitedBy: invitation, in: context)
        }
    }
}

struct WorkerLoop: ~Copyable {
    private let context: Context
    private let coordinator: CoordinatorAddress
    private let mailbox: Mailbox<WorkerMachine.Event>
    private let logger: Logger
    private let stopwatch = Stopwatch()
    /// The time of the machine.
    private var clock: ListeningClock
    private var machine: WorkerMachine
    private let cache: DataCache
    private let images: ImageCache
    private let threadsPerTrial: Int
    private var socket: DealerSocket?
    private var threads: [LeaseID: TrialThread] = [:]
    /// Frames that the socket would not take yet, in order.
    private var outbox: [[UInt8]] = []
    private var exit: WorkerMachine.Exit?

    init(
        _ identity: WorkerMachine.Identity, coordinator: CoordinatorAddress, orphanTimeout: Duration, cache: DataCache,
        threadsPerTrial: Int, mailbox: Mailbox<WorkerMachine.Event>, logger: Logger
    ) throws(SocketError) {
        context = try Context()
        self.cache = cache
        images = ImageCache(cache)
        self.coordinator = coordinator
        self.threadsPerTrial = threadsPerTrial
        self.mailbox = mailbox
        self.logger = logger
        clock = ListeningClock(at: stopwatch.now)
        machine = WorkerMachine(identity, orphanTimeout: orphanTimeout, at: clock.now)
    }

    /// Runs until the machine says that the worker ends.
    mutating func run() throws(SocketError) -> WorkerMachine.Exit {
        var waited = Duration.zero
        while true {
            clock.advance(to: stopwatch.now, after: waited)
            for event in try receive() + mailbox.takeAll() + [.tick] {
                for effect in machine.handle(event, at: clock.now) { try perform(effect) }
            }
            try flush()
            if let exit { return exit }
            waited = try wait()
        }
    }

    /// - Returns: how long it was to wait at most.
    private borrowing func wait() throws(SocketError) -> Duration {
        // libzmq does not tell when its queue has room again, so a frame that did not fit is tried again after 50 ms.
        let deadline = outbox.isEmpty ? machine.nextDeadline - clock.now : min(machine.nextDeadline - clock.now, .milliseconds(50))
        switch socket {
        case .some(let socket): try Poller.wait(for: socket, or: mailbox.wakeSignal, atMost: deadline)
        case .none: try Poller.wait(for: mailbox.wakeSignal, atMost: deadline)
        }
        return deadline
    }

    private mutating func receive() throws(SocketError) -> [WorkerMachine.Event] {
        var events: [WorkerMachine.Event] = []
        while let frame = try socket?.receive() {
            do { events.append(.received(try Envelope(decoding: frame))) } catch let error { events.append(.unreadable(error)) }
        }
        return events
    }

    private mutating func perform(_ effect: WorkerMachine.Effect) throws(SocketError) {
        switch effect {
        case .connect:
            outbox = []
            socket = nil
            socket = try coordinator.connect(in: context)
            logger.info("connecting to \(coordinator.endpoint)")
        case .send(let envelope):
            if case .checkpoint(_, let checkpoint) = envelope.message {
                logger.debug("checkpoint of trial \(checkpoint.key) after epoch \(checkpoint.epoch)")
            }
            outbox.append(envelope.encoded())
        case .compute(let lease):
            logger.debug("computing lease \(lease.id): \(lease.trials.count) trials")
            if let checkpoint = lease.checkpoint { logger.info("trial \(checkpoint.key) resumes after epoch \(checkpoint.epoch)") }
            threads[lease.id] = TrialThread(
                lease, images: images, checkpoints: machine.checkpointRule, threads: threadsPerTrial
            ) { [mailbox] event in mailbox.post(event) }
        case .stop(let lease): threads[lease]?.stop()
        case .pause(let lease): threads[lease]?.pause()
        case .data(let command, let file): cache.perform(command, file) { [mailbox] outcome in mailbox.post(.data(file, outcome)) }
        case .notice(let text): logger.warning("\(text)")
        case .exit(let exit): self.exit = exit
        }
        // The machine knows all threads that still run; the others have ended.
        threads = threads.filter { machine.running[$0.key] != nil || machine.stopping[$0.key] != nil }
    }

    private mutating func flush() throws(SocketError) {
        while let frame = outbox.first {
            do { try socket?.send(frame) } catch .notNow { return }
            outbox.removeFirst()
        }
    }
}
