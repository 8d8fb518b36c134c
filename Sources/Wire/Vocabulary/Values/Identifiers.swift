// Identifiers.swift · Wire/Vocabulary/Values. The ids of trials, workers, leases and batches, which coordinator and workers share.
// Each has a type of its own, so that the compiler refuses an id, an index or a routing id in place of another.

/// Identifies a trial in the store, in messages and in other sweeps.
///
/// It is the first 16 bytes of the SHA-256 of everything that decides the trial's result (``TrialIdentity``) and of nothing else.
public struct TrialKey: Hashable, Sendable, Comparable {
    /// Bytes 0–7 and 8–15 of the key, big-endian.
    public let high: UInt64, low: UInt64

    public static let byteCount = 16

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Parameter bytes: exactly 16 bytes; nil for any other count.
    public init?(bytes: [UInt8]) { self.init(bytes: bytes[...]) }

    /// - Parameter bytes: exactly 16 bytes; nil for any other count. Not a generic collection, which would take five times as long: the
    ///   coordinator reads a million keys when it starts.
    public init?(bytes: ArraySlice<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var high: UInt64 = 0, low: UInt64 = 0
        for index in bytes.startIndex..<bytes.startIndex + 8 {
            high = high << 8 | UInt64(bytes[index])
            low = low << 8 | UInt64(bytes[index + 8])
        }
        self.init(high: high, low: low)
    }

    public var bytes: [UInt8] { [high, low].bigEndianBytes }

    public static func < (a: Self, b: Self) -> Bool { (a.high, a.low) < (b.high, b.low) }

    /// Hashes one half of the key, which is as good a hash value as both.
    public func hash(into hasher: inout Hasher) { hasher.combine(low) }
}

extension TrialKey: CustomStringConvertible {
    /// 32 lower-case hexadecimal digits, as in the column `trial` of `results.csv`.
    public var description: String { bytes.hexadecimal }

    /// - Parameter text: what ``description`` gives; nil for anything else.
    public init?(hexadecimal text: some StringProtocol) {
        guard let bytes = [UInt8](hexadecimal: text), let key = TrialKey(bytes: bytes) else { return nil }
        self = key
    }
}

/// Identifies one worker process. It is drawn at random at each start, so a worker that restarts between two heartbeats is another worker.
public struct WorkerID: Hashable, Sendable {
    public let high: UInt64, low: UInt64

    public static let byteCount = 16

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    public static func random() -> WorkerID {
        var generator = SystemRandomNumberGenerator()
        return WorkerID(high: generator.next(), low: generator.next())
    }

    public init?(bytes: [UInt8]) {
        guard let key = TrialKey(bytes: bytes) else { return nil }
        self.init(high: key.high, low: key.low)
    }

    public var bytes: [UInt8] { [high, low].bigEndianBytes }

    /// Hashes one half of the random bits, which is as good a hash value as both.
    public func hash(into hasher: inout Hasher) { hasher.combine(low) }
}

extension WorkerID: CustomStringConvertible {
    /// The first eight hexadecimal digits: enough to tell the workers of a sweep apart in a log.
    public var description: String { String(bytes.hexadecimal.prefix(8)) }
}

/// Identifies one lease in the life of a store: the incarnation in the upper 32 bits, its number of the lease in the lower ones.
public struct LeaseID: Hashable, Sendable, Comparable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public init(incarnation: UInt64, number: UInt32) { rawValue = incarnation << 32 | UInt64(number) }

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension LeaseID: CustomStringConvertible {
    public var description: String { "\(rawValue >> 32).\(rawValue & 0xffff_ffff)" }
}

/// Identifies a batch of results of one worker, which counts them from 1.
public struct BatchID: Hashable, Sendable, Comparable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension UInt64 {
    var bigEndianBytes: [UInt8] { [self].bigEndianBytes }
}

extension Array where Element == UInt8 {
    /// Two lower-case hexadecimal digits for each byte.
    public var hexadecimal: String {
        func digit(_ nibble: UInt8) -> UInt8 { nibble + (nibble < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10) }
        var text: [UInt8] = []
        text.reserveCapacity(2 * count)
        for byte in self {
            text.append(digit(byte >> 4))
            text.append(digit(byte & 15))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Parameter text: an even number of hexadecimal digits of either case; nil for anything else.
    public init?(hexadecimal text: some StringProtocol) {
        var bytes: [UInt8] = [], high: UInt8?
        for digit in Array<UInt8>(text.utf8) {
            let nibble: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): nibble = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): nibble = digit - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): nibble = digit - UInt8(ascii: "A") + 10
            default: return nil
            }
            if let upper = high { bytes.append(upper << 4 | nibble) }
            high = high == nil ? nibble : nil
        }
        guard high == nil else { return nil }
        self = bytes
    }
}
