// Snapshot.swift · Coordinator/Serving. What runs and what waits, as one immutable value in the results directory: `status` and `explain`
// read it and never the scheduler. Nothing is decided by it, so an old one, or none, costs nothing.

internal import FoundationEssentials
internal import Vocabulary
internal import Wire

struct Snapshot: Codable, Equatable {
    struct Worker: Codable, Equatable {
        var id: String, host: String
        var process: Int, slots: Int, credits: Int, leases: Int
        var silentSeconds: Double
        var isQuarantined: Bool
        var secondsPerTrial: Double?
    }

    struct Lease: Codable, Equatable {
        var id: String, worker: String
        var purpose: Purpose
        var hasBegun: Bool
        /// Seconds since the lease was granted.
        var seconds: Double
        /// Keys of its trials that have no result yet; for a verification, the keys of all of its trials.
        var trials: [String]

        enum Purpose: String, Codable {
            /// Its trials are no other lease's.
            case own
            /// Its trials are those of another worker's lease, which takes long.
            case copy
            /// Its trials have results, and are computed again to compare the bits.
            case verification
        }
    }

    /// A long trial's curve while it is computed, in the order of epochs. A loss that is not finite, or not known, is null.
    struct Curve: Codable, Equatable {
        var trial: String
        /// Strengths by name; those that are 0 are left out.
        var strengths: [String: Double]
        var learningRate: Double
        var initialization: Int, replicate: Int
        var epochs: [Int]
        /// Epochs of the whole trial.
        var lastEpoch: Int
        var trainLoss: [Double?], testLoss: [Double?], lossRatio: [Double?]
    }

    /// What has gone wrong with a trial that has no result yet.
    struct History: Codable, Equatable {
        var attempts: Int, crashes: Int, failures: Int
    }

    var incarnation: UInt64
    var total: Int, done: Int, diverged: Int, failed: Int, waiting: Int
    /// Verifications that no worker has yet.
    var verificationsWaiting: Int
    var isStoreBlocked: Bool, isDraining: Bool
    var workers: [Worker]
    var leases: [Lease]
    /// Curves in the order of the grid.
    var curves: [Curve]
    /// Histories by trial key, of trials that a worker died over or failed at.
    var histories: [String: History]

    /// Writes all of it or nothing.
    func write(to directory: ResultsDirectory) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try OutputFile.write(Array(encoder.encode(self)), toRegular: directory.status)
    }

    /// - Returns: nil where there is none, or one of another release.
    static func read(from directory: ResultsDirectory) -> Snapshot? {
        (try? FileBytes.read(directory.status)).flatMap {
            try? JSONDecoder().decode(Snapshot.self, from: Data($0))
        }
    }
}

extension Snapshot {
    init(_ scheduler: Scheduler, _ live: LiveTrials, at now: Instant) {
        let grid = scheduler.grid
        incarnation = scheduler.configuration.incarnation
        (total, waiting, verificationsWaiting) = (
            grid.count, scheduler.trials.queue.count, scheduler.verifications.pending.count
        )
        (done, diverged, failed) = (scheduler.trials.counts.done, scheduler.trials.counts.diverged, scheduler.trials.counts.failed)
        (isStoreBlocked, isDraining) = (scheduler.isStoreBlocked, scheduler.isDraining)
        workers = []
        for (id, worker) in scheduler.workers.byID.sorted(by: { $0.key.order < $1.key.order }) {
            workers.append(
                Worker(
                    id: "\(id)", host: worker.host, process: worker.process, slots: worker.slots, credits: worker.credits,
                    leases: worker.leases.count, silentSeconds: (now - worker.lastHeard).inSeconds,
                    isQuarantined: scheduler.isQuarantined(id), secondsPerTrial: worker.secondsPerTrial))
        }
        leases = []
        for (id, lease) in scheduler.leases.byID.sorted(by: { $0.key < $1.key }) {
            let (purpose, trials): (Lease.Purpose, [Int]) =
                switch lease.purpose {
                case .own: (.own, scheduler.trialsHeld(by: id))
                case .copy: (.copy, scheduler.trialsHeld(by: id))
                case .verification: (.verification, lease.trials)
                }
            leases.append(
                Lease(
                    id: "\(id)", worker: "\(lease.worker)", purpose: purpose, hasBegun: lease.hasBegun,
                    seconds: (now - lease.since).inSeconds, trials: trials.map { "\(grid.key(of: $0))" }))
        }
        curves = []
        for index in live.curves.keys.compactMap({ grid.index(of: $0) }).sorted() {
            curves.append(Curve(grid, index, live.curves[grid.key(of: index)]!))
        }
        histories = [:]
        for (index, record) in scheduler.failures.trials {
            histories["\(grid.key(of: index))"] = History(
                attempts: scheduler.trials.attempts(of: index), crashes: record.crashes, failures: record.failedOn.count)
        }
    }
}

extension Snapshot.Curve {
    init(_ grid: Grid, _ index: Int, _ curve: LiveTrials.Curve) {
        func finite(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }
        let setting = grid.setting(of: index), group = grid.groups[grid.group(of: index)].spec
        self.init(
            trial: "\(grid.key(of: index))",
            strengths: Dictionary(uniqueKeysWithValues: setting.strengths.nonZero.map { ($0.name, $0.value) }),
            learningRate: setting.learningRate,
            initialization: group.initialization, replicate: group.replicate, epochs: curve.points.map(\.point.epoch),
            lastEpoch: curve.epochs, trainLoss: curve.points.map { finite($0.point.trainLoss) },
            testLoss: curve.points.map { finite($0.point.testLoss) }, lossRatio: curve.points.map { finite($0.lossRatio) })
    }
}

/// Writes a snapshot once a second, or more seldom, so that it costs at most a hundredth of the coordinator's time. A thread of its own
/// waits for the disk.
struct SnapshotWriter {
    private let directory: ResultsDirectory
    private let thread = SerialThread()
    /// How long the last one took to be written.
    private let lastTime = Monitor(Duration.zero)
    private var nextAt = Instant(sinceStart: .zero)

    init(_ directory: ResultsDirectory) { self.directory = directory }

    mutating func write(_ scheduler: Scheduler, _ live: LiveTrials, _ stopwatch: Stopwatch) {
        let start = stopwatch.now
        guard start >= nextAt, thread.isIdle else { return }
        let snapshot = Snapshot(scheduler, live, at: start), made = stopwatch.now
        nextAt = made + max(.seconds(1), (made - start + lastTime.change { $0 }) * 100)
        thread.post { [directory, lastTime] in
            let begin = stopwatch.now
            // On a full disk the last snapshot stays; that the disk is full is said by the commit that fails.
            try? snapshot.write(to: directory)
            lastTime.change { $0 = stopwatch.now - begin }
        }
    }

    /// Called when the coordinator ends: what the snapshot tells is not true any more. Waits for the disk for 5 s at the most.
    func remove() {
        thread.post { [directory] in Files.remove(directory.status) }
        thread.waitUntilIdle(atMost: .seconds(5))
    }
}
