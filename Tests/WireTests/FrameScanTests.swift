// FrameScanTests.swift · Tests/WireTests. Frames that are small and would cost protobuf-c much, or that lead it where it was once wrong.

import Foundation
import Testing

@testable import Vocabulary
@testable import Wire

@Suite("Frame scan") struct FrameScanTests {
    private func reason(_ frame: [UInt8]) -> String? {
        do { _ = try Envelope(decoding: frame) } catch {
            guard case .malformed(let reason) = error else { return nil }
            return reason
        }
        return nil
    }

    @Test("a field that is there twice, and a second body, are refused: protobuf-c would merge them") func repeated() {
        let goodbye = Bytes.block(15, Bytes.block(1, [65]))
        #expect(reason(Bytes.version + goodbye + goodbye) == "a field that is there twice")
        #expect(reason(Bytes.version + Bytes.version + goodbye) == "a field that is there twice")
        #expect(reason(Bytes.version + goodbye + Bytes.block(24, [])) == "two bodies in one message")
        #expect(reason(Bytes.frame(15, Bytes.block(1, [65]) + Bytes.block(1, [66]))) == "a field that is there twice")
        #expect(
            reason(Bytes.frame(22, Bytes.block(3, Bytes.number(2, 1) + Bytes.block(4, [65])))) == "two bodies in one message",
            "a parameter of two types")
    }

    @Test("a known field of another wire type is refused") func wireType() {
        #expect(reason(Bytes.frame(15, Bytes.number(1, 65))) == "a field of another type than is known here")
        #expect(reason(Bytes.version + Bytes.number(15, 1)) == "a field of another type than is known here")
        #expect(reason(Bytes.frame(11, Bytes.block(1, [1]))) == "a field of another type than is known here")
    }

    @Test("eight megabytes of empty messages are refused before any of them is made, at little cost") func bomb() throws {
        // Two bytes for each Result: unpacked they would take 4 million × 200 bytes.
        let content = Array(repeatElement([UInt8(3 << 3 | 2), 0], count: 4_000_000).joined())
        let frame = Bytes.frame(13, content)
        #expect(frame.count <= Limits.frameBytes)
        let before = try peakKiB()
        #expect(reason(frame) == "more than 8192 of one field")
        #expect(try peakKiB() - before < 32 << 10)
    }

    @Test("many lists that are each within the limit are not within it together") func together() {
        let series = Array(repeatElement(Bytes.block(14, []), count: 8).joined())
        let results = Array(repeatElement(Bytes.block(3, series), count: 8_000).joined())
        #expect(reason(Bytes.frame(13, results)) == "too many messages in one frame")
    }

    @Test("lengths that lie, numbers without an end and groups are no Envelope") func broken() {
        for frame in [
            Bytes.version + [0x7a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Bytes.version + [0x7a, 5, 1],
            [8] + [UInt8](repeating: 0xff, count: 12), Bytes.version + [0x7b], Bytes.frame(15, [10, 200, 1]),
            Bytes.frame(20, Bytes.block(4, [0x80])), Bytes.frame(13, Bytes.block(3, Bytes.block(12, [1, 2, 3]))),
        ] { #expect(reason(frame) == "not an Envelope", "\(frame)") }
    }

    /// The most memory that this process has had.
    private func peakKiB() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    }
}
