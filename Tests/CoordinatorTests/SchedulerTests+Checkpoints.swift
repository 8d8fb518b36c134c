// SchedulerTests+Checkpoints.swift · Tests/CoordinatorTests. Long trials: one in a lease, which goes on from its last checkpoint.

import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

private let cyd = WorkerID(high: 3, low: 0)

@Suite("Scheduler: checkpoints and data") struct SchedulerCheckpointTests {
    fileprivate static let grid = Grid(
        SweepSpec(
            name: "sample", seed: 7, problem: "convolutional-network", parameters: ["epochs": .integer(10)], perInitialization: [:],
            trainingSets: 1, initializations: 1, replicates: 1,
            settings: (0..<4).map { Setting(algorithm: "sgd", strengths: [.lambda1: 0, .lambda2: Double($0)], learningRate: 0.5) },
            curves: [],
            figure: FigureSpec(title: "sample"), warnings: []))

    private var driver: SchedulerDriver

    init() { driver = SchedulerDriver(checkpoints: []) }

    private func checkpoint(_ trial: Int, _ epoch: Int) -> Checkpoint {
        Checkpoint(key: Self.grid.key(of: trial), epoch: epoch, content: [UInt8(epoch)])
    }

    private func mark(_ trial: Int, _ epoch: Int) -> CheckpointMark { CheckpointMark(key: Self.grid.key(of: trial), epoch: epoch) }

    private func lease(_ number: UInt32, _ trial: Int, attempt: Int = 1) -> Lease {
        Lease(
            id: driver.id(number), group: Self.grid.groups[0].spec,
            trials: [LeasedTrial(key: Self.grid.key(of: trial), attempt: attempt, setting: Self.grid.setting(of: trial))], baselines: [])
    }

    private func answer(_ trial: Int, _ epoch: Int, _ refusal: String?, to route: Route) -> Scheduler.Effect {
        driver.send(.checkpointAnswer(Self.grid.key(of: trial), epoch: epoch, refusal: refusal), to: route)
    }

    @Test("each long trial has a lease of its own, however short it is thought to be") mutating func alone() {
        let effects = driver.join(ada, at: routeA, credits: 2)
        #expect(effects == [driver.send(.lease(lease(1, 0)), to: routeA), driver.send(.lease(lease(2, 1)), to: routeA)])
    }

    @Test("a checkpoint is answered once it is durable, and the trial of a worker that left goes on from it") mutating func goesOn() {
        _ = driver.join(ada, at: routeA, credits: 1)
        #expect(
            driver.hear(.checkpoint(driver.id(1), checkpoint(0, 4)), from: routeA) == [.persistCheckpoint(checkpoint(0, 4), from: routeA)])
        #expect(driver.handle(.persistedCheckpoint(mark(0, 4), from: routeA)) == [answer(0, 4, nil, to: routeA)])
        _ = driver.hear(.goodbye(reason: "drained"), from: routeA)
        #expect(
            driver.join(bob, at: routeB, credits: 1) == [.sendLease(lease(2, 0, attempt: 2), from: mark(0, 4), to: routeB)])
    }

    @Test("a lease goes on from the checkpoint that an earlier run left, and not from one that is not durable yet") mutating func resumed()
    {
        driver = SchedulerDriver(checkpoints: [mark(0, 7)])
        #expect(driver.join(ada, at: routeA, credits: 1) == [.sendLease(lease(1, 0), from: mark(0, 7), to: routeA)])
        _ = driver.hear(.checkpoint(driver.id(1), checkpoint(0, 8)), from: routeA)
        _ = driver.hear(.cancel(driver.id(1)), from: routeA)
        #expect(driver.scheduler.trials.checkpoints[0] == mark(0, 7))
    }

    @Test("a checkpoint that is damaged, of no such epoch, of another's lease or of a trial that has none is rejected with the reason")
    mutating func refused() {
        _ = driver.join(ada, at: routeA, credits: 1)
        _ = driver.join(bob, at: routeB, credits: 1)
        let damaged = Checkpoint(key: Self.grid.key(of: 0), epoch: 4, digest: checkpoint(0, 4).digest, content: [9])
        let key = Self.grid.key(of: 0)
        for (checkpoint, reason) in [
            (damaged, "its content does not match its hash"), (checkpoint(0, 0), "it is after 0 of 10 epochs"),
            (checkpoint(0, 10), "it is after 10 of 10 epochs"),
        ] {
            #expect(
                driver.hear(.checkpoint(driver.id(1), checkpoint), from: routeA) == [
                    answer(0, checkpoint.epoch, reason, to: routeA),
                    .notice(.rejectedCheckpoint(key, epoch: checkpoint.epoch, host: "ada", reason: reason)),
                ])
        }
        let late = "the trial is no longer this worker's"
        #expect(driver.hear(.checkpoint(driver.id(1), checkpoint(0, 4)), from: routeB) == [answer(0, 4, late, to: routeB)])
        #expect(driver.hear(.checkpoint(driver.id(1), checkpoint(1, 4)), from: routeA) == [answer(1, 4, late, to: routeA)])
        var other = SchedulerDriver()
        _ = other.join(ada, at: routeA, credits: 1)
        let trial = other.scheduler.grid.key(of: 0)
        let effects = other.hear(.checkpoint(other.id(1), Checkpoint(key: trial, epoch: 1, content: [1])), from: routeA)
        #expect(
            effects.first
                == other.send(
                    .checkpointAnswer(trial, epoch: 1, refusal: "trials of diagonal-network have no checkpoints"), to: routeA))
    }

    @Test("a checkpoint that a worker cannot resume from is forgotten, if that worker has the trial; so is one that the store has lost")
    mutating func rejected() {
        driver = SchedulerDriver(checkpoints: [mark(0, 7), mark(1, 2)])
        _ = driver.join(ada, at: routeA, credits: 1)
        _ = driver.join(bob, at: routeB, credits: 1)
        let key = Self.grid.key(of: 0)
        #expect(driver.hear(.checkpointAnswer(key, epoch: 7, refusal: "no"), from: routeB) == [])
        #expect(
            driver.hear(.checkpointAnswer(key, epoch: 7, refusal: "no"), from: routeA) == [
                .forgetCheckpoint(key), .notice(.rejectedCheckpoint(key, epoch: 7, host: "ada", reason: "no")),
            ])
        #expect(driver.scheduler.trials.checkpoints == [1: mark(1, 2)])
        _ = driver.handle(.lostCheckpoint(Self.grid.key(of: 1)))
        #expect(driver.scheduler.trials.checkpoints == [:])
    }

    @Test("a stored trial has no checkpoint, not even one that becomes durable after the result") mutating func done() {
        driver = SchedulerDriver(checkpoints: [mark(0, 7)])
        _ = driver.join(ada, at: routeA, credits: 1)
        let result = TrialResult.sample(Self.grid.key(of: 0), .diverged, epochs: 8, digest: Digest(of: "d"))
        _ = driver.commit(driver.hear(driver.batch(1, of: driver.id(1), [result]), from: routeA))
        #expect(driver.scheduler.trials.checkpoints == [:])
        _ = driver.handle(.persistedCheckpoint(mark(0, 8), from: routeA))
        #expect(driver.scheduler.trials.checkpoints == [:])
    }

    @Test("a copy goes on from the checkpoint and makes others; one that it cannot resume from is forgotten") mutating func copied() {
        driver = SchedulerDriver(checkpoints: [mark(0, 7)], only: 0)
        _ = driver.join(ada, at: routeA, credits: 1)
        _ = driver.join(bob, at: routeB, credits: 1)
        var effects: [Scheduler.Effect] = []
        for _ in 0..<2 { effects += driver.wait(seconds: 1) }
        #expect(effects.contains(.sendLease(lease(2, 0, attempt: 2), from: mark(0, 7), to: routeB)))
        #expect(
            driver.hear(.checkpoint(driver.id(2), checkpoint(0, 8)), from: routeB) == [.persistCheckpoint(checkpoint(0, 8), from: routeB)])
        let refusal = Message.checkpointAnswer(Self.grid.key(of: 0), epoch: 7, refusal: "no")
        #expect(driver.hear(refusal, from: routeB).first == .forgetCheckpoint(Self.grid.key(of: 0)))
    }

    @Test("a verification starts from the beginning, and its checkpoints are not stored") mutating func verified() {
        driver = SchedulerDriver(checkpoints: [], only: 0)
        _ = driver.join(ada, at: routeA, credits: 1)
        _ = driver.join(bob, at: routeB, credits: 1)
        let result = TrialResult.sample(Self.grid.key(of: 0), .diverged, epochs: 8, digest: Digest(of: "d"))
        _ = driver.commit(driver.hear(driver.batch(1, of: driver.id(1), [result]), from: routeA))
        // The store should have removed it, and has not.
        driver.scheduler = driver.scheduler.forged(trials: driver.scheduler.trials.forged(checkpoints: [0: mark(0, 7)]))
        let authors = [Author(worker: ada, host: "ada"), Author(worker: cyd, host: "cyd")]
        let open = Disagreement(trial: Self.grid.key(of: 0), authors: authors, verdict: .open)
        #expect(driver.handle(.disagreed([open])).last == driver.send(.lease(lease(2, 0, attempt: 2)), to: routeB))
        let late = "the trial is no longer this worker's"
        #expect(driver.hear(.checkpoint(driver.id(2), checkpoint(0, 4)), from: routeB) == [answer(0, 4, late, to: routeB)])
    }

    @Test("a worker that has joined is sent the data that it asks for; any other connection has to say Hello first") mutating func data() {
        let request = Message.dataRequest(Digest(of: "file"), offset: 3)
        #expect(driver.hear(request, from: routeA) == [driver.send(.introduce, to: routeA)])
        _ = driver.join(ada, at: routeA, credits: 0)
        #expect(driver.hear(request, from: routeA) == [.sendData(Digest(of: "file"), offset: 3, to: routeA)])
    }

    @Test("a chunk is the next bytes of a file, at most 1 MiB; at the end of the file and beyond it is empty and names the end")
    func chunks() {
        let file = [UInt8](repeating: 7, count: Limits.chunkBytes + 2), digest = Digest(of: file)
        func chunk(_ offset: Int) -> DataChunk { DataChunk(of: file, digest: digest, offset: offset) }
        #expect(chunk(0) == DataChunk(digest: digest, offset: 0, total: file.count, content: Array(file.dropLast(2))))
        #expect(chunk(Limits.chunkBytes) == DataChunk(digest: digest, offset: Limits.chunkBytes, total: file.count, content: [7, 7]))
        #expect(chunk(file.count) == DataChunk(digest: digest, offset: file.count, total: file.count, content: []))
        #expect(chunk(file.count + 9) == chunk(file.count))
        #expect(DataChunk(of: nil, digest: digest, offset: 3) == DataChunk(digest: digest, offset: 0, total: 0, content: []))
    }
}

extension SchedulerDriver {
    /// Four long trials of one group.
    /// - Parameter only: the one that is not stored yet.
    fileprivate init(checkpoints: [CheckpointMark], only: Int? = nil) {
        self.init()
        scheduler = Scheduler(
            scheduler.configuration, grid: SchedulerCheckpointTests.grid, stored: { only != nil && $0 != only },
            counts: TrialCounts(done: only == nil ? 0 : 3), baselines: [:], checkpoints: checkpoints)
    }
}
