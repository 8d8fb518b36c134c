// Leases.swift · Coordinator/Scheduling, a part of Scheduler. The leases that workers hold, the pairs of a late lease and its copy, and the
// records of leases that ended. Knows trials by their grid indices and not what state they are in.

internal import Vocabulary

struct LeaseState: Equatable {
    enum Purpose: Equatable {
        /// No other lease holds its trials. The copy computes the same trials on another worker, since this lease is late.
        case own(copy: LeaseID?)
        /// Computes the trials of another worker's late lease, which still holds them.
        case copy(of: LeaseID)
        /// Its trials are stored; they are computed again to compare the bits.
        case verification
    }

    var worker: WorkerID
    var group: Int
    /// Grid indices, ascending; at least one.
    var trials: [Int]
    /// When it was given to the worker.
    var since: Instant
    var purpose = Purpose.own(copy: nil)
    /// An earlier worker was lost while it computed these trials, so this one may be lost too.
    var isRisky = false
    /// The worker has sent a sign that it computes the lease; before, the lease may wait in the worker's queue.
    var hasBegun = false
    /// How many late workers had this copy or verification before.
    var moves = 0

    var copy: LeaseID? {
        if case .own(let copy) = purpose { copy } else { nil }
    }
}

/// The reasons for which a lease changes its purpose; ``LeaseState/Purpose/after(_:)`` says which are legal where.
enum PurposeMove: Equatable {
    /// The lease is late, and another worker is given its trials as well.
    case startCopy(LeaseID)
    /// The copy of this lease ended.
    case endCopy
    /// The lease that this one is a copy of ended without all results.
    case promote
}

extension LeaseState.Purpose {
    /// The table of legal moves.
    /// - Returns: the purpose that the move leads to; nil where it is illegal.
    func after(_ move: PurposeMove) -> Self? {
        switch (self, move) {
        case (.own(copy: nil), .startCopy(let copy)): .own(copy: copy)
        case (.own(copy: .some), .endCopy): .own(copy: nil)
        case (.copy, .promote): .own(copy: nil)
        case (.own(copy: .some), .startCopy), (.own(copy: nil), .endCopy), (.own, .promote): nil
        case (.copy, .startCopy), (.copy, .endCopy): nil
        case (.verification, .startCopy), (.verification, .endCopy), (.verification, .promote): nil
        }
    }
}

/// How a lease ended, for the history of its trials.
struct LeaseRecord: Equatable, Sendable {
    /// The raw values are stored.
    enum End: String, Equatable, Sendable {
        case computed
        /// The worker timed out, or its process crashed, while it computed this lease.
        case died
        /// The worker timed out, or its process crashed, while this lease waited in its queue.
        case lost
        /// The worker said Goodbye, its process ended by itself, or it gave this lease back.
        case returned
        /// The worker came back without it.
        case forgotten
        /// Another lease had brought the results of all its trials.
        case cancelled
        /// A lease that had ended with `died` is no reason to blame its trials: its worker had only been silent and is here again.
        case cameBack = "came back"
    }

    /// Incarnation whose clock `since` and `until` refer to. For an adopted lease it differs from the one in the lease id.
    var incarnation: UInt64
    var lease: LeaseID
    var worker: WorkerID
    var host: String
    var trials: [TrialKey]
    var since: Instant, until: Instant
    var end: End
}

struct Leases {
    let grid: Grid
    /// The coordinator's start that new ids name.
    let incarnation: UInt64
    private(set) var byID: [LeaseID: LeaseState] = [:]
    private(set) var nextNumber: UInt32 = 1
    /// Records of the leases that ended since they were last taken.
    private(set) var records: [LeaseRecord] = []
}

extension Leases {
    /// Who is to bring the results that an ended lease has not brought.
    enum Successor: Equatable {
        /// Whoever is given the trials next: they wait again.
        case queue
        /// Its copy, which has become a lease of its own and holds the trials from now on.
        case copy(LeaseID)
        /// The lease that it was a copy of.
        case original
        /// Another verification; the trials are stored.
        case verification
    }

    init(_ grid: Grid, incarnation: UInt64) { self.init(grid: grid, incarnation: incarnation, byID: [:]) }

    // MARK: Questions

    subscript(id: LeaseID) -> LeaseState? { byID[id] }

    var isEmpty: Bool { byID.isEmpty }

    /// The lease that holds the trials of this one: the original of a copy, or the lease itself.
    func holder(_ id: LeaseID) -> LeaseID {
        if case .copy(let original) = byID[id]?.purpose { original } else { id }
    }

    /// The leases that compute the trials which this one holds: itself and its copy.
    func computing(_ holder: LeaseID) -> [LeaseID] { [holder] + (byID[holder]?.copy.map { [$0] } ?? []) }

    // MARK: Changes

    /// An id that no lease has.
    mutating func newID() -> LeaseID {
        // A worker that outlived a store may still hold a lease of this number.
        while byID[LeaseID(incarnation: incarnation, number: nextNumber)] != nil { nextNumber += 1 }
        defer { nextNumber += 1 }
        return LeaseID(incarnation: incarnation, number: nextNumber)
    }

    /// A lease is given to a worker, or one that a worker lists in its Hello is accepted. A copy is made known to its original.
    mutating func add(_ lease: LeaseState, as id: LeaseID) {
        precondition(byID[id] == nil, "there is a lease \(id) already")
        precondition(lease.copy == nil, "lease \(id) begins with a copy")
        byID[id] = lease
        if case .copy(let original) = lease.purpose { move(original, .startCopy(id)) }
    }

    /// The worker has sent a sign that it computes the lease.
    mutating func begin(_ id: LeaseID) { byID[id]!.hasBegun = true }

    /// A lease ends, for whatever reason: its original or copy goes on alone.
    /// - Parameters:
    ///   - host: the host of its worker.
    ///   - isRecorded: whether it becomes part of its trials' history.
    mutating func end(
        _ id: LeaseID, as end: LeaseRecord.End, host: String, isRecorded: Bool = true, at now: Instant
    ) -> (lease: LeaseState, successor: Successor) {
        guard let lease = byID.removeValue(forKey: id) else { preconditionFailure("lease \(id) ends twice") }
        if isRecorded { record(id, of: lease.worker, host, lease.trials, since: lease.since, until: now, end) }
        switch lease.purpose {
        case .own(copy: nil): return (lease, .queue)
        case .own(copy: .some(let copy)):
            move(copy, .promote)
            return (lease, .copy(copy))
        case .copy(let original):
            move(original, .endCopy)
            return (lease, .original)
        case .verification: return (lease, .verification)
        }
    }

    /// Every change of a purpose goes through here and is a legal one.
    private mutating func move(_ id: LeaseID, _ move: PurposeMove) {
        guard let lease = byID[id], let purpose = lease.purpose.after(move) else {
            preconditionFailure("lease \(id) is \(byID[id].map { "\($0.purpose)" } ?? "not here"), and \(move) is no legal move from there")
        }
        byID[id]!.purpose = purpose
    }

    // MARK: Records

    /// A lost worker is here again: what its leases were blamed for is withdrawn.
    /// - Parameter blame: the leases with the trials that were blamed.
    mutating func recordReturn(of worker: WorkerID, host: String, blame: [LeaseID: [Int]], at now: Instant) {
        for (id, trials) in blame.sorted(by: { $0.key < $1.key }) {
            record(id, of: worker, host, trials, since: now, until: now, .cameBack)
        }
    }

    private mutating func record(
        _ id: LeaseID, of worker: WorkerID, _ host: String, _ trials: [Int], since: Instant, until: Instant, _ end: LeaseRecord.End
    ) {
        records.append(
            LeaseRecord(
                incarnation: incarnation, lease: id, worker: worker, host: host, trials: trials.map(grid.key(of:)), since: since,
                until: until, end: end))
    }

    mutating func takeRecords() -> [LeaseRecord] {
        guard !records.isEmpty else { return [] }
        defer { records = [] }
        return records
    }
}

// MARK: What is true at any time

extension Leases {
    /// Appends what should be true of the leases and is not.
    func findBroken(_ broken: inout [String]) {
        for (id, lease) in byID {
            switch lease.purpose {
            case .own(copy: nil), .verification: break
            case .own(copy: .some(let copy)):
                if byID[copy]?.purpose != .copy(of: id) { broken.append("lease \(id) has a copy \(copy) that is none") }
            case .copy(let original):
                if byID[original]?.copy != id || byID[original]?.worker == lease.worker {
                    broken.append("lease \(id) is a copy of \(original), which does not know, or is of the same worker")
                }
            }
            for position in lease.trials.indices.dropFirst() where lease.trials[position - 1] >= lease.trials[position] {
                broken.append("lease \(id) is not in order, or holds a trial twice")
            }
            // Groups are runs of neighbours.
            if let first = lease.trials.first, let last = lease.trials.last,
                grid.group(of: first) != lease.group || grid.group(of: last) != lease.group
            {
                broken.append("lease \(id) is of two groups")
            }
        }
    }
}
