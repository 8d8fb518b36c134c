// TrialSpec.swift · Wire/Vocabulary. Everything that decides a trial's result.
// In: the coordinator's grid. Out: messages, trial keys. Knows no kernel and no file.

/// Everything that the trials of one group share: the problem and its configuration, the training set, the initialization and
/// the replicate. They run as SIMD lanes of one kernel call and have one baseline for each learning rate.
public struct GroupSpec: Hashable, Sendable {
    /// Name of the problem, such as `diagonal-network`.
    public var problem: String
    /// The configuration by name. Of a list in the sweep file with one value for each initialization, it has the value of this group.
    public var parameters: [String: ParameterValue]
    /// The master seed, which is the key of every random stream.
    public var seed: UInt64
    /// Indices of the group, from 0.
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

    /// The text whose hash is the key: one `name=value` in each line, parameters ordered by name, reals as the 16 hexadecimal digits of
    /// their IEEE 754 bits, so that no formatting of numbers can change a key.
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

    /// λ1 and λ2 always have a line, other strengths only where they are not 0: a strength that is added later changes no key.
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
    /// The parameters as a configuration, without validation.
    public var configuration: Configuration { Configuration(parameters) }

    /// The SHA-256 of each file of the data set that the trials read, without repeats. Empty for a problem that this release does not know.
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
