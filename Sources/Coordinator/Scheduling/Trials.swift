// Trials.swift · Coordinator/Scheduling, a part of Scheduler. Where each trial of the grid is, and what the next lease of it needs:
// its attempts, the losses of its baseline, its checkpoint. Knows leases by their ids and no worker.

internal import Vocabulary
internal import Wire

struct Trials {
    let grid: Grid
    /// By grid index; changed by `move` alone.
    private(set) var states: [TrialState]
    /// The trials that are `waiting`, in the order in which they are handed out.
    private(set) var queue: WaitingTrials
    /// How many leases each trial has had in this run, copies included; 0 once the store has it.
    private(set) var attempts: [Int32]
    /// Trials that the store does not have.
    private(set) var remaining: Int
    /// Outcomes of the trials that the store has.
    private(set) var counts: TrialCounts
    /// Test loss by epoch of the stored baselines, by grid index; only of groups that have trials in the queue.
    private(set) var baselines: [Int: [Int: Double]]
    /// The checkpoints that the store has of trials without a result, by grid index.
    private(set) var checkpoints: [Int: CheckpointMark]
}

/// How many trials the store has, by outcome.
struct TrialCounts: Equatable, Sendable {
    var done = 0
    var diverged = 0
    var failed = 0

    var total: Int { done + diverged + failed }

    mutating func count(_ outcome: Outcome) { count(name: outcome.name) }

    /// A result arrived for a trial whose failure is stored.
    mutating func replaceFailure(by outcome: Outcome) {
        failed -= 1
        count(outcome)
    }

    /// - Parameter name: an `Outcome.name`, as the store has it.
    mutating func count(name: String) {
        switch name {
        case "done": done += 1
        case "diverged": diverged += 1
        default: failed += 1
        }
    }
}

/// Names a checkpoint that the store has, without its content, which is large.
struct CheckpointMark: Equatable, Sendable {
    var key: TrialKey
    var epoch: Int
}

extension Trials {
    /// - Parameters:
    ///   - stored: whether the store has a result or a failure of the trial with this grid index.
    ///   - failed: whether it has a failure, which a late result still replaces; asked of stored trials.
    ///   - counts: the outcomes of the stored trials.
    ///   - baselines: test losses of stored baselines, by grid index.
    ///   - checkpoints: those that the store has; of trials of other sweeps as well.
    init(
        _ grid: Grid, stored: (Int) -> Bool, failed: (Int) -> Bool, counts: TrialCounts, baselines: [Int: [Int: Double]],
        checkpoints: [CheckpointMark]
    ) {
        let states: [TrialState] = (0..<grid.count).map { stored($0) ? failed($0) ? .failed : .stored : .waiting }
        let queue = WaitingTrials(grid.groups.map(\.trials), isWaiting: states.map { $0 == .waiting })
        let marks = checkpoints.compactMap { mark in grid.index(of: mark.key).map { ($0, mark) } }
        self.init(
            grid: grid, states: states, queue: queue, attempts: Array(repeating: 0, count: grid.count), remaining: queue.count,
            counts: counts, baselines: baselines, checkpoints: Dictionary(marks) { first, _ in first })
    }

    // MARK: Questions

    subscript(index: Int) -> TrialState { states[index] }

    /// Whether the next result for this trial decides it. False for a repeat, which the store recognises.
    func awaitsResult(_ index: Int) -> Bool {
        switch states[index] {
        case .waiting, .leased: true
        case .delivered, .stored, .failed: false
        }
    }

    /// Whether the store has a result or a failure of it.
    func isPersisted(_ index: Int) -> Bool {
        switch states[index] {
        case .stored, .failed: true
        case .waiting, .leased, .delivered: false
        }
    }

    /// The lease that holds the trial; nil where no worker has it.
    func holder(of index: Int) -> LeaseID? {
        if case .leased(let id) = states[index] { id } else { nil }
    }

    /// Those of these trials that the lease still holds, in their order.
    func held(by lease: LeaseID, among trials: [Int]) -> [Int] { trials.filter { states[$0] == .leased(lease) } }

    func attempts(of index: Int) -> Int { Int(attempts[index]) }

    /// Whether a group's baseline is being computed or written: its other trials would have to report losses without ratios.
    func awaitsBaseline(_ group: Int) -> Bool {
        guard let first = grid.groups[group].trials.first, grid.isBaseline(first) else { return false }
        switch states[first] {
        case .leased, .delivered: return true
        case .waiting, .stored, .failed: return false
        }
    }

    /// The baselines of a group that are known already.
    func knownBaselines(of group: Int) -> [Baseline] {
        guard !baselines.isEmpty else { return [] }
        var known: [Baseline] = []
        for index in grid.groups[group].trials {
            // Baselines are the first trials of a group.
            guard grid.isBaseline(index) else { break }
            if let testLoss = baselines[index] { known.append(Baseline(setting: grid.setting(of: index), testLoss: testLoss)) }
        }
        return known
    }

    // MARK: Moves

    /// Every change of a state goes through here and is a legal one.
    private mutating func move(_ index: Int, _ move: TrialMove) {
        guard let next = states[index].after(move) else {
            preconditionFailure("trial \(index) is \(states[index]), and \(move) is no legal move from there")
        }
        states[index] = next
    }

    /// - Parameter indices: waiting trials of the group, ascending; at least one.
    mutating func lease(_ indices: [Int], of group: Int, as id: LeaseID) {
        queue.remove(indices, from: group)
        for index in indices {
            move(index, .lease(id))
            attempts[index] += 1
        }
    }

    /// A copy of their lease is given to another worker, which is an attempt as well.
    /// - Parameter indices: leased trials.
    mutating func countCopy(of indices: [Int]) {
        for index in indices {
            precondition(holder(of: index) != nil, "trial \(index) is copied and is \(states[index])")
            attempts[index] += 1
        }
    }

    /// - Parameter indices: leased trials of the group; none is fine.
    mutating func requeue(_ indices: [Int], of group: Int) {
        for index in indices { move(index, .requeue) }
        queue.put(back: indices, to: group)
    }

    /// - Parameter indices: leased trials.
    mutating func transfer(_ indices: [Int], to id: LeaseID) {
        for index in indices { move(index, .transfer(to: id)) }
    }

    /// - Parameter index: a trial that awaits a result.
    mutating func deliver(_ index: Int) {
        if states[index] == .waiting { queue.remove([index], from: grid.group(of: index)) }
        move(index, .deliver)
    }

    /// The store has taken a result or a failure.
    /// - Returns: whether that is news, and not a repeat.
    mutating func persist(_ result: TrialResult, _ index: Int) -> Bool {
        let old = states[index]
        move(index, result.isFailure ? .persistFailure : .persistResult)
        guard states[index] != old else { return false }
        if old == .failed {
            counts.replaceFailure(by: result.outcome)
        } else {
            counts.count(result.outcome)
            remaining -= 1
        }
        attempts[index] = 0
        if !result.isFailure { checkpoints[index] = nil }
        updateBaselines(result, index)
        return true
    }

    private mutating func updateBaselines(_ result: TrialResult, _ index: Int) {
        let group = grid.group(of: index), hasWaiting = queue.count(in: group) > 0
        if hasWaiting, !result.isFailure, grid.isBaseline(index) {
            baselines[index] = Dictionary(result.curve.map { ($0.epoch, $0.testLoss) }) { first, _ in first }
        }
        // The curves of a finished group are in the store; those of a million groups must not stay in memory.
        guard !hasWaiting, !baselines.isEmpty else { return }
        for trial in grid.groups[group].trials {
            guard grid.isBaseline(trial) else { break }
            baselines[trial] = nil
        }
    }

    // MARK: Checkpoints

    /// The store has taken a checkpoint. One of a stored trial, or an older one than is known, changes nothing.
    mutating func persist(_ mark: CheckpointMark) {
        guard let index = grid.index(of: mark.key), states[index] != .stored, mark.epoch >= checkpoints[index]?.epoch ?? 0 else { return }
        checkpoints[index] = mark
    }

    /// The next lease of the trial starts from the beginning.
    mutating func removeCheckpoint(of index: Int) { checkpoints[index] = nil }
}

// MARK: What is true at any time

extension Trials {
    /// Appends what should be true of the trials and is not. It costs one pass over the trials and another over the queue.
    /// - Returns: how many trials are leased, to be compared with the leases.
    func findBroken(_ broken: inout [String]) -> Int {
        var waiting = 0, leased = 0, delivered = 0, failed = 0
        for index in states.indices {
            var waits = false, isPersisted = false
            switch states[index] {
            case .waiting:
                waiting += 1
                waits = true
            case .leased: leased += 1
            case .delivered: delivered += 1
            case .stored: isPersisted = true
            case .failed:
                failed += 1
                isPersisted = true
            }
            if waits != queue.contains(index) { broken.append("trial \(index) is \(states[index]), the queue says otherwise") }
            if isPersisted, attempts[index] != 0 { broken.append("trial \(index) is stored and has \(attempts[index]) attempts") }
        }
        let unstored = waiting + leased + delivered, inOrder = queue.countInOrder, stored = states.count - remaining
        if waiting != queue.count { broken.append("\(waiting) trials wait, the queue says \(queue.count)") }
        if inOrder != queue.count { broken.append("the queue hands out \(inOrder) trials and says \(queue.count)") }
        if unstored != remaining { broken.append("\(unstored) trials are not stored, the count says \(remaining)") }
        if counts.total != stored { broken.append("\(stored) trials are stored, the count says \(counts)") }
        if counts.failed != failed { broken.append("\(failed) trials failed, the count says \(counts.failed)") }
        for index in baselines.keys where !grid.isBaseline(index) || states[index] != .stored {
            broken.append("trial \(index) is a baseline and \(states[index])")
        }
        return leased
    }
}

extension TrialResult {
    var isFailure: Bool {
        if case .failed = outcome { true } else { false }
    }
}
