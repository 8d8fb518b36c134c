// CurveRule.swift · Wire/Vocabulary/Declarations. At which epochs a curve has a point.

/// Depends on the number of epochs alone, so that the curves of different trials have the same epochs.
public struct CurveRule: Sendable, Hashable {
    public let epochs: Int

    /// A curve has at most this many points.
    public static let points = 50

    /// - Parameter epochs: epochs of the whole run, at least 1.
    public init(epochs: Int) { self.epochs = epochs }

    /// Epochs between two points: ⌈epochs/50⌉.
    public var stride: Int { (epochs + Self.points - 1) / Self.points }

    /// - Parameter epoch: epochs trained, from 1. The last epoch always has a point.
    public func hasPoint(at epoch: Int) -> Bool { epoch % stride == 0 || epoch == epochs }

    /// Points of the curve after so many epochs.
    public func points(after epoch: Int) -> Int { epoch / stride + (epoch == epochs && epochs % stride != 0 ? 1 : 0) }
}
