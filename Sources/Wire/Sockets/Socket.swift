// Socket.swift · Wire/Sockets. One owner for each ZeroMQ socket, on one thread: libzmq aborts the process otherwise.
// Used by RouterSocket and DealerSocket, which say what a frame means.

internal import CZeroMQ
internal import Vocabulary

/// A raw socket with the house's settings. Not public: a ROUTER and a DEALER take and give different frames.
@safe struct Socket: ~Copyable {
    private let handle: UnsafeMutableRawPointer
    private let context: Context

    enum Kind {
        case router, dealer
        /// The gate's.
        case rep

        fileprivate var code: CInt {
            switch self {
            case .router: ZMQ_ROUTER
            case .dealer: ZMQ_DEALER
            case .rep: ZMQ_REP
            }
        }
    }

    static func make(_ kind: Kind, in context: Context) throws(SocketError) -> Socket {
        guard let handle = unsafe zmq_socket(context.handle, kind.code) else { throw .last("zmq_socket") }
        let socket = unsafe Socket(handle, context)
        // Half a second for a last word (Goodbye, Refused), no more: results wait for an acknowledgement, not for a linger.
        try socket.set(ZMQ_LINGER, CInt(500))
        // An oversize frame disconnects its sender before any byte of it is kept.
        try socket.set(ZMQ_MAXMSGSIZE, Int64(Limits.frameBytes))
        try socket.set(ZMQ_HANDSHAKE_IVL, CInt(5_000))
        switch kind {
        case .router:
            // Without it a frame to a worker that is gone vanishes without a word.
            try socket.set(ZMQ_ROUTER_MANDATORY, CInt(1))
            // 100 by default: a registration storm of 500 workers would lose connections.
            try socket.set(ZMQ_BACKLOG, CInt(1024))
            // What one peer can make us keep; the ROUTER's loop keeps what does not fit, and decides how much of that.
            try socket.set(ZMQ_SNDHWM, CInt(Limits.queuedFrames))
            try socket.set(ZMQ_RCVHWM, CInt(Limits.queuedFrames))
        case .dealer:
            // Frames wait in WorkerMachine, not in a pipe to a coordinator that may never come.
            try socket.set(ZMQ_IMMEDIATE, CInt(1))
            try socket.set(ZMQ_RECONNECT_IVL, CInt(100))
            try socket.set(ZMQ_RECONNECT_IVL_MAX, CInt(5_000))
        case .rep: break
        }
        return socket
    }

    private init(_ handle: UnsafeMutableRawPointer, _ context: Context) {
        unsafe self.handle = unsafe handle
        self.context = context
    }

    deinit { unsafe _ = zmq_close(handle) }

    /// For `Poller`, which borrows it for the length of one call.
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

    func bind(_ endpoint: String) throws(SocketError) {
        try checkPort(of: endpoint)
        guard unsafe zmq_bind(handle, endpoint) == 0 else { throw .last("zmq_bind", endpoint: endpoint) }
    }

    func connect(_ endpoint: String) throws(SocketError) {
        try checkPort(of: endpoint)
        guard unsafe zmq_connect(handle, endpoint) == 0 else { throw .last("zmq_connect", endpoint: endpoint) }
    }

    /// libzmq keeps the lower 16 bits of a port and says nothing.
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

    /// Sends all parts of one message or none of them.
    func send(_ parts: [[UInt8]]) throws(SocketError) {
        for (i, part) in parts.enumerated() {
            let flags = ZMQ_DONTWAIT | (i < parts.count - 1 ? ZMQ_SNDMORE : 0)
            // Once libzmq has taken the first part it takes the others, so `notNow` can only mean that nothing was sent.
            guard unsafe zmq_send(handle, part, part.count, flags) >= 0 else { throw .last("zmq_send") }
        }
    }

    struct Received {
        var parts: [[UInt8]]
        /// Of whoever sent it, as the gate has named it; nil where there is no gate.
        var userID: String?
        /// The connection that it came by; −1 where libzmq does not say.
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
