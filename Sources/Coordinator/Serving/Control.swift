// Control.swift · Coordinator/Serving, a part of EventLoop. What `regsweep workers` asks of a sweep that runs. Keys and hosts are seen to
// here; what happens to a worker and its leases the Scheduler decides.

internal import Logging
internal import Vocabulary
internal import Wire

extension EventLoop {
    /// Every command has an answer.
    mutating func obey(_ command: Command, from route: Route) {
        var answer: Answer
        do {
            switch command {
            case .list:
                answer = Answer(
                    text: "\(scheduler.configuration.sweep): \(scheduler.trials.remaining) of \(scheduler.grid.count) trials left")
            case .drain(let name): answer = drain(name)
            case .remove(let name): answer = try remove(name)
            case .invite(let name): answer = try invite(name)
            case .add(let host): answer = try add(host)
            }
        } catch { answer = Answer(isRefusal: true, text: "\(error)") }
        if command == .list { answer.workers = lines() }
        send(Envelope(incarnation: scheduler.configuration.incarnation, message: .answer(answer)), to: route)
    }

    private func lines() -> [WorkerLine] {
        let now = stopwatch.now
        return scheduler.workers.byID.sorted { $0.key.order < $1.key.order }.prefix(Limits.trialsPerLease).map { id, worker in
            WorkerLine(
                worker: id, host: worker.host, keyName: keyName(worker), slots: worker.slots, leases: worker.leases.count,
                silence: now - worker.lastHeard, secondsPerTrial: worker.secondsPerTrial ?? .nan)
        }
    }

    private func keyName(_ worker: WorkerState) -> String {
        if case .key = worker.route.peer { doorkeeper.name(of: worker.route.peer) } else { "" }
    }

    /// A worker's own id, its host and its key are all names of it.
    private func workers(named name: String) -> [WorkerID] {
        scheduler.workers.byID.filter { id, worker in
            "\(id)" == name || worker.host == name || keyNames(of: name).contains(keyName(worker))
        }.keys.sorted { $0.order < $1.order }
    }

    /// A host or a group is named with or without its kind.
    private func keyNames(of name: String) -> [String] { [name] + HostSpec.Kind.allCases.map { "\($0.rawValue):\(name)" } }

    private func unknown(_ name: String) -> Answer {
        Answer(isRefusal: true, text: "no worker, host or key is called \(name): see regsweep workers list")
    }

    private mutating func drain(_ name: String) -> Answer {
        let ids = workers(named: name)
        for id in ids { obey(.drainWorker(id)) }
        return ids.isEmpty ? unknown(name) : Answer(text: "\(Self.count(ids.count, "worker")) will leave after what they compute")
    }

    private mutating func remove(_ name: String) throws -> Answer {
        let ids = workers(named: name)
        let keys = Set(ids.map { keyName(scheduler.workers[$0]!) } + keyNames(of: name)).filter { doorkeeper.hasKey($0) }
        guard !ids.isEmpty || !keys.isEmpty else { return unknown(name) }
        // Others of the same key go with it.
        let all = Set(ids + scheduler.workers.byID.filter { keys.contains(keyName($0.value)) }.keys).sorted { $0.order < $1.order }
        for id in all { obey(.removeWorker(id)) }
        // The last word has to be on its way before the door closes.
        try flush()
        for key in keys.sorted() {
            fleet.remove(key)
            if let revoked = try doorkeeper.revoke(key) { socket.deny(revoked) }
        }
        let revoked = keys.isEmpty ? "" : ", \(Self.count(keys.count, "key")) revoked"
        logger.notice("removed \(name): \(Self.count(all.count, "worker"))\(revoked)")
        return Answer(text: "\(Self.count(all.count, "worker")) removed\(revoked)")
    }

    private mutating func invite(_ name: String) throws -> Answer {
        let name = name.isEmpty ? doorkeeper.freeName() : name
        guard KeyRing.isName(name) || name.isEmpty else {
            return Answer(isRefusal: true, text: "\(name): a name is one word of at most 64 ASCII characters")
        }
        let invitation = try doorkeeper.invitation(name)
        admitNewKeys()
        logger.notice("invited \(name)")
        return Answer(text: invitation.secretText)
    }

    private mutating func add(_ host: String) throws -> Answer {
        let name = String(host.dropFirst("ssh:".count))
        guard host.hasPrefix("ssh:"), HostSpec.isName(name) else {
            return Answer(isRefusal: true, text: "\(host): a host is added as ssh:NAME, with the name that ssh knows")
        }
        let spec = HostSpec(name: name)
        let invitation = try doorkeeper.invitation(spec.keyName)
        admitNewKeys()
        fleet.addSSH(spec, at: stopwatch.now)
        return Answer(text: "starting workers on \(name)" + (invitation.isForThisHostAlone ? "; \(Invitation.loopbackWarning)" : ""))
    }

    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
