// WaitingTrials.swift · Coordinator/Scheduling. The trials that nobody has, by group, in the order in which they are handed out.
// Every operation costs what it moves, however many trials the sweep has.

/// Groups with their waiting trials. Trials that come back are handed out before fresh ones.
struct WaitingTrials: Equatable {
    /// Descending, so that taking from the end gives the lowest index first: the vanilla run heads its group.
    private var trials: [Int: [Int]] = [:]
    /// Groups that have waiting trials, the next one last.
    private(set) var order: [Int] = []
    private(set) var count = 0

    /// - Parameter groups: for each group of the sweep, in order, its trials that are not stored, ascending.
    init(_ groups: [(group: Int, trials: [Int])]) {
        for (group, indices) in groups where !indices.isEmpty {
            trials[group] = indices.reversed()
            count += indices.count
            order.append(group)
        }
        order.reverse()
    }

    var isEmpty: Bool { count == 0 }

    func count(in group: Int) -> Int { trials[group]?.count ?? 0 }

    func first(in group: Int) -> Int? { trials[group]?.last }

    /// The next trials of a group for which a condition holds, at most `limit`, ascending; it stops at the first for which it does not.
    mutating func take(_ limit: Int, from group: Int, while condition: (Int) -> Bool = { _ in true }) -> [Int] {
        guard var waiting = trials[group] else { return [] }
        var taken: [Int] = []
        while taken.count < limit, let next = waiting.last, condition(next) { taken.append(waiting.removeLast()) }
        store(waiting, for: group)
        count -= taken.count
        return taken
    }

    /// - Parameter indices: of one group; none of them waiting.
    mutating func put(back indices: [Int], to group: Int) {
        guard !indices.isEmpty else { return }
        count += indices.count
        let waiting = ((trials[group] ?? []) + indices).sorted(by: >)
        trials[group] = waiting
        // Last means next, also for a group that was waiting already.
        if order.last != group { order.removeAll { $0 == group } }
        if order.last != group { order.append(group) }
    }

    /// Takes given trials out, wherever they stand.
    mutating func remove(_ indices: Set<Int>, from group: Int) {
        guard var waiting = trials[group] else { return }
        let before = waiting.count
        waiting.removeAll(where: indices.contains)
        count -= before - waiting.count
        store(waiting, for: group)
    }

    private mutating func store(_ waiting: [Int], for group: Int) {
        trials[group] = waiting.isEmpty ? nil : waiting
        if waiting.isEmpty { order.removeAll { $0 == group } }
    }
}
