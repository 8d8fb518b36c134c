// LocalLauncher.swift · Coordinator/Launching. Worker processes on the coordinator's own host. They are ordinary workers on a real
// socket; only here it matters that this process has started them. LocalWorkers decides which are started again.

internal import Glibc
internal import Vocabulary
internal import Wire

final class LocalLauncher: Launcher {
    let name = "local workers"
    let keyName: String? = nil
    let isOver = false

    private let program: String
    private var commandLine: WorkerCommandLine
    /// Standard error of all of them.
    private let logPath: String
    private var workers: LocalWorkers
    private var ended: [EndedProcess] = []

    /// - Parameter count: how many worker processes run; 0 for none.
    init(_ commandLine: WorkerCommandLine, program: String, count: Int, logPath: String) {
        self.program = program
        self.commandLine = commandLine
        self.logPath = logPath
        workers = LocalWorkers(count: count)
    }

    /// Where the workers connect that are started from now on.
    var endpoint: String {
        get { if case .endpoint(let endpoint) = commandLine.coordinator { endpoint } else { "" } }
        set { commandLine.coordinator = .endpoint(newValue) }
    }

    var outlook: LaunchOutlook { workers.outlook }

    /// Those that run, by number.
    var processes: [pid_t] { workers.running.keys.sorted() }

    func tend(at now: Instant, invitation: (String) throws -> Invitation) -> [LaunchNotice] {
        var notices: [LaunchNotice] = []
        for (process, status) in Subprocess.reap(processes) {
            ended.append(EndedProcess(process: process, hasCrashed: LocalWorkers.isCrash(status)))
            if let notice = workers.ended(process, status, at: now) { notices.append(notice.naming(logPath)) }
        }
        for _ in 0..<workers.tick() where !workers.hasGivenUp {
            do throws(SubprocessError) {
                workers.started(try Subprocess.spawn(program, commandLine.arguments, outputTo: logPath), at: now)
            } catch {
                notices.append(workers.failedToStart("\(error)"))
            }
        }
        return notices
    }

    func joined(process: Int) { workers.joined(pid_t(truncatingIfNeeded: process)) }

    /// Workers of this host have no key that could be removed.
    func remove() {}

    func takeEnded() -> [EndedProcess] {
        defer { ended = [] }
        return ended
    }

    /// However the coordinator ends, unless it is killed: what they have handed over is stored, and nobody takes what they compute.
    deinit { for process in processes { Subprocess.signal(process, SIGKILL) } }
}
