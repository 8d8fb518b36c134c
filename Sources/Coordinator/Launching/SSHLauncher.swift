// SSHLauncher.swift · Coordinator/Launching. Workers on other hosts, by the user's own ssh: one ssh a host, all at once, none waited for.
// RemoteHost decides, SSHText has the words, Subprocess does it. What the hosts say goes to a log each.

internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import Vocabulary
internal import Wire

struct SSHLauncher: ~Copyable {
    private struct Host {
        var spec: HostSpec
        var remote: RemoteHost
        var process: pid_t?
        var logSize = 0
    }

    private var hosts: [Host] = []
    private let program: String
    /// Read when the first host needs it.
    private var bundle: WorkerBundle?
    private let options: [String]
    private let orphanTimeout: Duration
    private let directory: String

    /// - Parameters:
    ///   - program: the worker, as it is on this host.
    ///   - directory: of the results, for the logs.
    init(program: String, options: [String], orphanTimeout: Duration, directory: String) {
        self.program = program
        self.options = options
        self.orphanTimeout = orphanTimeout
        self.directory = directory
    }

    /// Also of a host that was given up or whose workers have left.
    mutating func add(_ spec: HostSpec, at now: Instant) {
        if let index = hosts.firstIndex(where: { $0.spec.name == spec.name }) {
            guard !hosts[index].remote.isAlive else { return }
            hosts[index].remote = RemoteHost(at: now)
        } else {
            hosts.append(Host(spec: spec, remote: RemoteHost(at: now)))
        }
    }

    mutating func remove(_ keyName: String) {
        guard let index = hosts.firstIndex(where: { $0.spec.keyName == keyName }) else { return }
        if let pid = hosts[index].process { Subprocess.signal(pid, SIGTERM) }
        hosts.remove(at: index)
    }

    mutating func joined(_ keyName: String) {
        for index in hosts.indices where hosts[index].spec.keyName == keyName { hosts[index].remote.joined() }
    }

    /// Looks after every host once.
    /// - Parameter invitation: for the workers of a host; asked for at each start.
    /// - Returns: whether workers of any host may be there or come.
    mutating func tend(at now: Instant, _ logger: Logger, invitation: (String) throws -> Invitation) -> Bool {
        let ended = Dictionary(
            Subprocess.reap(hosts.compactMap(\.process)).map { ($0.pid, $0.status) }, uniquingKeysWith: { first, _ in first })
        for index in hosts.indices {
            var step = RemoteHost.Step.nothing
            if let pid = hosts[index].process, let status = ended[pid] {
                hosts[index].process = nil
                step = note(status, index, at: now, logger)
            } else if hosts[index].process == nil {
                step = hosts[index].remote.tick(at: now)
            }
            // A copy that has ended is followed by the start in the same turn.
            if step != .nothing { begin(step, index, at: now, logger, invitation) }
        }
        return hosts.contains { $0.remote.isAlive }
    }

    private mutating func note(_ status: Subprocess.Status, _ index: Int, at now: Instant, _ logger: Logger) -> RemoteHost.Step {
        let name = hosts[index].spec.name
        var code: Int32?
        if case .exited(let exit) = status { code = exit }
        let step = hosts[index].remote.ended(code, at: now)
        switch hosts[index].remote.state {
        case .ended: logger.info("host \(name): its workers have left")
        case .copying: logger.info("host \(name): copying the worker program")
        case .waiting, .givenUp:
            let isLast = hosts[index].remote.state == .givenUp
            let words = lastWords(index).map { ": \($0)" } ?? ""
            logger.warning(
                "host \(name): \(code == SSHText.noConnection ? "no connection" : "\(status)")\(words)\(isLast ? "; given up, the sweep goes on without it" : "; trying again"); see \(logPath(index))"
            )
        case .starting: break
        }
        return step
    }

    private mutating func begin(
        _ step: RemoteHost.Step, _ index: Int, at now: Instant, _ logger: Logger, _ invitation: (String) throws -> Invitation
    ) {
        let spec = hosts[index].spec
        hosts[index].logSize = Self.contents(logPath(index)).utf8.count
        do {
            let bundle = try bundle ?? WorkerBundle(reading: program)
            self.bundle = bundle
            let script: String, input: Subprocess.Input
            if step == .copy {
                (script, input) = (SSHText.copy(bundle), .file(bundle.path))
            } else {
                script = SSHText.start(
                    bundle,
                    HostLaunch(
                        workers: spec.workers, slots: spec.slots, threadsPerTrial: spec.threadsPerTrial, orphanTimeout: orphanTimeout))
                input = .text(try invitation(spec.keyName).secretText + "\n")
            }
            hosts[index].process = try Subprocess.spawn(
                "ssh", SSHText.arguments(spec.name, options: options, script: script), input: input, outputTo: logPath(index))
        } catch {
            logger.error("host \(spec.name): \(error)")
            _ = hosts[index].remote.ended(nil, at: now)
        }
    }

    private func logPath(_ index: Int) -> String {
        "\(directory)/host-\(hosts[index].spec.name.replacing("/", with: "_")).log"
    }

    /// The last line that the host, or ssh, has said since the last start.
    private func lastWords(_ index: Int) -> String? {
        let new = Self.contents(logPath(index)).utf8.dropFirst(hosts[index].logSize)
        return Subprocess.lastLine(String(decoding: Array(new), as: UTF8.self))
    }

    private static func contents(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

    /// Their workers were told to drain over the wire; an ssh that is still there would only be in the way.
    deinit { for host in hosts { if let pid = host.process { Subprocess.signal(pid, SIGTERM) } } }
}
