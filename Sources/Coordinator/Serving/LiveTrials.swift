// LiveTrials.swift · Coordinator/Serving. The curves of long trials while they are computed, as their workers tell: for eyes only, so what
// is lost here is lost to nobody. Results bring whole curves.

internal import Wire

struct LiveTrials {
    struct Curve: Equatable {
        /// In order of epoch. A trial that went on from a checkpoint begins there.
        var points: [ProgressPoint] = []
        /// Of the whole trial.
        var epochs: Int
    }

    private(set) var curves: [TrialKey: Curve] = [:]
    private let isLong: Bool

    /// - Parameter declaration: of the sweep's problem. Short trials are over before anybody looks.
    init(_ declaration: ProblemDeclaration) { isLong = declaration.isLong }

    mutating func note(_ points: [ProgressPoint], in grid: Grid) {
        guard isLong else { return }
        for point in points {
            guard let index = grid.index(of: point.key),
                case .integer(let epochs) = grid.groups[grid.group(of: index)].spec.parameters["epochs"]
            else { continue }
            // Where two workers compute it, or one begins again, the later word about an epoch is the same word.
            var curve = curves[point.key] ?? Curve(epochs: epochs)
            curve.points.removeAll { $0.point.epoch >= point.point.epoch }
            curve.points.append(point)
            curves[point.key] = curve
        }
    }

    /// Forgets trials that nobody computes any more.
    mutating func keep(_ isRunning: (TrialKey) -> Bool) {
        guard !curves.isEmpty else { return }
        curves = curves.filter { isRunning($0.key) }
    }

    /// Of all trials that are computed, the epochs that are behind them, as a number of whole trials; and of those, the epochs that were
    /// watched from here.
    var share: (behind: Double, watched: Double) {
        curves.values.reduce(into: (0, 0)) { share, curve in
            guard let first = curve.points.first, let last = curve.points.last else { return }
            // What lies before the first point is as long as what lies between two.
            let stride = curve.points.count > 1 ? curve.points[1].point.epoch - first.point.epoch : first.point.epoch
            share.behind += Double(last.point.epoch) / Double(curve.epochs)
            share.watched += Double(last.point.epoch - first.point.epoch + min(stride, first.point.epoch)) / Double(curve.epochs)
        }
    }
}
