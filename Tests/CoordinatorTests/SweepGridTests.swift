// SweepGridTests.swift · Tests/CoordinatorTests. The order of trials, and identities that outlive changes of the sweep file.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Sweep: the grid") struct SweepGridTests {
    @Test("trials go by training set, then initialization, then replicate, then setting") func order() throws {
        let spec = try SweepSpec.small()
        let grid = Grid(spec)
        #expect((grid.count, grid.groups.count) == (40, 8))
        var index = 0
        for trainingSet in 0..<2 {
            for (initialization, scale) in [0.2, 0.3].enumerated() {
                for replicate in 0..<2 {
                    let group = GroupSpec(
                        problem: "diagonal-network", parameters: spec.parameters.merging(["initialization_scale": .real(scale)]) { $1 },
                        seed: 5, trainingSet: trainingSet, initialization: initialization, replicate: replicate)
                    for (member, setting) in spec.settings.enumerated() {
                        let identity = TrialIdentity(group: group, setting: setting)
                        #expect(grid.identity(of: index) == identity)
                        #expect(grid.key(of: index) == identity.key)
                        #expect(grid.index(of: identity.key) == index)
                        #expect(grid.baseline(of: index) == index - member)
                        #expect(grid.groups[grid.group(of: index)].trials == index - member..<index - member + 5)
                        index += 1
                    }
                }
            }
        }
        #expect(index == grid.count)
        #expect(grid.index(of: TrialKey(high: 0, low: 0)) == nil)
    }

    @Test("a large grid, whose keys come from all cores, has each where it belongs") func large() throws {
        var spec = try SweepSpec.small()
        // No multiple of any number of cores.
        spec.replicates = 5_003
        let grid = Grid(spec)
        #expect(grid.count == 4 * 5_003 * 5)
        for index in stride(from: 0, to: grid.count, by: 97) { #expect(grid.key(of: index) == grid.identity(of: index).key) }
        #expect(grid.key(of: grid.count - 1) == grid.identity(of: grid.count - 1).key)
    }

    @Test("a trial is measured against plain SGD at its own learning rate") func baselines() throws {
        let grid = Grid(try SweepSpec.small("[0.01]", "[0.01, 0.02]"))
        for index in 0..<grid.count {
            let baseline = grid.baseline(of: index)
            #expect(grid.isBaseline(baseline))
            #expect(grid.group(of: baseline) == grid.group(of: index))
            #expect(grid.setting(of: baseline) == grid.setting(of: index).baseline)
        }
    }

    @Test(
        "what a file may grow by keeps every key and the base of a store",
        arguments: [
            ("values = [0.1, 0.01]", "values = [0.001, 0.1, 0.05, 0.01]"), ("values = [0.1, 0.01]", "from = -3\nto = 0\nper_decade = 4"),
            ("training_sets = 2", "training_sets = 3"), ("repeats = 2", "repeats = 5"), ("[0.2, 0.3]", "[0.2, 0.3, 0.25]"),
            ("[0.01]", "[0.005, 0.01]"),
            ("[[curves]]\nlabel = \"only\"", "[[curves]]\nlabel = \"new\"\nratio = 3\n[[curves]]\nlabel = \"renamed\""),
            ("name = \"small\"", "name = \"other\""),
        ]) func growth(old: String, new: String) throws
    {
        let (before, after) = (try SweepSpec.small(), try SweepSpec.small(old, new))
        let (small, large) = (Grid(before), Grid(after))
        #expect((0..<small.count).allSatisfy { large.index(of: small.key(of: $0)) != nil })
        #expect(SweepSpec.differences(stored: before.base, now: after.base) == [])
    }

    @Test(
        "anything else makes other trials, and is named",
        arguments: [
            ("seed = 5", "seed = 6", ["seed was 5, is now 6"]), ("dimension = 4", "dimension = 5", ["dimension was 4, is now 5"]),
            ("epochs = 10", "epochs = 10\nprecision = \"float64\"", ["precision was \"float32\", is now \"float64\""]),
            ("epochs = 10", "epochs = 11\nbatch_size = 2", ["batch_size was 1, is now 2", "epochs was 10, is now 11"]),
            (
                "[0.2, 0.3]", "[0.1, 0.2, 0.3]",
                [
                    "initialization_scale of initialization 0 was 0.2, is now 0.1",
                    "initialization_scale of initialization 1 was 0.3, is now 0.2",
                ]
            ),
        ]) func others(old: String, new: String, differences: [String]) throws
    {
        let (before, after) = (try SweepSpec.small(), try SweepSpec.small(old, new))
        #expect(SweepSpec.differences(stored: before.base, now: after.base) == differences)
        let (small, large) = (Grid(before), Grid(after))
        #expect((0..<small.count).allSatisfy { large.index(of: small.key(of: $0)) == nil })
    }

    @Test("finer strengths contain the coarser ones, bit for bit") func finer() throws {
        let coarse = try SweepSpec.small("values = [0.1, 0.01]", "from = -4\nto = -0.5\nper_decade = 4").curves[0].points
        let fine = try SweepSpec.small("values = [0.1, 0.01]", "from = -4\nto = -0.5\nper_decade = 20").curves[0].points
        #expect((coarse.count, fine.count) == (15, 71))
        #expect(Set(coarse.map(\.strength)).isSubset(of: Set(fine.map(\.strength))))
    }
}
