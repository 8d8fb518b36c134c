// StoreLog.swift · Coordinator/Store, before a database is opened to be read. SQLite reads its write-ahead log up to the first frame that is
// not right, and takes what follows for a commit that was never completed: one flipped bit hides every commit behind it.

internal import Wire

enum StoreLog {
    /// - Parameters:
    ///   - path: of the store.
    ///   - isAlone: asks whether no other program has the store open, which may be writing to the log.
    /// - Throws: `damaged` for a log that has commits behind frames that are not right.
    static func require(_ path: String, isAlone: () -> Bool) throws(StoreError) {
        guard isAlone(), let log = try? FileBytes.read(path + "-wal"), let complaint = complaint(log), isAlone()
        else { return }
        throw .damaged(path: path, reason: complaint)
    }

    /// The log has a header of 32 bytes, then frames of 24 bytes and a page each (sqlite.org/fileformat2.html). Each frame has the salts of
    /// the header, and a checksum over everything before it.
    /// - Returns: what is wrong; nil for a log that is right, and for one whose last commit was not completed.
    static func complaint(_ log: [UInt8]) -> String? {
        func word(_ offset: Int) -> UInt32 { log[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) } }
        guard log.count > 32 else { return nil }
        let wrongHeader = "the header of its log is not what was written"
        guard word(0) & ~1 == 0x377f_0682 else { return wrongHeader }
        var sum = Checksum(isBigEndian: word(0) & 1 == 1)
        sum.add(log[0..<24])
        guard sum.values == [word(24), word(28)] else { return wrongHeader }
        let size = 24 + Int(word(8)), salts = log[16..<24]
        var isBroken = false
        for start in stride(from: 32, through: log.count - size, by: size) {
            // A log that starts anew leaves frames of the last one behind, with other salts.
            let isOfNow = log[start + 8..<start + 16].elementsEqual(salts)
            if !isBroken, isOfNow {
                sum.add(log[start..<start + 8])
                sum.add(log[start + 24..<start + size])
                if sum.values == [word(start + 16), word(start + 20)] { continue }
            }
            isBroken = true
            // Only the last frame of a commit gives the size of the database.
            if isOfNow, word(start + 4) > 0 { return "its log has commits behind a frame that is not what was written" }
        }
        return nil
    }

    /// Two sums, each over the other, of the words of a log.
    private struct Checksum {
        let isBigEndian: Bool
        private var first: UInt32 = 0
        private var second: UInt32 = 0

        init(isBigEndian: Bool) { self.isBigEndian = isBigEndian }

        var values: [UInt32] { [first, second] }

        /// - Parameter bytes: a multiple of eight.
        mutating func add(_ bytes: ArraySlice<UInt8>) {
            for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: 8) {
                first &+= word(bytes, start) &+ second
                second &+= word(bytes, start + 4) &+ first
            }
        }

        private func word(_ bytes: ArraySlice<UInt8>, _ start: Int) -> UInt32 {
            let word =
                UInt32(bytes[start]) << 24 | UInt32(bytes[start + 1]) << 16 | UInt32(bytes[start + 2]) << 8 | UInt32(bytes[start + 3])
            return isBigEndian ? word : word.byteSwapped
        }
    }
}
