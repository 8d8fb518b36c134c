// RealRange.swift · Wire/Vocabulary/Values. Ranges of real numbers as a sweep file states them, and real numbers as text.

/// An interval of real numbers, of which either end may be excluded. It contains no NaN.
public struct RealRange: Hashable, Sendable {
    public let bounds: ClosedRange<Double>
    public let excludesMinimum: Bool, excludesMaximum: Bool

    public init(_ bounds: ClosedRange<Double>, excludesMinimum: Bool = false, excludesMaximum: Bool = false) {
        self.bounds = bounds
        self.excludesMinimum = excludesMinimum
        self.excludesMaximum = excludesMaximum
    }

    public func contains(_ value: Double) -> Bool {
        bounds.contains(value) && !(excludesMinimum && value == bounds.lowerBound) && !(excludesMaximum && value == bounds.upperBound)
    }
}

extension RealRange: CustomStringConvertible {
    /// The range in words that fit behind "a number", such as `above 0 and up to 1`.
    public var description: String {
        let (low, high) = (bounds.lowerBound.shortestText, bounds.upperBound.shortestText)
        return switch (excludesMinimum, excludesMaximum) {
        case (false, false): "from \(low) to \(high)"
        case (true, false): "above \(low) and up to \(high)"
        case (false, true): "from \(low) to below \(high)"
        case (true, true): "above \(low) and below \(high)"
        }
    }
}

extension Double {
    /// The fewest digits that read back to the same value, without a trailing `.0`.
    public var shortestText: String {
        let text = "\(self)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
