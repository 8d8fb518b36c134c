// Scheduler+Trials.swift · Coordinator/Scheduling. From waiting trials to leases, and from results to what is stored.

internal import Vocabulary
internal import Wire

extension Scheduler {
    // MARK: Handing out

    /// Gives leases to every worker that has credit, the least laden first.
    mutating func grant(at now: Instant) -> [Effect] {
        guard !isDraining, !isStoreBlocked, !waiting.isEmpty || !checks.isEmpty, !hungry.isEmpty else { return [] }
        var effects: [Effect] = []
        var idle = hungry.filter { !isQuarantined($0) && !isAtRisk($0) }.map {
            Idle(id: $0, leases: workers[$0]!.leases.count, credits: workers[$0]!.credits, slots: workers[$0]!.slots)
        }
        var checkers = Checkers(checks.isEmpty ? [] : hosts())
        while !waiting.isEmpty || !checks.isEmpty, let place = idle.indices.min(by: { idle[$0].goesBefore(idle[$1]) }) {
            let id = idle[place].id
            if let lease = makeCheck(for: id, &checkers, at: now) ?? makeLease(for: id, at: now) {
                effects.append(issue(lease, at: now))
                idle[place].leases += 1
                if idle[place].leases >= idle[place].credits || leases[lease]!.isRisky { idle.remove(at: place) }
            } else {
                // Of what there is, it may have none: it failed on it before, or is its own to be checked.
                idle.remove(at: place)
            }
        }
        return effects
    }

    /// A worker with credit, while leases are handed out.
    private struct Idle {
        let id: WorkerID
        var leases: Int
        let credits: Int, slots: Int

        /// The one with the fewest leases for its slots; the id decides a tie, so that the choice has no chance in it.
        func goesBefore(_ other: Idle) -> Bool {
            let (load, others) = (leases * other.slots, other.leases * slots)
            return load != others ? load < others : id.order < other.id.order
        }
    }

    private mutating func makeLease(for worker: WorkerID, at now: Instant) -> LeaseID? {
        func first(_ group: Int) -> Int? { waiting.first(1, in: group) { !may(worker, try: $0) }.first }
        // A group whose baseline is still on its way only if there is no other among the next few: its trials would have to stream
        // losses without ratios.
        guard let preferred = waiting.nextGroup(among: 8, where: { !lacksBaseline($0) && first($0) != nil }),
            let group = first(preferred) != nil ? preferred : waiting.nextGroup(among: .max, where: { first($0) != nil }),
            let head = first(group)
        else { return nil }
        // Trials that were running when a worker died are tried again in ever smaller company, so that the one to blame is found:
        // 16 together after the first death, alone after the second.
        let suspicion = crashes(of: head), size = isLong ? 1 : leaseSize(for: worker)
        let limit = suspicion == 0 ? size : suspicion == 1 ? min(size, configuration.lanes) : 1
        let trials = waiting.first(limit, in: group) {
            !may(worker, try: $0)
        } while: {
            crashes(of: $0) == suspicion
        }
        let id = newLease()
        hand(trials, of: group, to: worker, as: id, at: now)
        return id
    }

    /// Each trial has a lease of its own: checkpoints and models are large, and there is nothing to gain by company.
    private var isLong: Bool { grid.spec.declaration.isLong }

    mutating func newLease() -> LeaseID {
        // A worker that outlived a store may still hold a lease of this number.
        while leases[LeaseID(incarnation: configuration.incarnation, number: nextLease)] != nil { nextLease += 1 }
        defer { nextLease += 1 }
        return LeaseID(incarnation: configuration.incarnation, number: nextLease)
    }

    /// Says a lease to its worker, with where its trial is if that is known.
    mutating func issue(_ id: LeaseID, at now: Instant) -> Effect {
        let lease = leases[id]!
        guard let mark = mark(of: lease) else { return send(.lease(message(id)), to: lease.worker, at: now) }
        workers[lease.worker]!.lastSent = now
        return .sendLease(message(id), from: mark, to: workers[lease.worker]!.route)
    }

    /// A copy goes on from a checkpoint as the original would. A check starts from the beginning: it would share with the first run what
    /// it is there to compare.
    private func mark(of lease: LeaseState) -> CheckpointMark? {
        if case .check = lease.purpose { return nil }
        return lease.trials.count == 1 ? checkpoints[lease.trials[0]] : nil
    }

    private func message(_ id: LeaseID) -> Lease {
        let lease = leases[id]!
        let trials = lease.trials.map { index in
            // A stored trial that is checked has no history any more; it is its second run, or a later one.
            LeasedTrial(key: grid.key(of: index), attempt: histories[index]?.attempts ?? 2, setting: grid.setting(of: index))
        }
        // A lease names them by learning rate alone.
        let decay = grid.setting(of: lease.trials[0]).weightDecay
        let known = baselineTrials(of: lease.group).filter { grid.setting(of: $0).weightDecay == decay }.compactMap { index in
            baselines[index].map { Baseline(learningRate: grid.setting(of: index).learningRate, testLoss: $0) }
        }
        return Lease(id: id, group: grid.groups[lease.group].spec, trials: trials, baselines: known)
    }

    func crashes(of trial: Int) -> Int { histories[trial]?.crashes ?? 0 }

    private func baselineTrials(of group: Int) -> some Sequence<Int> {
        grid.groups[group].trials.lazy.prefix { grid.setting(of: $0).isBaseline }
    }

    private func lacksBaseline(_ group: Int) -> Bool {
        let trials = grid.groups[group].trials
        guard let first = trials.first, grid.setting(of: first).isBaseline else { return false }
        switch states[first] {
        case .leased, .delivered: return true
        case .waiting, .stored, .failed: return false
        }
    }

    func secondsPerTrial(of worker: WorkerID) -> Double {
        max(workers[worker]!.secondsPerTrial ?? configuration.expectedSecondsPerTrial, 1e-9)
    }

    /// As many trials as take about `leaseDuration`, in whole vectors of lanes; finer when there is little left, so that no worker
    /// sits idle beside another's queue.
    private func leaseSize(for worker: WorkerID) -> Int {
        let perTrial = secondsPerTrial(of: worker)
        let byTime = min(configuration.leaseDuration.inSeconds / perTrial, Double(configuration.trialsPerLease))
        let byShare = Double(waiting.count) / Double(2 * max(1, slots))
        let size = Int(min(byTime, byShare))
        // A trial that is long in itself (a network) travels alone; a short one in full vectors.
        guard perTrial * Double(configuration.lanes) < configuration.leaseDuration.inSeconds else { return max(1, size) }
        return min(configuration.trialsPerLease, max(configuration.lanes, size / configuration.lanes * configuration.lanes))
    }

    /// - Parameter trials: waiting ones of the group, ascending; at least one.
    mutating func hand(_ trials: [Int], of group: Int, to worker: WorkerID, as id: LeaseID, at now: Instant) {
        waiting.remove(trials, from: group)
        for trial in trials {
            states[trial] = .leased(id)
            histories[trial, default: TrialHistory()].attempts += 1
        }
        leases[id] = LeaseState(worker: worker, group: group, trials: trials, since: now, isRisky: crashes(of: trials[0]) > 0)
        change(worker) { $0.leases.insert(id) }
    }

    /// What of it is not done waits again, or is left to its copy; the worker, if it is still here, has room for another.
    /// - Parameter host: of the worker, where it is not here any more.
    mutating func release(_ id: LeaseID, as end: LeaseRecord.End, of host: String? = nil, at now: Instant) {
        let held = trialsHeld(by: id)
        guard let lease = leases.removeValue(forKey: id) else { return }
        records.append(
            LeaseRecord(
                incarnation: configuration.incarnation, lease: id, worker: lease.worker, host: workers[lease.worker]?.host ?? host ?? "",
                trials: lease.trials.map(grid.key(of:)), since: lease.since, until: now, end: end))
        if workers[lease.worker] != nil { change(lease.worker) { $0.leases.remove(id) } }
        switch lease.purpose {
        case .own:
            if let copy = lease.copy {
                leases[copy]!.purpose = .own
                for trial in held { states[trial] = .leased(copy) }
            } else {
                for trial in held { states[trial] = .waiting }
                waiting.put(back: held, to: lease.group)
            }
        case .copy(let original): leases[original]!.copy = nil
        case .check(let check):
            checking -= 1
            if end != .computed, check.crashes < configuration.crashLimit { checks.append(check) }
        }
    }

    /// Its trials that have no result yet.
    func trialsHeld(by id: LeaseID) -> [Int] {
        guard let lease = leases[id] else { return [] }
        let holder = if case .copy(let original) = lease.purpose { original } else { id }
        return lease.trials.filter { states[$0] == .leased(holder) }
    }

    /// Whether a worker has a trial that has no result.
    func isLeased(_ key: TrialKey) -> Bool {
        guard let index = grid.index(of: key), case .leased = states[index] else { return false }
        return true
    }

    /// Whether a lease other than this one is to bring a trial's result.
    private func isUnderWay(_ trial: Int, apartFrom id: LeaseID) -> Bool {
        guard case .leased(let holder) = states[trial] else { return false }
        return holder != id || leases[holder]!.copy != nil
    }

    /// Its worker died while computing it. Trials that have died with `crashLimit` workers are set aside as failed, the others wait again.
    mutating func bury(_ id: LeaseID, host: String, at now: Instant) -> [Effect] {
        var effects: [Effect] = []
        let held = trialsHeld(by: id)
        if !held.isEmpty { buried[leases[id]!.worker, default: [:]][id] = held }
        for trial in held {
            histories[trial]!.crashes += 1
            let crashes = crashes(of: trial)
            guard crashes >= configuration.crashLimit, !isUnderWay(trial, apartFrom: id) else { continue }
            states[trial] = .delivered
            let result = TrialResult(
                key: grid.key(of: trial), attempt: histories[trial]!.attempts,
                outcome: .failed(reason: "\(crashes) workers died while they computed it, the last on \(host)"), epochs: 0, lossRatio: nil,
                digest: nil, curve: [], seconds: 0)
            let author = Author(worker: leases[id]!.worker, host: host)
            effects.append(.store(Delivery(results: [result], author: author, acknowledge: nil)))
            effects.append(.notice(.setAside(result.key, crashes: crashes)))
        }
        if case .check(var check) = leases[id]!.purpose {
            check.crashes += 1
            leases[id]!.purpose = .check(check)
            if check.crashes >= configuration.crashLimit { effects.append(.notice(.unchecked(trials: check.trials.count))) }
        }
        release(id, as: .died, of: host, at: now)
        // What was left out may have been the last.
        return effects + (isFinished ? dismiss(at: now) : [])
    }

    // MARK: Taking in

    /// Results that arrived, by whatever connection: nobody else is given these trials. A repeat, an older attempt or a trial of another
    /// sweep changes nothing here; the store recognises what it has.
    mutating func take(
        _ results: [TrialResult], of lease: LeaseID, by author: Author, acknowledge: (BatchID, to: Route), at now: Instant
    ) -> [Effect] {
        var news: [TrialResult] = [], effects: [Effect] = []
        var others: Set<LeaseID> = []
        for result in results {
            if let index = grid.index(of: result.key) {
                switch states[index] {
                case .waiting, .leased:
                    if result.isFailure {
                        // That an attempt failed says nothing while another one is under way.
                        guard !isUnderWay(index, apartFrom: lease) else {
                            histories[index]!.failedOn.insert(author.worker)
                            continue
                        }
                        guard fails(index, on: author.worker) else { continue }
                    } else {
                        effects += blame((histories[index]?.failedOn ?? []).subtracting([author.worker]))
                    }
                    if case .leased(let holder) = states[index] {
                        others.formUnion([holder, leases[holder]!.copy].compactMap { $0 })
                    } else {
                        waiting.remove([index], from: grid.group(of: index))
                    }
                    states[index] = .delivered
                case .delivered, .stored, .failed: break
                }
            }
            news.append(result)
        }
        if leases[lease]?.worker == author.worker, !results.isEmpty {
            let settled = Set(news.map(\.key))
            // Failures that are the trials' own count for nobody.
            if results.contains(where: { !$0.isFailure || !settled.contains($0.key) }) {
                effects += judge(author.worker, didAny: results.contains { !$0.isFailure })
            }
        }
        // A lease has one name for ever and ends with its results, though they come by a connection that is no worker's yet.
        if case .check(let check) = leases[lease]?.purpose { retry(check, of: lease, without: results) }
        release(lease, as: .computed, at: now)
        if workers[author.worker] != nil, let first = results.first(where: { $0.seconds > 0 }) { learn(first.seconds, of: author.worker) }
        let delivery = Delivery(results: news, author: author, acknowledge: acknowledge)
        others.remove(lease)
        return [.store(delivery)] + others.sorted().filter { trialsHeld(by: $0).isEmpty }.map { cancel($0, at: now) } + effects
    }

    /// All of it is done by now: whoever computes it need not go on.
    private mutating func cancel(_ id: LeaseID, at now: Instant) -> Effect {
        let worker = leases[id]!.worker
        release(id, as: .cancelled, at: now)
        return send(.cancel(id), to: worker, at: now)
    }

    /// Half of the new, half of the old: follows a host that slows down within a few leases.
    private mutating func learn(_ seconds: Double, of worker: WorkerID) {
        change(worker) { $0.secondsPerTrial = $0.secondsPerTrial.map { ($0 + seconds) / 2 } ?? seconds }
    }

    /// The disk has them: now, and not before, they are acknowledged.
    mutating func settle(_ deliveries: [Delivery], at now: Instant) -> [Effect] {
        var effects: [Effect] = []
        for delivery in deliveries {
            for result in delivery.results { if let index = grid.index(of: result.key) { settle(result, index, by: delivery.author) } }
            guard let (batch, route) = delivery.acknowledge else { continue }
            if let id = routes[route] {
                // Each worker counts its batches from 1, so this number means something else to another one.
                guard delivery.author.worker == id else { continue }
                workers[id]!.lastSent = now
            }
            effects.append(reply(.acknowledged(batch), to: route))
        }
        return effects + (isFinished ? dismiss(at: now) : grant(at: now))
    }

    private mutating func settle(_ result: TrialResult, _ index: Int, by author: Author) {
        switch states[index] {
        case .stored: return
        case .failed:
            guard !result.isFailure else { return }
            counts.replaceFailure(by: result.outcome)
        case .waiting, .leased, .delivered:
            remaining -= 1
            counts.count(result.outcome)
        }
        states[index] = result.isFailure ? .failed : .stored
        histories[index] = nil
        if !result.isFailure { checkpoints[index] = nil }
        keepBaseline(result, index)
        noteForAudit(index, by: author)
    }

    private mutating func keepBaseline(_ result: TrialResult, _ index: Int) {
        let group = grid.group(of: index)
        if grid.setting(of: index).isBaseline, !result.isFailure, waiting.count(in: group) > 0 {
            baselines[index] = Dictionary(result.curve.map { ($0.epoch, $0.testLoss) }) { first, _ in first }
        }
        // A finished group's curves are in the store; a million groups must not stay in memory.
        if waiting.count(in: group) == 0, !baselines.isEmpty { for trial in baselineTrials(of: group) { baselines[trial] = nil } }
    }
}

extension TrialResult {
    var isFailure: Bool {
        if case .failed = outcome { true } else { false }
    }
}
