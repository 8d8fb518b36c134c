// Grid.swift · Coordinator/Sweep, between SweepSpec and Scheduler. The order and the identity of the trials of a sweep.

internal import Vocabulary
internal import Wire

/// The trials of a sweep in their order: by training set, then initialization, then replicate, then setting.
///
/// The trials of a group are neighbours, baselines first. Indices change when the sweep file grows; keys do not. An immutable object,
/// because scheduler, store and reports share it and it may hold millions of keys.
final class Grid: Sendable {
    struct Group {
        var spec: GroupSpec
        /// Indices of the group's trials.
        var trials: Range<Int>
    }

    let spec: SweepSpec
    let groups: [Group]
    private let keys: [TrialKey]
    private let indices: [TrialKey: Int]
    /// Index of each setting's baseline in the settings; a baseline has its own index.
    private let baselines: [Int]

    /// - Complexity: one SHA-256 for each trial, on all cores.
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
        let settingIndices = Dictionary(spec.settings.enumerated().map { ($1, $0) }) { first, _ in first }
        baselines = spec.settings.map { setting in
            guard let baseline = settingIndices[setting.baseline] else {
                preconditionFailure("the baseline of \(setting) is not in the sweep")
            }
            return baseline
        }
        keys = Self.keys(of: groups.map(\.spec), spec.settings)
        var indices: [TrialKey: Int] = [:]
        indices.reserveCapacity(keys.count)
        for (index, key) in keys.enumerated() { indices[key] = index }
        precondition(indices.count == keys.count, "two trials of the sweep have one key")
        self.indices = indices
    }

    /// A million keys take 1.5 s on one core, which a start of the coordinator would spend waiting; so all cores compute them.
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

    /// Whether the trial is a baseline.
    func isBaseline(_ index: Int) -> Bool {
        let setting = index % spec.settings.count
        return baselines[setting] == setting
    }

    /// Index of the trial's baseline; a baseline is its own.
    func baseline(of index: Int) -> Int { groups[group(of: index)].trials.lowerBound + baselines[index % spec.settings.count] }
}
