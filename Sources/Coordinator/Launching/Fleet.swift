// Fleet.swift · Coordinator/Launching. All workers that the coordinator starts: on this host, by ssh and by Slurm.

internal import Glibc
internal import Logging
internal import Vocabulary
internal import Wire

/// The launchers of one run. When it is released, each of them ends what it has started.
struct Fleet: ~Copyable {
    private var launchers: [any Launcher]
    private let local: LocalLauncher
    private let sweep: String
    private let slurmProgram: String
    private let logger: Logger
    private let program: WorkerProgram
    private let sshOptions: [String]
    private let orphanTimeout: Duration
    private let directory: String
    /// Those of the cluster file, which may be started again after they were given up or removed.
    private let hosts: [HostSpec]

    /// - Parameters:
    ///   - cluster: its hosts, and what each worker computes at once.
    ///   - sweep: names the jobs of Slurm groups.
    ///   - program: the worker beside regsweep. Other hosts get the one that the cluster file names, if it does.
    ///   - endpoint: where workers of this host connect.
    ///   - localCount: how many worker processes run on this host; 0 for none.
    ///   - localLog: path of the file for their standard error.
    ///   - directory: the results directory, absolute.
    ///   - logger: is told of what launchers do.
    init(
        _ cluster: ClusterSpec, sweep: String, program: String, endpoint: String, localCount: Int, localLog: String, directory: String,
        _ logger: Logger
    ) {
        let start = Instant(sinceStart: .zero)
        let load = WorkerLoad(
            slots: "\(cluster.slots)", threadsPerTrial: cluster.threadsPerTrial, orphanTimeout: cluster.orphanTimeout)
        local = LocalLauncher(
            WorkerCommandLine(coordinator: .endpoint(endpoint), load: load), program: program, count: localCount, logPath: localLog)
        launchers = [local]
        let hostProgram = cluster.workerProgram ?? program
        self.program = WorkerProgram(path: hostProgram)
        sshOptions = cluster.sshOptions
        orphanTimeout = cluster.orphanTimeout
        self.directory = directory
        hosts = cluster.hosts
        self.sweep = sweep
        slurmProgram = hostProgram
        self.logger = logger
        for host in hosts { launchers.append(launcher(of: host, at: start)) }
    }

    /// Where the workers of this host connect that are started from now on.
    var localEndpoint: String {
        get { local.endpoint }
        set { local.endpoint = newValue }
    }

    private func launcher(of host: HostSpec, at now: Instant) -> any Launcher {
        switch host.kind {
        case .ssh: SSHLauncher(host, program: program, options: sshOptions, orphanTimeout: orphanTimeout, directory: directory, at: now)
        case .slurm:
            SlurmLauncher(host, sweep: sweep, program: slurmProgram, orphanTimeout: orphanTimeout, directory: directory, at: now)
        }
    }

    /// Starts workers on an ssh host, also on one that was given up or whose workers have left; does nothing where some are expected.
    /// - Parameter host: what is said of it; a host of the cluster file is started as the file says.
    mutating func addSSH(_ host: HostSpec, at now: Instant) {
        let host = hosts.first { $0.keyName == host.keyName } ?? host
        guard !launchers.contains(where: { $0.keyName == host.keyName && $0.outlook == .expected }) else { return }
        launchers.removeAll { $0.keyName == host.keyName }
        launchers.append(launcher(of: host, at: now))
    }

    /// Starts workers of a Slurm group of the cluster file again, after it was given up or removed.
    /// - Parameter keyName: `slurm:NAME`.
    /// - Returns: why it does not; nil where it does.
    mutating func addSlurm(_ keyName: String, at now: Instant) -> String? {
        guard let group = hosts.first(where: { $0.keyName == keyName }) else {
            return "the cluster file of this run has no [[host]] with kind = \"slurm\" of that name"
        }
        guard let launcher = launchers.first(where: { $0.keyName == keyName }) as? SlurmLauncher else {
            launchers.append(launcher(of: group, at: now))
            return nil
        }
        return launcher.revive() ? nil : "its jobs are still being cancelled: try again when the log says that they are"
    }

    private func log(_ notice: LaunchNotice, of launcher: any Launcher) {
        logger.log(level: notice.level.ofLog, "\(launcher.name): \(notice.text)")
    }

    deinit { for launcher in launchers { launcher.end { log($0, of: launcher) } } }

    /// A worker has joined.
    /// - Parameter keyName: name of its key; nil for a worker of this host without one.
    func joined(_ keyName: String?, process: Int) {
        for launcher in launchers where launcher.keyName == keyName { launcher.joined(process: process) }
    }

    /// Ends the workers with the key of that name, `ssh:NAME` or `slurm:NAME`, and starts none in their place. Nothing happens for any
    /// other name.
    mutating func remove(_ keyName: String) {
        for launcher in launchers where launcher.keyName == keyName { launcher.remove() }
        launchers.removeAll { $0.isOver }
    }

    /// Lets every launcher take note of what has ended and start what is due.
    mutating func tend(at now: Instant, invitation: (String) throws -> Invitation) -> LaunchOutlook {
        for launcher in launchers { for notice in launcher.tend(at: now, invitation: invitation) { log(notice, of: launcher) } }
        launchers.removeAll { $0.isOver }
        let outlooks = launchers.map(\.outlook)
        return outlooks.contains(.expected) ? .expected : outlooks.contains(.givenUp) ? .givenUp : .none
    }

    /// Worker processes on this host that have ended since the last call: the scheduler need not wait until they time out.
    func takeEnded() -> [EndedProcess] { launchers.flatMap { $0.takeEnded() } }
}

extension LaunchNotice.Level {
    fileprivate var ofLog: Logger.Level {
        switch self {
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}
