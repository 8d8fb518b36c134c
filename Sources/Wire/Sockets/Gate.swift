// Gate.swift · Wire/Sockets. Who may speak to a ROUTER: the ZAP handler (ZeroMQ RFC 27) of its context.
// Without one, CURVE lets in whoever knows the coordinator's public key. It lives on the ROUTER's own thread.

internal import CZeroMQ
internal import Vocabulary

/// How an endpoint knows who connects.
public enum Admission: Sendable {
    /// Whoever can connect: for ipc in a directory of one user, and for tcp on loopback where a person asked for it.
    case anyone
    /// CURVE, and only keys that were allowed; the coordinator's own key is given.
    case keys(SecretKey)
}

/// Who is at the other end of a connection, as the handshake has shown.
public enum Peer: Hashable, Sendable {
    /// A program of the same user on the same host, by ipc.
    case local
    /// Anybody on the same host, by tcp without keys.
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

    /// The inverse of `description`, which is the ZAP user id of all that this peer sends.
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

/// Only for the thread of the ROUTER that it belongs to.
final class Gate {
    /// A key that was turned away, and from where.
    struct Refusal: Hashable { var key: PublicKey, address: String }

    private let socket: Socket
    var allowed: Set<PublicKey> = []
    /// The last few, for a log.
    var refusals: [Refusal] = []

    /// libzmq asks at this address, once for each context.
    init(in context: Context) throws(SocketError) {
        socket = try Socket.make(.rep, in: context)
        try socket.bind("inproc://zeromq.zap.01")
    }

    var pollHandle: UnsafeMutableRawPointer { unsafe socket.pollHandle }

    /// Answers every handshake that waits.
    func admit() throws(SocketError) {
        while let request = try socket.receive()?.parts { try socket.send(answer(to: request)) }
    }

    private func answer(to request: [[UInt8]]) -> [[UInt8]] {
        // version, request id, domain, address, routing id, mechanism, credentials
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

    /// Of what was said before a key was withdrawn as well.
    func isWelcome(_ peer: Peer) -> Bool {
        if case .key(let key) = peer { allowed.contains(key) } else { true }
    }
}
