// SchedulerTests+Keys.swift · Tests/CoordinatorTests. What the holder of one key can do under many ids: compute, and nothing else.

import Testing
import Vocabulary
import Wire

@testable import regsweep

private let secret = Digest(of: "secret of this store")
private let own = Peer.key(SecretKey.random().publicKey), other = Peer.key(SecretKey.random().publicKey)
private let mallory = WorkerID(high: 66, low: 0), mallory2 = WorkerID(high: 67, low: 0)

extension SchedulerDriver {
    /// A driver whose workers with keys are given proofs.
    fileprivate static func withKeys(
        groups: Int = 2, settings: Int = 5, incarnation: UInt64 = 1, audit: Double = 0, secondsPerTrial: Double = 0.01
    ) -> SchedulerDriver {
        var driver = SchedulerDriver(groups: groups, settings: settings, incarnation: incarnation, secondsPerTrial: secondsPerTrial)
        var configuration = driver.scheduler.configuration
        (configuration.leaseSecret, configuration.audit) = (secret, audit)
        driver.scheduler = Scheduler(
            configuration, grid: driver.scheduler.grid, stored: { _ in false }, counts: TrialCounts(), baselines: [:])
        return driver
    }

    /// The leases among some effects.
    fileprivate func leases(_ effects: [Effect], to route: Route? = nil) -> [Lease] {
        effects.compactMap { effect in
            guard case .send(let envelope, let to) = effect, case .lease(let lease) = envelope.message, route == nil || route == to else {
                return nil
            }
            return lease
        }
    }

    /// The indices of the trials that some effects persist.
    fileprivate func persisted(_ effects: [Effect]) -> [Int] {
        effects.flatMap { effect in
            if case .persist(let delivery) = effect { delivery.results.map { scheduler.grid.index(of: $0.key) ?? -1 } } else { [Int]() }
        }
    }

    fileprivate func results(of lease: Lease) -> [TrialResult] { lease.trials.map { result(scheduler.grid.index(of: $0.key)!) } }

    fileprivate func results(_ number: UInt64, _ lease: Lease, proof: Digest?) -> Message {
        .results(BatchID(rawValue: number), lease.id, results(of: lease), proof: proof)
    }

    /// Whatever time passes, these workers are heard.
    fileprivate mutating func wait(seconds: Int, hearing routes: [Route]) -> [Effect] {
        var effects: [Effect] = []
        for _ in 0..<seconds {
            for route in routes { effects += hear(.heartbeat(running: 0), from: route) }
            effects += wait(seconds: 1)
        }
        return effects
    }
}

@Suite("Scheduler: one key with many ids") struct SchedulerKeyTests {
    private let route = Route([66], peer: own), route2 = Route([67], peer: own)

    @Test("results of a lease that is another's end nothing, however many come, with a key or without", arguments: [own, .local])
    func foreignLeases(peer: Peer) {
        var driver = SchedulerDriver.withKeys()
        _ = driver.join(ada, at: routeA, credits: 2)
        let leases = driver.scheduler.leases.byID
        #expect(!leases.isEmpty)
        let from = Route([66], peer: peer)
        _ = driver.hear(.hello(driver.hello(mallory)), from: from)
        for number in 1...20 as ClosedRange<UInt32> {
            let effects = driver.hear(.results(BatchID(rawValue: UInt64(number)), driver.id(number), []), from: from)
            #expect(driver.persisted(effects) == [])
        }
        #expect(driver.scheduler.leases.byID == leases && driver.records == [])
    }

    @Test("results of trials that the key was never leased, or that are in no grid, are acknowledged and not stored") func neverLeased() {
        var driver = SchedulerDriver.withKeys()
        let mine = driver.leases(driver.join(mallory, at: route, credits: 1), to: route)[0]
        let indices = mine.trials.map { driver.scheduler.grid.index(of: $0.key)! }
        let stranger = (0..<driver.scheduler.grid.count).first { !indices.contains($0) }!
        var nowhere = driver.result(0)
        nowhere.key = TrialKey(high: 1, low: 2)
        let sent = driver.results(of: mine) + [driver.result(stranger), nowhere]
        let effects = driver.hear(driver.batch(1, of: mine.id, sent), from: route)
        #expect(driver.persisted(effects) == indices)
        #expect(effects.contains(.notice(.rejectedResults(mallory, host: "bob", count: 2), from: own)))
        #expect(driver.commit(effects).contains(driver.acknowledged(1, to: route)))
        #expect(driver.scheduler.trials[stranger] == .waiting)
        // A worker of this user may bring what it likes of the grid, and nothing else either.
        _ = driver.hear(.hello(driver.hello(ada)), from: routeA)
        #expect(
            driver.persisted(driver.hear(driver.batch(1, of: driver.id(99), [driver.result(stranger), nowhere]), from: routeA)) == [
                stranger
            ])
    }

    @Test("late results are welcome with the proof of their lease: of a worker that timed out, and of an earlier incarnation")
    func proofs() {
        var driver = SchedulerDriver.withKeys()
        let lease = driver.leases(driver.join(mallory, at: route, credits: 1), to: route)[0]
        let indices = lease.trials.map { driver.scheduler.grid.index(of: $0.key)! }
        #expect(lease.proof != nil)
        _ = driver.wait(seconds: 10)
        #expect(driver.scheduler.workers.isEmpty)
        var next = SchedulerDriver.withKeys(incarnation: 2)
        _ = next.hear(.hello(next.hello(mallory)), from: route)
        for (proof, from, worker, isWelcome) in [
            (nil, route, mallory, false), (Digest(of: "guess"), route, mallory, false), (lease.proof, route, mallory, true),
            // What one key was leased is no other's, whatever id it has.
            (lease.proof, Route([70], peer: other), mallory2, false),
        ] as [(Digest?, Route, WorkerID, Bool)] {
            var (late, restarted) = (driver, next)
            #expect(late.persisted(late.hear(late.results(1, lease, proof: proof), from: from)) == (isWelcome ? indices : []))
            if worker == mallory2 { _ = restarted.hear(.hello(restarted.hello(worker)), from: from) }
            #expect(
                restarted.persisted(restarted.hear(restarted.results(1, lease, proof: proof), from: from)) == (isWelcome ? indices : []))
        }
        // The proof is for these trials and no others.
        var more = lease
        more.trials.append(LeasedTrial(key: next.keys([9])[0], attempt: 1, setting: next.scheduler.grid.setting(of: 9)))
        #expect(next.persisted(next.hear(next.results(2, more, proof: lease.proof), from: route)) == [])
    }

    @Test("a lease of an earlier incarnation is adopted with its proof alone: nobody hoards what it was not given") func adoption() {
        var driver = SchedulerDriver.withKeys()
        let lease = driver.leases(driver.join(mallory, at: route, credits: 1), to: route)[0]
        for (proof, isAdopted) in [(nil, false), (Digest(of: "guess"), false), (lease.proof, true)] as [(Digest?, Bool)] {
            var next = SchedulerDriver.withKeys(incarnation: 2)
            var hello = next.hello(mallory, held: [lease.id: lease.trials.map(\.key)])
            if let proof { hello.proofs = [lease.id: proof] }
            #expect(next.hear(.hello(hello), from: route)[0] == next.welcome(keep: isAdopted ? [lease.id] : [], to: route))
            #expect(next.scheduler.leases.byID.count == (isAdopted ? 1 : 0))
        }
    }

    @Test("no worker of the key that computed a block verifies it, and two of them are condemned together") func witnesses() {
        var driver = SchedulerDriver.withKeys(groups: 1, settings: 2, audit: 1)
        let first = driver.leases(driver.join(mallory, at: route, credits: 1), to: route)[0]
        _ = driver.commit(driver.hear(driver.results(1, first, proof: first.proof), from: route))
        #expect(driver.scheduler.verifications.pending.count == 1)
        #expect(driver.leases(driver.join(mallory2, at: route2, credits: 4)).isEmpty)
        #expect(driver.leases(driver.join(ada, at: routeA, credits: 1), to: routeA).count == 1)
        let author = driver.scheduler.workers[mallory]!.author(mallory)
        let wrong = Disagreement(trial: driver.keys([0])[0], authors: [author], verdict: .settled(wrong: [author]))
        _ = driver.handle(.disagreed([wrong]))
        #expect(driver.scheduler.isQuarantined(mallory) && driver.scheduler.isQuarantined(mallory2))
        #expect(!driver.scheduler.isQuarantined(ada))
    }

    @Test("what a key that was found wrong still sends is not stored while somebody else is here, and its trials wait again")
    func disbelieved() {
        var driver = SchedulerDriver.withKeys()
        let lease = driver.leases(driver.join(mallory, at: route, credits: 1), to: route)[0]
        _ = driver.join(ada, at: routeA, credits: 0)
        let author = driver.scheduler.workers[mallory]!.author(mallory)
        _ = driver.handle(.disagreed([Disagreement(trial: driver.keys([0])[0], authors: [author], verdict: .settled(wrong: [author]))]))
        let effects = driver.hear(driver.results(1, lease, proof: lease.proof), from: route)
        #expect(driver.persisted(effects) == [] && driver.commit(effects) == [driver.acknowledged(1, to: route)])
        #expect(driver.scheduler.trials.queue.count == driver.scheduler.grid.count && driver.scheduler.leases.isEmpty)
    }

    @Test("a launcher's key for several hosts is one witness on each of them") func sharedKey() {
        guard case .key(let key) = own else { return }
        var driver = SchedulerDriver.withKeys()
        _ = driver.handle(.sharedKey(key))
        for (worker, host, at) in [(mallory, "n1", route), (mallory2, "n2", route2), (bob, "n2", Route([68], peer: own))] {
            var hello = driver.hello(worker)
            hello.host = host
            _ = driver.hear(.hello(hello), from: at)
        }
        let witnesses = [mallory, mallory2, bob].map { driver.scheduler.workers[$0]!.witness($0) }
        #expect(witnesses[0] != witnesses[1] && witnesses[1] == witnesses[2])
    }

    @Test(
        "where one id of a key was lost over a trial, or failed at it, no other is given it while somebody else is here",
        arguments: [false, true])
    func blame(hasFailed: Bool) {
        var driver = SchedulerDriver.withKeys(groups: 2, settings: 1)
        let first = driver.leases(driver.join(mallory, at: route, credits: 1), to: route)[0]
        let busy = driver.leases(driver.join(bob, at: routeB, credits: 1), to: routeB)[0]
        if hasFailed {
            _ = driver.hear(driver.batch(1, of: first.id, [driver.failure(0)]), from: route)
        } else {
            _ = driver.hear(.progress(first.id, []), from: route)
            _ = driver.wait(seconds: 8, hearing: [routeB])
        }
        #expect(driver.scheduler.trials[0] == .waiting)
        for number in 0..<4 as Range<UInt8> {
            #expect(
                driver.leases(driver.join(WorkerID(high: 100 + UInt64(number), low: 0), at: Route([100 + number], peer: own), credits: 1))
                    .isEmpty)
        }
        let next = driver.leases(driver.hear(driver.results(1, busy, proof: nil), from: routeB), to: routeB)
        #expect(next.map { $0.trials.map(\.key) } == [driver.keys([0])])
        #expect(next.first.map { driver.persisted(driver.hear(driver.results(2, $0, proof: nil), from: routeB)) } == [0])
    }

    @Test("a worker that sits on all leases holds the others up for two leases' time; then they get them as fast as they compute")
    func hoarder() {
        var driver = SchedulerDriver.withKeys(groups: 20, settings: 2)
        let held = driver.leases(driver.join(mallory, at: route, credits: 2048, slots: 1024), to: route)
        #expect(driver.scheduler.trials.queue.isEmpty && held.count >= 20)
        _ = driver.join(mallory2, at: route2, credits: 2048, slots: 1024)
        _ = driver.join(ada, at: routeA, credits: 2)
        let start = driver.now
        var next = driver.leases(driver.wait(seconds: 2, hearing: [route, route2, routeA]), to: routeA), batch: UInt64 = 0
        // Whatever the second id of the hoarder's key has room for, it gets none of them.
        #expect(driver.scheduler.workers[mallory2]!.leases.isEmpty)
        while let lease = next.first {
            batch += 1
            let effects = driver.hear(driver.results(batch, lease, proof: nil), from: routeA) + driver.handle(.tick)
            _ = driver.commit(effects)
            next = driver.leases(effects, to: routeA)
        }
        #expect(driver.scheduler.isFinished && driver.now == start + .seconds(2))
    }

    @Test("a copy and a verification are taken from a worker that sits on them, each time after twice as long") func moved() {
        var driver = SchedulerDriver.withKeys(groups: 1, settings: 2, audit: 1)
        _ = driver.join(ada, at: routeA, credits: 1)
        let cyd = WorkerID(high: 3, low: 0), routes = [routeA, route, routeC]
        _ = driver.join(mallory, at: route, credits: 1)
        // The original hangs, and so does the copy; Cyd gets one in its place.
        _ = driver.wait(seconds: 2, hearing: routes)
        let copy = driver.scheduler.workers[mallory]!.leases.first!
        _ = driver.join(cyd, at: routeC, credits: 1)
        let moved = driver.wait(seconds: 2, hearing: routes)
        #expect(moved.contains(driver.send(.cancel(copy), to: route)) && driver.leases(moved, to: routeC).count == 1)
        let lease = driver.leases(moved, to: routeC)[0]
        _ = driver.commit(driver.hear(driver.results(1, lease, proof: nil), from: routeC))
        // Somebody who hangs verifies it, then another who is here.
        let verifiers = driver.scheduler.verifications.running.keys.map { driver.scheduler.leases[$0]!.worker }
        #expect(verifiers.count == 1 && verifiers != [cyd])
        let (hung, idle) = verifiers == [mallory] ? (route, routeA) : (routeA, route)
        let again = driver.wait(seconds: 2, hearing: routes)
        #expect(driver.leases(again, to: idle).count == 1)
        #expect(driver.leases(driver.wait(seconds: 3, hearing: routes), to: hung).isEmpty)
        #expect(driver.leases(driver.wait(seconds: 1, hearing: routes), to: hung).count == 1)
        #expect(driver.scheduler.verifications.running.count == 1)
    }

    @Test("leases that a key takes and gives back by the thousand leave a bounded history, and what it computes is all recorded")
    func history() {
        var driver = SchedulerDriver.withKeys(groups: 1, settings: 64)
        _ = driver.join(mallory, at: route, credits: 1)
        for _ in 0..<20_000 {
            guard let lease = driver.scheduler.workers[mallory]!.leases.first else { break }
            let frame = Envelope(incarnation: 1, message: .cancel(lease))
            for case .record(let record) in driver.scheduler.handle(.received(frame, from: route), at: driver.now) {
                driver.records.append(record)
            }
        }
        let trials = driver.records.reduce(0) { $0 + $1.trials.count }
        #expect((1_000...131_072).contains(trials), "\(trials)")
        let count = driver.records.count
        let lease = driver.scheduler.workers[mallory]!.leases.first!
        let indices = driver.scheduler.leases[lease]!.trials
        _ = driver.hear(driver.batch(1, of: lease, indices.map { driver.result($0) }), from: route)
        #expect(driver.records.count == count + 1 && driver.records.last?.end == .computed)
        // A worker of this user is limited by nothing.
        var free = HistoryLimit()
        for _ in 0..<1_000 {
            let isAdmitted = free.admits(4_096, of: nil, at: driver.now)
            #expect(isAdmitted)
        }
    }

    @Test("three silences of 1,800 workers that all come back set nothing aside") func silences() {
        var driver = SchedulerDriver.withKeys(groups: 60, settings: 60, secondsPerTrial: 1)
        let ids = (0..<1_800).map { WorkerID(high: 1_000 + UInt64($0), low: 7) }
        func at(_ number: Int, _ time: UInt8) -> Route { Route([UInt8(number & 255), UInt8(number >> 8), time], peer: own) }
        var held: [WorkerID: [Lease]] = [:]
        func tell(_ message: Message, _ route: Route) -> [Scheduler.Effect] {
            driver.scheduler.handle(.received(Envelope(incarnation: 1, message: message), from: route), at: driver.now)
        }
        for time in 0...3 as ClosedRange<UInt8> {
            for (number, id) in ids.enumerated() {
                var hello = driver.hello(id)
                for lease in held[id] ?? [] {
                    hello.held[lease.id] = lease.trials.map(\.key)
                    hello.proofs[lease.id] = lease.proof
                }
                let effects = tell(.hello(hello), at(number, time)) + tell(.ready(credits: 2), at(number, time))
                held[id, default: []] += driver.leases(effects, to: at(number, time))
            }
            #expect(driver.scheduler.brokenInvariants == [] && driver.scheduler.failures.blame.isEmpty)
            guard time < 3 else { break }
            driver.now = driver.now + .seconds(1)
            for _ in 0..<9 {
                _ = driver.scheduler.handle(.tick, at: driver.now)
                driver.now = driver.now + .seconds(1)
            }
            #expect(driver.scheduler.workers.isEmpty && driver.scheduler.failures.blame.count == 1_800)
        }
        #expect(driver.scheduler.trials.counts.failed == 0 && driver.scheduler.failures.trials.isEmpty)
    }
}
