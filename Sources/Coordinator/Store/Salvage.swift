// Salvage.swift · Coordinator/Store, before Rebuilding. Results out of the bytes of a damaged store: every page is read, whatever the tree
// above it has become, and a row counts only if its seal is right. It knows SQLite's file format (sqlite.org/fileformat2.html) alone.

internal import Vocabulary
internal import Wire

struct Salvage {
    /// The columns of a row of `result` by name.
    typealias Row = [(name: String, value: Statement.Value)]

    /// All versions of each page that were found, by page number from 1, the newest first: the one in the write-ahead log, the one in the
    /// file, and those that the log has from earlier, or from a commit that was never completed. The first versions together are the store
    /// as it was; the others serve where the first one is damaged.
    private var versions: [Int: [ArraySlice<UInt8>]] = [:]
    private let usable: Int
    let columns: [Column]

    var pageSize: Int { usable }

    struct Column: Equatable {
        var name: String
        /// SQLite stores a real number that is whole as an integer, so the kind in the record does not tell.
        var isReal: Bool
    }

    /// - Parameters:
    ///   - file: the bytes of the database.
    ///   - log: the bytes of its write-ahead log; empty where there is none.
    ///   - columns: the columns of `result`, in order.
    ///   - size: bytes of a page.
    init(file: [UInt8], log: [UInt8], columns: [Column], pageSize size: Int) {
        self.columns = columns
        usable = size
        let frames = Self.frames(of: log, pageSize: size)
        for (number, page) in frames.current.reversed() { versions[number, default: []].append(page) }
        for start in stride(from: 0, to: file.count, by: size) {
            versions[start / size + 1, default: []].append(file[start..<min(start + size, file.count)])
        }
        for (number, page) in frames.stale.reversed() { versions[number, default: []].append(page) }
    }

    private typealias Frame = (number: Int, page: ArraySlice<UInt8>)

    /// Reads the log: a header of 32 bytes, then frames of 24 bytes and a page each.
    /// - Returns: in the order of the log, the frames of commits that the log holds; and all others. A log that starts anew overwrites its
    ///   beginning and leaves the rest, which has other salts; and behind its last commit there may be pages of one that was not completed.
    ///   Rows in those are as good as any if their seals are right.
    private static func frames(of log: [UInt8], pageSize: Int) -> (current: [Frame], stale: [Frame]) {
        func word(_ place: Int) -> Int { log[place..<place + 4].reduce(0) { $0 << 8 | Int($1) } }
        let starts = stride(from: 32, to: log.count, by: pageSize + 24).filter { $0 + 24 + pageSize <= log.count }
        guard let first = starts.first else { return ([], []) }
        // The salts of the log are in its header; where that is gone, those of the first frame are the same.
        let hasHeader = [0x377f_0682, 0x377f_0683].contains(word(0)), salts = hasHeader ? 16 : first + 8
        let isCurrent = starts.map { log[$0 + 8..<$0 + 16].elementsEqual(log[salts..<salts + 8]) }
        // Only the last frame of a commit gives the size of the database.
        let end = starts.indices.last { isCurrent[$0] && word(starts[$0] + 4) > 0 }
        var current: [Frame] = [], stale: [Frame] = []
        for (index, start) in starts.enumerated() {
            let frame = (word(start), log[start + 24..<start + 24 + pageSize])
            if isCurrent[index], let end, index <= end { current.append(frame) } else { stale.append(frame) }
        }
        return (current, stale)
    }

    /// Calls the closure with the newest version of every page, then with the version before it of those that have one, and so on.
    private func forEachPage<E>(_ body: (ArraySlice<UInt8>) throws(E) -> Void) throws(E) {
        for pages in versions.values { try body(pages[0]) }
        // These are few, since the log of a large store is short beside it.
        let changed = versions.values.filter { $0.count > 1 }
        for age in 1..<max(1, changed.reduce(0) { max($0, $1.count) }) {
            for pages in changed where age < pages.count { try body(pages[age]) }
        }
    }

    /// Calls the closure with every row of `result` whose seal is right, the newest versions first. It may get a row more than once.
    func forEachRow(_ body: (Row) throws(StoreError) -> Void) throws(StoreError) {
        try forEachPage { (page) throws(StoreError) in
            for cell in cells(of: page) {
                // Where the newest versions of its overflow pages are damaged, earlier ones may not be.
                for payload in payloads(at: cell, in: page) {
                    guard let row = row(payload) else { continue }
                    try body(row)
                    break
                }
            }
        }
    }

    /// Calls the closure with everything that looks like a row of `series`, the newest versions first. Only the digest in the trial's row
    /// tells whether it is one.
    func forEachSeries(_ body: (TrialKey, _ place: Int, Series) -> Void) {
        forEachPage { page in
            for payload in cells(of: page).flatMap({ payloads(at: $0, in: page) }) {
                guard let row = record(payload), row.count == 4, case .blob(let trial) = row[0], case .integer(let place) = row[1],
                    case .text(let name) = row[2], case .blob(let values) = row[3], let key = TrialKey(bytes: trial),
                    values.count.isMultiple(of: 8)
                else { continue }
                body(key, Int(place), Series(name: name, values: NumberColumns.values(of: values)))
            }
        }
    }

    /// Where the records in the cells of an index page begin, be it a leaf or an interior page. (`result` and `series` have no rowid, so
    /// SQLite stores them as indices.)
    private func cells(of page: ArraySlice<UInt8>) -> [Int] {
        // The first page holds the schema and begins with the header of the file, so it does not look like an index page.
        let header = page.startIndex
        guard page.endIndex >= header + 12, page[header] == 0x0a || page[header] == 0x02 else { return [] }
        let isInterior = page[header] == 0x02
        let count = Int(page[header + 3]) << 8 | Int(page[header + 4])
        let pointers = header + (isInterior ? 12 : 8)
        return (0..<count).compactMap { cell in
            let pointer = pointers + 2 * cell
            guard pointer + 2 <= page.endIndex else { return nil }
            return page.startIndex + (Int(page[pointer]) << 8 | Int(page[pointer + 1])) + (isInterior ? 4 : 0)
        }
    }

    /// All versions of a record: with the newest versions of its overflow pages, then with earlier ones, at most `mostAges`.
    private func payloads(at offset: Int, in page: ArraySlice<UInt8>) -> [[UInt8]] {
        var found: [[UInt8]] = [], oldest = 0, age = 0
        repeat {
            if let payload = payload(at: offset, in: page, age: age, &oldest) { found.append(payload) }
            age += 1
        } while age <= min(oldest, Self.mostAges)
        return found
    }

    /// 8: an overflow page is written once or twice.
    private static let mostAges = 8

    /// - Parameters:
    ///   - age: how many versions to go back, for each overflow page that has so many.
    ///   - oldest: grows to the greatest age that one of the overflow pages has.
    private func payload(at offset: Int, in page: ArraySlice<UInt8>, age: Int, _ oldest: inout Int) -> [UInt8]? {
        var place = offset
        guard let size = varint(page, &place), (1...1 << 24).contains(size) else { return nil }
        let most = (usable - 12) * 64 / 255 - 23, least = (usable - 12) * 32 / 255 - 23
        var local = size
        if size > most {
            let spread = least + (size - least) % (usable - 4)
            local = spread <= most ? spread : least
        }
        guard place + local <= page.endIndex else { return nil }
        var bytes = Array(page[place..<place + local])
        guard size > local else { return bytes }
        guard place + local + 4 <= page.endIndex else { return nil }
        var next = page[place + local..<place + local + 4].reduce(0) { $0 << 8 | Int($1) }
        while bytes.count < size {
            guard let known = versions[next] else { return nil }
            oldest = max(oldest, known.count - 1)
            let more = known[min(age, known.count - 1)]
            guard more.count > 4 else { return nil }
            next = more.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            bytes += more.dropFirst(4).prefix(min(size - bytes.count, usable - 4))
            // Otherwise a page is cut, or the chain goes round in circles.
            guard bytes.count == size || more.count == usable else { return nil }
        }
        return bytes
    }

    /// - Returns: the record as a row of `result`; nil where its seal is not right.
    private func row(_ payload: [UInt8]) -> Row? {
        // A row that was written before columns were added has fewer.
        guard let values = record(payload), (1...columns.count).contains(values.count) else { return nil }
        let row: Row = zip(columns, values).map { column, value in
            if column.isReal, case .integer(let whole) = value { return (column.name, .real(Double(whole))) }
            return (column.name, value)
        }
        guard case .blob(let seal) = row.first(where: { $0.name == "seal" })?.value else { return nil }
        return Seal(row.filter { $0.name != "seal" }) == Seal(bytes: seal) ? row : nil
    }

    /// Reads a record: the size of its header, a kind for each column, then the columns.
    private func record(_ payload: [UInt8]) -> [Statement.Value]? {
        let bytes = payload[...]
        var place = 0
        guard let headerSize = varint(bytes, &place), headerSize <= bytes.count else { return nil }
        var kinds: [Int] = []
        while place < headerSize {
            guard let kind = varint(bytes, &place) else { return nil }
            kinds.append(kind)
        }
        // A record of another table may have any number of columns.
        guard place == headerSize, (1...max(4, columns.count)).contains(kinds.count) else { return nil }
        var values: [Statement.Value] = []
        for kind in kinds {
            guard let value = value(of: kind, in: bytes, &place) else { return nil }
            values.append(value)
        }
        return place == bytes.count ? values : nil
    }

    private func value(of kind: Int, in bytes: ArraySlice<UInt8>, _ place: inout Int) -> Statement.Value? {
        func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard count <= bytes.endIndex - place else { return nil }
            defer { place += count }
            return bytes[place..<place + count]
        }
        func integer(_ count: Int) -> Int64? {
            take(count).map { word in word.dropFirst().reduce(Int64(Int8(bitPattern: word.first!))) { $0 << 8 | Int64($1) } }
        }
        switch kind {
        case 0: return .null
        case 1...4: return integer(kind).map { .integer($0) }
        case 5: return integer(6).map { .integer($0) }
        case 6: return integer(8).map { .integer($0) }
        case 7: return integer(8).map { .real(Double(bitPattern: UInt64(bitPattern: $0))) }
        case 8, 9: return .integer(Int64(kind - 8))
        case 12... where kind.isMultiple(of: 2): return take((kind - 12) / 2).map { .blob(Array($0)) }
        case 13...: return take((kind - 13) / 2).map { .text(String(decoding: $0, as: UTF8.self)) }
        default: return nil
        }
    }

    /// Reads an integer of variable length: seven bits a byte, the highest first; a ninth byte has eight bits.
    private func varint(_ bytes: ArraySlice<UInt8>, _ place: inout Int) -> Int? {
        var value: UInt64 = 0
        for count in 1...9 {
            guard bytes.indices.contains(place) else { return nil }
            let byte = bytes[place]
            place += 1
            if count == 9 { return Int(exactly: value << 8 | UInt64(byte)) }
            value = value << 7 | UInt64(byte & 0x7f)
            if byte & 0x80 == 0 { return Int(exactly: value) }
        }
        return nil
    }
}
