// SimulatedWorker.swift · Tests/SimulationTests. A worker process: the real WorkerMachine, and compute threads that only wait.

import Vocabulary
import Wire

@testable import regsweep_worker

struct SimulatedWorker {
    /// What one compute thread does with one lease.
    struct Job {
        enum Step { case begin, progress, checkpoint(Int), paused, end }

        let lease: Lease
        let seconds: Double
        var steps: [(at: Instant, Step)]
        var isStopped = false
    }

    enum Nature: Equatable {
        case sound
        /// Gives every trial back as failed, at once.
        case failing
        /// Computes other bits, now and then.
        case corrupting
        /// Has a build that computes other bits, and says so.
        case foreign
    }

    let number: Int
    let nature: Nature
    /// How far its clock is ahead of the time of the simulation. It may jump, and never back.
    private(set) var clockAhead = Duration.zero
    /// What the machine takes for the time, as in the loop that ships.
    private var clock: ListeningClock
    /// Until then it does nothing: it is stopped, or its host sleeps.
    var standsUntil = Instant(sinceStart: .zero)
    /// Number of the host whose disk it uses, one of three.
    let host: Int
    private var machine: WorkerMachine
    /// When the machine has to be told that time has passed. Kept beside the machine, since it is needed at every step and changes only with
    /// an event.
    private(set) var nextDeadline: Instant
    var route: Route?
    var jobs: [Job] = []
    /// Answers of its disk that are still to come, in order.
    var disk: [(at: Instant, Digest, DataOutcome)] = []
    var stalledUntil = Instant(sinceStart: .zero)
    /// Results that it has sent, to be acknowledged.
    var batches: [BatchID: [TrialResult]] = [:]

    init(number: Int, slots: Int, nature: Nature = .sound, at now: Instant) {
        self.number = number
        self.nature = nature
        host = number % 3
        // The id tells its nature, so that whoever looks at a coordinator knows it.
        let id = WorkerID(high: UInt64(number), low: UInt64(number) &* 0x9E37_79B8 | (nature == .sound ? 1 : 0))
        let identity = WorkerMachine.Identity(
            worker: id, host: "host\(host)", process: number, slots: slots,
            selfTest: nature == .foreign ? Self.theirs : SampleSweep.selfTest)
        clock = ListeningClock(at: now)
        machine = WorkerMachine(identity, orphanTimeout: .seconds(20), at: clock.now)
        nextDeadline = now
    }

    /// Workers of one host have a key, the others are local ones.
    var peer: Peer { host == 2 ? .key(PublicKey(bytes: Array(repeating: 2, count: PublicKey.byteCount))!) : .local }

    /// Whether a worker computes what it is asked for and never fails.
    static func isSound(_ id: WorkerID) -> Bool { id.low % 2 == 1 }

    mutating func handle(_ event: WorkerMachine.Event, at now: Instant) -> [WorkerMachine.Effect] {
        clock.advance(to: now + clockAhead, after: max(.zero, machine.nextDeadline - clock.now))
        defer { nextDeadline = now + max(.zero, machine.nextDeadline - clock.now) }
        return machine.handle(event, at: clock.now)
    }

    /// Its clock jumps ahead, as it does when a host wakes, and the process is woken.
    mutating func jump(_ time: Duration, at now: Instant) {
        clockAhead += time
        nextDeadline = now
    }

    private static let theirs = Digest(of: "theirs")

    /// - Parameter isLong: whether its trials make a checkpoint at every epoch.
    mutating func start(_ lease: Lease, secondsPerTrial: Double, isLong: Bool, at now: Instant) {
        let time = Duration.seconds(secondsPerTrial * Double(lease.trials.count))
        var steps: [(Instant, Job.Step)] = [(now, .begin)]
        if nature == .failing {
            steps.append((now + .milliseconds(2), .end))
        } else if isLong {
            let first = lease.checkpoint?.epoch ?? 0
            steps += (first + 1..<SampleSweep.epochs).map { (now + time / SampleSweep.epochs * ($0 - first), .checkpoint($0)) }
            steps.append((now + time / SampleSweep.epochs * (SampleSweep.epochs - first), .end))
        } else {
            steps += [(now + time / 2, .progress), (now + time, .end)]
        }
        jobs.append(Job(lease: lease, seconds: secondsPerTrial, steps: steps))
    }

    mutating func stop(_ lease: LeaseID, at now: Instant) {
        for index in jobs.indices where jobs[index].lease.id == lease {
            jobs[index].isStopped = true
            jobs[index].steps = [(min(now + .milliseconds(20), jobs[index].steps.last!.at), .end)]
        }
    }

    /// Ends a lease after its next checkpoint, if there is one.
    mutating func pause(_ lease: LeaseID) {
        for index in jobs.indices where jobs[index].lease.id == lease && !jobs[index].isStopped {
            let next = jobs[index].steps.firstIndex { if case .checkpoint = $0.1 { true } else { false } }
            guard let next else { continue }
            jobs[index].steps = Array(jobs[index].steps[...next]) + [(jobs[index].steps[next].at, .paused)]
        }
    }

    /// - Returns: the next event of a compute thread.
    mutating func advance(_ index: Int) -> WorkerMachine.Event {
        let job = jobs[index], (_, step) = jobs[index].steps.removeFirst()
        if jobs[index].steps.isEmpty { jobs.remove(at: index) }
        switch step {
        case .begin: return .progressed(job.lease.id, [])
        case .progress:
            return .progressed(
                job.lease.id,
                job.lease.trials.map {
                    ProgressPoint(key: $0.key, point: CurvePoint(epoch: 1, trainLoss: 1, testLoss: 1), lossRatio: nil)
                })
        case .checkpoint(let epoch):
            return .checkpointed(job.lease.id, SampleSweep.checkpoint(of: job.lease.trials[0].key, epoch: epoch))
        case .paused: return .paused(job.lease.id)
        case .end:
            if job.isStopped { return .stopped(job.lease.id) }
            return .finished(job.lease.id, job.lease.trials.map { result(of: $0, seconds: job.seconds) })
        }
    }

    private func result(of trial: LeasedTrial, seconds: Double) -> TrialResult {
        let result = SampleSweep.result(of: trial.key, attempt: trial.attempt, seconds: seconds)
        switch nature {
        case .sound: return result
        case .failing: return SampleSweep.failure(of: trial)
        case .corrupting, .foreign:
            let isWrong = nature == .foreign || (trial.key.low >> 8) % 3 == UInt64(number % 3)
            return isWrong ? SampleSweep.corrupted(result, by: number) : result
        }
    }
}
