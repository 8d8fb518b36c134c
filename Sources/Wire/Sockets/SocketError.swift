// SocketError.swift · Wire/Sockets. What can go wrong at a socket, sorted by what the caller does about it.

internal import CZeroMQ

public enum SocketError: Error, Hashable, Sendable {
    /// The peer is away or its queue is full: keep the frame and try after the next poll.
    case notNow
    /// A coordinator's send to a worker whose connection is gone. Its silence will be noticed.
    case unknownPeer
    /// Another process listens there.
    case addressInUse(endpoint: String)
    /// The endpoint is no address that can be used here.
    case badEndpoint(endpoint: String, reason: String)
    /// Anything else, in libzmq's words.
    case failed(call: String, reason: String)

    /// Of the call that just returned −1 on this thread.
    static func last(_ call: String, endpoint: String? = nil) -> SocketError {
        let code = zmq_errno()
        let reason = unsafe String(cString: zmq_strerror(code))
        switch (code, endpoint) {
        case (EAGAIN, _): return .notNow
        case (EHOSTUNREACH, nil): return .unknownPeer
        case (EADDRINUSE, let endpoint?): return .addressInUse(endpoint: endpoint)
        case (_, let endpoint?): return .badEndpoint(endpoint: endpoint, reason: reason)
        default: return .failed(call: call, reason: reason)
        }
    }
}

extension SocketError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notNow: "the peer is away or its queue is full"
        case .unknownPeer: "the peer is not connected"
        case .addressInUse(let endpoint): "\(endpoint) is taken by another process: choose another port, or port * for any free one"
        case .badEndpoint(let endpoint, let reason): "cannot use \(endpoint): \(reason)"
        case .failed(let call, let reason): "\(call): \(reason)"
        }
    }
}
