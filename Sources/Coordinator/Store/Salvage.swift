// Salvage.swift · Coordinator/Store. Results out of a damaged store: every page is looked at, whatever the tree above it has become, and
// a row counts only if its seal is right. It reads SQLite's file format (sqlite.org/fileformat2.html) and nothing else of SQLite.

internal import Wire

struct Salvage {
    /// Columns of a row by name.
    typealias Row = [(name: String, value: Statement.Value)]

    /// By number, from 1: as the file has them, and as the write-ahead log has them.
    private var pages: [Int: ArraySlice<UInt8>] = [:]
    private var older: [ArraySlice<UInt8>] = []
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
        for start in stride(from: 0, to: file.count, by: size) {
            pages[start / size + 1] = file[start..<min(start + size, file.count)]
        }
        // Frames of 24 bytes and a page, behind a header of 32. Those that no longer belong to the log are from before: rows in them are
        // as good as any, if their seals are right, and a newer one of the same trial cannot differ.
        for start in stride(from: 32, to: log.count, by: size + 24) where start + 24 + size <= log.count {
            let number = log[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
            if let old = pages[number] { older.append(old) }
            pages[number] = log[start + 24..<start + 24 + size]
        }
    }

    /// Calls the closure with every row of `result` whose seal is right; with some more than once.
    func forEachRow(_ body: (Row) throws(StoreError) -> Void) throws(StoreError) {
        for page in pages.values + older { for row in rows(of: page) { try body(row) } }
    }

    /// Calls the closure with everything that looks like a row of `series`, the newest first; its trial's row knows whether it is one.
    func forEachSeries(_ body: (TrialKey, _ place: Int, Series) -> Void) {
        for page in Array(pages.values) + older.reversed() {
            for payload in payloads(of: page) {
                guard let row = record(payload), row.count == 4, case .blob(let trial) = row[0], case .integer(let place) = row[1],
                    case .text(let name) = row[2], case .blob(let values) = row[3], let key = TrialKey(bytes: trial),
                    values.count.isMultiple(of: 8)
                else { continue }
                body(key, Int(place), Series(name: name, values: ResultStore.words(of: values).map(Double.init(bitPattern:))))
            }
        }
    }

    private func rows(of page: ArraySlice<UInt8>) -> [Row] { payloads(of: page).compactMap(row) }

    /// The records in the cells of an index page, leaf or interior: `result` and `series` have no rowid, so they are kept as indices.
    private func payloads(of page: ArraySlice<UInt8>) -> [[UInt8]] {
        // The first page is SQLite's schema; its own header comes first, so that it does not look like one of these.
        let header = page.startIndex
        guard page.endIndex >= header + 12, page[header] == 0x0a || page[header] == 0x02 else { return [] }
        let isInterior = page[header] == 0x02
        let count = Int(page[header + 3]) << 8 | Int(page[header + 4])
        let pointers = header + (isInterior ? 12 : 8)
        return (0..<count).compactMap { cell in
            let pointer = pointers + 2 * cell
            guard pointer + 2 <= page.endIndex else { return nil }
            let offset = page.startIndex + (Int(page[pointer]) << 8 | Int(page[pointer + 1])) + (isInterior ? 4 : 0)
            return payload(at: offset, in: page)
        }
    }

    private func payload(at offset: Int, in page: ArraySlice<UInt8>) -> [UInt8]? {
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
            guard let more = pages[next], more.count > 4 else { return nil }
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
