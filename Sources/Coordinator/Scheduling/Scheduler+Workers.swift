// Scheduler+Workers.swift · Coordinator/Scheduling. Who is there: Hello, heartbeats, silence, Goodbye.

internal import Vocabulary
internal import Wire

extension Scheduler {
    /// A Hello on a new connection, or the same one again because the answer was late or lost.
    mutating func greet(_ hello: Hello, from route: Route, at now: Instant) -> [Effect] {
        guard hello.selfTest == configuration.selfTest else {
            let reason = """
                this build computes other bits (self-test \("\(hello.selfTest)".prefix(12))…, the coordinator's is \
                \("\(configuration.selfTest)".prefix(12))…): install the coordinator's release on \(hello.host)
                """
            return [reply(.refused(reason: reason), to: route), .notice(.refused(route, reason: "\(hello.host): \(reason)"))]
        }
        // An id is no secret; the key of whoever brought it first is.
        if let owner = workers[hello.worker]?.route.peer, owner != route.peer {
            let reason = "worker \(hello.worker) has joined with another key"
            return [reply(.refused(reason: reason), to: route), .notice(.refused(route, reason: reason))]
        }
        let isNew = workers[hello.worker] == nil, isRepeat = routes[route] == hello.worker
        var effects = register(hello, at: route, now)
        if isNew { forgive(hello.worker, host: hello.host, at: now) }
        // What we think it holds and it does not list was lost on the way.
        for lease in workers[hello.worker]!.leases.sorted() where hello.held[lease] == nil {
            release(lease, as: .forgotten, at: now)
        }
        // It may have had the first answer by now and have dropped what that did not let it keep: a repeat brings nothing back.
        if !isRepeat {
            for (lease, keys) in hello.held.sorted(by: { $0.key < $1.key }) where leases[lease] == nil {
                adopt(lease, keys, by: hello.worker, at: now)
            }
        }
        let keep = hello.held.keys.filter { leases[$0]?.worker == hello.worker }.sorted()
        let welcome = Welcome(
            sweep: configuration.sweep, heartbeatInterval: configuration.heartbeatInterval, silence: configuration.silence, keep: keep,
            checkpoints: configuration.checkpoints)
        effects.append(send(.welcome(welcome), to: hello.worker, at: now))
        if isNew { effects.append(.notice(.joined(hello.worker, host: hello.host, slots: hello.slots))) }
        // Its results are still welcome; the Drain lets it finish what it computes, hand it over and go.
        if isFinished || isDraining || leaving.contains(hello.worker) {
            effects.append(send(.drain, to: hello.worker, at: now))
        } else {
            // Late results can disagree, or complete a block that is to be checked, when all have been told to go: whoever comes for that is
            // told after it.
            hasDismissed = false
        }
        return effects + grant(at: now)
    }

    private mutating func register(_ hello: Hello, at route: Route, _ now: Instant) -> [Effect] {
        let old = workers[hello.worker]
        var effects: [Effect] = []
        if let old {
            routes[old.route] = nil
            slots -= old.slots
        }
        if let previous = routes[route], let gone = forget(previous) {
            for lease in gone.leases.sorted() { release(lease, as: .returned, of: gone.host, at: now) }
            effects.append(.notice(.left(previous, host: gone.host, reason: "another worker speaks on its connection")))
        }
        routes[route] = hello.worker
        formerRoutes[route] = nil
        slots += hello.slots
        // Credits come with Ready, which follows every first Welcome on a connection, but not that of a repeat.
        let worker = WorkerState(
            route: route, host: hello.host, process: hello.process, slots: hello.slots,
            credits: old?.route == route ? old!.credits : 0, leases: old?.leases ?? [], lastHeard: now, lastSent: now,
            secondsPerTrial: old?.secondsPerTrial, failuresInRow: old?.failuresInRow ?? 0)
        workers[hello.worker] = worker
        change(hello.worker) { _ in }
        alarm = min(alarm, deadline(of: worker))
        return effects
    }

    /// Everything that may change whether a worker has room for a lease goes through here.
    mutating func change(_ id: WorkerID, _ body: (inout WorkerState) -> Void) {
        body(&workers[id]!)
        if workers[id]!.leases.count < workers[id]!.credits { hungry.insert(id) } else { hungry.remove(id) }
    }

    /// A lease of an earlier coordinator, or one that was taken from a worker that seemed dead: what of it still waits is this worker's.
    private mutating func adopt(_ id: LeaseID, _ keys: [TrialKey], by worker: WorkerID, at now: Instant) {
        let trials = Set(keys.compactMap(grid.index(of:)).filter { states[$0] == .waiting }).sorted()
        guard let first = trials.first else { return }
        let group = grid.group(of: first)
        guard trials.allSatisfy({ grid.group(of: $0) == group }) else { return }
        hand(trials, of: group, to: worker, as: id, at: now)
    }

    /// It was taken for dead and is not: the trials that it was computing are not to blame.
    private mutating func forgive(_ id: WorkerID, host: String, at now: Instant) {
        for (lease, trials) in (buried.removeValue(forKey: id) ?? [:]).sorted(by: { $0.key < $1.key }) {
            for trial in trials where crashes(of: trial) > 0 { histories[trial]!.crashes -= 1 }
            records.append(
                LeaseRecord(
                    incarnation: configuration.incarnation, lease: lease, worker: id, host: host, trials: trials.map(grid.key(of:)),
                    since: now, until: now, end: .cameBack))
        }
    }

    /// Goodbye: what it still held waits again, and nobody is blamed.
    mutating func part(from id: WorkerID, reason: String, at now: Instant) -> [Effect] {
        guard let worker = forget(id) else { return [] }
        for lease in worker.leases.sorted() { release(lease, as: .returned, of: worker.host, at: now) }
        return [.notice(.left(id, host: worker.host, reason: reason))] + grant(at: now)
    }

    /// What it computes is somebody else's from now on; where it is one of ours it stops, says Goodbye and is not started again.
    mutating func remove(_ id: WorkerID, at now: Instant) -> [Effect] {
        guard let worker = workers[id] else { return [] }
        let farewell = worker.leases.sorted().map { Message.cancel($0) } + [.drain]
        return farewell.map { send($0, to: id, at: now) } + part(from: id, reason: "removed", at: now)
    }

    /// - Returns: what was known of it, with leases that the caller has to release or bury.
    private mutating func forget(_ id: WorkerID) -> WorkerState? {
        guard let worker = workers.removeValue(forKey: id) else { return nil }
        routes[worker.route] = nil
        hungry.remove(id)
        slots -= worker.slots
        return worker
    }

    /// Tells every worker once to finish what it computes, to hand it over and to go.
    mutating func dismiss(at now: Instant) -> [Effect] {
        guard !hasDismissed else { return [] }
        hasDismissed = true
        return workers.keys.sorted { $0.order < $1.order }.map { send(.drain, to: $0, at: now) }
    }

    /// Heartbeats to those that have heard nothing for a while; an end with those that said nothing for too long.
    mutating func tick(at now: Instant) -> [Effect] {
        forgiveOwnPause(at: now)
        guard now >= alarm else { return look(at: now) + grant(at: now) }
        var effects: [Effect] = []
        var due: [WorkerID] = []
        alarm = .distantFuture
        for (id, worker) in workers {
            let deadline = deadline(of: worker)
            if now >= deadline { due.append(id) } else { alarm = min(alarm, deadline) }
        }
        for id in due.sorted(by: { $0.order < $1.order }) {
            if now - workers[id]!.lastHeard >= configuration.silence {
                effects += lose(id, at: now)
            } else {
                effects.append(send(.heartbeat(running: 0), to: id, at: now))
                let worker = workers[id]!
                alarm = min(alarm, deadline(of: worker))
            }
        }
        return effects + look(at: now) + grant(at: now)
    }

    /// The launcher has buried a process: if it was a worker, nobody needs to wait for its silence.
    mutating func bury(process: Int, on host: String, at now: Instant) -> [Effect] {
        let dead = workers.filter { $0.value.process == process && $0.value.host == host }.keys
        return dead.sorted { $0.order < $1.order }.flatMap { lose($0, at: now) } + grant(at: now)
    }

    /// A coordinator that was stopped, or waited for a slow disk, finds what was said meanwhile only bit by bit. That it heard nobody is
    /// no worker's silence.
    private mutating func forgiveOwnPause(at now: Instant) {
        let pause = now - (lastTick ?? now)
        lastTick = now
        guard pause > max(configuration.heartbeatInterval, Self.ownPause) else { return }
        for id in workers.keys { workers[id]!.lastHeard = min(now, workers[id]!.lastHeard + pause) }
    }

    /// 1 s: the loop ticks every 0.2 s, so five turns that did not come.
    private static let ownPause: Duration = .seconds(1)

    private func deadline(of worker: WorkerState) -> Instant {
        min(worker.lastSent + configuration.heartbeatInterval, worker.lastHeard + configuration.silence)
    }

    private mutating func lose(_ id: WorkerID, at now: Instant) -> [Effect] {
        guard let worker = forget(id) else { return [] }
        // 1,024: more than fall silent between two times that all is well. Only names hang on it.
        if formerRoutes.count >= 1024 { formerRoutes = [:] }
        if buried.count >= 1024 { buried = [:] }
        formerRoutes[worker.route] = Author(worker: id, host: worker.host)
        let before = waiting.count
        var effects: [Effect] = []
        for (place, lease) in worker.leases.sorted().enumerated() {
            // Those that merely waited in its queue share no blame. Its slots take leases in order, so the oldest were being computed,
            // though a trial that kills at once leaves no time to say that it has begun.
            if leases[lease]!.hasBegun || place < worker.slots {
                effects += bury(lease, host: worker.host, at: now)
            } else {
                release(lease, as: .lost, of: worker.host, at: now)
            }
        }
        return effects + [.notice(.lost(id, host: worker.host, returned: waiting.count - before))]
    }
}

extension WorkerID {
    /// For choices that must not depend on a hash.
    var order: (UInt64, UInt64) { (high, low) }
}
