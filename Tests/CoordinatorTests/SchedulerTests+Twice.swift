// SchedulerTests+Twice.swift · Tests/CoordinatorTests. What is computed by more than one worker: copies of late leases, trials that failed,
// audits and third runs.

import Testing
import Vocabulary
import Wire

@testable import regsweep

private let cyd = WorkerID(high: 3, low: 0)

extension Desk {
    fileprivate func author(_ worker: WorkerID) -> Author { Author(worker: worker, host: host(worker)) }

    /// Of a lease that is out for a check.
    fileprivate func again(_ id: LeaseID, _ trials: [Int], baseline: Double? = nil, to route: Route) -> Effect {
        lease(id, trials, attempt: 2, baseline: baseline, to: route)
    }

    fileprivate func otherBits(_ trial: Int) -> TrialResult {
        var result = result(trial)
        result.digest = Digest(of: "other bits of \(trial)")
        return result
    }
}

@Suite("Scheduler: copies") struct SchedulerCopyTests {
    /// ada has the only lease, bob is idle, and time has passed.
    private func late(seconds: Int = 2) -> (Desk, [Scheduler.Effect]) {
        var desk = Desk(groups: 1, settings: 2)
        _ = desk.join(ada, at: routeA, credits: 1)
        _ = desk.join(bob, at: routeB, credits: 2)
        var effects: [Scheduler.Effect] = []
        for _ in 0..<seconds { effects = desk.wait(seconds: 1) }
        return (
            desk,
            effects.filter { $0 != desk.send(.heartbeat(running: 0), to: routeA) && $0 != desk.send(.heartbeat(running: 0), to: routeB) }
        )
    }

    @Test("a lease that is out for twice its time is given to an idle worker as well, not sooner and not twice") func late() {
        #expect(late(seconds: 1).1 == [])
        var (desk, effects) = late()
        #expect(effects == [desk.lease(desk.id(2), [0, 1], attempt: 2, to: routeB)])
        _ = desk.hear(.heartbeat(running: 1), from: routeA)
        #expect(desk.wait(seconds: 1) == [])
        _ = desk.hear(.ready(credits: 2), from: routeA)
        #expect(
            !desk.wait(seconds: 1).contains { if case .send(let envelope, _) = $0, case .lease = envelope.message { true } else { false } })
    }

    @Test("the first answer wins, whosever it is, and the other is told to stop", arguments: [false, true]) func firstWins(isCopy: Bool) {
        var (desk, _) = late()
        let results = [desk.result(0), desk.result(1)]
        let (winner, route, lease) = isCopy ? (bob, routeB, desk.id(2)) : (ada, routeA, desk.id(1))
        let (other, loser) = isCopy ? (desk.id(1), routeA) : (desk.id(2), routeB)
        let effects = desk.hear(desk.batch(1, of: lease, results), from: route)
        #expect(effects == [desk.store(results, by: winner, batch: 1, to: route), desk.send(.cancel(other), to: loser)])
        #expect(desk.scheduler.leases.isEmpty)
        #expect(desk.records.map(\.end) == [.computed, .cancelled])
    }

    @Test("when either worker is lost the other goes on, and nothing waits", arguments: [routeA, routeB]) func lost(route: Route) {
        var (desk, _) = late()
        #expect(desk.hear(.goodbye(reason: "tired"), from: route).count == 1)
        #expect(desk.scheduler.waiting.isEmpty)
        let left = route == routeA ? desk.id(2) : desk.id(1)
        #expect(desk.scheduler.leases.mapValues(\.purpose) == [left: .own])
        #expect(desk.scheduler.trialsHeld(by: left) == [0, 1])
    }

    @Test("half of a copy's results leaves the rest to the first lease; a failure of one says nothing while the other computes") func half()
    {
        var (desk, _) = late()
        let effects = desk.hear(desk.batch(1, of: desk.id(2), [desk.result(0), desk.failure(1)]), from: routeB)
        #expect(effects == [desk.store([desk.result(0)], by: bob, batch: 1, to: routeB)])
        #expect(desk.scheduler.leases.keys.sorted() == [desk.id(1)])
        #expect(desk.scheduler.trialsHeld(by: desk.id(1)) == [1])
    }

    @Test("a process that ended loses its leases at once") func ended() {
        var (desk, _) = late()
        #expect(desk.handle(.ended(process: 1, host: "nowhere")) == [])
        // Only one of them: both say that they are process 1, on their own hosts.
        #expect(desk.handle(.ended(process: 1, host: "ada")) == [.notice(.lost(ada, host: "ada", returned: 0))])
        #expect(desk.records.map(\.end) == [.died])
        #expect(desk.scheduler.workers.keys.sorted { $0.order < $1.order } == [bob])
    }
}

@Suite("Scheduler: failures") struct SchedulerFailureTests {
    @Test("a trial that failed goes to another worker, and is set aside when all have failed") func elsewhere() {
        var desk = Desk(groups: 1, settings: 1)
        _ = desk.join(ada, at: routeA, credits: 1)
        _ = desk.join(bob, at: routeB, credits: 1)
        let first = desk.hear(desk.batch(1, of: desk.id(1), [desk.failure(0)]), from: routeA)
        #expect(first == [desk.store([], by: ada, batch: 1, to: routeA), desk.lease(desk.id(2), [0], attempt: 2, to: routeB)])
        let second = desk.hear(desk.batch(1, of: desk.id(2), [desk.failure(0)]), from: routeB)
        #expect(second == [desk.store([desk.failure(0)], by: bob, batch: 1, to: routeB)])
        _ = desk.commit(second)
        #expect(desk.scheduler.counts == Scheduler.Counts(failed: 1))
        #expect(desk.scheduler.workers.values.allSatisfy { $0.failuresInRow == 0 })
    }

    @Test("a worker that gives everything back as failed is quarantined, and its failures are computed by others") func blackHole() {
        var desk = Desk(groups: 8, settings: 2)
        _ = desk.join(ada, at: routeA, credits: 1)
        _ = desk.join(bob, at: routeB, credits: 1)
        var reports: [Scheduler.Effect] = []
        for batch in 1...3 as ClosedRange<UInt64> {
            let (id, lease) = desk.scheduler.leases.first { $0.value.worker == ada }!
            let effects = desk.hear(desk.batch(batch, of: id, lease.trials.map { desk.failure($0) }), from: routeA)
            #expect(effects.first == desk.store([], by: ada, batch: batch, to: routeA))
            reports += effects.filter { if case .notice = $0 { true } else { false } }
        }
        #expect(
            reports == [.notice(.quarantined(ada, host: "ada", reason: "3 leases failed one after the other where others succeed"))])
        #expect(!desk.scheduler.leases.values.contains { $0.worker == ada })
        #expect(desk.scheduler.waiting.count == 14)
        // Nobody is better: it is good enough again.
        _ = desk.hear(.goodbye(reason: "home"), from: routeB)
        #expect(desk.scheduler.leases.values.contains { $0.worker == ada })
    }
}

@Suite("Scheduler: checks") struct SchedulerCheckTests {
    private func audited(share: Double = 1, trialsPerLease: Int = Limits.trialsPerLease) -> Desk {
        var desk = Desk(groups: 1, settings: 4, trialsPerLease: trialsPerLease)
        desk.scheduler = {
            var configuration = desk.scheduler.configuration
            configuration.audit = share
            return Scheduler(configuration, grid: desk.scheduler.grid, stored: { _ in false }, counts: .init(), baselines: [:])
        }()
        return desk
    }

    @Test("a chosen block goes to another worker when all of it is stored, and the sweep ends when that has answered") func audit() {
        var desk = audited()
        _ = desk.join(ada, at: routeA, credits: 1)
        let first = desk.hear(desk.batch(1, of: desk.id(1), [desk.result(0), desk.result(1)]), from: routeA)
        #expect(first.last == desk.lease(desk.id(2), [2, 3], to: routeA))
        _ = desk.commit(first)
        #expect(desk.join(bob, at: routeB, credits: 1) == [desk.again(desk.id(3), [0, 1], to: routeB)])
        _ = desk.commit(desk.hear(desk.batch(2, of: desk.id(2), [desk.result(2), desk.result(3)]), from: routeA))
        #expect(desk.scheduler.remaining == 0 && !desk.scheduler.isFinished)
        let checked = desk.hear(desk.batch(1, of: desk.id(3), [desk.result(0), desk.result(1)]), from: routeB)
        #expect(checked.last == desk.again(desk.id(4), [2, 3], to: routeB))
        _ = desk.commit(checked)
        let last = desk.commit(desk.hear(desk.batch(2, of: desk.id(4), [desk.result(2), desk.result(3)]), from: routeB))
        #expect(last == [desk.acknowledged(2, to: routeB), desk.send(.drain, to: routeA), desk.send(.drain, to: routeB)])
        #expect(desk.scheduler.counts == Scheduler.Counts(done: 4))
    }

    @Test("a check of more trials than a frame has results of goes out in parts") func large() {
        var desk = audited(trialsPerLease: 1)
        _ = desk.join(ada, at: routeA, credits: 2)
        for trial in 0..<2 {
            _ = desk.commit(
                desk.hear(desk.batch(UInt64(trial + 1), of: desk.id(UInt32(trial + 1)), [desk.result(trial)]), from: routeA))
        }
        let effects = desk.join(bob, at: routeB, credits: 2)
        #expect(effects == [desk.again(desk.id(5), [0], to: routeB), desk.again(desk.id(6), [1], to: routeB)])
    }

    @Test("with nobody to check, the sweep says so after the time of a silence and ends") func nobody() {
        var desk = audited()
        _ = desk.join(ada, at: routeA, credits: 2)
        _ = desk.commit(desk.hear(desk.batch(1, of: desk.id(1), [desk.result(0), desk.result(1)]), from: routeA))
        _ = desk.commit(desk.hear(desk.batch(2, of: desk.id(2), [desk.result(2), desk.result(3)]), from: routeA))
        #expect(!desk.scheduler.isFinished)
        for _ in 0..<6 {
            _ = desk.hear(.heartbeat(running: 0), from: routeA)
            _ = desk.wait(seconds: 1)
        }
        #expect(!desk.scheduler.isFinished)
        _ = desk.hear(.heartbeat(running: 0), from: routeA)
        #expect(desk.wait(seconds: 1).contains(.notice(.unchecked(trials: 4))))
        #expect(desk.scheduler.isFinished)
    }

    /// ada has stored all, and bob, who could check it, is quarantined.
    private func quarantined() -> Desk {
        var desk = Desk(groups: 8, settings: 2)
        desk.scheduler = {
            var configuration = desk.scheduler.configuration
            configuration.audit = 1
            return Scheduler(configuration, grid: desk.scheduler.grid, stored: { _ in false }, counts: .init(), baselines: [:])
        }()
        _ = desk.join(ada, at: routeA, credits: 1)
        _ = desk.join(bob, at: routeB, credits: 1)
        for batch in 1...3 as ClosedRange<UInt64> {
            let (id, lease) = desk.scheduler.leases.first { $0.value.worker == bob }!
            _ = desk.commit(desk.hear(desk.batch(batch, of: id, lease.trials.map { desk.failure($0) }), from: routeB))
        }
        var batch: UInt64 = 0
        while let (id, lease) = desk.scheduler.leases.first(where: { $0.value.worker == ada }) {
            batch += 1
            _ = desk.commit(desk.hear(desk.batch(batch, of: id, lease.trials.map { desk.result($0) }), from: routeA))
        }
        return desk
    }

    @Test("one that is quarantined checks nothing, and the sweep does not wait for it") func quarantinedAlone() {
        var desk = quarantined()
        #expect(desk.scheduler.remaining == 0 && desk.scheduler.checks.count == 8 && desk.scheduler.leases.isEmpty)
        var reports: [Scheduler.Effect] = []
        for _ in 0..<8 {
            _ = desk.hear(.heartbeat(running: 0), from: routeA)
            _ = desk.hear(.heartbeat(running: 0), from: routeB)
            reports += desk.wait(seconds: 1)
        }
        #expect(reports.contains(.notice(.unchecked(trials: 16))))
        #expect(desk.scheduler.isFinished)
    }

    @Test("nor does it keep a worker that stands beside the author from checking") func quarantinedElsewhere() {
        var desk = quarantined()
        // On ada's host.
        var hello = desk.hello(cyd)
        hello.host = desk.host(ada)
        _ = desk.hear(.hello(hello), from: routeC)
        _ = desk.hear(.ready(credits: 1), from: routeC)
        #expect(desk.scheduler.leases.values.map(\.worker) == [cyd])
    }

    @Test("a check that three workers died over is left out, and said to be") func deadly() {
        var desk = audited()
        _ = desk.join(ada, at: routeA, credits: 2)
        _ = desk.commit(desk.hear(desk.batch(1, of: desk.id(1), [desk.result(0), desk.result(1)]), from: routeA))
        _ = desk.commit(desk.hear(desk.batch(2, of: desk.id(2), [desk.result(2), desk.result(3)]), from: routeA))
        // The two blocks take turns.
        var effects: [[Scheduler.Effect]] = []
        for attempt in 1...6 as ClosedRange<UInt8> {
            #expect(!desk.scheduler.isFinished)
            _ = desk.join(WorkerID(high: 10 + UInt64(attempt), low: 0), at: Route([10 + attempt]), credits: 1)
            effects.append(desk.handle(.ended(process: 1, host: "bob")))
        }
        #expect(effects.map { $0.contains(.notice(.unchecked(trials: 2))) } == [false, false, false, false, true, true])
        // Then it is over for those that are there.
        #expect(effects.map { $0.contains(desk.send(.drain, to: routeA)) } == [false, false, false, false, false, true])
        #expect(desk.scheduler.isFinished && desk.scheduler.counts == Scheduler.Counts(done: 4))
    }

    @Test("bits that differ are computed a third time by neither, and who is found wrong gets nothing more") func third() {
        var desk = Desk(groups: 3, settings: 2)
        _ = desk.join(ada, at: routeA, credits: 1)
        _ = desk.join(bob, at: routeB, credits: 1)
        _ = desk.commit(desk.hear(desk.batch(1, of: desk.id(1), [desk.result(0), desk.result(1)]), from: routeA))
        let open = Disagreement(trial: desk.keys([0])[0], authors: [desk.author(ada), desk.author(bob)], verdict: .open)
        #expect(desk.handle(.disagreed([open])) == [.notice(.disagreed(open))])
        #expect(desk.join(cyd, at: routeC, credits: 1) == [desk.again(desk.id(4), [0], baseline: nil, to: routeC)])
        let settled = Disagreement(trial: open.trial, authors: open.authors, verdict: .settled(wrong: [desk.author(bob)]))
        #expect(
            desk.handle(.disagreed([settled])) == [
                .notice(.disagreed(settled)),
                .notice(.quarantined(bob, host: "bob", reason: "two others agree on bits that it computed differently")),
            ])
        #expect(desk.hear(desk.batch(1, of: desk.id(2), [desk.result(2), desk.result(3)]), from: routeB).count == 1)
        #expect(!desk.scheduler.leases.values.contains { $0.worker == bob })
        // Nor after a silence, by another connection.
        _ = desk.hear(.goodbye(reason: "home"), from: routeB)
        _ = desk.join(bob, at: Route([9]), credits: 2)
        #expect(!desk.scheduler.leases.values.contains { $0.worker == bob })
    }

    @Test("bits that differ when the sweep is over are computed a third time, and then it is over again") func lateDisagreement() {
        var desk = Desk(groups: 1, settings: 2)
        _ = desk.join(ada, at: routeA, credits: 1)
        let over = desk.commit(desk.hear(desk.batch(1, of: desk.id(1), [desk.result(0), desk.result(1)]), from: routeA))
        #expect(over.last == desk.send(.drain, to: routeA) && desk.scheduler.isFinished)
        let open = Disagreement(trial: desk.keys([0])[0], authors: [desk.author(ada), desk.author(bob)], verdict: .open)
        #expect(desk.handle(.disagreed([open])) == [.notice(.disagreed(open))])
        #expect(!desk.scheduler.isFinished)
        #expect(desk.join(cyd, at: routeC, credits: 1) == [desk.again(desk.id(2), [0], to: routeC)])
        let again = desk.commit(desk.hear(desk.batch(1, of: desk.id(2), [desk.result(0)]), from: routeC))
        #expect(again.contains(desk.send(.drain, to: routeC)) && desk.scheduler.isFinished)
    }

    @Test("a share of the blocks is chosen by key, about that share and the same ones every time")
    func choice() {
        let grid = Desk.grid(groups: 40, settings: 50)
        let audit = Audit(share: 0.1, lanes: 4)
        let blocks = audit.blocks(of: grid)
        // 13 blocks a group, 520 in all.
        #expect((30...80).contains(blocks.count))
        #expect(blocks == audit.blocks(of: Desk.grid(groups: 40, settings: 50)))
        #expect(blocks.allSatisfy { block in block.allSatisfy { audit.block(of: $0, in: grid) == block } })
        #expect(Audit(share: 0, lanes: 4).blocks(of: grid).isEmpty)
        #expect(Audit(share: 1, lanes: 4).blocks(of: grid).flatMap { Array($0) } == Array(0..<2000))
    }
}

@Suite("Comparison of bits") struct ComparisonTests {
    private let a = Author(worker: ada, host: "ada"), b = Author(worker: bob, host: "bob"), c = Author(worker: cyd, host: "cyd")
    private let x = Digest(of: "x"), y = Digest(of: "y"), z = Digest(of: "z")

    @Test("two workers confirm, differ, and are decided by a third; one alone proves nothing against itself") func findings() {
        typealias Evidence = Comparison.Evidence
        let byBob = Evidence(digest: y, author: b, isOpen: true)
        for (new, evidence, finding) in [
            ((x, a), [], .nothing), ((x, b), [], .confirms), ((y, b), [], .disagrees), ((y, a), [], .disagrees),
            ((y, b), [byBob], .nothing), ((x, c), [byBob], .settles(wrong: [b], replacesStored: false)),
            ((y, c), [byBob], .settles(wrong: [a], replacesStored: true)), ((z, c), [byBob], .unsettled), ((x, a), [byBob], .nothing),
            ((y, c), [Evidence(digest: y, author: b, isOpen: false)], .nothing),
        ] as [((Digest, Author), [Evidence], Comparison.Finding)] {
            #expect(Comparison.finding((new.0, new.1), stored: (x, a), evidence: evidence) == finding)
        }
        #expect(Comparison.finding((x, b), stored: (x, nil), evidence: []) == .nothing)
    }
}
