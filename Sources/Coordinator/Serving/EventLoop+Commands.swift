// EventLoop+Commands.swift · Coordinator/Serving, the other end of ControlClient. What `regsweep workers` asks of a sweep that runs. Keys and
// hosts are dealt with here; what happens to a worker and its leases the Scheduler decides.

internal import Logging
internal import Vocabulary
internal import Wire

extension EventLoop {
    /// Does what a person on this host asks for. Every command has an answer.
    mutating func answer(_ command: Command) -> Answer {
        do {
            switch command {
            case .list:
                let scheduler = coordinator.scheduler
                return Answer(
                    text: "\(scheduler.configuration.sweep): \(scheduler.trials.remaining) of \(scheduler.grid.count) trials left",
                    workers: WorkerNames(scheduler, connections.authenticator).lines(at: stopwatch.now))
            case .drain(let name): return drain(name)
            case .remove(let name): return try remove(name)
            case .invite(let name): return try invite(name)
            case .add(let host): return try add(host)
            }
        } catch { return Answer(isRefusal: true, text: "\(error)") }
    }

    private mutating func drain(_ name: String) -> Answer {
        let ids = WorkerNames(coordinator.scheduler, connections.authenticator).workers(named: name)
        for id in ids { handle(.drainWorker(id)) }
        return ids.isEmpty
            ? unknown(name) : Answer(text: "\(ids.count.counted("worker")) will leave after the trials that are being computed")
    }

    private mutating func remove(_ name: String) throws -> Answer {
        let names = WorkerNames(coordinator.scheduler, connections.authenticator)
        let keys = names.keys(named: name), ids = names.workers(named: name, keys: keys)
        guard !ids.isEmpty || !keys.isEmpty else { return unknown(name) }
        for id in ids { handle(.removeWorker(id)) }
        // What tells them to stop has to be sent before their connections are closed.
        try flush()
        for key in keys.sorted() {
            fleet.remove(key)
            if let revoked = try connections.authenticator.revoke(key) { connections.refuse(revoked) }
        }
        let done = "\(ids.count.counted("worker")) removed" + (keys.isEmpty ? "" : ", \(keys.count.counted("key")) revoked")
        logger.notice("regsweep workers remove \(name): \(done)")
        return Answer(text: done)
    }

    private mutating func invite(_ name: String) throws -> Answer {
        let name = name.isEmpty ? connections.authenticator.freeName() : name
        guard KeyRing.isName(name) || name.isEmpty else {
            return Answer(isRefusal: true, text: "\(name): a name is one word of at most 64 ASCII characters")
        }
        let invitation = try connections.authenticator.invitation(name)
        acceptNewKeys()
        logger.notice("regsweep workers invite \(name): the key was issued")
        return Answer(text: invitation.secretText)
    }

    private mutating func add(_ host: String) throws -> Answer {
        if host.hasPrefix("slurm:") {
            let refusal = fleet.addSlurm(host, at: stopwatch.now)
            return Answer(isRefusal: refusal != nil, text: "\(host): " + (refusal ?? "workers are submitted as the cluster file says"))
        }
        let name = String(host.dropFirst("ssh:".count))
        guard host.hasPrefix("ssh:"), HostSpec.isName(name) else {
            return Answer(
                isRefusal: true,
                text: "\(host): a host is added as ssh:NAME, with the name that ssh knows; a Slurm group of the cluster file as slurm:NAME")
        }
        let spec = HostSpec(name: name)
        let invitation = try connections.authenticator.invitation(spec.keyName)
        acceptNewKeys()
        fleet.addSSH(spec, at: stopwatch.now)
        return Answer(text: "starting workers on \(name)" + (invitation.isForThisHostAlone ? "; \(Invitation.loopbackWarning)" : ""))
    }

    private func unknown(_ name: String) -> Answer {
        Answer(isRefusal: true, text: "no worker, host or key has the name \(name): `regsweep workers list` shows their names")
    }
}

/// What people call the workers of a sweep: a worker's own id, its host and its key are all names of it.
struct WorkerNames {
    private let workers: [WorkerID: WorkerState]
    private let authenticator: WorkerAuthenticator

    init(_ scheduler: Scheduler, _ authenticator: WorkerAuthenticator) {
        workers = scheduler.workers.byID
        self.authenticator = authenticator
    }

    /// The table of `regsweep workers list`, in the order of the ids.
    func lines(at now: Instant) -> [WorkerLine] {
        workers.sorted { $0.key.order < $1.key.order }.prefix(Limits.trialsPerLease).map { id, worker in
            WorkerLine(
                worker: id, host: worker.host, keyName: keyName(worker), slots: worker.slots, leases: worker.leases.count,
                sinceHeard: now - worker.lastHeard, secondsPerTrial: worker.secondsPerTrial ?? .nan)
        }
    }

    /// Ids of the workers of that name, in order.
    func workers(named name: String) -> [WorkerID] {
        let names = keyNames(of: name)
        return ids { id, worker in "\(id)" == name || worker.host == name || names.contains(keyName(worker)) }
    }

    /// Issued keys of that name, and of all workers of that name.
    func keys(named name: String) -> Set<String> {
        Set(workers(named: name).map { keyName(workers[$0]!) } + keyNames(of: name)).filter { authenticator.hasKey($0) }
    }

    /// Workers of that name, and all others that use one of these keys.
    func workers(named name: String, keys: Set<String>) -> [WorkerID] {
        let named = Set(workers(named: name))
        return ids { id, worker in named.contains(id) || keys.contains(keyName(worker)) }
    }

    private func ids(where isMeant: (WorkerID, WorkerState) -> Bool) -> [WorkerID] {
        workers.filter { isMeant($0.key, $0.value) }.keys.sorted { $0.order < $1.order }
    }

    /// Empty for a worker without a key.
    private func keyName(_ worker: WorkerState) -> String {
        if case .key = worker.route.peer { authenticator.name(of: worker.route.peer) } else { "" }
    }

    /// The key of a host or of a Slurm group may be named with or without its kind.
    private func keyNames(of name: String) -> [String] { [name] + HostSpec.Kind.allCases.map { "\($0.rawValue):\(name)" } }
}
