// SHA256.swift · Wire/Hashing. Computes SHA-256 (FIPS 180-4) with libsodium, which is used nowhere else.

internal import CSodium
public import Vocabulary

extension Digest {
    /// The SHA-256 of some bytes.
    public init(of message: [UInt8]) {
        var out: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        // Sound: libsodium writes exactly crypto_hash_sha256_BYTES = 32 bytes and reads exactly message.count.
        unsafe withUnsafeMutableBytes(of: &out) { bytes in
            _ = unsafe crypto_hash_sha256(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), message, UInt64(message.count))
        }
        self.init(words: (out.0.bigEndian, out.1.bigEndian, out.2.bigEndian, out.3.bigEndian))
    }

    /// The SHA-256 of a text's UTF-8.
    public init(of text: String) { self.init(of: Array(text.utf8)) }
}

/// A SHA-256 of bytes that arrive piece by piece.
@safe public struct DigestStream: ~Copyable {
    private var state = crypto_hash_sha256_state()

    public init() { unsafe _ = crypto_hash_sha256_init(&state) }

    public mutating func add(_ bytes: ArraySlice<UInt8>) {
        // Sound: libsodium reads exactly as many bytes as it is told.
        unsafe _ = bytes.withUnsafeBufferPointer { unsafe crypto_hash_sha256_update(&state, $0.baseAddress, UInt64($0.count)) }
    }

    /// The SHA-256 of all bytes that were added.
    public consuming func digest() -> Digest {
        var out = [UInt8](repeating: 0, count: Digest.byteCount)
        // Sound: libsodium writes exactly 32 bytes.
        unsafe _ = crypto_hash_sha256_final(&state, &out)
        return Digest(bytes: out)!
    }
}
