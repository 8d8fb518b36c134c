// TrialSpec.swift · Wire/Vocabulary. What a trial is: everything that decides its result, in words both sides speak.
// In: the coordinator's grid. Out: messages, trial keys. Knows no kernel and no file.

/// One value of a problem's configuration, such as `dimension = 100` or `precision = "float32"`.
public enum ParameterValue: Hashable, Sendable {
    case integer(Int)
    case real(Double)
    case text(String)
}

extension ParameterValue: CustomStringConvertible {
    /// As it would stand in the sweep file: reals with the fewest digits that read back to the same value, text in quotes.
    public var description: String {
        switch self {
        case .integer(let value): "\(value)"
        case .real(let value): "\(value)"
        case .text(let value): "\"\(value)\""
        }
    }
}

/// Everything that the trials of one group share: the problem and its configuration, the training set, the initialization and
/// the repeat. They run as SIMD lanes of one kernel call and have one baseline for each learning rate.
public struct GroupSpec: Hashable, Sendable {
    /// Name of the problem, such as `diagonal-network`.
    public var problem: String
    /// Configuration by name, resolved for this group: a list in the sweep file (one scale for each initialization) is the one value here.
    public var parameters: [String: ParameterValue]
    /// Master seed: the key of every random stream.
    public var seed: UInt64
    /// 0-based coordinates of the group.
    public var trainingSet: Int, initialization: Int, replicate: Int

    public init(
        problem: String, parameters: [String: ParameterValue], seed: UInt64, trainingSet: Int, initialization: Int, replicate: Int
    ) {
        self.problem = problem
        self.parameters = parameters
        self.seed = seed
        self.trainingSet = trainingSet
        self.initialization = initialization
        self.replicate = replicate
    }
}

/// What the figure has on its axes: the algorithm and its strengths.
public struct Setting: Hashable, Sendable {
    /// Such as `sgd`.
    public var algorithm: String
    /// Strengths of Reg1 (Eq. 11) and Reg2 (Eq. 12); ≥ 0, in loss units per squared gradient unit.
    public var lambda1: Double, lambda2: Double
    /// η, constant or at the start of its schedule.
    public var learningRate: Double
    /// λ_wd: so many times the parameters are added to the gradient; ≥ 0, and 0 with a problem that has no weight decay.
    public var weightDecay: Double

    public init(algorithm: String, lambda1: Double, lambda2: Double, learningRate: Double, weightDecay: Double = 0) {
        self.algorithm = algorithm
        self.lambda1 = lambda1
        self.lambda2 = lambda2
        self.learningRate = learningRate
        self.weightDecay = weightDecay
    }

    /// The setting that this one is measured against: plain SGD at the same learning rate and weight decay.
    public var baseline: Setting {
        Setting(algorithm: "sgd", lambda1: 0, lambda2: 0, learningRate: learningRate, weightDecay: weightDecay)
    }

    public var isBaseline: Bool { self == baseline }
}

/// The identity of a trial: its setting on one training set, initialization and repeat.
public struct TrialIdentity: Hashable, Sendable {
    public var group: GroupSpec
    public var setting: Setting

    public init(group: GroupSpec, setting: Setting) {
        self.group = group
        self.setting = setting
    }

    /// The text whose hash is the key: one `name=value` a line, parameters by name, reals as the 16 digits of their IEEE 754 bits,
    /// so that no formatting of numbers can ever move a key.
    public var canonicalText: String { Self.head(group) + "\n" + Self.middle(setting) + Self.tail(group) }

    package static func head(_ group: GroupSpec) -> String {
        """
        regsweep trial
        numerics=\(ProblemDeclaration.named(group.problem)?.numericsVersion ?? 1)
        problem=\(group.problem)
        seed=\(group.seed)
        training_set=\(group.trainingSet)
        initialization=\(group.initialization)
        repeat=\(group.replicate)
        """
    }

    package static func middle(_ setting: Setting) -> String {
        """
        algorithm=\(setting.algorithm)
        lambda1=\(bits(setting.lambda1))
        lambda2=\(bits(setting.lambda2))
        learning_rate=\(bits(setting.learningRate))
        """
            // Only where there is one: a problem without weight decay says nothing of it.
            + (setting.weightDecay == 0 ? "" : "\nweight_decay=\(bits(setting.weightDecay))")
    }

    package static func tail(_ group: GroupSpec) -> String {
        group.parameters.sorted { $0.key < $1.key }.map { name, value in
            switch value {
            case .integer(let value): "\nparameter \(name)=i\(value)"
            case .real(let value): "\nparameter \(name)=r\(bits(value))"
            case .text(let value): "\nparameter \(name)=t\(value.utf8.count):\(value)"
            }
        }.joined()
    }

    /// −0 and 0 are the same strength and have the same bits here.
    private static func bits(_ value: Double) -> String { (value + 0).bitPattern.bigEndianBytes.hexadecimal }
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
