// SchedulerTests.swift · Tests/CoordinatorTests. What the tests of the scheduler share: a small sweep, two workers, and what is expected
// of an answer in few words. The tests stand in SchedulerTests+….swift by what they are about.

import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

let ada = WorkerID(high: 1, low: 0)
let bob = WorkerID(high: 2, low: 0)
let routeA = Route([1])
let routeB = Route([2])
let routeC = Route([3])

/// Tells a scheduler events at a time of its own, and after each of them asks for broken invariants.
struct SchedulerDriver {
    typealias Effect = Scheduler.Effect

    var scheduler: Scheduler
    var now = Instant(sinceStart: .seconds(100))
    var records: [LeaseRecord] = []

    /// - Parameter secondsPerTrial: 0.01 makes leases by share: half of what waits, divided by the slots, in pairs of lanes.
    init(
        groups: Int = 2, settings: Int = 5, stored: Set<Int> = [], failed: Set<Int> = [], incarnation: UInt64 = 1, lanes: Int = 2,
        trialsPerLease: Int = Limits.trialsPerLease, secondsPerTrial: Double = 0.01, crashLimit: Int = 3
    ) {
        var counts = TrialCounts()
        counts.done = stored.count - failed.count
        counts.failed = failed.count
        let configuration = Scheduler.Configuration(
            sweep: "sample", incarnation: incarnation, crashLimit: crashLimit, lanes: lanes, trialsPerLease: trialsPerLease,
            expectedSecondsPerTrial: secondsPerTrial, selfTest: Digest(of: "ours"))
        scheduler = Scheduler(
            configuration, grid: Self.grid(groups: groups, settings: settings), stored: stored.contains, failed: failed.contains,
            counts: counts, baselines: [:])
    }

    static func grid(groups: Int, settings: Int) -> Grid {
        Grid(
            SweepSpec(
                name: "sample", seed: 7, problem: "diagonal-network", parameters: ["epochs": .integer(3)], perInitialization: [:],
                trainingSets: groups, initializations: 1, replicates: 1,
                settings: (0..<settings).map {
                    Setting(algorithm: "sgd", strengths: [.lambda1: Double($0), .lambda2: 0], learningRate: 0.5)
                }, curves: [],
                figure: FigureSpec(title: "sample"), warnings: []))
    }

    // MARK: Events

    /// - Returns: all effects but the records of leases that ended, which are collected beside them.
    mutating func handle(_ event: Scheduler.Event) -> [Effect] {
        let effects = scheduler.handle(event, at: now)
        #expect(scheduler.brokenInvariants == [])
        return effects.filter { effect in
            guard case .record(let record) = effect else { return true }
            records.append(record)
            return false
        }
    }

    mutating func hear(_ message: Message, from route: Route) -> [Effect] {
        handle(.received(Envelope(incarnation: scheduler.configuration.incarnation, message: message), from: route))
    }

    /// A worker joins by Hello and Ready.
    /// - Returns: the effects of Ready.
    mutating func join(_ worker: WorkerID, at route: Route, credits: Int, slots: Int = 1, held: [LeaseID: [TrialKey]] = [:]) -> [Effect] {
        _ = hear(.hello(hello(worker, slots: slots, held: held)), from: route)
        return hear(.ready(credits: credits), from: route)
    }

    /// The store has taken everything that these effects gave it.
    mutating func commit(_ effects: [Effect]) -> [Effect] {
        handle(
            .persisted(
                effects.compactMap { effect in
                    if case .persist(let delivery) = effect { delivery } else { nil }
                }))
    }

    /// Time passes, second by second.
    /// - Returns: the effects of the last second.
    mutating func wait(seconds: Int) -> [Effect] {
        var effects: [Effect] = []
        for _ in 0..<seconds {
            now = now + .seconds(1)
            effects = handle(.tick)
        }
        return effects
    }

    // MARK: Messages and results

    func hello(_ worker: WorkerID, slots: Int = 1, held: [LeaseID: [TrialKey]] = [:], selfTest: Digest = Digest(of: "ours")) -> Hello {
        Hello(
            worker: worker, host: host(worker), process: 1, slots: slots, selfTest: selfTest, held: held)
    }

    func host(_ worker: WorkerID) -> String { worker == ada ? "ada" : "bob" }

    func keys(_ trials: [Int]) -> [TrialKey] { trials.map(scheduler.grid.key(of:)) }

    func result(_ trial: Int, seconds: Double = 0, attempt: Int = 1) -> TrialResult {
        .sample(
            scheduler.grid.key(of: trial), .done(trainLoss: 1, testLoss: Double(trial)), attempt: attempt, epochs: 3,
            digest: Digest(of: "\(trial)"), curve: [CurvePoint(epoch: 3, trainLoss: 1, testLoss: Double(trial))], seconds: seconds)
    }

    func failure(_ trial: Int, reason: String = "cannot", attempt: Int = 1) -> TrialResult {
        .failure(scheduler.grid.key(of: trial), reason: reason, attempt: attempt)
    }

    func batch(_ number: UInt64, of lease: LeaseID, _ results: [TrialResult]) -> Message {
        .results(BatchID(rawValue: number), lease, results)
    }

    // MARK: Expected effects

    func id(_ number: UInt32, incarnation: UInt64 = 1) -> LeaseID { LeaseID(incarnation: incarnation, number: number) }

    func send(_ message: Message, to route: Route) -> Effect {
        .send(Envelope(incarnation: scheduler.configuration.incarnation, message: message), to: route)
    }

    /// - Parameter baseline: test loss at epoch 3 of the baseline, where it should be known.
    func lease(_ id: LeaseID, _ trials: [Int], attempt: Int = 1, baseline: Double? = nil, to route: Route) -> Effect {
        let grid = scheduler.grid
        return send(
            .lease(
                Lease(
                    id: id, group: grid.groups[grid.group(of: trials[0])].spec,
                    trials: trials.map { LeasedTrial(key: grid.key(of: $0), attempt: attempt, setting: grid.setting(of: $0)) },
                    baselines: baseline.map { [Baseline(setting: Setting(learningRate: 0.5), testLoss: [3: $0])] } ?? [])), to: route)
    }

    func welcome(keep: [LeaseID] = [], to route: Route) -> Effect {
        send(.welcome(Welcome(sweep: "sample", heartbeatInterval: .seconds(2), timeout: .seconds(6), keep: keep)), to: route)
    }

    func persist(_ results: [TrialResult], by worker: WorkerID, batch: UInt64, to route: Route) -> Effect {
        .persist(
            Scheduler.Delivery(
                results: results, author: Author(worker: worker, host: host(worker)),
                acknowledge: (BatchID(rawValue: batch), to: route)))
    }

    func acknowledged(_ batch: UInt64, to route: Route) -> Effect { send(.acknowledged(BatchID(rawValue: batch)), to: route) }
}
