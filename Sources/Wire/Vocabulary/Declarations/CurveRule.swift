// CurveRule.swift · Wire/Vocabulary/Declarations. The epochs at which a curve has a point.

/// The epochs of a curve. They depend on the number of epochs alone, so that the curves of different trials can be compared.
public struct CurveRule: Sendable, Hashable {
    public let epochs: Int

    /// The number of points of a curve is at most this.
    public static let points = 50

    /// - Parameter epochs: epochs of the whole run; at least 1.
    public init(epochs: Int) { self.epochs = epochs }

    /// Epochs between two points: ⌈epochs/50⌉.
    public var stride: Int { (epochs + Self.points - 1) / Self.points }

    /// Whether the curve has a point at an epoch. The last epoch always has one.
    /// - Parameter epoch: epochs trained, from 1.
    public func hasPoint(at epoch: Int) -> Bool { epoch % stride == 0 || epoch == epochs }

    /// The number of points up to an epoch, included.
    public func points(after epoch: Int) -> Int { epoch / stride + (epoch == epochs && epochs % stride != 0 ? 1 : 0) }
}
