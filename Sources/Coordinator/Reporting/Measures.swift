// Measures.swift · Coordinator/Reporting. Numbers of each setting in a table, and the same of several sweeps beside each other.

/// Rows of numbers with a column for each setting.
struct Measures: Equatable {
    struct Row: Equatable {
        var name: String
        /// Digits behind the point.
        var decimals: Int
        /// In the order of `columns`; nil where there is no such number.
        var values: [Double?]
    }

    var columns: [String]
    var rows: [Row]

    /// For the console: names to the left, numbers to the right.
    var text: String {
        let lines = [[""] + columns] + rows.map { row in [row.name] + row.values.map { Self.cell($0, row.decimals) } }
        let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max()! }
        return lines.map { line in
            let cells = zip(line, widths).dropFirst().map { text, width in String(repeating: " ", count: width - text.count) + text }
            return ([line[0] + String(repeating: " ", count: widths[0] - line[0].count)] + cells).joined(separator: "  ")
        }.joined(separator: "\n") + "\n"
    }

    private static func cell(_ value: Double?, _ decimals: Int) -> String { value.map { NumberText.fixed($0, decimals: decimals) } ?? "–" }

    /// For each measure a Markdown table with a row for each sweep and one for their mean ± standard deviation.
    static func comparison(_ sweeps: [(name: String, measures: Measures)]) -> String {
        guard let first = sweeps.first?.measures else { return "" }
        return first.rows.indices.map { place in
            let row = first.rows[place]
            var lines = [[row.name] + first.columns]
            lines += sweeps.map { name, measures in [name] + measures.rows[place].values.map { cell($0, row.decimals) } }
            lines.append(
                ["mean ± sd"]
                    + first.columns.indices.map { column in
                        Tables.spread(sweeps.map { $0.measures.rows[place].values[column] }, row.decimals)
                    })
            return MarkdownTable.text(lines)
        }.joined(separator: "\n")
    }
}
