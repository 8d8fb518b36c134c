// LocalLauncher.swift · Coordinator/Launching. Worker processes on the coordinator's own host: started, replaced, stopped.
// They are ordinary workers on a real socket; that they are ours matters only here.

internal import Glibc
internal import Logging
internal import Vocabulary
internal import Wire

struct LocalLauncher: ~Copyable {
    private let program: String
    private let arguments: [String]
    private let count: Int
    private let logPath: String
    private var running: [pid_t: Instant] = [:]
    /// Deaths in a row, each but the first within `quick` of its start.
    private var quickDeaths = 0
    /// Processes that have ended and that nobody has been told of.
    private var ended: [pid_t] = []

    /// A worker that dies sooner than this never got to work.
    private static let quick: Duration = .seconds(5)
    /// Then something is wrong with the program or the host, and starting it again cannot help.
    private static let patience = 5

    /// - Parameters:
    ///   - count: worker processes; 0 for none.
    ///   - logPath: where their stderr goes.
    init(
        program: String, endpoint: String, count: Int, slots: Int, threadsPerTrial: Int, orphanTimeout: Duration, logPath: String
    ) {
        self.program = program
        arguments = [
            "--connect", endpoint, "--slots", "\(slots)", "--threads-per-trial", "\(threadsPerTrial)", "--orphan-timeout",
            "\(orphanTimeout.inSeconds)",
        ]
        self.count = count
        self.logPath = logPath
    }

    /// Too many died at once: those that are left go on, and none is started in place of one that dies.
    var hasGivenUp: Bool { count > 0 && quickDeaths >= Self.patience }

    mutating func start() throws {
        for _ in 0..<count { running[try Subprocess.spawn(program, arguments, outputTo: logPath)] = Instant(sinceStart: .zero) }
    }

    /// Buries the dead and starts others in their place. A worker that was drained (exit code 0) is not replaced: somebody wanted it gone.
    /// - Returns: whether any of ours is alive.
    mutating func tend(at now: Instant, _ logger: Logger) -> Bool {
        for (pid, status) in Subprocess.reap(Array(running.keys)) {
            ended.append(pid)
            guard let since = running.removeValue(forKey: pid), status != .exited(0) else { continue }
            // Once given up it stays so: what is said of it must not be untrue after the next death.
            if !hasGivenUp { quickDeaths = now - since < Self.quick ? quickDeaths + 1 : 1 }
            logger.warning("local worker \(pid) ended: \(status)\(hasGivenUp ? "" : ", starting another"); see \(logPath)")
            guard !hasGivenUp else {
                logger.error("too many local workers died one after the other: \(running.count) are left and no more are started")
                continue
            }
            do { running[try Subprocess.spawn(program, arguments, outputTo: logPath)] = now } catch {
                logger.error("\(error)")
                quickDeaths = Self.patience
            }
        }
        return !running.isEmpty
    }

    /// Processes of ours that have ended since the last call: whoever waits for their silence need not.
    mutating func takeEnded() -> [pid_t] {
        defer { ended = [] }
        return ended
    }

    /// Those that are still there end with the coordinator, however it ends, unless it was killed itself: all that they have handed over is
    /// stored, and what they compute has nobody to go to.
    deinit { for pid in running.keys { Subprocess.signal(pid, SIGKILL) } }
}
