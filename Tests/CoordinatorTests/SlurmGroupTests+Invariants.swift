// SlurmGroupTests+Invariants.swift · Tests/CoordinatorTests. Groups beside a Slurm that answers anything: no job too many, and none is left.

import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

/// Slurm, its wrappers and its failures, as far as a group meets them: what it does and what it says of it go different ways.
private struct WildSlurm {
    struct Task {
        var job: Int, index: Int
        var state = "PENDING"
        var endedAt: Int?
    }

    var random: SeededRandom
    let name: String
    var tasks: [Task] = []
    /// Whether everything goes as it should from now on.
    var isHealthy = false
    private var nextJob = 100
    private var looks: [String] = []
    private var time = 0

    init(seed: UInt64, name: String) {
        random = SeededRandom(seed: seed)
        self.name = name
    }

    var live: Int { tasks.count { $0.endedAt == nil } }

    private mutating func happens(_ percent: Int) -> Bool { !isHealthy && Int.random(in: 0..<100, using: &random) < percent }

    private func answer(_ output: String, _ code: Int32 = 0, errors: String = "") -> SlurmGroup.Answer {
        SlurmGroup.Answer(status: .exited(code), output: output, errors: errors)
    }

    /// Nodes run, end and lose tasks, and Slurm forgets what ended a while ago.
    mutating func live(for steps: Int) {
        time += steps
        for index in tasks.indices where tasks[index].endedAt == nil {
            if tasks[index].state == "PENDING", happens(50) { tasks[index].state = "RUNNING" }
            guard happens(10) else { continue }
            tasks[index].state = ["FAILED", "COMPLETED", "NODE_FAIL", "TIMEOUT", "CANCELLED"].randomElement(using: &random)!
            tasks[index].endedAt = time
        }
        tasks.removeAll { task in task.endedAt.map { time - $0 > 3 } ?? false }
    }

    mutating func answer(to step: SlurmGroup.Step, known: [SlurmJob]) -> SlurmGroup.Answer {
        switch step {
        case .queryLimits:
            return happens(20)
                ? answer("", 1) : answer("ClusterName = here\nMaxArraySize = \([0, 1, 3, 1001].randomElement(using: &random)!)\n")
        case .submit(let tasks, let isArray): return submit(tasks, isArray)
        case .count(let cluster): return cluster == nil ? count(known) : answer("", 1, errors: "squeue: error: no such cluster\n")
        case .cancel(let ids, let cluster): return cluster == nil ? cancel(ids) : answer("", 1, errors: "scancel: error: no such cluster\n")
        }
    }

    private mutating func submit(_ count: Int, _ isArray: Bool) -> SlurmGroup.Answer {
        if happens(15) { return answer("", 1, errors: "sbatch: error: invalid account\n") }
        nextJob += Int.random(in: 1...3, using: &random)
        for index in 1...count { tasks.append(Task(job: nextJob, index: isArray ? index : 0)) }
        // Submitted, whatever is said of it.
        if happens(10) { return answer("", 1, errors: "sbatch: error: Socket timed out on send/recv operation\n") }
        if happens(10) { return answer("Job accepted\u{FFFD}\n") }
        if happens(5) { return answer("") }
        if happens(5) { return answer("\(nextJob + 5000)\n") }
        if happens(5) { return answer("4711\n\(nextJob)\n") }
        if happens(5) { return SlurmGroup.Answer(status: .killed(signal: 9), output: "") }
        let line = happens(20) ? "\(nextJob);here" : happens(5) ? "\(nextJob);site" : "\(nextJob)"
        return answer((happens(20) ? "Welcome\n" : "") + line + (happens(20) ? "\nYour quota: 17 hours\n" : "\n"), happens(5) ? 1 : 0)
    }

    private mutating func count(_ known: [SlurmJob]) -> SlurmGroup.Answer {
        if happens(15) { return answer("", 1, errors: "slurm_load_jobs error: Unable to contact slurm controller\n") }
        if happens(5) { return answer("", errors: "slurm_load_jobs error: Unable to contact slurm controller\n") }
        let lines = tasks.map { task in
            let id = task.index == 0 ? "\(task.job)" : "\(task.job)_\(task.index)"
            return "\(task.job)|\(id)|\(task.state)|None|\(name)\n"
        }
        looks.append("ARRAY_JOB_ID|JOBID|STATE|REASON|NAME\n7|7|RUNNING|None|another\n" + lines.joined())
        // A site that answers from memory: what was so one or two looks ago.
        let back = happens(20) ? Int.random(in: 0...2, using: &random) : 0
        var found = answer((happens(10) ? "squeue: warning\n" : "") + looks[max(0, looks.count - 1 - back)])
        // A log is there once a task has run.
        for job in known where tasks.contains(where: { $0.job == job.id && $0.state != "PENDING" }) { found.taskLogs[job] = "last words" }
        return found
    }

    private mutating func cancel(_ ids: [String]) -> SlurmGroup.Answer {
        if happens(20) { return answer("", 1, errors: "scancel: error: no controller\n") }
        for index in tasks.indices where tasks[index].endedAt == nil {
            guard ids.contains("\(tasks[index].job)") || ids.contains("\(tasks[index].job)_\(tasks[index].index)") else { continue }
            (tasks[index].state, tasks[index].endedAt) = ("CANCELLED", time)
        }
        return answer("")
    }
}

extension SlurmGroup {
    /// Whether sbatch named a cluster that does not exist for a job that ended before any look: whether it runs there nobody can know.
    fileprivate var waitsForNowhere: Bool { known.contains { $0.job.cluster == "site" } }
}

@Suite("Slurm group: no job too many") struct SlurmInvariantTests {
    @Test("whatever Slurm does and says, no more tasks wait or run than the maximum, and none is left in the end", arguments: 0..<300)
    func invariants(seed: UInt64) {
        var spec = HostSpec(kind: .slurm, name: "batch")
        var random = SeededRandom(seed: seed ^ 0xabcd)
        spec.slurm.maximum = Int.random(in: 1...6, using: &random)
        spec.slurm.minimum = Int.random(in: 0...spec.slurm.maximum, using: &random)
        spec.slurm.pollInterval = .seconds(10)
        let name = SlurmGroupTests.jobName
        var now = Instant(sinceStart: .zero)
        var group = SlurmGroup(spec, jobName: name, at: now), slurm = WildSlurm(seed: seed, name: name)
        func step() {
            if let step = group.tick(at: now) {
                let answer = slurm.answer(to: step, known: group.jobsWithLogs)
                #expect(slurm.live <= spec.slurm.maximum, "seed \(seed): \(slurm.live) of \(spec.slurm.maximum) after \(step)")
                slurm.live(for: 1)
                _ = group.answered(answer, at: now)
            } else {
                now = now + .seconds(5)
            }
            if Int.random(in: 0..<20, using: &random) == 0 { group.joined() }
        }
        for _ in 0..<400 { step() }
        group.remove()
        for _ in 0..<Int.random(in: 0...5, using: &random) { step() }
        slurm.isHealthy = true
        for _ in 0..<60 where !group.isOver { step() }
        #expect(slurm.live == 0 && (group.isOver || group.waitsForNowhere), "seed \(seed): \(slurm.live) left, \(group)")
    }

    @Test("a group is back, with all that it may have, once Slurm is well again", arguments: 0..<100) func recovers(seed: UInt64) {
        var spec = HostSpec(kind: .slurm, name: "batch")
        (spec.slurm.minimum, spec.slurm.maximum, spec.slurm.pollInterval) = (3, 3, .seconds(10))
        let name = SlurmGroupTests.jobName
        var now = Instant(sinceStart: .zero)
        var group = SlurmGroup(spec, jobName: name, at: now), slurm = WildSlurm(seed: seed, name: name)
        func step() {
            guard let step = group.tick(at: now) else { return now = now + .seconds(5) }
            let answer = slurm.answer(to: step, known: group.jobsWithLogs)
            slurm.live(for: 1)
            _ = group.answered(answer, at: now)
        }
        for _ in 0..<200 { step() }
        slurm.isHealthy = true
        group.joined()
        for _ in 0..<500 {
            // What only a person can know: that a job that is not to be seen is not there, or that workers will join now.
            if group.isUncertain || group.fruitlessOrders >= SlurmGroup.patience { group.revive() }
            step()
        }
        #expect(group.waitsForNowhere || group.outlook == .expected && slurm.live == 3, "seed \(seed): \(slurm.live), \(group)")
    }
}
