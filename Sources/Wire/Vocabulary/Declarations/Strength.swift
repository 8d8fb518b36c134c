// Strength.swift · Wire/Vocabulary/Declarations. The named coefficients of a training step, of which a sweep's axes are made. Each is
// declared here once; a problem lists those that its kernels know.

/// A coefficient of the training step that differs from setting to setting: of a penalty, or of the optimizer.
public struct Strength: Sendable {
    /// The name in sweep files, trial keys and columns of tables, such as `lambda1`.
    public let name: String
    /// The symbol in figures and messages, such as `λ₁`.
    public let symbol: String
    /// The allowed values. Every range contains 0, which leaves the term out.
    public let range: RealRange
    /// Whether it is a penalty, which the baseline of a setting leaves out. Other strengths belong to the optimizer and are the same in the
    /// baseline.
    public let isPenalty: Bool
    public let unit: String
    public let summary: String

    public static let lambda1 = Strength(
        name: "lambda1", symbol: "λ₁", range: RealRange(0...1e6), isPenalty: true, unit: "parameter² per unit of loss",
        summary: "strength of Reg1, the variance of the samples' gradients over the training set (Eq. 11)")
    public static let lambda2 = Strength(
        name: "lambda2", symbol: "λ₂", range: RealRange(0...1e6), isPenalty: true, unit: "parameter² per unit of loss",
        summary: "strength of Reg2, the squared distance of the mini-batch's gradient from the full one (Eq. 12)")
    public static let weightDecay = Strength(
        name: "weight_decay", symbol: "λ_wd", range: RealRange(0...1e3), isPenalty: false, unit: "loss per parameter²",
        summary: "this many times the parameters is added to each gradient")
    public static let momentum = Strength(
        name: "momentum", symbol: "μ", range: RealRange(0...1, excludesMaximum: true), isPenalty: false, unit: "1",
        summary: "share of the last step's direction that is added to the next one's (heavy ball)")

    /// All strengths.
    public static let all = [lambda1, lambda2, weightDecay, momentum]

    /// - Returns: nil for a name that no strength has.
    public static func named(_ name: String) -> Strength? { all.first { $0.name == name } }
}

extension Strength: Hashable {
    /// Compares the names, which are unique.
    public static func == (a: Self, b: Self) -> Bool { a.name == b.name }

    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// The strengths of one setting, by name. One that is not named is 0, and 0 and −0 are the same.
public struct Strengths: Hashable, Sendable {
    /// The values that are not 0.
    private var values: [String: Double] = [:]

    public init() {}

    public subscript(_ strength: Strength) -> Double {
        get { self[strength.name] }
        set { self[strength.name] = newValue }
    }

    /// - Parameter name: may be unknown to this release, since messages can contain any name.
    public subscript(_ name: String) -> Double {
        get { values[name] ?? 0 }
        set { values[name] = newValue == 0 ? nil : newValue }
    }

    /// The values that are not 0, by name.
    public var nonZero: [(name: String, value: Double)] { values.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) } }

    /// The same strengths without penalties.
    public var withoutPenalties: Strengths {
        var others = self
        for name in values.keys where Strength.named(name)?.isPenalty == true { others.values[name] = nil }
        return others
    }
}

extension Strengths: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (Strength, Double)...) { for (strength, value) in elements { self[strength] = value } }
}
