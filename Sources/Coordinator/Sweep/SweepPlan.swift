// SweepPlan.swift · Coordinator/Sweep. The plan of a sweep, which `regsweep check` prints.

internal import Vocabulary

struct SweepPlan {
    let grid: Grid
    /// Compute time of a trial on one core: measured, or estimated from its floating-point operations.
    var secondsPerTrial: Double
    var basis: String
    var cores: Int
    var leaseSeconds: Double

    /// - Parameters:
    ///   - measured: mean seconds of a trial in the sweep's store; nil when there are no results yet.
    ///   - cores: the cores that compute.
    ///   - leaseSeconds: target of the compute time of a lease.
    init(_ grid: Grid, measured: Double?, cores: Int, leaseSeconds: Double) {
        self.grid = grid
        self.cores = cores
        self.leaseSeconds = leaseSeconds
        secondsPerTrial = measured ?? grid.assumedSecondsPerTrial
        basis =
            measured == nil
            ? "assuming \(Int(grid.spec.declaration.flopsPerSecond / 1e9)) GFLOP/s a core" : "as measured on the trials that are stored"
    }

    var leases: Int {
        let perLease = Int(max(1, min(Double(grid.spec.settings.count), leaseSeconds / secondsPerTrial)))
        return grid.groups.count * ((grid.spec.settings.count + perLease - 1) / perLease)
    }

    func text(stored: Int) -> String {
        let spec = grid.spec
        let left = grid.count - stored
        let time =
            left == 0
            ? "none: every trial is stored"
            : "about \(Self.duration(Double(left) * secondsPerTrial / Double(cores))) on \(cores) core\(cores == 1 ? "" : "s"), \(basis)"
        let flops = Double(grid.count) * grid.flopsPerTrial
        return """
            sweep      \(spec.name) (\(spec.problem), seed \(spec.seed))
            settings   \(spec.settings.count) \(spec.rows.isEmpty ? "on \(spec.curves.count) curves" : "in a table of \(spec.rows.count) rows"), with plain SGD
            groups     \(grid.groups.count) = \(spec.trainingSets) training sets × \(spec.initializations) initializations × \(spec.replicates) replicates
            trials     \(grid.count)\(stored > 0 ? ", of which \(stored) are stored and \(left) are left" : "")
            leases     about \(leases) of up to \(NumberText.shortest(leaseSeconds)) s
            work       \(Self.scaled(flops))flop
            time       \(time)
            """
    }

    /// A number with three digits and the SI prefix of its unit.
    static func scaled(_ value: Double) -> String {
        var (value, prefixes) = (value, ["", "k", "M", "G", "T", "P", "E", "Z"][...])
        while value >= 999.5, prefixes.count > 1 { (value, prefixes) = (value / 1000, prefixes.dropFirst()) }
        let decimals: Double = value < 9.995 ? 100 : value < 99.95 ? 10 : 1
        return "\(NumberText.shortest((value * decimals).rounded() / decimals)) \(prefixes.first!)"
    }

    /// A duration in words, rounded up.
    static func duration(_ seconds: Double) -> String {
        let day = 86_400.0, year = 365.25 * day
        func tenths(_ value: Double) -> String { NumberText.fixed((value * 10).rounded(.up) / 10, decimals: 1) }
        return switch seconds {
        case ..<1: "1 s"
        case ..<120: "\(Int(seconds.rounded(.up))) s"
        case ..<7200: "\(Int((seconds / 60).rounded(.up))) min"
        case ..<(2 * day): "\(tenths(seconds / 3600)) h"
        case ..<(2 * year): "\(tenths(seconds / day)) days"
        case ..<(1000 * year): "\(tenths(seconds / year)) years"
        default: "1000 years or more"
        }
    }
}

extension Grid {
    /// Floating-point operations of a trial, as the problem's declaration counts them: the mean over the settings.
    var flopsPerTrial: Double {
        let configuration = groups[0].spec.configuration
        return spec.settings.reduce(0) { $0 + spec.declaration.flops(configuration, $1) } / Double(spec.settings.count)
    }

    /// Estimated compute time of a trial on one core, while none has been measured.
    var assumedSecondsPerTrial: Double { flopsPerTrial / spec.declaration.flopsPerSecond }
}
