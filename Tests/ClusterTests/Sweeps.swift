// Sweeps.swift · Tests/ClusterTests. Small sweeps that take long enough to be disturbed, and the results of an undisturbed run.

import TestSupport
import Testing

enum Sweeps {
    /// 17 settings in 2 × 2 × `replicates` groups.
    static func small(epochs: Int = 200, replicates: Int = 2, strengths: String = "0.001, 0.01, 0.1, 1.0") -> String {
        """
        name = "small"
        [problem]
        kind = "diagonal-network"
        dimension = 20
        samples = 10
        [training]
        learning_rates = [0.01]
        epochs = \(epochs)
        [grid]
        training_sets = 2
        initialization_scales = [0.2, 0.3]
        repeats = \(replicates)
        [strengths]
        values = [\(strengths)]
        [[curves]]
        label = "λ₂ = 0"
        lambda2 = 0
        [[curves]]
        label = "λ₁/λ₂ = 1"
        ratio = 1
        [[curves]]
        label = "λ₁/λ₂ = 0.5"
        ratio = 0.5
        [[curves]]
        label = "Reg2 only"
        lambda1 = 0
        """
    }

    /// Twelve settings of the landscape, more than one vector of lanes, in 2 × 4 × 2 groups.
    static let table = """
        name = "table"
        [problem]
        kind = "landscape"
        [training]
        learning_rates = [0.4, 0.2, 0.1]
        epochs = 1000
        [grid]
        training_sets = 2
        initializations = 4
        repeats = 2
        [[settings]]
        label = "GD"
        algorithm = "gd"
        [[settings]]
        label = "NoisyGD (matched)"
        algorithm = "noisy-gd-matched"
        [[settings]]
        label = "Reg2"
        algorithm = "sgd"
        lambda2 = 0.001
        """

    /// The theory on both problems, small.
    static let parts = """
        name = "parts"
        [figure]
        kind = "theory"
        [[parts]]
        name = "landscape"
        [parts.problem]
        kind = "landscape"
        candidates = 9
        samples = 5
        record = "variability"
        [parts.training]
        learning_rates = [0.4]
        epochs = 50
        [parts.grid]
        training_sets = 4
        initializations = 3
        repeats = 1
        [[parts.settings]]
        label = "SGD"
        algorithm = "sgd"
        [[parts.settings]]
        label = "NoisyGD (matched)"
        algorithm = "noisy-gd-matched"
        [[parts]]
        name = "network"
        [parts.problem]
        kind = "diagonal-network"
        dimension = 8
        samples = 6
        record = "variability"
        replacements = 3
        [parts.training]
        learning_rates = [0.01]
        epochs = 30
        precision = "float64"
        [parts.grid]
        training_sets = 3
        initialization_scales = [0.3]
        repeats = 1
        [[parts.settings]]
        label = "SGD"
        algorithm = "sgd"
        """

    /// Two settings of the landscape in 2 × 4 groups, with a figure of what they leave besides losses.
    static func series(_ kind: String, record: String) -> String {
        """
        name = "series"
        [problem]
        kind = "landscape"
        candidates = 6
        samples = 5
        initializations_per_side = 2
        record = "\(record)"
        [training]
        learning_rates = [0.4]
        epochs = 20
        [grid]
        training_sets = 2
        initializations = 4
        repeats = 1
        [figure]
        kind = "\(kind)"
        title = "series"
        initializations = [0, 3]
        [[settings]]
        label = "GD"
        algorithm = "gd"
        [[settings]]
        label = "SGD"
        algorithm = "sgd"
        """
    }

    /// About two seconds of one core, in leases of 16 trials at the most.
    static let long = small(epochs: 3_000, replicates: 4)

    /// Small leases, and a second of silence is death: disturbances then cost a test little time.
    static let nervous = """
        [timing]
        heartbeat_interval_seconds = 0.2
        silence_seconds = 1.0
        lease_seconds = 0.01
        """

    /// results.csv, summary.csv and curves.csv of `long`, run by one undisturbed worker.
    static let undisturbed: Tables = {
        do {
            let scratch = try TemporaryFolder()
            try scratch.write(long, to: "sweep.toml")
            let end = try scratch.regsweep("run", "sweep.toml", "--workers", "1", "--quiet")
            guard end.code == 0 else { throw Failure(description: end.errors) }
            return try Tables(scratch, "results/small")
        } catch { preconditionFailure("the undisturbed run failed: \(error)") }
    }()
}

/// The tables of a results directory, to be compared byte for byte.
struct Tables: Equatable {
    let results: String, summary: String, curves: String

    init(_ scratch: TemporaryFolder, _ directory: String) throws {
        results = try scratch.read("\(directory)/results.csv")
        summary = try scratch.read("\(directory)/summary.csv")
        curves = try scratch.read("\(directory)/curves.csv")
    }
}
