// CheckCommand.swift · Coordinator/Commands. `regsweep check`: the plan of a sweep, or everything that is wrong with its file.

internal import ArgumentParser
internal import FoundationEssentials
internal import Vocabulary
internal import Wire

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the plan of a sweep without running it, or what is wrong with its file.",
        discussion:
            """
            With --cluster it also tries every host: whether it is reachable, whether its processor and its room suffice, and whether the \
            worker program, which it copies there, runs.
            """)

    @Argument(
        help: "The sweep file, such as Sweeps/figure4.toml; may be left out with --cluster.", transform: PathText.expanded)
    var sweep: String?

    @OptionGroup var options: SweepOptions

    func validate() throws {
        guard sweep != nil || options.cluster != nil else { throw ValidationError("name a sweep file, or a cluster file with --cluster") }
    }

    func run() throws {
        try orExit(hasOut: true) {
            let cluster: ClusterSpec
            if let sweep {
                let found = try options.load(sweep)
                cluster = found.cluster
                for (number, spec) in found.list.sweeps.enumerated() {
                    if number > 0 { Console.print() }
                    try check(spec, cluster, found.directory.directory(of: spec, in: found.list))
                }
                if !cluster.hosts.isEmpty { Console.print() }
            } else {
                cluster = try options.clusterSpec()
                if cluster.hosts.isEmpty { Console.print("no hosts to try: the cluster file has no [[host]]") }
            }
            guard !cluster.hosts.isEmpty else { return }
            let findings = try ClusterCheck(cluster: cluster, program: cluster.workerProgram ?? WorkerProgram.pathBesideCoordinator()).run()
            Console.print(TextTable.text(findings, HostFinding.columns), terminator: "")
            guard findings.allSatisfy({ $0.trouble == nil }) else { throw ExitCode(4) }
        }
    }

    private func check(_ spec: SweepSpec, _ cluster: ClusterSpec, _ directory: ResultsDirectory) throws {
        for warning in spec.warnings { Console.writeLine("warning: \(warning)") }
        let grid = Grid(spec)
        var stored = 0, measured: Double?
        if directory.hasStore {
            let store = try directory.openForReading()
            let differences = SweepSpec.differences(stored: try store.base(), now: spec.base)
            if differences.isEmpty {
                let recovery = try Recovery(store, grid)
                (stored, measured) = (recovery.counts.total, recovery.secondsPerTrial)
            } else {
                Console.writeLine(
                    "warning: \(directory.path) has trials that were trained with other settings (\(differences.joined(separator: "; "))): run needs another directory, --out"
                )
            }
        }
        // Threads that share a trial end it sooner, and fewer run beside it.
        let cores = cluster.localWorkers(cores: Host.cores) * cluster.slots * (spec.declaration.isLong ? cluster.threadsPerTrial : 1)
        Console.print(
            SweepPlan(grid, measured: measured, cores: max(1, min(cores, Host.cores)), leaseSeconds: cluster.leaseSeconds).text(
                stored: stored))
    }
}
