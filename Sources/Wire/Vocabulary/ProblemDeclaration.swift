// ProblemDeclaration.swift · Wire/Vocabulary. What a sweep file may say about a problem; each is declared in a file of
// Problems/ and named in `all`. The coordinator checks files by it and never links the kernels, which read the same names themselves.

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
    /// Counts the versions of the problem's part of Docs/numerics.md: it goes up when any trial's bits change, which gives all of its trials
    /// new keys.
    public var numericsVersion = 1
    /// Trials that a kernel runs side by side: a lease of one costs as much as a lease of this many.
    public var lanes: Int
    /// How many initializations it has where none of its parameters is a list of one value for each.
    public var initializations: @Sendable ([String: ParameterValue]) -> Int = { _ in 65_536 }
    /// What a setting must not be beside the parameters that are right by themselves: (parameter, what is wrong).
    public var settingConflicts: @Sendable (Setting, [String: ParameterValue]) -> [(parameter: String, message: String)] = { _, _ in [] }
    /// Floating-point operations of one trial of a setting. For estimates and the size of first leases only.
    public var flops: @Sendable ([String: ParameterValue], Setting) -> Double
    /// How many of them a second are assumed of a core: what the kernels reached on one of a small server of 2021 (`make bench`).
    public var flopsPerSecond = 60e9
    /// What a trial's series weigh in a message: as many results must fit into a frame as a lease has trials.
    public var resultBytes: @Sendable ([String: ParameterValue]) -> Int = { _ in 0 }
    /// What parameters must be to each other: (parameter, what is wrong, what is allowed).
    public var conflicts: @Sendable ([String: ParameterValue]) -> [(parameter: String, message: String)] = { _ in [] }
    /// What is allowed but unwise.
    public var warnings: @Sendable ([String: ParameterValue]) -> [(parameter: String, message: String)] = { _ in [] }
    /// λ_wd of all settings where the sweep file says nothing; nil for a problem without weight decay.
    public var weightDecay: Double?
    /// Its trials are long: each has a lease of its own, makes checkpoints, can go on from one, and leaves a model.
    public var isLong = false

    /// One line for each; `problems` of Worker/Translation.swift is the same list in the other vocabulary.
    public static let all = [
        diagonalNetwork,
        landscape,
        convolutionalNetwork,
    ]

    /// The most trials of one lease: the frame limit leaves half a frame for curves.
    public func trialsPerLease(_ values: [String: ParameterValue]) -> Int {
        min(Limits.trialsPerLease, max(1, Limits.frameBytes / 2 / max(1, resultBytes(values))))
    }

    public static func named(_ name: String) -> ProblemDeclaration? { all.first { $0.name == name } }

    /// What a trial leaves besides its losses; with more than those there is a number for each epoch and one for the start.
    static let record = ParameterDeclaration(
        "record", .choice(["losses", "trajectory", "variability"]), in: "problem", standard: .text("losses"))

    /// - Parameters:
    ///   - series: how many have a number for each epoch.
    ///   - others: how many numbers are in all other series together.
    static func recordedBytes(_ values: [String: ParameterValue], series: Int, others: Int) -> Int {
        values["record"] == .text("losses") ? 0 : 8 * (series * (Int(values.integer("epochs")) + 1) + others)
    }

    static let recordConflicts: @Sendable ([String: ParameterValue]) -> [(parameter: String, message: String)] = { values in
        let epochs = Int(values.integer("epochs"))
        guard values["record"] != .text("losses"), epochs >= Limits.seriesValues else { return [] }
        let record = values["record"]?.description ?? ""
        return [("epochs", "found \(epochs), allowed are at most \(Limits.seriesValues - 1) with record = \(record)")]
    }
}

extension Dictionary where Key == String, Value == ParameterValue {
    /// 1 where there is none.
    func integer(_ name: String) -> Double {
        guard case .integer(let value) = self[name] else { return 1 }
        return Double(value)
    }
}
