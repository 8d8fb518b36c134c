// Safetensors.swift · Worker, for checkpoints and models. The safetensors format, which Python's package of that name reads: the length of
// the header as 8 little-endian bytes, the header in JSON, then the arrays' values, little-endian.

/// A file of named arrays.
struct Safetensors {
    struct Entry {
        /// Consists of letters, digits, dots, hyphens and underscores, which JSON does not escape. The same holds for metadata.
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

    /// Names and texts, in the order in which they are written.
    let metadata: [(name: String, value: String)]
    /// The arrays in file order. Those of Float64 come first, so that all values are aligned.
    let entries: [Entry]

    /// The content of the file.
    var bytes: [UInt8] {
        var out = header
        out.reserveCapacity(out.count + entries.reduce(0) { $0 + $1.bytes.count })
        for entry in entries { out += entry.bytes }
        return out
    }

    /// The bytes before the arrays: length and JSON, padded with spaces so that the arrays begin at a multiple of 8.
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

    /// Reads a little-endian integer of at most 8 bytes.
    static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }

    static func doubles(_ bytes: ArraySlice<UInt8>) -> [Double] { values(bytes, 0) }

    static func floats(_ bytes: ArraySlice<UInt8>) -> [Float] { values(bytes, 0) }

    /// Reads little-endian values. Bytes at the end that make no whole value are ignored.
    /// - Parameter zero: any value of the type that is read.
    private static func values<Value: BitwiseCopyable>(_ bytes: ArraySlice<UInt8>, _ zero: Value) -> [Value] {
        var values = [Value](repeating: zero, count: bytes.count / MemoryLayout<Value>.size)
        // Sound: as many bytes as the values have are copied, and any bits are a value of both types.
        unsafe values.withUnsafeMutableBytes { target in
            unsafe bytes.withUnsafeBytes { unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<target.count])) }
        }
        return values
    }
}
