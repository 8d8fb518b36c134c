// Workers.swift · Coordinator/Scheduling, a part of Scheduler. The workers that are here: their connections, slots, credits, deadlines, and
// which leases each one holds. Knows leases by their ids and no trial.

internal import Vocabulary
internal import Wire

/// What the scheduler knows of a worker. Keep it small: it is copied on every scan over the workers.
struct WorkerState: Equatable {
    var route: Route
    /// ``Author/key``; nil for a worker without one.
    var key: Digest?
    /// From its last Hello, like `process` and `slots`.
    var host: String
    var process: Int
    var slots: Int
    /// Leases that it is willing to hold at once.
    var credits: Int
    var leases: Set<LeaseID>
    var lastHeard: Instant
    var lastSent: Instant
    /// Learned from its results; nil before the first.
    var secondsPerTrial: Double?

    var hasFreeCredits: Bool { leases.count < credits }

    func author(_ id: WorkerID) -> Author { Author(worker: id, host: host, key: key) }

    func witness(_ id: WorkerID) -> Witness { key.map(Witness.key) ?? .worker(id) }

    func station(_ id: WorkerID) -> Station { Station(host: host, witness: witness(id)) }
}

struct Workers {
    /// A worker to which nothing was sent for so long is sent a heartbeat.
    let heartbeatInterval: Duration
    /// A worker that is not heard for so long is lost.
    let timeout: Duration
    private(set) var byID: [WorkerID: WorkerState] = [:]
    private(set) var routes: [Route: WorkerID] = [:]
    /// Workers with free credits. Most of the time it is one or none, so finding it must not cost a scan.
    private(set) var withFreeCredits: Set<WorkerID> = []
    /// Slots of all workers together.
    private(set) var slots = 0
    /// Lower bound on the next deadline of a worker (heartbeat due or timeout): traffic only postpones deadlines.
    private(set) var nextDeadline = Instant.distantFuture
    /// Keys that their launcher gives to workers of several hosts, each of which is a witness of its own.
    private(set) var sharedKeys: Set<PublicKey> = []
    /// Lost workers by the connection that they had: their late results have a name.
    private(set) var formerRoutes: [Route: Author] = [:]
    /// Workers that a person asked to drain, here or not: each of their connections is told.
    private(set) var draining: Set<WorkerID> = []
    private(set) var lastTick: Instant?
}

extension Workers {
    /// After a longer time between two ticks this process was not listening. The loop ticks every 0.2 s.
    private var longestTick: Duration { timeout / 3 }
    /// 1,024 lost workers: more than are lost before the first of them is back. Only names of late results depend on it.
    private static let mostFormerRoutes = 1024

    init(heartbeatInterval: Duration, timeout: Duration) {
        self.init(heartbeatInterval: heartbeatInterval, timeout: timeout, byID: [:])
    }

    // MARK: Questions

    subscript(id: WorkerID) -> WorkerState? { byID[id] }

    var isEmpty: Bool { byID.isEmpty }

    /// In an order that does not depend on a hash.
    var sortedIDs: [WorkerID] { byID.keys.sorted { $0.order < $1.order } }

    /// The worker that registered on this connection; nil where none did.
    func id(at route: Route) -> WorkerID? { routes[route] }

    /// Who computes the results that arrive on this connection: the worker itself, or one that was lost; nil for a stranger.
    func author(at route: Route) -> Author? {
        guard let id = routes[route] else { return formerRoutes[route] }
        return byID[id]!.author(id)
    }

    /// Who answers for what a worker computes.
    private func key(of peer: Peer, on host: String) -> Digest? {
        guard case .key(let key) = peer else { return nil }
        return Digest(of: key.bytes + (sharedKeys.contains(key) ? Array(host.utf8) : []))
    }

    func ids(ofProcess process: Int, on host: String) -> [WorkerID] { ids { $0.process == process && $0.host == host } }

    /// The worker of a connection and, where it has a key, all others with the same key.
    func ids(behind route: Route) -> [WorkerID] {
        guard case .key = route.peer else { return ids { $0.route == route } }
        return ids { $0.route.peer == route.peer }
    }

    private func ids(where condition: (WorkerState) -> Bool) -> [WorkerID] {
        byID.filter { condition($0.value) }.keys.sorted { $0.order < $1.order }
    }

    private func deadline(of worker: WorkerState) -> Instant { min(worker.lastSent + heartbeatInterval, worker.lastHeard + timeout) }

    // MARK: Who is here

    /// Must come before the first worker with this key.
    mutating func noteShared(_ key: PublicKey) { sharedKeys.insert(key) }

    /// A Hello of a new worker, of one on a new connection, or the same Hello again.
    /// - Parameter route: no connection of another worker.
    mutating func register(_ hello: Hello, at route: Route, _ now: Instant) {
        precondition((routes[route] ?? hello.worker) == hello.worker, "connection \(route) is that of another worker than \(hello.worker)")
        let old = byID[hello.worker]
        if let old {
            routes[old.route] = nil
            slots -= old.slots
        }
        routes[route] = hello.worker
        formerRoutes[route] = nil
        slots += hello.slots
        // Credits come with Ready, which follows the first Welcome on a connection and not that of a repeated Hello.
        let credits = old?.route == route ? old!.credits : 0
        let worker = WorkerState(
            route: route, key: key(of: route.peer, on: hello.host), host: hello.host, process: hello.process, slots: hello.slots,
            credits: credits, leases: old?.leases ?? [],
            lastHeard: now, lastSent: now, secondsPerTrial: old?.secondsPerTrial)
        byID[hello.worker] = worker
        listFreeCredits(of: hello.worker)
        nextDeadline = min(nextDeadline, deadline(of: worker))
    }

    /// A worker leaves.
    /// - Returns: what was known of it, with the leases that the caller has to end; nil where it is not here.
    mutating func remove(_ id: WorkerID) -> WorkerState? {
        guard let worker = byID.removeValue(forKey: id) else { return nil }
        routes[worker.route] = nil
        withFreeCredits.remove(id)
        slots -= worker.slots
        return worker
    }

    /// A worker is lost: it timed out or its process exited. Results may still arrive on its connection.
    /// - Returns: as `remove`.
    mutating func lose(_ id: WorkerID) -> WorkerState? {
        guard let worker = remove(id) else { return nil }
        if formerRoutes.count >= Self.mostFormerRoutes { formerRoutes = [:] }
        formerRoutes[worker.route] = worker.author(id)
        return worker
    }

    /// A person asks a worker to drain.
    mutating func drain(_ id: WorkerID) { draining.insert(id) }

    // MARK: Time

    mutating func recordHeard(from id: WorkerID, at now: Instant) { byID[id]!.lastHeard = now }

    /// - Returns: the connection of the worker, to which the caller sends.
    mutating func recordSent(to id: WorkerID, at now: Instant) -> Route {
        byID[id]!.lastSent = now
        return byID[id]!.route
    }

    /// Only time in which this process was listening is a worker's silence. After a pause (SIGSTOP, a host that slept) queued frames
    /// arrive late, so all timeouts are extended by the pause.
    mutating func tick(at now: Instant) {
        let pause = now - (lastTick ?? now)
        lastTick = now
        guard pause > longestTick else { return }
        for id in Array(byID.keys) { byID[id]!.lastHeard = min(now, byID[id]!.lastHeard + pause) }
    }

    /// The workers whose deadline has come, in an order that does not depend on a hash. The caller loses those that have timed out and sends
    /// a heartbeat to the others.
    mutating func takeDue(at now: Instant) -> [(id: WorkerID, hasTimedOut: Bool)] {
        guard now >= nextDeadline else { return [] }
        var due: [(id: WorkerID, hasTimedOut: Bool)] = []
        nextDeadline = .distantFuture
        for (id, worker) in byID {
            guard now >= deadline(of: worker) else {
                nextDeadline = min(nextDeadline, deadline(of: worker))
                continue
            }
            let hasTimedOut = now - worker.lastHeard >= timeout
            due.append((id, hasTimedOut))
            if !hasTimedOut { nextDeadline = min(nextDeadline, now + heartbeatInterval, worker.lastHeard + timeout) }
        }
        return due.sorted { $0.id.order < $1.id.order }
    }

    // MARK: Credits, leases, speed

    mutating func setCredits(_ credits: Int, of id: WorkerID) { change(id) { $0.credits = credits } }

    mutating func add(_ lease: LeaseID, to id: WorkerID) {
        change(id) { worker in
            let isNew = worker.leases.insert(lease).inserted
            precondition(isNew, "worker \(id) has the lease \(lease) already")
        }
    }

    mutating func remove(_ lease: LeaseID, from id: WorkerID) {
        change(id) { worker in
            let removed = worker.leases.remove(lease)
            precondition(removed != nil, "worker \(id) has no lease \(lease)")
        }
    }

    /// A result took so long. The mean of old and new follows a host that slows down within a few leases.
    mutating func learn(secondsPerTrial seconds: Double, of id: WorkerID) {
        byID[id]!.secondsPerTrial = byID[id]!.secondsPerTrial.map { ($0 + seconds) / 2 } ?? seconds
    }

    /// Every change that may free a credit or take one goes through here.
    private mutating func change(_ id: WorkerID, _ body: (inout WorkerState) -> Void) {
        body(&byID[id]!)
        listFreeCredits(of: id)
    }

    private mutating func listFreeCredits(of id: WorkerID) {
        if byID[id]!.hasFreeCredits { withFreeCredits.insert(id) } else { withFreeCredits.remove(id) }
    }
}

// MARK: What is true at any time

extension Workers {
    /// Appends what should be true of the workers and is not.
    func findBroken(_ broken: inout [String]) {
        var sum = 0, withRoom = 0
        for (id, worker) in byID {
            sum += worker.slots
            if routes[worker.route] != id { broken.append("worker \(id) is not at the end of its own route") }
            if worker.hasFreeCredits {
                withRoom += 1
                if !withFreeCredits.contains(id) { broken.append("worker \(id) has free credits and is not listed with them") }
            }
            if deadline(of: worker) < nextDeadline { broken.append("worker \(id) has a deadline before the next one") }
        }
        if routes.count != byID.count { broken.append("\(routes.count) routes for \(byID.count) workers") }
        if withFreeCredits.count != withRoom {
            broken.append("\(withRoom) workers have free credits, \(withFreeCredits.count) are listed with them")
        }
        if slots != sum { broken.append("\(slots) slots are not the sum of the workers'") }
    }
}

extension WorkerID {
    /// For choices that must not depend on a hash.
    var order: (UInt64, UInt64) { (high, low) }
}
