// LiveTrialsTests.swift · Tests/CoordinatorTests. Curves of long trials while they are computed.

import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Live trials") struct LiveTrialsTests {
    private func grid(epochs: Int = 100) throws -> Grid {
        Grid(try SweepSpec.parse(SweepTexts.network(epochs: epochs), file: "network.toml"))
    }

    private func point(_ key: TrialKey, _ epoch: Int, _ loss: Double = 1) -> ProgressPoint {
        ProgressPoint(key: key, point: Vocabulary.CurvePoint(epoch: epoch, trainLoss: loss, testLoss: loss), lossRatio: nil)
    }

    @Test("points of a trial are kept in order, once each, until it does not run any more") func curves() throws {
        let grid = try grid()
        var live = LiveTrials(grid.spec.declaration)
        let (a, b) = (grid.key(of: 0), grid.key(of: 3))
        live.add([point(a, 2), point(b, 40)], in: grid) { _ in true }
        live.add([point(a, 4)], in: grid) { _ in true }
        live.add([point(b, 42), point(TrialKey(high: 1, low: 2), 2)], in: grid) { _ in true }
        // Another worker begins a from its start.
        #expect(live.curves[a]?.points.map(\.point.epoch) == [2, 4] && live.curves[a]?.epochs == 100)
        live.add([point(a, 2, 3)], in: grid) { _ in true }
        #expect(live.curves[a]?.points == [point(a, 2, 3)])
        #expect(live.curves.count == 2)
        let share = live.share
        // b was taken over at a checkpoint before epoch 40, of which two epochs at most were watched.
        #expect((share.computed - 0.44).magnitude < 1e-12 && (share.sinceStart - 0.06).magnitude < 1e-12)
        live.keep { $0 == b }
        #expect(Array(live.curves.keys) == [b])
        let curve = Snapshot.Curve(grid, 3, live.curves[b]!)
        #expect(curve.trial == "\(b)" && curve.strengths["lambda2"] == 0.01 && curve.initialization == 1 && curve.lastEpoch == 100)
        #expect(curve.epochs == [40, 42] && curve.testLoss == [1, 1] && curve.lossRatio == [nil, nil])
    }

    @Test("what is said of trials that nobody has, or of epochs that are none, is not kept; of much only so much") func bounded() throws {
        let grid = try grid(epochs: 5_000)
        var live = LiveTrials(grid.spec.declaration)
        let (a, b) = (grid.key(of: 0), grid.key(of: 3))
        live.add([point(a, 1), point(b, 1), point(a, 5_001), point(a, Int(UInt32.max)), point(a, -1)], in: grid) { $0 == a }
        #expect(Array(live.curves.keys) == [a] && live.curves[a]?.points == [point(a, 1)])
        for epoch in 1...5_000 { live.add([point(a, epoch)], in: grid) { _ in true } }
        let epochs = try #require(live.curves[a]?.points.map(\.point.epoch))
        #expect(epochs.count <= LiveTrials.mostPoints && epochs.count > LiveTrials.mostPoints / 4)
        #expect(epochs.first == 1 && epochs.last == 5_000 && zip(epochs, epochs.dropFirst()).allSatisfy(<))
        #expect((live.share.computed - 1).magnitude < 1e-12 && (live.share.sinceStart - 1).magnitude < 1e-2)
    }

    @Test("trials of a problem whose trials are short are not watched") func short() throws {
        let grid = Grid(try SweepSpec.small())
        var live = LiveTrials(grid.spec.declaration)
        live.add([point(grid.key(of: 0), 1)], in: grid) { _ in true }
        #expect(live.curves.isEmpty)
    }
}
