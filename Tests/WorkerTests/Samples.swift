// Samples.swift · Tests/WorkerTests. Leases, results and a machine in a state, for the suites beside this file.

import TestSupport
import Vocabulary
import Wire

@testable import regsweep_worker

/// The coordinator's incarnation in these tests, unless a test restarts it.
let incarnation: UInt64 = 7
let start = Instant(sinceStart: .seconds(1000))
let intervals = Welcome(sweep: "figure4", heartbeatInterval: .seconds(2), timeout: .seconds(6), keep: [])

extension Instant {
    static func - (a: Self, b: Duration) -> Instant { a + (.zero - b) }
}

func identity(slots: Int = 2, low: UInt64 = 0) -> WorkerMachine.Identity {
    WorkerMachine.Identity(
        worker: WorkerID(high: 1, low: low), host: "ada", process: 12, slots: slots, selfTest: Digest(of: "bits"))
}

func hello(incarnation: UInt64 = incarnation, slots: Int = 2, held: [Lease] = []) -> WorkerMachine.Effect {
    let me = identity(slots: slots)
    return .send(
        Envelope(
            incarnation: incarnation,
            message: .hello(
                Hello(
                    worker: me.worker, host: me.host, process: me.process, slots: me.slots, selfTest: me.selfTest,
                    held: Dictionary(uniqueKeysWithValues: held.map { ($0.id, $0.trials.map(\.key)) })))))
}

func said(_ message: Message, incarnation: UInt64 = incarnation) -> WorkerMachine.Effect {
    .send(Envelope(incarnation: incarnation, message: message))
}

func heard(_ message: Message, incarnation: UInt64 = incarnation) -> WorkerMachine.Event {
    .received(Envelope(incarnation: incarnation, message: message))
}

func welcome(keep leases: [Lease] = []) -> Message {
    var welcome = intervals
    welcome.keep = leases.map(\.id)
    return .welcome(welcome)
}

/// A worker that was welcomed at `start` and holds the leases: as many as it has slots run, the others are queued.
func joined(slots: Int = 2, orphanTimeout: Duration = .seconds(30), holding leases: [Lease] = []) -> WorkerMachine {
    var machine = WorkerMachine(identity(slots: slots), orphanTimeout: orphanTimeout, at: start)
    _ = machine.handle(.tick, at: start)
    _ = machine.handle(heard(welcome()), at: start)
    for lease in leases { _ = machine.handle(heard(.lease(lease)), at: start) }
    return machine
}

/// A small group that trains in a few milliseconds.
let group = GroupSpec(
    problem: "diagonal-network",
    parameters: [
        "dimension": .integer(8), "samples": .integer(4), "nonzero": .integer(2), "signal_variance": .real(2), "noise_variance": .real(1),
        "batch_size": .integer(1), "epochs": .integer(120), "precision": .text("float32"), "initialization_scale": .real(0.25),
        "record": .text("losses"), "replacements": .integer(8),
    ], seed: 5, trainingSet: 3, initialization: 2, replicate: 1)

func lease(
    _ number: UInt32, incarnation: UInt64 = incarnation, settings: [Setting] = [baseline, penalized], of group: GroupSpec = group
) -> Lease {
    let trials = settings.enumerated().map { i, setting in
        LeasedTrial(key: TrialKey(high: UInt64(number), low: UInt64(i)), attempt: 1, setting: setting)
    }
    return Lease(id: LeaseID(incarnation: incarnation, number: number), group: group, trials: trials, baselines: [])
}

let baseline = Setting(algorithm: "sgd", strengths: [.lambda1: 0, .lambda2: 0], learningRate: 0.01)
let penalized = Setting(algorithm: "sgd", strengths: [.lambda1: 0.001, .lambda2: 0.002], learningRate: 0.01)

func results(of lease: Lease) -> [TrialResult] {
    lease.trials.map { trial in
        TrialResult.sample(
            trial.key, .diverged, attempt: trial.attempt, epochs: 3, digest: Digest(of: "\(trial.key)"), seconds: 0.5)
    }
}

/// For problems that read none.
let noImages = ImageCache(DataCache("/dev/null/none"))
