// TrialPlan.swift · Compute/Training. The entrance of Compute: run(plan, observe:) → records.
// In: a problem, the coordinates of a group and its lanes, all validated here. Out: one record for each lane.
// Knows no file, socket or clock.

public import Vocabulary

/// Trials that share problem, training set, initialization and replicate, and so run as SIMD lanes side by side.
public struct GroupPlan<P: Problem>: Sendable, Hashable {
    public let problem: P
    /// The trials of the group, in any order and with repeats. A lane's result does not depend on the others.
    public let lanes: [Lane]
    public let coordinates: Coordinates
}

extension GroupPlan {
    /// Validates what the kernels rely on: they are compiled without bounds and overflow traps.
    /// - Throws: for a coordinate that does not fit its field of the random counters or that the problem does not have, and for a setting that
    ///   the problem's declaration does not allow.
    public init(problem: P, coordinates: Coordinates, lanes: [Lane]) throws(ParameterError) {
        let declaration = P.declaration
        let isOneSet = declaration.parameters.contains { $0.kind == .file }
        for (name, value, end) in [
            ("training_set", coordinates.trainingSet, isOneSet ? 1 : 1 << 16),
            ("initialization", coordinates.initialization, declaration.initializations(problem.configuration)),
            ("replicate", coordinates.replicate, 1 << 24),
        ] where !(0..<end).contains(value) {
            throw ParameterError(name, found: value, allowed: "an integer from 0 to \(end - 1)")
        }
        for lane in lanes {
            guard declaration.algorithms.contains(lane.algorithm) else {
                let known = declaration.algorithms.map(\.rawValue).joined(separator: ", ")
                throw ParameterError("algorithm", found: lane.algorithm.rawValue, allowed: "one of \(known) with \(P.name)")
            }
            guard lane.learningRate > 0, lane.learningRate.isFinite else {
                throw ParameterError("learning_rate", found: lane.learningRate, allowed: "above 0 and finite")
            }
            if let complaint = declaration.complaints(about: lane.setting, problem.configuration).first { throw complaint }
        }
        self.problem = problem
        self.coordinates = coordinates
        self.lanes = lanes
    }
}

/// Trains every lane of `plan` on the calling thread.
/// - Parameter observe: called on this thread at every epoch of the curve rule, with one observation for each lane that has not diverged, in
///   order of lane; not called once all have diverged. `.stop` stops the whole group.
/// - Returns: records in the order of `plan.lanes`; nil if `observe` returned `.stop`, even at the last epoch.
public func run<P: Problem>(_ plan: GroupPlan<P>, observe: ([Observation]) -> Flow) -> [TrialRecord]? {
    withFlushedDenormals { plan.problem.train(plan.lanes, at: plan.coordinates, observe: observe) }
}

/// Trains every lane of `plan`, which may take hours: lanes can be resumed from checkpoints, and the observer can take checkpoints.
/// - Parameters:
///   - checkpoints: one for each lane; nil for a lane that starts from the beginning.
///   - threads: the number of threads that may compute, from 1, the calling one included; only problems with long trials use more than one.
///   - goOn: called on this thread about once a second where the problem takes long. `.stop` stops the whole group.
///   - observe: called on this thread at the end of every epoch if the problem makes checkpoints, otherwise at the points of the curve.
/// - Returns: records in the order of `plan.lanes`, with the bits of a run that was never interrupted; nil after `.stop`.
/// - Throws: for a checkpoint from which the lane cannot be resumed, before the first step.
public func run<P: Problem>(
    _ plan: GroupPlan<P>, from checkpoints: [TrainingState?], threads: Int = 1, goOn: () -> Flow, observe: (EpochEnd) -> Flow
) throws(ParameterError) -> [TrialRecord]? {
    guard checkpoints.count == plan.lanes.count else {
        throw ParameterError("checkpoint", found: checkpoints.count, allowed: "one or none for each of \(plan.lanes.count) lanes")
    }
    for case .some(let checkpoint) in checkpoints { try plan.problem.check(checkpoint) }
    return withFlushedDenormals {
        plan.problem.train(plan.lanes, at: plan.coordinates, from: checkpoints, threads: threads, goOn: goOn, observe: observe)
    }
}
