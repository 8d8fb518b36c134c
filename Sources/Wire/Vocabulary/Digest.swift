// Digest.swift · Wire/Vocabulary. The one hash of the house: SHA-256 (FIPS 180-4), by libsodium.
// Trial keys, results' digests and the self-test all use it, so both sides can compare what they hash.

internal import CSodium

/// SHA-256 of bytes that are laid down in one fixed form: integers big-endian, text as its UTF-8 length and bytes.
public struct Digest: Hashable, Sendable {
    public static let byteCount = 32
    /// Its bytes eight by eight, big-endian. Words and not an array, since digests name files and results: they are copied and compared all
    /// the time.
    let words: (first: UInt64, second: UInt64, third: UInt64, fourth: UInt64)

    /// - Parameter bytes: 32 bytes that are a digest already; nil for any other count.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        func word(_ place: Int) -> UInt64 { bytes[8 * place..<8 * place + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        words = (word(0), word(1), word(2), word(3))
    }

    public var bytes: [UInt8] { [words.first, words.second, words.third, words.fourth].bigEndianBytes }

    public init(of message: [UInt8]) {
        var out: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        // Sound: libsodium writes exactly crypto_hash_sha256_BYTES = 32 bytes and reads exactly message.count.
        unsafe withUnsafeMutableBytes(of: &out) { bytes in
            _ = unsafe crypto_hash_sha256(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), message, UInt64(message.count))
        }
        words = (out.0.bigEndian, out.1.bigEndian, out.2.bigEndian, out.3.bigEndian)
    }

    public static func == (a: Self, b: Self) -> Bool { a.words == b.words }

    /// The first word: of a hash, it is as good as all four.
    public func hash(into hasher: inout Hasher) { hasher.combine(words.first) }

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
