// SimulatedStore.swift · Tests/SimulationTests. What the store promises the scheduler, without a disk; and what every trial results in.

import Vocabulary
import Wire

@testable import regsweep

/// Durable results. A real result takes the place of a failure, and what two workers agree on that of what they disagree with; anything
/// else that comes again changes nothing.
struct SimulatedStore {
    private(set) var rows: [TrialKey: TrialResult] = [:]
    private(set) var authors: [TrialKey: Author] = [:]
    private(set) var evidence: [TrialKey: [Comparison.Evidence]] = [:]
    private(set) var confirmed: Set<TrialKey> = []
    /// Three workers have three results: nobody can tell which is right, and all three are named.
    private(set) var unsettled: Set<TrialKey> = []
    /// How often a result of each trial was written with effect, but for those that were found wrong.
    private var writes: [TrialKey: Int] = [:]
    /// A trial of which that happened twice.
    private(set) var writtenTwice: TrialKey?
    /// Of `rows`.
    private(set) var counts = TrialCounts()
    /// A fault to be found: a store without a unique constraint.
    var acceptsRepeats = false
    /// Off, another: whatever comes second confirms what is there.
    var comparesBits = true
    var incarnation: UInt64 = 0
    private(set) var checkpoints: [TrialKey: Checkpoint] = [:]

    mutating func put(_ deliveries: [Scheduler.Delivery]) -> [Disagreement] {
        var found: [Disagreement] = []
        for delivery in deliveries {
            for result in delivery.results { if let finding = put(result, by: delivery.author) { found.append(finding) } }
        }
        count()
        return found
    }

    /// The newest of each trial that has no result.
    mutating func put(_ new: [Checkpoint]) {
        for checkpoint in new where rows[checkpoint.key]?.isFailure ?? true {
            if checkpoint.epoch > checkpoints[checkpoint.key]?.epoch ?? 0 { checkpoints[checkpoint.key] = checkpoint }
        }
    }

    private mutating func put(_ result: TrialResult, by author: Author) -> Disagreement? {
        guard let old = rows[result.key], !acceptsRepeats, !old.isFailure || result.isFailure else {
            write(result, author)
            if !result.isFailure {
                writes[result.key, default: 0] += 1
                if writes[result.key]! > 1 { writtenTwice = result.key }
            }
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
            if finding == .unsettled {
                unsettled.insert(result.key)
                close(result.key)
            }
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
        if !result.isFailure { checkpoints[result.key] = nil }
    }

    private mutating func close(_ key: TrialKey) {
        for index in evidence[key]!.indices { evidence[key]![index].isOpen = false }
    }

    /// `run --retry failed`.
    mutating func forgetFailures() {
        for (key, row) in rows where row.isFailure { rows[key] = nil }
        count()
    }

    /// What the next coordinator has to check, as Resume finds it.
    func checks(_ audit: Audit, _ grid: Grid) -> [Verification] {
        let third = evidence.filter { $0.value.contains(where: \.isOpen) }.sorted { $0.key < $1.key }.map { key, evidence in
            Verification(
                trials: [grid.index(of: key)!], authors: Set(evidence.compactMap(\.author) + [authors[key]].compactMap { $0 }))
        }
        return third
            + audit.blocks(of: grid).compactMap { block in
                guard block.allSatisfy({ rows[grid.key(of: $0)] != nil }) else { return nil }
                let trials = block.filter { index in
                    let key = grid.key(of: index)
                    return rows[key]?.isFailure == false && !confirmed.contains(key) && evidence[key] == nil
                }
                guard !trials.isEmpty else { return nil }
                return Verification(trials: trials, authors: Set(trials.compactMap { authors[grid.key(of: $0)] }))
            }
    }

    /// Anew after every transaction: it is the measure of what the scheduler keeps count of bit by bit.
    private mutating func count() {
        counts = TrialCounts()
        for row in rows.values { counts.count(row.outcome) }
    }
}

/// A small sweep whose trials' results are a function of their keys.
struct SampleSweep: Sendable {
    static let groups = 8, settings = 7

    /// Trials of a second that share leases; and trials that have a lease each, read files and make checkpoints.
    static let short = SampleSweep(problem: "diagonal-network", files: [])
    static let long = SampleSweep(
        problem: "convolutional-network", files: [Array(repeating: 7, count: 250), [1], Array(0..<200), Array(repeating: 9, count: 100)])

    /// Of a trial of the long sweep.
    static let epochs = 10
    /// Bytes of a chunk: three of them carry the largest file.
    static let chunkBytes = 100

    let grid: Grid
    let keys: [TrialKey]
    let files: [Digest: [UInt8]]
    /// Of an undisturbed run.
    let expected: [TrialKey: TrialResult]

    private init(problem: String, files: [[UInt8]]) {
        var parameters: [String: ParameterValue] = files.isEmpty ? [:] : ["epochs": .integer(Self.epochs)]
        for (name, file) in zip(["training_images", "training_labels", "test_images", "test_labels"], files) {
            parameters[name] = .text(Digest(of: file).description)
        }
        let grid = Grid(
            SweepSpec(
                name: "sample", seed: 7, problem: problem, parameters: parameters, perInitialization: [:], trainingSets: Self.groups,
                initializations: 1, repeats: 1,
                settings: (0..<Self.settings).map { Setting(algorithm: "sgd", lambda1: Double($0), lambda2: 0, learningRate: 0.5) },
                curves: [], figure: FigureSpec(title: "sample"), warnings: []))
        self.grid = grid
        keys = (0..<grid.count).map(grid.key(of:))
        self.files = Dictionary(uniqueKeysWithValues: files.map { (Digest(of: $0), $0) })
        expected = Dictionary(
            uniqueKeysWithValues: keys.map { ($0, Self.lasting(Self.result(of: $0, attempt: 0, seconds: 0))) })
    }

    /// - Returns: done, or diverged for one in eight.
    static func result(of key: TrialKey, attempt: Int, seconds: Double) -> TrialResult {
        let loss = Double(key.high % 1000) + 1
        return TrialResult(
            key: key, attempt: attempt, outcome: key.low % 8 == 0 ? .diverged : .done(trainLoss: loss, testLoss: 2 * loss), epochs: 3,
            lossRatio: nil, digest: Digest(of: key.bytes), curve: [CurvePoint(epoch: 1, trainLoss: loss, testLoss: 3 * loss)],
            seconds: seconds)
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

    static func checkpoint(of key: TrialKey, epoch: Int) -> Checkpoint {
        Checkpoint(key: key, epoch: epoch, content: key.bytes + [UInt8(epoch)])
    }

    /// What is left of a result when everything is gone that may differ from run to run.
    static func lasting(_ result: TrialResult) -> TrialResult {
        var result = result
        result.attempt = 0
        result.seconds = 0
        return result
    }
}
