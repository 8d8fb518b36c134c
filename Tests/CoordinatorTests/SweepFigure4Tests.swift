// SweepFigure4Tests.swift · Tests/CoordinatorTests. The files that are shipped say what they are meant to say.

import Testing
import Vocabulary
import Wire

@testable import regsweep

/// A file at the top of the checkout.
func shipped(_ name: String) -> String {
    let parts = #filePath.split(separator: "/").dropLast(3)
    return "/" + parts.joined(separator: "/") + "/" + name
}

@Suite("Sweep: figure4.toml") struct SweepFigure4Tests {
    let spec: SweepSpec

    init() throws { spec = try SweepSpec.load(path: shipped("Sweeps/figure4.toml")) }

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
        #expect(try SweepSpec.load(path: shipped("Sweeps/figure4.toml"), seed: .max).seed == .max)
    }
}

@Suite("Sweep: cluster.example.toml") struct ClusterExampleTests {
    @Test("it says exactly the defaults") func defaults() throws {
        #expect(try ClusterSpec.load(path: shipped("cluster.example.toml")) == ClusterSpec())
    }

    @Test("an empty file means the defaults") func empty() throws {
        #expect(try ClusterSpec.parse("", file: "cluster.toml") == ClusterSpec())
    }

    @Test(
        "workers are as many as give each core a thread, unless the file says how many",
        arguments: [("", 8), ("slots = 3", 2), ("threads_per_trial = 2", 4), ("slots = 2\nthreads_per_trial = 8", 1), ("workers = 0", 0)])
    func workers(local: String, count: Int) throws {
        #expect(try ClusterSpec.parse("[local]\n\(local)\n", file: "cluster.toml").localWorkers(cores: 8) == count)
    }

    @Test("all that is wrong is told in the order of the lines") func mistakes() {
        let text = """
            [timing]
            silence_seconds = 1
            crash_limit = 0
            lease = 2
            [coordinator]
            plain = true
            listen = "tcp://0.0.0.0:5577"
            [local]
            workers = -1
            slots = "all"
            [locale]
            """
        let expected = [
            (2, "silence_seconds: found 1.0, allowed is at least twice heartbeat_interval_seconds = 2.0"),
            (3, "crash_limit: found 0, allowed is an integer from 1 to 1000"),
            (
                4,
                "lease: is not known here, allowed are checkpoint_epochs, checkpoint_seconds, crash_limit, heartbeat_interval_seconds, lease_seconds, orphan_timeout_seconds, silence_seconds"
            ),
            (
                7,
                "listen: found \"tcp://0.0.0.0:5577\", allowed without keys is tcp://127.0.0.1:PORT: what is said there is not encrypted"
            ),
            (9, "workers: found -1, allowed is an integer from 0 to 1024"),
            (10, "slots: found \"all\", allowed is an integer from 1 to 1024"),
            (11, "locale: is not known here, allowed are coordinator, host, local, ssh, timing; did you mean local?"),
        ]
        let errors = expected.map { SpecError(file: "c.toml", line: $0.0, message: $0.1) }
        #expect(throws: SpecErrors(errors: errors)) { try ClusterSpec.parse(text, file: "c.toml") }
    }
}
