// ParameterDeclaration.swift · Wire/Vocabulary/Declarations. What values a parameter may have. Sweep file, worker, kernel and the reference
// in Docs read it; each problem's are in Problems/.

/// The declaration of one parameter of a problem.
public struct ParameterDeclaration: Hashable, Sendable {
    public indirect enum Kind: Hashable, Sendable {
        case integer(ClosedRange<Int>)
        case real(RealRange)
        /// A text that is one of these.
        case choice([String])
        /// A text whose number of characters is in a range. It has no line breaks, unless the range is 0...Int.max.
        case text(ClosedRange<Int>)
        /// A file of the data set. The value is the SHA-256 of its content in hexadecimal, which no sweep file gives: the coordinator computes
        /// it from the data folder.
        case file
        /// Values of one kind, in order.
        case list(of: Kind, count: ClosedRange<Int>)
        /// A table with these entries and no others.
        case table([ParameterDeclaration])
        /// A table whose entry `tag` is the name of a variant, which decides the other entries.
        case variant(tag: String, [Variant])

        /// A text that is a raw value of an enumeration.
        public static func choice<Choice: RawRepresentable<String>>(_ choices: [Choice]) -> Kind { .choice(choices.map(\.rawValue)) }
    }

    /// One form of a table that has several.
    public struct Variant: Hashable, Sendable {
        /// The value of the tag that selects this form.
        public var name: String
        /// The entries beside the tag.
        public var entries: [ParameterDeclaration]

        public init(_ name: String, _ entries: [ParameterDeclaration] = []) {
            self.name = name
            self.entries = entries
        }
    }

    /// The table of the sweep file in which the parameter stands.
    public enum Table: String, Hashable, Sendable {
        case problem, training, grid
    }

    /// The name in trial keys and messages. In the sweep file it is `key`.
    public let name: String
    public let kind: Kind
    /// The value of a parameter that the file leaves out; nil where the file has to give one.
    public let defaultValue: ParameterValue?
    /// The table of the sweep file in which it stands; nil for a file, and for an entry of a table.
    public let table: Table?
    /// The unit of a number; empty for a count or a pure number.
    public let unit: String
    /// The meaning of the parameter, for the reference in Docs.
    public let summary: String

    /// Whether the sweep file has a list with one value for each initialization, whose key is the name and an `s`.
    public let isPerInitialization: Bool
    /// The key in the sweep file.
    public var key: String { isPerInitialization ? name + "s" : name }

    /// - Parameter defaultValue: a value that the kind allows, or the program traps; nil for a file.
    public init(
        _ name: String, _ kind: Kind, in table: Table? = nil, default defaultValue: ParameterValue? = nil, unit: String = "",
        isPerInitialization: Bool = false, _ summary: String
    ) {
        self.name = name
        self.kind = kind
        self.table = table
        self.defaultValue = defaultValue
        self.unit = unit
        self.isPerInitialization = isPerInitialization
        self.summary = summary
        if let defaultValue {
            let complaint = kind.complaint(about: defaultValue, name)
            precondition(complaint == nil, "the default of \(name) is not allowed: \(complaint?.message ?? "")")
        }
    }
}

/// Why no trial can be computed with a value of a parameter, alone or together with other values.
public struct ParameterError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name of the parameter; for an entry of a list or a table its path, such as `layers[2].units`.
    public let parameter: String
    /// The value that was found and the values that are allowed.
    public let message: String

    public init(_ parameter: String, _ message: String) {
        self.parameter = parameter
        self.message = message
    }

    public init(_ parameter: String, found value: some CustomStringConvertible, allowed: String) {
        self.init(parameter, "found \(value), allowed is \(allowed)")
    }

    public var description: String { "\(parameter): \(message)" }
}

extension ParameterDeclaration.Kind {
    /// The allowed values, as a phrase that follows "allowed is".
    public var allowed: String {
        switch self {
        case .integer(let range): "an integer from \(range.lowerBound) to \(range.upperBound)"
        case .real(let range): "a number \(range)"
        case .choice(let choices): "one of " + choices.map { "\"\($0)\"" }.joined(separator: ", ")
        case .text(0...Int.max): "a text"
        case .text(let count): "a text of \(count.lowerBound) to \(count.upperBound) characters on one line"
        case .file: "the SHA-256 of a file"
        case .list(let kind, let count):
            count.upperBound == Int.max
                ? "a list, each \(kind.allowed)" : "a list of \(count.lowerBound) to \(count.upperBound), each \(kind.allowed)"
        case .table: "a table"
        case .variant(let tag, let variants): "a table with \(tag) = one of " + variants.map { "\"\($0.name)\"" }.joined(separator: ", ")
        }
    }

    /// The error of a value; nil for an allowed one.
    /// - Parameter name: the parameter's name, or the path of an entry.
    public func complaint(about value: ParameterValue, _ name: String) -> ParameterError? {
        let isRight: Bool
        switch (self, value) {
        case (.integer(let range), .integer(let value)): isRight = range.contains(value)
        case (.real(let range), .real(let value)): isRight = range.contains(value)
        case (.choice(let choices), .text(let value)): isRight = choices.contains(value)
        case (.text(0...Int.max), .text): isRight = true
        case (.text(let count), .text(let value)):
            isRight = count.contains(value.count) && !value.unicodeScalars.contains { $0.properties.generalCategory == .control }
        case (.file, .text(let value)): isRight = Digest(hexadecimal: value) != nil
        case (.list(let kind, let count), .list(let values)) where count.contains(values.count):
            return values.enumerated().lazy.compactMap { kind.complaint(about: $1, "\(name)[\($0)]") }.first
        case (.table(let entries), .table(let values)): return Self.complaint(about: values, entries, name)
        case (.variant(let tag, let variants), .table(var values)):
            guard case .text(let word)? = values.removeValue(forKey: tag), let variant = variants.first(where: { $0.name == word }) else {
                return ParameterError(name, found: value, allowed: allowed)
            }
            return Self.complaint(about: values, variant.entries, name)
        default: isRight = false
        }
        return isRight ? nil : ParameterError(name, found: value, allowed: allowed)
    }

    private static func complaint(
        about values: [String: ParameterValue], _ entries: [ParameterDeclaration], _ name: String
    ) -> ParameterError? {
        if let other = values.keys.sorted().first(where: { key in !entries.contains { $0.name == key } }) {
            return ParameterError("\(name).\(other)", "is not known, allowed are \(entries.map(\.name).joined(separator: ", "))")
        }
        return entries.lazy.compactMap { entry -> ParameterError? in
            guard let value = values[entry.name] else {
                return ParameterError("\(name).\(entry.name)", "is missing, allowed is \(entry.kind.allowed)")
            }
            return entry.kind.complaint(about: value, "\(name).\(entry.name)")
        }.first
    }
}
