// Verification.swift · Coordinator/Scheduling, a part of Verifications. Trials that are computed again to compare the bits, and which ones.
// A trial is a function of its key, so two workers that disagree on one have found a broken machine.

internal import Vocabulary

/// Who computed something.
struct Author: Hashable, Sendable {
    var worker: WorkerID
    var host: String
}

/// Stored trials of one group that are computed again by a worker that has not computed them.
struct Verification: Equatable, Sendable {
    /// Grid indices, ascending.
    var trials: [Int]
    /// Workers whose bits are compared. Another process may compute them; one on another host is preferred while there is one.
    var authors: Set<Author>
    /// Workers that were lost while they computed it. At `crashLimit` it is abandoned, with a notice: its trials have their results.
    var crashes = 0

    func isBy(_ worker: WorkerID) -> Bool { authors.contains { $0.worker == worker } }

    /// Whether a worker on this host may compute it, unless it is an author: a worker on the host of an author only where no other host has
    /// workers.
    /// - Parameter hosts: where workers are that are given work.
    func isEligible(_ host: String, among hosts: Set<String>) -> Bool {
        func isElsewhere(_ host: String) -> Bool { !authors.contains { $0.host == host } }
        return isElsewhere(host) || !hosts.contains(where: isElsewhere)
    }
}

/// Two workers' bits of a trial differ.
struct Disagreement: Equatable, Sendable {
    var trial: TrialKey
    var authors: [Author]
    enum Verdict: Equatable, Sendable {
        /// A third worker has to compute it.
        case open
        /// Two workers agree: the bits of these authors are wrong.
        case settled(wrong: [Author])
        /// Three workers have three results.
        case unsettled
    }
    var verdict: Verdict
}

/// Which trials are verified without a reason: a share of the blocks that kernels run in one go, since a block costs as much as one of
/// its trials. A block is chosen by the key of its first trial, so the choice depends on the seed alone and is the same in every run.
struct Audit: Equatable, Sendable {
    /// Share of the blocks, 0…1.
    var share: Double
    /// Trials of a block.
    var lanes: Int

    /// The block of a trial if it is audited, else nil.
    func block(of index: Int, in grid: Grid) -> Range<Int>? {
        guard share > 0 else { return nil }
        let group = grid.groups[grid.group(of: index)].trials
        let start = index - (index - group.lowerBound) % lanes
        // The key is a hash: its lower half is as good as a random number.
        guard Double(grid.key(of: start).low) < share * 0x1p64 else { return nil }
        return start..<min(start + lanes, group.upperBound)
    }

    /// Every audited block, in the order of the grid.
    func blocks(of grid: Grid) -> [Range<Int>] {
        guard share > 0 else { return [] }
        return grid.groups.flatMap { stride(from: $0.trials.lowerBound, to: $0.trials.upperBound, by: lanes) }.compactMap {
            block(of: $0, in: grid)
        }
    }
}
