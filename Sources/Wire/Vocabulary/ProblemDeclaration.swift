// ProblemDeclaration.swift · Wire/Vocabulary. What a sweep file may say about each problem: one entry for each, in `all`.
// The coordinator checks files by it and never links the kernels; the worker reads the same names (Worker/Translation.swift).

/// One value of a problem's configuration.
public struct ParameterDeclaration: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case integer(ClosedRange<Int>)
        /// - Parameter excludesMinimum: the lower end itself is not allowed.
        case real(ClosedRange<Double>, excludesMinimum: Bool)
        case choice([String])
        /// A file of the data set, which no sweep file names by itself: its value is the SHA-256 of its content, in hexadecimal.
        case file
    }

    /// As in the sweep file and in trial keys.
    public var name: String
    public var kind: Kind
    /// Nil: the file has to say it.
    public var standard: ParameterValue?
    /// The table of the sweep file that it stands in: `problem`, `training`, none for a `file`, or `grid` for a list with one value for each initialization,
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
    /// What a setting must not be: (parameter, what is wrong).
    public var settingConflicts: @Sendable (Setting) -> [(parameter: String, message: String)]
    /// Floating-point operations of one trial. For estimates and the size of first leases only.
    public var flops: @Sendable ([String: ParameterValue]) -> Double
    /// What parameters must be to each other: (parameter, what is wrong, what is allowed).
    public var conflicts: @Sendable ([String: ParameterValue]) -> [(parameter: String, message: String)]
    /// What is allowed but unwise.
    public var warnings: @Sendable ([String: ParameterValue]) -> [(parameter: String, message: String)]
    /// λ_wd of all settings where the sweep file says nothing; nil for a problem without weight decay.
    public var weightDecay: Double?
    /// Its trials are long: each has a lease of its own, makes checkpoints, can go on from one, and leaves a model.
    public var isLong = false

    public static let all = [diagonalNetwork, landscape, convolutionalNetwork]

    public static func named(_ name: String) -> ProblemDeclaration? { all.first { $0.name == name } }

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
        ],
        algorithms: ["sgd"], lanes: 16, initializations: { _ in 65_536 }, settingConflicts: { _ in [] },
        // Six passes over X or X² a step, one fused multiply-add (2 flop) an element.
        flops: {
            $0.integer("epochs") * $0.integer("samples") / $0.integer("batch_size") * 12 * $0.integer("samples") * $0.integer("dimension")
        },
        conflicts: { values in
            let (d, n) = (values.integer("dimension"), values.integer("samples"))
            var found: [(parameter: String, message: String)] = []
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
        ],
        algorithms: ["sgd", "gd", "noisy-gd", "noisy-gd-matched"], lanes: 8,
        initializations: { Int($0.integer("initializations_per_side") * $0.integer("initializations_per_side")) },
        settingConflicts: { setting in
            guard setting.algorithm != "sgd", setting.lambda2 != 0 else { return [] }
            return [
                ("lambda2", "found \(setting.lambda2), allowed is 0 with \(setting.algorithm), which has no mini-batch that could deviate")
            ]
        },
        // Two bumps a candidate: an exponential (40 flop) and its place in gradient and Hessian (40) each, in every iteration for those in the
        // training set, and at 50 points of the curve for all.
        flops: {
            let present = min($0.integer("candidates"), $0.integer("samples"))
            return $0.integer("epochs") * present * 160 + min(50, $0.integer("epochs")) * $0.integer("candidates") * 90
        },
        conflicts: { _ in [] }, warnings: { _ in [] })
}

extension ProblemDeclaration {
    /// The paper's appendix A.3; Docs/numerics.md.
    public static let convolutionalNetwork = ProblemDeclaration(
        name: "convolutional-network",
        parameters: [
            ParameterDeclaration("training_images", .file, in: ""),
            ParameterDeclaration("training_labels", .file, in: ""),
            ParameterDeclaration("test_images", .file, in: ""),
            ParameterDeclaration("test_labels", .file, in: ""),
            ParameterDeclaration("samples", .integer(1...16_777_216), in: "problem", standard: .integer(60_000)),
            ParameterDeclaration("pool", .choice(["max", "none"]), in: "problem", standard: .text("max")),
            ParameterDeclaration("batch_size", .integer(1...1024), in: "training", standard: .integer(32)),
            ParameterDeclaration("epochs", .integer(1...1_000_000), in: "training", standard: .integer(400)),
            ParameterDeclaration("learning_rate_decay", .real(0...1, excludesMinimum: true), in: "training", standard: .real(0.99)),
            ParameterDeclaration("clip_norm", .real(0...1e6, excludesMinimum: false), in: "training", standard: .real(1)),
            ParameterDeclaration("batch_gradient_every", .integer(0...1_000_000), in: "training", standard: .integer(0)),
            ParameterDeclaration("precision", .choice(["float32"]), in: "training", standard: .text("float32")),
        ],
        algorithms: ["sgd"], lanes: 1, initializations: { _ in 65_536 },
        settingConflicts: { setting in
            guard setting.lambda1 != 0 else { return [] }
            return [("lambda1", "found \(setting.lambda1), allowed is 0: Reg1 is not defined for this problem")]
        },
        // Forward and backward of an image: 25 Mflop with pooling; the loss on all images at the points of the curve a third of it.
        flops: {
            let image = 25e6 * ($0["pool"] == .text("none") ? 4.0 : 1.0)
            return $0.integer("epochs") * $0.integer("samples") * image
                + min(50, $0.integer("epochs")) * ($0.integer("samples") + 10_000) * image / 3
        },
        conflicts: { values in
            guard values.integer("batch_size") > values.integer("samples") else { return [] }
            return [
                ("batch_size", "found \(Int(values.integer("batch_size"))), which is more than samples = \(Int(values.integer("samples")))")
            ]
        }, warnings: { _ in [] }, weightDecay: 0.01, isLong: true)
}

extension GroupSpec {
    /// The files of the data set that its trials read, each once.
    public var files: [Digest] {
        var files: [Digest] = []
        for parameter in ProblemDeclaration.named(problem)?.parameters ?? [] where parameter.kind == .file {
            guard case .text(let text) = parameters[parameter.name], let file = Digest(hexadecimal: text), !files.contains(file) else {
                continue
            }
            files.append(file)
        }
        return files
    }
}

extension Dictionary where Key == String, Value == ParameterValue {
    fileprivate func integer(_ name: String) -> Double {
        guard case .integer(let value) = self[name] else { return 1 }
        return Double(value)
    }
}
