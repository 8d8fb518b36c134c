// GroupTraining.swift · Compute/Training, between a problem's configuration and the kernels.
// In: lanes, how to make a kernel of some of them, an order for each epoch. Out: records. Decides which lanes share a kernel, when a
// trial has diverged and what is observed; does no arithmetic on parameters.

internal import Vocabulary

/// What the training loop asks of a kernel: a few lanes side by side, at their start when they are made.
protocol GroupKernel {
    associatedtype Scalar: WorkingPrecision

    /// Lanes side by side.
    static var width: Int { get }
    /// One step of every lane.
    /// - Parameter batch: B different places of the training set, in the order in which they are summed.
    mutating func step(batch: ArraySlice<Int>)
    /// Exact population risk of every lane, in Float64.
    func testLosses() -> [Double]
    /// Mean loss of every lane on the training set, without penalties.
    mutating func trainLosses() -> [Double]
    /// θ of one lane, for the record.
    func parameters(ofLane lane: Int) -> [Scalar]
}

/// Trains all lanes, epoch by epoch.
/// - Parameters:
///   - batchSize: B; divides the length of what `order` gives.
///   - make: a kernel for these lanes, from 1 to `K.width`.
///   - order: the order of the samples in an epoch, counted from 0.
func train<K: GroupKernel>(
    _ lanes: [Lane], batchSize: Int, epochs: Int, making make: ([Lane]) -> K, order: (Int) -> [Int], observe: ([Observation]) -> Flow
) -> [TrialRecord]? {
    let rule = CurveRule(epochs: epochs)
    var blocks = packed(lanes, width: K.width).map { members in
        (members: members, kernel: make(members.map { lanes[$0] }), alive: members.count)
    }
    var records = [TrialRecord](
        repeating: TrialRecord(outcome: .done, epochs: 0, trainLoss: .nan, testLoss: .nan, curve: [], parameterBits: []),
        count: lanes.count)

    for epoch in 1...epochs {
        let samples = order(epoch - 1)
        let isCurvePoint = rule.hasPoint(at: epoch)
        var observations: [Observation] = []
        // A block trains a whole epoch before the next one does: its lanes stay in the first-level cache.
        for index in blocks.indices where blocks[index].alive > 0 {
            for first in stride(from: 0, to: samples.count, by: batchSize) {
                blocks[index].kernel.step(batch: samples[first..<first + batchSize])
            }
            let testLosses = blocks[index].kernel.testLosses()
            let trainLosses = isCurvePoint ? blocks[index].kernel.trainLosses() : nil
            for (lane, member) in blocks[index].members.enumerated() where records[member].outcome == .done {
                records[member].epochs = epoch
                let trainLoss = trainLosses?[lane]
                // A single precision residual can overflow while the risk, in double, is finite still.
                guard testLosses[lane].isFinite, trainLoss?.isFinite ?? true else {
                    records[member].outcome = .diverged
                    blocks[index].alive -= 1
                    continue
                }
                if let trainLoss {
                    let point = CurvePoint(epoch: epoch, trainLoss: trainLoss, testLoss: testLosses[lane])
                    records[member].curve.append(point)
                    observations.append(Observation(lane: member, point: point))
                }
            }
        }
        if observations.isEmpty {
            if blocks.allSatisfy({ $0.alive == 0 }) { break }
            continue
        }
        observations.sort { $0.lane < $1.lane }
        if observe(observations) == .stop { return nil }
    }

    for block in blocks {
        for (lane, member) in block.members.enumerated() where records[member].outcome == .done {
            // The last epoch is a curve point, so a trial that is done has one.
            guard let last = records[member].curve.last else { continue }
            records[member].trainLoss = last.trainLoss
            records[member].testLoss = last.testLoss
            records[member].parameterBits = block.kernel.parameters(ofLane: lane).map(\.wideBitPattern)
        }
    }
    return records
}

/// Indices of lanes, cut into blocks of at most `width`.
///
/// Sorted so that lanes which diverge together share a block, for a block of diverged lanes alone costs no more time. What drives a
/// run over the cliff is ηλ2, then ηλ1 (numerics.md). No result depends on it: lanes do not meet.
private func packed(_ lanes: [Lane], width: Int) -> [[Int]] {
    let order = lanes.indices.sorted { first, second in
        let (x, y) = (lanes[first], lanes[second])
        return (x.learningRate * x.strengths[.lambda2], x.learningRate * x.strengths[.lambda1], first)
            < (y.learningRate * y.strengths[.lambda2], y.learningRate * y.strengths[.lambda1], second)
    }
    return stride(from: 0, to: order.count, by: width).map { Array(order[$0..<min($0 + width, order.count)]) }
}
