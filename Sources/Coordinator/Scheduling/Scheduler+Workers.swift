// Scheduler+Workers.swift · Coordinator/Scheduling. Who is there: Hello, heartbeats, silence, Goodbye.

internal import Wire

extension Scheduler {
    /// A Hello on a new connection, or the same one again because the answer was late or lost.
    mutating func greet(_ hello: Hello, from route: Route, at now: Instant) -> [Effect] {
        guard hello.selfTest == configuration.selfTest else {
            let reason = """
                this build computes other bits (self-test \("\(hello.selfTest)".prefix(12))…, the coordinator's is \
                \("\(configuration.selfTest)".prefix(12))…): install the coordinator's release on \(hello.host)
                """
            return [reply(.refused(reason: reason), to: route), .report(.refused(route, reason: "\(hello.host): \(reason)"))]
        }
        guard !isFinished, !isDraining else {
            // Its results are still welcome; the Drain lets it hand them over and go.
            register(hello, at: route, now)
            return [send(welcome(keep: []), to: hello.worker, at: now), send(.drain, to: hello.worker, at: now)]
        }
        let isNew = workers[hello.worker] == nil
        register(hello, at: route, now)
        // What we think it holds and it does not list was lost on the way.
        for lease in workers[hello.worker]!.leases.sorted() where hello.held[lease] == nil { release(lease) }
        for (lease, keys) in hello.held.sorted(by: { $0.key < $1.key }) where leases[lease] == nil { adopt(lease, keys, by: hello.worker) }
        let keep = hello.held.keys.filter { leases[$0]?.worker == hello.worker }.sorted()
        let welcome = send(welcome(keep: keep), to: hello.worker, at: now)
        return [welcome] + (isNew ? [.report(.joined(hello.worker, host: hello.host, slots: hello.slots))] : []) + grant(at: now)
    }

    private func welcome(keep: [LeaseID]) -> Message {
        .welcome(
            Welcome(
                sweep: configuration.sweep, heartbeatInterval: configuration.heartbeatInterval, silence: configuration.silence, keep: keep))
    }

    private mutating func register(_ hello: Hello, at route: Route, _ now: Instant) {
        if let old = workers[hello.worker] { routes[old.route] = nil }
        // One connection is one worker: another id on the same route takes its place.
        if let previous = routes[route], previous != hello.worker, let gone = workers.removeValue(forKey: previous) {
            for lease in gone.leases.sorted() { release(lease) }
        }
        routes[route] = hello.worker
        let old = workers[hello.worker]
        // Credits come with Ready, which follows every Welcome.
        workers[hello.worker] = WorkerState(
            route: route, hello: hello, credits: 0, leases: old?.leases ?? [], lastHeard: now, lastSent: now,
            secondsPerTrial: old?.secondsPerTrial)
    }

    /// A lease of an earlier coordinator, or one that was taken from a worker that seemed dead: what of it still waits is this worker's.
    private mutating func adopt(_ id: LeaseID, _ keys: [TrialKey], by worker: WorkerID) {
        let trials = keys.compactMap(grid.index(of:)).filter { states[$0] == .waiting }.sorted()
        guard let first = trials.first else { return }
        let group = grid.group(of: first)
        guard trials.allSatisfy({ grid.group(of: $0) == group }) else { return }
        waiting.remove(Set(trials), from: group)
        for trial in trials {
            states[trial] = .leased(id)
            histories[trial, default: TrialHistory()].attempts += 1
        }
        leases[id] = LeaseState(worker: worker, group: group, trials: trials, hasBegun: true)
        workers[worker]!.leases.insert(id)
    }

    /// Goodbye: what it still held waits again, and nobody is blamed.
    mutating func part(from id: WorkerID, reason: String, at now: Instant) -> [Effect] {
        guard let worker = forget(id) else { return [] }
        for lease in worker.leases.sorted() { release(lease) }
        return [.report(.left(id, host: worker.hello.host, reason: reason))] + grant(at: now)
    }

    private mutating func forget(_ id: WorkerID) -> WorkerState? {
        guard let worker = workers[id] else { return nil }
        routes[worker.route] = nil
        // Leases first need their worker's name for the history, so the caller releases or buries before or after as it must.
        defer { workers[id] = nil }
        return worker
    }

    /// Tells every worker once to finish what it computes, to hand it over and to go.
    mutating func dismiss(at now: Instant) -> [Effect] {
        guard !hasDismissed else { return [] }
        hasDismissed = true
        return workers.keys.sorted { ($0.high, $0.low) < ($1.high, $1.low) }.map { send(.drain, to: $0, at: now) }
    }

    /// Heartbeats to those that have heard nothing for a while; an end with those that said nothing for too long.
    mutating func tick(at now: Instant) -> [Effect] {
        var effects: [Effect] = []
        for (id, worker) in workers.sorted(by: { ($0.key.high, $0.key.low) < ($1.key.high, $1.key.low) }) {
            if now - worker.lastHeard >= configuration.silence {
                let returned = worker.leases.reduce(0) { $0 + trialsHeld(by: $1).count }
                for lease in worker.leases.sorted() { effects += bury(lease) }
                _ = forget(id)
                effects.append(.report(.lost(id, host: worker.hello.host, returned: returned)))
            } else if now - worker.lastSent >= configuration.heartbeatInterval {
                effects.append(send(.heartbeat(running: 0), to: id, at: now))
            }
        }
        return effects + grant(at: now)
    }
}
