// LiveTrials.swift · Coordinator/Serving, a part of ProgressDisplay. The curves of long trials while they are computed, as their workers
// report them. They are only shown, and may be lost, since results bring whole curves.

internal import Vocabulary
internal import Wire

struct LiveTrials {
    struct Curve: Equatable {
        /// Points in the order of epochs. The curve of a trial that went on from a checkpoint begins there.
        var points: [ProgressPoint] = []
        /// Epochs of the whole trial.
        var epochs: Int

        /// Two workers may report the same epoch, and a trial may begin again. Results are deterministic, so the later report replaces the
        /// earlier one.
        fileprivate mutating func add(_ point: ProgressPoint) {
            while let last = points.last, last.point.epoch >= point.point.epoch { points.removeLast() }
            if points.count >= LiveTrials.mostPoints { points = stride(from: 0, to: points.count, by: 2).map { points[$0] } }
            points.append(point)
        }
    }

    private(set) var curves: [TrialKey: Curve] = [:]
    private let isLong: Bool

    /// - Parameter declaration: of the sweep's problem. Short trials are over before anybody looks, so their points are not kept.
    init(_ declaration: ProblemDeclaration) { isLong = declaration.isLong }

    /// 1,024, as many as a curve may have: half of them are left out when a trial has reported more.
    static let mostPoints = Limits.curvePoints

    /// - Parameter isRunning: whether a worker has the trial. Points of other trials, or of epochs that the trial does not have, are ignored.
    mutating func add(_ points: [ProgressPoint], in grid: Grid, where isRunning: (TrialKey) -> Bool) {
        guard isLong else { return }
        for point in points where isRunning(point.key) {
            guard let index = grid.index(of: point.key),
                case .integer(let epochs) = grid.groups[grid.group(of: index)].spec.parameters["epochs"],
                (0...epochs).contains(point.point.epoch)
            else { continue }
            curves[point.key, default: Curve(epochs: epochs)].add(point)
        }
    }

    /// Forgets trials that no worker has any more.
    mutating func keep(where isRunning: (TrialKey) -> Bool) {
        guard !curves.isEmpty else { return }
        curves = curves.filter { isRunning($0.key) }
    }

    /// Progress of the trials that are being computed, as a number of whole trials; and the part of it made since this coordinator started.
    var share: (computed: Double, sinceStart: Double) {
        curves.values.reduce(into: (0, 0)) { share, curve in
            guard let first = curve.points.first, let last = curve.points.last else { return }
            // What lies before the first point is as long as what lies between two.
            let stride = curve.points.count > 1 ? curve.points[1].point.epoch - first.point.epoch : first.point.epoch
            share.computed += Double(last.point.epoch) / Double(curve.epochs)
            share.sinceStart += Double(last.point.epoch - first.point.epoch + min(stride, first.point.epoch)) / Double(curve.epochs)
        }
    }
}
