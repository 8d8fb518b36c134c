// Verification.swift · Coordinator/Scheduling, beside TrialState. Trials that are computed again to compare the bits, and which ones.
// A trial is a function of its key, so two workers that disagree on one have found a broken machine.

internal import Vocabulary
internal import Wire

/// Who computed something.
struct Author: Hashable, Sendable {
    var worker: WorkerID
    var host: String
}

/// Stored trials of one group that a worker which has not computed them is to compute again.
struct Verification: Equatable, Sendable {
    /// Grid indices, ascending.
    var trials: [Int]
    /// Whose bits are compared. Another process will do; another host is preferred while one is there.
    var authors: Set<Author>
    /// Two have disagreed and this one decides.
    var isThird = false
    /// Workers that died while they computed it. At `crashLimit` it is left out, and said to be: its trials have their results.
    var crashes = 0

    func isOf(_ worker: WorkerID) -> Bool { authors.contains { $0.worker == worker } }

    /// Whether a worker of this host may do it, unless it is an author: one that stands beside an author only where there is none farther
    /// away.
    /// - Parameter hosts: where workers are that get work.
    func suits(_ host: String, among hosts: Set<String>) -> Bool {
        func isElsewhere(_ host: String) -> Bool { !authors.contains { $0.host == host } }
        return isElsewhere(host) || !hosts.contains(where: isElsewhere)
    }
}

/// Two workers' bits of a trial differ.
struct Disagreement: Equatable, Sendable {
    var trial: TrialKey
    var authors: [Author]
    enum Verdict: Equatable, Sendable {
        /// A third has to compute it.
        case open
        /// Two agree: these authors' bits are wrong.
        case settled(wrong: [Author])
        /// All three differ.
        case unsettled
    }
    var verdict: Verdict
}

/// Which trials are checked without a reason: a share of the blocks that kernels run in one go, since a block costs as much as one of
/// its trials. A block is chosen by the key of its first trial, so the choice is the seed's and the same in every run.
struct Audit: Equatable, Sendable {
    /// 0…1.
    var share: Double
    /// Trials of a block.
    var lanes: Int

    /// The block of a trial if it is to be checked.
    func block(of index: Int, in grid: Grid) -> Range<Int>? {
        guard share > 0 else { return nil }
        let group = grid.groups[grid.group(of: index)].trials
        let start = index - (index - group.lowerBound) % lanes
        // The key is a hash: its lower half is as good as a random number.
        guard Double(grid.key(of: start).low) < share * 0x1p64 else { return nil }
        return start..<min(start + lanes, group.upperBound)
    }

    /// Every block that is to be checked.
    func blocks(of grid: Grid) -> [Range<Int>] {
        guard share > 0 else { return [] }
        return grid.groups.flatMap { stride(from: $0.trials.lowerBound, to: $0.trials.upperBound, by: lanes) }.compactMap {
            block(of: $0, in: grid)
        }
    }
}

/// What follows from bits that arrive for a trial that has some.
enum Comparison {
    struct Evidence: Equatable {
        var digest: Digest
        var author: Author?
        /// Nobody has decided yet.
        var isOpen: Bool
    }

    enum Finding: Equatable {
        /// Known already.
        case nothing
        /// Another worker has the same bits.
        case confirms
        case disagrees
        case settles(wrong: [Author], replacesStored: Bool)
        case unsettled
    }

    /// - Parameters:
    ///   - stored: what stands as the trial's result.
    ///   - evidence: other bits that have come for it.
    static func finding(
        _ new: (digest: Digest, author: Author?), stored: (digest: Digest, author: Author?), evidence: [Evidence]
    ) -> Finding {
        // A worker that says the same again says nothing new, and of one without a name nobody knows whether it does.
        func isSame(_ other: Author?) -> Bool { new.author == nil || other == nil || new.author?.worker == other?.worker }
        let open = evidence.filter(\.isOpen)
        if new.digest == stored.digest {
            if isSame(stored.author) { return .nothing }
            return open.isEmpty ? .confirms : .settles(wrong: open.compactMap(\.author), replacesStored: false)
        }
        let agreeing = evidence.filter { $0.digest == new.digest }
        guard agreeing.isEmpty else {
            guard let other = agreeing.first(where: { !isSame($0.author) }), other.isOpen else { return .nothing }
            let others = open.filter { $0.digest != new.digest }.compactMap(\.author)
            return .settles(wrong: [stored.author].compactMap { $0 } + others, replacesStored: true)
        }
        return open.isEmpty ? .disagrees : .unsettled
    }
}

extension Comparison.Finding {
    /// - Parameter authors: of the stored bits and of those that came, where known.
    func disagreement(on trial: TrialKey, between authors: [Author?]) -> Disagreement? {
        let authors = authors.compactMap { $0 }
        return switch self {
        case .nothing, .confirms: nil
        case .disagrees: Disagreement(trial: trial, authors: authors, verdict: .open)
        case .settles(let wrong, _): Disagreement(trial: trial, authors: authors, verdict: .settled(wrong: wrong))
        case .unsettled: Disagreement(trial: trial, authors: authors, verdict: .unsettled)
        }
    }
}
