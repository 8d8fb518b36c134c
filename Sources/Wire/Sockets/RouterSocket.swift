// RouterSocket.swift · Wire/Sockets. The coordinator's end: one socket, bound to several endpoints, with a route to each worker.

internal import CZeroMQ

/// A connection of the ROUTER, as libzmq names it. It lasts as long as the connection and says nothing about who is there.
public struct Route: Hashable, Sendable {
    let bytes: [UInt8]

    /// For tests of the scheduler, which never asks what is in a route.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }
}

extension Route: CustomStringConvertible {
    public var description: String { bytes.hexadecimal }
}

public struct RouterSocket: ~Copyable {
    private let socket: Socket

    public init(in context: Context) throws(SocketError) { socket = try Socket.make(.router, in: context) }

    /// - Parameter endpoint: `tcp://address:port` (`*` for any free port) or `ipc://path`.
    /// - Returns: the endpoint with the port that was chosen.
    /// - Throws: `addressInUse`, `badEndpoint`.
    public func bind(_ endpoint: String) throws(SocketError) -> String {
        try socket.bind(endpoint)
        return try socket.lastEndpoint()
    }

    /// - Throws: `notNow` when the worker's queue is full, `unknownPeer` when its connection is gone; nothing was sent then.
    public func send(_ frame: [UInt8], to route: Route) throws(SocketError) { try socket.send([route.bytes, frame]) }

    /// The next frame with where it came from; nil when none is waiting. A message of another number of parts comes as an empty frame,
    /// which no decoder accepts.
    public func receive() throws(SocketError) -> (route: Route, frame: [UInt8])? {
        guard let parts = try socket.receive() else { return nil }
        return (Route(parts[0]), parts.count == 2 ? parts[1] : [])
    }

    var pollHandle: UnsafeMutableRawPointer { unsafe socket.pollHandle }
}
