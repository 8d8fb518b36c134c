// SocketError.swift · Wire/Sockets. What can go wrong at a socket, sorted by what the caller does about it.

internal import CZeroMQ

public enum SocketError: Error, Hashable, Sendable {
    /// The peer is not connected or its queue is full: the caller holds the frame and tries again after the next poll.
    case notNow
    /// The coordinator sent to a worker whose connection is gone. The caller drops the frame; the worker will time out.
    case unknownPeer
    /// Another process listens there.
    case addressInUse(endpoint: String)
    /// The text is no address, or none that can be used on this host.
    case badEndpoint(endpoint: String, reason: String)
    /// Any other failure, with libzmq's or the system's text for it.
    case failed(call: String, reason: String)

    /// The error of a libzmq call that has just returned −1 on this thread.
    /// - Parameter endpoint: the endpoint that the call was about, for the message; nil for calls that have none.
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
        case .notNow: "the peer is not connected or its queue is full"
        case .unknownPeer: "the peer is not connected"
        case .addressInUse(let endpoint): "\(endpoint) is taken by another process: choose another port, or port * for any free one"
        case .badEndpoint(let endpoint, let reason): "cannot use \(endpoint): \(reason)"
        case .failed(let call, let reason): "\(call): \(reason)"
        }
    }
}
