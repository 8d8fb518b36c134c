// CurveRule.swift · Compute/Training. At which epochs a curve has a point.

/// Depends on the number of epochs and on nothing else, so that curves of different trials have the same epochs.
public struct CurveRule: Sendable, Hashable {
    public let epochs: Int

    /// - Parameter epochs: of the whole run, at least 1.
    public init(epochs: Int) { self.epochs = epochs }

    /// Epochs between two points: ⌈epochs/50⌉, so that a curve has at most 50 points and a last one.
    public var stride: Int { (epochs + 49) / 50 }

    /// - Parameter epoch: epochs trained, from 1.
    public func hasPoint(at epoch: Int) -> Bool { epoch % stride == 0 || epoch == epochs }
}
