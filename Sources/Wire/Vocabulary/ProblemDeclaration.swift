// ProblemDeclaration.swift · Wire/Vocabulary. What a sweep file may say about each problem: one entry for each, in `all`.
// The coordinator checks files by it and never links the kernels; the worker reads the same names (Worker/Translation.swift).

/// One value of a problem's configuration.
public struct ParameterDeclaration: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case integer(ClosedRange<Int>)
        /// - Parameter excludesMinimum: the lower end itself is not allowed.
        case real(ClosedRange<Double>, excludesMinimum: Bool)
        case choice([String])
    }

    /// As in the sweep file and in trial keys.
    public var name: String
    public var kind: Kind
    /// Nil: the file has to say it.
    public var standard: ParameterValue?
    /// The table of the sweep file that it stands in: `problem`, `training`, or `grid` for a list with one value for each initialization,
    /// whose key there is the name and an `s`.
    public var table: String

    public var isPerInitialization: Bool { table == "grid" }
    public var key: String { isPerInitialization ? name + "s" : name }

    public init(_ name: String, _ kind: Kind, in table: String, standard: ParameterValue? = nil) {
        self.name = name
        self.kind = kind
        self.table = table
        self.standard = standard
    }
}

public struct ProblemDeclaration: Sendable {
    public var name: String
    public var parameters: [ParameterDeclaration]
    public var algorithms: [String]
    /// Trials that a kernel runs side by side: a lease of one costs as much as a lease of this many.
    public var lanes: Int
    /// How many initializations it has where none of its parameters is a list of one value for each.
    public var initializations: @Sendable ([String: ParameterValue]) -> Int
    /// What a setting must not be beside the parameters that are right by themselves: (parameter, what is wrong).
    public var settingConflicts: @Sendable (Setting, [String: ParameterValue]) -> [(parameter: String, message: String)]
    /// Floating-point operations of one trial. For estimates and the size of first leases only.
    public var flops: @Sendable ([String: ParameterValue]) -> Double
    /// What a trial's series weigh in a message: as many results must fit into a frame as a lease has trials.
    public var resultBytes: @Sendable ([String: ParameterValue]) -> Int
    /// What parameters must be to each other: (parameter, what is wrong, what is allowed).
    public var conflicts: @Sendable ([String: ParameterValue]) -> [(parameter: String, message: String)]
    /// What is allowed but unwise.
    public var warnings: @Sendable ([String: ParameterValue]) -> [(parameter: String, message: String)]

    public static let all = [diagonalNetwork, landscape]

    /// The most trials of one lease: the frame limit leaves half a frame for curves.
    public func trialsPerLease(_ values: [String: ParameterValue]) -> Int {
        min(Limits.trialsPerLease, max(1, Limits.frameBytes / 2 / max(1, resultBytes(values))))
    }

    public static func named(_ name: String) -> ProblemDeclaration? { all.first { $0.name == name } }

    /// What a trial leaves besides its losses; with more than those there is a number for each epoch and one for the start.
    private static let record = ParameterDeclaration(
        "record", .choice(["losses", "trajectory", "variability"]), in: "problem", standard: .text("losses"))

    /// - Parameters:
    ///   - series: how many have a number for each epoch.
    ///   - others: how many numbers are in all other series together.
    private static func recordedBytes(_ values: [String: ParameterValue], series: Int, others: Int) -> Int {
        values["record"] == .text("losses") ? 0 : 8 * (series * (Int(values.integer("epochs")) + 1) + others)
    }

    private static let recordConflicts: @Sendable ([String: ParameterValue]) -> [(parameter: String, message: String)] = { values in
        let epochs = Int(values.integer("epochs"))
        guard values["record"] != .text("losses"), epochs >= Limits.seriesValues else { return [] }
        let record = values["record"]?.description ?? ""
        return [("epochs", "found \(epochs), allowed are at most \(Limits.seriesValues - 1) with record = \(record)")]
    }

    /// The paper's appendix A.2; Docs/numerics.md.
    public static let diagonalNetwork = ProblemDeclaration(
        name: "diagonal-network",
        parameters: [
            ParameterDeclaration("dimension", .integer(1...65_536), in: "problem", standard: .integer(100)),
            ParameterDeclaration("samples", .integer(1...65_536), in: "problem", standard: .integer(40)),
            ParameterDeclaration("nonzero", .integer(0...65_536), in: "problem", standard: .integer(5)),
            ParameterDeclaration("signal_variance", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(2)),
            ParameterDeclaration("noise_variance", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(1)),
            ParameterDeclaration("batch_size", .integer(1...65_536), in: "training", standard: .integer(1)),
            ParameterDeclaration("epochs", .integer(1...1_000_000_000), in: "training", standard: .integer(200)),
            ParameterDeclaration("precision", .choice(["float32", "float64"]), in: "training", standard: .text("float32")),
            ParameterDeclaration("initialization_scale", .real(0...1e3, excludesMinimum: true), in: "grid"),
            ParameterDeclaration("record", .choice(["losses", "variability"]), in: "problem", standard: .text("losses")),
            ParameterDeclaration("replacements", .integer(1...4096), in: "problem", standard: .integer(8)),
        ],
        algorithms: ["sgd"], lanes: 16, initializations: { _ in 65_536 },
        settingConflicts: { setting, values in
            guard values["record"] == .text("variability") else { return [] }
            let strengths = [("lambda1", setting.lambda1), ("lambda2", setting.lambda2)].filter { $0.1 != 0 }
            return strengths.map { ($0, "found \($1), allowed is 0 with record = \"variability\", which is about SGD alone") }
        },
        // Six passes over X or X² a step, one fused multiply-add (2 flop) an element. The variability: steps of the copies that touch the
        // batch alone and a pass at the end of each epoch, 7 fused multiply-adds an element; and squares of gradients, of (2d)² ÷ 2 each.
        flops: {
            let (d, n, epochs) = ($0.integer("dimension"), $0.integer("samples"), $0.integer("epochs"))
            let training = epochs * n / $0.integer("batch_size") * 12 * n * d
            guard $0["record"] == .text("variability") else { return training }
            return training + epochs * (n * $0.integer("replacements") * 14 * n * d + (3 * n + 86) * 4 * d * d)
        },
        resultBytes: { recordedBytes($0, series: 6, others: 11) },
        conflicts: { values in
            let (d, n) = (values.integer("dimension"), values.integer("samples"))
            var found = recordConflicts(values)
            if values["record"] == .text("variability") {
                if values["precision"] != .text("float64") {
                    found.append(("precision", "found \"float32\", allowed is \"float64\" with record = \"variability\""))
                }
                if d > 1024 {
                    found.append(("dimension", "found \(Int(d)), allowed are at most 1024 with record = \"variability\""))
                }
            }
            if values.integer("nonzero") > d {
                found.append(("nonzero", "found \(Int(values.integer("nonzero"))), which is more than dimension = \(Int(d))"))
            }
            if values.integer("batch_size") > n || n.truncatingRemainder(dividingBy: values.integer("batch_size")) != 0 {
                found.append(
                    (
                        "batch_size",
                        "found \(Int(values.integer("batch_size"))), which does not divide samples = \(Int(n)): each epoch uses every sample once"
                    ))
            }
            if d * n > 16_777_216 {
                found.append(("samples", "found \(Int(n)), which with dimension = \(Int(d)) is more than 16777216 inputs"))
            }
            return found
        },
        warnings: { values in
            guard case .real(let scale) = values["initialization_scale"], scale >= 0.7 else { return [] }
            return [("initialization_scale", "\(scale): runs from scales of 0.7 and more diverge even without a penalty")]
        })

    /// The paper's section 2.4 and appendix A.1; Docs/numerics.md.
    public static let landscape = ProblemDeclaration(
        name: "landscape",
        parameters: [
            ParameterDeclaration("candidates", .integer(1...65_536), in: "problem", standard: .integer(30)),
            ParameterDeclaration("samples", .integer(1...65_536), in: "problem", standard: .integer(30)),
            ParameterDeclaration("maximum_probability", .real(0...1, excludesMinimum: false), in: "problem", standard: .real(0.35)),
            ParameterDeclaration("minimum_height", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(31)),
            ParameterDeclaration("minimum_height_deviation", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(3.1)),
            ParameterDeclaration("minimum_width", .real(0.001...1e6, excludesMinimum: false), in: "problem", standard: .real(1.9)),
            ParameterDeclaration("minimum_width_deviation", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(0.19)),
            ParameterDeclaration("second_height", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(44)),
            ParameterDeclaration("second_height_deviation", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(4.4)),
            ParameterDeclaration("second_width", .real(0.001...1e6, excludesMinimum: false), in: "problem", standard: .real(0.83)),
            ParameterDeclaration("second_width_deviation", .real(0...1e6, excludesMinimum: false), in: "problem", standard: .real(0.083)),
            ParameterDeclaration("offset", .real(-1e6...1e6, excludesMinimum: false), in: "problem", standard: .real(36)),
            ParameterDeclaration("initializations_per_side", .integer(2...256), in: "problem", standard: .integer(10)),
            ParameterDeclaration("batch_size", .integer(1...65_536), in: "training", standard: .integer(2)),
            ParameterDeclaration("epochs", .integer(1...1_000_000_000), in: "training", standard: .integer(200)),
            ParameterDeclaration("learning_rate_decay", .real(0...1, excludesMinimum: true), in: "training", standard: .real(0.99)),
            ParameterDeclaration("noise_deviation", .real(0...1e6, excludesMinimum: false), in: "training", standard: .real(1.25)),
            ParameterDeclaration("precision", .choice(["float64"]), in: "training", standard: .text("float64")),
            record,
        ],
        algorithms: ["sgd", "gd", "noisy-gd", "noisy-gd-matched"], lanes: 8,
        initializations: { Int($0.integer("initializations_per_side") * $0.integer("initializations_per_side")) },
        settingConflicts: { setting, _ in
            guard setting.algorithm != "sgd", setting.lambda2 != 0 else { return [] }
            return [
                ("lambda2", "found \(setting.lambda2), allowed is 0 with \(setting.algorithm), which has no mini-batch that could deviate")
            ]
        },
        // Two bumps a candidate: an exponential (40 flop) and its place in gradient and Hessian (40) each, in every iteration for those in the
        // training set, and at 50 points of the curve for all.
        flops: {
            let present = min($0.integer("candidates"), $0.integer("samples"))
            let copies = $0["record"] == .text("variability") ? $0.integer("samples") * $0.integer("candidates") : 0
            return $0.integer("epochs") * (1 + copies) * present * 160 + min(50, $0.integer("epochs")) * $0.integer("candidates") * 90
        },
        resultBytes: { recordedBytes($0, series: 10, others: 4 * 64) }, conflicts: recordConflicts, warnings: { _ in [] })
}

extension Dictionary where Key == String, Value == ParameterValue {
    fileprivate func integer(_ name: String) -> Double {
        guard case .integer(let value) = self[name] else { return 1 }
        return Double(value)
    }
}
