// SSHLauncher.swift · Coordinator/Launching. Workers on one other host, by the user's own ssh. RemoteHost decides, SSHText makes and reads
// the text, ChildProcess runs ssh, which is never waited for. What the host writes goes to a log of its own.

internal import FoundationEssentials
internal import Glibc
internal import Vocabulary
internal import Wire

final class SSHLauncher: Launcher {
    let name: String
    let keyName: String?
    private(set) var isOver = false

    private let spec: HostSpec
    private let program: WorkerProgram
    private let options: [String]
    private let orphanTimeout: Duration
    private let logPath: String
    private var host: RemoteHost
    private var ssh: ChildProcess?

    /// - Parameters:
    ///   - options: options of ssh, which go before the name of the host.
    ///   - directory: the results directory, where the log goes.
    init(_ spec: HostSpec, program: WorkerProgram, options: [String], orphanTimeout: Duration, directory: String, at now: Instant) {
        name = "host \(spec.name)"
        keyName = spec.keyName
        self.spec = spec
        self.program = program
        self.options = options
        self.orphanTimeout = orphanTimeout
        logPath = "\(directory)/host-\(spec.name).log"
        host = RemoteHost(spec.name, at: now)
    }

    var outlook: LaunchOutlook { host.outlook }

    func tend(at now: Instant, invitation: (String) throws -> Invitation) -> [LaunchNotice] {
        var notices: [LaunchNotice] = []
        if let end = ssh?.ended() {
            ssh = nil
            if let notice = host.ended(end.status, saying: Subprocess.lastLine(end.output), at: now) { notices.append(notice) }
        }
        if let step = host.tick(at: now) {
            do { ssh = try begin(step, invitation) } catch { notices.append(host.failedToStart("\(error)", at: now)) }
        }
        return notices.map { $0.naming(logPath) }
    }

    private func begin(_ step: RemoteHost.Step, _ invitation: (String) throws -> Invitation) throws -> ChildProcess {
        let bundle = try program.bundle()
        let script: String, input: Subprocess.Input
        switch step {
        case .copy: (script, input) = (SSHText.copy(bundle, spec), .file(bundle.path))
        case .start:
            script = SSHText.start(bundle, spec, orphanTimeout: orphanTimeout)
            input = .text(try invitation(spec.keyName).secretText + "\n")
        }
        return try ChildProcess(
            "ssh", SSHText.arguments(spec.name, options: options, script: script), input: input, outputTo: logPath)
    }

    func joined(process: Int) { host.joined() }

    func remove() { isOver = true }

    /// Its workers were told over the wire to leave.
    deinit { if let ssh { Subprocess.signal(ssh.process, SIGTERM) } }
}
