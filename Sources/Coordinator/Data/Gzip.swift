// Gzip.swift · Coordinator/Data, for ImageFolder. Unpacks the bytes of a .gz file with zlib, which is used nowhere else.

internal import CZlib

enum GzipError: Error, Equatable, CustomStringConvertible {
    case notGzip
    case truncated
    case damaged(reason: String)
    case tooLarge(limit: Int)

    var description: String {
        switch self {
        case .notGzip: "is not gzip, whose first bytes are 1f 8b: download it again, or drop .gz from its name if it is unpacked already"
        case .truncated: "is cut off: its gzip stream has no end; download it again"
        case .damaged(let reason): "is damaged (gzip: \(reason)): download it again"
        case .tooLarge(let limit): "unpacks to more than \(limit) bytes, which are the most that is allowed"
        }
    }
}

enum Gzip {
    /// The first bytes of each member.
    private static let magic: [UInt8] = [0x1f, 0x8b]

    /// Unpacks a whole file: one member, or several, as `cat`, pigz and bgzip make them, whose contents follow each other. Zeros behind the
    /// last one, with which tapes and blocks are filled up, are no damage.
    /// - Parameter limit: the largest allowed content in bytes, since a small file can unpack to any size.
    /// - Throws: `notGzip` for another format, `truncated`, `damaged` for a wrong checksum or bytes behind the end, `tooLarge`.
    static func unpacked(_ packed: [UInt8], limit: Int) throws(GzipError) -> [UInt8] {
        guard packed.starts(with: magic) else { throw .notGzip }
        var stream = unsafe z_stream()
        // 15 bits of window; 16 added to it means the gzip format instead of zlib's.
        let code = unsafe inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { throw .damaged(reason: "zlib does not start, code \(code)") }
        defer { unsafe _ = inflateEnd(&stream) }
        var unpacked: [UInt8] = []
        var end = Z_OK
        var input = packed
        // Sound: zlib reads within the input and writes within the chunk, whose lengths it is given; both outlive the calls.
        let problem: GzipError? = unsafe input.withUnsafeMutableBufferPointer { source in
            unsafe stream.next_in = source.baseAddress
            unsafe stream.avail_in = UInt32(source.count)
            var chunk = [UInt8](repeating: 0, count: 1 << 20)
            while end == Z_OK {
                let count = unsafe chunk.withUnsafeMutableBufferPointer { target in
                    unsafe stream.next_out = target.baseAddress
                    unsafe stream.avail_out = UInt32(target.count)
                    end = unsafe inflate(&stream, Z_NO_FLUSH)
                    return unsafe target.count - Int(stream.avail_out)
                }
                guard unpacked.count + count <= limit else { return .tooLarge(limit: limit) }
                unpacked += chunk[..<count]
                guard end == Z_STREAM_END else { continue }
                let rest = unsafe source.suffix(Int(stream.avail_in))
                if unsafe rest.allSatisfy({ $0 == 0 }) { return nil }
                guard unsafe rest.starts(with: magic) else { return .damaged(reason: "bytes follow its end") }
                end = unsafe inflateReset(&stream)
            }
            return nil
        }
        if let problem { throw problem }
        switch end {
        case Z_STREAM_END: return unpacked
        // The input has ended before the stream.
        case Z_BUF_ERROR: throw .truncated
        default: throw .damaged(reason: unsafe stream.msg.map { unsafe String(cString: $0) } ?? "code \(end)")
        }
    }
}
