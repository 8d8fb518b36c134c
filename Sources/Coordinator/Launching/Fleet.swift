// Fleet.swift · Coordinator/Launching. All workers that are started on other hosts, whichever way.

internal import Logging
internal import Vocabulary
internal import Wire

struct Fleet: ~Copyable {
    private var ssh: SSHLauncher
    private var slurm: SlurmLauncher

    /// - Parameters:
    ///   - program: the worker that other hosts get or have.
    ///   - directory: of the results, absolute.
    init(
        _ hosts: [HostSpec], sweep: String, program: String, sshOptions: [String], orphanTimeout: Duration, directory: String
    ) {
        var ssh = SSHLauncher(program: program, options: sshOptions, orphanTimeout: orphanTimeout, directory: directory)
        var slurm = SlurmLauncher(sweep: sweep, program: program, orphanTimeout: orphanTimeout, directory: directory)
        let start = Instant(sinceStart: .zero)
        for host in hosts {
            switch host.kind {
            case .ssh: ssh.add(host, at: start)
            case .slurm: slurm.add(host, at: start)
            }
        }
        self.ssh = ssh
        self.slurm = slurm
    }

    mutating func addSSH(_ host: HostSpec, at now: Instant) { ssh.add(host, at: now) }

    /// A worker came in with the key of that name.
    mutating func joined(_ keyName: String) {
        ssh.joined(keyName)
        slurm.joined(keyName)
    }

    /// Nothing is started there again.
    /// - Parameter keyName: `ssh:NAME` or `slurm:NAME`; nothing happens for any other key.
    mutating func remove(_ keyName: String) {
        ssh.remove(keyName)
        slurm.remove(keyName)
    }

    /// - Returns: whether workers of any host may be there or come.
    mutating func tend(at now: Instant, _ logger: Logger, invitation: (String) throws -> Invitation) -> Bool {
        let isSSHAlive = ssh.tend(at: now, logger, invitation: invitation)
        return slurm.tend(at: now, logger, invitation: invitation) || isSSHAlive
    }
}
