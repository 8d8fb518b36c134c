// LiveTrials.swift · Coordinator/Serving. The curves of long trials while they are computed, as their workers tell: for eyes only, so what
// is lost here is lost to nobody. Results bring whole curves.

internal import Vocabulary
internal import Wire

struct LiveTrials {
    struct Curve: Equatable {
        /// In order of epoch. A trial that went on from a checkpoint begins there.
        var points: [ProgressPoint] = []
        /// Of the whole trial.
        var epochs: Int

        /// Where two workers compute it, or one begins again, the later word about an epoch is the same word.
        fileprivate mutating func note(_ point: ProgressPoint) {
            while let last = points.last, last.point.epoch >= point.point.epoch { points.removeLast() }
            if points.count >= LiveTrials.mostPoints { points = stride(from: 0, to: points.count, by: 2).map { points[$0] } }
            points.append(point)
        }
    }

    private(set) var curves: [TrialKey: Curve] = [:]
    private let isLong: Bool

    /// - Parameter declaration: of the sweep's problem. Short trials are over before anybody looks.
    init(_ declaration: ProblemDeclaration) { isLong = declaration.isLong }

    /// 1,024, as many as a curve may have: half of them are left out when a trial has said more.
    static let mostPoints = Limits.curvePoints

    /// - Parameter isRunning: whether a worker has the trial. Whatever else is said of others, or of epochs that the trial does not have,
    ///   is no point of anything.
    mutating func note(_ points: [ProgressPoint], in grid: Grid, where isRunning: (TrialKey) -> Bool) {
        guard isLong else { return }
        for point in points where isRunning(point.key) {
            guard let index = grid.index(of: point.key),
                case .integer(let epochs) = grid.groups[grid.group(of: index)].spec.parameters["epochs"],
                (0...epochs).contains(point.point.epoch)
            else { continue }
            curves[point.key, default: Curve(epochs: epochs)].note(point)
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
