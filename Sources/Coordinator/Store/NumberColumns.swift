// NumberColumns.swift · Coordinator/Store. Curves and series as columns of the store: 8 big-endian bytes a number, the same on every host.

internal import Vocabulary
internal import Wire

enum NumberColumns {
    /// Bytes behind the last whole number are left out.
    static func words(of bytes: [UInt8]) -> [UInt64] {
        stride(from: 0, to: bytes.count - 7, by: 8).map { at in bytes[at..<at + 8].reduce(0) { $0 << 8 | UInt64($1) } }
    }

    static func bytes(of values: [Double]) -> [UInt8] { values.map(\.bitPattern).bigEndianBytes }

    static func values(of bytes: [UInt8]) -> [Double] { words(of: bytes).map(Double.init(bitPattern:)) }

    /// Epoch, train loss, test loss of each point.
    static func bytes(of curve: [CurvePoint]) -> [UInt8] {
        curve.flatMap { [UInt64($0.epoch), $0.trainLoss.bitPattern, $0.testLoss.bitPattern] }.bigEndianBytes
    }

    static func curve(of bytes: [UInt8]) -> [CurvePoint] {
        let words = words(of: bytes)
        return stride(from: 0, to: words.count - 2, by: 3).map { at in
            CurvePoint(
                epoch: Int(clamping: words[at]), trainLoss: Double(bitPattern: words[at + 1]), testLoss: Double(bitPattern: words[at + 2]))
        }
    }

    /// 16 bytes a key. Bytes behind the last whole key are left out.
    static func keys(of bytes: [UInt8]) -> [TrialKey] {
        stride(from: 0, to: bytes.count - TrialKey.byteCount + 1, by: TrialKey.byteCount).compactMap {
            TrialKey(bytes: bytes[$0..<$0 + TrialKey.byteCount])
        }
    }

    /// The hash of everything that a trial left besides its losses, which the seal of its row covers; nil where it left nothing.
    static func digest(of series: [Series]) -> Digest? {
        guard !series.isEmpty else { return nil }
        return Digest(
            of: series.flatMap {
                [UInt64($0.name.utf8.count), UInt64($0.values.count)].bigEndianBytes + $0.name.utf8 + bytes(of: $0.values)
            })
    }
}
