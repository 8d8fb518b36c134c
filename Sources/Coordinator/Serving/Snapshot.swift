// Snapshot.swift · Coordinator/Serving. What runs and what waits, as one immutable value in the results directory: `status` and `explain`
// read it and never the scheduler. It is a view; nothing is decided by it, and a torn or old one costs nothing.

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
        /// `own`, `copy` or `check`.
        var purpose: String
        var hasBegun: Bool
        var seconds: Double
        /// Keys of the trials in it that have no result yet; of a check, all of its trials.
        var trials: [String]
    }

    /// A long trial's curve while it is computed, in the order of epochs; a number that is none is left out as null.
    struct Curve: Codable, Equatable {
        var trial: String
        var lambda2: Double, learningRate: Double
        var initialization: Int, replicate: Int
        var epochs: [Int]
        /// Of the whole trial.
        var lastEpoch: Int
        var trainLoss: [Double?], testLoss: [Double?], lossRatio: [Double?]
    }

    /// A trial that has been through something.
    struct History: Codable, Equatable {
        var attempts: Int, crashes: Int, failures: Int
    }

    var incarnation: UInt64
    var total: Int, done: Int, diverged: Int, failed: Int, waiting: Int
    var checksWaiting: Int
    var isStoreBlocked: Bool, isDraining: Bool
    var workers: [Worker]
    var leases: [Lease]
    /// In the order of the grid.
    var curves: [Curve]
    /// By key; only of trials that a worker died over or failed at.
    var histories: [String: History]

    init(_ scheduler: borrowing Scheduler, _ live: LiveTrials, at now: Instant) {
        let grid = scheduler.grid
        incarnation = scheduler.configuration.incarnation
        (total, waiting, checksWaiting) = (grid.count, scheduler.trials.queue.count, scheduler.verifications.pending.count)
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
            let (purpose, trials) =
                switch lease.purpose {
                case .own: ("own", scheduler.trialsHeld(by: id))
                case .copy: ("copy", scheduler.trialsHeld(by: id))
                case .verification: ("check", lease.trials)
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

    static func path(in directory: String) -> String { "\(directory)/status.json" }

    /// Whole or not at all.
    func write(to directory: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try encoder.encode(self).write(to: URL(filePath: Self.path(in: directory)), options: .atomic)
    }

    /// Nil where there is none, or none of this release.
    static func read(from directory: String) -> Snapshot? {
        (try? Data(contentsOf: URL(filePath: path(in: directory)))).flatMap { try? JSONDecoder().decode(Snapshot.self, from: $0) }
    }
}

extension Snapshot.Curve {
    init(_ grid: Grid, _ index: Int, _ curve: LiveTrials.Curve) {
        func finite(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }
        let setting = grid.setting(of: index), group = grid.groups[grid.group(of: index)].spec
        self.init(
            trial: "\(grid.key(of: index))", lambda2: setting.lambda2, learningRate: setting.learningRate,
            initialization: group.initialization, replicate: group.replicate, epochs: curve.points.map(\.point.epoch),
            lastEpoch: curve.epochs, trainLoss: curve.points.map { finite($0.point.trainLoss) },
            testLoss: curve.points.map { finite($0.point.testLoss) }, lossRatio: curve.points.map { finite($0.lossRatio) })
    }
}

/// Writes snapshots, so seldom that they cost at most a hundredth of the coordinator's time.
struct SnapshotWriter {
    let directory: String
    private var nextAt = Instant(sinceStart: .zero)

    init(directory: String) { self.directory = directory }

    mutating func write(_ scheduler: borrowing Scheduler, _ live: LiveTrials, _ stopwatch: Stopwatch) {
        let start = stopwatch.now
        guard start >= nextAt else { return }
        // A disk that is full has other troubles than this.
        try? Snapshot(scheduler, live, at: start).write(to: directory)
        let end = stopwatch.now
        nextAt = end + max(.seconds(1), (end - start) * 100)
    }

    /// What ran is not running any more.
    func remove() { ResultsDirectory.remove(Snapshot.path(in: directory)) }
}
