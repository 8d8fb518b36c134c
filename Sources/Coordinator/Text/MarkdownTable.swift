// MarkdownTable.swift · Coordinator/Text. Rows of cells as a Markdown table.

enum MarkdownTable {
    /// - Parameter rows: at least one; the first is the header. A `|` in a cell is escaped, since it would end the cell.
    static func text(_ rows: [[String]]) -> String {
        let lines = rows.map { row in row.map { $0.replacing("|", with: "\\|") } }
        return ([lines[0], lines[0].map { _ in "---" }] + lines[1...]).map { "| " + $0.joined(separator: " | ") + " |" }.joined(
            separator: "\n") + "\n"
    }
}
