// DealerSocket.swift · Wire/Sockets. A worker's socket: one connection to one coordinator.

internal import CZeroMQ

/// A DEALER that connects, and connects again by itself when the connection is lost. Used on one thread.
public struct DealerSocket: ~Copyable {
    private let socket: Socket

    /// Connects in the background and without keys: a coordinator that does not listen yet is no error.
    /// - Throws: `badEndpoint` when the text is no address.
    public init(connectedTo endpoint: String, in context: Context) throws(SocketError) {
        let socket = try Socket.make(.dealer, in: context)
        try socket.connect(endpoint)
        self.socket = socket
    }

    /// Connects in the background and by CURVE: the coordinator has to prove that it holds its key, and has to accept this worker's.
    /// Where either fails there is no error; no frame ever comes.
    /// - Throws: `badEndpoint` when the text is no address.
    public init(invitedBy invitation: Invitation, in context: Context) throws(SocketError) {
        let socket = try Socket.make(.dealer, in: context)
        try socket.set(invitation)
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
