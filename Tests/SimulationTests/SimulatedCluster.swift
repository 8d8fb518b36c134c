// SimulatedCluster.swift · Tests/SimulationTests. A whole cluster in one thread: the real Coordinator and the real WorkerMachines, joined by
// a network, a journal and a clock that a seed rules. One step is the next thing that happens; what must be true is checked after each.

import Vocabulary
import Wire

@testable import regsweep
@testable import regsweep_worker

struct SimulatedCluster {
    let plan: Plan
    /// What went wrong; nil while nothing has.
    private(set) var failure: String?
    private(set) var isOver = false
    private(set) var now = Instant(sinceStart: .zero)
    private(set) var troubles: [Trouble: Int] = [:]
    /// The disk of the coordinator's host, which outlives its process.
    let journal: SimulatedJournal
    /// How many trials were computed to their end. A trial that is computed twice counts twice.
    private(set) var computed = 0
    /// How often the sweep was run again for what was left of it.
    private(set) var reruns = 0
    /// How many epochs of trials that make checkpoints were computed.
    private(set) var epochs = 0
    private(set) var steps = 0
    /// How many workers left since they found no coordinator.
    private(set) var orphans = 0
    private var hosts = [SimulatedHost](repeating: SimulatedHost(), count: 3)
    private var dice: Dice
    private var network: SimulatedNetwork
    private var workers: [SimulatedWorker] = []
    private var forger: SimulatedForger?
    /// Trials whose stored result has been the right one.
    private var right: Set<TrialKey> = []
    private var acknowledged: Set<TrialKey> = []

    private var sweep: SampleSweep { plan.sweep }

    // The coordinator's process: nil while none runs.
    private var coordinator: Coordinator<SimulatedJournal>?
    private var inspector: LeaseInspector?
    // What waits for its next turn besides frames.
    private var isDrainRequested = false
    private var exits: [ProcessEnd] = []
    /// When its next turn has to come at the latest.
    private var turnAt = Instant.distantFuture
    /// No turn begins earlier: the last one is not over, or the process is stopped (SIGSTOP, a laptop's lid).
    private var busyUntil = Instant(sinceStart: .zero)
    /// Whether the next turn comes before anything that was sent while the process was stopped.
    private var isDeafOnce = false
    private var hasFinished = false
    private var startsAt: Instant? = Instant(sinceStart: .zero)
    private var leavesAt: Instant?
    /// How far its clock is ahead of the time of the simulation.
    private var clockAhead = Duration.zero
    private var diskFullUntil = Instant(sinceStart: .zero), diskSlowUntil = Instant(sinceStart: .zero)
    private var timeout = Duration.zero
    /// How many records of deaths the journal had at the last check.
    private var deaths = 0

    private let calmAt: Instant
    private var givenUpAt: Instant
    private var workerStartsAt: [Instant]
    private var nextWorker = 1
    private var troubleAt: Instant?

    private var workerCount: Int { reruns > 0 ? Plan.enough : plan.workers }

    init(_ plan: Plan) {
        self.plan = plan
        if case .journal(let fault)? = plan.fault { journal = SimulatedJournal(fault) } else { journal = SimulatedJournal() }
        dice = Dice(seed: plan.seed)
        network = SimulatedNetwork(isHostile: !plan.isCalm && plan.kinds == Trouble.allCases)
        forger = plan.hasForger ? SimulatedForger() : nil
        workerStartsAt = Array(repeating: Instant(sinceStart: .milliseconds(10)), count: plan.workers)
        troubleAt = plan.isCalm ? nil : Instant(sinceStart: .milliseconds(500))
        // A sweep that nothing disturbs takes about 20 trials' time. Trouble ends after 40; from then on it needs as long as it did from
        // the start, and a little more for workers that time out; one worker alone, three times as long.
        calmAt = Instant(sinceStart: .seconds(40) * plan.pace)
        givenUpAt = Instant(sinceStart: .seconds(plan.workers < Plan.enough ? 480 : 160) * plan.pace)
    }

    /// Runs until nothing is left of the sweep, or something is wrong.
    mutating func run() {
        while failure == nil {
            while failure == nil, !isOver { step() }
            guard failure == nil, hasLeftovers else { break }
            rerun()
        }
        guard failure == nil else { return }
        for key in sweep.keys where key != plan.poison {
            guard let row = journal.contents.rows[key] else { return fail("trial \(key) is not stored") }
            // Two machines that compute wrong, one after the other, may leave no two results that agree. The log says so; nobody can tell more.
            if SampleSweep.lasting(row) != sweep.expected[key], plan.hasForger || !journal.isUnsettled(key) {
                fail("trial \(key) is stored as \(row.outcome)")
            }
        }
    }

    /// Whether there are failures of trials that others could compute, or bits that nobody was there to compare.
    private var hasLeftovers: Bool {
        guard !plan.isCalm else { return false }
        return journal.contents.rows.contains { $0.value.isFailure && $0.key != plan.poison }
            || !journal.unverifiedTrials(ofAll: plan.isAudited).isEmpty
    }

    /// Does what `run --retry failed` does, after whatever was wrong is mended.
    private mutating func rerun() {
        guard reruns < 3 else {
            let left = journal.unverifiedTrials(ofAll: plan.isAudited).count
            return fail("what is left of the sweep does not get done: \(journal.contents.counts), \(left) trials to verify")
        }
        reruns += 1
        forger = nil
        trace("run again")
        calmDown()
        isOver = false
        stopCoordinator(for: .milliseconds(10))
        journal.forgetFailures()
        workerStartsAt += Array(repeating: now + .milliseconds(20), count: workerCount)
        givenUpAt = now + .seconds(120) * plan.pace
    }

    private mutating func fail(_ reason: String) { if failure == nil { failure = "\(reason) (step \(steps), \(now.sinceStart))" } }

    private func trace(_ text: @autoclosure () -> String) { if plan.isVerbose { print("\(now.sinceStart) \(text())") } }

    // MARK: Time

    private enum Step {
        case startCoordinator, leaveCoordinator, turn
        case down(Route)
        case startWorker(Int)
        case tickWorker(Int)
        case advance(Int, job: Int)
        case disk(Int)
        case trouble, forge
    }

    /// - Returns: the earliest thing that happens; of several at one time, the first in this order.
    private func nextStep() -> (at: Instant, Step)? {
        var best: (at: Instant, Step)?
        func offer(_ at: Instant?, _ step: @autoclosure () -> Step) {
            guard let at, at < best?.at ?? .distantFuture else { return }
            best = (at, step())
        }
        offer(startsAt, .startCoordinator)
        offer(leavesAt, .leaveCoordinator)
        // By index, since a copy of a connection or a worker costs more than looking at it.
        var wakesAt = turnAt
        for index in network.connections.indices {
            if let arrival = network.connections[index].up.nextArrival { wakesAt = min(wakesAt, arrival) }
            offer(network.connections[index].down.nextArrival, .down(network.connections[index].route))
        }
        if coordinator != nil { offer(max(wakesAt, busyUntil), .turn) }
        for index in workers.indices {
            // A process that stands still does all of it when it goes on.
            let wakesAt = workers[index].standsUntil
            for job in workers[index].jobs.indices {
                offer(workers[index].jobs[job].steps.first.map { max($0.at, wakesAt) }, .advance(index, job: job))
            }
            offer(workers[index].disk.first.map { max($0.at, wakesAt) }, .disk(index))
            offer(max(workers[index].nextDeadline, wakesAt), .tickWorker(index))
        }
        for index in workerStartsAt.indices { offer(workerStartsAt[index], .startWorker(index)) }
        offer(troubleAt, .trouble)
        offer(forger?.nextAt, .forge)
        return best
    }

    private mutating func step() {
        steps += 1
        guard let (at, step) = nextStep() else { return fail("nothing ever happens again") }
        now = max(now, at)
        // This is a step of its own, since it ends workers that the next step may be about.
        guard troubleAt == nil || now < calmAt else { return calmDown() }
        guard now < givenUpAt else {
            return fail("the sweep does not end: \(coordinator?.scheduler.trials.remaining ?? -1) trials are left")
        }
        switch step {
        case .startCoordinator: startCoordinator()
        case .leaveCoordinator: leave()
        case .turn: takeTurn()
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
        case .forge: forge()
        }
        if coordinator != nil { isOver = hasFinished && network.connections.isEmpty }
    }

    private mutating func calmDown() {
        trace("calm")
        troubleAt = nil
        network.isHostile = false
        (busyUntil, diskSlowUntil) = (min(busyUntil, now + .seconds(1)), now)
        // A worker that fails is quarantined and harms nobody, so it stays until the sweep is run again.
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

    /// Recovers and starts as `regsweep run` does.
    private mutating func startCoordinator() {
        startsAt = nil
        clockAhead = .zero
        if let lost = acknowledged.first(where: { journal.contents.rows[$0]?.isFailure != false }) {
            fail("trial \(lost) was acknowledged and is gone")
        }
        do {
            var recovery = try Recovery(journal, sweep.grid, audit: plan.audit)
            if case .recoveryForgets(let recovered)? = plan.fault { recovery.forget(recovered) }
            let configuration = Scheduler.Configuration(
                sweep: "sample", incarnation: journal.beginIncarnation(host: "host", process: 0), leaseDuration: .seconds(3) * plan.pace,
                crashLimit: plan.crashLimit, audit: plan.audit.share, lanes: plan.audit.lanes, expectedSecondsPerTrial: Double(plan.pace),
                selfTest: SampleSweep.selfTest, leaseSecret: Digest(of: "secret"))
            timeout = configuration.timeout
            coordinator = Coordinator(Scheduler(configuration, sweep.grid, resuming: recovery), journal)
        } catch { return fail("a coordinator does not start: \(error)") }
        trace("coordinator starts, incarnation \(journal.contents.incarnation), \(journal.contents.rows.count) trials stored")
        inspector = LeaseInspector(journal, sweep.grid)
        turnAt = now
        check()
    }

    private mutating func takeTurn() {
        let turn = Turn(frames: isDeafOnce ? [] : receive(), isDrainRequested: isDrainRequested, exits: exits)
        (isDeafOnce, isDrainRequested, exits) = (false, false, [])
        (journal.isFull, journal.isSlow) = (now < diskFullUntil, now < diskSlowUntil)
        journal.kill =
            troubleAt == nil || plan.kinds != Trouble.allCases
            ? nil : dice.chance(perThousand: 30) ? .afterCommit : dice.chance(perThousand: 10) ? .beforeCommit : nil
        let time = now + clockAhead, inspector = inspector!, commits = journal.commits, waited = coordinator!.scheduler.trials.queue.count
        var actions: [CoordinatorAction] = [], complaint: String?
        do {
            try coordinator!.take(turn, at: { time }) { action, scheduler in
                actions.append(action)
                complaint = complaint ?? inspector.complaint(about: action, scheduler)
            }
        } catch {
            guard let kill = journal.kill else { return fail("the journal fails: \(error)") }
            self.kill(kill == .beforeCommit ? .killedBeforeCommit : .killedAfterCommit)
            return
        }
        if let complaint { return fail(complaint) }
        if plan.fault == .losesRequeues, coordinator!.scheduler.trials.queue.count > waited, coordinator!.hasPersistedAll {
            coordinator = Coordinator(coordinator!.scheduler.withoutFirstWaiting(), journal)
        }
        // Until the disk has answered, nothing is sent and nothing is received.
        busyUntil = now + (journal.commits > commits ? dice.milliseconds(1...60) : .zero)
        perform(actions, at: busyUntil)
        check()
        if coordinator?.isDrained() == true { leavesAt = leavesAt.map { min($0, busyUntil) } ?? busyUntil }
    }

    /// - Returns: everything that has arrived by now, in the order in which it did.
    private mutating func receive() -> [Scheduler.Event] {
        var events: [Scheduler.Event] = []
        while let route = network.nextArrival(by: now) {
            switch network.receive(.up, of: route) {
            case .envelope(var envelope):
                if case .hello(var hello) = envelope.message {
                    inspector?.note(held: hello.held.values.joined())
                    if plan.fault == .trustsOtherBuilds { hello.selfTest = SampleSweep.selfTest }
                    envelope.message = .hello(hello)
                }
                events.append(.received(envelope, from: route))
            case .unreadable(let error): events.append(.unreadable(error, from: route))
            }
        }
        return events
    }

    /// Looks for what must be true after every turn, and is not.
    private mutating func check() {
        if let complaint = journal.complaint { fail(complaint) }
        if plan.hasForger { checkForgeries() }
        guard let found = coordinator?.inspected() else { return }
        turnAt = Instant(sinceStart: found.deadline.sinceStart - clockAhead)
        hasFinished = found.isFinished
        if let broken = found.broken { fail(broken) }
        if found.hasPersistedAll, found.counts != journal.contents.counts {
            fail("\(found.counts) where the journal has \(journal.contents.counts)")
        }
        if coordinator!.isTrusting(anybodySilentFor: timeout, at: now + clockAhead) {
            fail("a silent worker keeps its leases beyond its time")
        }
        guard journal.deaths != deaths else { return }
        deaths = journal.deaths
        // A host with one key for all its workers may lose all but one of the limit over a trial while it is alone, and then count as one
        // while others, each of whom counts, lose as many. A trial that was copied loses one more, when both workers die one after the
        // other. Workers that die over a verification do not count: its trials have results.
        let unfinished = journal.crashes().filter { journal.contents.rows[$0.key]?.isFailure ?? true }
        if let (key, count) = unfinished.max(by: { $0.value < $1.value }), count > plan.crashLimit + max(1, plan.crashLimit - 1) {
            fail("\(count) workers were lost over trial \(key), where \(plan.crashLimit) are allowed")
        }
    }

    /// Looks for what somebody with one key must not be able to do.
    private mutating func checkForgeries() {
        let wrong = journal.distrustedWitnesses().subtracting([SimulatedForger.witness])
        if let innocent = wrong.first { fail("\(innocent) is condemned, and computes what it is asked for") }
        for (key, row) in journal.contents.rows where !row.isFailure {
            guard sweep.keys.contains(key) else { return fail("\(key) is stored, which the sweep does not have") }
            guard SampleSweep.lasting(row) != sweep.expected[key] else {
                right.insert(key)
                continue
            }
            if right.contains(key) { fail("the right result of \(key) was replaced") }
            if journal.contents.confirmed.contains(key) { fail("a forged result of \(key) is confirmed") }
        }
    }

    /// Somebody with a key acts.
    private mutating func forge() {
        forger!.nextAt = now + dice.milliseconds(20...900)
        guard coordinator != nil else { return }
        // It stays as long as it is not told to go.
        for route in forger!.routes where coordinator!.scheduler.isFinished || dice.chance(perThousand: 20) {
            forger!.close(route)
            network.close(route)
        }
        guard !coordinator!.scheduler.isFinished else { return }
        var said: [(Message, Route)] = forger!.routes.map { (.heartbeat(running: 0), $0) }
        if forger!.routes.count < SimulatedForger.mostRoutes, dice.chance(perThousand: 300) {
            let route = network.open(for: 0, as: SimulatedForger.peer)
            said += forger!.greet(on: route, sweep, &dice).map { ($0, route) }
        } else if let route = forger!.routes.dropFirst(dice.number(0...3)).first {
            said += forger!.speak(sweep, journal.contents.incarnation, &dice).map { ($0, route) }
        }
        for (message, route) in said {
            trace("forger at \(route): \(message.summary)")
            network.send(.envelope(Envelope(incarnation: journal.contents.incarnation, message: message)), up: route, at: now, &dice)
        }
    }

    /// Sends what a turn has decided. The process may end between two frames.
    private mutating func perform(_ actions: [CoordinatorAction], at time: Instant) {
        for action in actions {
            if troubleAt != nil, plan.kinds == Trouble.allCases, dice.chance(perThousand: 2) { return kill(.killedBetweenFrames) }
            switch action {
            case .send(let envelope, let route): send(envelope, to: route, at: time)
            case .sendChunk(let file, let offset, let route): sendChunk(of: file, offset, to: route, at: time)
            case .log(let notice, _): trace("coordinator: \(notice)")
            case .logJournal(let notice): trace("coordinator: \(notice)")
            // No worker here sends a hundred frames that are no messages, and nobody gives commands.
            case .close, .answer: fail("\(action) came out of nothing")
            }
        }
    }

    private mutating func sendChunk(of file: Digest, _ offset: Int, to route: Route, at time: Instant) {
        guard let content = sweep.files[file] else { return fail("data \(file) is asked for, which no trial reads") }
        let start = min(offset, content.count)
        let chunk = DataChunk(
            digest: file, offset: start, total: content.count,
            content: Array(content[start..<min(start + SampleSweep.chunkBytes, content.count)]))
        send(Envelope(incarnation: journal.contents.incarnation, message: .dataChunk(chunk)), to: route, at: time)
    }

    private mutating func send(_ envelope: Envelope, to route: Route, at time: Instant) {
        trace("coordinator → \(route): \(envelope.message.summary)")
        let rows = journal.contents.rows
        switch envelope.message {
        case .acknowledged(let batch):
            // What comes from a worker that was found to compute wrong is acknowledged and not stored.
            let isDistrusted = coordinator?.scheduler.workers.author(at: route).map { journal.distrustedWitnesses().contains($0.witness) }
            let results = isDistrusted == true ? [] : index(at: route).flatMap { workers[$0].batches[batch] } ?? []
            // A failure that other workers may not have is acknowledged and not stored.
            acknowledged.formUnion(results.lazy.filter { !$0.isFailure }.map(\.key))
            for result in results where !result.isFailure && rows[result.key] == nil {
                fail(
                    "batch \(batch.rawValue) of worker \(network.worker(at: route) ?? 0) is acknowledged, and \(result.key) is not durable")
            }
        case .checkpointAnswer(let key, let epoch, nil):
            if rows[key] == nil, epoch > journal.contents.checkpoints[key]?.epoch ?? 0 {
                fail("a checkpoint of \(key) is answered for, and it is not durable")
            }
        case .lease: if plan.fault == .losesLeases, dice.chance(perThousand: 300) { return }
        default: break
        }
        network.send(.envelope(envelope), down: route, at: time, &dice)
    }

    /// The coordinator ends by itself, drained or interrupted twice, after a last commit.
    private mutating func leave() {
        guard coordinator != nil else { return }
        (journal.isFull, journal.isSlow) = (now < diskFullUntil, now < diskSlowUntil)
        journal.kill = nil
        do { try coordinator!.finish() } catch { fail("the journal fails: \(error)") }
        stopCoordinator(for: dice.milliseconds(200...2000))
    }

    /// Ends the coordinator's process, whatever it was about to do.
    private mutating func stopCoordinator(for pause: Duration) {
        trace("coordinator stops")
        if coordinator != nil { journal.endProcess() }
        coordinator = nil
        (leavesAt, isDeafOnce, isDrainRequested, exits, hasFinished) = (nil, false, false, [], false)
        turnAt = .distantFuture
        busyUntil = now
        startsAt = now + pause
        network.closeAll()
        forger?.forgetRoutes()
        for index in workers.indices where workers[index].route != nil { workers[index].route = open(for: workers[index]) }
    }

    private mutating func kill(_ trouble: Trouble) {
        guard coordinator != nil else { return }
        note(trouble)
        stopCoordinator(for: dice.milliseconds(50...4000))
    }

    // MARK: Workers

    private mutating func startWorker(_ nature: SimulatedWorker.Nature = .sound) {
        workers.append(SimulatedWorker(number: nextWorker, slots: dice.number(1...2), nature: nature, at: now))
        trace("worker \(nextWorker) starts, \(nature)")
        nextWorker += 1
        tell(nextWorker - 1, .tick)
    }

    private mutating func open(for worker: SimulatedWorker) -> Route {
        let route = network.open(for: worker.number, as: worker.peer)
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
                if case .results(let batch, _, let results, _) = envelope.message { workers[index].batches[batch] = results }
                if let route = workers[index].route { network.send(.envelope(envelope), up: route, at: now, &dice) }
            case .compute(let lease):
                for file in sweep.files.keys where hosts[workers[index].host].whole[file].map(Digest.init(of:)) != file {
                    // A file may be damaged after it was verified; the worker has it open, or in memory, by then.
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
                if case .orphaned = exit { orphans += 1 }
                // A worker leaves at once when it is refused for its build; the builds of all others here are right.
                if case .refused(let reason) = exit, workers[index].nature != .foreign { fail("worker \(number) was refused: \(reason)") }
                return removeWorker(index, kept: .max)
            }
        }
    }

    private mutating func arrive(_ frame: SimulatedNetwork.Frame, atWorkerOf route: Route) {
        if route.peer == SimulatedForger.peer, case .envelope(let envelope) = frame { forger?.hear(envelope.message) }
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
        // Half of the workers are children of the coordinator, which learns of their end at once.
        guard coordinator != nil, dice.chance(perThousand: 500) else { return }
        exits.append(ProcessEnd(process: number, host: "host\(host)", hasCrashed: true))
        turnAt = now
    }

    /// Another worker takes its place while there is something to do, as a launcher starts it.
    private mutating func removeWorker(_ index: Int, kept: Int) {
        let worker = workers.remove(at: index)
        hosts[worker.host].forget(worker.number)
        if let route = worker.route { network.close(route, kept: kept) }
        if workers.count + workerStartsAt.count < workerCount, coordinator?.scheduler.isFinished != true, !isOver {
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
        let trouble = plan.kinds[dice.number(0...plan.kinds.count - 1)]
        let index = workers.isEmpty ? nil : dice.number(0...workers.count - 1)
        switch trouble {
        case .killedCoordinator: if dice.chance(perThousand: 500) { kill(trouble) }
        case .killedBeforeCommit, .killedAfterCommit, .killedBetweenFrames: break
        case .drainedCoordinator:
            guard coordinator != nil, leavesAt == nil, dice.chance(perThousand: 300) else { return }
            note(trouble)
            leavesAt = now + .seconds(10)
            isDrainRequested = true
            turnAt = now
        case .stoppedCoordinator:
            guard coordinator != nil, !isDeafOnce else { return }
            note(trouble)
            busyUntil = now + standstill()
            // What was sent meanwhile may have arrived before the first turn or not.
            isDeafOnce = dice.chance(perThousand: 500)
            turnAt = now
        case .fullDisk:
            note(trouble)
            diskFullUntil = now + dice.milliseconds(200...3000)
        case .slowDisk:
            note(trouble)
            diskSlowUntil = now + standstill()
        case .sleepingHost:
            guard let index else { return }
            note(trouble)
            sleep(index, until: now + standstill())
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
            if let index, dice.chance(perThousand: 700) { workers[index].jump(jump, at: now) } else { clockAhead += jump }
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

    /// A worker is stopped, or its host sleeps: nothing that is sent to it arrives before it wakes, and it says nothing.
    private mutating func sleep(_ index: Int, until: Instant) {
        workers[index].standsUntil = until
        // While a host sleeps its connections end as often as not, and with them what was on its way. Hostile worlds do that anyway.
        if plan.kinds != Trouble.allCases, dice.chance(perThousand: 500), let route = workers[index].route {
            breakConnection(of: index, route)
        }
        if let route = workers[index].route { network.stall(route, until: until, .down) }
    }

    /// - Returns: a time that is longer than every timeout, as often as not.
    private mutating func standstill() -> Duration {
        dice.chance(perThousand: 500) ? dice.milliseconds(200...12_000) : dice.milliseconds(12_000...60_000)
    }

    /// Does what ZeroMQ does when a connection breaks: it makes a new one and tells nobody.
    private mutating func breakConnection(of index: Int, _ route: Route) {
        network.close(route, kept: dice.number(0...2))
        workers[index].route = open(for: workers[index])
    }

    private mutating func disturb(_ trouble: Trouble, _ index: Int, _ route: Route) {
        guard trouble != .brokenFrame else {
            return network.send(.unreadable(.malformed(reason: "noise")), up: route, at: now, &dice)
        }
        // Some are shorter and some longer than the 6 s after which each side gives the other up.
        let until = now + dice.milliseconds(1000...10_000)
        guard trouble == .partition else { return network.stall(route, until: until, dice.chance(perThousand: 500) ? .up : .down) }
        workers[index].stalledUntil = until
        network.stall(route, until: until)
    }
}

extension Coordinator where Storage == SimulatedJournal {
    /// It changes nothing, and is mutating so that the scheduler is looked at in place, without a copy.
    fileprivate mutating func inspected() -> (
        deadline: Instant, broken: String?, counts: TrialCounts, hasPersistedAll: Bool, isFinished: Bool
    ) {
        (
            nextDeadline, scheduler.brokenInvariants.first, scheduler.trials.counts, hasPersistedAll,
            scheduler.isFinished && scheduler.isOver && hasPersistedAll
        )
    }

    /// Whether it was interrupted and has nothing left to wait for.
    fileprivate mutating func isDrained() -> Bool { scheduler.isDraining && scheduler.isOver && hasPersistedAll }

    /// Whether a worker still counts as connected that has not been heard for so long.
    fileprivate mutating func isTrusting(anybodySilentFor timeout: Duration, at time: Instant) -> Bool {
        scheduler.workers.byID.values.contains { time - $0.lastHeard >= timeout }
    }
}

extension Scheduler {
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
    /// One line of a trace.
    fileprivate var summary: String {
        switch self {
        case .hello(let hello): "hello, holds \(hello.held.keys.sorted())"
        case .welcome(let welcome): "welcome, keep \(welcome.keep)"
        case .lease(let lease): "lease \(lease.id) of \(lease.trials.count) trials from \(lease.checkpoint?.epoch ?? 0)"
        case .checkpoint(let lease, let checkpoint): "checkpoint of \(lease) after \(checkpoint.epoch)"
        case .dataChunk(let chunk): "data \(chunk.digest) at \(chunk.offset)"
        case .results(let batch, let lease, let results, _): "batch \(batch.rawValue): \(results.count) results of \(lease)"
        case .progress(let lease, let points): "progress of \(lease), \(points.count) points"
        case .acknowledged(let batch): "acknowledged \(batch.rawValue)"
        default: "\(self)"
        }
    }
}
