// TrialSpec.swift · Wire/Vocabulary. What a trial is: everything that decides its result, in words both sides speak.
// In: the coordinator's grid. Out: messages, trial keys. Knows no kernel and no file.

/// Everything that the trials of one group share: the problem and its configuration, the training set, the initialization and
/// the replicate. They run as SIMD lanes of one kernel call and have one baseline for each learning rate.
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

/// The identity of a trial: its setting on one training set, initialization and replicate.
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

    /// Strengths but λ1 and λ2 have a line only where they are not 0, so that a new one moves no key.
    package static func middle(_ setting: Setting) -> String {
        let always = [Strength.lambda1.name, Strength.lambda2.name]
        return """
            algorithm=\(setting.algorithm)
            lambda1=\(setting.strengths[.lambda1].canonicalBits)
            lambda2=\(setting.strengths[.lambda2].canonicalBits)
            learning_rate=\(setting.learningRate.canonicalBits)
            """
                + setting.strengths.nonZero.filter { !always.contains($0.name) }.map { "\n\($0.name)=\($0.value.canonicalBits)" }.joined()
    }

    package static func tail(_ group: GroupSpec) -> String {
        group.parameters.sorted { $0.key < $1.key }.map { "\nparameter \($0.key)=\($0.value.canonicalText)" }.joined()
    }
}

extension GroupSpec {
    public var configuration: Configuration { Configuration(parameters) }

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
