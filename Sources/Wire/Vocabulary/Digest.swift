// Digest.swift · Wire/Vocabulary. The one hash of the house: SHA-256 (FIPS 180-4), by libsodium.
// Trial keys, results' digests and the self-test all use it, so both sides can compare what they hash.

internal import CSodium

/// SHA-256 of bytes that are laid down in one fixed form: integers big-endian, text as its UTF-8 length and bytes.
public struct Digest: Hashable, Sendable {
    public static let byteCount = 32
    public let bytes: [UInt8]

    /// - Parameter bytes: 32 bytes that are a digest already; nil for any other count.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    public init(of message: [UInt8]) {
        var out = [UInt8](repeating: 0, count: Self.byteCount)
        // Sound: libsodium writes exactly crypto_hash_sha256_BYTES = 32 bytes and reads exactly message.count.
        _ = unsafe crypto_hash_sha256(&out, message, UInt64(message.count))
        bytes = out
    }

    /// Hashes a text by its UTF-8.
    public init(of text: String) { self.init(of: Array(text.utf8)) }
}

/// A SHA-256 of bytes that come one piece after the other.
@safe public struct DigestStream: ~Copyable {
    private var state = crypto_hash_sha256_state()

    public init() { unsafe _ = crypto_hash_sha256_init(&state) }

    public mutating func add(_ bytes: ArraySlice<UInt8>) {
        // Sound: libsodium reads exactly as many bytes as it is told.
        unsafe _ = bytes.withUnsafeBufferPointer { unsafe crypto_hash_sha256_update(&state, $0.baseAddress, UInt64($0.count)) }
    }

    public consuming func digest() -> Digest {
        var out = [UInt8](repeating: 0, count: Digest.byteCount)
        // Sound: libsodium writes exactly 32 bytes.
        unsafe _ = crypto_hash_sha256_final(&state, &out)
        return Digest(bytes: out)!
    }
}

extension [UInt64] {
    /// Each word as its 8 bytes, the highest first: the form in which numbers are hashed.
    public var bigEndianBytes: [UInt8] {
        let words = map(\.bigEndian)
        // Sound: the bytes are copied while the words are there.
        return unsafe words.withUnsafeBytes { unsafe Array<UInt8>($0) }
    }
}

extension Digest: CustomStringConvertible {
    /// 64 lower-case hexadecimal digits.
    public var description: String { bytes.hexadecimal }

    public init?(hexadecimal text: some StringProtocol) {
        guard let bytes = [UInt8](hexadecimal: text), let digest = Digest(bytes: bytes) else { return nil }
        self = digest
    }
}
