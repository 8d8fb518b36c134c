// MeanCell.swift · Coordinator/Reporting. The mean of a setting in a table, or why it has none, and the line below the table that explains that.

extension Cell {
    /// The mean of a setting. A trial that failed or diverged has no loss, so its setting has no mean: the cell counts such trials instead.
    static func mean(_ mean: Double?, diverged: Int, failed: Int) -> Cell {
        if failed > 0 { return .missing(because: "\(failed) failed") }
        if diverged > 0 { return .missing(because: "\(diverged) diverged") }
        return Cell(mean)
    }

    /// Explains the cells without a mean; empty where every cell has one.
    static func legend(_ cells: some Sequence<Cell>) -> String {
        let isNeeded = cells.contains { cell in
            if case .missing(let reason) = cell { !reason.isEmpty } else { false }
        }
        guard isNeeded else { return "" }
        return
            "N diverged, N failed: so many runs of the setting have no loss, so it has no mean; –: a run is missing, or the baseline has no mean\n"
    }
}
