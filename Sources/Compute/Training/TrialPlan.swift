// TrialPlan.swift · Compute/Training, the reader's way in: run(plan, observe:) → records.
// In: a problem, the coordinates of a group and its lanes, all checked here. Out: one record for each lane.
// Knows no file, socket or clock; calls no other room.

/// A value that no trial can be computed with.
public struct PlanError: Error, Hashable, CustomStringConvertible {
    /// As it is called in a sweep file, such as `batch_size`.
    public var parameter: String
    public var value: String
    /// What would be accepted, for people.
    public var allowed: String

    public init(parameter: String, value: String, allowed: String) {
        self.parameter = parameter
        self.value = value
        self.allowed = allowed
    }

    public var description: String { "\(parameter) = \(value) cannot be computed: it must be \(allowed)" }
}

/// - Throws: for a value outside the range, NaN included.
func require<Value: Comparable>(_ name: String, _ value: Value, _ range: ClosedRange<Value>) throws(PlanError) {
    if !range.contains(value) {
        throw PlanError(parameter: name, value: "\(value)", allowed: "from \(range.lowerBound) to \(range.upperBound)")
    }
}

/// Trials that share problem, training set, initialization and replicate, and so run as SIMD lanes side by side.
public struct GroupPlan<P: Problem>: Sendable, Hashable {
    public let problem: P
    public let coordinates: Coordinates
    /// In any order, repeats allowed; a lane's result does not depend on the others.
    public let lanes: [Lane]

    /// Checks here, once, what the kernels then rely on: they are compiled without traps.
    /// - Throws: for a coordinate that does not fit its field of the random counters, for a strength that is negative or not finite and
    ///   for a learning rate that is not positive and finite; and for what the problem itself refuses.
    public init(problem: P, coordinates: Coordinates, lanes: [Lane]) throws(PlanError) {
        for (name, value, end) in [
            ("training_set", coordinates.trainingSet, 1 << 16), ("initialization", coordinates.initialization, 1 << 16),
            ("replicate", coordinates.replicate, 1 << 24),
        ] where !(0..<end).contains(value) {
            throw PlanError(parameter: name, value: "\(value)", allowed: "from 0 to \(end - 1)")
        }
        for lane in lanes {
            for (name, value) in [("lambda1", lane.lambda1), ("lambda2", lane.lambda2)] where !(value >= 0 && value.isFinite) {
                throw PlanError(parameter: name, value: "\(value)", allowed: "at least 0 and finite")
            }
            guard lane.learningRate > 0, lane.learningRate.isFinite else {
                throw PlanError(parameter: "learning_rate", value: "\(lane.learningRate)", allowed: "above 0 and finite")
            }
        }
        try problem.check(lanes, at: coordinates)
        self.problem = problem
        self.coordinates = coordinates
        self.lanes = lanes
    }
}

/// Trains every lane of `plan` on the calling thread.
/// - Parameter observe: called on this thread at every epoch of the curve rule with one observation for each lane still alive there, in
///   order of lane; not called once all have diverged. `.stop` gives the group up.
/// - Returns: records in the order of `plan.lanes`; nil if `observe` said stop, even at the last epoch.
public func run<P: Problem>(_ plan: GroupPlan<P>, observe: ([Observation]) -> Flow) -> [TrialRecord]? {
    withFlushedDenormals { plan.problem.train(plan.lanes, at: plan.coordinates, observe: observe) }
}

/// The same for trials that may take hours: from checkpoints, and with checkpoints to be had.
/// - Parameters:
///   - checkpoints: one for each lane, nil for one that begins.
///   - threads: how many may work at once, from 1, the calling one among them; only problems with long trials use more than one.
///   - goOn: asked on this thread every second or so where the problem takes long. `.stop` gives the group up.
///   - observe: called on this thread at the end of every epoch if the problem makes checkpoints, else when the other `run` calls it.
/// - Returns: as above, with the bits of a run that was never interrupted.
/// - Throws: for a checkpoint that is not one of such a trial.
public func run<P: Problem>(
    _ plan: GroupPlan<P>, from checkpoints: [Checkpoint?], threads: Int = 1, goOn: () -> Flow, observe: (EpochEnd) -> Flow
) throws(PlanError) -> [TrialRecord]? {
    guard checkpoints.count == plan.lanes.count else {
        throw PlanError(
            parameter: "checkpoint", value: "\(checkpoints.count)", allowed: "one or none for each of \(plan.lanes.count) lanes")
    }
    for case .some(let checkpoint) in checkpoints { try plan.problem.check(checkpoint) }
    return withFlushedDenormals {
        plan.problem.train(plan.lanes, at: plan.coordinates, from: checkpoints, threads: threads, goOn: goOn, observe: observe)
    }
}
