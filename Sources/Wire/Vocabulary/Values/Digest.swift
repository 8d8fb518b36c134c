// Digest.swift · Wire/Vocabulary/Values. A SHA-256 as a value. Wire/Hashing computes it.

/// A SHA-256 (FIPS 180-4), which identifies data files, results and builds.
public struct Digest: Hashable, Sendable {
    public static let byteCount = 32
    /// The digest as four big-endian words. A tuple needs no allocation; digests are copied and compared often.
    package let words: (first: UInt64, second: UInt64, third: UInt64, fourth: UInt64)

    package init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// - Parameter bytes: the 32 bytes of a digest; nil for any other count.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        func word(_ index: Int) -> UInt64 { bytes[8 * index..<8 * index + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        words = (word(0), word(1), word(2), word(3))
    }

    public var bytes: [UInt8] { [words.first, words.second, words.third, words.fourth].bigEndianBytes }

    public static func == (a: Self, b: Self) -> Bool { a.words == b.words }

    /// Hashes only the first word, which is as good a hash value as all four.
    public func hash(into hasher: inout Hasher) { hasher.combine(words.first) }
}

extension [UInt64] {
    /// The 8 bytes of each word, most significant first, as numbers are hashed.
    public var bigEndianBytes: [UInt8] {
        let words = map(\.bigEndian)
        // Sound: the bytes are copied during the call.
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
