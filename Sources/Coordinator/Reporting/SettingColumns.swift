// SettingColumns.swift · Coordinator/Reporting. The columns that say which setting a row is about, in every CSV file of a results directory.

internal import Vocabulary

enum SettingColumns {
    /// The columns in front of what was measured.
    static func leading<Row>(_ spec: SweepSpec, _ setting: @escaping (Row) -> Setting) -> [Column<Row>] {
        [.text("algorithm") { setting($0).algorithm }] + SweepSpec.alwaysListed.map { column(of: $0, setting) }
            + [.real("learning_rate") { setting($0).learningRate }]
    }

    /// The columns behind what was measured: strengths that not every sweep has, so that all others have the same index in every file.
    static func trailing<Row>(_ spec: SweepSpec, _ setting: @escaping (Row) -> Setting) -> [Column<Row>] {
        spec.alsoListed.map { column(of: $0, setting) }
    }

    private static func column<Row>(of strength: Strength, _ setting: @escaping (Row) -> Setting) -> Column<Row> {
        .real(strength.name) { setting($0).strengths[strength] }
    }
}
