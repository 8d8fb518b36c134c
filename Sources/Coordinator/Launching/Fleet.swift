// Fleet.swift · Coordinator/Launching. All workers that are started on other boxes, whichever way.

internal import Logging
internal import Wire

struct Fleet: ~Copyable {
    private var ssh: SSHLauncher
    private var slurm: SlurmLauncher

    /// - Parameters:
    ///   - program: the worker that other boxes get or have.
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

    mutating func addSSH(_ name: String, at now: Instant) { ssh.add(HostSpec(name: name), at: now) }

    mutating func removeSSH(_ name: String) { ssh.remove(name) }

    /// - Returns: whether workers of any box may be there or come.
    mutating func tend(at now: Instant, _ logger: Logger, invitation: (String) throws -> Invitation) -> Bool {
        let isSSHAlive = ssh.tend(at: now, logger, invitation: invitation)
        return slurm.tend(at: now, logger, invitation: invitation) || isSSHAlive
    }
}
