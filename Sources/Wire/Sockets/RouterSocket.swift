// RouterSocket.swift · Wire/Sockets. The coordinator's end: one socket, bound to several endpoints, with a route to each worker.

internal import CZeroMQ
internal import Glibc
internal import Vocabulary

/// A connection of the ROUTER, as libzmq names it, and who proved to be there. It lasts as long as the connection.
public struct Route: Hashable, Sendable {
    let bytes: [UInt8]
    public let peer: Peer

    /// For tests of the scheduler, which never asks what is in a route.
    public init(_ bytes: [UInt8], peer: Peer = .local) {
        self.bytes = bytes
        self.peer = peer
    }

    /// libzmq gives no two connections the same bytes.
    public func hash(into hasher: inout Hasher) { for byte in bytes { hasher.combine(byte) } }
}

extension Route: CustomStringConvertible {
    public var description: String { bytes.hexadecimal }
}

/// One for each context, since libzmq asks one handler in a context who may come in.
public struct RouterSocket: ~Copyable {
    private let socket: Socket
    private let gate: Gate
    /// Connections that are not listened to any more. Each has cost its peer `Limits.malformedFrames`.
    private var deaf: Set<Route>

    public init(in context: Context) throws(SocketError) {
        // The gate comes first: libzmq lets everybody in where there is none.
        let gate = try Gate(in: context)
        let socket = try Socket.make(.router, in: context)
        self.socket = socket
        self.gate = gate
        deaf = []
    }

    /// - Parameters:
    ///   - endpoint: `tcp://address:port` (`*` for any free port) or `ipc://path`.
    ///   - admission: of this endpoint alone; libzmq takes security options as they are at the time of each bind.
    /// - Returns: the endpoint with the port that was chosen.
    /// - Throws: `addressInUse`, `badEndpoint`.
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

    /// Answers the handshakes that wait; `receive` does it as well.
    public func admit() throws(SocketError) { try gate.admit() }

    /// The keys that may come in from now on.
    public func allow(_ key: PublicKey) { gate.allowed.insert(key) }

    /// From now on nothing that this key has sent or sends is heard, and its connections are closed as soon as they say anything.
    public func deny(_ key: PublicKey) { gate.allowed.remove(key) }

    /// Nothing of this connection is heard any more; a key is denied altogether.
    public mutating func cutOff(_ route: Route) {
        if case .key(let key) = route.peer { deny(key) } else { deaf.insert(route) }
    }

    /// Keys that were turned away since the last call, and from where; at most 20.
    public func refusals() -> [(key: PublicKey, address: String)] {
        defer { gate.refusals = [] }
        return gate.refusals.map { ($0.key, $0.address) }
    }

    /// - Throws: `notNow` when the worker's queue is full, `unknownPeer` when its connection is gone; nothing was sent then.
    public func send(_ frame: [UInt8], to route: Route) throws(SocketError) {
        guard gate.isWelcome(route.peer) else { throw .unknownPeer }
        try socket.send([route.bytes, frame])
    }

    /// The next frame with where it came from; nil when none is waiting. A message of another number of parts comes as an empty frame,
    /// which no decoder accepts.
    public func receive() throws(SocketError) -> (route: Route, frame: [UInt8])? {
        try gate.admit()
        while let message = try socket.receive() {
            // Nobody comes in without a user id; should libzmq ever think otherwise, it ends here.
            guard let peer = message.userID.flatMap(Peer.init(userID:)), gate.isWelcome(peer) else {
                hangUp(message.descriptor)
                continue
            }
            let route = Route(message.parts[0], peer: peer)
            guard !deaf.contains(route) else {
                hangUp(message.descriptor)
                continue
            }
            return (route, message.parts.count == 2 ? message.parts[1] : [])
        }
        return nil
    }

    /// libzmq 4.3.4 cannot close one peer's connection, so the system is asked to: libzmq finds it ended and forgets it. Should the
    /// descriptor belong to another connection by now, that one connects again and has lost nothing.
    private func hangUp(_ descriptor: CInt) { if descriptor >= 0 { shutdown(descriptor, CInt(SHUT_RDWR)) } }

    var pollHandles: [UnsafeMutableRawPointer] { unsafe [socket.pollHandle, gate.pollHandle] }
}
