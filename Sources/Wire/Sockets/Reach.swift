// Reach.swift · Wire/Sockets. Why no coordinator answers: what one connection to its endpoint meets, and how that is said.

internal import CZeroMQ
internal import Glibc
internal import Vocabulary

/// How far a connection to an endpoint comes.
public enum Reach: Equatable, Sendable {
    /// The name has no address, for the resolver's reason.
    case unresolved(host: String, reason: String)
    /// Nobody takes the connection, for the system's reason.
    case refused(reason: String)
    /// Somebody takes the connection and says nothing.
    case silent
    /// The handshake failed: one side has keys and the other none, the coordinator's key is another, or it is no coordinator.
    case strange
    /// The coordinator does not accept the key.
    case keyRefused
    /// The handshake succeeded.
    case joined

    /// - Parameters:
    ///   - hasKey: whether the worker came by an invitation.
    ///   - silence: for how long the worker had heard nothing.
    public func text(_ endpoint: String, hasKey: Bool, silence: Duration) -> String {
        switch self {
        case .unresolved(let host, let reason):
            "\(host), the host of \(endpoint), does not resolve (\(reason)): check the name"
        case .refused(let reason):
            "no coordinator at \(endpoint) answered for \(silence.inSeconds) s (\(reason)): check that regsweep run is running there"
        case .silent:
            "a program listens at \(endpoint) and answers nothing for \(silence.inSeconds) s: it is no coordinator, or one that is stopped"
        case .strange where hasKey:
            "what listens at \(endpoint) is not the coordinator that made this worker's invitation: its keys were replaced, or it is another "
                + "program; regsweep workers invite, on its host, makes a new one"
        case .strange:
            "what listens at \(endpoint) does not let a worker without a key in, or is no coordinator: join with an invitation (regsweep "
                + "workers invite, on its host, makes one)"
        case .keyRefused:
            "the coordinator at \(endpoint) does not accept this worker's key: it was removed or replaced; regsweep workers invite, on its "
                + "host, makes a new one"
        case .joined:
            "the coordinator at \(endpoint) takes this worker's connection and says nothing for \(silence.inSeconds) s: it may be stopped"
        }
    }

    /// 3 s for a connection, and as long for a handshake: several round trips to the other end of the world.
    private static let patience: Duration = .seconds(3)

    /// Connects as a worker does and looks what comes of it. Waits for at most a few seconds, and for the resolver.
    /// - Parameter invitation: nil for a worker without a key.
    public static func of(_ endpoint: String, _ invitation: Invitation?) -> Reach {
        if let failure = failureToConnect(endpoint) { return failure }
        return (try? handshake(endpoint, invitation)) ?? .silent
    }

    // MARK: The connection

    /// Nil where somebody takes it.
    private static func failureToConnect(_ endpoint: String) -> Reach? {
        if endpoint.hasPrefix("ipc://") {
            return SocketProbe.refusal(at: String(endpoint.dropFirst("ipc://".count))).map { .refused(reason: $0) }
        }
        guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":") else { return nil }
        let host = endpoint[..<colon].dropFirst("tcp://".count).filter { !"[]".contains($0) }, port = endpoint[colon...].dropFirst()
        var hints = unsafe addrinfo(), found: UnsafeMutablePointer<addrinfo>?
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        let code = unsafe getaddrinfo(String(host), String(port), &hints, &found)
        guard code == 0 else {
            return .unresolved(
                host: String(host), reason: code == EAI_SYSTEM ? systemReason() : unsafe String(cString: gai_strerror(code)))
        }
        defer { unsafe freeaddrinfo(found) }
        var reason = systemReason(ECONNREFUSED)
        var next = unsafe found
        while let address = unsafe next {
            let error = unsafe connect(address.pointee)
            if error == 0 { return nil }
            reason = systemReason(error)
            unsafe next = address.pointee.ai_next
        }
        return .refused(reason: reason)
    }

    /// - Returns: 0, or the errno of the connection.
    private static func connect(_ address: addrinfo) -> CInt {
        let descriptor = unsafe socket(
            address.ai_family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), address.ai_protocol)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        guard unsafe Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) != 0 else { return 0 }
        guard errno == EINPROGRESS else { return errno }
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard unsafe poll(&entry, 1, CInt(patience / .milliseconds(1))) > 0 else { return ETIMEDOUT }
        var error: CInt = 0, size = socklen_t(MemoryLayout<CInt>.size)
        return unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno
    }

    // MARK: The handshake

    private static func handshake(_ endpoint: String, _ invitation: Invitation?) throws(SocketError) -> Reach {
        let context = try Context()
        let dealer = try Socket.make(.dealer, in: context), events = try Socket.make(.pair, in: context)
        try dealer.watch(ZMQ_EVENT_HANDSHAKE_SUCCEEDED | failures, at: address)
        try events.connect(address)
        if let invitation { try dealer.set(invitation) }
        try dealer.connect(endpoint)
        let stopwatch = Stopwatch()
        while stopwatch.now.sinceStart < patience {
            guard let event = try events.receive()?.parts.first else {
                usleep(10_000)
                continue
            }
            // Two bytes for the kind of the event and four for its value, in the order of this host.
            switch CInt(event[0]) | CInt(event[1]) << 8 {
            case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return .joined
            case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: return .keyRefused
            default: return .strange
            }
        }
        return .silent
    }

    private static let failures =
        ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
    private static let address = "inproc://events"
}
