// ZAPHandler.swift · Wire/Sockets. Decides which connections a ROUTER accepts, by ZAP, the ZeroMQ authentication protocol (RFC 27).
// Without a handler, CURVE accepts every peer that knows the coordinator's public key.

internal import CZeroMQ
internal import Vocabulary

/// Which peers an endpoint accepts.
public enum Admission: Sendable {
    /// Every peer that can reach the endpoint: for ipc in a directory of one user, and for tcp on loopback where a person asked for it.
    case anyone
    /// Peers that prove by CURVE that they hold an allowed key. The value is the coordinator's own key.
    case keys(SecretKey)
}

/// Who is at the other end of a connection, as the handshake has shown.
public enum Peer: Hashable, Sendable {
    /// A program of the same user on the same host, by ipc.
    case local
    /// Any program on the same host, by tcp without keys.
    case plain
    case key(PublicKey)
}

extension Peer: CustomStringConvertible {
    public var description: String {
        switch self {
        case .local: "local"
        case .plain: "plain"
        case .key(let key): "\(key)"
        }
    }

    /// The inverse of `description`, which libzmq attaches as user id to each message of the peer. Nil for any other text.
    init?(userID: String) {
        switch userID {
        case "local": self = .local
        case "plain": self = .plain
        default:
            guard let key = PublicKey(hexadecimal: userID) else { return nil }
            self = .key(key)
        }
    }
}

/// Answers the handshakes of one context. It runs on the thread of the ROUTER that owns it, and on no other.
final class ZAPHandler {
    /// A key that was refused, and the address that it came from.
    struct Refusal: Hashable { var key: PublicKey, address: String }

    private let socket: Socket
    var allowed: Set<PublicKey> = []
    /// At most 20, until the owner takes them for the log: a peer that tries again and again does not fill the memory.
    var refusals: [Refusal] = []

    /// Binds the address at which libzmq asks the handler of a context.
    /// - Throws: `addressInUse` when the context has a handler already.
    init(in context: Context) throws(SocketError) {
        socket = try Socket.make(.rep, in: context)
        try socket.bind("inproc://zeromq.zap.01")
    }

    var pollHandle: UnsafeMutableRawPointer { unsafe socket.pollHandle }

    /// Answers every handshake that waits, and returns without waiting for more.
    func answerHandshakes() throws(SocketError) {
        while let request = try socket.receive()?.parts { try socket.send(answer(to: request)) }
    }

    private func answer(to request: [[UInt8]]) -> [[UInt8]] {
        // Parts of a request: version, request id, domain, address, routing id, mechanism, credentials.
        let texts = request.map { String(decoding: $0, as: UTF8.self) }
        func reply(_ code: String, _ user: String) -> [[UInt8]] {
            [Array("1.0".utf8), request.count > 1 ? request[1] : [], Array(code.utf8), [], Array(user.utf8), []]
        }
        guard request.count >= 6, texts[0] == "1.0" else { return reply("500", "") }
        switch (texts[2], texts[5]) {
        case ("local", "NULL"), ("plain", "NULL"): return reply("200", texts[2])
        case ("keys", "CURVE"):
            guard request.count == 7, let key = PublicKey(bytes: request[6]) else { return reply("500", "") }
            guard allowed.contains(key) else {
                if refusals.count < 20 { refusals.append(Refusal(key: key, address: texts[3])) }
                return reply("400", "")
            }
            return reply("200", "\(key)")
        default: return reply("400", "")
        }
    }

    /// Whether frames of this peer are accepted. Also false for frames received before its key was revoked.
    func isAllowed(_ peer: Peer) -> Bool {
        if case .key(let key) = peer { allowed.contains(key) } else { true }
    }
}
