// TheoryColumns.swift · Coordinator/Reporting, after Theory. Its rows as theory.csv and as measures on the terminal.

internal import Glibc
internal import Vocabulary

extension Theory.Row {
    /// The median of the bound over the trace.
    fileprivate var medianLooseness: Double? { looseness.count == 3 ? looseness[1] : nil }

    /// - Parameter index: into `Theory.batches`.
    fileprivate func error(_ index: Int) -> Double? { errors.indices.contains(index) ? errors[index].mean : nil }
}

extension Theory {
    /// The columns of theory.csv. Numbers that are not there are left empty.
    static func columns(_ spec: SweepSpec) -> [Column<Row>] {
        [.text("sweep", \.sweep), .text("problem", \.problem), .integer("samples", \.samples)] + SettingColumns.leading(spec, \.setting)
            + [
                .integer("n", \.trials), .integer("diverged", \.diverged), .integer("unstable", \.unstable),
                .real("gap", \.gap?.mean), .real("gap_half_width", \.gap?.half),
                .real("half_trace", \.halfTrace?.mean), .real("half_trace_half_width", \.halfTrace?.half),
                .real("difference", \.difference?.mean), .real("difference_half_width", \.difference?.half),
                .real("bound_holds_percent", \.boundHolds), .real("bound_ratio_median", \.medianLooseness),
            ] + batches.enumerated().map { index, count in .real("error_" + (count.map(String.init) ?? "exact")) { $0.error(index) } }
            + [.real("trace_ratio_exact", \.ratios.last?.mean), .real("rank_correlation", \.correlation)]
            + SettingColumns.trailing(spec, \.setting)
    }

    /// The lines of the table on the terminal.
    static var measureColumns: [Column<Row>] {
        [
            .real("gap (Eq. 1)", decimals: 3, \.gap?.mean), .real("  ± half its 95 % interval", decimals: 3, \.gap?.half),
            .real("½ Tr(∇²L AV) (Eq. 3)", decimals: 3, \.halfTrace?.mean),
            .real("  ± half its 95 % interval", decimals: 3, \.halfTrace?.half),
            .real("difference", decimals: 3, \.difference?.mean), .real("  ± half its 95 % interval", decimals: 3, \.difference?.half),
            .real("Lemma 2 holds, % of trials", decimals: 1, \.boundHolds),
            .real("  log₁₀(bound ÷ trace), median", decimals: 2) { $0.medianLooseness.flatMap { $0 > 0 ? log10($0) : nil } },
        ]
            + batches.enumerated().map { index, count in
                .real("Proposition 1: error, " + (count.map { "K = \($0)" } ?? "Σ_B itself"), decimals: 3) { $0.error(index) }
            } + [
                .real("  ratio of traces, Σ_B itself", decimals: 3, \.ratios.last?.mean),
                .real("rank correlation of ΣBΣ_B and AV", decimals: 2, \.correlation), .integer("trials", \.trials),
                .integer("diverged", \.diverged), .integer("with a copy that diverged", \.unstable),
                .integer("without Proposition 1", \.undefined),
            ]
    }

    /// Writes theory.csv with the rows of all parts of a sweep file, or of the one sweep that it is.
    /// - Parameter parts: at least one; their settings have the same columns.
    /// - Returns: the name of the file.
    static func writeFile(of parts: [Theory], in directory: String) throws(ReportError) -> String {
        let name = "theory.csv"
        try CSVFile.write(parts.flatMap(\.rows), columns(parts[0].spec), to: "\(directory)/\(name)")
        return name
    }
}
