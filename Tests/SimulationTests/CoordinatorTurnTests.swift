// CoordinatorTurnTests.swift · Tests/SimulationTests. In which order a coordinator does things within a turn, over a journal in memory.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Turn of a coordinator") struct CoordinatorTurnTests {
    private let journal: SimulatedJournal
    private let sweep: SampleSweep
    private var coordinator: Coordinator<SimulatedJournal>
    private let now = Instant(sinceStart: .seconds(1))

    init() throws { try self.init(.short) }

    private init(_ sweep: SampleSweep, _ journal: SimulatedJournal = SimulatedJournal()) throws {
        self.journal = journal
        self.sweep = sweep
        let configuration = Scheduler.Configuration(
            sweep: "sample", incarnation: 1, expectedSecondsPerTrial: 1, selfTest: SampleSweep.selfTest)
        coordinator = Coordinator(
            Scheduler(configuration, sweep.grid, resuming: try Recovery(journal, sweep.grid)), journal)
    }

    private func frame(_ message: Message, _ route: Route = Sample.routeA) -> Scheduler.Event {
        .received(Envelope(incarnation: 1, message: message), from: route)
    }

    private var hello: Message {
        .hello(
            Hello(
                worker: Sample.ada.worker, host: "ada", process: 7, slots: 1, selfTest: SampleSweep.selfTest,
                held: [:]))
    }

    private mutating func take(_ turn: Turn) throws -> [CoordinatorAction] {
        var actions: [CoordinatorAction] = []
        let now = now
        try coordinator.take(turn, at: { now }) { action, _ in actions.append(action) }
        return actions
    }

    private func sent(_ actions: [CoordinatorAction]) -> [Message] {
        actions.compactMap { if case .send(let envelope, _) = $0 { envelope.message } else { nil } }
    }

    private func lease(_ actions: [CoordinatorAction]) throws -> Lease {
        try #require(sent(actions).compactMap { if case .lease(let lease) = $0 { lease } else { nil } }.first)
    }

    @Test("frames come before what ended beside them, and the time comes last") func events() {
        let turn = Turn(frames: [frame(hello)], isDrainRequested: true, exits: [ProcessEnd(process: 7, host: "ada", hasCrashed: true)])
        let kinds = turn.events.map { event in
            switch event {
            case .received: "received"
            case .drainRequested: "drain"
            case .exited: "exited"
            case .tick: "tick"
            default: "other"
            }
        }
        #expect(kinds == ["received", "drain", "exited", "tick"])
        #expect(Turn().events.count == 1)
    }

    @Test("results are persisted and acknowledged in the turn in which they come, in this order") mutating func acknowledges() throws {
        let lease = try lease(try take(Turn(frames: [frame(hello), frame(.ready(credits: 1))])))
        let results = lease.trials.map { SampleSweep.result(of: $0.key, attempt: $0.attempt, seconds: 1) }
        let journal = journal, now = now
        var durable: Int?
        let turn = Turn(frames: [frame(.results(BatchID(rawValue: 5), lease.id, results))])
        try coordinator.take(turn, at: { now }) { action, _ in
            guard case .send(let envelope, _) = action, case .acknowledged(BatchID(rawValue: 5)) = envelope.message else { return }
            durable = journal.contents.rows.count
        }
        #expect(durable == results.count && coordinator.hasPersistedAll)
    }

    @Test("a process that has ended may have sent results before: they count, and its end is blamed on what it held then")
    mutating func lastResults() throws {
        let lease = try lease(try take(Turn(frames: [frame(hello), frame(.ready(credits: 1))])))
        let results = lease.trials.map { SampleSweep.result(of: $0.key, attempt: $0.attempt, seconds: 1) }
        _ = try take(
            Turn(
                frames: [frame(.results(BatchID(rawValue: 1), lease.id, results))],
                exits: [ProcessEnd(process: 7, host: "ada", hasCrashed: true)]))
        #expect(journal.contents.rows.count == results.count)
        #expect(!journal.crashes().isEmpty && results.allSatisfy { journal.crashes()[$0.key] == nil })
    }

    @Test("while the journal refuses nothing is acknowledged or handed out, and the next turn is due when it is tried again")
    mutating func blocked() throws {
        let lease = try lease(try take(Turn(frames: [frame(hello), frame(.ready(credits: 1))])))
        let results = lease.trials.map { SampleSweep.result(of: $0.key, attempt: $0.attempt, seconds: 1) }
        journal.isFull = true
        let actions = try take(Turn(frames: [frame(.results(BatchID(rawValue: 1), lease.id, results))]))
        #expect(!sent(actions).contains(.acknowledged(BatchID(rawValue: 1))))
        #expect(actions.contains { if case .logJournal(.blocked) = $0 { true } else { false } })
        #expect(!coordinator.hasPersistedAll && coordinator.nextDeadline <= now + .seconds(1))
        // A worker that comes now gets nothing.
        let other = Hello(
            worker: Sample.bob.worker, host: "bob", process: 8, slots: 1, selfTest: SampleSweep.selfTest,
            held: [:])
        let second = try take(Turn(frames: [frame(.hello(other), Sample.routeB), frame(.ready(credits: 1), Sample.routeB)]))
        #expect(!sent(second).contains { if case .lease = $0 { true } else { false } })
    }

    @Test("an error of the journal ends the turn after what was decided before it was told") mutating func fails() throws {
        let lease = try lease(try take(Turn(frames: [frame(hello), frame(.ready(credits: 1))])))
        let results = lease.trials.map { SampleSweep.result(of: $0.key, attempt: $0.attempt, seconds: 1) }
        journal.kill = .beforeCommit
        var actions: [CoordinatorAction] = []
        let now = now, turn = Turn(frames: [frame(.results(BatchID(rawValue: 1), lease.id, results)), frame(.goodbye(reason: "tired"))])
        #expect(throws: StoreError.self) { try coordinator.take(turn, at: { now }) { action, _ in actions.append(action) } }
        #expect(actions.contains { if case .log(.left(_, _, reason: "tired"), _) = $0 { true } else { false } })
        #expect(!sent(actions).contains(.acknowledged(BatchID(rawValue: 1))))
    }

    @Test("a lease takes the stored checkpoint along; one that is damaged is removed, and the trial begins anew", arguments: [false, true])
    func checkpoints(isDamaged: Bool) throws {
        let journal = SimulatedJournal(isDamaged ? .damagesCheckpoints : nil)
        // One trial is left, and it was after its fifth epoch.
        let keys = SampleSweep.long.keys, checkpoint = SampleSweep.checkpoint(of: keys[0], epoch: 5)
        let results = keys.dropFirst().map { SampleSweep.result(of: $0, attempt: 1, seconds: 1) }
        _ = try journal.put([(results, Sample.bob)], checkpoints: [checkpoint], records: [])
        var test = try CoordinatorTurnTests(.long, journal)
        let actions = try test.take(Turn(frames: [frame(hello), frame(.ready(credits: 1))]))
        #expect(try lease(actions).checkpoint == (isDamaged ? nil : checkpoint))
        let isTold = actions.contains { if case .logJournal(.damagedCheckpoint(keys[0])) = $0 { true } else { false } }
        #expect(isTold == isDamaged && journal.contents.checkpoints.isEmpty == isDamaged)
        // The scheduler does not offer it again.
        #expect(test.coordinator.scheduler.trials.checkpoints.isEmpty == isDamaged)
    }

    @Test(
        "a lease whose checkpoint does not come in time is not sent: its trial waits and goes on from there later, and does not begin anew")
    func slowCheckpoint() throws {
        let keys = SampleSweep.long.keys, checkpoint = SampleSweep.checkpoint(of: keys[0], epoch: 5)
        let results = keys.dropFirst().map { SampleSweep.result(of: $0, attempt: 1, seconds: 1) }
        _ = try journal.put([(results, Sample.bob)], checkpoints: [checkpoint], records: [])
        var test = try CoordinatorTurnTests(.long, journal)
        journal.isSlow = true
        let actions = try test.take(Turn(frames: [frame(hello), frame(.ready(credits: 1))]))
        #expect(!sent(actions).contains { if case .lease = $0 { true } else { false } })
        #expect(test.coordinator.scheduler.leases.isEmpty && test.coordinator.nextDeadline == now + .seconds(1))
        journal.isSlow = false
        var later: [CoordinatorAction] = []
        let time = now + .seconds(1)
        try test.coordinator.take(Turn(), at: { time }) { action, _ in later.append(action) }
        #expect(try lease(later).checkpoint == checkpoint)
    }

    @Test("the last commit takes history along that nothing waits for") mutating func finishes() throws {
        _ = try lease(try take(Turn(frames: [frame(hello), frame(.ready(credits: 1))])))
        _ = try take(Turn(frames: [frame(.goodbye(reason: "drained"))]))
        #expect(journal.commits == 0 && coordinator.hasPersistedAll)
        try coordinator.finish()
        #expect(journal.commits == 1)
    }
}
