// SlurmGroup+Answers.swift · Coordinator/Launching, a part of SlurmGroup. What Slurm's answers change.

internal import Vocabulary
internal import Wire

extension SlurmGroup {
    /// The call of the last step ended.
    mutating func answered(_ answer: Answer, at now: Instant) -> [LaunchNotice] {
        guard let call else { preconditionFailure("Slurm answers a call that was not made") }
        self.call = nil
        switch call {
        case .queryLimits:
            guard answer.status == .exited(0) else { return fail(answer.reason, at: now) }
            failures = 0
            learnLimits(answer.output)
            return []
        case .submit(let tasks, _): return submitted(tasks, answer, at: now)
        case .count(let cluster):
            guard answer.status == .exited(0) else { return fail(answer.reason, at: now) }
            guard let tasks = SlurmText.tasks(fromSqueue: answer.output, cluster: cluster) else {
                return fail("squeue gave no list of jobs: \(answer.reason)", at: now)
            }
            return counted(tasks, on: cluster, answer.taskLogs, at: now)
        case .cancel(let ids, let cluster):
            toCancel.removeAll { $0 == Batch(ids: ids, cluster: cluster) }
            // The next look shows whether anything is left, whatever scancel says of jobs that it does not know any more.
            look = Look()
            nextCallAt = isRemoved || !toCancel.isEmpty ? now : now + pause
            guard answer.status != .exited(0) else { return [] }
            hasCancelled = false
            return warn(answer.reason, "")
        }
    }

    /// The call of the last step could not be made.
    /// - Parameter isMissing: whether the program is not installed.
    mutating func failedToStart(_ reason: String, isMissing: Bool, at now: Instant) -> [LaunchNotice] {
        let step = call
        call = nil
        switch step {
        // What people are not given does not have to be known.
        case .queryLimits where isMissing:
            learnLimits("")
            return []
        case .submit: return refused(reason, at: now)
        case .cancel(let ids, let cluster):
            toCancel.removeAll { $0 == Batch(ids: ids, cluster: cluster) }
            return fail(reason, at: now)
        default: return fail(reason, at: now)
        }
    }

    private mutating func learnLimits(_ config: String) {
        maximumArraySize = SlurmText.maximumArraySize(from: config) ?? Self.defaultArraySize
        ownCluster = SlurmText.clusterName(from: config)
    }

    // MARK: Submissions

    private mutating func submitted(_ tasks: Int, _ answer: Answer, at now: Instant) -> [LaunchNotice] {
        mayHaveJobs = true
        look = Look()
        nextCallAt = now
        guard var job = SlurmText.job(fromSbatch: answer.output) else { return notUnderstood(tasks, answer) }
        if clusters.isEmpty, job.cluster == ownCluster { job.cluster = nil }
        (refusals, hasJoined) = (0, false)
        known.append(KnownJob(job: job, alive: tasks, wasSeen: false))
        if !toSubmit.isEmpty { toSubmit.removeFirst() }
        guard !isRemoved else {
            // Removed in the meantime: the new job is cancelled at once.
            toCancel = cancellations
            return []
        }
        if toSubmit.isEmpty { nextCallAt = now + pollInterval }
        let notice = LaunchNotice.info("job \(job) with \(workers(tasks))")
        guard answer.status != .exited(0) else { return [notice] }
        return [notice, .warning("sbatch ended with an error after it had named job \(job): \(answer.reason)")]
    }

    /// The job may have been submitted: a wrapper hid its number, or an answer came too late for sbatch. The queue shows it by its name.
    private mutating func notUnderstood(_ tasks: Int, _ answer: Answer) -> [LaunchNotice] {
        let wasRefused = answer.status != .exited(0)
        unsettled = Unsettled(wasRefused: wasRefused)
        guard wasRefused else {
            return warn(
                "sbatch did not say which job it has submitted: \(answer.reason)",
                "; nothing more is submitted until the queue shows a job of the name \(jobName)")
        }
        let isLast = refusals + 1 >= Self.patience || isRemoved
        return warn(
            answer.reason, isLast ? "" : "; trying again in \(seconds(pollInterval * (Self.absence - 1))), unless the queue shows the job")
    }

    /// Nothing was submitted.
    /// - Parameter reason: nil where it was told already.
    private mutating func refused(_ reason: String?, at now: Instant) -> [LaunchNotice] {
        refusals += 1
        nextCallAt = now + pause
        guard !isRemoved, refusals <= Self.patience else { return [] }
        let isLast = refusals == Self.patience
        let consequence =
            isLast
            ? "; given up, the sweep goes on without it and tries again every \(seconds(pause))" : "; trying again in \(seconds(pause))"
        guard let reason else { return isLast ? [.warning("nothing was submitted in \(Self.patience) tries\(consequence)")] : [] }
        lastReason = reason
        return [.warning(reason + consequence)]
    }

    // MARK: The queue

    private mutating func counted(
        _ tasks: [SlurmTask], on cluster: String?, _ logs: [SlurmJob: String], at now: Instant
    ) -> [LaunchNotice] {
        look.asked.append(cluster)
        look.tasks += tasks.map { task in
            var task = task
            if clusters.isEmpty, task.job.cluster == ownCluster { task.job.cluster = nil }
            return task
        }
        correctClusters()
        nextCallAt = now
        guard places.allSatisfy({ look.asked.contains($0) }) else { return [] }
        let shown = look.tasks.filter { task in
            !ended.contains(task.job) && (task.name.contains(jobName) || known.contains { $0.job == task.job })
        }
        look = Look()
        var notices: [LaunchNotice] = []
        if failures >= Self.patience, !isRemoved { notices.append(.info("Slurm answers again")) }
        (failures, hasLooked) = (0, true)
        let before = alive, newest = known.last?.job
        notices += note(shown, logs)
        if isRemoved { return notices + lookedAfterRemoval(at: now) }
        return notices + decide(shown, before: before, newest: newest.map { ($0, logs[$0] ?? "") }, at: now)
    }

    /// A job that was named with a cluster of a wrapper's own making is where its name is seen.
    private mutating func correctClusters() {
        for index in known.indices where !known[index].wasSeen {
            let job = known[index].job
            let seen = look.tasks.first { $0.job.id == job.id && $0.name.contains(jobName) }
            if let seen, !known.contains(where: { $0.job == seen.job }) { known[index].job = seen.job }
        }
    }

    /// Takes note of what the queue shows of the group's jobs.
    private mutating func note(_ shown: [SlurmTask], _ logs: [SlurmJob: String]) -> [LaunchNotice] {
        var notices: [LaunchNotice] = []
        for task in shown where task.isAlive && !known.contains(where: { $0.job == task.job }) {
            mayHaveJobs = true
            notices.append(.info("job \(task.job) is in the queue"))
            let found = KnownJob(job: task.job, alive: 0, wasSeen: true)
            if unsettled != nil {
                (unsettled, refusals) = (nil, 0)
                if !toSubmit.isEmpty { toSubmit.removeFirst() }
                known.append(found)
            } else if let unseen = known.firstIndex(where: { known in !known.wasSeen && !shown.contains { $0.job == known.job } }) {
                // What was taken for the number of a job was another number.
                known[unseen] = found
            } else {
                known.append(found)
            }
        }
        for index in known.indices {
            let tasks = shown.filter { $0.job == known[index].job }
            guard tasks.isEmpty else {
                (known[index].wasSeen, known[index].absences, known[index].alive) = (true, 0, tasks.count(where: \.isAlive))
                continue
            }
            known[index].absences += 1
            // Its log shows that its number is right.
            let isRight = known[index].wasSeen || logs[known[index].job] != nil
            if isRight, known[index].absences >= Self.absence { known[index].alive = 0 }
        }
        for job in Set(shown.map(\.job)) where shown.allSatisfy({ $0.job != job || $0.hasEnded }) { ended.insert(job) }
        known.removeAll { ended.contains($0.job) }
        unsettled?.absences += 1
        for task in shown where task.isHeld && toldHeld.insert(task.job).inserted {
            notices.append(.warning("job \(task.job) is held (\(task.reason)): its workers start when it is released"))
        }
        return notices
    }

    private mutating func lookedAfterRemoval(at now: Instant) -> [LaunchNotice] {
        let isLeft = known.contains { $0.alive > 0 && $0.absences < ($0.wasSeen && hasCancelled ? 1 : Self.absence) }
        guard isLeft || unsettled.map({ $0.absences < Self.absence }) ?? false else {
            (known, unsettled, toCancel, mayHaveJobs) = ([], nil, [], false)
            return [.info("its jobs are cancelled, and no more is submitted")]
        }
        // Removed during the look: they were not cancelled yet.
        guard toCancel.isEmpty else { return [] }
        (toCancel, hasCancelled) = (cancellations, true)
        nextCallAt = now + cancellationPause()
        return []
    }

    /// 1 s, 2 s, 4 s … up to the time between two looks.
    private mutating func cancellationPause() -> Duration {
        cancellationTries += 1
        return min(pollInterval, .seconds(1 << min(cancellationTries - 1, 12)))
    }

    /// Decides what is submitted or cancelled after a look.
    /// - Parameters:
    ///   - before: how many tasks were thought to wait or run.
    ///   - newest: the job that was submitted last, with the last line of its log.
    private mutating func decide(
        _ shown: [SlurmTask], before: Int, newest: (job: SlurmJob, log: String)?, at now: Instant
    ) -> [LaunchNotice] {
        if let open = unsettled, open.wasRefused, open.absences >= Self.absence {
            unsettled = nil
            let notices = refused(nil, at: now)
            if refusals >= Self.patience { return notices }
            // The looks were the pause.
        }
        nextCallAt = now + pause
        if isUncertain { return uncertain() }
        toldUncertain = false
        guard unsettled == nil else { return [] }
        if alive > maximum { return cancelSurplus(of: shown, at: now) }
        return fill(before: before, newest: newest, at: now)
    }

    private mutating func uncertain() -> [LaunchNotice] {
        guard !toldUncertain else { return [] }
        toldUncertain = true
        let unseen = known.first { !$0.wasSeen && $0.alive > 0 }
        let fact = unseen.map { "job \($0.job) is not in the queue and has left no log" } ?? "no job of the name \(jobName) is in the queue"
        return [
            .warning(
                "\(fact), so that nobody knows whether it runs; nothing more is submitted until it is seen, or regsweep workers add \(keyName)"
            )
        ]
    }

    /// Those that wait go first, then those of the newest jobs.
    private mutating func cancelSurplus(of shown: [SlurmTask], at now: Instant) -> [LaunchNotice] {
        let order = Dictionary(known.enumerated().map { ($1.job, $0) }) { first, _ in first }
        let tasks = shown.filter(\.isAlive).enumerated().sorted { a, b in
            func rank(_ task: (offset: Int, element: SlurmTask)) -> (Int, Int, Int) {
                (task.element.isWaiting ? 1 : 0, order[task.element.job] ?? 0, task.offset)
            }
            return rank(a) > rank(b)
        }
        let surplus = tasks.prefix(alive - maximum).map(\.element)
        toSubmit = []
        toCancel = places.map { place in Batch(ids: surplus.filter { $0.job.cluster == place }.map(\.id), cluster: place) }
            .filter { !$0.ids.isEmpty }
        if !toCancel.isEmpty { nextCallAt = now }
        return [.warning("\(workers(alive)) where \(maximum) may be: cancelling \(surplus.map(\.id).joined(separator: ", "))")]
    }

    /// Submits what is missing.
    private mutating func fill(before: Int, newest: (job: SlurmJob, log: String)?, at now: Instant) -> [LaunchNotice] {
        let missing = SlurmText.missing(alive: alive, minimum: minimum, maximum: maximum)
        // While the sweep runs there is at least one, also with a minimum of 0.
        let new = alive > 0 ? missing : hasOrdered ? max(1, missing) : maximum
        let open = min(toSubmit.reduce(0, +), maximum - alive)
        toSubmit = max(new, open) > 0 ? SlurmText.arrays(max(new, open), maximumArraySize: maximumArraySize ?? Self.defaultArraySize) : []
        if before > 0, alive == 0, !hasJoined, let newest {
            // Another order would end like this one at once, on nodes that others wait for: it waits until the next look is due.
            fruitlessOrders += 1
            nextCallAt = now + pause
            let fact = "all tasks of job \(newest.job) ended and no worker joined\(newest.log.isEmpty ? "" : ": \(newest.log)")"
            return [
                .warning(
                    fact
                        + (hasGivenUp
                            ? "; given up, the sweep goes on without it; regsweep workers add \(keyName) tries again"
                            : "; trying again in \(seconds(pause))"))
            ]
        }
        guard maySubmit, !toSubmit.isEmpty, refusals < Self.patience else { return [] }
        nextCallAt = now
        defer { hasOrdered = true }
        return hasOrdered && open == 0 ? [.info("\(alive) worker\(alive == 1 ? " is" : "s are") left, submitting \(new)")] : []
    }

    // MARK: What a person is told

    private mutating func fail(_ reason: String, at now: Instant) -> [LaunchNotice] {
        failures += 1
        look = Look()
        guard !isRemoved else {
            let pause = cancellationPause()
            nextCallAt = now + pause
            return warn(reason, "; trying again in \(seconds(pause))")
        }
        nextCallAt = now + pause
        if failures == Self.patience { lastReason = "" }
        return warn(
            reason,
            hasGivenUp ? "; given up, the sweep goes on without it until Slurm answers" : "; trying again in \(seconds(pause))")
    }

    /// A group that was given up or removed does not say the same again and again.
    private mutating func warn(_ reason: String, _ consequence: String) -> [LaunchNotice] {
        defer { lastReason = reason }
        return (hasGivenUp || isRemoved) && reason == lastReason ? [] : [.warning(reason + consequence)]
    }

    private func workers(_ count: Int) -> String { "\(count) worker\(count == 1 ? "" : "s")" }

    private func seconds(_ duration: Duration) -> String { "\(NumberText.shortest(duration.inSeconds)) s" }
}

extension SlurmGroup.Answer {
    /// The last words of a call, for a person.
    fileprivate var reason: String {
        Subprocess.lastLine(errors) ?? Subprocess.lastLine(output).map { "\"\($0)\"" } ?? "\(status)"
    }
}
