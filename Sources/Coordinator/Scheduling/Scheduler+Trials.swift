// Scheduler+Trials.swift · Coordinator/Scheduling. From waiting trials to leases, and from results to what is stored.

internal import Wire

extension Scheduler {
    // MARK: Handing out

    /// Gives leases to every worker that has credit, the least laden first.
    mutating func grant(at now: Instant) -> [Effect] {
        guard !isDraining, !isStoreBlocked else { return [] }
        var effects: [Effect] = []
        while !waiting.isEmpty, let id = nextWorker, let (id: lease, message: message) = makeLease(for: id) {
            workers[id]!.leases.insert(lease)
            effects.append(send(message, to: id, at: now))
        }
        return effects
    }

    /// Among workers with credit, the one with the fewest leases for its slots; the id decides a tie, so that the choice has no chance in it.
    private var nextWorker: WorkerID? {
        workers.filter { $0.value.leases.count < $0.value.credits }
            .min { a, b in
                let (x, y) = (a.value.leases.count * b.value.hello.slots, b.value.leases.count * a.value.hello.slots)
                return x != y ? x < y : (a.key.high, a.key.low) < (b.key.high, b.key.low)
            }?.key
    }

    private mutating func makeLease(for worker: WorkerID) -> (id: LeaseID, message: Message)? {
        guard let group = nextGroup else { return nil }
        let crashes = { [histories] (trial: Int) in histories[trial]?.crashes ?? 0 }
        guard let first = waiting.first(in: group) else { return nil }
        // Trials that were running when a worker died are tried again in ever smaller company, so that the one to blame is found:
        // 16 together after the first death, alone after the second.
        let suspicion = crashes(first)
        let limit = suspicion == 0 ? leaseSize(for: worker) : suspicion == 1 ? configuration.lanes : 1
        let trials = waiting.take(limit, from: group) { crashes($0) == suspicion }
        let id = LeaseID(epoch: configuration.epoch, number: nextLease)
        nextLease += 1
        for trial in trials {
            states[trial] = .leased(id)
            histories[trial, default: TrialHistory()].attempts += 1
        }
        leases[id] = LeaseState(worker: worker, group: group, trials: trials, hasBegun: false)
        let leased = trials.map { index in
            LeasedTrial(key: grid.key(of: index), attempt: Int(histories[index]!.attempts), setting: grid.setting(of: index))
        }
        let known = grid.groups[group].trials.compactMap { index in
            baselines[index].map { Baseline(learningRate: grid.setting(of: index).learningRate, testLoss: $0) }
        }
        return (id, .lease(Lease(id: id, group: grid.groups[group].spec, trials: leased, baselines: known)))
    }

    /// The next group in order, but one whose vanilla run is still being computed elsewhere only if there is no other among the next few:
    /// its trials would have to stream losses without ratios.
    private var nextGroup: Int? {
        waiting.order.suffix(8).reversed().first { !lacksBaseline($0) } ?? waiting.order.last
    }

    private func lacksBaseline(_ group: Int) -> Bool {
        let trials = grid.groups[group].trials
        guard let first = trials.first, grid.setting(of: first).isBaseline else { return false }
        if case .leased = states[first] { return true }
        return false
    }

    /// As many trials as take about `leaseDuration`, in whole vectors of lanes; finer when there is little left, so that no worker
    /// sits idle beside another's queue.
    private func leaseSize(for worker: WorkerID) -> Int {
        let perTrial = max(workers[worker]!.secondsPerTrial ?? configuration.expectedSecondsPerTrial, 1e-9)
        let slots = workers.values.reduce(0) { $0 + $1.hello.slots }
        let byTime = min(configuration.leaseDuration.inSeconds / perTrial, Double(Limits.trialsPerLease))
        let byShare = Double(waiting.count) / Double(2 * max(1, slots))
        let size = Int(min(byTime, byShare))
        // A trial that is long in itself (a network) travels alone; a short one in full vectors.
        guard perTrial * Double(configuration.lanes) < configuration.leaseDuration.inSeconds else { return max(1, size) }
        return max(configuration.lanes, size / configuration.lanes * configuration.lanes)
    }

    /// Its trials wait again; the worker is not to blame.
    mutating func release(_ id: LeaseID) {
        guard let lease = leases.removeValue(forKey: id) else { return }
        workers[lease.worker]?.leases.remove(id)
        putBack(lease.trials.filter { states[$0] == .leased(id) }, to: lease.group)
    }

    func trialsHeld(by id: LeaseID) -> [Int] { leases[id]?.trials.filter { states[$0] == .leased(id) } ?? [] }

    private mutating func putBack(_ trials: [Int], to group: Int) {
        for trial in trials { states[trial] = .waiting }
        waiting.put(back: trials, to: group)
    }

    /// Its worker died. Trials that were being computed are suspects; those that died with `crashLimit` workers are set aside as failed.
    mutating func bury(_ id: LeaseID) -> [Effect] {
        guard let lease = leases[id], lease.hasBegun else {
            release(id)
            return []
        }
        var effects: [Effect] = []
        for trial in trialsHeld(by: id) {
            histories[trial]!.crashes += 1
            let crashes = Int(histories[trial]!.crashes)
            guard crashes >= configuration.crashLimit else { continue }
            states[trial] = .delivered
            let reason =
                "\(crashes) workers died while they computed it, the last on \(workers[lease.worker]?.hello.host ?? "an unknown box")"
            let result = TrialResult(
                key: grid.key(of: trial), attempt: Int(histories[trial]!.attempts), outcome: .failed(reason: reason), epochs: 0,
                lossRatio: nil, digest: nil, curve: [], seconds: 0)
            effects.append(
                .store(Delivery(results: [result], worker: lease.worker, host: workers[lease.worker]?.hello.host ?? "", acknowledge: nil)))
            effects.append(.report(.setAside(result.key, crashes: crashes)))
        }
        release(id)
        return effects
    }

    // MARK: Taking in

    /// Results that arrived: nobody else is given these trials. A repeat, an older attempt or a trial of another sweep changes nothing here;
    /// the store recognises what it has.
    mutating func take(
        _ results: [TrialResult], of lease: LeaseID?, from worker: WorkerID?, acknowledge: (BatchID, to: Route)?
    ) -> Delivery {
        for result in results {
            guard let index = grid.index(of: result.key) else { continue }
            switch states[index] {
            case .waiting:
                waiting.remove([index], from: grid.group(of: index))
                states[index] = .delivered
            case .leased: states[index] = .delivered
            case .delivered, .stored: break
            }
        }
        if let lease, let worker, leases[lease]?.worker == worker { release(lease) }
        if let worker, let first = results.first(where: { $0.seconds > 0 }) { learn(first.seconds, of: worker) }
        let host = worker.flatMap { workers[$0]?.hello.host } ?? ""
        return Delivery(results: results, worker: worker, host: host, acknowledge: acknowledge)
    }

    /// Half of the new, half of the old: follows a box that slows down within a few leases.
    private mutating func learn(_ seconds: Double, of worker: WorkerID) {
        guard let old = workers[worker]?.secondsPerTrial else {
            workers[worker]?.secondsPerTrial = seconds
            return
        }
        workers[worker]!.secondsPerTrial = (old + seconds) / 2
    }

    /// The disk has them: now, and not before, they are acknowledged.
    mutating func settle(_ deliveries: [Delivery], at now: Instant) -> [Effect] {
        var effects: [Effect] = []
        for delivery in deliveries {
            for result in delivery.results {
                guard let index = grid.index(of: result.key), states[index] != .stored else { continue }
                states[index] = .stored
                histories[index] = nil
                remaining -= 1
                counts.count(result.outcome)
                keepBaseline(result, index)
            }
            guard let (batch, route) = delivery.acknowledge else { continue }
            if let id = routes[route] { workers[id]!.lastSent = now }
            effects.append(reply(.acknowledged(batch), to: route))
        }
        return effects + (isFinished ? dismiss(at: now) : [])
    }

    private mutating func keepBaseline(_ result: TrialResult, _ index: Int) {
        let group = grid.group(of: index)
        if grid.setting(of: index).isBaseline, waiting.count(in: group) > 0 {
            baselines[index] = Dictionary(result.curve.map { ($0.epoch, $0.testLoss) }) { first, _ in first }
        }
        // A finished group's curves are in the store; a million groups must not stay in memory.
        if waiting.count(in: group) == 0, !baselines.isEmpty {
            for trial in grid.groups[group].trials.prefix(while: { grid.identity(of: $0).setting.isBaseline }) { baselines[trial] = nil }
        }
    }
}
