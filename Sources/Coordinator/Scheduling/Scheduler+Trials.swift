// Scheduler+Trials.swift · Coordinator/Scheduling. From waiting trials to leases, and from results to what is stored.

internal import Wire

extension Scheduler {
    // MARK: Handing out

    /// Gives leases to every worker that has credit, the least laden first.
    mutating func grant(at now: Instant) -> [Effect] {
        guard !isDraining, !isStoreBlocked else { return [] }
        var effects: [Effect] = []
        while !waiting.isEmpty, let id = nextWorker, let lease = makeLease(for: id) {
            guard let mark = lease.trials.count == 1 ? checkpoints[grid.index(of: lease.trials[0].key)!] : nil else {
                effects.append(send(.lease(lease), to: id, at: now))
                continue
            }
            workers[id]!.lastSent = now
            effects.append(.sendLease(lease, from: mark, to: workers[id]!.route))
        }
        return effects
    }

    /// Among workers with credit, the one with the fewest leases for its slots; the id decides a tie, so that the choice has no chance in it.
    private var nextWorker: WorkerID? {
        hungry.min { a, b in
            let (x, y) = (workers[a]!, workers[b]!)
            let (loadOfX, loadOfY) = (x.leases.count * y.hello.slots, y.leases.count * x.hello.slots)
            return loadOfX != loadOfY ? loadOfX < loadOfY : a.order < b.order
        }
    }

    private mutating func makeLease(for worker: WorkerID) -> Lease? {
        // A group whose vanilla run is still on its way only if there is no other among the next few: its trials would have to stream
        // losses without ratios.
        guard let group = waiting.nextGroup(among: 8, where: { !lacksBaseline($0) }), let first = waiting.first(1, in: group).first else {
            return nil
        }
        // Trials that were running when a worker died are tried again in ever smaller company, so that the one to blame is found:
        // 16 together after the first death, alone after the second.
        let suspicion = crashes(of: first), size = isLong ? 1 : leaseSize(for: worker)
        let limit = suspicion == 0 ? size : suspicion == 1 ? min(size, configuration.lanes) : 1
        let trials = waiting.first(limit, in: group) { crashes(of: $0) == suspicion }
        // A worker that outlived a store may still hold a lease of this number.
        while leases[LeaseID(epoch: configuration.epoch, number: nextLease)] != nil { nextLease += 1 }
        let id = LeaseID(epoch: configuration.epoch, number: nextLease)
        nextLease += 1
        hand(trials, of: group, to: worker, as: id)
        let leased = trials.map { index in
            LeasedTrial(key: grid.key(of: index), attempt: histories[index]!.attempts, setting: grid.setting(of: index))
        }
        // A lease names them by learning rate alone.
        let decay = grid.setting(of: first).weightDecay
        let known = vanillaTrials(of: group).filter { grid.setting(of: $0).weightDecay == decay }.compactMap { index in
            baselines[index].map { Baseline(learningRate: grid.setting(of: index).learningRate, testLoss: $0) }
        }
        return Lease(id: id, group: grid.groups[group].spec, trials: leased, baselines: known)
    }

    /// Each trial has a lease of its own: checkpoints and models are large, and there is nothing to gain by company.
    private var isLong: Bool { grid.spec.declaration.isLong }

    private func crashes(of trial: Int) -> Int { histories[trial]?.crashes ?? 0 }

    private func vanillaTrials(of group: Int) -> some Sequence<Int> {
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

    /// As many trials as take about `leaseDuration`, in whole vectors of lanes; finer when there is little left, so that no worker
    /// sits idle beside another's queue.
    private func leaseSize(for worker: WorkerID) -> Int {
        let perTrial = max(workers[worker]!.secondsPerTrial ?? configuration.expectedSecondsPerTrial, 1e-9)
        let byTime = min(configuration.leaseDuration.inSeconds / perTrial, Double(configuration.trialsPerLease))
        let byShare = Double(waiting.count) / Double(2 * max(1, slots))
        let size = Int(min(byTime, byShare))
        // A trial that is long in itself (a network) travels alone; a short one in full vectors.
        guard perTrial * Double(configuration.lanes) < configuration.leaseDuration.inSeconds else { return max(1, size) }
        return min(configuration.trialsPerLease, max(configuration.lanes, size / configuration.lanes * configuration.lanes))
    }

    /// - Parameter trials: waiting ones of the group, ascending; at least one.
    mutating func hand(_ trials: [Int], of group: Int, to worker: WorkerID, as id: LeaseID) {
        waiting.remove(trials, from: group)
        for trial in trials {
            states[trial] = .leased(id)
            histories[trial, default: TrialHistory()].attempts += 1
        }
        leases[id] = LeaseState(worker: worker, group: group, trials: trials, hasBegun: false)
        change(worker) { $0.leases.insert(id) }
    }

    /// What of it is not done waits again; the worker, if it is still here, has room for another.
    mutating func release(_ id: LeaseID) {
        let trials = trialsHeld(by: id)
        guard let lease = leases.removeValue(forKey: id) else { return }
        if workers[lease.worker] != nil { change(lease.worker) { $0.leases.remove(id) } }
        for trial in trials { states[trial] = .waiting }
        waiting.put(back: trials, to: lease.group)
    }

    func trialsHeld(by id: LeaseID) -> [Int] { leases[id]?.trials.filter { states[$0] == .leased(id) } ?? [] }

    /// Its worker died while computing it. Trials that have died with `crashLimit` workers are set aside as failed, the others wait again.
    mutating func bury(_ id: LeaseID, host: String) -> [Effect] {
        var effects: [Effect] = []
        for trial in trialsHeld(by: id) {
            histories[trial]!.crashes += 1
            let crashes = crashes(of: trial)
            guard crashes >= configuration.crashLimit else { continue }
            states[trial] = .delivered
            let result = TrialResult(
                key: grid.key(of: trial), attempt: histories[trial]!.attempts,
                outcome: .failed(reason: "\(crashes) workers died while they computed it, the last on \(host)"), epochs: 0, lossRatio: nil,
                digest: nil, curve: [], seconds: 0)
            effects.append(.store(Delivery(results: [result], worker: leases[id]!.worker, host: host, acknowledge: nil)))
            effects.append(.report(.setAside(result.key, crashes: crashes)))
        }
        release(id)
        return effects
    }

    // MARK: Taking in

    /// Results that arrived, by whatever connection: nobody else is given these trials. A repeat, an older attempt or a trial of another
    /// sweep changes nothing here; the store recognises what it has.
    mutating func take(
        _ results: [TrialResult], of lease: LeaseID, from worker: WorkerID?, acknowledge: (BatchID, to: Route), at now: Instant
    ) -> [Effect] {
        var news: [TrialResult] = []
        var others: Set<LeaseID> = []
        for result in results {
            if let index = grid.index(of: result.key) {
                switch states[index] {
                case .waiting:
                    waiting.remove([index], from: grid.group(of: index))
                    states[index] = .delivered
                case .leased(let holder) where holder != lease:
                    // That an older attempt failed says nothing while another one is under way.
                    if result.isFailure { continue }
                    others.insert(holder)
                    states[index] = .delivered
                case .leased: states[index] = .delivered
                case .delivered, .stored, .failed: break
                }
            }
            news.append(result)
        }
        // A lease has one name for ever and ends with its results, though they come by a connection that is no worker's yet.
        release(lease)
        if let worker, let first = results.first(where: { $0.seconds > 0 }) { learn(first.seconds, of: worker) }
        let host = worker.flatMap { workers[$0]?.hello.host } ?? ""
        let delivery = Delivery(results: news, worker: worker, host: host, acknowledge: acknowledge)
        return [.store(delivery)] + others.sorted().filter { trialsHeld(by: $0).isEmpty }.map { cancel($0, at: now) }
    }

    /// All of it is done by now: whoever computes it need not go on.
    private mutating func cancel(_ id: LeaseID, at now: Instant) -> Effect {
        let worker = leases[id]!.worker
        release(id)
        return send(.cancel(id), to: worker, at: now)
    }

    /// Half of the new, half of the old: follows a box that slows down within a few leases.
    private mutating func learn(_ seconds: Double, of worker: WorkerID) {
        change(worker) { $0.secondsPerTrial = $0.secondsPerTrial.map { ($0 + seconds) / 2 } ?? seconds }
    }

    /// The disk has them: now, and not before, they are acknowledged.
    mutating func settle(_ deliveries: [Delivery], at now: Instant) -> [Effect] {
        var effects: [Effect] = []
        for delivery in deliveries {
            for result in delivery.results { if let index = grid.index(of: result.key) { settle(result, index) } }
            guard let (batch, route) = delivery.acknowledge else { continue }
            if let id = routes[route] {
                // Each worker counts its batches from 1, so this number means something else to another one.
                guard delivery.worker == nil || delivery.worker == id else { continue }
                workers[id]!.lastSent = now
            }
            effects.append(reply(.acknowledged(batch), to: route))
        }
        return effects + (isFinished ? dismiss(at: now) : [])
    }

    private mutating func settle(_ result: TrialResult, _ index: Int) {
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
    }

    private mutating func keepBaseline(_ result: TrialResult, _ index: Int) {
        let group = grid.group(of: index)
        if grid.setting(of: index).isBaseline, !result.isFailure, waiting.count(in: group) > 0 {
            baselines[index] = Dictionary(result.curve.map { ($0.epoch, $0.testLoss) }) { first, _ in first }
        }
        // A finished group's curves are in the store; a million groups must not stay in memory.
        if waiting.count(in: group) == 0, !baselines.isEmpty { for trial in vanillaTrials(of: group) { baselines[trial] = nil } }
    }
}

extension TrialResult {
    var isFailure: Bool {
        if case .failed = outcome { true } else { false }
    }
}
