// SweepComparison.swift · Coordinator/Reporting. The same table of several sweeps, such as one sweep under several master seeds, as a Markdown table
// with a row for each and one for all.

/// A row of a comparison.
enum ComparisonRow<Table> {
    case sweep(name: String, Table)
    /// Means and standard deviations over the sweeps.
    case all([Table])
}

enum SweepComparison {
    /// - Parameters:
    ///   - corner: the header of the column with the names of the sweeps.
    ///   - columns: made by `Column.compared`.
    /// - Returns: an empty text for no sweeps.
    static func text<Table>(
        _ sweeps: [(name: String, table: Table)], _ columns: [Column<ComparisonRow<Table>>], corner: String = "sweep"
    ) -> String {
        guard !sweeps.isEmpty else { return "" }
        let names = Column<ComparisonRow<Table>>.text(corner) { row in
            if case .sweep(let name, _) = row { name } else { "mean ± sd" }
        }
        let rows = sweeps.map { ComparisonRow.sweep(name: $0.name, $0.table) } + [.all(sweeps.map(\.table))]
        return MarkdownTable.text(rows, [names] + columns)
    }
}

extension Column {
    /// A column of a comparison. Its last row is the mean of the sweeps' numbers ± their sample standard deviation, and missing where one of them
    /// has no number.
    /// - Parameters:
    ///   - deviation: returns what a sweep's own number has behind it.
    ///   - shown: returns what stands in the row of a sweep, where it is not just the number.
    static func compared<Table>(
        _ name: String, decimals: Int, deviation: @escaping (Table) -> Double? = { _ in nil }, shown: ((Table) -> Cell)? = nil,
        _ number: @escaping (Table) -> Double?
    ) -> Column where Row == ComparisonRow<Table> {
        func numbers(_ tables: [Table]) -> [Double]? {
            let known = tables.compactMap(number)
            return known.count == tables.count ? known : nil
        }
        return .cells(
            name, decimals: decimals,
            deviation: { row in
                switch row {
                case .sweep(_, let table): deviation(table)
                case .all(let tables): numbers(tables).flatMap(Statistics.deviation)
                }
            },
            { row in
                switch row {
                case .sweep(_, let table): shown?(table) ?? Cell(number(table))
                case .all(let tables): Cell(numbers(tables).flatMap(Statistics.mean))
                }
            })
    }
}

extension Cell {
    /// The best value of a curve and where on the x axis it is; missing for a curve without one.
    static func best(_ value: Double?, at position: Double?, decimals: Int) -> Cell {
        guard let value, let position else { return .missing }
        return .text("\(NumberText.fixed(value, decimals: decimals)) @ \(NumberText.shortest(position))")
    }
}
