// CSV.swift · Coordinator/Text. Columns and rows as comma-separated values, quoted as RFC 4180 says. Lines end with a line feed alone.

enum CSV {
    /// The line with the names of the columns.
    static func header<Row>(_ columns: [Column<Row>]) -> String { line(columns.map(\.name)) }

    /// The line of a row. Real numbers have the fewest digits that read back to the same value.
    static func line<Row>(_ row: Row, _ columns: [Column<Row>]) -> String {
        line(
            columns.map { column in
                switch column.cell(row) {
                case .text(let text): text
                case .integer(let value): "\(value)"
                case .real(let value): NumberText.shortest(value)
                case .missing: ""
                }
            })
    }

    /// A line of fields that are text already.
    static func line(_ fields: [String]) -> String { fields.map(quoted).joined(separator: ",") + "\n" }

    /// A field with a comma, a quote or a line end stands in quotes, and its own quotes are doubled; any other is left as it is.
    static func quoted(_ field: String) -> String {
        // Bytes are compared, since in Swift "\r\n" is one character and equals neither "\r" nor "\n".
        guard field.utf8.contains(where: { ",\"\r\n".utf8.contains($0) }) else { return field }
        return "\"" + field.replacing("\"", with: "\"\"") + "\""
    }
}
