// Verification.swift · Coordinator/Scheduling, a part of Verifications. Trials that are computed again to compare the bits, and which ones.
// A trial is a function of its key, so two workers that disagree on one have found a broken machine.

internal import Vocabulary

/// Who answers for bits. Whatever one witness says of a trial, and under however many ids, is one opinion.
enum Witness: Hashable, Sendable {
    /// A worker of this user on this host, or one that has joined without a key: nothing but its id tells it from others.
    case worker(WorkerID)
    /// The holder of a key, who chooses the ids and host names of its workers. The digest is that of ``Author/key``.
    case key(Digest)
}

/// Who computed something.
struct Author: Hashable, Sendable {
    var worker: WorkerID
    var host: String
    /// The SHA-256 of its public key; where a launcher gives one key to workers of several hosts, of the key and the host name. Nil for a
    /// worker without a key.
    var key: Digest?

    init(worker: WorkerID, host: String, key: Digest? = nil) {
        self.worker = worker
        self.host = host
        self.key = key
    }

    var witness: Witness { key.map(Witness.key) ?? .worker(worker) }
}

/// A place where verifications can be computed: a host, as its worker names it, and who answers for what that worker computes.
struct Station: Hashable {
    var host: String
    var witness: Witness
}

/// Stored trials of one group that are computed again by a witness that has not computed them.
struct Verification: Equatable, Sendable {
    /// Grid indices, ascending.
    var trials: [Int]
    /// Those whose bits are compared. Another witness may compute them; one on another host is preferred while there is one.
    var authors: Set<Author>
    /// Workers that were lost while they computed it. At `crashLimit` it is abandoned, with a notice: its trials have their results.
    var crashes = 0

    func isBy(_ witness: Witness) -> Bool { authors.contains { $0.witness == witness } }

    /// Whether a worker at this station may compute it: no author, and one on the host of an author only where nobody else could.
    /// - Parameter stations: where workers are that are given work.
    func isEligible(_ station: Station, among stations: Set<Station>) -> Bool {
        func isElsewhere(_ station: Station) -> Bool { !authors.contains { $0.host == station.host } }
        guard !isBy(station.witness) else { return false }
        // A witness may call its hosts what it likes: one that may not compute it keeps nobody else from it.
        return isElsewhere(station) || !stations.contains { isElsewhere($0) && !isBy($0.witness) }
    }
}

extension [Verification] {
    /// The verifications of an audited block: one for each witness that computed some of it, since another witness may verify what this
    /// one computed, and this one the rest.
    /// - Parameter author: of a trial; nil where nobody knows.
    init(of trials: [Int], author: (Int) -> Author?) {
        var parts: [Verification] = [], position: [Witness?: Int] = [:]
        for trial in trials {
            let author = author(trial)
            if position[author?.witness] == nil {
                position[author?.witness] = parts.count
                parts.append(Verification(trials: [], authors: []))
            }
            let index = position[author?.witness]!
            parts[index].trials.append(trial)
            if let author { parts[index].authors.insert(author) }
        }
        self = parts
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
