// SweepTable.swift · Coordinator/Reporting, over RatioTable, RateTable and LossTable. The table that a sweep prints, by the form of its file.

internal import Vocabulary

enum SweepTable {
    /// The table of a sweep of [[settings]].
    case settings(LossTable)
    /// The table of a sweep of [[curves]] over learning rates.
    case rates(RateTable)
    /// The table of a sweep of [[curves]] over strengths.
    case ratios(RatioTable, Claims)

    /// - Parameter accuracies: read only for a sweep over learning rates.
    init(_ summary: Summary, _ spec: SweepSpec, accuracies: Accuracies) {
        if !spec.rows.isEmpty {
            self = .settings(LossTable(summary, spec))
        } else if spec.isByRate {
            self = .rates(RateTable(summary, spec, accuracies: accuracies))
        } else {
            self = .ratios(RatioTable(summary, spec), Claims(summary, spec))
        }
    }

    /// The section of the report for the terminal.
    var text: String {
        switch self {
        case .settings(let table): table.text
        case .rates(let table): table.text
        case .ratios(let table, let claims): "\(table.text)\n\(claims.text)"
        }
    }

    /// The same table of several sweeps as a Markdown table, and a line that explains it.
    static func comparison(_ sweeps: [(name: String, table: SweepTable)]) -> String {
        let losses = sweeps.compactMap { name, table in if case .settings(let table) = table { (name: name, table: table) } else { nil } }
        let rates = sweeps.compactMap { name, table in if case .rates(let table) = table { (name: name, table: table) } else { nil } }
        let claims = sweeps.compactMap { name, table in if case .ratios(_, let claims) = table { (name: name, table: claims) } else { nil }
        }
        return if !losses.isEmpty {
            "\(LossTable.comparison(losses))\n\(LossTable.comparisonLegend)"
        } else if !rates.isEmpty {
            "\(RateTable.comparison(rates))\n\(RateTable.comparisonLegend)"
        } else {
            "\(Claims.comparison(claims))\n\(Claims.comparisonLegend)"
        }
    }
}
