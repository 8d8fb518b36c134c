// SchedulerTests+Moves.swift · Tests/CoordinatorTests. The tables of legal moves: every state of a trial and every purpose of a lease with
// every move, the illegal pairs among them.

import Testing
import Vocabulary

@testable import regsweep

@Suite("Scheduler: legal moves") struct SchedulerMoveTests {
    private static let first = LeaseID(incarnation: 1, number: 1), second = LeaseID(incarnation: 1, number: 2)

    private static let states: [TrialState] = [.waiting, .leased(first), .delivered, .stored, .failed]
    private static let moves: [TrialMove] = [
        .lease(second), .transfer(to: second), .requeue, .deliver, .persistResult, .persistFailure,
    ]

    @Test("a trial makes the moves of its table and no other", arguments: states, moves)
    func trials(state: TrialState, move: TrialMove) {
        let legal: [(from: TrialState, move: TrialMove, to: TrialState)] = [
            (.waiting, .lease(Self.second), .leased(Self.second)), (.waiting, .deliver, .delivered),
            (.leased(Self.first), .transfer(to: Self.second), .leased(Self.second)), (.leased(Self.first), .requeue, .waiting),
            (.leased(Self.first), .deliver, .delivered), (.delivered, .persistResult, .stored), (.delivered, .persistFailure, .failed),
            (.stored, .persistResult, .stored), (.stored, .persistFailure, .stored), (.failed, .persistResult, .stored),
            (.failed, .persistFailure, .failed),
        ]
        #expect(state.after(move) == legal.first { $0.from == state && $0.move == move }?.to)
    }

    private static let allPurposes: [LeaseState.Purpose] = [.own(copy: nil), .own(copy: first), .copy(of: first), .verification]
    private static let purposeMoves: [PurposeMove] = [.startCopy(second), .endCopy, .promote]

    @Test("a lease makes the moves of its table and no other", arguments: allPurposes, purposeMoves)
    func purposes(purpose: LeaseState.Purpose, move: PurposeMove) {
        let legal: [(from: LeaseState.Purpose, move: PurposeMove, to: LeaseState.Purpose)] = [
            (.own(copy: nil), .startCopy(Self.second), .own(copy: Self.second)), (.own(copy: Self.first), .endCopy, .own(copy: nil)),
            (.copy(of: Self.first), .promote, .own(copy: nil)),
        ]
        #expect(purpose.after(move) == legal.first { $0.from == purpose && $0.move == move }?.to)
    }

    @Test("an illegal move of a trial or of a lease ends the process and changes nothing") func trapped() async {
        await #expect(processExitsWith: .failure) {
            var trials = Trials(
                SchedulerDriver.grid(groups: 1, settings: 2), stored: { _ in false }, failed: { _ in false }, counts: TrialCounts(),
                baselines: [:], checkpoints: [])
            trials.requeue([0], of: 0)
        }
        await #expect(processExitsWith: .failure) {
            var leases = Leases(SchedulerDriver.grid(groups: 1, settings: 2), incarnation: 1)
            let now = Instant(sinceStart: .zero), id = leases.newID()
            leases.add(LeaseState(worker: ada, group: 0, trials: [0], since: now, purpose: .verification), as: id)
            leases.add(LeaseState(worker: bob, group: 0, trials: [0], since: now, purpose: .copy(of: id)), as: leases.newID())
        }
    }
}
