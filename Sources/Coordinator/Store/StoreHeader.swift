// StoreHeader.swift · Coordinator/Store, before a database is opened. The first 100 bytes of a store (sqlite.org/fileformat2.html), which no
// checksum covers: where one of them is wrong, SQLite may open the file for reading alone, or write over pages that are in use.

struct StoreHeader {
    static let size = 100
    private static let magic = Array("SQLite format 3\u{0}".utf8)
    /// Fields that are the same in every store, by offset: SQLite's schema format 4, UTF-8, no automatic vacuum. Format and encoding are 0
    /// in the file of a new store, whose first page is in the log.
    private static let constants: [(offset: Int, name: String, values: [[UInt8]])] = [
        (18, "write version", [[1], [2]]), (19, "read version", [[1], [2]]), (20, "reserved bytes", [[0]]),
        (21, "payload fractions", [[64, 32, 32]]), (44, "schema format", [[0, 0, 0, 4], [0, 0, 0, 0]]), (48, "cache size", [[0, 0, 0, 0]]),
        (52, "largest root page", [[0, 0, 0, 0]]), (56, "text encoding", [[0, 0, 0, 1], [0, 0, 0, 0]]),
        (64, "incremental vacuum", [[0, 0, 0, 0]]),
        (72, "reserved space", [Array(repeating: 0, count: 20)]),
    ]

    /// What is wrong with it; nil for one that is right, and for one that SQLite does not take for a header.
    let complaint: String?

    /// Reads the file. It must not be open in this process: to close it again would end SQLite's locks.
    /// - Parameter isAlone: whether no other program has the store open.
    init(of path: String, isAlone: Bool) {
        let bytes = Files.beginning(of: path, count: Self.size) ?? []
        let isWhole = isAlone && Files.size(of: path + "-wal") ?? 0 == 0
        complaint = Self.complaint(bytes, fileSize: isWhole ? Files.size(of: path) : nil)
    }

    /// Whether a file begins as a database of SQLite does.
    static func isOne(_ bytes: [UInt8]) -> Bool { bytes.count >= size && bytes.starts(with: magic) }

    /// - Parameter fileSize: of a file that holds the whole database; nil where its log holds some of it.
    static func complaint(_ bytes: [UInt8], fileSize: Int?) -> String? {
        guard isOne(bytes) else { return nil }
        for (offset, name, values) in constants where !values.contains(where: { bytes[offset...].starts(with: $0) }) {
            return "its header has a wrong \(name)"
        }
        // SQLite goes by the number of pages only where the two counters of changes are equal.
        let pages = word(bytes, at: 28)
        guard let pageSize = statedPageSize(bytes) else { return "its header has a wrong page size" }
        if let fileSize, word(bytes, at: 24) == word(bytes, at: 92), pages * pageSize != fileSize {
            return "its header says \(pages) pages, and the file has \(fileSize) bytes"
        }
        return nil
    }

    /// - Throws: `damaged`.
    func require(_ path: String) throws(StoreError) {
        if let complaint { throw .damaged(path: path, reason: complaint) }
    }

    /// SQLite gives pages of 4,096 bytes to new files.
    static let defaultPageSize = 4096

    /// - Parameter bytes: the beginning of a file.
    /// - Returns: nil where it is no size that a page can have.
    static func statedPageSize(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 18 else { return nil }
        let stated = Int(bytes[16]) << 8 | Int(bytes[17])
        if stated == 1 { return 65_536 }
        return stated >= 512 && stated & (stated - 1) == 0 ? stated : nil
    }

    /// A header with which SQLite reads a file whose own one is damaged. Nothing may be written with it, since it knows of no free pages.
    static func restored(fileSize: Int, pageSize: Int) -> [UInt8] {
        var bytes = magic + [UInt8](repeating: 0, count: size - magic.count)
        for (offset, _, values) in constants { bytes.replaceSubrange(offset..<offset + values[0].count, with: values[0]) }
        let size = pageSize == 65_536 ? 1 : pageSize
        (bytes[16], bytes[17]) = (UInt8(size >> 8), UInt8(size & 0xff))
        // Write and read version 2: with a log.
        (bytes[18], bytes[19]) = (2, 2)
        for (offset, value) in [(24, 1), (28, fileSize / pageSize), (40, 1), (92, 1)] {
            bytes.replaceSubrange(offset..<offset + 4, with: (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) })
        }
        return bytes
    }

    private static func word(_ bytes: [UInt8], at offset: Int) -> Int { bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
}
