// WorkerDataTests.swift · Tests/WorkerTests. What a worker says and does for the files that its leases read.

import Testing
import Vocabulary
import Wire

@testable import regsweep_worker

/// A lease of a trial that reads files which nobody has yet.
private func needy(_ number: UInt32, files: [String] = ["a", "b", "a", "c"]) -> Lease {
    var group = group
    group.problem = "convolutional-network"
    for (name, file) in zip(["training_images", "training_labels", "test_images", "test_labels"], files) {
        group.parameters[name] = .text(Digest(of: file).description)
    }
    return lease(number, settings: [baseline], of: group)
}

private func chunk(_ file: String, _ offset: Int, of total: Int, _ content: [UInt8]) -> WorkerMachine.Event {
    heard(.dataChunk(DataChunk(digest: Digest(of: file), offset: offset, total: total, content: content)))
}

private func asked(_ file: String, _ offset: Int) -> WorkerMachine.Effect { said(.dataRequest(Digest(of: file), offset: offset)) }

private func disk(_ command: DataCommand, _ file: String) -> WorkerMachine.Effect { .data(command, Digest(of: file)) }

private func news(_ news: DataOutcome, _ file: String) -> WorkerMachine.Event { .data(Digest(of: file), news) }

@Suite("WorkerMachine: data") struct WorkerDataTests {
    var machine = joined(slots: 1)

    private mutating func handle(_ event: WorkerMachine.Event, after time: Duration = .zero) -> [WorkerMachine.Effect] {
        machine.handle(event, at: start + time)
    }

    @Test("a lease waits for its files, which are fetched one after the other, chunk by chunk, each once") mutating func fetch() {
        let lease = needy(1)
        #expect(handle(heard(.lease(lease))) == [disk(.look(alone: false), "a")])
        #expect(handle(news(.part(0), "a")) == [asked("a", 0)])
        #expect(handle(chunk("a", 0, of: 3, [1, 2])) == [disk(.write([1, 2], at: 0), "a")])
        // Neither a repeat nor a chunk of another file disturbs.
        #expect(handle(chunk("a", 0, of: 3, [1, 2])) == [])
        #expect(handle(chunk("b", 0, of: 3, [1, 2])) == [])
        #expect(handle(news(.part(2), "a")) == [asked("a", 2)])
        #expect(handle(chunk("a", 1, of: 3, [2, 3])) == [])
        #expect(handle(chunk("a", 2, of: 3, [3])) == [disk(.write([3], at: 2), "a")])
        #expect(handle(news(.part(3), "a")) == [disk(.check, "a")])
        #expect(handle(news(.whole, "a")) == [disk(.look(alone: false), "b")])
        #expect(handle(news(.whole, "b")) == [disk(.look(alone: false), "c")])
        #expect(machine.running.isEmpty)
        #expect(handle(news(.whole, "c")) == [.compute(lease)])
        // The next one finds them.
        _ = handle(.finished(lease.id, results(of: lease)))
        #expect(handle(heard(.lease(needy(2)))) == [.compute(needy(2))])
    }

    @Test("a lease that reads nothing passes by one that waits") mutating func overtakes() {
        _ = handle(heard(.lease(needy(1))))
        #expect(handle(heard(.lease(lease(2)))) == [.compute(lease(2))])
    }

    @Test("what was killed with everything but its name goes on at the end, and what is too long is thrown away") mutating func ends() {
        _ = handle(heard(.lease(needy(1))))
        #expect(handle(news(.part(3), "a")) == [asked("a", 3)])
        #expect(handle(chunk("a", 3, of: 3, [])) == [disk(.check, "a")])
        _ = handle(news(.whole, "a"))
        #expect(handle(news(.part(9), "b")) == [asked("b", 9)])
        #expect(handle(chunk("b", 3, of: 3, [])) == [disk(.discard, "b")])
        #expect(handle(news(.wrong, "b")).last == asked("b", 0))
    }

    @Test("what is wrong is fetched again, with a word; the third time the worker leaves, and gives back what it holds")
    mutating func wrong() {
        let notice = WorkerMachine.Effect.notice("data file \(Digest(of: "a")) in the cache does not match its hash: it is fetched again")
        _ = handle(heard(.lease(needy(1))))
        for _ in 1...2 { #expect(handle(news(.wrong, "a")) == [notice, asked("a", 0)]) }
        let reason = "data file \(Digest(of: "a")) does not match its hash, 3 times in a row"
        #expect(
            handle(news(.wrong, "a")) == [
                notice, .notice("\(reason): this worker leaves"), said(.ready(credits: 0)), said(.cancel(needy(1).id)),
                said(.goodbye(reason: reason)), .exit(.noData(reason: reason)),
            ])
    }

    @Test("a disk that is full lets what runs come to its end, then the worker leaves with the reason") mutating func full() {
        machine = joined(slots: 2, holding: [lease(1)])
        _ = handle(heard(.lease(needy(2))))
        #expect(
            handle(news(.failed(reason: "no room"), "a")) == [
                .notice("no room: this worker leaves"), said(.ready(credits: 0)), said(.cancel(needy(2).id)),
            ])
        _ = handle(.finished(lease(1).id, results(of: lease(1))))
        #expect(
            handle(heard(.acknowledged(BatchID(rawValue: 1)))) == [
                said(.goodbye(reason: "no room")), .exit(.noData(reason: "no room")),
            ])
    }

    @Test("while another process fetches, it looks every half second, and after a minute fetches for itself") mutating func busy() {
        _ = handle(heard(.lease(needy(1))))
        #expect(handle(news(.busy, "a")) == [])
        #expect(machine.nextDeadline == start + .milliseconds(500))
        #expect(handle(.tick, after: .milliseconds(499)) == [])
        #expect(handle(.tick, after: .milliseconds(500)) == [disk(.look(alone: false), "a")])
        for second in 1..<60 {
            _ = handle(heard(.heartbeat(running: 0)), after: .seconds(second))
            _ = handle(news(.busy, "a"), after: .seconds(second))
            #expect(handle(.tick, after: .seconds(second) + .milliseconds(500)).contains(disk(.look(alone: false), "a")))
        }
        _ = handle(heard(.heartbeat(running: 0)), after: .seconds(60))
        _ = handle(news(.busy, "a"), after: .seconds(60))
        #expect(handle(.tick, after: .milliseconds(60_500)).contains(disk(.look(alone: true), "a")))
    }

    @Test("what is not answered is asked for again, at the latest over the next connection") mutating func lost() {
        _ = handle(heard(.lease(needy(1))))
        _ = handle(news(.part(0), "a"))
        for second in 1...14 {
            _ = handle(heard(.heartbeat(running: 0)), after: .seconds(second))
            #expect(!handle(.tick, after: .seconds(second)).contains(asked("a", 0)))
        }
        _ = handle(heard(.heartbeat(running: 0)), after: .seconds(15))
        #expect(handle(.tick, after: .seconds(15)).contains(asked("a", 0)))
        _ = handle(heard(.introduce), after: .seconds(16))
        #expect(handle(heard(welcome(keep: [needy(1)])), after: .seconds(17)).contains(asked("a", 0)))
    }

    @Test("a file that the coordinator does not have fails the trials that read it, clearly") mutating func unknown() {
        let lease = needy(1)
        _ = handle(heard(.lease(lease)))
        _ = handle(news(.part(0), "a"))
        let failures = [TrialResult(failure: "the coordinator has no data file \(Digest(of: "a"))", of: lease.trials[0])]
        #expect(handle(chunk("a", 0, of: 0, [])) == [said(.results(BatchID(rawValue: 1), lease.id, failures))])
    }
}

@Suite("WorkerMachine: checkpoints") struct WorkerCheckpointTests {
    private let long = ImageSamples.lease(1)
    private var machine = joined(slots: 1)

    private var key: TrialKey { long.trials[0].key }
    private func checkpoint(_ epoch: Int) -> Checkpoint { Checkpoint(key: key, epoch: epoch, content: [UInt8(epoch)]) }
    private func answered(_ epoch: Int, refusal: String? = nil) -> WorkerMachine.Event {
        heard(.checkpointAnswer(key, epoch: epoch, refusal: refusal))
    }

    private mutating func begin() {
        _ = machine.handle(heard(.lease(long)), at: start)
        for file in ImageSamples.files { _ = machine.handle(.data(Digest(of: file), .whole), at: start) }
        #expect(machine.running.keys.first == long.id)
    }

    @Test("a worker that drains pauses a long trial, and gives it back once the coordinator has its checkpoint") mutating func drain() {
        begin()
        #expect(machine.handle(.drainRequested, at: start) == [.pause(long.id), said(.ready(credits: 0))])
        #expect(machine.handle(.checkpointed(long.id, checkpoint(3)), at: start) == [said(.checkpoint(long.id, checkpoint(3)))])
        #expect(machine.handle(.paused(long.id), at: start) == [])
        #expect(machine.handle(answered(2), at: start) == [])
        #expect(
            machine.handle(answered(3), at: start) == [said(.cancel(long.id)), said(.goodbye(reason: "drained")), .exit(.drained)])
    }

    @Test("a checkpoint that is not taken keeps nobody: the worker says so and leaves") mutating func refused() {
        begin()
        _ = machine.handle(.drainRequested, at: start)
        _ = machine.handle(.checkpointed(long.id, checkpoint(3)), at: start)
        _ = machine.handle(.paused(long.id), at: start)
        #expect(
            machine.handle(answered(3, refusal: "no"), at: start) == [
                .notice("the coordinator did not store a checkpoint of trial \(key): no"), said(.cancel(long.id)),
                said(.goodbye(reason: "drained")), .exit(.drained),
            ])
    }

    @Test("the newest checkpoint is said again over the next connection, until it is answered or the trial is done") mutating func again() {
        begin()
        _ = machine.handle(.checkpointed(long.id, checkpoint(1)), at: start)
        _ = machine.handle(.checkpointed(long.id, checkpoint(2)), at: start)
        _ = machine.handle(heard(.introduce), at: start)
        #expect(machine.handle(.checkpointed(long.id, checkpoint(3)), at: start) == [])
        #expect(
            machine.handle(heard(welcome(keep: [long])), at: start) == [
                said(.checkpoint(long.id, checkpoint(3))), said(.ready(credits: 2)),
            ])
        _ = machine.handle(.finished(long.id, results(of: long)), at: start)
        _ = machine.handle(heard(.introduce), at: start)
        let batch = Message.results(BatchID(rawValue: 1), long.id, results(of: long))
        #expect(machine.handle(heard(welcome(keep: [long])), at: start) == [said(batch), said(.ready(credits: 2))])
    }

    @Test("a paused trial is listed in Hello; where Welcome does not keep it, it is somebody else's") mutating func notKept() {
        begin()
        _ = machine.handle(.drainRequested, at: start)
        _ = machine.handle(.checkpointed(long.id, checkpoint(3)), at: start)
        _ = machine.handle(.paused(long.id), at: start)
        #expect(machine.handle(heard(.introduce), at: start) == [hello(slots: 1, held: [long])])
        #expect(
            machine.handle(heard(welcome()), at: start) == [
                said(.ready(credits: 0)), said(.goodbye(reason: "drained")), .exit(.drained),
            ])
    }

    @Test("a checkpoint that cannot be gone on from is told to the coordinator, and in the log") mutating func useless() {
        var lease = long
        lease.checkpoint = checkpoint(2)
        _ = machine.handle(heard(.lease(lease)), at: start)
        for file in ImageSamples.files { _ = machine.handle(.data(Digest(of: file), .whole), at: start) }
        #expect(
            machine.handle(.refusedCheckpoint(lease.id, reason: "it is another's"), at: start) == [
                .notice("trial \(key) starts from the beginning: it is another's"),
                said(.checkpointAnswer(key, epoch: 2, refusal: "it is another's")),
            ])
    }
}
