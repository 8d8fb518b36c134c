// Keys.swift · Wire/Sockets. CURVE's key pairs, as libzmq makes them: Curve25519, 32 bytes each, written as 64 hexadecimal digits.

internal import CZeroMQ
internal import Vocabulary

/// Names whoever holds the secret half. Not secret itself.
public struct PublicKey: Hashable, Sendable {
    public static let byteCount = 32
    public let bytes: [UInt8]

    /// Nil for any other count than 32.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    public init?(hexadecimal text: some StringProtocol) {
        guard let bytes = [UInt8](hexadecimal: text), let key = PublicKey(bytes: bytes) else { return nil }
        self = key
    }
}

extension PublicKey: CustomStringConvertible {
    public var description: String { bytes.hexadecimal }
}

/// The half that proves who one is. It never shows itself in a log or a message: only `secretText` gives it away.
public struct SecretKey: Hashable, Sendable {
    let bytes: [UInt8]
    public let publicKey: PublicKey

    /// A new pair, from the system's random numbers.
    public static func random() -> SecretKey {
        var (open, secret) = ([CChar](repeating: 0, count: 41), [CChar](repeating: 0, count: 41))
        // Sound: libzmq writes 40 characters of Z85 and a zero into each.
        let code = unsafe zmq_curve_keypair(&open, &secret)
        precondition(code == 0, "libzmq was built without CURVE")
        return SecretKey(z85: secret, open)
    }

    /// - Parameter text: 64 hexadecimal digits; nil for anything else.
    public init?(hexadecimal text: some StringProtocol) {
        guard let bytes = [UInt8](hexadecimal: text), bytes.count == PublicKey.byteCount else { return nil }
        var (open, secret) = ([CChar](repeating: 0, count: 41), [CChar](repeating: 0, count: 41))
        // Sound: 32 bytes are 40 characters of Z85 and a zero.
        guard unsafe zmq_z85_encode(&secret, bytes, bytes.count) != nil, unsafe zmq_curve_public(&open, secret) == 0 else { return nil }
        self.init(z85: secret, open)
    }

    private init(z85 secret: [CChar], _ open: [CChar]) {
        func decoded(_ text: [CChar]) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: PublicKey.byteCount)
            // Sound: 40 characters of Z85 are 32 bytes.
            unsafe _ = zmq_z85_decode(&bytes, text)
            return bytes
        }
        bytes = decoded(secret)
        publicKey = PublicKey(bytes: decoded(open))!
    }

    /// For a file of mode 0600, a pipe or an environment variable, and for nothing else.
    public var secretText: String { bytes.hexadecimal }
}

extension SecretKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "the secret key of \(publicKey)" }
    public var debugDescription: String { description }
    /// Without it `dump` and string interpolation of what holds a key would print it.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// All that a worker on another host needs to join: where the coordinator is, who it is, and a key that it accepts.
public struct Invitation: Hashable, Sendable {
    public var endpoint: String
    public var coordinator: PublicKey
    public var key: SecretKey

    public init(endpoint: String, coordinator: PublicKey, key: SecretKey) {
        self.endpoint = endpoint
        self.coordinator = coordinator
        self.key = key
    }

    /// The environment variable that may hold one for `regsweep-worker --join env`.
    public static let variable = "REGSWEEP_INVITATION"

    /// Whether it names the loopback, which on another host is that host.
    public var isForThisHostAlone: Bool { endpoint.hasPrefix("tcp://127.") || endpoint.hasPrefix("tcp://localhost:") }

    /// One word without spaces, secret like the key in it: `ENDPOINT,COORDINATOR,KEY`.
    public var secretText: String { "\(endpoint),\(coordinator),\(key.secretText)" }

    /// - Parameter text: what ``secretText`` gives, with spaces or an end of line around it; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(whereSeparator: \.isWhitespace).joined().split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].hasPrefix("tcp://"), let coordinator = PublicKey(hexadecimal: parts[1]),
            let key = SecretKey(hexadecimal: parts[2])
        else { return nil }
        self.init(endpoint: String(parts[0]), coordinator: coordinator, key: key)
    }
}
