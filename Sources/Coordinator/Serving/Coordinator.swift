// Coordinator.swift · Coordinator/Serving, between Scheduler, CommitQueue and Journal on one side and EventLoop on the other. What happens
// in one turn of the loop, and in which order. Knows no clock and no socket, so that the simulation runs it as it is.

internal import Vocabulary
internal import Wire

/// A process on this host that has ended and may have been a worker.
struct ProcessEnd: Equatable {
    var process: Int
    var host: String
    /// False where it left by itself.
    var hasCrashed: Bool
}

/// What has happened since the last turn.
struct Turn {
    /// Frames in the order in which they arrived, as `received` or `unreadable`.
    var frames: [Scheduler.Event] = []
    /// A person has asked the coordinator to end.
    var isDrainRequested = false
    var exits: [ProcessEnd] = []

    /// Frames come first: a process that has ended may have sent its last results before. The time comes last: whoever was heard in this
    /// turn has not timed out.
    var events: [Scheduler.Event] {
        frames + (isDrainRequested ? [.drainRequested] : [])
            + exits.map { .exited(process: $0.process, host: $0.host, hasCrashed: $0.hasCrashed) }
            + [.tick]
    }
}

/// What the coordinator wants to be done outside of it.
enum CoordinatorAction {
    case send(Envelope, to: Route)
    /// The next bytes of a file of the data set.
    case sendChunk(of: Digest, offset: Int, to: Route)
    /// Nothing that comes over this connection, or with its key, is to be received any more.
    case close(Route)
    /// A person on this host waits for an Answer.
    case answer(Command, from: Route)
    /// - Parameter of: the peer that can cause it as often as it likes; nil for none.
    case log(Scheduler.Notice, of: Peer? = nil)
    case logJournal(JournalNotice)
}

/// A coordinator without its sockets, processes and clock: it decides, and it persists what it decided.
struct Coordinator<Storage: LiveJournal & ~Copyable>: ~Copyable {
    /// Receives each action, with the scheduler as it was when the action was decided.
    typealias Perform = (CoordinatorAction, Scheduler) -> Void

    private(set) var scheduler: Scheduler
    private var queue = CommitQueue()
    private let journal: Storage

    init(_ scheduler: consuming Scheduler, _ journal: consuming Storage) {
        self.scheduler = scheduler
        self.journal = journal
    }

    /// When the next turn has to come at the latest.
    var nextDeadline: Instant { min(scheduler.nextDeadline, queue.retryAt ?? .distantFuture) }

    /// Whether everything is persisted that must not be lost.
    var hasPersistedAll: Bool { queue.isEmpty }

    /// Handles what has happened, commits everything that has to be persisted in one transaction, and handles what follows from that.
    ///
    /// Whoever performs the actions after this returns sends no acknowledgement before its commit.
    /// - Parameters:
    ///   - now: read again for each event, since a commit may take long.
    ///   - perform: called also for what was decided before an error.
    /// - Throws: what waiting cannot mend, such as a damaged store. Nothing of this turn may be sent then.
    mutating func take(_ turn: Turn, at now: () -> Instant, _ perform: Perform) throws(StoreError) {
        for event in turn.events { handle(event, at: now(), perform) }
        let outcome = try queue.commit(to: journal, at: now())
        if let notice = outcome.notice { perform(.logJournal(notice), scheduler) }
        for event in outcome.events { handle(event, at: now(), perform) }
    }

    /// Handles one event. What it has to persist waits for the next turn.
    mutating func handle(_ event: Scheduler.Event, at now: Instant, _ perform: Perform) {
        for effect in scheduler.handle(event, at: now) {
            switch effect {
            case .send(let envelope, let route): perform(.send(envelope, to: route), scheduler)
            case .persist(let delivery): queue.add(delivery)
            case .record(let record): queue.add(record)
            case .persistCheckpoint(let checkpoint, let route): queue.add(checkpoint, from: route)
            case .sendLease(let lease, let mark, let route): send(lease, from: mark, to: route, at: now, perform)
            // Where that fails, the next start gives the checkpoint to a worker once more, which refuses it once more.
            case .forgetCheckpoint(let key): try? journal.remove(checkpointOf: key)
            case .sendData(let file, let offset, let route): perform(.sendChunk(of: file, offset: offset, to: route), scheduler)
            case .notice(let notice, let peer): perform(.log(notice, of: peer), scheduler)
            case .cutOff(let route): perform(.close(route), scheduler)
            case .execute(let command, let route): perform(.answer(command, from: route), scheduler)
            }
        }
    }

    /// A checkpoint goes from the journal to the worker and stays nowhere else.
    private mutating func send(
        _ lease: Lease, from mark: CheckpointMark, to route: Route, at now: Instant, _ perform: Perform
    ) {
        var lease = lease
        do throws(StoreError) { lease.checkpoint = try checkpoint(of: mark.key, perform) } catch {
            // The disk is slow. The trial waits until it can go on from where it was.
            handle(.unsent(lease.id), at: now, perform)
            handle(queue.pause(at: now), at: now, perform)
            return
        }
        if lease.checkpoint == nil { handle(.lostCheckpoint(mark.key), at: now, perform) }
        perform(.send(Envelope(incarnation: scheduler.configuration.incarnation, message: .lease(lease)), to: route), scheduler)
    }

    /// - Returns: nil where the trial has to begin anew: its checkpoint is damaged, and removed, or cannot be read. A journal that takes
    ///   nothing for the moment is read all the same.
    /// - Throws: `underWay` where the journal does not answer in time.
    private func checkpoint(of key: TrialKey, _ perform: Perform) throws(StoreError) -> Checkpoint? {
        let found: Checkpoint?
        do { found = try journal.checkpoint(of: key) } catch {
            if error == .underWay { throw error }
            return nil
        }
        guard let checkpoint = found else { return nil }
        guard !checkpoint.isIntact else { return checkpoint }
        perform(.logJournal(.damagedCheckpoint(key)), scheduler)
        try? journal.remove(checkpointOf: key)
        return nil
    }

    /// The last commit; see `CommitQueue.finish`.
    mutating func finish() throws(StoreError) { try queue.finish(journal) }
}

extension Coordinator: Copyable where Storage: Copyable {}
