// SimulatedWorker.swift · Tests/SimulationTests. A worker process: the real WorkerMachine, and compute threads that only wait.

import Wire

@testable import regsweep_worker

struct SimulatedWorker {
    /// A compute thread.
    struct Job {
        let lease: Lease
        let seconds: Double
        /// Progress, then the end.
        var steps: [Instant]
        var isStopped = false
    }

    enum Nature: Equatable {
        case sound
        /// Gives everything back as failed, at once.
        case failing
        /// Computes other bits, now and then.
        case corrupting
        /// Of a build that computes other bits, and says so.
        case foreign
    }

    let number: Int
    let nature: Nature
    /// How far its clock is ahead of the time of the simulation. It may jump, and never back.
    var clockAhead = Duration.zero
    var machine: WorkerMachine
    var route: Route?
    var jobs: [Job] = []
    var stalledUntil = Instant(sinceStart: .zero)
    /// What was sent for an acknowledgement.
    var batches: [BatchID: [TrialResult]] = [:]

    init(number: Int, slots: Int, nature: Nature = .sound, at now: Instant) {
        self.number = number
        self.nature = nature
        let identity = WorkerMachine.Identity(
            worker: WorkerID(high: UInt64(number), low: UInt64(number) &* 0x9E37_79B9), host: "box\(number)", process: number, slots: slots,
            cpu: "cpu", build: "0.1", selfTest: nature == .foreign ? Self.theirs : SampleSweep.selfTest)
        machine = WorkerMachine(identity, orphanTimeout: .seconds(20), at: now)
    }

    private static let theirs = Digest(of: "theirs")

    var nextDeadline: Instant { Instant(sinceStart: machine.nextDeadline.sinceStart - clockAhead) }

    mutating func start(_ lease: Lease, secondsPerTrial: Double, at now: Instant) {
        let time = nature == .failing ? .milliseconds(2) : Duration.seconds(secondsPerTrial * Double(lease.trials.count))
        jobs.append(Job(lease: lease, seconds: secondsPerTrial, steps: [now, now + time / 2, now + time]))
    }

    mutating func stop(_ lease: LeaseID, at now: Instant) {
        for index in jobs.indices where jobs[index].lease.id == lease {
            jobs[index].isStopped = true
            jobs[index].steps = [min(now + .milliseconds(20), jobs[index].steps.last!)]
        }
    }

    /// The next thing that a compute thread has to say.
    mutating func advance(_ index: Int) -> WorkerMachine.Event {
        let job = jobs[index]
        jobs[index].steps.removeFirst()
        if jobs[index].steps.isEmpty { jobs.remove(at: index) }
        switch job.steps.count {
        case 3: return .progressed(job.lease.id, [])
        case 2:
            return .progressed(
                job.lease.id,
                job.lease.trials.map {
                    ProgressPoint(key: $0.key, point: CurvePoint(epoch: 1, trainLoss: 1, testLoss: 1), lossRatio: nil)
                })
        default:
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
