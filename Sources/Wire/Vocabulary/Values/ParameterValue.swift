// ParameterValue.swift · Wire/Vocabulary/Values. One value of a problem's configuration, in sweep files, messages, trial keys and workers.

/// A value such as `dimension = 100`, `precision = "float32"` or `layers = [{ kind = "dense", units = 64 }]`.
public enum ParameterValue: Hashable, Sendable {
    case integer(Int)
    case real(Double)
    case text(String)
    case list([ParameterValue])
    case table([String: ParameterValue])
}

extension ParameterValue: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral {
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .real(value) }
    public init(stringLiteral value: String) { self = .text(value) }
}

extension ParameterValue: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    public init(arrayLiteral elements: ParameterValue...) { self = .list(elements) }

    /// Where a name occurs more than once, the last value is used.
    public init(dictionaryLiteral elements: (String, ParameterValue)...) {
        self = .table(Dictionary(elements) { _, last in last })
    }
}

extension ParameterValue: CustomStringConvertible {
    /// The value as a sweep file could have it: reals with the fewest digits that read back to the same value, text in quotes, the keys of
    /// a table in order.
    public var description: String {
        switch self {
        case .integer(let value): "\(value)"
        case .real(let value): "\(value)"
        case .text(let value): "\"\(value)\""
        case .list(let values): "[\(values.map(\.description).joined(separator: ", "))]"
        case .table(let values):
            values.isEmpty ? "{}" : "{ \(values.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }.joined(separator: ", ")) }"
        }
    }
}

extension ParameterValue {
    /// The value in the canonical text of a trial's identity. Different values have different texts, and reals are written as the 16
    /// hexadecimal digits of their IEEE 754 bits, so that no formatting of numbers can change a key.
    ///
    /// `i5` · `r4000000000000000` · `t3:abc` (bytes of UTF-8) · `l2:i5;i6;` (elements) · `d1:4:kind=t3:abc;` (entries by name).
    var canonicalText: String {
        switch self {
        case .integer(let value): "i\(value)"
        case .real(let value): "r\(value.canonicalBits)"
        case .text(let value): "t\(value.utf8.count):\(value)"
        case .list(let values): "l\(values.count):" + values.map { $0.canonicalText + ";" }.joined()
        case .table(let values):
            "d\(values.count):"
                + values.sorted { $0.key < $1.key }.map { "\($0.key.utf8.count):\($0.key)=\($0.value.canonicalText);" }.joined()
        }
    }
}

extension Double {
    /// 16 hexadecimal digits of the bit pattern; −0 has those of 0.
    var canonicalBits: String { (self + 0).bitPattern.bigEndianBytes.hexadecimal }
}
