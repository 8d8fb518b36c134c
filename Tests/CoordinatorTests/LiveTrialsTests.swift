// LiveTrialsTests.swift · Tests/CoordinatorTests. Curves of long trials while they are computed.

import Testing
import Wire

@testable import regsweep

@Suite("Live trials") struct LiveTrialsTests {
    private func grid() throws -> Grid {
        let spec = try SweepSpec.parse(
            """
            name = "network"
            [problem]
            kind = "convolutional-network"
            samples = 64
            [training]
            learning_rates = [0.1]
            epochs = 100
            [grid]
            training_sets = 1
            initializations = 2
            repeats = 1
            [[curves]]
            label = "a"
            [[curves]]
            label = "b"
            lambda2 = 0.01
            """, file: "network.toml")
        return Grid(spec)
    }

    private func point(_ key: TrialKey, _ epoch: Int, _ loss: Double = 1) -> ProgressPoint {
        ProgressPoint(key: key, point: Wire.CurvePoint(epoch: epoch, trainLoss: loss, testLoss: loss), lossRatio: nil)
    }

    @Test("points of a trial are kept in order, once each, until it does not run any more") func curves() throws {
        let grid = try grid()
        var live = LiveTrials(grid.spec.declaration)
        let (a, b) = (grid.key(of: 0), grid.key(of: 3))
        live.note([point(a, 2), point(b, 40)], in: grid)
        live.note([point(a, 4)], in: grid)
        live.note([point(b, 42), point(TrialKey(high: 1, low: 2), 2)], in: grid)
        // Another worker begins a from its start.
        #expect(live.curves[a]?.points.map(\.point.epoch) == [2, 4] && live.curves[a]?.epochs == 100)
        live.note([point(a, 2, 3)], in: grid)
        #expect(live.curves[a]?.points == [point(a, 2, 3)])
        #expect(live.curves.count == 2)
        let share = live.share
        // b was taken over at a checkpoint before epoch 40, of which two epochs at most were watched.
        #expect((share.behind - 0.44).magnitude < 1e-12 && (share.watched - 0.06).magnitude < 1e-12)
        live.keep { $0 == b }
        #expect(Array(live.curves.keys) == [b])
        let curve = Snapshot.Curve(grid, 3, live.curves[b]!)
        #expect(curve.trial == "\(b)" && curve.lambda2 == 0.01 && curve.initialization == 1 && curve.lastEpoch == 100)
        #expect(curve.epochs == [40, 42] && curve.testLoss == [1, 1] && curve.lossRatio == [nil, nil])
    }

    @Test("trials of a problem whose trials are short are not watched") func short() throws {
        let grid = Grid(try SweepSpec.small())
        var live = LiveTrials(grid.spec.declaration)
        live.note([point(grid.key(of: 0), 1)], in: grid)
        #expect(live.curves.isEmpty)
    }
}
