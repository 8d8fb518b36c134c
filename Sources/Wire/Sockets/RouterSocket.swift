// RouterSocket.swift · Wire/Sockets. The coordinator's socket: bound to several endpoints, with a route to each worker.

internal import CZeroMQ
internal import Glibc
internal import Vocabulary

/// A connection of the ROUTER, as libzmq names it, and who proved to be there. It lasts as long as the connection.
public struct Route: Hashable, Sendable {
    let bytes: [UInt8]
    public let peer: Peer

    /// Only tests make a route: the scheduler never looks at the bytes.
    public init(_ bytes: [UInt8], peer: Peer = .local) {
        self.bytes = bytes
        self.peer = peer
    }

    /// Hashes the bytes alone: libzmq gives no two connections the same.
    public func hash(into hasher: inout Hasher) { for byte in bytes { hasher.combine(byte) } }
}

extension Route: CustomStringConvertible {
    public var description: String { bytes.hexadecimal }
}

/// A ROUTER and the ZAP handler of its context. A context has at most one of them, since libzmq asks one handler for all of its sockets.
public struct RouterSocket: ~Copyable {
    private let socket: Socket
    private let zapHandler: ZAPHandler
    /// Connections whose frames are dropped. It grows slowly: each entry has cost its peer `Limits.malformedFrames` frames.
    private var ignored: Set<Route>
    private let stopwatch = Stopwatch()
    /// Keys that were dismissed, and until when their connections stay.
    private var dismissed: [PublicKey: Instant] = [:]

    /// 1 s: libzmq writes what was said last within it, also on a host with a load of 10.
    private static let farewell: Duration = .seconds(1)

    /// - Throws: `addressInUse` when the context has a ROUTER already.
    public init(in context: Context) throws(SocketError) {
        // The handler comes first: libzmq accepts every connection while there is none.
        let zapHandler = try ZAPHandler(in: context)
        let socket = try Socket.make(.router, in: context)
        self.socket = socket
        self.zapHandler = zapHandler
        ignored = []
    }

    /// - Parameters:
    ///   - endpoint: `tcp://address:port` (`*` for any free port) or `ipc://path`.
    ///   - admission: holds for this endpoint alone, since libzmq reads the security options at each bind.
    /// - Returns: the endpoint with the port that was chosen.
    /// - Throws: `addressInUse` when another process listens there, `badEndpoint` when the endpoint cannot be used on this host.
    public func bind(_ endpoint: String, admitting admission: Admission = .anyone) throws(SocketError) -> String {
        switch admission {
        case .anyone:
            try socket.set(ZMQ_CURVE_SERVER, CInt(0))
            try socket.set(ZMQ_ZAP_DOMAIN, Array((endpoint.hasPrefix("ipc://") ? "local" : "plain").utf8))
        case .keys(let key):
            try socket.set(ZMQ_CURVE_SERVER, CInt(1))
            try socket.set(ZMQ_CURVE_SECRETKEY, key.bytes)
            try socket.set(ZMQ_ZAP_DOMAIN, Array("keys".utf8))
        }
        try socket.bind(endpoint)
        return try socket.lastEndpoint()
    }

    /// Answers the handshakes that wait, without reading a frame. `receive` does so as well.
    public func answerHandshakes() throws(SocketError) { try zapHandler.answerHandshakes() }

    /// Accepts connections with this key from now on.
    public func allow(_ key: PublicKey) { zapHandler.allowed.insert(key) }

    /// Refuses this key from now on: frames that it sent before are dropped too, and a connection of it is closed at its next frame.
    public func deny(_ key: PublicKey) { zapHandler.allowed.remove(key) }

    /// Refuses this key as `deny` does, and lets its connections last for another second: what was sent to them would be lost with them,
    /// since libzmq does not say when it has written a frame.
    public mutating func dismiss(_ key: PublicKey) {
        deny(key)
        dismissed[key] = stopwatch.now + Self.farewell
    }

    /// Drops all further frames of this connection. The key of a peer that has one is denied, so that it cannot connect again.
    public mutating func cutOff(_ route: Route) {
        if case .key(let key) = route.peer { deny(key) } else { ignored.insert(route) }
    }

    /// The keys that were refused since the last call and the addresses that they came from; at most 20.
    public func refusals() -> [(key: PublicKey, address: String)] {
        defer { zapHandler.refusals = [] }
        return zapHandler.refusals.map { ($0.key, $0.address) }
    }

    /// Ends connections that have sent much and said nothing. To be called every tenth of a second or so.
    /// - Returns: how many connections were ended or not let in since the last call, because they had sent too much, or because too many
    ///   had said nothing or had taken all descriptors.
    public func turnAway() -> Int {
        Accepting.endGreediest()
        return Accepting.takeTurnedAway()
    }

    /// - Throws: `notNow` when the worker's queue is full, `unknownPeer` when its connection is gone; nothing was sent then.
    public func send(_ frame: [UInt8], to route: Route) throws(SocketError) {
        guard zapHandler.isAllowed(route.peer) else { throw .unknownPeer }
        try socket.send([route.bytes, frame])
    }

    /// Answers handshakes and gives the next frame with its route; nil when none is waiting. A message that has another number of parts
    /// than a route and a frame comes as an empty frame, which no decoder accepts.
    public func receive() throws(SocketError) -> (route: Route, frame: [UInt8])? {
        try zapHandler.answerHandshakes()
        while let message = try socket.receive() {
            Accepting.heard(message.descriptor)
            // The handler gives every accepted connection a user id. One without it, or with a key denied since, is closed.
            let sender = message.userID.flatMap(Peer.init(userID:))
            guard let peer = sender, zapHandler.isAllowed(peer) else {
                if !isDismissed(sender) { closeConnection(message.descriptor) }
                continue
            }
            let route = Route(message.parts[0], peer: peer)
            guard !ignored.contains(route) else {
                closeConnection(message.descriptor)
                continue
            }
            return (route, message.parts.count == 2 ? message.parts[1] : [])
        }
        return nil
    }

    /// Whether a peer may still have something to read.
    private func isDismissed(_ peer: Peer?) -> Bool {
        guard case .key(let key)? = peer, let until = dismissed[key] else { return false }
        return stopwatch.now < until
    }

    /// Shuts a peer's connection down by its descriptor, since libzmq 4.3.4 cannot close a single one; libzmq then finds it ended and
    /// forgets it. Should the descriptor belong to another connection by now, that peer connects again and loses nothing.
    private func closeConnection(_ descriptor: CInt) {
        if descriptor >= 0, Accepting.isConnection(descriptor) { shutdown(descriptor, CInt(SHUT_RDWR)) }
    }

    var pollHandles: [UnsafeMutableRawPointer] { unsafe [socket.pollHandle, zapHandler.pollHandle] }
}
