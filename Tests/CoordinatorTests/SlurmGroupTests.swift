// SlurmGroupTests.swift · Tests/CoordinatorTests. What is asked of Slurm next, given its answers and the time: plain values.

import Testing
import Vocabulary
import Wire

@testable import regsweep

private let start = Instant(sinceStart: .zero)

extension Instant {
    fileprivate static func - (a: Instant, b: Duration) -> Instant { Instant(sinceStart: a.sinceStart - b) }
}

@Suite("Slurm group") struct SlurmGroupTests {
    private let minute: Duration = .seconds(60)

    private func group(minimum: Int = 2, maximum: Int = 3) -> SlurmGroup {
        var spec = HostSpec.Slurm()
        (spec.minimum, spec.maximum, spec.pollInterval) = (minimum, maximum, minute)
        return SlurmGroup(spec, at: start)
    }

    private func answer(_ text: String, _ status: Subprocess.Status = .exited(0), log: String? = nil) -> SlurmGroup.Answer {
        SlurmGroup.Answer(status: status, text: text, taskLog: log)
    }

    /// A group with one array in the queue.
    private func submitted(minimum: Int = 2, maximum: Int = 3) -> SlurmGroup {
        var group = group(minimum: minimum, maximum: maximum)
        _ = group.tick(at: start)
        _ = group.answered(answer("MaxArraySize = 1001\n"), at: start)
        _ = group.tick(at: start)
        _ = group.answered(answer("17\n"), at: start)
        return group
    }

    @Test("it asks for the limits, submits arrays below them one after the other, and counts once a minute") func begins() {
        var group = group(maximum: 4)
        #expect(group.outlook == .expected && !group.isSubmitting)
        #expect(group.tick(at: start) == .queryLimits)
        // One call at a time.
        #expect(group.tick(at: start + minute) == nil)
        #expect(group.answered(answer("ClusterName = x\nMaxArraySize            = 4\n"), at: start) == nil)
        #expect(group.tick(at: start) == .submit(tasks: 3))
        #expect(group.isSubmitting)
        #expect(group.answered(answer("17\n"), at: start) == .info("job 17 with 3 workers"))
        #expect(group.tick(at: start) == .submit(tasks: 1))
        #expect(group.answered(answer("sbatch: warning\n18;cluster\n"), at: start) == .info("job 18 with 1 worker"))
        let jobs = [SlurmJob(id: 17), SlurmJob(id: 18)]
        #expect(group.jobs == jobs && !group.isSubmitting)
        #expect(group.tick(at: start + minute - .milliseconds(1)) == nil)
        #expect(group.tick(at: start + minute) == .count(jobs))
        #expect(group.answered(answer("RUNNING\nPENDING\nCOMPLETING\nRUNNING\n"), at: start + minute) == nil)
        #expect(group.tick(at: start + minute + minute - .milliseconds(1)) == nil)
        #expect(group.tick(at: start + minute + minute) == .count(jobs))
    }

    @Test("limits that Slurm does not state are its defaults") func noLimits() {
        var group = group(maximum: 1500)
        _ = group.tick(at: start)
        #expect(group.answered(answer("no such key\n"), at: start) == nil)
        #expect(group.tick(at: start) == .submit(tasks: 1000))
    }

    @Test("fewer than the minimum are filled up to the maximum at once") func fewer() {
        var group = submitted()
        group.joined()
        let now = start + minute
        #expect(group.tick(at: now) == .count([SlurmJob(id: 17)]))
        #expect(group.answered(answer("RUNNING\nFAILED\nFAILED\n"), at: now) == .info("1 worker is left, submitting 2"))
        #expect(group.tick(at: now) == .submit(tasks: 2))
        #expect(group.answered(answer("18\n"), at: now) == .info("job 18 with 2 workers"))
        #expect(group.jobs == [SlurmJob(id: 17), SlurmJob(id: 18)])
    }

    @Test("where none is left, one is submitted even with a minimum of 0, and the ended job is forgotten") func none() {
        var group = submitted(minimum: 0, maximum: 1)
        group.joined()
        _ = group.tick(at: start + minute)
        #expect(group.answered(answer(""), at: start + minute) == .info("0 workers are left, submitting 1"))
        #expect(group.jobs == [])
        #expect(group.tick(at: start + minute) == .submit(tasks: 1))
    }

    @Test("jobs that Slurm has forgotten have no tasks, and that is no failed call") func forgotten() {
        var group = submitted()
        group.joined()
        _ = group.tick(at: start + minute)
        #expect(
            group.answered(answer("slurm_load_jobs error: Invalid job id specified\n", .exited(1)), at: start + minute)
                == .info("0 workers are left, submitting 3"))
        #expect(group.tick(at: start + minute) == .submit(tasks: 3))
        // Only squeue is asked for jobs.
        #expect(
            group.answered(answer("sbatch: error: Invalid job id\n", .exited(1)), at: start + minute)
                == .warning("sbatch: error: Invalid job id; trying again in 60 s"))
    }

    @Test("five orders in a row whose tasks end before a worker joins are the last, each told with the task's last line") func fruitless() {
        var group = submitted(minimum: 1, maximum: 1)
        var now = start
        for order in 1...SlurmGroup.patience {
            now = now + minute
            #expect(group.tick(at: now) == .count([SlurmJob(id: 17)]))
            let isLast = order == SlurmGroup.patience
            #expect(
                group.answered(answer("", log: "a library is missing"), at: now)
                    == .warning(
                        "all tasks of job 17 ended and no worker joined: a library is missing; "
                            + (isLast ? "given up, the sweep goes on without it" : "trying again in 60 s")))
            // Not at once: other jobs wait for the nodes.
            #expect(group.tick(at: now) == nil)
            now = now + minute
            #expect(group.tick(at: now) == (isLast ? nil : .submit(tasks: 1)))
            if !isLast { _ = group.answered(answer("17\n"), at: now) }
        }
        #expect(group.outlook == .none)
    }

    @Test("a worker that joins in the end makes good for fruitless orders") func late() {
        var group = submitted(minimum: 1, maximum: 1)
        var now = start
        for _ in 1..<SlurmGroup.patience {
            now = now + minute
            _ = group.tick(at: now)
            _ = group.answered(answer(""), at: now)
            now = now + minute
            _ = group.tick(at: now)
            _ = group.answered(answer("17\n"), at: now)
        }
        group.joined()
        now = now + minute
        _ = group.tick(at: now)
        #expect(group.answered(answer(""), at: now) == .info("0 workers are left, submitting 1"))
        #expect(group.outlook == .expected)
    }

    @Test("failed calls are tried again after a minute, the fifth in a row is the last, and a good answer begins the count anew")
    func failures() {
        var group = submitted()
        var now = start
        for failure in [1, 2, 3, 4, 0, 1, 2, 3, 4, 5] {
            now = now + minute
            #expect(group.tick(at: now - .milliseconds(1)) == nil)
            #expect(group.tick(at: now) == .count([SlurmJob(id: 17)]))
            let notice = group.answered(
                failure == 0 ? answer("RUNNING\nRUNNING\n") : answer("first\nno controller\n", .exited(1)), at: now)
            switch failure {
            case 0: #expect(notice == nil)
            case SlurmGroup.patience: #expect(notice == .warning("no controller; given up, the sweep goes on without it"))
            default: #expect(notice == .warning("no controller; trying again in 60 s"))
            }
        }
        #expect(group.outlook == .none)
        #expect(group.tick(at: now + minute) == nil)
        // What is in the queue is cancelled at the end.
        #expect(group.jobs == [SlurmJob(id: 17)])
    }

    @Test("an answer of sbatch without a job is a failed call, and so is a program that is not there or says nothing") func unparsable() {
        var group = group()
        _ = group.tick(at: start)
        #expect(group.failedToStart("scontrol is not installed", at: start) == .warning("scontrol is not installed; trying again in 60 s"))
        var now = start + minute
        #expect(group.tick(at: now) == .queryLimits)
        #expect(group.answered(answer("", .killed(signal: 15)), at: now) == .warning("signal 15; trying again in 60 s"))
        now = now + minute
        _ = group.tick(at: now)
        _ = group.answered(answer(""), at: now)
        for failure in 1...SlurmGroup.patience {
            #expect(group.tick(at: now) == .submit(tasks: 3))
            #expect(
                group.answered(answer("Submitted\n\n"), at: now)
                    == .warning(
                        "sbatch named no job: \"Submitted\"; "
                            + (failure == SlurmGroup.patience ? "given up, the sweep goes on without it" : "trying again in 60 s")))
            now = now + minute
        }
        #expect(group.jobs == [] && group.tick(at: now) == nil)
    }

    @Test("a group that is removed cancels its jobs and is over") func removed() {
        var group = submitted()
        group.remove()
        #expect(group.outlook == .none && !group.isOver)
        #expect(group.tick(at: start + minute) == .cancel([SlurmJob(id: 17)]))
        #expect(!group.isOver)
        #expect(
            group.answered(answer("scancel: error: no controller\n", .exited(1)), at: start + minute)
                == .warning("scancel: error: no controller; trying again in 60 s"))
        #expect(group.tick(at: start + minute + minute) == .cancel([SlurmJob(id: 17)]))
        #expect(
            group.answered(answer(""), at: start + minute + minute) == .info("its jobs are cancelled, and no more is submitted"))
        #expect(group.isOver && group.jobs == [])
        #expect(group.tick(at: start + minute + minute + minute) == nil)
    }

    @Test("a group without jobs is over as soon as it is removed") func removedEmpty() {
        var group = group()
        group.remove()
        #expect(group.isOver)
        #expect(group.tick(at: start) == nil)
    }

    @Test("an array that is being submitted when its group is removed is cancelled at once, and no other is submitted") func submitting() {
        var group = group(maximum: 4)
        _ = group.tick(at: start)
        _ = group.answered(answer("MaxArraySize = 4\n"), at: start)
        #expect(group.tick(at: start) == .submit(tasks: 3))
        group.remove()
        #expect(!group.isOver)
        #expect(group.tick(at: start) == nil)
        #expect(group.answered(answer("17\n"), at: start) == nil)
        #expect(group.tick(at: start) == .cancel([SlurmJob(id: 17)]))
        _ = group.answered(answer(""), at: start)
        #expect(group.isOver)
    }

    @Test("a group that is removed while an array is refused has nothing to cancel") func refused() {
        var group = group()
        _ = group.tick(at: start)
        _ = group.answered(answer(""), at: start)
        _ = group.tick(at: start)
        group.remove()
        #expect(
            group.answered(answer("sbatch: error: invalid account\n", .exited(1)), at: start) == .warning("sbatch: error: invalid account"))
        #expect(group.isOver)
    }

    @Test("a group that is removed while it is counted cancels what is left and submits nothing", arguments: ["", "RUNNING\n"])
    func counting(states: String) {
        var group = submitted()
        _ = group.tick(at: start + minute)
        group.remove()
        #expect(group.answered(answer(states), at: start + minute) == nil)
        #expect(group.tick(at: start + minute) == (states.isEmpty ? nil : .cancel([SlurmJob(id: 17)])))
        #expect(group.isOver == states.isEmpty)
    }
}
