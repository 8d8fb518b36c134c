// ShippedSweepTests.swift · Tests/CoordinatorTests. The sweep files that are shipped ask for the trials of the paper.

import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Shipped sweeps: strengths of both penalties") struct ShippedStrengthTests {
    let spec: SweepSpec

    init() throws { spec = try SweepSpec.load(path: Checkout.path(of: "Sweeps/figure4.toml")) }

    @Test("it has the trials of the paper's figure and no warning") func size() {
        #expect(spec.settings.count == 91)
        #expect(spec.groupCount == 48)
        #expect(spec.trialCount == 4368)
        #expect((spec.trainingSets, spec.initializations, spec.replicates) == (4, 3, 4))
        #expect(spec.warnings == [])
    }

    @Test("its six curves are those of the figure, each with 15 strengths") func curves() {
        #expect(spec.curves.map(\.ratio) == [nil, 4, 2, 1, 0.5, nil])
        #expect(spec.curves.map(\.fixed) == Array(repeating: [:], count: 6))
        #expect(spec.curves.map(\.axis) == Array(repeating: .strength(.lambda1), count: 5) + [.strength(.lambda2)])
        #expect(spec.curves.map(\.points.count) == Array(repeating: 15, count: 6))
        #expect(spec.curves.map(\.label) == ["λ₂ = 0", "λ₁/λ₂ = 4", "λ₁/λ₂ = 2", "λ₁/λ₂ = 1", "λ₁/λ₂ = 0.5", "λ₁ = 0 (Reg2 only)"])
    }

    @Test("its strengths are decimal numbers of six digits, bit for bit") func strengths() {
        let expected = [
            0.0001, 0.000177828, 0.000316228, 0.000562341, 0.001, 0.00177828, 0.00316228, 0.00562341, 0.01, 0.0177828, 0.0316228, 0.0562341,
            0.1, 0.177828, 0.316228,
        ]
        for curve in spec.curves { #expect(curve.points.map(\.strength) == expected) }
    }

    @Test("λ₂ of a ratio is λ₁ divided by it, bit for bit") func ratios() {
        for curve in spec.curves {
            guard let ratio = curve.ratio else { continue }
            for point in curve.points {
                #expect(
                    spec.settings[point.setting]
                        == Setting(
                            algorithm: "sgd", strengths: [.lambda1: point.strength, .lambda2: point.strength / ratio], learningRate: 0.01)
                )
            }
        }
    }

    @Test("its parameters are the paper's") func parameters() {
        #expect(
            spec.parameters == [
                "dimension": .integer(100), "samples": .integer(40), "nonzero": .integer(5), "signal_variance": .real(2),
                "noise_variance": .real(1), "batch_size": .integer(1), "epochs": .integer(200), "precision": .text("float32"),
                "record": .text("losses"), "replacements": .integer(8),
            ])
        #expect(spec.perInitialization == ["initialization_scale": [.real(0.2), .real(0.3), .real(0.4)]])
        #expect(Grid(spec).flopsPerTrial == 200 * 40 * 48_000)
    }

    @Test("a seed of the command line takes the place of the file's") func seed() throws {
        #expect(spec.seed == 1)
        #expect(try SweepSpec.load(path: Checkout.path(of: "Sweeps/figure4.toml"), seed: .max).seed == .max)
    }
}

@Suite("Shipped sweeps: settings and learning rates") struct ShippedSettingTests {
    @Test("table1.toml has the rows and the trials of the paper's table, with the defaults of the landscape") func table1() throws {
        let spec = try SweepSpec.load(path: Checkout.path(of: "Sweeps/table1.toml"))
        #expect((spec.trainingSets, spec.initializations, spec.replicates, spec.trialCount) == (10, 100, 4, 24_000))
        #expect(spec.warnings == [] && spec.curves == [] && spec.perInitialization == [:])
        func row(_ label: String, _ algorithm: String, _ lambda1: Double = 0, _ lambda2: Double = 0) throws -> RowSpec {
            let setting = Setting(algorithm: algorithm, strengths: [.lambda1: lambda1, .lambda2: lambda2], learningRate: 0.4)
            return RowSpec(label: label, setting: try #require(spec.settings.firstIndex(of: setting)))
        }
        #expect(
            try spec.rows == [
                row("GD", "gd"), row("SGD", "sgd"), row("NoisyGD", "noisy-gd"), row("NoisyGD (matched)", "noisy-gd-matched"),
                row("SGDwReg1", "sgd", 0.001), row("SGDwReg2", "sgd", 0, 0.001),
            ])
        #expect(spec.rows.map(\.setting) == [1, 0, 2, 3, 4, 5] && spec.settings.count == 6)
        let defaults = ProblemDeclaration.landscape.parameters.map { ($0.name, $0.defaultValue) }
        #expect(spec.parameters.mapValues(Optional.some) == Dictionary(uniqueKeysWithValues: defaults))
    }

    @Test(
        "the three sweeps over learning rates are right but for the data, which they leave to the user",
        arguments: ["figure5", "figure5-small", "weight-decay"])
    func files(name: String) throws {
        let spec = try SweepSpec.load(path: Checkout.path(of: "Sweeps/\(name).toml"))
        #expect(spec.name == name && spec.warnings == [] && spec.dataFolder == nil)
        #expect(spec.curves.count == 6 && spec.initializations == 3 && spec.settings.count == 24)
        #expect(Set(spec.settings.map(\.learningRate)) == [0.02, 0.05, 0.1, 0.2])
        #expect(
            Set(spec.settings.map { $0.strengths[.weightDecay] })
                == (name == "weight-decay" ? [0, 0.0001, 0.001, 0.003, 0.01, 0.03] : [0.01]))
        #expect(spec.parameters["samples"] == .integer(name == "figure5" ? 60_000 : 1500))
        #expect(spec.parameters["epochs"] == .integer(name == "figure5" ? 400 : 60))
    }
}
