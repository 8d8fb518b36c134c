// Grid.swift · Coordinator/Sweep, between SweepSpec and Scheduler. The one place that knows the order and the identity of trials.

internal import Vocabulary
internal import Wire

/// The trials of a sweep in their order: by training set, then initialization, then replicate, then setting.
///
/// A group is a run of neighbours and its baseline is the first of them. Indices move when the sweep file grows; keys do not.
/// An object, since whoever schedules, stores or reports trials holds the one grid, and nobody can change it.
final class Grid: Sendable {
    struct Group {
        var spec: GroupSpec
        /// Indices of its trials.
        var trials: Range<Int>
    }

    let spec: SweepSpec
    let groups: [Group]
    private let keys: [TrialKey]
    private let indices: [TrialKey: Int]
    /// The baseline of each setting, as an index into the settings; of a baseline, its own.
    private let baselines: [Int]

    /// - Complexity: one SHA-256 a trial, on all cores.
    init(_ spec: SweepSpec) {
        var groups: [Group] = []
        for trainingSet in 0..<spec.trainingSets {
            for initialization in 0..<spec.initializations {
                for replicate in 0..<spec.replicates {
                    let group = GroupSpec(
                        problem: spec.problem, parameters: spec.parameters(ofInitialization: initialization), seed: spec.seed,
                        trainingSet: trainingSet, initialization: initialization, replicate: replicate)
                    let first = groups.count * spec.settings.count
                    groups.append(Group(spec: group, trials: first..<first + spec.settings.count))
                }
            }
        }
        self.spec = spec
        self.groups = groups
        let places = Dictionary(spec.settings.enumerated().map { ($1, $0) }) { first, _ in first }
        baselines = spec.settings.map { setting in
            guard let baseline = places[setting.baseline] else { preconditionFailure("the baseline of \(setting) is not in the sweep") }
            return baseline
        }
        keys = Self.keys(of: groups.map(\.spec), spec.settings)
        var indices: [TrialKey: Int] = [:]
        indices.reserveCapacity(keys.count)
        for (index, key) in keys.enumerated() { indices[key] = index }
        precondition(indices.count == keys.count, "two trials of the sweep have one key")
        self.indices = indices
    }

    /// A million take a second and a half of one core, and a coordinator that starts again has nothing else to do.
    private static func keys(of groups: [GroupSpec], _ settings: [Setting]) -> [TrialKey] {
        let cores = Host.cores
        guard groups.count * settings.count > 10_000, groups.count >= cores, cores > 1 else {
            return TrialIdentity.keys(of: groups, settings)
        }
        let parts = inParallel(cores) { part in
            TrialIdentity.keys(of: Array(groups[part * groups.count / cores..<(part + 1) * groups.count / cores]), settings)
        }
        return Array(parts.joined())
    }

    var count: Int { keys.count }

    func key(of index: Int) -> TrialKey { keys[index] }
    /// Nil for a trial of another sweep.
    func index(of key: TrialKey) -> Int? { indices[key] }
    func group(of index: Int) -> Int { index / spec.settings.count }
    func setting(of index: Int) -> Setting { spec.settings[index % spec.settings.count] }
    func identity(of index: Int) -> TrialIdentity { TrialIdentity(group: groups[group(of: index)].spec, setting: setting(of: index)) }

    /// Whether others are measured against the trial.
    func isBaseline(_ index: Int) -> Bool {
        let setting = index % spec.settings.count
        return baselines[setting] == setting
    }

    /// The trial that this one is measured against; of a baseline, itself.
    func baseline(of index: Int) -> Int { groups[group(of: index)].trials.lowerBound + baselines[index % spec.settings.count] }
}
