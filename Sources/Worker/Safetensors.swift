// Safetensors.swift · Worker, for checkpoints and models. The format that Python's safetensors reads: the length of a header as 8
// little-endian bytes, the header in JSON, then the arrays' bytes, little-endian.

/// A file of named arrays.
struct Safetensors {
    struct Entry {
        /// Letters, digits, dots, hyphens and underscores: nothing that JSON would have to escape. The same holds for metadata.
        let name: String
        let type: String
        let shape: [Int]
        fileprivate let bytes: [UInt8]

        init(_ name: String, shape: [Int], _ values: ArraySlice<Float>) {
            (self.name, self.shape, type) = (name, shape, "F32")
            // Sound: the bytes are copied while the values are there. x86-64, which the kernels need, is little-endian.
            bytes = unsafe values.withUnsafeBytes { unsafe Array($0) }
        }

        init(_ name: String, shape: [Int], _ values: [Double]) {
            (self.name, self.shape, type) = (name, shape, "F64")
            // Sound: as above.
            bytes = unsafe values.withUnsafeBytes { unsafe Array($0) }
        }
    }

    /// Text by name, in this order.
    let metadata: [(name: String, value: String)]
    /// Widest values first, so that all are aligned.
    let entries: [Entry]

    /// The whole file.
    var bytes: [UInt8] {
        var out = header
        out.reserveCapacity(out.count + entries.reduce(0) { $0 + $1.bytes.count })
        for entry in entries { out += entry.bytes }
        return out
    }

    /// Everything before the arrays. Padded with spaces, so that the arrays begin at a multiple of 8.
    var header: [UInt8] {
        var fields: [String] = []
        if !metadata.isEmpty {
            fields.append("\"__metadata__\":{" + metadata.map { "\"\($0.name)\":\"\($0.value)\"" }.joined(separator: ",") + "}")
        }
        var offset = 0
        for entry in entries {
            let end = offset + entry.bytes.count
            let shape = entry.shape.map(String.init).joined(separator: ",")
            fields.append("\"\(entry.name)\":{\"dtype\":\"\(entry.type)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
            offset = end
        }
        var text = Array("{\(fields.joined(separator: ","))}".utf8)
        while !text.count.isMultiple(of: 8) { text.append(UInt8(ascii: " ")) }
        return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
    }

    /// Little-endian, 8 bytes.
    static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }

    static func doubles(_ bytes: ArraySlice<UInt8>) -> [Double] { values(bytes, 0) }

    static func floats(_ bytes: ArraySlice<UInt8>) -> [Float] { values(bytes, 0) }

    /// - Parameter zero: of the type of the values; bytes that are no whole value are left out.
    private static func values<Value: BitwiseCopyable>(_ bytes: ArraySlice<UInt8>, _ zero: Value) -> [Value] {
        var values = [Value](repeating: zero, count: bytes.count / MemoryLayout<Value>.size)
        // Sound: as many bytes as the values have are copied, and any bits are a value of both types.
        unsafe values.withUnsafeMutableBytes { target in
            unsafe bytes.withUnsafeBytes { unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<target.count])) }
        }
        return values
    }
}
