// LeaseInspector.swift · Tests/SimulationTests. What has to be true of a lease at the moment at which the coordinator decides to send it.

import Vocabulary
import Wire

@testable import regsweep

/// Looks at what a coordinator sends beside what its journal has. It lasts for one incarnation.
final class LeaseInspector {
    private let journal: SimulatedJournal
    private let grid: Grid
    /// Baselines that were stored when the coordinator started, by group. The first lease of such a group has to name them; later ones need
    /// not, since a coordinator forgets the curves of a group as soon as all of its trials are with workers.
    private var baselines: [Int: [Baseline]] = [:]

    init(_ journal: SimulatedJournal, _ grid: Grid) {
        self.journal = journal
        self.grid = grid
        for (number, group) in grid.groups.enumerated()
        where group.trials.contains(where: { journal.contents.rows[grid.key(of: $0)] == nil }) {
            let known = group.trials.filter { grid.isBaseline($0) }.compactMap { index -> Baseline? in
                guard let row = journal.contents.rows[grid.key(of: index)], !row.isFailure else { return nil }
                return Baseline(
                    setting: grid.setting(of: index),
                    testLoss: Dictionary(uniqueKeysWithValues: row.curve.map { ($0.epoch, $0.testLoss) }))
            }
            if !known.isEmpty { baselines[number] = known }
        }
    }

    /// A worker holds leases of these trials: their groups may have no trial that waits by now.
    func note(held keys: some Sequence<TrialKey>) {
        for key in keys { if let index = grid.index(of: key) { baselines[grid.group(of: index)] = nil } }
    }

    /// - Returns: what is wrong with an action, in words; nil when all is well.
    func complaint(about action: CoordinatorAction, _ scheduler: Scheduler) -> String? {
        guard case .send(let envelope, let route) = action, case .lease(let lease) = envelope.message else { return nil }
        if journal.contents.checkpoints[lease.trials[0].key] != nil, lease.checkpoint == nil {
            return "a trial with a checkpoint starts anew"
        }
        guard let id = scheduler.workers.id(at: route), let worker = scheduler.workers[id] else {
            return "lease \(lease.id) goes to nobody"
        }
        if worker.leases.count > worker.credits { return "worker \(id) is given more than it has credits for" }
        let distrusted = journal.distrustedWitnesses()
        // A sound worker has the key of its host, and with it the name of a broken one.
        if distrusted.contains(worker.witness(id)),
            scheduler.workers.byID.contains(where: { SimulatedWorker.isSound($0) && !distrusted.contains($1.witness($0)) })
        {
            return "worker \(id) was found to compute wrong bits, and is given a lease beside others"
        }
        return complaintAboutBaselines(of: lease)
    }

    private func complaintAboutBaselines(of lease: Lease) -> String? {
        // What is computed to compare bits needs none.
        guard lease.trials.contains(where: { journal.contents.rows[$0.key] == nil }), let index = grid.index(of: lease.trials[0].key) else {
            return nil
        }
        guard let expected = baselines.removeValue(forKey: grid.group(of: index)) else { return nil }
        return lease.baselines == expected ? nil : "lease \(lease.id) lacks the baseline of its group, which is stored"
    }
}
