// CommandTests.swift · Tests/CoordinatorTests. What commands say, as plain values: misspelt names, what a sweep is doing, where a trial is.

import Foundation
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Names of commands") struct CommandNameTests {
    private func complaint(_ words: String...) -> String? {
        CommandNames.complaint(about: words, of: RegsweepCommand.self, called: "regsweep")
    }

    @Test("a command, an option or nothing is no mistake, whatever follows") func right() {
        #expect(complaint() == nil)
        #expect(complaint("check", "chek") == nil)
        #expect(complaint("report", "sweep.toml") == nil)
        #expect(complaint("--version") == nil)
        #expect(complaint("help", "run") == nil)
        #expect(complaint("workers") == nil)
        #expect(complaint("workers", "--out", "results/small") == nil)
        #expect(complaint("workers", "add", "ssh:ada") == nil)
    }

    @Test("of a misspelt one it is told which was meant, perhaps") func misspelt() {
        #expect(complaint("chek", "my.toml") == "regsweep has no command chek: did you mean regsweep check?")
        #expect(complaint("stauts") == "regsweep has no command stauts: did you mean regsweep status?")
        #expect(complaint("workers", "lst") == "regsweep workers has no command lst: did you mean regsweep workers list?")
    }

    @Test("of one that is like none all are told") func unknown() {
        #expect(
            complaint("dance")
                == "regsweep has no command dance; its commands are run, check, report, status, explain, export, workers, keys, repair")
    }

    @Test("letters that are added, left out, replaced or exchanged count one each") func distances() {
        #expect(CommandNames.distance("check", "check") == 0)
        #expect(CommandNames.distance("check", "chek") == 1)
        #expect(CommandNames.distance("check", "checkk") == 1)
        #expect(CommandNames.distance("check", "chesk") == 1)
        #expect(CommandNames.distance("check", "chekc") == 1)
        #expect(CommandNames.distance("run", "") == 3)
        #expect(CommandNames.distance("ab", "dcb") == 2)
    }
}

private let key = TrialKey(high: 0x0123_4567_89ab_cdef, low: 1), other = TrialKey(high: 0x0123_4567_0000_0000, low: 2)

extension Snapshot {
    /// The snapshot of a coordinator with one worker, which computes a trial.
    fileprivate static var busy: Snapshot {
        Snapshot(
            incarnation: 2, total: 20, done: 5, diverged: 2, failed: 1, waiting: 11, verificationsWaiting: 3, isStoreBlocked: false,
            isDraining: false,
            workers: [
                Worker(
                    id: "0a0b0c0d", host: "ada", process: 77, slots: 1, credits: 2, leases: 1, silentSeconds: 0.1234, isQuarantined: false,
                    secondsPerTrial: 0.00251)
            ],
            leases: [
                Lease(id: "2.1", worker: "0a0b0c0d", purpose: .own, hasBegun: true, seconds: 3.2, trials: ["\(other)"])
            ], curves: [], histories: [:])
    }
}

@Suite("What a sweep is doing") struct SweepOverviewTests {
    private func overview(_ snapshot: Snapshot?, disagreements: [String] = []) -> String {
        let stored = TrialCounts(done: 5, diverged: 2, failed: 1)
        return SweepOverview(state: snapshot.map { .running($0) } ?? .notRunning(stored), disagreements: disagreements).text
    }

    @Test("where no coordinator runs, what is stored is told, and which bits nobody agrees on") func notRunning() {
        #expect(overview(nil) == "not running: 8 trials stored, 2 diverged, 1 failed")
        #expect(overview(nil, disagreements: ["trial 1"]) == "not running: 8 trials stored, 2 diverged, 1 failed\ntrial 1")
    }

    @Test("a store that a program has opened, and has said nothing of, is not said to be idle") func opened() {
        #expect(
            SweepOverview(state: .opened(TrialCounts(done: 1)), disagreements: []).text
                == "in use, and nothing is known yet of what runs: 1 trials stored, 0 diverged, 0 failed")
    }

    @Test("of a running one trials, leases and workers are told, each in a line") func running() {
        #expect(
            overview(.busy) == """
                running: 8 of 20 trials stored, 2 diverged, 1 failed
                1 leased to workers, 11 waiting, 3 verifications waiting; incarnation 2
                worker 0a0b0c0d on ada, process 77: 1 of at most 2 leases, last heard 0.123 s ago, 0.003 s a trial
                """)
    }

    @Test("how old the snapshot is stands below the trials, and why where nothing newer could be written") func age() {
        func line(_ seconds: Double, isDiskFull: Bool) -> String {
            let age = SnapshotAge(seconds: seconds, isDiskFull: isDiskFull, stored: 9)
            let lines = SweepOverview(state: .running(.busy), disagreements: [], age: age).text.split(separator: "\n")
            return String(lines[2])
        }
        #expect(line(0.5, isDiskFull: false) == "as of 0.5 s ago" && line(0.5, isDiskFull: true) == "as of 0.5 s ago")
        #expect(line(20, isDiskFull: false) == "as of 20 s ago")
        #expect(
            line(20, isDiskFull: true)
                == "as of 20 s ago: the disk is full, so nothing newer was written and nothing is leased; the store has 9 trials")
        #expect(
            line(31, isDiskFull: false)
                == "as of 31 s ago: nothing newer was written, so its coordinator is stopped or cannot write here; the store has 9 trials")
    }

    @Test("copies and verifications are no more trials") func purposes() {
        var snapshot = Snapshot.busy
        for purpose in [Snapshot.Lease.Purpose.copy, .verification] {
            var lease = snapshot.leases[0]
            lease.purpose = purpose
            snapshot.leases.append(lease)
        }
        #expect(overview(snapshot).contains("\n1 leased to workers, "))
    }

    @Test("why nothing is leased is told, and which workers get nothing more") func hindered() {
        var snapshot = Snapshot.busy
        (snapshot.isStoreBlocked, snapshot.isDraining, snapshot.workers[0].isQuarantined) = (true, true, true)
        snapshot.workers[0].secondsPerTrial = nil
        let lines = overview(snapshot).split(separator: "\n")
        #expect(
            lines.dropFirst(2) == [
                "the store cannot be written, and nothing is leased until it can: the log of run has the reason",
                "draining: nothing is leased any more",
                "worker 0a0b0c0d on ada, process 77: 1 of at most 2 leases, last heard 0.123 s ago, quarantined",
            ])
    }

    @Test("a long trial is drawn while it runs, with what is known of it") func curve() {
        var snapshot = Snapshot.busy
        snapshot.curves = [
            Snapshot.Curve(
                trial: "\(key)", strengths: ["lambda2": 0.1], learningRate: 0.05, initialization: 1, replicate: 3, epochs: [0, 10, 20],
                lastEpoch: 50,
                trainLoss: [1, 0.5, 0.25], testLoss: [2, 1, 0.5], lossRatio: [nil, nil, nil])
        ]
        #expect(
            overview(snapshot).hasSuffix(
                "\n  trial 01234567 λ₂ 0.1 η 0.05 initialization 1 replicate 3: epoch 20 of 50, train loss 0.250, test loss 0.500, ratio – "
                    + Sparkline.text([2, 1, 0.5])))
    }
}

@Suite("What became of a trial") struct TrialExplanationTests {
    private func explanation(_ snapshot: Snapshot?, _ outcome: Outcome? = nil) -> TrialExplanation {
        TrialExplanation(
            key: key,
            result: outcome.map {
                TrialResult(key: key, attempt: 2, outcome: $0, epochs: 40, digest: nil, curve: [], seconds: 1)
            },
            author: outcome.map { _ in Author(worker: WorkerID(high: 0x0a0b_0c0d << 32, low: 0), host: "ada") }, hasCheckpoint: false,
            snapshot: snapshot, attempts: [], disagreements: [])
    }

    private func text(_ snapshot: Snapshot?, _ outcome: Outcome? = nil) -> String {
        let lines = explanation(snapshot, outcome).text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[0] == "trial \(key)")
        return lines.dropFirst().joined(separator: "\n")
    }

    @Test("of a result is told who computed it, and of a failure how to run it again") func stored() {
        let end = "by worker 0a0b0c0d on ada"
        #expect(text(nil, .done(trainLoss: 1, testLoss: 2)) == "stored as done, attempt 2, 40 epochs \(end)")
        #expect(text(.busy, .diverged) == "stored as diverged, attempt 2, 40 epochs \(end)")
        #expect(
            text(nil, .failed(reason: "no room")) == "stored as failed \(end): no room; run it again with regsweep run FILE --retry failed")
    }

    @Test("of a key that nothing has happened to is not said that the sweep has it") func unknown() {
        #expect(text(nil) == "has no result, and no coordinator is running: regsweep run trains it, if the sweep has such a trial")
        #expect(
            text(.busy)
                == "waits, if the sweep has such a trial: 11 trials do, and the one worker has as many leases as it asked for")
        var snapshot = Snapshot.busy
        snapshot.workers = []
        #expect(text(snapshot) == "waits, if the sweep has such a trial: no worker is connected")
        snapshot.isStoreBlocked = true
        #expect(text(snapshot) == "waits, if the sweep has such a trial: the store cannot be written, so nothing is leased")
        snapshot.isDraining = true
        #expect(text(snapshot) == "waits, if the sweep has such a trial: the coordinator is draining and leases nothing")
    }

    @Test("of a trial that something has happened to is told what it waits for") func waits() {
        var snapshot = Snapshot.busy
        snapshot.workers.append(snapshot.workers[0])
        var known = explanation(snapshot)
        known.hasCheckpoint = true
        #expect(known.text.hasSuffix("\nwaits: 11 trials do, and all 2 workers have as many leases as they asked for"))
        snapshot.histories["\(key)"] = Snapshot.History(attempts: 3, crashes: 0, failures: 1)
        #expect(
            text(snapshot)
                == "waits: it needs another worker than the 1 that failed at it\nattempts: 3; workers lost: 0; failures: 1")
        snapshot.histories["\(key)"] = Snapshot.History(attempts: 3, crashes: 2, failures: 1)
        #expect(
            text(snapshot) == """
                waits: it is leased only to a worker that has nothing else, since 2 were lost over it
                attempts: 3; workers lost: 2; failures: 1
                """)
    }

    @Test("where it runs is told, and as what") func leases() {
        var snapshot = Snapshot.busy
        snapshot.leases[0].trials.append("\(key)")
        #expect(text(snapshot) == "runs on worker 0a0b0c0d on ada for 3.2 s, lease 2.1")
        var copy = snapshot.leases[0]
        (copy.id, copy.worker, copy.purpose, copy.hasBegun) = ("2.2", "ffffffff", .copy, false)
        snapshot.leases.append(copy)
        #expect(
            text(snapshot) == """
                runs on worker 0a0b0c0d on ada for 3.2 s, lease 2.1
                is queued or beginning on worker ffffffff on ? for 3.2 s, lease 2.2, beside another lease that takes long
                """)
        // The snapshot is older than the store: only a verification of a trial with a result can be one that runs.
        snapshot.leases[1].purpose = .verification
        #expect(
            text(snapshot, .diverged).split(separator: "\n").dropFirst() == [
                "is queued or beginning on worker ffffffff on ? for 3.2 s, lease 2.2, again, to compare the bits"
            ])
    }

    @Test("leases that have ended and bits that differ come last") func past() {
        var explanation = explanation(.busy)
        (explanation.attempts, explanation.disagreements) = (["first", "second"], ["bits differ"])
        #expect(
            explanation.text.split(separator: "\n").dropFirst() == [
                "waits: 11 trials do, and the one worker has as many leases as it asked for", "history:", "  first", "  second",
                "bits differ",
            ])
    }
}

@Suite("What run prints") struct RunTextTests {
    private func start(_ endpoint: String, isPlain: Bool = false) -> String {
        RunText.start("small", remaining: 3, total: 8, joinCommand: "/bin/w --connect ipc:///x", endpoint: endpoint, isPlain: isPlain)
    }

    @Test("the line that starts a worker, where it listens, and what makes that more") func start() {
        let first = "small: 3 of 8 trials to run. This starts one more worker on this host:\n  /bin/w --connect ipc:///x"
        #expect(start("tcp://127.0.0.1:7", isPlain: true) == first)
        #expect(
            start("tcp://127.0.0.1:7")
                == first
                + "\nlistening at tcp://127.0.0.1:7 (for this host alone; --listen 'tcp://0.0.0.0:*' lets workers of other hosts join)")
        #expect(
            start("tcp://0.0.0.0:7")
                == first + "\nlistening at tcp://0.0.0.0:7 (regsweep workers invite prints the line for other hosts)")
    }

    @Test("at the end, what to do next") func end() {
        #expect(
            RunText.interrupted(commandLine: ["regsweep", "run", "my sweep.toml"], pipes: [])
                == "interrupted: stored results are kept. Resume with:\n  regsweep run 'my sweep.toml'")
        #expect(RunText.noWorkers(log: "r/workers.log").contains("(r/workers.log says why)"))
        #expect(RunText.failures(1, [("no room", 1)]) == "1 trial failed; --retry failed runs it again:\n  1 × no room")
        #expect(
            RunText.failures(3, [("no room", 2), ("no file", 1)])
                == "3 trials failed; --retry failed runs them again:\n  2 × no room\n  1 × no file")
    }
}

@Suite("Paths and digits that people give") struct ArgumentTests {
    @Test("a directory is itself; a sweep file is the directory of its results; what is not there is a directory unless it is a .toml")
    func directories() throws {
        let temporary = try TemporaryFolder(), folder = temporary.path
        try FileManager.default.createDirectory(atPath: folder + "/d.toml", withIntermediateDirectories: true)
        #expect(try ResultsDirectory(meantBy: folder + "/d.toml").path == folder + "/d.toml")
        #expect(try ResultsDirectory(meantBy: folder + "/none").path == folder + "/none")
        #expect(throws: SpecErrors.self) { try ResultsDirectory(meantBy: folder + "/none.toml") }
        try FileManager.default.copyItem(atPath: Checkout.path(of: "Sweeps/figure4.toml"), toPath: folder + "/sweep")
        #expect(try ResultsDirectory(meantBy: folder + "/sweep").path == "results/figure4")
        #expect(try ResultsDirectory(meantBy: folder + "/sweep", seed: 7).path == "results/figure4-seed-7")
    }

    @Test("digits mean the only known key that begins with them") func keys() throws {
        func meant(_ digits: String, _ known: [TrialKey]) throws -> TrialKey {
            try TrialKey(meantBy: digits, option: "--model") { digits in known.filter { "\($0)".hasPrefix(digits) } }
        }
        #expect(try meant("0123456789", [key, other]) == key)
        #expect(try meant("0123456789ABC", [key, other, key]) == key)
        func refuses(_ message: String, _ body: () throws -> TrialKey) {
            #expect(throws: SpecErrors(errors: [SpecError(file: "--model", line: nil, message: message)])) { try body() }
        }
        refuses("several trials have keys that begin with 0123: give more digits") { try meant("0123", [key, other]) }
        refuses("nothing is known of a trial whose key begins with ff") { try meant("ff", [key, other]) }
        refuses("found \"best\", allowed is a trial's key, or its first digits, in hexadecimal") { try meant("best", [key]) }
        refuses("found \"\", allowed is a trial's key, or its first digits, in hexadecimal") { try meant("", [key]) }
    }
}
