// SettingColumns.swift · Coordinator/Reporting. The columns that say which setting a row is about, in every CSV file of a results directory.

internal import Vocabulary

enum SettingColumns {
    /// The columns in front of what was measured.
    static func leading<Row>(_ spec: SweepSpec, _ setting: @escaping (Row) -> Setting) -> [Column<Row>] {
        [
            .text("algorithm") { setting($0).algorithm }, .real("lambda1") { setting($0).lambda1 },
            .real("lambda2") { setting($0).lambda2 }, .real("learning_rate") { setting($0).learningRate },
        ]
    }

    /// The columns at the end of a row. Weight decay is there, since files from before it had a column must keep theirs in place.
    static func trailing<Row>(_ spec: SweepSpec, _ setting: @escaping (Row) -> Setting) -> [Column<Row>] {
        spec.declaration.weightDecay == nil ? [] : [.real("weight_decay") { setting($0).weightDecay }]
    }
}
