// WorkerLeaseTests.swift · Tests/WorkerTests. What becomes of a lease in a worker, and how a worker leaves.

import Testing
import Vocabulary
import Wire

@testable import regsweep_worker

private func batch(_ number: UInt64) -> BatchID { BatchID(rawValue: number) }

@Suite("Worker: leases") struct WorkerLeaseTests {
    @Test("leases are computed in the order of their coming, as many at a time as there are slots") func order() {
        let leases = (1...4).map { lease($0) }
        var machine = joined()
        #expect(leases.map { machine.handle(heard(.lease($0)), at: start) } == [[.compute(leases[0])], [.compute(leases[1])], [], []])
        #expect(
            machine.handle(.finished(leases[1].id, results(of: leases[1])), at: start) == [
                .compute(leases[2]), said(.results(batch(1), leases[1].id, results(of: leases[1]))),
            ])
        #expect(
            machine.handle(.finished(leases[0].id, results(of: leases[0])), at: start) == [
                .compute(leases[3]), said(.results(batch(2), leases[0].id, results(of: leases[0]))),
            ])
        #expect(machine.queued == [])
        #expect(machine.running == [leases[2].id: leases[2], leases[3].id: leases[3]])
    }

    @Test("results are said again to every coordinator that welcomes the worker, until they are acknowledged") func kept() {
        let (first, second) = (lease(1), lease(2))
        var machine = joined(holding: [first, second])
        _ = machine.handle(.finished(first.id, results(of: first)), at: start)
        // Finished while nobody is there to hear it.
        #expect(machine.handle(heard(.introduce), at: start) == [hello(held: [first, second])])
        #expect(machine.handle(.finished(second.id, results(of: second)), at: start) == [])
        let again = [first, second].enumerated().map { i, lease in said(.results(batch(UInt64(i + 1)), lease.id, results(of: lease))) }
        #expect(machine.handle(heard(welcome(keep: [first, second])), at: start) == again + [said(.ready(credits: 4))])

        #expect(machine.handle(heard(.acknowledged(batch(1))), at: start) == [])
        #expect(machine.handle(heard(.acknowledged(batch(1))), at: start) == [], "a repeated acknowledgement")
        #expect(machine.handle(heard(.introduce), at: start) == [hello(held: [second])])
        #expect(machine.handle(heard(welcome()), at: start) == [again[1], said(.ready(credits: 4))])
        _ = machine.handle(heard(.acknowledged(batch(2))), at: start)
        #expect(machine.handle(heard(.introduce), at: start) == [hello()])
    }

    @Test("a repeated frame does not compute a lease twice, whether it runs or is queued", arguments: [1, 3] as [UInt32])
    func repeated(number: UInt32) {
        var machine = joined(holding: (1...3).map { lease($0) })
        #expect(machine.handle(heard(.lease(lease(number))), at: start) == [])
        #expect(machine.queued == [lease(3)])
    }

    @Test("a lease beyond the credits goes back, so that no coordinator can fill a worker's memory") func beyondCredits() {
        var machine = joined(slots: 1, holding: [lease(1), lease(2)])
        #expect(machine.handle(heard(.lease(lease(3))), at: start) == [said(.cancel(lease(3).id))])
        // One that was told to stop is no longer held, though it still has its slot.
        #expect(machine.handle(heard(.cancel(lease(1).id)), at: start) == [.stop(lease(1).id)])
        #expect(machine.handle(heard(.lease(lease(4))), at: start) == [])
        #expect(machine.handle(.stopped(lease(1).id), at: start) == [.compute(lease(2))])
    }

    @Test("a cancelled lease leaves the queue, or stops and makes room for the next") func cancelled() {
        var machine = joined(slots: 1, holding: [lease(1), lease(2)])
        #expect(machine.handle(heard(.cancel(lease(2).id)), at: start) == [])
        #expect(machine.queued == [])
        _ = machine.handle(heard(.lease(lease(3))), at: start)
        #expect(machine.handle(heard(.cancel(lease(1).id)), at: start) == [.stop(lease(1).id)])
        #expect(machine.handle(heard(.cancel(lease(1).id)), at: start) == [], "it is told once")
        #expect(machine.handle(.stopped(lease(1).id), at: start) == [.compute(lease(3))])
        #expect(machine.handle(heard(.cancel(lease(9).id)), at: start) == [], "a lease that was never here")
    }

    @Test("a lease that was told to stop but had come to its end is delivered all the same") func finishedAfterCancel() {
        var machine = joined(holding: [lease(1)])
        _ = machine.handle(heard(.cancel(lease(1).id)), at: start)
        #expect(
            machine.handle(.finished(lease(1).id, results(of: lease(1))), at: start) == [
                said(.results(batch(1), lease(1).id, results(of: lease(1))))
            ])
    }

    @Test("a lease that was told to stop is not said to be held, so that nobody waits for it") func notHeld() {
        var machine = joined(holding: [lease(1), lease(2)])
        _ = machine.handle(heard(.cancel(lease(1).id)), at: start)
        #expect(machine.handle(heard(.introduce), at: start) == [hello(held: [lease(2)])])
    }

    @Test("another store's lease with the id of one that is still stopping is computed after that has ended") func sameID() {
        var machine = joined(slots: 1, holding: [lease(1)])
        _ = machine.handle(heard(.introduce), at: start)
        #expect(machine.handle(heard(welcome()), at: start) == [.stop(lease(1).id), said(.ready(credits: 2))])
        let other = lease(1, settings: [baseline])
        #expect(machine.handle(heard(.lease(other)), at: start) == [])
        #expect(machine.handle(.stopped(other.id), at: start) == [.compute(other)])
    }

    @Test("progress is said while joined, of leases that run, and of no other") func progress() {
        var machine = joined(slots: 1, holding: [lease(1), lease(2)])
        let points = [ProgressPoint(key: lease(1).trials[0].key, point: CurvePoint(epoch: 3, trainLoss: 2, testLoss: 4), lossRatio: 1)]
        #expect(machine.handle(.progressed(lease(1).id, points), at: start) == [said(.progress(lease(1).id, points))])
        #expect(machine.handle(.progressed(lease(2).id, points), at: start) == [])
        _ = machine.handle(heard(.introduce), at: start)
        #expect(machine.handle(.progressed(lease(1).id, points), at: start) == [])
    }

    @Test("a Hello lists what fits into a frame, and first what would cost most to compute again") func largeHello() throws {
        // 70 leases of 4,096 keys would be 4.6 MB with 512 more to come; 64 of them fill the limit.
        let settings = Array(repeating: penalized, count: Limits.trialsPerLease)
        let leases = (1...70).map { lease($0, settings: settings) }
        var machine = joined(slots: 35, holding: leases)
        _ = machine.handle(.finished(leases[0].id, results(of: leases[0])), at: start)
        let effects = machine.handle(heard(.introduce), at: start)
        guard case .send(let envelope) = effects.first, case .hello(let hello) = envelope.message else {
            Issue.record("no Hello but \(effects.count) effects")
            return
        }
        #expect(Set(hello.held.keys) == Set(leases[..<64].map(\.id)))
        let frame = envelope.encoded()
        #expect(frame.count < Limits.frameBytes)
        #expect(try Envelope(decoding: frame) == envelope)
    }
}

@Suite("Worker: leaving") struct WorkerLeavingTests {
    private let goodbye = said(.goodbye(reason: "drained"))

    @Test("a drain gives back what is queued, finishes what runs, waits for its acknowledgement and leaves", arguments: [true, false])
    func drain(byCoordinator: Bool) {
        var machine = joined(slots: 1, holding: [lease(1), lease(2)])
        #expect(
            machine.handle(byCoordinator ? heard(.drain) : .drainRequested, at: start) == [
                said(.ready(credits: 0)), said(.cancel(lease(2).id)),
            ])
        #expect(machine.handle(heard(.lease(lease(3))), at: start) == [said(.cancel(lease(3).id))], "it was on its way")
        #expect(machine.handle(heard(.drain), at: start) == [])
        #expect(
            machine.handle(.finished(lease(1).id, results(of: lease(1))), at: start) == [
                said(.results(batch(1), lease(1).id, results(of: lease(1))))
            ])
        #expect(machine.handle(heard(.acknowledged(batch(1))), at: start) == [goodbye, .exit(.drained)])
        #expect(machine.handle(.tick, at: start + .seconds(60)) == [], "it has left")
    }

    @Test("a worker that is removed leaves with what nobody takes from it any more") func removed() {
        var machine = joined(slots: 1, holding: [lease(1)])
        _ = machine.handle(.finished(lease(1).id, results(of: lease(1))), at: start)
        #expect(machine.handle(heard(.drain), at: start) == [said(.ready(credits: 0))])
        #expect(machine.handle(heard(.refused(reason: "removed")), at: start) == [.exit(.drained)])
    }

    @Test("a worker with nothing to do leaves as soon as it is asked") func idle() {
        var machine = joined()
        #expect(machine.handle(.drainRequested, at: start) == [said(.ready(credits: 0)), goodbye, .exit(.drained)])
        var fresh = WorkerMachine(identity(), orphanTimeout: .seconds(30), at: start)
        #expect(fresh.handle(.drainRequested, at: start) == [said(.goodbye(reason: "drained"), incarnation: 0), .exit(.drained)])
    }

    @Test("asked twice, a worker leaves at once, whatever runs and whatever is not acknowledged") func twice() {
        var machine = joined(holding: (1...4).map { lease($0) })
        _ = machine.handle(.finished(lease(1).id, results(of: lease(1))), at: start)
        #expect(machine.handle(.drainRequested, at: start) == [said(.ready(credits: 0)), said(.cancel(lease(4).id))])
        #expect(machine.handle(.drainRequested, at: start) == [goodbye, .stop(lease(2).id), .stop(lease(3).id), .exit(.drained)])
        #expect(machine.handle(.finished(lease(2).id, results(of: lease(2))), at: start) == [], "it has left")
    }

    @Test("the coordinator's Drain is not the first of two requests: Ctrl-C in a terminal reaches both programs") func oneEach() {
        var machine = joined(slots: 1, holding: [lease(1)])
        #expect(machine.handle(heard(.drain), at: start) == [said(.ready(credits: 0))])
        #expect(machine.handle(.drainRequested, at: start) == [])
        #expect(machine.handle(.drainRequested, at: start) == [goodbye, .stop(lease(1).id), .exit(.drained)])
    }

    @Test("a worker that drains without a coordinator keeps its results for the next one and leaves after that") func disconnected() {
        var machine = joined(slots: 1, holding: [lease(1), lease(2)])
        _ = machine.handle(.tick, at: start + .seconds(6))
        #expect(machine.handle(.drainRequested, at: start + .seconds(6)) == [])
        #expect(machine.handle(.finished(lease(1).id, results(of: lease(1))), at: start + .seconds(6)) == [])
        let back = start + .milliseconds(6250)
        #expect(machine.handle(.tick, at: back) == [.connect, hello(slots: 1, held: [lease(1)])])
        #expect(
            machine.handle(heard(welcome(keep: [lease(1)])), at: back) == [
                said(.results(batch(1), lease(1).id, results(of: lease(1)))), said(.ready(credits: 0)),
            ])
        #expect(machine.handle(heard(.acknowledged(batch(1))), at: back) == [goodbye, .exit(.drained)])
    }

    @Test("a worker that drains and is told to drop what runs leaves without waiting for it") func dropped() {
        var machine = joined(slots: 1, holding: [lease(1)])
        _ = machine.handle(.drainRequested, at: start)
        #expect(machine.handle(heard(.cancel(lease(1).id)), at: start) == [.stop(lease(1).id), goodbye, .exit(.drained)])
    }
}
