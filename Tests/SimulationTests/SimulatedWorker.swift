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

    let number: Int
    var machine: WorkerMachine
    var route: Route?
    var jobs: [Job] = []
    var stalledUntil = Instant(sinceStart: .zero)
    /// What was sent for an acknowledgement.
    var batches: [BatchID: [TrialResult]] = [:]

    init(number: Int, slots: Int, at now: Instant) {
        self.number = number
        let identity = WorkerMachine.Identity(
            worker: WorkerID(high: UInt64(number), low: UInt64(number) &* 0x9E37_79B9), host: "box\(number)", process: number, slots: slots,
            cpu: "cpu", build: "0.1", selfTest: Digest(of: "ours"))
        machine = WorkerMachine(identity, orphanTimeout: .seconds(20), at: now)
    }

    mutating func start(_ lease: Lease, secondsPerTrial: Double, at now: Instant) {
        let time = Duration.seconds(secondsPerTrial * Double(lease.trials.count))
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
            return .finished(
                job.lease.id, job.lease.trials.map { SampleSweep.result(of: $0.key, attempt: $0.attempt, seconds: job.seconds) })
        }
    }
}
