// FrameScan.swift · Wire/Messages, before MessageDecoding. Validates the structure of a frame by the generated descriptors before
// protobuf-c reads it: Debian's protobuf-c 1.4.1 merges repeated fields, allocates before it counts, and limits no depth. A frame that
// passes has no field twice, none that is unknown or of another wire type, and a bounded number of messages.

internal import CMessages
internal import Vocabulary

/// A scan of one frame: its bytes, and the number of messages found in them so far.
@safe struct FrameScan {
    private let bytes: [UInt8]
    private var messages = 0

    /// Occurrences of one repeated field. It is above the decoder's own limits, whose messages are more exact.
    private static let repeats = 2 * Limits.trialsPerLease
    /// Messages in a frame: each of 4,096 results may have a dozen series. The largest struct has 200 bytes, so all take at most 14 MiB.
    private static let allMessages = 16 * Limits.trialsPerLease
    /// Levels of messages inside each other, as in Envelope > Results > Result > Series.
    private static let depth = 4

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private static let broken = MessageError.malformed(reason: "not an Envelope")

    /// The protocol version, which can be read whatever the rest of the frame contains; 0 where there is none.
    mutating func version() throws(MessageError) -> UInt32 {
        var (offset, version) = (0, UInt32(0))
        while offset < bytes.count {
            let field = try tag(&offset, end: bytes.count)
            let value = try skip(field.wire, &offset, end: bytes.count)
            if field.number == 1, field.wire == 0 { version = UInt32(truncatingIfNeeded: value) }
        }
        return version
    }

    /// Validates the whole frame.
    /// - Throws: `malformed` for a frame that protobuf-c must not be given.
    mutating func check() throws(MessageError) {
        try unsafe check(0..<bytes.count, as: regsweep__wire__envelope__descriptor, depth: 1)
    }

    // Sound: descriptors are constants of the generated code, their lists have the lengths that stand beside them, and the
    // `descriptor` of a field of type MESSAGE is a message's.
    private mutating func check(_ range: Range<Int>, as descriptor: ProtobufCMessageDescriptor, depth: Int) throws(MessageError) {
        messages += 1
        guard depth <= Self.depth, messages <= Self.allMessages else { throw .malformed(reason: "too many messages in one frame") }
        let fields = unsafe UnsafeBufferPointer(start: descriptor.fields, count: Int(descriptor.n_fields))
        var counts = [Int](repeating: 0, count: fields.count)
        // The members of a oneof share one field of the generated struct, which says which of them is set.
        var oneofs: Set<UInt32> = []
        var offset = range.lowerBound
        while offset < range.upperBound {
            let (number, wire) = try tag(&offset, end: range.upperBound)
            guard let index = unsafe fields.firstIndex(where: { unsafe $0.id == number }) else {
                throw .malformed(reason: "a field that is not known here")
            }
            let field = unsafe fields[index]
            let start = offset
            let value = try skip(wire, &offset, end: range.upperBound)
            let content = wire == 2 ? offset - Int(value)..<offset : start..<offset
            let isRepeated = unsafe field.label == PROTOBUF_C_LABEL_REPEATED
            counts[index] += 1
            if isRepeated {
                guard counts[index] <= Self.repeats else { throw .malformed(reason: "more than \(Self.repeats) of one field") }
            } else {
                guard counts[index] == 1 else { throw .malformed(reason: "a field that is there twice") }
                if unsafe field.flags & UInt32(PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue) != 0 {
                    guard oneofs.insert(unsafe field.quantifier_offset).inserted else {
                        throw .malformed(reason: "two bodies in one message")
                    }
                }
            }
            let wanted = unsafe Self.wire(of: field.type)
            // Numbers of a list may also come packed into one block.
            guard wire == wanted || (isRepeated && wire == 2 && wanted != 2) else {
                throw .malformed(reason: "a field of another type than is known here")
            }
            if unsafe field.type == PROTOBUF_C_TYPE_MESSAGE {
                let inner = unsafe field.descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
                try unsafe check(content, as: inner.pointee, depth: depth + 1)
            } else if wire == 2, wanted == 1 {
                guard content.count.isMultiple(of: 8) else { throw Self.broken }
            } else if wire == 2, wanted == 0 {
                var inside = content.lowerBound
                while inside < content.upperBound { _ = try varint(&inside, end: content.upperBound) }
            }
        }
    }

    private static func wire(of type: ProtobufCType) -> UInt8 {
        switch type {
        case PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_BYTES, PROTOBUF_C_TYPE_MESSAGE: 2
        case PROTOBUF_C_TYPE_DOUBLE, PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_SFIXED64: 1
        case PROTOBUF_C_TYPE_FLOAT, PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_SFIXED32: 5
        default: 0
        }
    }

    private func tag(_ offset: inout Int, end: Int) throws(MessageError) -> (number: UInt32, wire: UInt8) {
        let value = try varint(&offset, end: end)
        guard (8...UInt64(UInt32.max)).contains(value) else { throw Self.broken }
        return (UInt32(value >> 3), UInt8(value & 7))
    }

    /// Skips a value.
    /// - Returns: the value of an integer, or the length of a block of bytes.
    private func skip(_ wire: UInt8, _ offset: inout Int, end: Int) throws(MessageError) -> UInt64 {
        switch wire {
        case 0: return try varint(&offset, end: end)
        case 1, 5:
            let size = wire == 1 ? 8 : 4
            guard end - offset >= size else { throw Self.broken }
            offset += size
            return 0
        case 2:
            let count = try varint(&offset, end: end)
            guard count <= UInt64(end - offset) else { throw Self.broken }
            offset += Int(count)
            return count
        // Groups, which proto3 has not.
        default: throw Self.broken
        }
    }

    private func varint(_ offset: inout Int, end: Int) throws(MessageError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard offset < end else { throw Self.broken }
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw Self.broken
    }
}
