// SlurmGroupTests.swift · Tests/CoordinatorTests. What is asked of Slurm next, given its answers and the time: plain values.

import Testing
import Vocabulary
import Wire

@testable import regsweep

extension Instant {
    fileprivate static func - (a: Instant, b: Duration) -> Instant { Instant(sinceStart: a.sinceStart - b) }
}

@Suite("Slurm group") struct SlurmGroupTests {
    private let minute: Duration = .seconds(60)
    private let start = Instant(sinceStart: .zero)
    static let jobName = "regsweep-small-0123456789ab"

    private func group(minimum: Int = 2, maximum: Int = 3, extra: [String] = []) -> SlurmGroup {
        var spec = HostSpec(kind: .slurm, name: "batch")
        (spec.slurm.minimum, spec.slurm.maximum, spec.slurm.pollInterval) = (minimum, maximum, minute)
        spec.slurm.extra = extra
        return SlurmGroup(spec, jobName: Self.jobName, at: start)
    }

    private func answer(
        _ output: String, _ status: Subprocess.Status = .exited(0), errors: String = "", logs: [SlurmJob: String] = [:]
    ) -> SlurmGroup.Answer {
        SlurmGroup.Answer(status: status, output: output, errors: errors, taskLogs: logs)
    }

    private func refusal(_ errors: String) -> SlurmGroup.Answer { answer("", .exited(1), errors: errors + "\n") }

    /// What squeue prints: a header, and a line for each task of the jobs.
    private func queue(_ jobs: KeyValuePairs<Int, [String]> = [:], name: String = jobName, reason: String = "None") -> String {
        "ARRAY_JOB_ID|JOBID|STATE|REASON|NAME\n"
            + jobs.flatMap { id, states in
                states.enumerated().map { "\(id)|\(id)_\($0 + 1)|\($1)|\(reason)|\(name)\n" }
            }.joined()
    }

    private let nothing = SlurmGroup.Step.count(cluster: nil)
    private let one = SlurmJob(id: 17)

    /// A group with one array of all its tasks that was submitted and not seen yet.
    private func submitted(minimum: Int = 2, maximum: Int = 3) -> SlurmGroup {
        var group = group(minimum: minimum, maximum: maximum)
        _ = group.tick(at: start)
        _ = group.answered(answer("MaxArraySize = 1001\n"), at: start)
        _ = group.tick(at: start)
        _ = group.answered(answer(queue()), at: start)
        _ = group.tick(at: start)
        _ = group.answered(answer("17\n"), at: start)
        return group
    }

    /// A group whose array has been seen to run.
    private func running(minimum: Int = 2, maximum: Int = 3) -> SlurmGroup {
        var group = submitted(minimum: minimum, maximum: maximum)
        _ = group.tick(at: start + minute)
        _ = group.answered(answer(queue([17: Array(repeating: "RUNNING", count: maximum)])), at: start + minute)
        return group
    }

    @Test("it asks for the limits, looks at the queue, submits arrays below them one after the other, and looks once a minute")
    func begins() {
        var group = group(maximum: 4)
        #expect(group.outlook == .expected)
        #expect(group.tick(at: start) == .queryLimits)
        // One call at a time.
        #expect(group.tick(at: start + minute) == nil)
        #expect(group.answered(answer("ClusterName = x\nMaxArraySize            = 4\n"), at: start) == [])
        #expect(group.tick(at: start) == .count(cluster: nil))
        #expect(group.answered(answer(queue([3: ["RUNNING"]], name: "mine")), at: start) == [])
        #expect(group.tick(at: start) == .submit(tasks: 3, isArray: true))
        #expect(group.answered(answer("17\n"), at: start) == [.info("job 17 with 3 workers")])
        #expect(group.tick(at: start) == .submit(tasks: 1, isArray: true))
        #expect(group.answered(answer("18;x\n"), at: start) == [.info("job 18 with 1 worker")])
        #expect(group.known.map(\.job) == [one, SlurmJob(id: 18)] && group.alive == 4)
        #expect(group.tick(at: start + minute - .milliseconds(1)) == nil)
        #expect(group.tick(at: start + minute) == .count(cluster: nil))
        let states = queue([17: ["RUNNING", "PENDING", "COMPLETING"], 18: ["RUNNING"]])
        #expect(group.answered(answer(states), at: start + minute) == [])
        #expect(group.tick(at: start + minute + minute - .milliseconds(1)) == nil)
        #expect(group.tick(at: start + minute + minute) == .count(cluster: nil))
        #expect(group.alive == 3)
    }

    @Test("limits that Slurm does not state are its defaults, and so are those that nobody may ask for", arguments: [true, false])
    func noLimits(isMissing: Bool) {
        var group = group(maximum: 1500)
        _ = group.tick(at: start)
        #expect(
            (isMissing
                ? group.failedToStart("scontrol is not installed", isMissing: true, at: start)
                : group.answered(answer("no such key\n"), at: start)) == [])
        _ = group.tick(at: start)
        _ = group.answered(answer(queue()), at: start)
        #expect(group.tick(at: start) == .submit(tasks: 1000, isArray: true))
    }

    @Test("where Slurm takes no arrays each worker is a job of its own", arguments: [0, 1]) func noArrays(size: Int) {
        var group = group(maximum: 2)
        _ = group.tick(at: start)
        _ = group.answered(answer("MaxArraySize = \(size)\n"), at: start)
        _ = group.tick(at: start)
        _ = group.answered(answer(queue()), at: start)
        for id in [17, 18] {
            #expect(group.tick(at: start) == .submit(tasks: 1, isArray: false))
            #expect(group.answered(answer("\(id)\n"), at: start) == [.info("job \(id) with 1 worker")])
        }
        #expect(group.tick(at: start) == nil)
    }

    @Test("fewer than the minimum are filled up to the maximum at once") func fewer() {
        var group = submitted()
        group.joined()
        let now = start + minute
        #expect(group.tick(at: now) == .count(cluster: nil))
        #expect(
            group.answered(answer(queue([17: ["RUNNING", "FAILED", "FAILED"]])), at: now) == [.info("1 worker is left, submitting 2")])
        #expect(group.tick(at: now) == .submit(tasks: 2, isArray: true))
        #expect(group.answered(answer("18\n"), at: now) == [.info("job 18 with 2 workers")])
        #expect(group.known.map(\.job) == [one, SlurmJob(id: 18)])
    }

    @Test("where none is left, one is submitted even with a minimum of 0, and the ended job is forgotten") func none() {
        var group = submitted(minimum: 0, maximum: 1)
        group.joined()
        _ = group.tick(at: start + minute)
        #expect(
            group.answered(answer(queue([17: ["COMPLETED"]])), at: start + minute) == [.info("0 workers are left, submitting 1")])
        #expect(group.known == [])
        #expect(group.tick(at: start + minute) == .submit(tasks: 1, isArray: true))
    }

    @Test("a job that Slurm has forgotten has no tasks after three looks that do not show it, and is cancelled in the end all the same")
    func forgotten() {
        var group = running()
        group.joined()
        var now = start + minute
        for look in 1...SlurmGroup.absence {
            now = now + minute
            #expect(group.tick(at: now) == .count(cluster: nil))
            #expect(
                group.answered(answer(queue()), at: now)
                    == (look == SlurmGroup.absence ? [.info("0 workers are left, submitting 3")] : []))
        }
        #expect(group.tick(at: now) == .submit(tasks: 3, isArray: true))
        _ = group.answered(answer("18\n"), at: now)
        group.remove()
        #expect(group.tick(at: now) == .cancel(["17", "18"], cluster: nil))
    }

    @Test("tasks in states that nobody here has heard of, and those that are held, take their places; a person is told of the latter once")
    func held() {
        var group = submitted()
        var now = start + minute
        _ = group.tick(at: now)
        #expect(group.answered(answer(queue([17: ["BEAMING", "SPECIAL_EXIT", "RUNNING"]])), at: now) == [])
        #expect(group.alive == 3)
        for isFirst in [true, false] {
            now = now + minute
            _ = group.tick(at: now)
            #expect(
                group.answered(answer(queue([17: ["PENDING", "PENDING", "PENDING"]], reason: "JobHeldAdmin")), at: now)
                    == (isFirst ? [.warning("job 17 is held (JobHeldAdmin): its workers start when it is released")] : []))
        }
        #expect(group.outlook == .expected)
    }

    @Test("five orders in a row whose tasks end before a worker joins are the last, each told with the task's last line") func fruitless() {
        var group = submitted(minimum: 1, maximum: 1)
        var now = start
        for order in 1...SlurmGroup.patience {
            now = now + minute
            #expect(group.tick(at: now) == .count(cluster: nil))
            let isLast = order == SlurmGroup.patience
            #expect(
                group.answered(answer(queue([17: ["FAILED"]]), logs: [one: "a library is missing"]), at: now) == [
                    .warning(
                        "all tasks of job 17 ended and no worker joined: a library is missing; "
                            + (isLast
                                ? "given up, the sweep goes on without it; regsweep workers add slurm:batch tries again"
                                : "trying again in 60 s"))
                ])
            // Not at once: other jobs wait for the nodes.
            #expect(group.tick(at: now) == nil)
            now = now + minute
            #expect(group.tick(at: now) == (isLast ? nil : .submit(tasks: 1, isArray: true)))
            if !isLast { _ = group.answered(answer("17\n"), at: now) }
        }
        #expect(group.outlook == .none)
        // It is looked at, and nothing is submitted until somebody asks for it.
        now = now + minute * SlurmGroup.seldom
        #expect(group.tick(at: now) == .count(cluster: nil))
        #expect(group.answered(answer(queue()), at: now) == [])
        #expect(group.tick(at: now) == nil)
        group.revive()
        #expect(group.outlook == .expected)
        #expect(group.tick(at: now) == .count(cluster: nil))
        _ = group.answered(answer(queue()), at: now)
        #expect(group.tick(at: now) == .submit(tasks: 1, isArray: true))
    }

    @Test("a worker that joins in the end makes good for fruitless orders") func late() {
        var group = submitted(minimum: 1, maximum: 1)
        var now = start
        for _ in 1..<SlurmGroup.patience {
            now = now + minute
            _ = group.tick(at: now)
            _ = group.answered(answer(queue([17: ["FAILED"]])), at: now)
            now = now + minute
            _ = group.tick(at: now)
            _ = group.answered(answer("17\n"), at: now)
        }
        group.joined()
        now = now + minute
        _ = group.tick(at: now)
        #expect(group.answered(answer(queue([17: ["FAILED"]])), at: now) == [.info("0 workers are left, submitting 1")])
        #expect(group.outlook == .expected)
    }

    @Test("failed calls are tried again after a minute; the fifth in a row gives the group up, and the next good answer brings it back")
    func failures() {
        var group = running()
        var now = start + minute
        for failure in [1, 2, 3, 4, 0, 1, 2, 3, 4, 5] {
            now = now + minute
            #expect(group.tick(at: now - .milliseconds(1)) == nil)
            #expect(group.tick(at: now) == .count(cluster: nil))
            let notices = group.answered(
                failure == 0 ? answer(queue([17: ["RUNNING", "RUNNING"]])) : refusal("first\nno controller"), at: now)
            switch failure {
            case 0: #expect(notices == [])
            case SlurmGroup.patience:
                #expect(notices == [.warning("no controller; given up, the sweep goes on without it until Slurm answers")])
            default: #expect(notices == [.warning("no controller; trying again in 60 s")])
            }
        }
        #expect(group.outlook == .none)
        #expect(group.tick(at: now + minute) == nil)
        // What is in the queue is cancelled at the end.
        #expect(group.known.map(\.job) == [one])
        // It is asked more seldom, says nothing twice, and is back with the controller: nothing is submitted in between.
        now = now + minute * SlurmGroup.seldom
        #expect(group.tick(at: now) == .count(cluster: nil))
        #expect(group.answered(refusal("no controller"), at: now) == [])
        now = now + minute * SlurmGroup.seldom
        #expect(group.tick(at: now) == .count(cluster: nil))
        #expect(group.answered(answer(queue([17: ["RUNNING", "RUNNING"]])), at: now) == [.info("Slurm answers again")])
        #expect(group.outlook == .expected && group.alive == 2)
        #expect(group.tick(at: now + minute) == .count(cluster: nil))
    }

    @Test("an answer without a header is none: a wrapper hid that squeue had failed") func noHeader() {
        var group = running()
        _ = group.tick(at: start + minute + minute)
        #expect(
            group.answered(answer("", errors: "squeue: error: Unable to contact slurm controller\n"), at: start + minute + minute) == [
                .warning("squeue gave no list of jobs: squeue: error: Unable to contact slurm controller; trying again in 60 s")
            ])
        #expect(group.alive == 3)
    }

    @Test("a call that takes too long is overdue, and counts as failed when it is ended") func overdue() {
        var group = running()
        let now = start + minute + minute
        #expect(!group.isOverdue(at: now))
        _ = group.tick(at: now)
        #expect(!group.isOverdue(at: now + SlurmGroup.longestCall))
        #expect(group.isOverdue(at: now + SlurmGroup.longestCall + .seconds(1)))
        #expect(group.answered(answer("", .killed(signal: 9)), at: now) == [.warning("signal 9; trying again in 60 s")])
        #expect(!group.isOverdue(at: .distantFuture))
    }
}

@Suite("Slurm group: submissions") struct SlurmSubmissionTests {
    private let minute: Duration = .seconds(60)
    private let start = Instant(sinceStart: .zero)
    private let name = SlurmGroupTests.jobName

    private func answer(_ output: String, _ status: Subprocess.Status = .exited(0), errors: String = "") -> SlurmGroup.Answer {
        SlurmGroup.Answer(status: status, output: output, errors: errors)
    }

    private func queue(_ lines: String...) -> SlurmGroup.Answer {
        answer((["ARRAY_JOB_ID|JOBID|STATE|REASON|NAME"] + lines).joined(separator: "\n") + "\n")
    }

    /// A group that is about to submit two tasks.
    private func ready(extra: [String] = []) -> SlurmGroup {
        var spec = HostSpec(kind: .slurm, name: "batch")
        (spec.slurm.minimum, spec.slurm.maximum, spec.slurm.pollInterval, spec.slurm.extra) = (2, 2, minute, extra)
        var group = SlurmGroup(spec, jobName: name, at: start)
        _ = group.tick(at: start)
        _ = group.answered(answer("ClusterName = here\nMaxArraySize = 1001\n"), at: start)
        _ = group.tick(at: start)
        _ = group.answered(queue(), at: start)
        return group
    }

    @Test("a submission without a number is never made again: the queue shows the job by its name, and the group goes on with it")
    func notUnderstood() {
        var group = ready()
        #expect(group.tick(at: start) == .submit(tasks: 2, isArray: true))
        #expect(
            group.answered(answer("Submitted\n\n"), at: start) == [
                .warning(
                    "sbatch did not say which job it has submitted: \"Submitted\"; nothing more is submitted until the queue shows a job of the name \(name)"
                )
            ])
        #expect(group.tick(at: start) == .count(cluster: nil))
        #expect(
            group.answered(queue("9|9|RUNNING|None|another", "17|17_1|PENDING|None|\(name)", "17|17_2|RUNNING|None|\(name)"), at: start)
                == [.info("job 17 is in the queue")])
        #expect(group.known.map(\.job) == [SlurmJob(id: 17)] && group.alive == 2)
        #expect(group.tick(at: start) == nil && group.outlook == .expected)
        #expect(group.tick(at: start + minute) == .count(cluster: nil))
    }

    @Test("where the queue does not show it either, nothing is submitted until it does, or somebody asks for it", arguments: [true, false])
    func stopped(isFound: Bool) {
        var group = ready()
        _ = group.tick(at: start)
        _ = group.answered(answer("ok\n"), at: start)
        var now = start
        for look in 1...6 {
            #expect(group.tick(at: now) == .count(cluster: nil))
            #expect(
                group.answered(queue(), at: now)
                    == (look == SlurmGroup.absence
                        ? [
                            .warning(
                                "no job of the name \(name) is in the queue, so that nobody knows whether it runs; nothing more is submitted until it is seen, or regsweep workers add slurm:batch"
                            )
                        ] : []))
            now = now + (look < SlurmGroup.absence ? minute : minute * SlurmGroup.seldom)
        }
        #expect(group.outlook == .none)
        if isFound {
            _ = group.tick(at: now)
            #expect(group.answered(queue("17|17_1|RUNNING|None|\(name)"), at: now).contains(.info("job 17 is in the queue")))
            #expect(group.outlook == .expected && group.alive == 1)
            // One is left, and two may be.
            #expect(group.tick(at: now) == .submit(tasks: 1, isArray: true))
        } else {
            group.revive()
            #expect(group.outlook == .expected)
            #expect(group.tick(at: now) == .count(cluster: nil))
            _ = group.answered(queue(), at: now)
            #expect(group.tick(at: now) == .submit(tasks: 2, isArray: true))
        }
    }

    @Test("sbatch that ends with an error may have submitted: only after three looks that do not show a job it is tried again")
    func timedOut() {
        var group = ready()
        var now = start
        let error = answer("", .exited(1), errors: "sbatch: error: Socket timed out on send/recv operation\n")
        #expect(group.tick(at: now) == .submit(tasks: 2, isArray: true))
        #expect(
            group.answered(error, at: now) == [
                .warning(
                    "sbatch: error: Socket timed out on send/recv operation; trying again in 120 s, unless the queue shows the job")
            ])
        for look in 1...SlurmGroup.absence {
            #expect(group.tick(at: now) == .count(cluster: nil))
            _ = group.answered(queue(), at: now)
            if look < SlurmGroup.absence { now = now + minute }
        }
        #expect(group.tick(at: now) == .submit(tasks: 2, isArray: true))
        _ = group.answered(error, at: now)
        _ = group.tick(at: now)
        // This time it was submitted.
        #expect(
            group.answered(queue("17|17_1|PENDING|None|\(name)", "17|17_2|PENDING|None|\(name)"), at: now) == [
                .info("job 17 is in the queue")
            ])
        #expect(group.alive == 2 && group.tick(at: now) == nil)
    }

    @Test("five refused submissions in a row give the group up; it tries more seldom, says so once, and is back when a job is taken")
    func refused() {
        var group = ready()
        var now = start, warnings: [LaunchNotice] = [], tries = 0
        func go(until isEnough: () -> Bool) {
            while !isEnough() {
                switch group.tick(at: now) {
                case .submit:
                    tries += 1
                    warnings += group.answered(answer("", .exited(1), errors: "sbatch: error: invalid account\n"), at: now)
                case .count: warnings += group.answered(queue(), at: now)
                default: now = now + minute
                }
            }
        }
        go { group.outlook == .none }
        #expect(tries == SlurmGroup.patience)
        let again = LaunchNotice.warning("sbatch: error: invalid account; trying again in 120 s, unless the queue shows the job")
        #expect(
            warnings == Array(repeating: again, count: SlurmGroup.patience - 1) + [
                .warning("sbatch: error: invalid account"),
                .warning("nothing was submitted in 5 tries; given up, the sweep goes on without it and tries again every 300 s"),
            ])
        let then = now
        warnings = []
        go { tries == SlurmGroup.patience + 2 }
        #expect(warnings == [] && now - then >= minute * SlurmGroup.seldom)
        while group.tick(at: now) != .submit(tasks: 2, isArray: true) {
            if group.call == nil { now = now + minute } else { _ = group.answered(queue(), at: now) }
        }
        #expect(group.answered(answer("17\n"), at: now) == [.info("job 17 with 2 workers")])
        #expect(group.outlook == .expected)
    }

    @Test("a program that is not there is a failed call, and a submission that was not made is no job") func notStarted() {
        var group = ready()
        var now = start
        for failure in 1...SlurmGroup.patience {
            #expect(group.tick(at: now) == .submit(tasks: 2, isArray: true))
            #expect(
                group.failedToStart("sbatch is not installed", isMissing: true, at: now) == [
                    .warning(
                        "sbatch is not installed; "
                            + (failure == SlurmGroup.patience
                                ? "given up, the sweep goes on without it and tries again every 300 s" : "trying again in 60 s"))
                ])
            #expect(group.tick(at: now) == nil)
            now = now + minute
        }
        #expect(group.known == [] && !group.mayHaveJobs)
        group.remove()
        #expect(group.isOver)
    }

    @Test("a job that sbatch named is never taken for ended before it was seen: without its log nothing is submitted in its place")
    func neverSeen() {
        for hasLog in [true, false] {
            var group = ready()
            _ = group.tick(at: start)
            _ = group.answered(answer("4711\n"), at: start)
            var now = start, last: [LaunchNotice] = []
            for _ in 1...SlurmGroup.absence {
                now = now + minute
                #expect(group.tick(at: now) == .count(cluster: nil))
                var look = queue()
                if hasLog { look.taskLogs = [SlurmJob(id: 4711): "died"] }
                last = group.answered(look, at: now)
            }
            if hasLog {
                #expect(last == [.warning("all tasks of job 4711 ended and no worker joined: died; trying again in 60 s")])
                #expect(group.tick(at: now + minute) == .submit(tasks: 2, isArray: true))
            } else {
                #expect(group.outlook == .none && last.count == 1)
                #expect(group.tick(at: now + minute * SlurmGroup.seldom) == .count(cluster: nil))
            }
        }
    }

    @Test("a number that was no job's is corrected by the job's name, and so is a cluster that is none") func corrected() {
        var group = ready()
        _ = group.tick(at: start)
        _ = group.answered(answer("4711\n"), at: start)
        _ = group.tick(at: start + minute)
        let tasks = ["17|17_1|RUNNING|None|\(name)", "17|17_2|RUNNING|None|\(name)"]
        #expect(group.answered(queue(tasks[0], tasks[1]), at: start + minute) == [.info("job 17 is in the queue")])
        #expect(group.known.map(\.job) == [SlurmJob(id: 17)] && group.alive == 2)

        var other = ready()
        _ = other.tick(at: start)
        _ = other.answered(answer("17;site\n"), at: start)
        #expect(other.known.map(\.job) == [SlurmJob(id: 17, cluster: "site")])
        #expect(other.tick(at: start + minute) == .count(cluster: nil))
        _ = other.answered(queue(tasks[0], tasks[1]), at: start + minute)
        #expect(other.known.map(\.job) == [SlurmJob(id: 17)])
        #expect(other.tick(at: start + minute) == nil)
    }

    @Test("a job on another cluster is looked for, and cancelled, there") func clusters() {
        var group = ready()
        _ = group.tick(at: start)
        #expect(group.answered(answer("17;far\n"), at: start) == [.info("job 17 on far with 2 workers")])
        #expect(group.tick(at: start + minute) == .count(cluster: nil))
        // A job of that number here is another one.
        _ = group.answered(queue("17|17|RUNNING|None|mine"), at: start + minute)
        #expect(group.tick(at: start + minute) == .count(cluster: "far"))
        let far = queue("CLUSTER: far", "17|17_1|RUNNING|None|\(name)", "17|17_2|RUNNING|None|\(name)")
        #expect(group.answered(far, at: start + minute) == [])
        #expect(group.alive == 2)
        group.remove()
        #expect(group.tick(at: start + minute) == .cancel(["17"], cluster: "far"))

        var named = ready(extra: ["--clusters=far"])
        #expect(named.places == ["far"])
        #expect(named.tick(at: start) == .submit(tasks: 2, isArray: true))
        _ = named.answered(answer("17;far\n"), at: start)
        #expect(named.tick(at: start + minute) == .count(cluster: "far"))
    }

    @Test("jobs of an earlier run that was killed are taken over; those beyond the maximum are cancelled, waiting ones first")
    func adopted() {
        var group = ready()
        // As if they had been there at the first look.
        group.hasLooked = false
        group.toSubmit = []
        #expect(group.tick(at: start) == .count(cluster: nil))
        let tasks = ["5|5_1|RUNNING|None|\(name)", "6|6_1|PENDING|None|\(name)", "6|6_2|RUNNING|None|\(name)"]
        #expect(
            group.answered(queue(tasks[0], tasks[1], tasks[2]), at: start) == [
                .info("job 5 is in the queue"), .info("job 6 is in the queue"), .warning("3 workers where 2 may be: cancelling 6_1"),
            ])
        #expect(group.tick(at: start) == .cancel(["6_1"], cluster: nil))
        #expect(group.answered(answer(""), at: start) == [])
        #expect(group.tick(at: start + minute) == .count(cluster: nil))
        #expect(group.answered(queue(tasks[0], tasks[2]), at: start + minute) == [])
        #expect(group.alive == 2)
        group.remove()
        #expect(group.tick(at: start + minute) == .cancel(["5", "6"], cluster: nil))
    }

    @Test("sbatch that fails after it has named a job has submitted it") func failsAfterwards() {
        var group = ready()
        _ = group.tick(at: start)
        #expect(
            group.answered(answer("17\n", .exited(3), errors: "quota: no such file\n"), at: start) == [
                .info("job 17 with 2 workers"),
                .warning("sbatch ended with an error after it had named job 17: quota: no such file"),
            ])
        #expect(group.alive == 2 && group.tick(at: start) == nil)
    }
}

@Suite("Slurm group: the end") struct SlurmRemovalTests {
    private let start = Instant(sinceStart: .zero)
    private let name = SlurmGroupTests.jobName

    private func answer(_ output: String, _ status: Subprocess.Status = .exited(0), errors: String = "") -> SlurmGroup.Answer {
        SlurmGroup.Answer(status: status, output: output, errors: errors)
    }

    private func queue(_ states: String...) -> SlurmGroup.Answer {
        answer(
            "ARRAY_JOB_ID|JOBID|STATE|REASON|NAME\n"
                + states.enumerated().map { "17|17_\($0 + 1)|\($1)|None|\(name)\n" }.joined())
    }

    private func group(isSubmitted: Bool = true) -> SlurmGroup {
        var spec = HostSpec(kind: .slurm, name: "batch")
        (spec.slurm.minimum, spec.slurm.maximum, spec.slurm.pollInterval) = (2, 2, .seconds(60))
        var group = SlurmGroup(spec, jobName: name, at: start)
        _ = group.tick(at: start)
        _ = group.answered(answer(""), at: start)
        _ = group.tick(at: start)
        _ = group.answered(queue(), at: start)
        _ = group.tick(at: start)
        if isSubmitted { _ = group.answered(answer("17\n"), at: start) }
        return group
    }

    private let over = LaunchNotice.info("its jobs are cancelled, and no more is submitted")

    @Test("a group that is removed cancels its jobs until the queue shows none, and is over") func removed() {
        var group = group()
        group.remove()
        #expect(group.outlook == .none && !group.isOver)
        #expect(group.tick(at: start) == .cancel(["17"], cluster: nil))
        #expect(!group.isOver)
        #expect(
            group.answered(answer("", .exited(1), errors: "scancel: error: no controller\n"), at: start) == [
                .warning("scancel: error: no controller")
            ])
        #expect(group.tick(at: start) == .count(cluster: nil))
        #expect(
            group.answered(answer("", .exited(1), errors: "squeue: error: no controller\n"), at: start) == [
                .warning("squeue: error: no controller; trying again in 1 s")
            ])
        #expect(group.tick(at: start) == nil)
        var now = start + .seconds(1)
        #expect(group.tick(at: now) == .count(cluster: nil))
        #expect(group.answered(queue("RUNNING", "RUNNING"), at: now) == [])
        #expect(group.leftovers?.contains("job 17 may be left; squeue --name=\(name)") == true)
        now = now + .seconds(2)
        #expect(group.tick(at: now) == .cancel(["17"], cluster: nil))
        _ = group.answered(answer(""), at: now)
        #expect(group.tick(at: now) == .count(cluster: nil))
        #expect(group.answered(queue("COMPLETING", "CANCELLED"), at: now) == [over])
        #expect(group.isOver && group.known == [] && group.leftovers == nil)
        #expect(group.tick(at: now) == nil)
    }

    @Test("a group that was given up is cancelled like any other") func givenUp() {
        var group = group()
        var now = start
        for _ in 1...SlurmGroup.patience {
            now = now + .seconds(60)
            _ = group.tick(at: now)
            _ = group.answered(answer("", .exited(1)), at: now)
        }
        #expect(group.outlook == .none)
        group.remove()
        #expect(group.tick(at: now) == .cancel(["17"], cluster: nil))
        _ = group.answered(answer(""), at: now)
        #expect(group.tick(at: now) == .count(cluster: nil))
        #expect(group.answered(queue("CANCELLED", "CANCELLED"), at: now) == [over])
        #expect(group.isOver)
    }

    @Test("a group without jobs is over as soon as it is removed") func removedEmpty() {
        let spec = HostSpec(kind: .slurm, name: "batch")
        var group = SlurmGroup(spec, jobName: name, at: start)
        group.remove()
        #expect(group.isOver)
        #expect(group.tick(at: start) == nil)
    }

    @Test("an array that is being submitted when its group is removed is cancelled at once, and no other is submitted") func submitting() {
        var group = group(isSubmitted: false)
        #expect(group.call == .submit(tasks: 2, isArray: true))
        group.remove()
        #expect(!group.isOver)
        #expect(group.tick(at: start) == nil)
        #expect(group.answered(answer("17\n"), at: start) == [])
        #expect(group.tick(at: start) == .cancel(["17"], cluster: nil))
        _ = group.answered(answer(""), at: start)
        #expect(group.tick(at: start) == .count(cluster: nil))
        #expect(group.answered(queue("CANCELLED", "CANCELLED"), at: start) == [over])
        #expect(group.isOver)
    }

    @Test("a group that is removed while an array is refused looks for a job all the same, and has nothing to cancel", arguments: [0, 1])
    func refused(code: Int32) {
        var group = group(isSubmitted: false)
        group.remove()
        #expect(
            group.answered(answer("", .exited(code), errors: "sbatch: error: invalid account\n"), at: start).first?.text
                .contains("sbatch: error: invalid account") == true)
        var now = start
        for _ in 1...SlurmGroup.absence {
            #expect(!group.isOver)
            #expect(group.tick(at: now) == .count(cluster: nil))
            _ = group.answered(queue(), at: now)
            now = now + .seconds(4)
        }
        #expect(group.isOver)
    }

    @Test("a group that is removed while it is counted cancels what is left and submits nothing", arguments: [false, true])
    func counting(isLeft: Bool) {
        var group = group()
        let now = start + .seconds(60)
        _ = group.tick(at: now)
        group.remove()
        #expect(group.answered(isLeft ? queue("RUNNING") : queue("FAILED", "FAILED"), at: now) == (isLeft ? [] : [over]))
        #expect(group.tick(at: now) == (isLeft ? .cancel(["17"], cluster: nil) : nil))
        #expect(group.isOver == !isLeft)
    }
}
