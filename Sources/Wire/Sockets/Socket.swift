// Socket.swift · Wire/Sockets. Owner of one ZeroMQ socket, used on one thread: libzmq aborts the process otherwise.
// Used by RouterSocket, DealerSocket and ZAPHandler, which define what the parts of a message mean.

internal import CZeroMQ
internal import Vocabulary

/// A raw socket with this program's options set. Not public, since a ROUTER's and a DEALER's messages have different parts.
@safe struct Socket: ~Copyable {
    private let handle: UnsafeMutableRawPointer
    private let context: Context

    enum Kind {
        case router, dealer
        /// The socket of a ZAP handler.
        case rep
        /// The reader of a socket's events.
        case pair

        fileprivate var code: CInt {
            switch self {
            case .router: ZMQ_ROUTER
            case .dealer: ZMQ_DEALER
            case .rep: ZMQ_REP
            case .pair: ZMQ_PAIR
            }
        }
    }

    static func make(_ kind: Kind, in context: Context) throws(SocketError) -> Socket {
        guard let handle = unsafe zmq_socket(context.handle, kind.code) else { throw .last("zmq_socket") }
        let socket = unsafe Socket(handle, context)
        // 500 ms to send a Goodbye or Refused at the end. Results do not depend on it: they are sent until they are acknowledged.
        try socket.set(ZMQ_LINGER, CInt(500))
        // A larger frame disconnects its sender before libzmq stores any byte of it.
        try socket.set(ZMQ_MAXMSGSIZE, Int64(Limits.frameBytes))
        try socket.set(ZMQ_HANDSHAKE_IVL, CInt(5_000))
        switch kind {
        case .router:
            // Without it a frame to a worker that is gone is dropped without an error.
            try socket.set(ZMQ_ROUTER_MANDATORY, CInt(1))
            // The default is 100, and 500 workers that connect at once would lose connections.
            try socket.set(ZMQ_BACKLOG, CInt(1024))
            // Bounds the memory that one peer costs in libzmq. Frames that do not fit wait in Connections, which has a bound of its own.
            try socket.set(ZMQ_SNDHWM, CInt(Limits.queuedFrames))
            try socket.set(ZMQ_RCVHWM, CInt(Limits.queuedFrames))
        case .dealer:
            // Frames wait in WorkerMachine, not in a pipe to a coordinator that may never come.
            try socket.set(ZMQ_IMMEDIATE, CInt(1))
            try socket.set(ZMQ_RECONNECT_IVL, CInt(100))
            try socket.set(ZMQ_RECONNECT_IVL_MAX, CInt(5_000))
        case .rep, .pair: break
        }
        return socket
    }

    private init(_ handle: UnsafeMutableRawPointer, _ context: Context) {
        unsafe self.handle = unsafe handle
        self.context = context
    }

    deinit { unsafe _ = zmq_close(handle) }

    /// The handle for `Poller`, which uses it during one call only.
    var pollHandle: UnsafeMutableRawPointer { unsafe handle }

    func set(_ option: CInt, _ value: CInt) throws(SocketError) {
        guard unsafe withUnsafePointer(to: value, { unsafe zmq_setsockopt(handle, option, $0, MemoryLayout<CInt>.size) }) == 0 else {
            throw .last("zmq_setsockopt")
        }
    }

    func set(_ option: CInt, _ value: Int64) throws(SocketError) {
        guard unsafe withUnsafePointer(to: value, { unsafe zmq_setsockopt(handle, option, $0, MemoryLayout<Int64>.size) }) == 0 else {
            throw .last("zmq_setsockopt")
        }
    }

    func set(_ option: CInt, _ value: [UInt8]) throws(SocketError) {
        guard unsafe zmq_setsockopt(handle, option, value, value.count) == 0 else { throw .last("zmq_setsockopt") }
    }

    /// Proves who both sides are, by CURVE.
    func set(_ invitation: Invitation) throws(SocketError) {
        try set(ZMQ_CURVE_SERVERKEY, invitation.coordinator.bytes)
        try set(ZMQ_CURVE_PUBLICKEY, invitation.key.publicKey.bytes)
        try set(ZMQ_CURVE_SECRETKEY, invitation.key.bytes)
    }

    /// Has libzmq send the events of this socket's connections to an address within this process.
    func watch(_ events: CInt, at address: String) throws(SocketError) {
        guard unsafe zmq_socket_monitor(handle, address, events) == 0 else { throw .last("zmq_socket_monitor") }
    }

    func bind(_ endpoint: String) throws(SocketError) {
        try checkPort(of: endpoint)
        guard unsafe zmq_bind(handle, endpoint) == 0 else { throw .last("zmq_bind", endpoint: endpoint) }
    }

    func connect(_ endpoint: String) throws(SocketError) {
        try checkPort(of: endpoint)
        guard unsafe zmq_connect(handle, endpoint) == 0 else { throw .last("zmq_connect", endpoint: endpoint) }
    }

    /// Refuses ports beyond 65535: libzmq would take the lower 16 bits without an error.
    private func checkPort(of endpoint: String) throws(SocketError) {
        guard endpoint.hasPrefix("tcp://"), let port = endpoint.split(separator: ":").last.flatMap({ Int($0) }) else { return }
        guard (0...65_535).contains(port) else {
            throw .badEndpoint(endpoint: endpoint, reason: "\(port) is no port: it must be from 0 to 65535")
        }
    }

    /// The address bound last, with the port that the system chose for `*`.
    func lastEndpoint() throws(SocketError) -> String {
        var buffer = [CChar](repeating: 0, count: 512)
        var count = buffer.count
        guard unsafe zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, &buffer, &count) == 0 else { throw .last("zmq_getsockopt") }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Sends all parts of one message, or none of them.
    /// - Throws: `notNow` when there is no connection or its queue is full, `unknownPeer` when a ROUTER's route is gone.
    func send(_ parts: [[UInt8]]) throws(SocketError) {
        for (i, part) in parts.enumerated() {
            let flags = ZMQ_DONTWAIT | (i < parts.count - 1 ? ZMQ_SNDMORE : 0)
            // Once libzmq has taken the first part it takes the others, so `notNow` can only mean that nothing was sent.
            guard unsafe zmq_send(handle, part, part.count, flags) >= 0 else { throw .last("zmq_send") }
        }
    }

    struct Received {
        var parts: [[UInt8]]
        /// The name that the ZAP handler gave the sender; nil in a context without a handler.
        var userID: String?
        /// File descriptor of the connection that the message came by; −1 where libzmq does not know.
        var descriptor: CInt
    }

    /// All parts of the next message; nil when none is waiting.
    func receive() throws(SocketError) -> Received? {
        var received = Received(parts: [], userID: nil, descriptor: -1)
        var message = zmq_msg_t()
        // Sound: init before recv, close after the last use; data, size and properties belong to the same message between them.
        unsafe zmq_msg_init(&message)
        defer { unsafe zmq_msg_close(&message) }
        repeat {
            guard unsafe zmq_msg_recv(&message, handle, ZMQ_DONTWAIT) >= 0 else {
                let error = SocketError.last("zmq_msg_recv")
                guard error == .notNow else { throw error }
                return nil
            }
            unsafe received.parts.append([UInt8](UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))))
        } while unsafe zmq_msg_more(&message) != 0
        received.userID = unsafe zmq_msg_gets(&message, "User-Id").map { unsafe String(cString: $0) }
        received.descriptor = unsafe zmq_msg_get(&message, ZMQ_SRCFD)
        return received
    }
}
