// DealerSocket.swift · Wire/Sockets. A worker's end: one connection to one coordinator.

internal import CZeroMQ

public struct DealerSocket: ~Copyable {
    private let socket: Socket

    /// Connects in the background: a coordinator that is not there yet is no error.
    /// - Throws: `badEndpoint` for what is no address.
    public init(connectedTo endpoint: String, in context: Context) throws(SocketError) {
        let socket = try Socket.make(.dealer, in: context)
        try socket.connect(endpoint)
        self.socket = socket
    }

    /// Connects to a coordinator that has to prove who it is, with a key that it has to accept. One that does not is never heard.
    /// - Throws: `badEndpoint` for what is no address.
    public init(invitedBy invitation: Invitation, in context: Context) throws(SocketError) {
        let socket = try Socket.make(.dealer, in: context)
        try socket.set(ZMQ_CURVE_SERVERKEY, invitation.coordinator.bytes)
        try socket.set(ZMQ_CURVE_PUBLICKEY, invitation.key.publicKey.bytes)
        try socket.set(ZMQ_CURVE_SECRETKEY, invitation.key.bytes)
        try socket.connect(invitation.endpoint)
        self.socket = socket
    }
    /// - Throws: `notNow` while there is no connection or its queue is full; nothing was sent then.
    public func send(_ frame: [UInt8]) throws(SocketError) { try socket.send([frame]) }

    /// The next frame; nil when none is waiting. A message of more than one part comes as an empty frame, which no decoder accepts.
    public func receive() throws(SocketError) -> [UInt8]? {
        guard let parts = try socket.receive()?.parts else { return nil }
        return parts.count == 1 ? parts[0] : []
    }

    var pollHandle: UnsafeMutableRawPointer { unsafe socket.pollHandle }
}
