// TextTable.swift · Coordinator/Text. Columns and rows as lines for a terminal.

enum TextTable {
    /// A header and a line for each row. Cells of a column have one width, in characters; two spaces are between columns, none at the end of
    /// a line.
    static func text<Row>(_ rows: [Row], _ columns: [Column<Row>]) -> String {
        let lines = [columns.map(\.name)] + rows.map { row in columns.map { $0.shown(row) } }
        let widths = columns.indices.map { index in lines.map { $0[index].count }.max() ?? 0 }
        return lines.map { cells in
            var line = ""
            for (index, cell) in cells.enumerated() {
                let space = String(repeating: " ", count: widths[index] - cell.count)
                line += (index == 0 ? "" : "  ") + (columns[index].alignment == .left ? cell + space : space + cell)
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
