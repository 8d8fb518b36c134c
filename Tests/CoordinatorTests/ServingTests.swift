// ServingTests.swift · Tests/CoordinatorTests. The small decisions beside the event loop: when it ends, what it logs, and how often; and the
// files of a results directory.

import Foundation
import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("End of the event loop") struct EndConditionTests {
    private let start = Instant(sinceStart: .seconds(100))
    private let orphanTimeout: Duration = .seconds(60)

    private func condition(incarnation: UInt64 = 1) -> EndCondition {
        EndCondition(incarnation: incarnation, orphanTimeout: orphanTimeout, at: start)
    }

    @Test("where no worker is and none is expected, somebody is asked to start one every half minute") func asks() {
        var condition = condition()
        #expect(condition.decide(hasWorkers: false, outlook: .none, at: start + .seconds(30)) == .goOn)
        #expect(condition.decide(hasWorkers: false, outlook: .none, at: start + .seconds(31)) == .askForWorkers)
        #expect(condition.decide(hasWorkers: false, outlook: .none, at: start + .seconds(61)) == .goOn)
        #expect(condition.decide(hasWorkers: false, outlook: .expected, at: start + .seconds(200)) == .goOn)
        #expect(condition.decide(hasWorkers: true, outlook: .none, at: start + .seconds(201)) == .goOn)
        #expect(condition.decide(hasWorkers: false, outlook: .none, at: start + .seconds(202)) == .askForWorkers)
    }

    @Test("where workers were given up it ends at once, or when those that were here have not come back for the orphan timeout")
    func givenUp() {
        var first = condition()
        #expect(first.decide(hasWorkers: false, outlook: .givenUp, at: start) == .end(.noWorkers))
        // Workers of an earlier incarnation look for this one.
        var second = condition(incarnation: 2)
        #expect(second.decide(hasWorkers: false, outlook: .givenUp, at: start + .seconds(29)) == .goOn)
        #expect(second.decide(hasWorkers: false, outlook: .givenUp, at: start + orphanTimeout) == .end(.noWorkers))
        var third = condition()
        #expect(third.decide(hasWorkers: true, outlook: .givenUp, at: start + .seconds(5)) == .goOn)
        #expect(third.decide(hasWorkers: false, outlook: .givenUp, at: start + .seconds(6)) == .goOn)
        #expect(third.decide(hasWorkers: false, outlook: .givenUp, at: start + .seconds(5) + orphanTimeout) == .end(.noWorkers))
    }

    @Test("once every trial is stored it ends when all workers have left, or ten seconds later") func finished() {
        func decide(_ condition: inout EndCondition, left: Bool, at seconds: Double) -> EndCondition.Decision {
            condition.decide(isFinished: true, haveAllLeft: left, hasPersistedAll: true, at: start + .seconds(seconds))
        }
        var slow = condition(), quick = slow
        #expect(decide(&quick, left: true, at: 0) == .end(.finished))
        #expect(decide(&slow, left: false, at: 0) == .goOn)
        #expect(decide(&slow, left: false, at: 10) == .goOn)
        #expect(decide(&slow, left: false, at: 10.1) == .end(.finished))
        // A late result can bring work back; the time counts from when that is done.
        var again = condition()
        #expect(decide(&again, left: false, at: 0) == .goOn)
        #expect(again.decide(hasWorkers: true, outlook: .none, at: start + .seconds(5)) == .goOn)
        #expect(decide(&again, left: false, at: 11) == .goOn)
    }

    @Test("an interrupted one waits for its workers and its disk, however long, until it is interrupted once more") func interrupted() {
        var condition = condition()
        condition.noteInterrupt()
        func decide(left: Bool, persisted: Bool, at seconds: Double) -> EndCondition.Decision {
            condition.decide(isFinished: false, haveAllLeft: left, hasPersistedAll: persisted, at: start + .seconds(seconds))
        }
        #expect(decide(left: false, persisted: true, at: 0) == .goOn)
        #expect(decide(left: false, persisted: true, at: 10_000) == .goOn)
        #expect(decide(left: true, persisted: false, at: 10_001) == .goOn)
        #expect(decide(left: true, persisted: true, at: 10_002) == .end(.interrupted))
        condition.noteInterrupt()
        #expect(decide(left: false, persisted: false, at: 10_003) == .end(.interrupted))
    }
}

@Suite("The log of the coordinator") struct NoticeTextTests {
    private let a = Author(worker: ada, host: "ada"), b = Author(worker: bob, host: "bob")
    private let trial = TrialKey(high: 1, low: 2), route = Route([1])

    /// One of each kind.
    private var notices: [Scheduler.Notice] {
        let point = ProgressPoint(key: trial, point: CurvePoint(epoch: 3, trainLoss: 1, testLoss: 2), lossRatio: nil)
        return [
            .joined(ada, host: "ada", slots: 1), .left(ada, host: "ada", reason: "drained"), .left(ada, host: "ada", reason: "no room"),
            .lost(ada, host: "ada", returned: 2), .refused(route, reason: "r"), .malformed(route, reason: "m"),
            .cutOff(route, malformed: 100), .dropped(route, reason: "d"), .setAside(trial, crashes: 3),
            .quarantined(ada, host: "ada", reason: "q"), .unverified(trials: 1),
            .rejectedResults(ada, host: "ada", count: 3), .rejectedCheckpoint(trial, epoch: 4, host: "ada", reason: "c"),
            .progressed(ada, LeaseID(incarnation: 1, number: 1), [point]),
            .disagreed(Disagreement(trial: trial, authors: [a, b], verdict: .open)),
            .disagreed(Disagreement(trial: trial, authors: [a, b], verdict: .settled(wrong: [a]))),
            .disagreed(Disagreement(trial: trial, authors: [a, b], verdict: .unsettled)),
        ]
    }

    @Test("every notice is one line, and names whom or what it is about") func lines() {
        for notice in notices {
            let lines = notice.lines { _ in "mallory" }
            #expect(lines.count == 1 && lines.allSatisfy { !$0.text.contains("\n") }, "\(notice)")
            let text = lines[0].text
            switch notice {
            case .joined(let id, let host, _), .left(let id, let host, _), .lost(let id, let host, _), .quarantined(let id, let host, _),
                .rejectedResults(let id, let host, _):
                #expect(text.contains("worker \(id) on \(host)"), "\(text)")
            case .refused, .malformed, .dropped: #expect(text.contains("connection \(route)") && lines[0].isAboutConnection, "\(text)")
            case .cutOff: #expect(text.contains("connection \(route) (mallory)"), "\(text)")
            case .setAside, .rejectedCheckpoint, .progressed, .disagreed: #expect(text.contains("trial \(trial)"), "\(text)")
            case .unverified: #expect(text.hasPrefix("1 trial will not"), "\(text)")
            }
        }
    }

    @Test("a machine that computes wrong is an error, a worker that was drained is none, and what anybody can cause is a warning")
    func levels() {
        func level(_ notice: Scheduler.Notice) -> String { "\(notice.lines { _ in "" }[0].level)" }
        #expect(
            notices.map(level) == [
                "info", "info", "warning", "warning", "warning", "warning", "warning", "warning", "error", "error", "warning", "warning",
                "warning", "debug", "error", "error", "error",
            ])
    }

    @Test("of disagreements the log names both workers, and whose bits are wrong once that is known") func disagreements() {
        func text(_ verdict: Disagreement.Verdict) -> String {
            Scheduler.Notice.disagreed(Disagreement(trial: trial, authors: [a, b], verdict: verdict)).lines { _ in "" }[0].text
        }
        #expect(text(.open).contains("worker \(ada) on ada and worker \(bob) on bob computed different bits"))
        #expect(
            text(.settled(wrong: [b])).contains("the bits of worker \(bob) on bob are wrong") && !text(.settled(wrong: [b])).contains("ada")
        )
        #expect(text(.unsettled).contains("three different results"))
    }

    @Test("a journal that refuses is told with its path, the reason and what to do") func journal() {
        let line = JournalNotice.blocked(reason: "database or disk is full").line(store: "results/a/store.sqlite")
        #expect(
            line.text.hasPrefix("results/a/store.sqlite cannot be written to: database or disk is full. ")
                && line.text.contains("make room"))
        #expect(JournalNotice.damagedCheckpoint(trial).line(store: "").text.contains("trial \(trial)"))
    }

    @Test("connections that were turned away are counted ten times a second, and told once a minute") func strangers() {
        func at(_ seconds: Double) -> Instant { Instant(sinceStart: .seconds(seconds)) }
        var notice = StrangerNotice(), looks: [Bool] = [], lines: [String?] = []
        for seconds in [0, 0.09, 0.1] { looks.append(notice.isDue(at: at(seconds))) }
        #expect(looks == [true, false, true])
        for (seconds, count) in [(1.0, 0), (2, 5), (3, 7), (61.9, 0), (62, 1), (200, 0), (201, 1)] {
            lines.append(notice.add(count, at: at(seconds)).map { String($0.prefix(24)) })
        }
        #expect(
            lines == [nil, "closed 5 connections tha", nil, nil, "closed 8 connections tha", nil, "closed 1 connection that"])
    }

    @Test("of a flood of warnings twenty a second are let through, and the next second says how many were not") func limit() {
        var limit = WarningLimit(), lines: [String] = []
        let start = Instant(sinceStart: .seconds(5))
        for number in 1...50 { lines += limit.admit("\(number)", at: start + .milliseconds(10 * number)) }
        #expect(lines == (1...20).map { "\($0)" })
        #expect(limit.admit("51", at: start + .milliseconds(1009)) == [])
        #expect(limit.admit("52", at: start + .milliseconds(1010)) == ["31 more warnings about connections were left out", "52"])
        #expect(limit.admit("53", at: start + .milliseconds(2010)) == ["53"])
    }
}

@Suite("Names of workers") struct WorkerNamesTests {
    private let ring = WorkerAuthenticator(nil, endpoint: "tcp://127.0.0.1:1")

    @Test("a worker is found by its id and by its host, and nobody by a name that is none") func named() {
        let first = WorkerID(high: 1 << 60, low: 0), second = WorkerID(high: 1 << 61, low: 0)
        var driver = SchedulerDriver(groups: 1, settings: 2)
        for (worker, route) in [(second, routeB), (first, routeA)] { _ = driver.join(worker, at: route, credits: 1) }
        let names = WorkerNames(driver.scheduler, ring)
        #expect(names.workers(named: "\(first)") == [first] && names.workers(named: driver.host(first)) == [first, second])
        #expect(names.workers(named: "nobody") == [] && names.keys(named: "nobody") == [])
        #expect(names.workers(named: "\(second)", keys: []) == [second])
        let lines = names.lines(at: driver.now)
        #expect(lines.map(\.worker) == [first, second] && lines.allSatisfy { $0.keyName == "" && $0.host == "bob" })
    }
}

@Suite("Results directory") struct ResultsDirectoryTests {
    @Test("a sweep has results/NAME, and results/NAME-seed-N where the command line gives the seed") func standard() {
        #expect(ResultsDirectory(ofSweep: "figure4", seed: nil).path == "results/figure4")
        #expect(ResultsDirectory(ofSweep: "figure4", seed: 7).path == "results/figure4-seed-7")
        #expect(ResultsDirectory("a").store == "a/store.sqlite" && ResultsDirectory("a").status == "a/status.json")
    }

    @Test("a directory with a store is a sweep; one without is its parts that have one, or itself where none has") func sweeps() throws {
        let scratch = try StoreDirectory(), directory = ResultsDirectory(scratch.path)
        #expect(directory.sweeps == [directory] && !directory.hasStore)
        for part in ["b", "a", "c"] { try ResultsDirectory("\(scratch.path)/\(part)").create() }
        for part in ["b", "a"] { _ = try ResultsDirectory("\(scratch.path)/\(part)").openForWriting() }
        #expect(directory.sweeps.map(\.path) == ["\(scratch.path)/a", "\(scratch.path)/b"])
        let store = try directory.openForWriting()
        #expect(directory.sweeps == [directory] && directory.isInUse)
        _ = consume store
        #expect(!directory.isInUse && !directory.hasKeys)
    }
}
