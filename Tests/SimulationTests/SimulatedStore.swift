// SimulatedStore.swift · Tests/SimulationTests. What the store promises the scheduler, without a disk; and what every trial results in.

import Wire

@testable import regsweep

/// Durable results. A real result takes the place of a failure, and what two workers agree on that of what they disagree with; anything
/// else that comes again changes nothing.
struct SimulatedStore {
    private(set) var rows: [TrialKey: TrialResult] = [:]
    private(set) var authors: [TrialKey: Author] = [:]
    private(set) var evidence: [TrialKey: [Comparison.Evidence]] = [:]
    private(set) var confirmed: Set<TrialKey> = []
    /// How often a result of each trial was written with effect, but for those that were found wrong.
    private(set) var writes: [TrialKey: Int] = [:]
    /// A fault to be found: a store without a unique constraint.
    var acceptsRepeats = false
    /// Off, another: whatever comes second confirms what is there.
    var comparesBits = true
    var epoch: UInt64 = 0

    mutating func put(_ deliveries: [Scheduler.Delivery]) -> [Disagreement] {
        var found: [Disagreement] = []
        for delivery in deliveries {
            for result in delivery.results { if let finding = put(result, by: delivery.author) { found.append(finding) } }
        }
        return found
    }

    private mutating func put(_ result: TrialResult, by author: Author) -> Disagreement? {
        guard let old = rows[result.key], !acceptsRepeats, !old.isFailure || result.isFailure else {
            write(result, author)
            if !result.isFailure { writes[result.key, default: 0] += 1 }
            return nil
        }
        guard var digest = result.digest, let first = old.digest else { return nil }
        if !comparesBits { digest = first }
        let stored = authors[result.key]
        let finding = Comparison.finding((digest, author), stored: (first, stored), evidence: evidence[result.key] ?? [])
        switch finding {
        case .nothing: break
        case .confirms: confirmed.insert(result.key)
        case .disagrees, .unsettled:
            evidence[result.key, default: []].append(.init(digest: digest, author: author, isOpen: finding == .disagrees))
            if finding == .unsettled { close(result.key) }
        case .settles(_, let replacesStored):
            close(result.key)
            guard replacesStored else { break }
            evidence[result.key]!.append(.init(digest: first, author: stored, isOpen: false))
            write(result, author)
        }
        return finding.disagreement(on: result.key, between: [stored, author])
    }

    private mutating func write(_ result: TrialResult, _ author: Author) {
        rows[result.key] = result
        authors[result.key] = author
    }

    private mutating func close(_ key: TrialKey) {
        for index in evidence[key]!.indices { evidence[key]![index].isOpen = false }
    }

    /// `run --retry failed`.
    mutating func forgetFailures() { for (key, row) in rows where row.isFailure { rows[key] = nil } }

    /// What the next coordinator has to check, as Resume finds it.
    func checks(_ audit: Audit) -> [Recheck] {
        let grid = SampleSweep.grid
        let third = evidence.filter { $0.value.contains(where: \.isOpen) }.sorted { $0.key < $1.key }.map { key, evidence in
            Recheck(
                trials: [grid.index(of: key)!], authors: Set(evidence.compactMap(\.author) + [authors[key]].compactMap { $0 }),
                isThird: true)
        }
        return third
            + audit.blocks(of: grid).compactMap { block in
                guard block.allSatisfy({ rows[grid.key(of: $0)] != nil }) else { return nil }
                let trials = block.filter { index in
                    let key = grid.key(of: index)
                    return rows[key]?.isFailure == false && !confirmed.contains(key) && evidence[key] == nil
                }
                guard !trials.isEmpty else { return nil }
                return Recheck(trials: trials, authors: Set(trials.compactMap { authors[grid.key(of: $0)] }))
            }
    }

    var counts: Scheduler.Counts {
        var counts = Scheduler.Counts()
        for row in rows.values { counts.count(row.outcome) }
        return counts
    }
}

/// A small sweep whose trials' results are a function of their keys.
enum SampleSweep {
    static let groups = 8, settings = 7

    static let grid = Grid(
        SweepSpec(
            name: "sample", seed: 7, problem: "diagonal-network", parameters: [:], perInitialization: [:], trainingSets: groups,
            initializations: 1, repeats: 1,
            settings: (0..<settings).map { Setting(algorithm: "sgd", lambda1: Double($0), lambda2: 0, learningRate: 0.5) }, curves: [],
            figure: FigureSpec(title: "sample"), warnings: []))

    static let keys = (0..<grid.count).map(grid.key(of:))

    /// - Returns: done, or diverged for one in eight.
    static func result(of key: TrialKey, attempt: Int, seconds: Double) -> TrialResult {
        let loss = Double(key.high % 1000) + 1
        return TrialResult(
            key: key, attempt: attempt, outcome: key.low % 8 == 0 ? .diverged : .done(trainLoss: loss, testLoss: 2 * loss), epochs: 3,
            lossRatio: nil, digest: digests[key], curve: [CurvePoint(epoch: 1, trainLoss: loss, testLoss: 3 * loss)], seconds: seconds)
    }

    static let selfTest = Digest(of: "ours")

    static func failure(of trial: LeasedTrial) -> TrialResult {
        TrialResult(
            key: trial.key, attempt: trial.attempt, outcome: .failed(reason: "no memory"), epochs: 0, lossRatio: nil, digest: nil,
            curve: [],
            seconds: 0)
    }

    /// What a machine makes of it that computes wrong and does not notice.
    static func corrupted(_ result: TrialResult, by number: Int) -> TrialResult {
        var result = result
        if case .done(let train, let test) = result.outcome { result.outcome = .done(trainLoss: train, testLoss: test + 1) }
        result.digest = Digest(of: "\(result.key) by \(number)")
        return result
    }

    private static let digests = Dictionary(uniqueKeysWithValues: keys.map { ($0, Digest(of: "\($0)")) })

    /// What is left of a result when everything is gone that may differ from run to run.
    static func lasting(_ result: TrialResult) -> TrialResult {
        var result = result
        result.attempt = 0
        result.seconds = 0
        return result
    }

    /// Of an undisturbed run.
    static let expected = Dictionary(uniqueKeysWithValues: keys.map { ($0, lasting(result(of: $0, attempt: 0, seconds: 0))) })
}
