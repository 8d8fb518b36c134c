// SchedulerTests+Verifications.swift · Tests/CoordinatorTests. Trials that are computed again to compare the bits: audits and third runs.

import Testing
import Vocabulary
import Wire

@testable import regsweep

private let cyd = WorkerID(high: 3, low: 0)

extension SchedulerDriver {
    fileprivate func author(_ worker: WorkerID) -> Author { Author(worker: worker, host: host(worker)) }

    /// A lease whose trials are computed again.
    fileprivate func again(_ id: LeaseID, _ trials: [Int], baseline: Double? = nil, to route: Route) -> Effect {
        lease(id, trials, attempt: 2, baseline: baseline, to: route)
    }
}

@Suite("Scheduler: verifications") struct SchedulerVerificationTests {
    private func audited(share: Double = 1, trialsPerLease: Int = Limits.trialsPerLease) -> SchedulerDriver {
        var driver = SchedulerDriver(groups: 1, settings: 4, trialsPerLease: trialsPerLease)
        driver.scheduler = {
            var configuration = driver.scheduler.configuration
            configuration.audit = share
            return Scheduler(configuration, grid: driver.scheduler.grid, stored: { _ in false }, counts: .init(), baselines: [:])
        }()
        return driver
    }

    @Test("an audited block goes to another worker when all of it is stored, and the sweep ends when its results are durable") func audit()
    {
        var driver = audited()
        _ = driver.join(ada, at: routeA, credits: 1)
        let first = driver.hear(driver.batch(1, of: driver.id(1), [driver.result(0), driver.result(1)]), from: routeA)
        #expect(first.last == driver.lease(driver.id(2), [2, 3], to: routeA))
        _ = driver.commit(first)
        #expect(driver.join(bob, at: routeB, credits: 1) == [driver.again(driver.id(3), [0, 1], to: routeB)])
        _ = driver.commit(driver.hear(driver.batch(2, of: driver.id(2), [driver.result(2), driver.result(3)]), from: routeA))
        #expect(driver.scheduler.trials.remaining == 0 && !driver.scheduler.isFinished)
        let verified = driver.hear(driver.batch(1, of: driver.id(3), [driver.result(0), driver.result(1)]), from: routeB)
        #expect(verified.last == driver.again(driver.id(4), [2, 3], to: routeB))
        _ = driver.commit(verified)
        let last = driver.commit(driver.hear(driver.batch(2, of: driver.id(4), [driver.result(2), driver.result(3)]), from: routeB))
        #expect(last == [driver.acknowledged(2, to: routeB), driver.send(.drain, to: routeA), driver.send(.drain, to: routeB)])
        #expect(driver.scheduler.trials.counts == TrialCounts(done: 4))
    }

    @Test("a verification of more trials than a frame has room for results is given out in parts") func large() {
        var driver = audited(trialsPerLease: 1)
        _ = driver.join(ada, at: routeA, credits: 2)
        for trial in 0..<2 {
            _ = driver.commit(
                driver.hear(driver.batch(UInt64(trial + 1), of: driver.id(UInt32(trial + 1)), [driver.result(trial)]), from: routeA))
        }
        let effects = driver.join(bob, at: routeB, credits: 2)
        #expect(effects == [driver.again(driver.id(5), [0], to: routeB), driver.again(driver.id(6), [1], to: routeB)])
    }

    @Test("where nobody is here to verify, the sweep says so after the timeout and ends") func nobody() {
        var driver = audited()
        _ = driver.join(ada, at: routeA, credits: 2)
        _ = driver.commit(driver.hear(driver.batch(1, of: driver.id(1), [driver.result(0), driver.result(1)]), from: routeA))
        _ = driver.commit(driver.hear(driver.batch(2, of: driver.id(2), [driver.result(2), driver.result(3)]), from: routeA))
        #expect(!driver.scheduler.isFinished)
        for _ in 0..<6 {
            _ = driver.hear(.heartbeat(running: 0), from: routeA)
            _ = driver.wait(seconds: 1)
        }
        #expect(!driver.scheduler.isFinished)
        _ = driver.hear(.heartbeat(running: 0), from: routeA)
        #expect(driver.wait(seconds: 1).contains(.notice(.unverified(trials: 4))))
        #expect(driver.scheduler.isFinished)
    }

    /// Ada has computed all trials, and Bob, who could verify them, is quarantined.
    private func quarantined() -> SchedulerDriver {
        var driver = SchedulerDriver(groups: 8, settings: 2)
        driver.scheduler = {
            var configuration = driver.scheduler.configuration
            configuration.audit = 1
            return Scheduler(configuration, grid: driver.scheduler.grid, stored: { _ in false }, counts: .init(), baselines: [:])
        }()
        _ = driver.join(ada, at: routeA, credits: 1)
        _ = driver.join(bob, at: routeB, credits: 1)
        for batch in 1...3 as ClosedRange<UInt64> {
            let (id, lease) = driver.scheduler.leases.byID.first { $0.value.worker == bob }!
            _ = driver.commit(driver.hear(driver.batch(batch, of: id, lease.trials.map { driver.failure($0) }), from: routeB))
        }
        var batch: UInt64 = 0
        while let (id, lease) = driver.scheduler.leases.byID.first(where: { $0.value.worker == ada }) {
            batch += 1
            _ = driver.commit(driver.hear(driver.batch(batch, of: id, lease.trials.map { driver.result($0) }), from: routeA))
        }
        return driver
    }

    @Test("a quarantined worker verifies nothing, and the sweep does not wait for it") func quarantinedAlone() {
        var driver = quarantined()
        #expect(
            driver.scheduler.trials.remaining == 0 && driver.scheduler.verifications.pending.count == 8 && driver.scheduler.leases.isEmpty)
        var notices: [Scheduler.Effect] = []
        for _ in 0..<8 {
            _ = driver.hear(.heartbeat(running: 0), from: routeA)
            _ = driver.hear(.heartbeat(running: 0), from: routeB)
            notices += driver.wait(seconds: 1)
        }
        #expect(notices.contains(.notice(.unverified(trials: 16))))
        #expect(driver.scheduler.isFinished)
    }

    @Test("a quarantined worker on another host does not keep a worker on the author's host from verifying") func quarantinedElsewhere() {
        var driver = quarantined()
        // It is on Ada's host.
        var hello = driver.hello(cyd)
        hello.host = driver.host(ada)
        _ = driver.hear(.hello(hello), from: routeC)
        _ = driver.hear(.ready(credits: 1), from: routeC)
        #expect(driver.scheduler.leases.byID.values.map(\.worker) == [cyd])
    }

    @Test("a verification over which three workers were lost is abandoned, with a notice") func crashes() {
        var driver = audited()
        _ = driver.join(ada, at: routeA, credits: 2)
        _ = driver.commit(driver.hear(driver.batch(1, of: driver.id(1), [driver.result(0), driver.result(1)]), from: routeA))
        _ = driver.commit(driver.hear(driver.batch(2, of: driver.id(2), [driver.result(2), driver.result(3)]), from: routeA))
        // The two blocks take turns.
        var effects: [[Scheduler.Effect]] = []
        for attempt in 1...6 as ClosedRange<UInt8> {
            #expect(!driver.scheduler.isFinished)
            _ = driver.join(WorkerID(high: 10 + UInt64(attempt), low: 0), at: Route([10 + attempt]), credits: 1)
            effects.append(driver.handle(.exited(process: 1, host: "bob")))
        }
        #expect(effects.map { $0.contains(.notice(.unverified(trials: 2))) } == [false, false, false, false, true, true])
        // Then the sweep is over for the workers that are here.
        #expect(effects.map { $0.contains(driver.send(.drain, to: routeA)) } == [false, false, false, false, false, true])
        #expect(driver.scheduler.isFinished && driver.scheduler.trials.counts == TrialCounts(done: 4))
    }

    @Test("where two workers disagree a third one computes the trial, and the worker that is found wrong is given nothing more")
    func third() {
        var driver = SchedulerDriver(groups: 3, settings: 2)
        _ = driver.join(ada, at: routeA, credits: 1)
        _ = driver.join(bob, at: routeB, credits: 1)
        _ = driver.commit(driver.hear(driver.batch(1, of: driver.id(1), [driver.result(0), driver.result(1)]), from: routeA))
        let open = Disagreement(trial: driver.keys([0])[0], authors: [driver.author(ada), driver.author(bob)], verdict: .open)
        #expect(driver.handle(.disagreed([open])) == [.notice(.disagreed(open))])
        #expect(driver.join(cyd, at: routeC, credits: 1) == [driver.again(driver.id(4), [0], baseline: nil, to: routeC)])
        let settled = Disagreement(trial: open.trial, authors: open.authors, verdict: .settled(wrong: [driver.author(bob)]))
        #expect(
            driver.handle(.disagreed([settled])) == [
                .notice(.disagreed(settled)),
                .notice(.quarantined(bob, host: "bob", reason: "two others agree on bits that it computed differently")),
            ])
        #expect(driver.hear(driver.batch(1, of: driver.id(2), [driver.result(2), driver.result(3)]), from: routeB).count == 1)
        #expect(!driver.scheduler.leases.byID.values.contains { $0.worker == bob })
        // Nor when it joins again on another connection.
        _ = driver.hear(.goodbye(reason: "home"), from: routeB)
        _ = driver.join(bob, at: Route([9]), credits: 2)
        #expect(!driver.scheduler.leases.byID.values.contains { $0.worker == bob })
    }

    @Test("a disagreement found when the sweep is over is decided by a third worker, and then it is over again") func lateDisagreement() {
        var driver = SchedulerDriver(groups: 1, settings: 2)
        _ = driver.join(ada, at: routeA, credits: 1)
        let over = driver.commit(driver.hear(driver.batch(1, of: driver.id(1), [driver.result(0), driver.result(1)]), from: routeA))
        #expect(over.last == driver.send(.drain, to: routeA) && driver.scheduler.isFinished)
        let open = Disagreement(trial: driver.keys([0])[0], authors: [driver.author(ada), driver.author(bob)], verdict: .open)
        #expect(driver.handle(.disagreed([open])) == [.notice(.disagreed(open))])
        #expect(!driver.scheduler.isFinished)
        #expect(driver.join(cyd, at: routeC, credits: 1) == [driver.again(driver.id(2), [0], to: routeC)])
        let again = driver.commit(driver.hear(driver.batch(1, of: driver.id(2), [driver.result(0)]), from: routeC))
        #expect(again.contains(driver.send(.drain, to: routeC)) && driver.scheduler.isFinished)
    }

    @Test("a share of the blocks is chosen by key, about that share and the same ones every time")
    func choice() {
        let grid = SchedulerDriver.grid(groups: 40, settings: 50)
        let audit = Audit(share: 0.1, lanes: 4)
        let blocks = audit.blocks(of: grid)
        // 13 blocks a group, 520 in all.
        #expect((30...80).contains(blocks.count))
        #expect(blocks == audit.blocks(of: SchedulerDriver.grid(groups: 40, settings: 50)))
        #expect(blocks.allSatisfy { block in block.allSatisfy { audit.block(of: $0, in: grid) == block } })
        #expect(Audit(share: 0, lanes: 4).blocks(of: grid).isEmpty)
        #expect(Audit(share: 1, lanes: 4).blocks(of: grid).flatMap { Array($0) } == Array(0..<2000))
    }
}
