// WaitingTrials.swift · Coordinator/Scheduling, a part of Trials. The queue: trials that no worker has, in the order in which they go out.
// An operation costs what it moves, however many trials and groups the sweep has; the one exception is named at `Group.first`.

/// Groups with their waiting trials. Within a group the lowest index goes first, so the baseline heads it;
/// a group to which trials come back goes before the others.
struct WaitingTrials {
    private struct Group {
        /// All trials of the group, waiting or not.
        let trials: Range<Int>
        var count = 0
        /// The lowest index that waits, where `count > 0`. Its search passes over every trial once, and again over those above a trial
        /// that came back.
        var first: Int
        /// Neighbours in the order of groups, where `count > 0`.
        var previous = 0, next = 0
    }

    private var isWaiting: [Bool]
    /// The groups of the sweep, and one more without trials that stands at both ends of the order.
    private var groups: [Group]
    private(set) var count = 0

    private var end: Int { groups.count - 1 }

    /// - Parameter groups: the trials of each group of the sweep, in order; together `0 ..< isWaiting.count`.
    init(_ groups: [Range<Int>], isWaiting: [Bool]) {
        self.isWaiting = isWaiting
        self.groups = groups.map { Group(trials: $0, first: $0.lowerBound) }
        self.groups.append(
            Group(trials: isWaiting.count..<isWaiting.count, first: isWaiting.count, previous: groups.count, next: groups.count))
        for (group, trials) in groups.enumerated() {
            let waiting = trials.count { isWaiting[$0] }
            guard waiting > 0 else { continue }
            self.groups[group].count = waiting
            count += waiting
            skip(in: group)
            link(group, before: end)
        }
    }

    var isEmpty: Bool { count == 0 }

    func count(in group: Int) -> Int { groups[group].count }

    /// The next group; or, if it does not suit, the first that does among the next few.
    /// - Returns: the next group all the same where none of those suits; nil where no trial waits.
    func nextGroup(among few: Int, where suits: (Int) -> Bool) -> Int? {
        guard !isEmpty else { return nil }
        var group = groups[end].next, seen = 0
        while seen < few, group != end {
            if suits(group) { return group }
            group = groups[group].next
            seen += 1
        }
        return groups[end].next
    }

    /// The next trials of a group, at most `limit`, ascending; without those to skip, and up to the first for which the condition does
    /// not hold. They stay in the queue.
    func first(
        _ limit: Int, in group: Int, skipping skips: (Int) -> Bool = { _ in false }, while condition: (Int) -> Bool = { _ in true }
    ) -> [Int] {
        var found: [Int] = [], index = groups[group].first, seen = 0
        while found.count < limit, seen < groups[group].count {
            if isWaiting[index] {
                seen += 1
                if !skips(index) {
                    guard condition(index) else { break }
                    found.append(index)
                }
            }
            index += 1
        }
        return found
    }

    /// - Parameter indices: waiting trials of one group.
    mutating func remove(_ indices: [Int], from group: Int) {
        guard !indices.isEmpty else { return }
        for index in indices { isWaiting[index] = false }
        groups[group].count -= indices.count
        count -= indices.count
        if groups[group].count > 0 { skip(in: group) } else { unlink(group) }
    }

    /// - Parameter indices: of one group; none of them waiting.
    mutating func put(back indices: [Int], to group: Int) {
        guard let lowest = indices.min() else { return }
        for index in indices { isWaiting[index] = true }
        let wasEmpty = groups[group].count == 0
        groups[group].first = wasEmpty ? lowest : min(groups[group].first, lowest)
        groups[group].count += indices.count
        count += indices.count
        if !wasEmpty { unlink(group) }
        link(group, before: groups[end].next)
    }

    private mutating func skip(in group: Int) {
        var index = groups[group].first
        while !isWaiting[index] { index += 1 }
        groups[group].first = index
    }

    private mutating func link(_ group: Int, before next: Int) {
        let previous = groups[next].previous
        groups[group].previous = previous
        groups[group].next = next
        groups[previous].next = group
        groups[next].previous = group
    }

    private mutating func unlink(_ group: Int) {
        groups[groups[group].previous].next = groups[group].next
        groups[groups[group].next].previous = groups[group].previous
    }
}

extension WaitingTrials {
    func contains(_ index: Int) -> Bool { isWaiting[index] }

    /// The waiting trials in the order in which they would be handed out. Costs a pass over all trials: for invariants and tests.
    var all: [Int] {
        var found: [Int] = [], group = groups[end].next
        while group != end {
            found += groups[group].trials.filter { isWaiting[$0] }
            group = groups[group].next
        }
        return found
    }

    /// How many trials `all` has, without making the list.
    var countInOrder: Int {
        var count = 0, group = groups[end].next
        while group != end {
            for index in groups[group].trials where isWaiting[index] { count += 1 }
            group = groups[group].next
        }
        return count
    }
}
