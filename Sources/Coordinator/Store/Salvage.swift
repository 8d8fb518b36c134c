// Salvage.swift · Coordinator/Store. Results out of a damaged store: every page is looked at, whatever the tree above it has become, and
// a row counts only if its seal is right. It reads SQLite's file format (sqlite.org/fileformat2.html) and nothing else of SQLite.

internal import Vocabulary
internal import Wire

struct Salvage {
    /// Columns of a row by name.
    typealias Row = [(name: String, value: Statement.Value)]

    /// What is known of each page, by number from 1, the newest first: what the write-ahead log has of it, what the file has, and what the
    /// log has from before, or of a commit that was never made. Only the first is the store as it was; others are for where that is damaged.
    private var versions: [Int: [ArraySlice<UInt8>]] = [:]
    private let usable: Int
    private let columns: [Column]

    struct Column: Equatable {
        var name: String
        /// SQLite keeps a real number that is whole as an integer.
        var isReal: Bool
    }

    /// - Parameters:
    ///   - file: the bytes of the database.
    ///   - log: of its write-ahead log; empty where there is none.
    ///   - columns: the columns of `result`, in order.
    init(file: [UInt8], log: [UInt8], columns: [Column]) {
        self.columns = columns
        // The size of a page is a power of two; where the header is gone, it is the size that SQLite gives to new files.
        let stated = file.count >= 18 ? Int(file[16]) << 8 | Int(file[17]) : 0
        let size = stated == 1 ? 65_536 : stated >= 512 && stated & (stated - 1) == 0 ? stated : 4096
        usable = size
        let frames = Self.frames(of: log, pageSize: size)
        for (number, page) in frames.current.reversed() { versions[number, default: []].append(page) }
        for start in stride(from: 0, to: file.count, by: size) {
            versions[start / size + 1, default: []].append(file[start..<min(start + size, file.count)])
        }
        for (number, page) in frames.stale.reversed() { versions[number, default: []].append(page) }
    }

    private typealias Frame = (number: Int, page: ArraySlice<UInt8>)

    /// Frames of 24 bytes and a page, behind a header of 32, in the order of the log.
    /// - Returns: those of commits that the log holds; and others: a log that starts anew overwrites its beginning and leaves the rest, which
    ///   has other salts, and behind its last commit there may be pages of one that was not made. Rows in them are as good as any, if their
    ///   seals are right.
    private static func frames(of log: [UInt8], pageSize: Int) -> (current: [Frame], stale: [Frame]) {
        func word(_ place: Int) -> Int { log[place..<place + 4].reduce(0) { $0 << 8 | Int($1) } }
        let starts = stride(from: 32, to: log.count, by: pageSize + 24).filter { $0 + 24 + pageSize <= log.count }
        guard let first = starts.first else { return ([], []) }
        // Salts are the header's; where that is gone, those of the first frame, which is as old.
        let hasHeader = [0x377f_0682, 0x377f_0683].contains(word(0)), salts = hasHeader ? 16 : first + 8
        let isCurrent = starts.map { log[$0 + 8..<$0 + 16].elementsEqual(log[salts..<salts + 8]) }
        // The last frame of a commit has the size of the database.
        let end = starts.indices.last { isCurrent[$0] && word(starts[$0] + 4) > 0 }
        var current: [Frame] = [], stale: [Frame] = []
        for (index, start) in starts.enumerated() {
            let frame = (word(start), log[start + 24..<start + 24 + pageSize])
            if isCurrent[index], let end, index <= end { current.append(frame) } else { stale.append(frame) }
        }
        return (current, stale)
    }

    /// All pages as the store had them last, then all as they were before, and so on.
    private func forEachPage<E>(_ body: (ArraySlice<UInt8>) throws(E) -> Void) throws(E) {
        for pages in versions.values { try body(pages[0]) }
        // Few of a large store's: the log is short beside it.
        let changed = versions.values.filter { $0.count > 1 }
        for age in 1..<max(1, changed.reduce(0) { max($0, $1.count) }) {
            for pages in changed where age < pages.count { try body(pages[age]) }
        }
    }

    /// Calls the closure with every row of `result` whose seal is right, the newest first; with some more than once.
    func forEachRow(_ body: (Row) throws(StoreError) -> Void) throws(StoreError) {
        try forEachPage { (page) throws(StoreError) in
            for cell in cells(of: page) {
                // Where the pages that it reaches over to are damaged, as they were before.
                for payload in payloads(at: cell, in: page) {
                    guard let row = row(payload) else { continue }
                    try body(row)
                    break
                }
            }
        }
    }

    /// Calls the closure with everything that looks like a row of `series`, the newest first; its trial's row knows whether it is one.
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

    /// Where the records in the cells of an index page begin, leaf or interior: `result` and `series` have no rowid, so they are kept as
    /// indices.
    private func cells(of page: ArraySlice<UInt8>) -> [Int] {
        // The first page is SQLite's schema; its own header comes first, so that it does not look like one of these.
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

    /// A record with what it reaches over to as that is now, and as it was before where that is known; a few at the most.
    private func payloads(at offset: Int, in page: ArraySlice<UInt8>) -> [[UInt8]] {
        var found: [[UInt8]] = [], oldest = 0, age = 0
        repeat {
            if let payload = payload(at: offset, in: page, age: age, &oldest) { found.append(payload) }
            age += 1
        } while age <= min(oldest, Self.mostAges)
        return found
    }

    /// 8: pages that rows reach over to are written once or twice.
    private static let mostAges = 8

    /// - Parameters:
    ///   - age: how many versions back, of each page that the record reaches over to that has so many.
    ///   - oldest: grows to the oldest that one of them has.
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
            // A cut page, or a chain that goes round in circles.
            guard bytes.count == size || more.count == usable else { return nil }
        }
        return bytes
    }

    /// A record as a row of `result`, if its seal is right.
    private func row(_ payload: [UInt8]) -> Row? {
        // A row that was written before the last columns were added has fewer.
        guard let values = record(payload), (1...columns.count).contains(values.count) else { return nil }
        let row: Row = zip(columns, values).map { column, value in
            if column.isReal, case .integer(let whole) = value { return (column.name, .real(Double(whole))) }
            return (column.name, value)
        }
        guard case .blob(let seal) = row.first(where: { $0.name == "seal" })?.value else { return nil }
        return Seal(row.filter { $0.name != "seal" }) == Seal(bytes: seal) ? row : nil
    }

    /// The size of its header, a kind for each column, then the columns.
    private func record(_ payload: [UInt8]) -> [Statement.Value]? {
        let bytes = payload[...]
        var place = 0
        guard let headerSize = varint(bytes, &place), headerSize <= bytes.count else { return nil }
        var kinds: [Int] = []
        while place < headerSize {
            guard let kind = varint(bytes, &place) else { return nil }
            kinds.append(kind)
        }
        // An index of SQLite's own, or a page of something else, may have any number of them.
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

    /// Seven bits a byte, the first byte highest; a ninth byte has eight.
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
