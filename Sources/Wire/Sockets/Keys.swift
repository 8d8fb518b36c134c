// Keys.swift · Wire/Sockets. CURVE's key pairs, as libzmq makes them: Curve25519, 32 bytes each, written as 64 hexadecimal digits.

internal import CZeroMQ
public import Vocabulary

/// The public half of a key pair, which names the holder of the secret half.
public struct PublicKey: Hashable, Sendable {
    public static let byteCount = 32
    public let bytes: [UInt8]

    /// - Parameter bytes: 32 bytes; nil for any other count.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// - Parameter text: 64 hexadecimal digits; nil for anything else.
    public init?(hexadecimal text: some StringProtocol) {
        guard let bytes = [UInt8](hexadecimal: text), let key = PublicKey(bytes: bytes) else { return nil }
        self = key
    }
}

extension PublicKey: CustomStringConvertible {
    public var description: String { bytes.hexadecimal }
}

/// A key pair. Its secret half appears in no description, dump or message; only `secretText` gives it.
public struct SecretKey: Hashable, Sendable {
    let bytes: [UInt8]
    public let publicKey: PublicKey

    /// A new key pair from the system's random numbers.
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

    /// Another secret for one purpose, which tells nothing of this one or of those for other purposes.
    public func secret(for purpose: String) -> Digest { Digest(of: bytes + Array(purpose.utf8)) }

    /// The secret half as 64 hexadecimal digits, for a file of mode 0600, a pipe or an environment variable, and for nothing else.
    public var secretText: String { bytes.hexadecimal }
}

extension SecretKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "the secret key of \(publicKey)" }
    public var debugDescription: String { description }
    /// Empty: otherwise `dump`, and string interpolation of a value that holds a key, would print the secret bytes.
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

    /// The environment variable from which `regsweep-worker --join env` reads an invitation.
    public static let variable = "REGSWEEP_INVITATION"

    /// Whether the endpoint is a loopback address, which on another host would mean that host itself.
    public var isForThisHostAlone: Bool { endpoint.hasPrefix("tcp://127.") || endpoint.hasPrefix("tcp://localhost:") }

    /// The invitation as `ENDPOINT,COORDINATOR,KEY`, without spaces. It is secret, as the key in it is.
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
