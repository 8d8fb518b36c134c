// TextTable.swift · Coordinator/Text. Rows of cells as lines of text.

enum TextTable {
    /// Pads the cells of each column to one width and puts two spaces between columns. The last column is not padded.
    /// - Parameter rows: at least one; all have as many cells as the first.
    static func columns(_ rows: [[String]]) -> String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
            }.joined(separator: "  ") + "\n"
        }.joined()
    }
}
