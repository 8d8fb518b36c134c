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

    /// The columns behind what was measured. Weight decay has its column here and not beside the other strengths: it came later, and files that
    /// other programs read keep the order of their columns.
    static func trailing<Row>(_ spec: SweepSpec, _ setting: @escaping (Row) -> Setting) -> [Column<Row>] {
        spec.declaration.weightDecay == nil ? [] : [.real("weight_decay") { setting($0).weightDecay }]
    }
}
