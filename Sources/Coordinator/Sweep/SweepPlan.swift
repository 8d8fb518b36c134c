// SweepPlan.swift · Coordinator/Sweep. What `regsweep check` prints: the plan of a sweep, before anything runs.

internal import Wire

struct SweepPlan {
    let grid: Grid
    /// Where a trial's time was measured, or what was assumed of it.
    var secondsPerTrial: Double
    var basis: String
    var cores: Int
    var leaseSeconds: Double

    /// What the kernels reach on one core of a small server of 2021 (`make bench`), when nothing was measured here.
    static let assumedFlopsPerSecond = 60e9

    /// - Parameter measured: mean seconds of a trial in this sweep's own store.
    init(_ grid: Grid, measured: Double?, cores: Int, leaseSeconds: Double) {
        self.grid = grid
        self.cores = cores
        self.leaseSeconds = leaseSeconds
        let flops = grid.spec.declaration.flops(grid.groups[0].spec.parameters)
        secondsPerTrial = measured ?? flops / Self.assumedFlopsPerSecond
        basis =
            measured == nil
            ? "assuming \(Int(Self.assumedFlopsPerSecond / 1e9)) GFLOP/s a core" : "as measured on the trials that are stored"
    }

    var leases: Int {
        let perLease = max(1, min(grid.spec.settings.count, Int(leaseSeconds / secondsPerTrial)))
        return grid.groups.count * ((grid.spec.settings.count + perLease - 1) / perLease)
    }

    func text(stored: Int) -> String {
        let spec = grid.spec
        let left = grid.count - stored
        let seconds = Double(left) * secondsPerTrial / Double(cores)
        let flops = Double(grid.count) * spec.declaration.flops(grid.groups[0].spec.parameters)
        return """
            sweep      \(spec.name) (\(spec.problem), seed \(spec.seed))
            settings   \(spec.settings.count) on \(spec.curves.count) curves, with vanilla SGD
            groups     \(grid.groups.count) = \(spec.trainingSets) training sets × \(spec.initializations) initializations × \(spec.repeats) repeats
            trials     \(grid.count)\(stored > 0 ? ", of which \(stored) are stored and \(left) are left" : "")
            leases     about \(leases) of \(leaseSeconds) s
            work       \(Self.scaled(flops))flop
            time       about \(Self.duration(seconds)) on \(cores) core\(cores == 1 ? "" : "s"), \(basis)
            """
    }

    static func scaled(_ value: Double) -> String {
        let units = ["", "k", "M", "G", "T", "P", "E"]
        var (value, unit) = (value, 0)
        while value >= 1000, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
        return "\((value * 100).rounded() / 100) \(units[unit])"
    }

    static func duration(_ seconds: Double) -> String {
        switch seconds {
        case ..<1: "1 s"
        case ..<120: "\(Int(seconds.rounded(.up))) s"
        case ..<7200: "\(Int((seconds / 60).rounded(.up))) min"
        default: "\((seconds / 360).rounded(.up) / 10) h"
        }
    }
}
