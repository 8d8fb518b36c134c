// GroupTraining.swift · Compute/Training, between a problem's configuration and the kernels.
// In: lanes, how to make a kernel of some of them, an order for each epoch. Out: records. Decides which lanes share a kernel, when a
// trial has diverged and what is observed; does no arithmetic on parameters.

internal import Vocabulary

/// A kernel that trains a few lanes side by side. A new kernel is at the start of training.
protocol GroupKernel {
    associatedtype Scalar: WorkingPrecision

    /// The number of lanes that one kernel trains at most.
    static var width: Int { get }
    /// Trains every lane by one step.
    /// - Parameter batch: B different indices into the training set, in the order in which their terms are summed.
    mutating func step(batch: ArraySlice<Int>)
    /// The exact population risk of every lane, in Float64.
    func testLosses() -> [Double]
    /// The mean loss of every lane on the training set, without penalties.
    mutating func trainLosses() -> [Double]
    /// The parameters θ of one lane, in the order of `TrialRecord.parameterBits`.
    func parameters(ofLane lane: Int) -> [Scalar]
}

/// Trains all lanes, epoch by epoch. A lane diverges when a loss is not finite at the end of an epoch.
/// - Parameters:
///   - batchSize: B, which divides the number of indices that `order` returns.
///   - make: returns a kernel for 1 to `K.width` lanes.
///   - order: returns the order of the samples in an epoch, which is counted from 0.
///   - observe: called at each point of the curve, with one observation for each lane that has not diverged.
/// - Returns: one record for each lane; nil when `observe` returned `stop`.
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
        // Each block trains a whole epoch before the next one, so that its lanes stay in the first-level cache.
        for index in blocks.indices where blocks[index].alive > 0 {
            for first in stride(from: 0, to: samples.count, by: batchSize) {
                blocks[index].kernel.step(batch: samples[first..<first + batchSize])
            }
            let testLosses = blocks[index].kernel.testLosses()
            let trainLosses = isCurvePoint ? blocks[index].kernel.trainLosses() : nil
            for (lane, member) in blocks[index].members.enumerated() where records[member].outcome == .done {
                records[member].epochs = epoch
                let trainLoss = trainLosses?[lane]
                // A residual in Float32 can overflow while the risk, in Float64, is still finite.
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
/// They are sorted so that lanes which diverge are in the same block, since a block whose lanes have all diverged costs no more time. A
/// run diverges by ηλ2 first, then by ηλ1 (numerics.md). No result depends on the order: lanes are independent.
private func packed(_ lanes: [Lane], width: Int) -> [[Int]] {
    let order = lanes.indices.sorted { first, second in
        let (x, y) = (lanes[first], lanes[second])
        return (x.learningRate * x.strengths[.lambda2], x.learningRate * x.strengths[.lambda1], first)
            < (y.learningRate * y.strengths[.lambda2], y.learningRate * y.strengths[.lambda1], second)
    }
    return stride(from: 0, to: order.count, by: width).map { Array(order[$0..<min($0 + width, order.count)]) }
}
