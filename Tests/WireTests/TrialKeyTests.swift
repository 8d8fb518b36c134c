// TrialKeyTests.swift · Tests/WireTests. Keys are kept in stores for years: these were computed by another program from the text's rules.

import Testing
import Vocabulary
import Wire

@Suite("Vocabulary: trial keys") struct TrialKeyTests {
    static let identity = TrialIdentity(
        group: GroupSpec(
            problem: "diagonal-network",
            parameters: [
                "dimension": .integer(100), "samples": .integer(40), "signal_variance": .real(2), "precision": .text("float32"),
                "initialization_scale": .real(0.2), "note": .text("é=\n1"), "offset": .integer(-3),
            ], seed: 18_446_744_073_709_551_615, trainingSet: 3, initialization: 2, replicate: 1),
        setting: Setting(algorithm: "sgd", strengths: [.lambda1: 0.1, .lambda2: 0], learningRate: 0.01))

    @Test("the keys of known trials do not move") func pinned() {
        #expect("\(Self.identity.key)" == "c4edb20a7b6dc97164a98a7cd92e97e2")
        #expect(
            "\(TrialIdentity(group: Self.identity.group, setting: Self.identity.setting.baseline).key)"
                == "d71262636d55e9e1b8a4665ef78ef960")
        let bare = TrialIdentity(
            group: GroupSpec(problem: "", parameters: [:], seed: 0, trainingSet: 0, initialization: 0, replicate: 0),
            setting: Setting(algorithm: "", learningRate: 0))
        #expect("\(bare.key)" == "93345252cf00fb8c5b6d02b377f92106")
    }

    @Test("everything that decides a result moves the key") func everyPart() {
        let changes: [(inout TrialIdentity) -> Void] = [
            { $0.group.problem = "landscape" }, { $0.group.seed = 1 }, { $0.group.trainingSet = 2 }, { $0.group.initialization = 3 },
            { $0.group.replicate = 0 }, { $0.group.parameters["dimension"] = .integer(101) },
            { $0.group.parameters["dimension"] = .real(100) }, { $0.group.parameters["dimension"] = .text("100") },
            { $0.group.parameters["dimension"] = nil }, { $0.group.parameters["size"] = .integer(100) }, { $0.setting.algorithm = "gd" },
            { $0.setting.strengths[.lambda1] = 0.1.nextUp }, { $0.setting.strengths[.lambda2] = .leastNonzeroMagnitude },
            { $0.setting.learningRate = 0.02 },
            { $0.setting.strengths[.weightDecay] = 0.01 }, { $0.setting.strengths[.momentum] = 0.01 },
            { $0.setting.strengths["lambda3"] = 0.01 },
        ]
        let keys = changes.map { change in
            var other = Self.identity
            change(&other)
            return other.key
        }
        #expect(Set(keys + [Self.identity.key]).count == changes.count + 1)
    }

    @Test("−0 and 0 are one strength and one trial") func negativeZero() {
        var negative = Self.identity
        negative.setting.strengths[.lambda2] = -0.0
        negative.setting.strengths[.momentum] = -0.0
        #expect(negative.key == Self.identity.key)
        var (a, b) = (Self.identity, Self.identity)
        (a.group.parameters["signal_variance"], b.group.parameters["signal_variance"]) = (.real(0), .real(-0.0))
        #expect(a.key == b.key)
    }

    @Test("a text cannot pass for two lines: another trial's text is another key") func injection() {
        var (a, b) = (Self.identity, Self.identity)
        a.group.parameters = ["a": .text("x\nparameter b=t1:y")]
        b.group.parameters = ["a": .text("x"), "b": .text("y")]
        #expect(a.key != b.key)
    }

    @Test("hexadecimal digits read back to the same key, and nothing else reads") func hexadecimal() {
        let key = TrialKey(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_0000_0001)
        #expect(key.description == "0123456789abcdeffedcba9800000001")
        #expect(TrialKey(hexadecimal: key.description) == key)
        #expect(TrialKey(hexadecimal: "0123456789ABCDEFFEDCBA9800000001") == key)
        #expect(TrialKey(bytes: key.bytes) == key)
        for text in [
            "", "0", String(key.description.dropLast()), "\(key)00", " \(key.description.dropFirst())", "g\(key.description.dropFirst())",
            "\u{ff10}" + key.description.dropFirst(), "0x\(key.description.dropFirst(2))",
        ] { #expect(TrialKey(hexadecimal: text) == nil, "\(text)") }
        #expect(TrialKey(high: 1, low: .max) < TrialKey(high: 2, low: 0))
        #expect(TrialKey(high: 1, low: 1) < TrialKey(high: 1, low: 2))
    }

    @Test("the keys of many trials are those of each one") func many() {
        let groups = (0..<3).map { number in
            GroupSpec(
                problem: "p", parameters: number == 0 ? [:] : ["a": .integer(number), "b": .text("x"), "c": .real(0.5)], seed: 7,
                trainingSet: number, initialization: 1, replicate: 2)
        }
        let settings = (0..<4).map { Setting(algorithm: "sgd", strengths: [.lambda1: Double($0), .lambda2: 0], learningRate: 0.1) }
        let each = groups.flatMap { group in settings.map { TrialIdentity(group: group, setting: $0).key } }
        #expect(TrialIdentity.keys(of: groups, settings) == each)
    }
}
