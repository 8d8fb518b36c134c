// Comparison.swift · Coordinator/Store, beside Journal. What follows when bits arrive for a trial that has a result already. It is decided
// here as changes to make; which tables or dictionaries hold them is the journal's business.

internal import Vocabulary

/// The digest of a trial's result and the worker that computed it; nil where nobody knows.
struct ComputedBits: Equatable, Sendable {
    var digest: Digest
    var author: Author?
}

/// Two workers' bits of one trial that differ, as a journal keeps them.
struct Conflict: Equatable {
    enum Verdict: String, CaseIterable {
        /// A third worker has to compute the trial.
        case open
        case allDiffer = "three different"
        /// Two agree with `bits`, which are the stored result now.
        case storedWasWrong = "the first was wrong"
        /// Two agree with `stored`.
        case storedWasRight = "the first was right"
        /// `bits` were the stored result until two others agreed against them.
        case wrong

        /// Whether two other workers agree against the author of `bits`.
        var distrustsAuthor: Bool {
            switch self {
            case .storedWasRight, .wrong: true
            case .open, .allDiffer, .storedWasWrong: false
            }
        }
    }

    var bits: ComputedBits
    /// The trial's result at the time of the conflict; for `wrong`, the bits that replaced it.
    var stored: ComputedBits
    var verdict: Verdict

    var authors: Set<Author> { Set([bits.author, stored.author].compactMap { $0 }) }
}

enum Comparison {
    /// Bits that were stored beside those of the trial's result, because they differ or differed from them.
    struct Evidence: Equatable {
        var digest: Digest
        var author: Author?
        /// No third worker has decided yet.
        var isOpen: Bool
    }

    enum Finding: Equatable {
        /// The bits are known, or their author is.
        case nothing
        /// Another witness has the same bits.
        case confirms
        /// There are other bits, and a third witness has to decide.
        case disagrees
        /// The third worker agrees with one of the two: the bits of the other authors are wrong.
        case settles(wrong: [Author], replacesStored: Bool)
        /// The third worker has a third result.
        case unsettled
    }

    /// One thing for the journal to write down.
    enum Change: Equatable {
        /// Another worker has computed the stored bits.
        case confirm(by: Author)
        /// Every open conflict of the trial gets this verdict.
        case decide(Conflict.Verdict)
        case add(Conflict)
        /// The result that has just come takes the place of the stored one.
        case replaceResult
    }

    /// - Parameters:
    ///   - stored: the bits of the trial's result.
    ///   - evidence: other bits that arrived for it before.
    static func finding(_ new: ComputedBits, stored: ComputedBits, evidence: [Evidence]) -> Finding {
        // The same witness twice proves nothing, and a worker without a name may be the same.
        func isSame(_ other: Author?) -> Bool { new.author == nil || other == nil || new.author?.witness == other?.witness }
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
        guard !open.isEmpty else { return .disagrees }
        // Three results are three opinions only if three witnesses have them. One that says something new each time decides nothing, and
        // another one's word against it needs a third.
        let others = Set(([stored.author] + open.map(\.author)).map { $0?.witness })
        guard !others.contains(new.author?.witness) else { return .nothing }
        return others.count < 2 ? .disagrees : .unsettled
    }

    /// - Returns: what has to be written down of a finding, in this order.
    static func changes(for finding: Finding, _ new: ComputedBits, stored: ComputedBits) -> [Change] {
        switch finding {
        case .nothing: []
        case .confirms: new.author.map { [.confirm(by: $0)] } ?? []
        case .disagrees: [.add(Conflict(bits: new, stored: stored, verdict: .open))]
        case .unsettled: [.decide(.allDiffer), .add(Conflict(bits: new, stored: stored, verdict: .allDiffer))]
        case .settles(_, replacesStored: false): [.decide(.storedWasRight)]
        case .settles(_, replacesStored: true):
            // The result that is replaced becomes evidence.
            [.decide(.storedWasWrong), .add(Conflict(bits: stored, stored: new, verdict: .wrong)), .replaceResult]
        }
    }
}

extension Comparison.Finding {
    /// - Parameters:
    ///   - stored: what stood as the trial's result.
    ///   - new: the bits that came.
    /// - Returns: what the scheduler has to be told; nil where nothing differs.
    func disagreement(on trial: TrialKey, _ new: ComputedBits, stored: ComputedBits) -> Disagreement? {
        let authors = [stored.author, new.author].compactMap { $0 }
        return switch self {
        case .nothing, .confirms: nil
        case .disagrees: Disagreement(trial: trial, authors: authors, verdict: .open)
        case .settles(let wrong, _): Disagreement(trial: trial, authors: authors, verdict: .settled(wrong: wrong))
        case .unsettled: Disagreement(trial: trial, authors: authors, verdict: .unsettled)
        }
    }
}
