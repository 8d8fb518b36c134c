// Column.swift · Coordinator/Text. Tables as lists of columns: each has a name and reads a typed value from a row. CSV, TextTable and
// MarkdownTable write any such list, so that a row is said once and in no form of text.

/// What a column reads from a row.
enum Cell: Equatable {
    case text(String)
    case integer(Int)
    case real(Double)
    /// A value that is not there: an empty field of a CSV file. Tables for people show the reason, such as `2 diverged`.
    case missing(because: String)

    /// A missing value whose reason the table tells below itself, or nobody asks for.
    static let missing = Cell.missing(because: "–")

    /// A number, or `missing`.
    init(_ value: Double?) { self = value.map(Cell.real) ?? .missing }

    /// Nil for what is no number.
    var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        case .text, .missing: nil
        }
    }
}

struct Column<Row> {
    enum Alignment { case left, right }

    /// Stands in the header of every table.
    var name: String
    /// Side of the column in tables for the terminal.
    var alignment: Alignment
    /// Digits behind the point of a real number in tables for people; nil writes the shortest text that reads back. CSV files always have that.
    var decimals: Int?
    var cell: (Row) -> Cell
    /// Tables for people show a standard deviation behind its number, as in `3.00 ± 1.41`; in a CSV file it is a column of its own.
    var deviation: (Row) -> Double? = { _ in nil }

    static func text(_ name: String, _ value: @escaping (Row) -> String) -> Column {
        Column(name: name, alignment: .left, decimals: nil) { .text(value($0)) }
    }

    static func integer(_ name: String, _ value: @escaping (Row) -> Int) -> Column {
        Column(name: name, alignment: .right, decimals: nil) { .integer(value($0)) }
    }

    static func real(_ name: String, decimals: Int? = nil, _ value: @escaping (Row) -> Double?) -> Column {
        Column(name: name, alignment: .right, decimals: decimals) { Cell(value($0)) }
    }

    /// A column of numbers that may be missing for a reason of their own.
    static func cells(
        _ name: String, decimals: Int? = nil, deviation: @escaping (Row) -> Double? = { _ in nil }, _ cell: @escaping (Row) -> Cell
    ) -> Column {
        Column(name: name, alignment: .right, decimals: decimals, cell: cell, deviation: deviation)
    }

    /// The text of a row in tables for people.
    func shown(_ row: Row) -> String {
        func number(_ value: Double) -> String {
            decimals.map { NumberText.fixed(value, decimals: $0) } ?? NumberText.shortest(value)
        }
        return switch cell(row) {
        case .text(let text): text
        case .integer(let value): "\(value)"
        case .real(let value): number(value) + (deviation(row).map { " ± " + number($0) } ?? "")
        case .missing(let reason): reason
        }
    }
}
