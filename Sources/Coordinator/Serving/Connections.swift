// Connections.swift · Coordinator/Serving, between the socket and the Coordinator. Frames become events, what is to be sent becomes frames,
// and what is wrong with a connection is said, whoever is at its other end. Knows nothing of trials.

internal import Logging
internal import Vocabulary
internal import Wire

struct Connections: ~Copyable {
    private var socket: RouterSocket
    private var localSocket: LocalSocket
    let authenticator: WorkerAuthenticator
    /// Files of the data set, by hash.
    private let data: [Digest: [UInt8]]
    /// Every frame to a worker says in which incarnation it was sent.
    private let incarnation: UInt64
    private let logger: Logger
    private var outbox = Outbox()
    private var limits: [Peer?: WarningLimit] = [:]
    private var strangers = StrangerNotice()

    init(
        _ socket: consuming RouterSocket, _ localSocket: LocalSocket, _ authenticator: WorkerAuthenticator, data: [Digest: [UInt8]],
        incarnation: UInt64, _ logger: Logger
    ) {
        self.socket = socket
        self.localSocket = localSocket
        self.authenticator = authenticator
        self.data = data
        self.incarnation = incarnation
        self.logger = logger
    }

    /// Whether every frame has been sent.
    var isIdle: Bool { outbox.isEmpty }

    /// Lets workers with the keys in that were issued since the last call.
    /// - Returns: those of the keys that workers of several hosts have.
    func acceptNewKeys() -> [PublicKey] {
        let new = authenticator.takeNew()
        for issued in new { socket.allow(issued.key) }
        return new.filter(\.isShared).map(\.key)
    }

    /// Where local workers connect; it may change with `tendLocalSocket`.
    var localEndpoint: String { localSocket.endpoint }

    /// Removes the file of that socket, unless it leads to another process by now.
    mutating func removeLocalSocket() { localSocket.remove() }

    /// Makes the socket of local workers again where its file is gone.
    mutating func tendLocalSocket(at now: Instant) {
        let line = localSocket.tend(at: now) { endpoint in _ = try socket.bind(endpoint) }
        if let line { logger.log(level: line.level, "\(line.text)") }
    }

    /// - Returns: what has arrived, at most 256 frames or four of the largest: heartbeats are sent, commits happen and memory stays small
    ///   also under a flood.
    mutating func receive(at now: Instant) throws(SocketError) -> [Scheduler.Event] {
        var events: [Scheduler.Event] = []
        var bytes = 0
        while events.count < 256, bytes < 4 * Limits.frameBytes, let (route, frame) = try socket.receive() {
            bytes += frame.count
            do { events.append(.received(try Envelope(decoding: frame), from: route)) } catch let error {
                events.append(.unreadable(error, from: route))
            }
        }
        for (key, address) in socket.refusals() {
            warn(
                "refused a connection from \(address): this coordinator has not issued its key \("\(key)".prefix(16))…, or has revoked it; "
                    + "`regsweep workers invite` issues one", at: now)
        }
        if strangers.isDue(at: now), let text = strangers.add(socket.turnAway(), at: now) { warn(text, at: now) }
        return events
    }

    mutating func send(_ message: Message, to route: Route) {
        send(Envelope(incarnation: incarnation, message: message), to: route)
    }

    mutating func send(_ envelope: Envelope, to route: Route) { outbox.add(envelope.encoded(), to: route) }

    mutating func sendChunk(of file: Digest, offset: Int, to route: Route) { outbox.addChunk(of: file, offset: offset, to: route) }

    /// Nothing that comes over this connection, or with its key, is received any more.
    mutating func close(_ route: Route) { socket.cutOff(route) }

    /// Hears no connection with this key any more, closes them when what was sent to them has left, and accepts no other.
    mutating func refuse(_ key: PublicKey) { socket.dismiss(key) }

    /// Sends what the connections take; the rest waits for the next call.
    /// - Parameter isWorker: whether a worker has said Hello on this connection.
    mutating func flush(at now: Instant, isWorker: (Route) -> Bool) throws(SocketError) {
        var waiting = Outbox()
        swap(&waiting, &outbox)
        defer { outbox = waiting }
        try waiting.flush { (frame, route) throws(SocketError) in try offer(frame, to: route, isWorker: isWorker(route)) }
        for route in waiting.overfull {
            warn(
                "closed connection \(route) (\(authenticator.name(of: route.peer))): it does not read what it asks for, and "
                    + "\(waiting.count(of: route)) frames wait for it", at: now)
            waiting.remove(route)
            socket.cutOff(route)
        }
    }

    private func offer(_ frame: Outbox.Frame, to route: Route, isWorker: Bool) throws(SocketError) -> Outbox.Outcome {
        let bytes: [UInt8]
        switch frame {
        case .encoded(let encoded): bytes = encoded
        case .chunk(let file, let offset):
            let chunk = DataChunk(of: data[file], digest: file, offset: offset)
            bytes = Envelope(incarnation: incarnation, message: .dataChunk(chunk)).encoded()
        }
        do { try socket.send(bytes, to: route) } catch {
            switch error {
            // A peer that is no worker and does not read our answer loses it; what has to reach a worker is sent again after its next Hello.
            case .notNow where !isWorker:
                logger.debug("connection \(route) does not read: an answer to it is dropped")
                return .dropped
            case .notNow: return .mustWait
            case .unknownPeer: return .dropped
            default: throw error
            }
        }
        return .sent
    }

    /// Waits for a frame, a handshake or the wake signal, or until the time is up.
    func wait(or wakeSignal: borrowing WakeSignal, atMost timeout: Duration) throws(SocketError) {
        // 10 ms: how soon a full queue is tried again, since libzmq does not tell when a ROUTER's queue has room.
        try Poller.wait(for: socket, or: wakeSignal, atMost: isIdle ? timeout : min(timeout, .milliseconds(10)))
    }

    /// Logs a line that strangers, or programs of this user, can cause as often as they like.
    mutating func warn(_ text: String, at now: Instant) { log(text, .warning, of: nil, at: now) }

    /// - Parameter peer: who can cause this line as often as it likes. The holder of one key does not use up the lines of another.
    mutating func log(_ text: String, _ level: Logger.Level, of peer: Peer?, at now: Instant) {
        guard level >= logger.logLevel else { return }
        let subject = peer.map { "workers with the key \(authenticator.name(of: $0))" } ?? "connections"
        for line in limits[peer, default: WarningLimit(of: subject)].admit(text, at: now) { logger.log(level: level, "\(line)") }
    }
}

/// Lets at most 20 warnings through in a second: a flood of bad frames must not fill the disk with its own description.
struct WarningLimit {
    private static let most = 20
    private let subject: String
    private var since: Instant?
    private var count = 0

    init(of subject: String = "connections") { self.subject = subject }

    /// - Returns: the lines to log now: none for a warning too many; where a new second begins, first how many were left out before.
    mutating func admit(_ text: String, at now: Instant) -> [String] {
        var lines: [String] = []
        if since.map({ now - $0 >= .seconds(1) }) ?? true {
            if count > Self.most { lines.append("\(count - Self.most) more warnings about \(subject) were left out") }
            (since, count) = (now, 0)
        }
        count += 1
        return count <= Self.most ? lines + [text] : lines
    }
}

/// When strangers' connections are looked at, and what is told of those that were turned away: a line a minute at the most, since they may
/// come by the thousand for as long as they like.
struct StrangerNotice {
    /// 0.1 s, in which the fastest network brings a few hundred MiB.
    private static let look: Duration = .milliseconds(100)
    private static let pause: Duration = .seconds(60)
    private var nextLook: Instant?
    private var nextLine: Instant?
    private var count = 0

    /// Whether to look now; the next time is a tenth of a second later.
    mutating func isDue(at now: Instant) -> Bool {
        guard nextLook.map({ now >= $0 }) ?? true else { return false }
        nextLook = now + Self.look
        return true
    }

    /// - Returns: the line to log now; nil for none.
    mutating func add(_ turnedAway: Int, at now: Instant) -> String? {
        count += turnedAway
        guard count > 0, nextLine.map({ now >= $0 }) ?? true else { return nil }
        defer { (nextLine, count) = (now + Self.pause, 0) }
        return "closed \(count.counted("connection")) that had said nothing and were too many, or had sent too much, for the descriptors "
            + "(ulimit -Hn) and memory that strangers may have; workers that have joined keep theirs"
    }
}
