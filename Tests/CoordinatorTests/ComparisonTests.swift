// ComparisonTests.swift · Tests/CoordinatorTests. What follows from bits that arrive for a trial that has a result, as values.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Comparison of bits") struct ComparisonTests {
    private let a = Author(worker: ada, host: "ada"), b = Author(worker: bob, host: "bob")
    private let c = Author(worker: WorkerID(high: 3, low: 0), host: "cyd")
    private let x = Digest(of: "x"), y = Digest(of: "y"), z = Digest(of: "z")

    private func bits(_ digest: Digest, _ author: Author?) -> ComputedBits { ComputedBits(digest: digest, author: author) }

    @Test("two workers confirm each other or differ, and a third one decides; one worker alone proves nothing") func findings() {
        typealias Evidence = Comparison.Evidence
        let byBob = Evidence(digest: y, author: b, isOpen: true)
        for (new, evidence, finding) in [
            ((x, a), [], .nothing), ((x, b), [], .confirms), ((y, b), [], .disagrees), ((y, a), [], .disagrees),
            ((y, b), [byBob], .nothing), ((x, c), [byBob], .settles(wrong: [b], replacesStored: false)),
            ((y, c), [byBob], .settles(wrong: [a], replacesStored: true)), ((z, c), [byBob], .unsettled), ((x, a), [byBob], .nothing),
            ((y, c), [Evidence(digest: y, author: b, isOpen: false)], .nothing),
        ] as [((Digest, Author), [Evidence], Comparison.Finding)] {
            #expect(Comparison.finding(bits(new.0, new.1), stored: bits(x, a), evidence: evidence) == finding)
        }
        #expect(Comparison.finding(bits(x, b), stored: bits(x, nil), evidence: []) == .nothing)
    }

    @Test("the workers of one key are one witness: they confirm nothing, overrule nobody and close no conflict") func oneKey() {
        typealias Evidence = Comparison.Evidence
        let key = Digest(of: "mallory")
        let first = Author(worker: WorkerID(high: 8, low: 0), host: "m", key: key)
        let second = Author(worker: WorkerID(high: 9, low: 0), host: "n", key: key)
        func finding(_ new: (Digest, Author), stored: (Digest, Author), _ evidence: [(Digest, Author)]) -> Comparison.Finding {
            Comparison.finding(
                bits(new.0, new.1), stored: bits(stored.0, stored.1),
                evidence: evidence.map { Evidence(digest: $0.0, author: $0.1, isOpen: true) })
        }
        // What it forged it does not confirm, and what is honest it does not replace.
        #expect(finding((x, second), stored: (x, first), []) == .nothing)
        #expect(finding((y, first), stored: (x, a), []) == .disagrees)
        #expect(finding((y, second), stored: (x, a), [(y, first)]) == .nothing)
        #expect(finding((x, b), stored: (x, a), [(y, first)]) == .settles(wrong: [first], replacesStored: false))
        #expect(finding((x, second), stored: (x, first), [(y, a)]) == .nothing)
        #expect(finding((y, b), stored: (x, first), [(y, a)]) == .settles(wrong: [first], replacesStored: true))
        // A third result that is its second one leaves the trial open, and so does one that stands alone against its two.
        #expect(finding((z, second), stored: (x, a), [(y, first)]) == .nothing)
        #expect(finding((z, a), stored: (x, first), [(y, second)]) == .disagrees)
        #expect(finding((z, b), stored: (x, first), [(y, second), (z, a)]) == .settles(wrong: [first, second], replacesStored: true))
    }

    @Test("of each finding the journal writes down who confirmed, who differed and what was decided, in this order") func changes() {
        let stored = bits(x, a), new = bits(y, c)
        func changes(_ finding: Comparison.Finding) -> [Comparison.Change] { Comparison.changes(for: finding, new, stored: stored) }
        #expect(changes(.nothing) == [])
        #expect(changes(.confirms) == [.confirm(by: c)])
        #expect(changes(.disagrees) == [.add(Conflict(bits: new, stored: stored, verdict: .open))])
        #expect(changes(.unsettled) == [.decide(.allDiffer), .add(Conflict(bits: new, stored: stored, verdict: .allDiffer))])
        #expect(changes(.settles(wrong: [b], replacesStored: false)) == [.decide(.storedWasRight)])
        #expect(
            changes(.settles(wrong: [a], replacesStored: true)) == [
                .decide(.storedWasWrong), .add(Conflict(bits: stored, stored: new, verdict: .wrong)), .replaceResult,
            ])
        #expect(Comparison.changes(for: .confirms, bits(x, nil), stored: stored) == [])
    }

    @Test("the authors of bits that two others contradict are distrusted, and nobody else") func distrust() {
        #expect(Conflict.Verdict.allCases.filter(\.distrustsAuthor) == [.storedWasRight, .wrong])
        // These texts are in stores of earlier releases.
        #expect(
            Conflict.Verdict.allCases.map(\.rawValue) == ["open", "three different", "the first was wrong", "the first was right", "wrong"])
    }
}
