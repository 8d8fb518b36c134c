// Comparison.swift · Coordinator/Scheduling, for Store. What follows from bits that arrive for a trial that has some.

internal import Vocabulary

enum Comparison {
    /// Bits that were stored beside those of the trial's result, because they differ or differed from them.
    struct Evidence: Equatable {
        var digest: Digest
        var author: Author?
        /// No third worker has decided yet.
        var isOpen: Bool
    }

    enum Finding: Equatable {
        /// These bits, or whose they are, tell nothing new.
        case nothing
        /// Another worker has the same bits.
        case confirms
        /// Another worker has other bits, and a third one has to decide.
        case disagrees
        /// The third worker agrees with one of the two: the bits of the other authors are wrong.
        case settles(wrong: [Author], replacesStored: Bool)
        /// The third worker has a third result.
        case unsettled
    }

    /// - Parameters:
    ///   - new: the bits that arrived, with who computed them, where that is known.
    ///   - stored: the bits of the trial's result.
    ///   - evidence: other bits that arrived for it before.
    static func finding(
        _ new: (digest: Digest, author: Author?), stored: (digest: Digest, author: Author?), evidence: [Evidence]
    ) -> Finding {
        // The same worker twice proves nothing, and a worker without a name may be the same.
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
    /// - Parameter authors: who computed the stored bits and those that arrived, where that is known.
    /// - Returns: nil where nothing differs.
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
