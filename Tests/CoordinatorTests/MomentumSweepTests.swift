// MomentumSweepTests.swift · Tests/CoordinatorTests. Momentum in a sweep file: in [training], in curves and rows, and on the x axis; the columns
// that it gets, the baselines that share it, and the keys that it moves and leaves.

import Testing
import Vocabulary
import Wire

@testable import regsweep

/// One group; what is compared is given.
private func sweep(_ compared: String, training: String = "") throws -> SweepSpec {
    let head = """
        name = "m"
        seed = 5
        [problem]
        kind = "diagonal-network"
        dimension = 4
        samples = 6
        nonzero = 2
        [training]
        learning_rates = [0.01]
        epochs = 10
        \(training)
        [grid]
        training_sets = 1
        initialization_scales = [0.5]
        repeats = 1

        """
    return try SweepSpec.parse(head + compared, file: "s.toml")
}

private func mistakes(_ compared: String, training: String = "") throws -> [String] {
    do {
        _ = try sweep(compared, training: training)
        return []
    } catch let error as SpecErrors { return error.errors.map { String($0.description.dropFirst("s.toml:".count)) } }
}

private func sgd(_ lambda1: Double = 0, _ lambda2: Double = 0, momentum: Double = 0) -> Setting {
    Setting(strengths: [.lambda1: lambda1, .lambda2: lambda2, .momentum: momentum], learningRate: 0.01)
}

private let oneCurve = "[strengths]\nvalues = [0.01, 0.1]\n[[curves]]\nlabel = \"only\"\nlambda2 = 0\n"

@Suite("Sweeps with momentum") struct MomentumSweepTests {
    @Test("momentum of [training] is that of every setting, the baseline's too") func training() throws {
        let spec = try sweep(oneCurve, training: "momentum = 0.9")
        #expect(spec.settings == [sgd(momentum: 0.9), sgd(0.01, momentum: 0.9), sgd(0.1, momentum: 0.9)])
        #expect(spec.curves.map(\.axis) == [.strength(.lambda1)])
        #expect(spec.curves[0].fixed[.momentum] == 0.9)
    }

    @Test("a curve may have its own, and then has its own baseline") func curves() throws {
        let spec = try sweep(oneCurve + "[[curves]]\nlabel = \"ball\"\nlambda2 = 0\nmomentum = 0.5\n")
        #expect(
            spec.settings == [
                sgd(), sgd(momentum: 0.5), sgd(0.01), sgd(0.1), sgd(0.01, momentum: 0.5), sgd(0.1, momentum: 0.5),
            ])
        #expect(spec.curves.map { $0.points.map(\.setting) } == [[2, 3], [4, 5]])
        #expect(spec.curves.map { $0.fixed[.momentum] } == [0, 0.5])
        let still = try sweep(
            "[strengths]\nvalues = [0.01]\n[[curves]]\nlabel = \"a\"\nlambda2 = 0\nmomentum = 0\n", training: "momentum = 0.9")
        #expect(still.settings == [sgd(momentum: 0.9), sgd(), sgd(0.01)])
    }

    @Test("it may be on the x axis, with penalties that stay as they are; each of its values is its own baseline's") func axis() throws {
        let spec = try sweep(
            """
            [strengths]
            values = [0.9, 0.5]
            [[curves]]
            label = "penalised"
            axis = "momentum"
            lambda1 = 0.01
            [[curves]]
            label = "plain"
            axis = "momentum"
            """)
        #expect(
            spec.settings == [
                sgd(), sgd(momentum: 0.5), sgd(momentum: 0.9), sgd(0.01, momentum: 0.5), sgd(0.01, momentum: 0.9),
            ])
        #expect(spec.curves.map(\.axis) == [.strength(.momentum), .strength(.momentum)])
        #expect(spec.curves.map { $0.points.map(\.strength) } == [[0.5, 0.9], [0.5, 0.9]])
        #expect(spec.curves.map { $0.points.map(\.setting) } == [[3, 4], [1, 2]])
        #expect(spec.curves.map { $0.fixed[.lambda1] } == [0.01, 0] && spec.curves.allSatisfy { $0.ratio == nil })
        let grid = Grid(spec)
        for setting in spec.settings.indices {
            #expect(grid.setting(of: grid.baseline(of: setting)) == sgd(momentum: spec.settings[setting].strengths[.momentum]))
        }
    }

    @Test("the x axis is labelled with what is on it, unless the file has a label") func label() throws {
        let onAxis = "[strengths]\nvalues = [0.5]\n[[curves]]\nlabel = \"a\"\naxis = \"momentum\"\n"
        let both = onAxis + "[[curves]]\nlabel = \"b\"\nlambda2 = 0\n"
        #expect(try sweep(oneCurve).figure.xLabel == "strength (λ₁, or λ₂ where λ₁ = 0)")
        #expect(try sweep(onAxis).figure.xLabel == "strength (μ)")
        #expect(try sweep(both).figure.xLabel == "strength (μ or λ₁)")
        #expect(try sweep(onAxis + "[figure]\nx_label = \"ball\"\n").figure.xLabel == "ball")
        #expect(try sweep(onAxis + "[figure]\ntitle = \"t\"\n").figure.xLabel == "strength (μ)")
    }

    @Test("a row of a table has the momentum that it names, or that of [training]") func rows() throws {
        let text = """
            name = "m"
            [problem]
            kind = "landscape"
            [training]
            learning_rates = [0.4]
            momentum = 0.25
            [grid]
            training_sets = 2
            initializations = 1
            repeats = 2
            [[settings]]
            label = "GD"
            algorithm = "gd"
            [[settings]]
            label = "ball"
            algorithm = "sgd"
            momentum = 0.75
            """
        let spec = try SweepSpec.parse(text, file: "s.toml")
        let rows = spec.rows.map { spec.settings[$0.setting] }
        #expect(rows.map(\.algorithm) == ["gd", "sgd"] && rows.map { $0.strengths[.momentum] } == [0.25, 0.75])
        #expect(spec.settings.filter(\.isBaseline).map { $0.strengths[.momentum] } == [0.25, 0.75])
    }

    @Test("a momentum of 1, or one that is on the axis and fixed as well, is told at its line") func refused() throws {
        #expect(try mistakes(oneCurve, training: "momentum = 1") == ["11: momentum: found 1, allowed is a number from 0 to below 1"])
        #expect(try mistakes(oneCurve + "momentum = -0.5\n") == ["21: momentum: found -0.5, allowed is a number from 0 to below 1"])
        let onAxis = "[strengths]\nvalues = [0.5, 1]\n[[curves]]\nlabel = \"a\"\naxis = \"momentum\"\n"
        #expect(try mistakes(onAxis) == ["20: axis: momentum: found 1.0, allowed is a number from 0 to below 1"])
        #expect(
            try mistakes(onAxis.replacing(", 1", with: "") + "momentum = 0.5\n") == [
                "21: momentum: found beside axis = \"momentum\", allowed are the other strengths"
            ])
    }

    @Test("tables have a column of it, the last one, where a setting has it, and else none") func columns() throws {
        func headers(_ spec: SweepSpec) -> [[String]] {
            [TrialsFile.columns(spec).map(\.name), SummaryFile.columns(spec).map(\.name), CurvesFile.columns(spec).map(\.name)]
        }
        let plain = headers(try sweep(oneCurve)), ball = headers(try sweep(oneCurve + "momentum = 0.5\n"))
        #expect(plain.allSatisfy { !$0.contains("momentum") })
        #expect(ball == plain.map { $0 + ["momentum"] })
        #expect(headers(try sweep(oneCurve + "momentum = 0\n", training: "momentum = 0.0")) == plain)
    }

    @Test("a momentum of 0 moves no key, whether it is written or not; any other has the key of Python's hashlib over the text") func keys()
        throws
    {
        // The keys of baseline and λ1 = 0.01 from before there was momentum, as in "results, summary and curves of five trials".
        let before = ["05c431dffe377dbe01bb89d567b1eb1d", "d3ff3ccceb2ad3326f1ca0ce2af0b15e"]
        for spec in [try sweep(oneCurve), try sweep(oneCurve + "momentum = 0\n", training: "momentum = 0")] {
            let grid = Grid(spec)
            #expect((0..<2).map { "\(grid.key(of: $0))" } == before)
        }
        let grid = Grid(try sweep(oneCurve, training: "momentum = 0.9"))
        #expect("\(grid.key(of: 1))" == "23dc95792dc5bdb9d6f0b11cbf78d40f")
        #expect(
            TrialIdentity(group: grid.groups[0].spec, setting: grid.spec.settings[1]).canonicalText == """
                regsweep trial
                numerics=1
                problem=diagonal-network
                seed=5
                training_set=0
                initialization=0
                repeat=0
                algorithm=sgd
                lambda1=3f847ae147ae147b
                lambda2=0000000000000000
                learning_rate=3f847ae147ae147b
                momentum=3feccccccccccccd
                parameter batch_size=i1
                parameter dimension=i4
                parameter epochs=i10
                parameter initialization_scale=r3fe0000000000000
                parameter noise_variance=r3ff0000000000000
                parameter nonzero=i2
                parameter precision=t7:float32
                parameter record=t6:losses
                parameter replacements=i8
                parameter samples=i6
                parameter signal_variance=r4000000000000000
                """)
    }
}
