// IDXFile.swift · Wire/Vocabulary/Values. The file format of the MNIST family of data sets, which the coordinator validates and the worker
// reads. In: bytes. Opens no file.

/// The shape of an IDX file of unsigned bytes, and the position of its values.
///
/// Such a file is two zero bytes, the type (8, unsigned byte), the number of dimensions, each dimension as 4 big-endian bytes, then the
/// values, the last dimension fastest.
public struct IDXFile: Hashable, Sendable {
    public let dimensions: [Int]
    /// Range of the file's bytes that holds the values, row-major.
    public let values: Range<Int>

    /// - Parameters:
    ///   - bytes: the whole file, unpacked.
    ///   - rank: the number of dimensions that it must have: 3 for images, 1 for labels.
    /// - Throws: `IDXError` for other magic bytes, and for a size that differs from the one in its header.
    public init(_ bytes: [UInt8], rank: Int) throws(IDXError) {
        let magic = 0x800 + rank
        guard bytes.count >= 4, Self.word(bytes, 0) == magic else {
            let found = bytes.prefix(4)
            throw IDXError(
                description:
                    "found \(found.isEmpty ? "no byte" : Array(found).hexadecimal) at its beginning, an IDX file of \(rank == 1 ? "labels" : "images") begins with \(UInt32(magic).hexadecimal)"
            )
        }
        let start = 4 + 4 * rank
        guard bytes.count >= start else { throw IDXError(description: "found \(bytes.count) bytes, its header alone has \(start)") }
        let dimensions = (0..<rank).map { Self.word(bytes, 4 + 4 * $0) }
        // Each dimension is below 2³², so the product of three can overflow.
        let (product, overflows) = dimensions.reduce((1, false)) { (so, next) in
            let (product, overflow) = so.0.multipliedReportingOverflow(by: next)
            return (product, so.1 || overflow)
        }
        guard !overflows, product == bytes.count - start else {
            let shape = dimensions.map { "\($0)" }.joined(separator: " × ")
            throw IDXError(description: "found \(bytes.count - start) bytes behind its header, which says \(shape)")
        }
        self.dimensions = dimensions
        values = start..<bytes.count
    }

    private static func word(_ bytes: [UInt8], _ at: Int) -> Int { bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }

    /// The bytes of a file with these values, for tests and tools.
    public static func bytes(dimensions: [Int], values: [UInt8]) -> [UInt8] {
        [0, 0, 8, UInt8(dimensions.count)] + dimensions.flatMap { UInt32($0).bigEndianBytes } + values
    }
}

/// Why bytes are no IDX file, as a phrase that follows the file's name.
public struct IDXError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
}

extension UInt32 {
    fileprivate var bigEndianBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> (24 - 8 * $0)) } }
    fileprivate var hexadecimal: String { bigEndianBytes.hexadecimal }
}
