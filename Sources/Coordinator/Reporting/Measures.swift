// Measures.swift · Coordinator/Reporting. Numbers of each setting in a table, and the same of several sweeps beside each other.

/// A table with a line for each measure and a column for each setting.
struct Measures: Equatable {
    struct Row: Equatable {
        var name: String
        /// Digits behind the point.
        var decimals: Int
        /// One value for each of `settings`; nil where there is no such number.
        var values: [Double?]
    }

    /// Labels of the settings.
    var settings: [String]
    var rows: [Row]

    /// The section of the report for the terminal.
    var text: String {
        let values = settings.enumerated().map { index, label in
            // Each line has its own number of digits, so the cell is text already.
            Column<Row>.cells(label) { row in row.values[index].map { .text(NumberText.fixed($0, decimals: row.decimals)) } ?? .missing }
        }
        return TextTable.text(rows, [.text("", \.name)] + values)
    }

    /// A Markdown table for each measure, with a row for each sweep and one for their mean ± standard deviation.
    static func comparison(_ sweeps: [(name: String, table: Measures)]) -> String {
        guard let first = sweeps.first?.table else { return "" }
        return first.rows.enumerated().map { row, measure in
            let columns = first.settings.enumerated().map { index, label in
                Column<ComparisonRow<Measures>>.compared(label, decimals: measure.decimals) { $0.rows[row].values[index] }
            }
            return SweepComparison.text(sweeps, columns, corner: measure.name)
        }.joined(separator: "\n")
    }
}

extension Measures {
    /// - Parameters:
    ///   - rows: one for each setting.
    ///   - columns: one for each measure: the table stands on its side, since settings are few and measures many.
    init<Setting>(_ rows: [Setting], labels: [String], _ columns: [Column<Setting>]) {
        settings = labels
        self.rows = columns.map { column in
            Row(name: column.name, decimals: column.decimals ?? 0, values: rows.map { column.cell($0).number })
        }
    }
}
