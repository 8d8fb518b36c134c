// TrialState.swift · Coordinator/Scheduling, a part of Trials. The states of a trial and the table of the moves between them.

internal import Vocabulary

/// Where a trial is between the grid and the store. A trial that the store has from an earlier run starts as `stored` or `failed`.
enum TrialState: Equatable {
    /// No worker has it; it is in the queue.
    case waiting
    /// A worker has it with this lease. The copy of a lease holds no trial itself: they stay with the original.
    case leased(LeaseID)
    /// Its result has arrived and is not durable yet. Nobody else is given the trial.
    case delivered
    /// The store has its result.
    case stored
    /// The store has a failure. Nobody is given the trial again in this run, but a late result still replaces the failure.
    case failed
}

/// The reasons for which a trial changes its state; ``TrialState/after(_:)`` says which are legal where, and what they lead to.
enum TrialMove: Equatable {
    /// A worker is given the trial.
    case lease(LeaseID)
    /// Its lease ended without a result for it, and the copy of that lease goes on as its holder.
    case transfer(to: LeaseID)
    /// Its lease ended without a result for it, and no copy is there.
    case requeue
    /// A result has arrived, or a failure that is final: enough workers failed at the trial or were lost over it.
    case deliver
    /// A result became durable.
    case persistResult
    /// A failure became durable.
    case persistFailure
}

extension TrialState {
    /// The table of legal moves.
    /// - Returns: the state that the move leads to; nil where it is illegal.
    func after(_ move: TrialMove) -> TrialState? {
        switch (self, move) {
        case (.waiting, .lease(let id)): .leased(id)
        case (.waiting, .deliver): .delivered

        case (.leased, .transfer(let id)): .leased(id)
        case (.leased, .requeue): .waiting
        case (.leased, .deliver): .delivered

        case (.delivered, .persistResult): .stored
        case (.delivered, .persistFailure): .failed

        // What becomes durable a second time is the same result, or a failure of another attempt, and changes nothing.
        case (.stored, .persistResult), (.stored, .persistFailure): .stored

        case (.failed, .persistResult): .stored
        case (.failed, .persistFailure): .failed

        case (.waiting, .transfer), (.waiting, .requeue), (.waiting, .persistResult), (.waiting, .persistFailure): nil
        case (.leased, .lease), (.leased, .persistResult), (.leased, .persistFailure): nil
        case (.delivered, .lease), (.delivered, .transfer), (.delivered, .requeue), (.delivered, .deliver): nil
        case (.stored, .lease), (.stored, .transfer), (.stored, .requeue), (.stored, .deliver): nil
        case (.failed, .lease), (.failed, .transfer), (.failed, .requeue), (.failed, .deliver): nil
        }
    }
}
