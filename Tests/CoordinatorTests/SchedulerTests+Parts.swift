// SchedulerTests+Parts.swift · Tests/CoordinatorTests. Each part of the scheduler alone, as a value. What they do together is in the other
// files.

import Testing
import Vocabulary
import Wire

@testable import regsweep

private let start = Instant(sinceStart: .seconds(100))
private let cyd = WorkerID(high: 3, low: 0)

private func lease(_ number: UInt32) -> LeaseID { LeaseID(incarnation: 1, number: number) }

private func hello(_ worker: WorkerID, slots: Int = 1, process: Int = 1) -> Hello {
    Hello(
        worker: worker, host: worker == ada ? "ada" : "bob", process: process, slots: slots,
        selfTest: Digest(of: "ours"), held: [:])
}

@Suite("Scheduler: trials alone") struct TrialsTests {
    private let driver = SchedulerDriver(groups: 2, settings: 3)

    private func trials(stored: Set<Int> = [], checkpoints: [CheckpointMark] = []) -> Trials {
        Trials(
            driver.scheduler.grid, stored: stored.contains, failed: { _ in false }, counts: TrialCounts(done: stored.count), baselines: [:],
            checkpoints: checkpoints)
    }

    private func expectSound(_ trials: Trials, leased: Int = 0, sourceLocation: SourceLocation = #_sourceLocation) {
        var broken: [String] = []
        #expect(trials.findBroken(&broken) == leased, sourceLocation: sourceLocation)
        #expect(broken == [], sourceLocation: sourceLocation)
    }

    @Test("a trial is leased, requeued, transferred, delivered and persisted, and all counts go along") func life() {
        var trials = trials(stored: [5])
        #expect((trials.remaining, trials.queue.all) == (5, [0, 1, 2, 3, 4]))
        trials.lease([0, 1], of: 0, as: lease(1))
        expectSound(trials, leased: 2)
        #expect(trials.holder(of: 0) == lease(1) && trials.holder(of: 2) == nil)
        trials.countCopy(of: [0, 1])
        trials.transfer([1], to: lease(2))
        #expect(trials.held(by: lease(1), among: [0, 1]) == [0] && trials.held(by: lease(2), among: [0, 1]) == [1])
        trials.requeue([1], of: 0)
        #expect((trials.attempts(of: 0), trials.attempts(of: 1), trials.attempts(of: 2)) == (2, 2, 0))
        #expect(trials.queue.all == [1, 2, 3, 4])
        // A late result comes for a trial that waits.
        for index in [0, 1] {
            #expect(trials.awaitsResult(index))
            trials.deliver(index)
            #expect(!trials.awaitsResult(index) && !trials.isPersisted(index))
        }
        expectSound(trials)
        #expect(trials.persist(driver.result(0), 0) && trials.persist(driver.failure(1), 1))
        #expect((trials.remaining, trials.counts) == (3, TrialCounts(done: 2, failed: 1)))
        #expect(trials.attempts(of: 0) == 0 && trials.isPersisted(1))
        // A repeat changes nothing, a failure does not replace a result, and a result replaces a failure.
        let before = trials.counts
        #expect(!trials.persist(driver.result(0), 0) && !trials.persist(driver.failure(0), 0) && !trials.persist(driver.failure(1), 1))
        #expect(trials.counts == before)
        #expect(trials.persist(driver.result(1), 1) == true)
        #expect((trials.remaining, trials.counts) == (3, TrialCounts(done: 3)))
        expectSound(trials)
    }

    @Test("the losses of a baseline are known from when it is durable until no trial of its group waits") func baselines() {
        var trials = trials()
        #expect(!trials.awaitsBaseline(0))
        trials.lease([0], of: 0, as: lease(1))
        #expect(trials.awaitsBaseline(0) && !trials.awaitsBaseline(1))
        trials.deliver(0)
        #expect(trials.awaitsBaseline(0) && trials.knownBaselines(of: 0).isEmpty)
        _ = trials.persist(driver.result(0), 0)
        #expect(trials.knownBaselines(of: 0) == [Baseline(setting: Setting(learningRate: 0.5), testLoss: [3: 0])])
        #expect(trials.knownBaselines(of: 1).isEmpty)
        trials.lease([1, 2], of: 0, as: lease(2))
        #expect(trials.baselines.count == 1)
        trials.deliver(1)
        _ = trials.persist(driver.result(1), 1)
        #expect(trials.baselines.isEmpty)
    }

    @Test("the newest checkpoint counts, until the trial has a result; one of another sweep is none") func checkpoints() {
        let key = driver.keys([0])[0]
        var trials = trials(checkpoints: [CheckpointMark(key: key, epoch: 2), CheckpointMark(key: TrialKey(high: 0, low: 0), epoch: 2)])
        #expect(trials.checkpoints.values.map(\.epoch) == [2])
        for (epoch, known) in [(3, 3), (1, 3)] {
            trials.persist(CheckpointMark(key: key, epoch: epoch))
            #expect(trials.checkpoints[0]?.epoch == known)
        }
        trials.deliver(0)
        // A failure may be replaced by a result that goes on from there.
        _ = trials.persist(driver.failure(0), 0)
        #expect(trials.checkpoints[0]?.epoch == 3)
        _ = trials.persist(driver.result(0), 0)
        trials.persist(CheckpointMark(key: key, epoch: 4))
        #expect(trials.checkpoints.isEmpty)
    }
}

@Suite("Scheduler: leases alone") struct LeasesTests {
    private var leases = Leases(SchedulerDriver.grid(groups: 2, settings: 3), incarnation: 1)

    private func expectSound(_ sourceLocation: SourceLocation = #_sourceLocation) {
        var broken: [String] = []
        leases.findBroken(&broken)
        #expect(broken == [], sourceLocation: sourceLocation)
    }

    /// Ada's lease 1 with its copy, Bob's lease 2.
    private mutating func addPair() {
        leases.add(LeaseState(worker: ada, group: 0, trials: [0, 1], since: start), as: lease(1))
        leases.add(LeaseState(worker: bob, group: 0, trials: [0, 1], since: start, purpose: .copy(of: lease(1))), as: lease(2))
        expectSound()
    }

    @Test("an id is given to one lease, and never to one that a worker still holds from another store") mutating func ids() {
        leases.add(LeaseState(worker: ada, group: 0, trials: [0], since: start), as: lease(2))
        #expect([leases.newID(), leases.newID(), leases.newID()] == [lease(1), lease(3), lease(4)])
    }

    @Test("a copy knows its original and the original its copy; the original holds the trials of both") mutating func pair() {
        addPair()
        #expect(leases[lease(1)]?.copy == lease(2) && leases[lease(2)]?.copy == nil)
        #expect(leases.holder(lease(1)) == lease(1) && leases.holder(lease(2)) == lease(1))
        #expect(leases.computing(lease(1)) == [lease(1), lease(2)])
    }

    @Test("when one of the two ends the other goes on alone") mutating func successor() {
        addPair()
        #expect(leases.end(lease(2), as: .computed, host: "bob", at: start).successor == .original)
        #expect(leases[lease(1)]?.purpose == .own(copy: nil))
        leases.add(LeaseState(worker: cyd, group: 0, trials: [0, 1], since: start, purpose: .copy(of: lease(1))), as: lease(3))
        #expect(leases.end(lease(1), as: .died, host: "ada", at: start).successor == .copy(lease(3)))
        #expect(leases[lease(3)]?.purpose == .own(copy: nil))
        expectSound()
        #expect(leases.end(lease(3), as: .returned, host: "cyd", at: start).successor == .queue)
        leases.add(LeaseState(worker: ada, group: 1, trials: [3], since: start, purpose: .verification), as: lease(4))
        #expect(leases.end(lease(4), as: .lost, host: "ada", at: start).successor == .verification)
        #expect(leases.isEmpty)
    }

    @Test("every end is recorded once, in order, and so is the blame that is withdrawn") mutating func records() {
        let grid = leases.grid, end = start + .seconds(3)
        leases.add(LeaseState(worker: ada, group: 0, trials: [0, 1], since: start), as: lease(1))
        leases.begin(lease(1))
        #expect(leases[lease(1)]?.hasBegun == true)
        _ = leases.end(lease(1), as: .died, host: "ada", at: end)
        leases.recordReturn(of: ada, host: "ada", blame: [lease(9): [2], lease(1): [0, 1]], at: end)
        func record(_ id: LeaseID, _ trials: [Int], since: Instant, _ end: LeaseRecord.End) -> LeaseRecord {
            LeaseRecord(
                incarnation: 1, lease: id, worker: ada, host: "ada", trials: trials.map(grid.key(of:)), since: since,
                until: start + .seconds(3), end: end)
        }
        #expect(
            leases.takeRecords() == [
                record(lease(1), [0, 1], since: start, .died), record(lease(1), [0, 1], since: end, .cameBack),
                record(lease(9), [2], since: end, .cameBack),
            ])
        #expect(leases.takeRecords() == [])
    }
}

@Suite("Scheduler: workers alone") struct WorkersTests {
    private var workers = Workers(heartbeatInterval: .seconds(2), timeout: .seconds(6))

    private func expectSound(_ sourceLocation: SourceLocation = #_sourceLocation) {
        var broken: [String] = []
        workers.findBroken(&broken)
        #expect(broken == [], sourceLocation: sourceLocation)
    }

    @Test("a worker has free credits while it holds fewer leases than it has credits") mutating func credits() {
        workers.register(hello(ada), at: routeA, start)
        #expect(workers.withFreeCredits.isEmpty)
        workers.setCredits(2, of: ada)
        for (number, isFree) in [(1, true), (2, false)] as [(UInt32, Bool)] {
            workers.add(lease(number), to: ada)
            #expect(workers.withFreeCredits == (isFree ? [ada] : []))
        }
        workers.remove(lease(1), from: ada)
        #expect(workers.withFreeCredits == [ada])
        workers.setCredits(0, of: ada)
        #expect(workers.withFreeCredits.isEmpty)
        expectSound()
    }

    @Test("a repeated Hello keeps credits, one on a new connection keeps leases and speed alone") mutating func connections() {
        workers.register(hello(ada, slots: 1), at: routeA, start)
        workers.setCredits(2, of: ada)
        workers.add(lease(1), to: ada)
        workers.learn(secondsPerTrial: 4, of: ada)
        workers.learn(secondsPerTrial: 2, of: ada)
        workers.register(hello(ada, slots: 3), at: routeA, start)
        #expect((workers[ada]?.credits, workers.slots) == (2, 3))
        workers.register(hello(ada, slots: 2), at: routeB, start)
        #expect((workers[ada]?.credits, workers[ada]?.leases, workers[ada]?.secondsPerTrial) == (0, [lease(1)], 3))
        #expect((workers.id(at: routeA), workers.id(at: routeB), workers.slots) == (nil, ada, 2))
        expectSound()
    }

    @Test("the next deadline is that of a heartbeat or of a timeout, and traffic postpones both") mutating func deadlines() {
        workers.register(hello(ada), at: routeA, start)
        workers.register(hello(bob), at: routeB, start)
        #expect(workers.nextDeadline == start + .seconds(2))
        #expect(workers.takeDue(at: start + .milliseconds(1999)).isEmpty)
        workers.recordHeard(from: bob, at: start + .seconds(1))
        #expect(workers.recordSent(to: bob, at: start + .seconds(1)) == routeB)
        let due = workers.takeDue(at: start + .seconds(2))
        #expect(due.map(\.id) == [ada] && due.map(\.hasTimedOut) == [false])
        _ = workers.recordSent(to: ada, at: start + .seconds(2))
        #expect(workers.nextDeadline == start + .seconds(3))
        expectSound()
        let late = workers.takeDue(at: start + .seconds(6))
        #expect(late.map(\.id) == [ada, bob] && late.map(\.hasTimedOut) == [true, false])
    }

    @Test("a pause of this process extends every timeout") mutating func pause() {
        workers.tick(at: start)
        workers.register(hello(ada), at: routeA, start)
        workers.tick(at: start + .seconds(2))
        #expect(workers[ada]?.lastHeard == start)
        workers.tick(at: start + .seconds(12))
        #expect(workers[ada]?.lastHeard == start + .seconds(10))
    }

    @Test("a lost worker leaves its name behind for late results, one that leaves does not") mutating func former() {
        workers.register(hello(ada), at: routeA, start)
        workers.register(hello(bob), at: routeB, start)
        #expect(workers.author(at: routeB) == Author(worker: bob, host: "bob"))
        #expect(workers.lose(ada)?.route == routeA && workers.remove(bob)?.route == routeB)
        #expect(workers.lose(ada) == nil && workers.remove(bob) == nil)
        #expect(workers.author(at: routeA) == Author(worker: ada, host: "ada") && workers.author(at: routeB) == nil)
        #expect(workers.isEmpty && workers.slots == 0)
        // Its connection is another worker's now.
        workers.register(hello(cyd), at: routeA, start)
        #expect(workers.author(at: routeA)?.worker == cyd)
        expectSound()
    }

    @Test("workers are found by process and by key") mutating func found() {
        let key = Peer.key(SecretKey.random().publicKey)
        workers.register(hello(ada, process: 7), at: Route([1], peer: key), start)
        workers.register(hello(bob, process: 7), at: Route([2], peer: key), start)
        workers.register(hello(cyd), at: routeC, start)
        #expect(workers.ids(ofProcess: 7, on: "ada") == [ada])
        #expect(workers.ids(behind: Route([9], peer: key)) == [ada, bob])
        #expect(workers.ids(behind: routeC) == [cyd] && workers.ids(behind: Route([9])) == [])
    }
}

@Suite("Scheduler: verifications alone") struct VerificationsTests {
    private let driver = SchedulerDriver(groups: 1, settings: 4)
    private let byAda = Author(worker: ada, host: "ada"), byBob = Author(worker: bob, host: "bob")

    private func verifications(trialsPerLease: Int = 10, pending: [Verification] = []) -> Verifications {
        Verifications(
            driver.scheduler.grid, audit: Audit(share: 1, lanes: 2), crashLimit: 2, trialsPerLease: trialsPerLease, pending: pending)
    }

    private func station(_ worker: WorkerID, _ host: String) -> Station { Station(host: host, witness: .worker(worker)) }

    /// What a worker on a host of its own is given, where all three workers are here.
    private func take(_ verifications: inout Verifications, _ worker: WorkerID, _ host: String) -> Verification? {
        var stations = Verifications.Stations([station(ada, "ada"), station(bob, "bob"), station(cyd, "cyd")])
        return verifications.take(for: station(worker, host), &stations)
    }

    @Test("an audited block is pending once all of it is stored, without its failures") func audit() {
        var verifications = verifications()
        var trials = Trials(
            driver.scheduler.grid, stored: { _ in false }, failed: { _ in false }, counts: TrialCounts(), baselines: [:], checkpoints: [])
        for (index, result) in [driver.result(0), driver.failure(1), driver.result(2), driver.result(3)].enumerated() {
            trials.deliver(index)
            _ = trials.persist(result, index)
            verifications.recordAuthor(index < 3 ? byAda : byBob, of: index, in: trials)
            #expect(verifications.pending.count == [0, 1, 1, 3][index])
        }
        #expect(
            verifications.pending == [
                Verification(trials: [0], authors: [byAda]), Verification(trials: [2], authors: [byAda]),
                Verification(trials: [3], authors: [byBob]),
            ])
        #expect(verifications.authors.isEmpty)
    }

    @Test("nobody verifies what is its own, and where another host has workers nobody on the host of an author does") func eligible() {
        let pending = [Verification(trials: [0], authors: [byAda])]
        for (worker, host, expected) in [(ada, "ada", nil), (cyd, "ada", nil), (cyd, "cyd", pending[0])]
            as [(WorkerID, String, Verification?)]
        {
            var verifications = verifications(pending: pending)
            #expect(take(&verifications, worker, host) == expected)
            #expect(verifications.pending.isEmpty == (expected != nil))
        }
        var alone = verifications(pending: pending)
        var stations = Verifications.Stations([station(cyd, "ada")])
        #expect(alone.take(for: station(cyd, "ada"), &stations) == pending[0])
    }

    @Test("the workers of one key are one witness: none verifies what another computed, nor keeps anybody from it by a host name")
    func oneKey() {
        let key = Digest(of: "mallory"), mallory = Author(worker: ada, host: "bob", key: key)
        let own = Station(host: "elsewhere", witness: .key(key)), honest = station(bob, "bob")
        var verifications = verifications(pending: [Verification(trials: [0], authors: [mallory])])
        var stations = Verifications.Stations([own, honest])
        #expect(verifications.take(for: own, &stations) == nil)
        #expect(verifications.take(for: honest, &stations)?.trials == [0])
    }

    @Test("a verification of more trials than fit into a frame is cut, and the rest stays first in line") func cut() {
        let all = Verification(trials: [0, 1, 2], authors: [byAda])
        var verifications = verifications(trialsPerLease: 2, pending: [all, Verification(trials: [3], authors: [byAda])])
        #expect(take(&verifications, bob, "bob")?.trials == [0, 1])
        #expect(verifications.pending.map(\.trials) == [[2], [3]])
    }

    @Test("what a lease brings no result of is pending again, for another worker") func rest() throws {
        var verifications = verifications(pending: [Verification(trials: [0, 1], authors: [byAda])])
        verifications.start(try #require(take(&verifications, bob, "bob")), as: lease(1))
        #expect(!verifications.isEmpty && verifications.pending.isEmpty)
        verifications.recordResults([driver.result(0), driver.failure(1)], of: lease(1), by: byBob)
        verifications.end(lease(1))
        #expect(verifications.pending == [Verification(trials: [1], authors: [byAda, byBob])])
        verifications.start(try #require(take(&verifications, cyd, "cyd")), as: lease(2))
        verifications.recordResults([driver.result(1)], of: lease(2), by: Author(worker: cyd, host: "cyd"))
        verifications.end(lease(2))
        #expect(verifications.isEmpty)
    }

    @Test("a verification that costs too many workers is abandoned, one that is given back is not") func crashes() throws {
        var verifications = verifications(pending: [Verification(trials: [0, 1], authors: [byAda])])
        for (number, abandoned) in [(1, nil), (2, 0), (3, nil), (4, 2)] as [(UInt32, Int?)] {
            verifications.start(try #require(take(&verifications, bob, "bob")), as: lease(number))
            if let abandoned { #expect(verifications.recordCrash(of: lease(number)) == abandoned) }
            verifications.end(lease(number))
            #expect(verifications.isEmpty == (abandoned == 2))
        }
    }

    @Test("verifications for which nobody is here are abandoned after a while, which starts again when somebody comes") func unattended() {
        var verifications = verifications(pending: [Verification(trials: [0, 1], authors: [byAda])])
        func abandon(_ isAttended: Bool, after seconds: Int) -> Int {
            verifications.abandonUnattended(isAttended, at: start + .seconds(seconds), after: .seconds(6))
        }
        #expect([abandon(false, after: 0), abandon(false, after: 5), abandon(true, after: 6), abandon(false, after: 7)] == [0, 0, 0, 0])
        #expect(abandon(false, after: 12) == 0 && !verifications.isEmpty)
        #expect(abandon(false, after: 13) == 2 && verifications.isEmpty)
    }
}

@Suite("Scheduler: failures alone") struct FailuresTests {
    private var failures = Failures(crashLimit: 2, failureLimit: 2, crashes: [7: 1, 8: 0], distrusted: [.worker(cyd)])

    private func author(_ worker: WorkerID, key: Digest? = nil) -> Author { Author(worker: worker, host: "ada", key: key) }

    private func isSuspect(_ worker: WorkerID) -> Bool { failures.isSuspect(worker, .worker(worker)) }

    @Test("the losses of workers over a trial add up, those of earlier incarnations among them, and are withdrawn worker by worker")
    mutating func crashes() {
        #expect(failures.crashes(of: 7) == 1 && failures.trials[8] == nil)
        failures.recordCrash(of: author(ada), over: lease(1), [6, 7])
        failures.recordCrash(of: author(ada), over: lease(2), [])
        failures.recordCrash(of: author(bob), over: lease(3), [6])
        #expect(failures.hasReachedCrashLimit(6, isAlone: false) && failures.hasReachedCrashLimit(7, isAlone: false))
        #expect(failures.withdrawBlame(of: ada) == [lease(1): [6, 7]])
        #expect(failures.withdrawBlame(of: ada) == [:])
        #expect((failures.crashes(of: 6), failures.crashes(of: 7)) == (1, 1))
        // It has a result by now, so nothing counts against it any more.
        failures.forget(trial: 6)
        #expect(failures.withdrawBlame(of: bob) == [lease(3): [6]])
        #expect(failures.trials.keys.sorted() == [7] && failures.blame.isEmpty)
    }

    @Test("the workers that one key loses or fails with decide nothing while somebody else is here") mutating func oneKey() {
        let key = Digest(of: "mallory")
        for number in 1...4 as ClosedRange<UInt64> {
            let mallory = author(WorkerID(high: 50 + number, low: 0), key: key)
            failures.recordCrash(of: mallory, over: lease(UInt32(number)), [5])
            failures.recordFailure(of: 5, by: mallory)
        }
        #expect(failures.crashes(of: 5) == 4 && !failures.hasReachedCrashLimit(5, isAlone: false))
        #expect(failures.hasReachedCrashLimit(5, isAlone: true))
        #expect(!failures.hasReachedFailureLimit(5, isAlone: false) && failures.hasReachedFailureLimit(5, isAlone: true))
        failures.recordCrash(of: author(bob), over: lease(9), [5])
        #expect(failures.hasReachedCrashLimit(5, isAlone: false))
        for number in 1...3 as ClosedRange<UInt64> { _ = failures.withdrawBlame(of: WorkerID(high: 50 + number, low: 0)) }
        #expect(failures.witnessesLost(over: 5) == [.key(key), .worker(bob)])
        _ = failures.withdrawBlame(of: WorkerID(high: 54, low: 0))
        #expect(failures.witnessesLost(over: 5) == [.worker(bob)] && failures.crashes(of: 5) == 1)
    }

    @Test("whoever is lost when too many are remembered costs the first of them its blame, and nobody a trial") mutating func forgiven() {
        let most = Failures.mostLostWorkers
        func worker(_ number: Int) -> WorkerID { WorkerID(high: UInt64(100 + number), low: 0) }
        for number in 0...most { failures.recordCrash(of: author(worker(number)), over: lease(UInt32(number + 1)), [number + 10]) }
        #expect(failures.nextToForgive() == worker(0))
        #expect(failures.withdrawBlame(of: worker(0)) == [lease(1): [10]])
        #expect(failures.nextToForgive() == nil)
        // All of the others are back, time after time.
        for _ in 0..<3 {
            for number in 1...most { #expect(failures.withdrawBlame(of: worker(number)).count == 1) }
            for number in 1...most { failures.recordCrash(of: author(worker(number)), over: lease(UInt32(number + 1)), [number + 10]) }
            #expect(failures.nextToForgive() == nil && failures.lost.count <= 2 * most)
        }
        for number in 1...most { #expect(failures.withdrawBlame(of: worker(number)).count == 1) }
        #expect(failures.blame.isEmpty && failures.trials.keys.sorted() == [7])
    }

    @Test("so many workers fail at a trial before it is the trial's fault, and then it is not theirs") mutating func failed() {
        for (worker, isReached) in [(ada, false), (ada, false), (bob, true)] {
            failures.recordFailure(of: 1, by: author(worker))
            _ = failures.recordFailedLease(of: worker)
            #expect(failures.hasReachedFailureLimit(1, isAlone: false) == isReached)
        }
        #expect(failures.workersThatFailed(at: 1) == [ada, bob])
        #expect(failures.failedLeases == [ada: 2, bob: 1])
        failures.acquitWorkers(of: 1)
        #expect(failures.failedLeases == [:])
    }

    @Test("a worker is suspect after three failed leases in a row, or for its bits, which nothing forgives") mutating func suspects() {
        #expect([1, 2, 3, 4].map { _ in failures.recordFailedLease(of: ada) } == [false, false, true, false])
        #expect(isSuspect(ada) && isSuspect(cyd) && !isSuspect(bob))
        for worker in [ada, cyd] { failures.recordSuccess(of: worker) }
        #expect(!isSuspect(ada) && isSuspect(cyd))
        #expect(failures.distrust(.worker(bob)) && !failures.distrust(.worker(bob)))
        failures.forgetLeases(of: bob)
        #expect(isSuspect(bob))
    }
}

@Suite("Scheduler: malformed frames alone") struct MalformedFramesTests {
    @Test("a key is one peer on all its connections, a connection without a key is a peer of its own, and a count starts again")
    func peers() {
        var frames = MalformedFrames()
        let key = Peer.key(SecretKey.random().publicKey)
        for count in 1...Limits.malformedFrames {
            #expect(frames.add(from: Route([UInt8(count)], peer: key)) == (count == Limits.malformedFrames))
            #expect(frames.add(from: Route([UInt8(count)])) == false)
        }
        #expect(frames.add(from: Route([1], peer: key)) == false)
    }

    @Test("peers that are gone are not remembered for ever") func bounded() {
        var frames = MalformedFrames()
        for peer in 0...MalformedFrames.mostPeers { _ = frames.add(from: Route([UInt8(peer & 255), UInt8(peer >> 8)])) }
        #expect(frames.counts.count <= MalformedFrames.mostPeers)
    }
}
