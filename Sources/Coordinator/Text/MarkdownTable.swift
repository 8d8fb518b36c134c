// MarkdownTable.swift · Coordinator/Text. Columns and rows as a Markdown table.

enum MarkdownTable {
    /// A header and a line for each row. A `|` in a cell is escaped, since it would end the cell.
    static func text<Row>(_ rows: [Row], _ columns: [Column<Row>]) -> String {
        let lines = [columns.map(\.name), columns.map { _ in "---" }] + rows.map { row in columns.map { $0.shown(row) } }
        return lines.map { cells in "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n" }.joined()
    }
}
