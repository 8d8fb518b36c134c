// Problem.swift · Compute/Training, behind TrialPlan.swift. What the way in asks of a problem.

/// Something that can be trained, lane by lane, from a master seed.
///
/// The protocol is asked once for each group, so that its generality costs the inner loops nothing: a problem owns its data, its step
/// and its kernels. A new one is one conforming type; `run` and `GroupPlan` take it as it is.
public protocol Problem: Sendable, Hashable {
    /// As in a sweep file, such as `diagonal-network`.
    static var name: String { get }

    /// What a plan must be for this problem besides what `GroupPlan` itself asks: algorithms that it knows, initializations that it has.
    func check(_ lanes: [Lane], at coordinates: Coordinates) throws(PlanError)

    /// Called by `run` alone: `lanes` and `coordinates` are those of a checked plan and denormals are flushed.
    ///
    /// A conforming type promises that each record depends on the problem, the coordinates and its own lane and on nothing else, to the
    /// bit; that a diverged lane disturbs no other; and that `observe` is called as `run` says. It must not be inlined into `run`.
    func train(_ lanes: [Lane], at coordinates: Coordinates, observe: ([Observation]) -> Flow) -> [TrialRecord]?

    /// Whether a lane can go on from a checkpoint.
    func check(_ checkpoint: Checkpoint) throws(PlanError)

    /// As above, from where each lane's checkpoint is, each checked, or from its start where it has none. Ends with the bits of a run that
    /// was never interrupted.
    /// - Parameters:
    ///   - threads: how many may work at once, the calling one among them; a problem may well use fewer. They change no bit.
    ///   - goOn: asked often enough that a long trial can be given up within seconds.
    ///   - observe: called at the end of every epoch, or at least of each that has observations.
    func train(
        _ lanes: [Lane], at coordinates: Coordinates, from checkpoints: [Checkpoint?], threads: Int, goOn: () -> Flow,
        observe: (EpochEnd) -> Flow
    ) -> [TrialRecord]?
}

/// A problem whose trials take seconds begins anew instead.
extension Problem {
    public func check(_ checkpoint: Checkpoint) throws(PlanError) {
        throw PlanError(parameter: "checkpoint", value: "after \(checkpoint.epochs) epochs", allowed: "left out with \(Self.name)")
    }

    @inline(never)
    public func train(
        _ lanes: [Lane], at coordinates: Coordinates, from checkpoints: [Checkpoint?], threads: Int, goOn: () -> Flow,
        observe: (EpochEnd) -> Flow
    ) -> [TrialRecord]? {
        train(lanes, at: coordinates) { observations in
            guard goOn() == .goOn else { return .stop }
            // None are observed where the trial only asks whether to go on.
            guard let epoch = observations.first?.point.epoch else { return .goOn }
            return observe(EpochEnd(epoch: epoch, observations: observations) { _ in nil })
        }
    }
}
