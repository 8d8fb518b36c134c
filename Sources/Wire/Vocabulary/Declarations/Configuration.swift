// Configuration.swift · Wire/Vocabulary/Declarations. The values of a problem's parameters, read by name and type.

/// The values of all parameters of a problem.
///
/// Reading a parameter that the problem does not declare, or as another type than it declares, is a programming error and traps.
public struct Configuration: Hashable, Sendable {
    public let values: [String: ParameterValue]

    /// - Parameter values: validated values; ``ProblemDeclaration/configuration(_:)`` validates those from a file or a message.
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

    /// The case of an enumeration whose raw value is the text of the parameter.
    public func choice<Choice: RawRepresentable<String>>(_ name: String) -> Choice {
        guard let choice = Choice(rawValue: text(name)) else { preconditionFailure("\(name) is \(found(name)), none of \(Choice.self)") }
        return choice
    }

    /// The SHA-256 of the file that a parameter of kind `file` names.
    public func file(_ name: String) -> Digest {
        guard let file = Digest(hexadecimal: text(name)) else { preconditionFailure("\(name) is \(found(name)), read as a file") }
        return file
    }

    private func found(_ name: String) -> String { values[name]?.description ?? "missing" }
}

extension ProblemDeclaration {
    /// Validates values from a file or a message: each by itself, all together, and that none is missing or unknown.
    /// - Throws: the first error that is found.
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

    /// The defaults, with some of them replaced.
    /// - Throws: the first error that is found; a parameter without default that is not given is one.
    public func configuration(overriding values: [String: ParameterValue]) throws(ParameterError) -> Configuration {
        let defaults = parameters.compactMap { parameter in parameter.defaultValue.map { (parameter.name, $0) } }
        return try configuration(Dictionary(defaults) { first, _ in first }.merging(values) { _, given in given })
    }

    /// All errors of a setting: strengths that are not declared here or out of their range, and what the problem itself refuses.
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
