// Configuration.swift · Wire/Vocabulary/Declarations. The values of a problem's parameters, read by name and type.

/// The values of all parameters of a problem.
///
/// Reading a parameter that the problem does not declare, or as another type than it declares, is a programming error and traps.
public struct Configuration: Hashable, Sendable {
    public let values: [String: ParameterValue]

    /// - Parameter values: values that are known to be right; ``ProblemDeclaration/configuration(_:)`` checks those of a stranger.
    public init(_ values: [String: ParameterValue]) { self.values = values }

    public func integer(_ name: String) -> Int {
        guard case .integer(let value)? = values[name] else { preconditionFailure("\(name) is \(found(name)), read as an integer") }
        return value
    }

    public func real(_ name: String) -> Double {
        guard case .real(let value)? = values[name] else { preconditionFailure("\(name) is \(found(name)), read as a real number") }
        return value
    }

    public func text(_ name: String) -> String {
        guard case .text(let value)? = values[name] else { preconditionFailure("\(name) is \(found(name)), read as text") }
        return value
    }

    public func list(_ name: String) -> [ParameterValue] {
        guard case .list(let value)? = values[name] else { preconditionFailure("\(name) is \(found(name)), read as a list") }
        return value
    }

    /// The choice that a word stands for.
    public func choice<Choice: RawRepresentable<String>>(_ name: String) -> Choice {
        guard let choice = Choice(rawValue: text(name)) else { preconditionFailure("\(name) is \(found(name)), none of \(Choice.self)") }
        return choice
    }

    /// The SHA-256 of a file of the data set.
    public func file(_ name: String) -> Digest {
        guard let file = Digest(hexadecimal: text(name)) else { preconditionFailure("\(name) is \(found(name)), read as a file") }
        return file
    }

    private func found(_ name: String) -> String { values[name]?.description ?? "missing" }
}

extension ProblemDeclaration {
    /// Checks values that came from elsewhere: each by itself, all together, and that none is missing or unknown.
    /// - Throws: the first thing that is wrong.
    public func configuration(_ values: [String: ParameterValue]) throws(ParameterError) -> Configuration {
        for name in values.keys.sorted() where !parameters.contains(where: { $0.name == name }) {
            throw ParameterError(name, "is not known to \(self.name)")
        }
        for parameter in parameters {
            guard let value = values[parameter.name] else {
                throw ParameterError(parameter.name, "is missing, allowed is \(parameter.kind.allowed)")
            }
            if let complaint = parameter.kind.complaint(about: value, parameter.name) { throw complaint }
        }
        let configuration = Configuration(values)
        if let conflict = conflicts(configuration).first { throw conflict }
        return configuration
    }

    /// The defaults, with some values in place of them.
    /// - Throws: as above; also for a parameter that has no default and is not given.
    public func configuration(overriding values: [String: ParameterValue]) throws(ParameterError) -> Configuration {
        let defaults = parameters.compactMap { parameter in parameter.defaultValue.map { (parameter.name, $0) } }
        return try configuration(Dictionary(defaults) { first, _ in first }.merging(values) { _, given in given })
    }

    /// What a setting must not be: a strength that is not declared here or out of its range, and what the problem itself refuses.
    public func complaints(about setting: Setting, _ configuration: Configuration) -> [ParameterError] {
        let undeclared = setting.strengths.nonZero.filter { given in !strengths.contains { $0.strength.name == given.name } }
        let symbol = { (name: String) in Strength.named(name)?.symbol ?? name }
        return undeclared.map { ParameterError($0.name, "found \($0.value), allowed is 0: \(name) has no \(symbol($0.name))") }
            + strengths.compactMap { use in
                let value = setting.strengths[use.strength]
                return use.strength.range.contains(value)
                    ? nil : ParameterError(use.strength.name, found: value, allowed: "a number \(use.strength.range)")
            } + settingConflicts(setting, configuration)
    }
}
