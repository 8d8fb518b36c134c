// SimulatedCluster.swift · Tests/SimulationTests. A whole cluster in one thread: the real Scheduler and the real WorkerMachines, joined by
// a network, a store and a clock that a seed rules. Whatever happens next, happens in one step; after each step everything is checked.

import Vocabulary
import Wire

@testable import regsweep
@testable import regsweep_worker

struct SimulatedCluster {
    /// A mistake that the simulation has to find: in the part that obeys, on the disk, or in what is left waiting.
    enum Fault: CaseIterable {
        case acknowledgesBeforeCommit, storesRepeats, losesLeases, losesRequeues, losesLastCommit, ignoresOtherBits, trustsOtherBuilds
        case keepsBeforeCommit, forgetsCheckpoints
    }

    struct Plan {
        var seed: UInt64
        /// Nothing is lost, nobody dies.
        var isCalm = false
        /// Trials that read files and make checkpoints.
        var isLong = false
        var fault: Fault?
        /// Whoever begins to compute it dies at once.
        var poison: TrialKey?
        var crashLimit = Self.never
        /// The share of the trials that are computed twice.
        var audit = 0.0
        /// What strange workers come.
        var strangers: [SimulatedWorker.Nature] = [.foreign]
        /// How many sound workers there are once trouble is over; when it is run again there are three.
        var workers = Self.enough
        /// Seconds that a trial takes; what happens to a cluster happens as often in a trial's time.
        var pace = 1

        static let enough = 3
        /// More deaths than a simulation has.
        static let never = 1000
        var isVerbose = false

        init(
            seed: UInt64, isCalm: Bool = false, isLong: Bool = false, fault: Fault? = nil, poison: TrialKey? = nil,
            crashLimit: Int = Self.never
        ) {
            (self.seed, self.isCalm, self.isLong, self.fault) = (seed, isCalm, isLong, fault)
            (self.poison, self.crashLimit) = (poison, crashLimit)
        }

        var sweep: SampleSweep { isLong ? .long : .short }

        /// Everything that a seed decides of a hostile world.
        static func hostile(seed: UInt64, fault: Fault? = nil) -> Plan {
            var plan = Plan(seed: seed, fault: fault)
            // Apart from what the lower bits decide.
            plan.isLong = seed / 8 % 2 == 1
            let keys = plan.sweep.keys
            // Innocents are set aside as well then, and run again in the end.
            if seed % 4 == 0 { plan.crashLimit = 1 }
            if seed % 4 == 1 { (plan.poison, plan.crashLimit) = (keys[Int(seed / 4) % keys.count], 3) }
            if seed % 3 == 0 {
                plan.audit = 1
                plan.strangers.append(.corrupting)
            }
            if seed % 3 == 1 || seed % 5 == 0 { plan.strangers.append(.failing) }
            // One that nobody sound could check.
            if seed % 30 == 15 { plan.workers = 1 }
            if seed % 8 == 7 { plan.pace = 60 }
            return plan
        }
    }

    enum Trouble: CaseIterable {
        case brokenConnection, killedWorker, drainedWorker, joinedWorker, strangeWorker, killedCoordinator, killedBetweenEffects
        case killedAfterCommit, drainedCoordinator, stoppedCoordinator, fullDisk, partition, oneWayPartition, brokenFrame, storm, clockJump
        case corruptedCache, fullCache
    }

    let plan: Plan
    /// What went wrong, once something has.
    private(set) var failure: String?
    private(set) var isOver = false
    private(set) var now = Instant(sinceStart: .zero)
    private(set) var troubles: [Trouble: Int] = [:]
    private(set) var store = SimulatedStore()
    /// Trials that were computed to their end, repeats counted.
    private(set) var computed = 0
    /// How often it was run again for what was left.
    private(set) var reruns = 0
    /// Epochs that were computed, of trials that make checkpoints.
    private(set) var epochs = 0
    private var hosts = [SimulatedHost](repeating: SimulatedHost(), count: 3)
    private var dice: Dice
    private var network: SimulatedNetwork
    private var scheduler: Scheduler?
    /// Of the scheduler, which only changes when it is told something.
    private var schedulerDeadline = Instant.distantFuture
    private var schedulerIsOver = false
    /// The scheduler was told something in this step: what is true of it has to be checked again.
    private var wasTold = false
    private var workers: [SimulatedWorker] = []
    private(set) var steps = 0
    private var acknowledged: Set<TrialKey> = []

    private var sweep: SampleSweep { plan.sweep }

    // The coordinator's process beside its scheduler.
    private var uncommitted: [Scheduler.Delivery] = []
    private var uncommittedCheckpoints: [(Checkpoint, Route)] = []
    private var commitAt: Instant?
    private var saysBlocked = false
    private var diskFullUntil = Instant(sinceStart: .zero)
    private var coordinatorStartsAt: Instant? = Instant(sinceStart: .zero)
    private var coordinatorLeavesAt: Instant?
    /// SIGSTOP, or a laptop's lid.
    private var stoppedUntil = Instant(sinceStart: .zero)
    private var ticksFirstAt: Instant?
    /// How far its clock is ahead of the time of the simulation.
    private var clockAhead = Duration.zero
    /// The disk as it was before the last commit, for a fault that forgets it.
    private var storeBefore = SimulatedStore()
    private let calmAt: Instant
    private var givenUpAt: Instant

    private var workerStartsAt: [Instant]
    private var nextWorker = 1
    private var troubleAt: Instant?

    private var silence = Duration.zero

    private var workerCount: Int { reruns > 0 ? Plan.enough : plan.workers }

    init(_ plan: Plan) {
        self.plan = plan
        dice = Dice(seed: plan.seed)
        network = SimulatedNetwork(isHostile: !plan.isCalm)
        workerStartsAt = Array(repeating: Instant(sinceStart: .milliseconds(10)), count: plan.workers)
        troubleAt = plan.isCalm ? nil : Instant(sinceStart: .milliseconds(500))
        // A sweep that nothing disturbs takes about 20 trials' time. Trouble ends after 40; from then on it needs as long as it did from
        // the start, and for those that fell silent a little more; one worker alone, three times as long.
        calmAt = Instant(sinceStart: .seconds(40) * plan.pace)
        givenUpAt = Instant(sinceStart: .seconds(plan.workers < Plan.enough ? 480 : 160) * plan.pace)
        store.acceptsRepeats = plan.fault == .storesRepeats
        store.comparesBits = plan.fault != .ignoresOtherBits
    }

    /// Until the sweep is over, nothing is left of it, or something is wrong.
    mutating func run() {
        while failure == nil {
            while failure == nil, !isOver { step() }
            guard failure == nil, hasLeftovers else { break }
            rerun()
        }
        guard failure == nil else { return }
        for key in sweep.keys where key != plan.poison {
            guard let row = store.rows[key] else { return fail("trial \(key) is not stored") }
            // Two machines that compute wrong, one after the other, may leave no two results that agree. That is said, not mended.
            if SampleSweep.lasting(row) != sweep.expected[key], !store.unsettled.contains(key) {
                fail("trial \(key) is stored as \(row.outcome)")
            }
        }
    }

    /// Failures that somebody had, and bits that nobody was there to compare.
    private var hasLeftovers: Bool {
        guard !plan.isCalm else { return false }
        return store.rows.contains { $0.value.isFailure && $0.key != plan.poison } || !store.checks(audit, sweep.grid).isEmpty
    }

    private var audit: Audit { Audit(share: plan.audit, lanes: plan.isLong ? 1 : 2) }

    /// `run --retry failed`, after whatever was wrong is mended.
    private mutating func rerun() {
        guard reruns < 3 else {
            return fail("what is left of the sweep does not get done: \(store.counts), \(store.checks(audit, sweep.grid))")
        }
        reruns += 1
        trace("run again")
        calmDown()
        isOver = false
        store.forgetFailures()
        stopCoordinator(for: .milliseconds(10))
        workerStartsAt += Array(repeating: now + .milliseconds(20), count: workerCount)
        givenUpAt = now + .seconds(120) * plan.pace
    }

    private mutating func fail(_ reason: String) { if failure == nil { failure = "\(reason) (step \(steps), \(now.sinceStart))" } }

    private func trace(_ text: @autoclosure () -> String) { if plan.isVerbose { print("\(now.sinceStart) \(text())") } }

    // MARK: Time

    private enum Step {
        case startCoordinator, leaveCoordinator, tickCoordinator, commit
        case up(Route), down(Route)
        case startWorker(Int)
        case tickWorker(Int)
        case advance(Int, job: Int)
        case disk(Int)
        case trouble
    }

    /// The earliest thing that happens; of several at one time the first in this order.
    private func nextStep() -> (at: Instant, Step)? {
        var best: (at: Instant, Step)?
        func offer(_ at: Instant?, _ step: @autoclosure () -> Step) {
            guard let at, at < best?.at ?? .distantFuture else { return }
            best = (at, step())
        }
        offer(coordinatorStartsAt, .startCoordinator)
        offer(coordinatorLeavesAt, .leaveCoordinator)
        offer(ticksFirstAt, .tickCoordinator)
        offer(commitAt.map { max($0, stoppedUntil) }, .commit)
        // By index: a copy of a connection or a worker costs more than the look at it.
        for index in network.connections.indices {
            if let arrival = network.connections[index].up.nextArrival {
                // ZeroMQ keeps what is sent to an endpoint where nobody listens until somebody does.
                offer(max(arrival, coordinatorStartsAt ?? stoppedUntil), .up(network.connections[index].route))
            }
            offer(network.connections[index].down.nextArrival, .down(network.connections[index].route))
        }
        for index in workers.indices {
            for job in workers[index].jobs.indices { offer(workers[index].jobs[job].steps.first?.at, .advance(index, job: job)) }
            offer(workers[index].disk.first?.at, .disk(index))
            offer(workers[index].nextDeadline, .tickWorker(index))
        }
        for index in workerStartsAt.indices { offer(workerStartsAt[index], .startWorker(index)) }
        if scheduler != nil { offer(max(Instant(sinceStart: schedulerDeadline.sinceStart - clockAhead), stoppedUntil), .tickCoordinator) }
        offer(troubleAt, .trouble)
        return best
    }

    private mutating func step() {
        steps += 1
        guard let (at, step) = nextStep() else { return fail("nothing ever happens again") }
        now = max(now, at)
        // A step of its own: it ends workers that the one in hand may be about.
        if troubleAt != nil, now >= calmAt {
            calmDown()
            return check()
        }
        guard now < givenUpAt else {
            return fail("the sweep does not end: \(scheduler?.trials.remaining ?? -1) trials are left")
        }
        switch step {
        case .startCoordinator: startCoordinator()
        case .leaveCoordinator: if scheduler != nil { stopCoordinator(for: dice.milliseconds(200...2000)) }
        case .tickCoordinator:
            ticksFirstAt = nil
            tell(.tick)
            let time = now + clockAhead
            if scheduler?.isTrusting(anybodySilentFor: silence, at: time) == true {
                fail("a silent worker keeps its leases beyond its time")
            }
        case .commit: commit()
        case .up(let route): arrive(network.receive(.up, of: route), from: route)
        case .down(let route): arrive(network.receive(.down, of: route), atWorkerOf: route)
        case .startWorker(let index):
            workerStartsAt.remove(at: index)
            startWorker()
        case .tickWorker(let index): tell(workers[index].number, .tick)
        case .advance(let index, let job): advance(index, job)
        case .disk(let index):
            let (_, file, news) = workers[index].disk.removeFirst()
            tell(workers[index].number, .data(file, news))
        case .trouble: makeTrouble()
        }
        if wasTold { check() }
        if scheduler != nil { isOver = schedulerIsOver && uncommitted.isEmpty && network.connections.isEmpty }
    }

    /// What is true after every step. Nothing of it changes in a step in which neither the scheduler nor the store has part.
    private mutating func check() {
        wasTold = false
        if let key = store.writtenTwice { fail("trial \(key) was stored twice with effect") }
        guard let (deadline, broken, counts, isOver) = scheduler?.looked() else { return }
        (schedulerDeadline, schedulerIsOver) = (deadline, isOver)
        if let broken { fail(broken) }
        if uncommitted.isEmpty, counts != store.counts { fail("\(counts) where the store has \(store.counts)") }
    }

    private mutating func calmDown() {
        trace("calm")
        troubleAt = nil
        network.isHostile = false
        // One that fails is quarantined and harms nobody; until it is run again, nobody sees to it.
        for number in workers.filter({ $0.nature != .sound && ($0.nature != .failing || reruns > 0) }).map(\.number) {
            if let index = index(of: number) { killWorker(index) }
        }
        guard workerCount < Plan.enough else { return }
        for number in workers.filter({ $0.nature == .sound }).map(\.number).dropFirst(workerCount) {
            if let index = index(of: number) { killWorker(index) }
        }
        startWorker(.failing)
    }

    // MARK: The coordinator

    private mutating func startCoordinator() {
        coordinatorStartsAt = nil
        store.incarnation += 1
        clockAhead = .zero
        if let lost = acknowledged.first(where: { store.rows[$0]?.isFailure != false }) {
            fail("trial \(lost) was acknowledged and is gone")
        }
        trace("coordinator starts, epoch \(store.incarnation), \(store.rows.count) trials stored")
        let configuration = Scheduler.Configuration(
            sweep: "sample", incarnation: store.incarnation, leaseDuration: .seconds(3) * plan.pace, crashLimit: plan.crashLimit,
            audit: plan.audit,
            lanes: audit.lanes, expectedSecondsPerTrial: Double(plan.pace), selfTest: SampleSweep.selfTest)
        silence = configuration.timeout
        wasTold = true
        let grid = sweep.grid, rows = store.rows
        scheduler = Scheduler(
            configuration, grid: grid, stored: { rows[grid.key(of: $0)] != nil }, failed: { rows[grid.key(of: $0)]?.isFailure == true },
            counts: store.counts, baselines: [:],
            checkpoints: store.checkpoints.values.map { CheckpointMark(key: $0.key, epoch: $0.epoch) },
            verifications: store.checks(audit, sweep.grid))
    }

    /// Between two instructions, whatever it was about to do.
    private mutating func stopCoordinator(for pause: Duration) {
        trace("coordinator stops")
        if plan.fault == .losesLastCommit, scheduler != nil {
            storeBefore.incarnation = store.incarnation
            store = storeBefore
        }
        scheduler = nil
        uncommitted = []
        uncommittedCheckpoints = []
        (commitAt, coordinatorLeavesAt, ticksFirstAt, saysBlocked) = (nil, nil, nil, false)
        stoppedUntil = now
        coordinatorStartsAt = now + pause
        network.closeAll()
        for index in workers.indices where workers[index].route != nil { workers[index].route = open(for: workers[index]) }
    }

    private mutating func kill(_ trouble: Trouble) {
        guard scheduler != nil else { return }
        note(trouble)
        stopCoordinator(for: dice.milliseconds(50...4000))
    }

    private mutating func tell(_ event: Scheduler.Event) {
        let waited = plan.fault == .losesRequeues ? scheduler?.trials.queue.count ?? 0 : 0
        wasTold = true
        guard let effects = scheduler?.handle(event, at: now + clockAhead) else { return }
        if plan.fault == .losesRequeues, scheduler!.trials.queue.count > waited { scheduler = scheduler!.withoutFirstWaiting() }
        for effect in effects {
            if troubleAt != nil, dice.chance(perThousand: 2) { return kill(.killedBetweenEffects) }
            switch effect {
            case .send(let envelope, let route): send(envelope, to: route)
            case .persist(let delivery):
                uncommitted.append(delivery)
                if commitAt == nil { commitAt = now + dice.milliseconds(1...60) }
                if plan.fault == .acknowledgesBeforeCommit { tell(.persisted([delivery])) }
            case .persistCheckpoint(let checkpoint, let route):
                uncommittedCheckpoints.append((checkpoint, route))
                if commitAt == nil { commitAt = now + dice.milliseconds(1...60) }
                if plan.fault == .keepsBeforeCommit {
                    tell(.persistedCheckpoint(CheckpointMark(key: checkpoint.key, epoch: checkpoint.epoch), from: route))
                }
            case .sendLease(let lease, let mark, let route): send(lease, from: mark, to: route)
            case .sendData(let file, let offset, let route): sendData(file, offset, to: route)
            case .forgetCheckpoint(let key): fail("the checkpoint of \(key) is refused, and all of them are right")
            case .notice(let notice): trace("coordinator: \(notice)")
            case .record: break
            // No worker of ours sends a hundred frames that are none, and nobody commands.
            case .cutOff, .execute: fail("\(effect) came out of nothing")
            }
        }
        if coordinatorLeavesAt == nil, scheduler?.isDrained() == true { coordinatorLeavesAt = now }
    }

    private mutating func send(_ lease: Lease, from mark: CheckpointMark, to route: Route) {
        var lease = lease
        guard let checkpoint = store.checkpoints[mark.key], checkpoint.epoch >= mark.epoch else {
            return fail("trial \(mark.key) is to go on from epoch \(mark.epoch), which is not durable")
        }
        if plan.fault != .forgetsCheckpoints { lease.checkpoint = checkpoint }
        send(Envelope(incarnation: store.incarnation, message: .lease(lease)), to: route)
    }

    private mutating func sendData(_ file: Digest, _ offset: Int, to route: Route) {
        guard let content = sweep.files[file] else { return fail("data \(file) is asked for, which no trial reads") }
        let start = min(offset, content.count)
        let chunk = DataChunk(
            digest: file, offset: start, total: content.count,
            content: Array(content[start..<min(start + SampleSweep.chunkBytes, content.count)]))
        send(Envelope(incarnation: store.incarnation, message: .dataChunk(chunk)), to: route)
    }

    private mutating func send(_ envelope: Envelope, to route: Route) {
        trace("coordinator → \(route): \(envelope.message.summary)")
        switch envelope.message {
        case .acknowledged(let batch):
            let results = index(at: route).flatMap { workers[$0].batches[batch] } ?? []
            // A failure that somebody else may not have is acknowledged and not stored.
            acknowledged.formUnion(results.lazy.filter { !$0.isFailure }.map(\.key))
            for result in results where !result.isFailure && store.rows[result.key] == nil {
                fail(
                    "batch \(batch.rawValue) of worker \(network.worker(at: route) ?? 0) is acknowledged, and \(result.key) is not durable")
            }
        case .checkpointAnswer(let key, let epoch, nil):
            if store.rows[key] == nil, epoch > store.checkpoints[key]?.epoch ?? 0 {
                fail("a checkpoint of \(key) is answered for, and it is not durable")
            }
        case .lease(let lease):
            if store.checkpoints[lease.trials[0].key] != nil, lease.checkpoint == nil { fail("a trial with a checkpoint starts anew") }
            if let id = scheduler?.workers.id(at: route), let worker = scheduler?.workers[id], worker.leases.count > worker.credits {
                fail("worker \(id) is given more than it has credits for")
            }
            if plan.fault == .losesLeases, dice.chance(perThousand: 300) { return }
        default: break
        }
        network.send(.envelope(envelope), down: route, at: now, &dice)
    }

    private mutating func commit() {
        commitAt = nil
        guard now >= diskFullUntil else {
            commitAt = now + .milliseconds(500)
            if !saysBlocked { tell(.storeBlocked(true)) }
            saysBlocked = true
            return
        }
        let deliveries = uncommitted
        let checkpoints = uncommittedCheckpoints
        if plan.fault == .losesLastCommit { storeBefore = store }
        wasTold = true
        store.put(checkpoints.map(\.0))
        let disagreements = store.put(deliveries)
        if troubleAt != nil, dice.chance(perThousand: 30) { return kill(.killedAfterCommit) }
        uncommitted = []
        uncommittedCheckpoints = []
        if plan.fault != .keepsBeforeCommit {
            for (checkpoint, route) in checkpoints {
                tell(.persistedCheckpoint(CheckpointMark(key: checkpoint.key, epoch: checkpoint.epoch), from: route))
            }
        }
        if !disagreements.isEmpty { tell(.disagreed(disagreements)) }
        if plan.fault != .acknowledgesBeforeCommit { tell(.persisted(deliveries)) }
        if saysBlocked { tell(.storeBlocked(false)) }
        saysBlocked = false
    }

    private mutating func arrive(_ frame: SimulatedNetwork.Frame, from route: Route) {
        switch frame {
        case .envelope(var envelope):
            if plan.fault == .trustsOtherBuilds, case .hello(var hello) = envelope.message {
                hello.selfTest = SampleSweep.selfTest
                envelope.message = .hello(hello)
            }
            tell(.received(envelope, from: route))
        case .unreadable(let error): tell(.unreadable(error, from: route))
        }
    }

    // MARK: Workers

    private mutating func startWorker(_ nature: SimulatedWorker.Nature = .sound) {
        workers.append(SimulatedWorker(number: nextWorker, slots: dice.number(1...2), nature: nature, at: now))
        trace("worker \(nextWorker) starts, \(nature)")
        nextWorker += 1
        tell(nextWorker - 1, .tick)
    }

    private mutating func open(for worker: SimulatedWorker) -> Route {
        let route = network.open(for: worker.number)
        network.stall(route, until: worker.stalledUntil)
        return route
    }

    private mutating func tell(_ number: Int, _ event: WorkerMachine.Event) {
        guard let index = index(of: number) else { return }
        for effect in workers[index].handle(event, at: now) {
            switch effect {
            case .connect:
                if let route = workers[index].route { network.close(route) }
                workers[index].route = open(for: workers[index])
            case .send(let envelope):
                trace("worker \(number) at \(workers[index].route.map(String.init(describing:)) ?? "-"): \(envelope.message.summary)")
                if case .results(let batch, _, let results) = envelope.message { workers[index].batches[batch] = results }
                if let route = workers[index].route { network.send(.envelope(envelope), up: route, at: now, &dice) }
            case .compute(let lease):
                for file in sweep.files.keys where hosts[workers[index].host].whole[file].map(Digest.init(of:)) != file {
                    // A copy may turn bad after it was looked at; a worker has it open, or in memory, by then.
                    if troubles[.corruptedCache] == nil { fail("lease \(lease.id) is computed without its data") }
                }
                if let checkpoint = lease.checkpoint {
                    if checkpoint != SampleSweep.checkpoint(of: lease.trials[0].key, epoch: checkpoint.epoch) {
                        fail("a trial goes on from \(checkpoint)")
                    }
                }
                workers[index].start(
                    lease, secondsPerTrial: Double(dice.number(600...1400) * plan.pace) / 1000, isLong: plan.isLong, at: now)
                if lease.trials.contains(where: { $0.key == plan.poison }) { return killWorker(index) }
            case .stop(let lease): workers[index].stop(lease, at: now)
            case .pause(let lease): workers[index].pause(lease)
            case .data(let command, let file):
                trace("worker \(number) on host \(workers[index].host): \(command) of \(file)")
                let news = hosts[workers[index].host].perform(command, file, of: number, at: now)
                workers[index].disk.append((now + dice.milliseconds(1...200), file, news))
            case .notice: break
            case .exit(let exit):
                trace("worker \(number) leaves: \(exit)")
                // Where a machine reports a wrong protocol or other bits there is nothing to wait for; here both sides are one build.
                if case .refused(let reason) = exit, workers[index].nature != .foreign { fail("worker \(number) was refused: \(reason)") }
                return removeWorker(index, kept: .max)
            }
        }
    }

    private mutating func arrive(_ frame: SimulatedNetwork.Frame, atWorkerOf route: Route) {
        guard let number = index(at: route).map({ workers[$0].number }) else { return }
        switch frame {
        case .envelope(let envelope): tell(number, .received(envelope))
        case .unreadable(let error): tell(number, .unreadable(error))
        }
    }

    private func index(of number: Int) -> Int? { workers.indices.first { workers[$0].number == number } }

    private func index(at route: Route) -> Int? { workers.indices.first { workers[$0].route == route } }

    private mutating func advance(_ index: Int, _ job: Int) {
        let event = workers[index].advance(job)
        if case .finished(_, let results) = event { computed += results.count }
        if case .checkpointed = event { epochs += 1 }
        tell(workers[index].number, event)
    }

    private mutating func killWorker(_ index: Int) {
        let (number, host) = (workers[index].number, workers[index].host)
        removeWorker(index, kept: dice.number(0...2))
        // Half of them are the launcher's, which sees it at once.
        if scheduler != nil, now >= stoppedUntil, dice.chance(perThousand: 500) { tell(.exited(process: number, host: "host\(host)")) }
    }

    /// Another one takes its place while there is something to do, as the launcher sees to it.
    private mutating func removeWorker(_ index: Int, kept: Int) {
        let worker = workers.remove(at: index)
        hosts[worker.host].forget(worker.number)
        if let route = worker.route { network.close(route, kept: kept) }
        if workers.count + workerStartsAt.count < workerCount, scheduler?.isFinished != true, !isOver {
            workerStartsAt.append(now + dice.milliseconds(200...3000))
        }
    }

    // MARK: Trouble

    private mutating func note(_ trouble: Trouble) {
        trace("TROUBLE \(trouble)")
        troubles[trouble, default: 0] += 1
    }

    private mutating func makeTrouble() {
        troubleAt = now + dice.milliseconds(50...2500) * plan.pace
        let trouble = Trouble.allCases[dice.number(0...Trouble.allCases.count - 1)]
        let index = workers.isEmpty ? nil : dice.number(0...workers.count - 1)
        switch trouble {
        case .killedCoordinator: if dice.chance(perThousand: 500) { kill(trouble) }
        case .killedBetweenEffects, .killedAfterCommit: break
        case .drainedCoordinator:
            guard scheduler != nil, coordinatorLeavesAt == nil, dice.chance(perThousand: 300) else { return }
            note(trouble)
            coordinatorLeavesAt = now + .seconds(10)
            tell(.drainRequested)
        case .stoppedCoordinator:
            guard scheduler != nil, ticksFirstAt == nil else { return }
            note(trouble)
            stoppedUntil = now + dice.milliseconds(500...12_000)
            // What was said meanwhile may be there before the first tick or not.
            if dice.chance(perThousand: 500) { ticksFirstAt = stoppedUntil }
        case .fullDisk:
            note(trouble)
            diskFullUntil = now + dice.milliseconds(200...3000)
        case .corruptedCache:
            guard let file = sweep.files.keys.sorted(by: { $0.description < $1.description }).first else { return }
            note(trouble)
            for host in hosts.indices { hosts[host].corrupt(file) }
        case .fullCache:
            guard plan.isLong else { return }
            note(trouble)
            hosts[dice.number(0...2)].fullUntil = now + dice.milliseconds(200...3000)
        case .joinedWorker:
            guard workers.count < 6 else { return }
            note(trouble)
            startWorker()
        case .strangeWorker:
            let nature = plan.strangers[dice.number(0...plan.strangers.count - 1)]
            guard workers.count < 6, !workers.contains(where: { $0.nature == nature }) else { return }
            note(trouble)
            startWorker(nature)
        case .storm:
            note(trouble)
            while workers.count < 6 { startWorker() }
            for index in workers.indices { if let route = workers[index].route { breakConnection(of: index, route) } }
        case .clockJump:
            note(trouble)
            let jump = dice.milliseconds(500...30_000)
            if let index, dice.chance(perThousand: 700) { workers[index].jump(jump) } else { clockAhead += jump }
        case .killedWorker:
            guard let index else { return }
            note(trouble)
            killWorker(index)
        case .drainedWorker:
            guard let index else { return }
            note(trouble)
            let number = workers[index].number
            tell(number, .drainRequested)
            if dice.chance(perThousand: 200) { tell(number, .drainRequested) }
        case .brokenConnection, .partition, .oneWayPartition, .brokenFrame:
            guard let index, let route = workers[index].route else { return }
            note(trouble)
            trouble == .brokenConnection ? breakConnection(of: index, route) : disturb(trouble, index, route)
        }
    }

    /// ZeroMQ makes a new connection by itself and tells nobody.
    private mutating func breakConnection(of index: Int, _ route: Route) {
        network.close(route, kept: dice.number(0...2))
        workers[index].route = open(for: workers[index])
    }

    private mutating func disturb(_ trouble: Trouble, _ index: Int, _ route: Route) {
        guard trouble != .brokenFrame else {
            return network.send(.unreadable(.malformed(reason: "noise")), up: route, at: now, &dice)
        }
        // Shorter and longer than the 6 s after which both sides give the other up.
        let until = now + dice.milliseconds(1000...10_000)
        guard trouble == .partition else { return network.stall(route, until: until, dice.chance(perThousand: 500) ? .up : .down) }
        workers[index].stalledUntil = until
        network.stall(route, until: until)
    }
}

extension Scheduler {
    /// Mutating although it changes nothing: in place it is looked at without a copy.
    fileprivate mutating func looked() -> (deadline: Instant, broken: String?, counts: TrialCounts, isOver: Bool) {
        (nextDeadline, brokenInvariants.first, trials.counts, isFinished && isOver)
    }

    fileprivate mutating func isDrained() -> Bool { isDraining && isOver }

    /// Whether a worker is still one of ours that has been silent for so long.
    fileprivate mutating func isTrusting(anybodySilentFor silence: Duration, at time: Instant) -> Bool {
        for (_, worker) in workers.byID where time - worker.lastHeard >= silence { return true }
        return false
    }

    /// A scheduler that has forgotten the first trial that waits. No method of a part can do that, but its memberwise initializer can.
    fileprivate func withoutFirstWaiting() -> Scheduler {
        guard let lost = trials.queue.all.first else { return self }
        var states = trials.states, queue = trials.queue
        states[lost] = .delivered
        queue.remove([lost], from: grid.group(of: lost))
        let trials = Trials(
            grid: grid, states: states, queue: queue, attempts: trials.attempts, remaining: trials.remaining, counts: trials.counts,
            baselines: trials.baselines, checkpoints: trials.checkpoints)
        return Scheduler(
            configuration: configuration, grid: grid, trials: trials, leases: leases, workers: workers, verifications: verifications,
            failures: failures, malformedFrames: malformedFrames, isStoreBlocked: isStoreBlocked, isDraining: isDraining,
            hasDrainedWorkers: hasDrainedWorkers, nextReview: nextReview)
    }
}

extension Message {
    /// For a trace.
    fileprivate var summary: String {
        switch self {
        case .hello(let hello): "hello, holds \(hello.held.keys.sorted())"
        case .welcome(let welcome): "welcome, keep \(welcome.keep)"
        case .lease(let lease): "lease \(lease.id) of \(lease.trials.count) trials from \(lease.checkpoint?.epoch ?? 0)"
        case .checkpoint(let lease, let checkpoint): "checkpoint of \(lease) after \(checkpoint.epoch)"
        case .dataChunk(let chunk): "data \(chunk.digest) at \(chunk.offset)"
        case .results(let batch, let lease, let results): "batch \(batch.rawValue): \(results.count) results of \(lease)"
        case .progress(let lease, let points): "progress of \(lease), \(points.count) points"
        case .acknowledged(let batch): "acknowledged \(batch.rawValue)"
        default: "\(self)"
        }
    }
}
