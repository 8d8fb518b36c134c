// Seal.swift · Coordinator/Store. A checksum over each stored result: SQLite has none, and a torn page must not pass for a curve.

internal import Vocabulary
internal import Wire

/// The first eight bytes of the SHA-256 of a row's columns, each with its kind and length before it.
struct Seal: Equatable {
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// - Parameter columns: the columns of a row by name, without the seal itself.
    init(_ columns: [(name: String, value: Statement.Value)]) {
        var text: [UInt8] = []
        text.reserveCapacity(2048)
        func add(_ kind: UInt8, _ bytes: some Collection<UInt8>) {
            text.append(kind)
            text += Self.bigEndian(UInt64(bytes.count))
            text += bytes
        }
        for (name, value) in columns.sorted(by: { $0.name < $1.name }) {
            switch value {
            // A column that a later release adds is null in older rows, whose seals stay as they are.
            case .null: continue
            case .integer(let value): add(1, name.utf8); add(2, Self.bigEndian(UInt64(bitPattern: value)))
            // SQLite stores −0 as 0.
            case .real(let value): add(1, name.utf8); add(3, Self.bigEndian((value + 0).bitPattern))
            case .text(let value): add(1, name.utf8); add(4, value.utf8)
            case .blob(let value): add(1, name.utf8); add(5, value)
            }
        }
        bytes = Array(Digest(of: text).bytes.prefix(8))
    }

    private static func bigEndian(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) } }
}
