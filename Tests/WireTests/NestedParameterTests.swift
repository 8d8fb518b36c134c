// NestedParameterTests.swift · Tests/WireTests. Parameters that are lists and tables, of a problem that exists only here: their canonical text
// and key, their way over the wire, and what a declaration refuses.

import Testing
import Wire

@testable import Vocabulary

/// A list of integers, a list of tables, and a table of several forms.
private let nested = ProblemDeclaration(
    name: "nested", summary: "made up",
    parameters: [
        ParameterDeclaration("rates", .list(of: .integer(1...9), count: 1...4), in: .problem, "integers"),
        ParameterDeclaration(
            "layers",
            .list(
                of: .table([
                    ParameterDeclaration("width", .integer(1...64), "units"),
                    ParameterDeclaration("gain", .real(RealRange(0...10)), default: 1.0, "factor"),
                ]), count: 1...8), in: .problem, "tables"),
        ParameterDeclaration(
            "optimizer",
            .variant(
                tag: "kind",
                [
                    .init("plain"),
                    .init(
                        "adam",
                        [
                            ParameterDeclaration("beta", .real(RealRange(0...1, excludesMaximum: true)), "decay"),
                            ParameterDeclaration("warm", .list(of: .integer(0...9), count: 0...2), default: [], "epochs"),
                        ]),
                ]), in: .training, default: ["kind": "plain"], "a table of one of two forms"),
        ParameterDeclaration("note", .text(0...10), in: .problem, default: "é", "text"),
    ], algorithms: [.sgd], strengths: [], lanes: 1, flops: { _, _ in 1 })

private let values: [String: ParameterValue] = [
    "rates": [1, 2, 3], "layers": [["width": 16, "gain": 0.5], ["gain": 2.0, "width": 4]],
    "optimizer": ["kind": "adam", "beta": 0.9, "warm": []], "note": "é",
]

private let group = GroupSpec(problem: "nested", parameters: values, seed: 7, trainingSet: 1, initialization: 2, replicate: 3)

@Suite("Vocabulary: parameters that are lists and tables") struct NestedParameterTests {
    @Test("the canonical text is the one that Docs/numerics.md describes, and the key is its SHA-256 by Python's hashlib") func key() {
        let trial = TrialIdentity(group: group, setting: Setting(learningRate: 0.25))
        #expect(
            trial.canonicalText == """
                regsweep trial
                numerics=1
                problem=nested
                seed=7
                training_set=1
                initialization=2
                repeat=3
                algorithm=sgd
                lambda1=0000000000000000
                lambda2=0000000000000000
                learning_rate=3fd0000000000000
                parameter layers=l2:d2:4:gain=r3fe0000000000000;5:width=i16;;d2:4:gain=r4000000000000000;5:width=i4;;
                parameter note=t2:é
                parameter optimizer=d3:4:beta=r3feccccccccccccd;4:kind=t4:adam;4:warm=l0:;
                parameter rates=l3:i1;i2;i3;
                """)
        #expect("\(trial.key)" == "518c2c7d1135355b556e14b0074f2740")
    }

    @Test("every value at every depth, its place and its type move the key") func everyPart() {
        let changes: [(inout [String: ParameterValue]) -> Void] = [
            { $0["rates"] = [1, 2, 4] }, { $0["rates"] = [2, 1, 3] }, { $0["rates"] = [1, 2] }, { $0["rates"] = [[1, 2, 3]] },
            { $0["rates"] = [1, 2, 3.0] }, { $0["rates"] = [1, 23] }, { $0["rates"] = "l3:i1;i2;i3;" }, { $0["rates"] = [] },
            { $0["rates"] = [:] },
            { $0["layers"] = [["width": 4, "gain": 2.0], ["width": 16, "gain": 0.5]] },
            { $0["layers"] = [["width": 16, "gain": 0.5]] }, { $0["layers"] = [["width": 16, "gain": 0.5], ["width": 4]] },
            { $0["layers"] = [["width": 16, "gain": 0.5], ["width": 4, "grin": 2.0]] },
            { $0["optimizer"] = ["kind": "adam", "beta": 0.9, "warm": [0]] }, { $0["optimizer"] = ["kind": "plain"] },
            { $0["optimizer"] = ["kind": "adam", "beta": .real(0.9.nextUp), "warm": []] },
        ]
        let keys = changes.map { change in
            var other = group
            change(&other.parameters)
            return TrialIdentity(group: other, setting: Setting(learningRate: 0.25)).key
        }
        #expect(Set(keys + [TrialIdentity(group: group, setting: Setting(learningRate: 0.25)).key]).count == changes.count + 1)
    }

    @Test("a lease brings them over the wire as they are, and to the same key") func lease() throws {
        let setting = Setting(learningRate: 0.25)
        let key = TrialIdentity(group: group, setting: setting).key
        let lease = Lease(
            id: LeaseID(incarnation: 7, number: 1), group: group, trials: [LeasedTrial(key: key, attempt: 1, setting: setting)],
            baselines: [])
        let message = Message.lease(lease)
        let arrived = try Envelope(decoding: Envelope(incarnation: 7, message: message).encoded()).message
        #expect(arrived == message)
        guard case .lease(let lease) = arrived else { return }
        #expect(lease.group.parameters == values)
        #expect(TrialIdentity(group: lease.group, setting: lease.trials[0].setting).key == key)
    }

    @Test("what the declaration allows is a configuration, with the defaults of whole parameters") func allowed() throws {
        #expect(try nested.configuration(values) == Configuration(values))
        let short = try nested.configuration(overriding: ["rates": [9], "layers": [["width": 1, "gain": 0.0]]])
        #expect(short.list("rates") == [9] && short.text("note") == "é")
        #expect(short.values["optimizer"] == ["kind": "plain"])
    }

    @Test(
        "what it does not allow is told by the path of the entry, its value and what would do",
        arguments: [
            ("rates", 5, "rates: found 5, allowed is a list of 1 to 4, each an integer from 1 to 9"),
            ("rates", [], "rates: found [], allowed is a list of 1 to 4, each an integer from 1 to 9"),
            ("rates", [1, 1, 1, 1, 1], "rates: found [1, 1, 1, 1, 1], allowed is a list of 1 to 4, each an integer from 1 to 9"),
            ("rates", [1, 2, "x"], "rates[2]: found \"x\", allowed is an integer from 1 to 9"),
            ("rates", [1, 10, "x"], "rates[1]: found 10, allowed is an integer from 1 to 9"),
            ("layers", [["width": 16, "gain": 0.5], 3], "layers[1]: found 3, allowed is a table"),
            ("layers", [["width": 16, "gain": 1]], "layers[0].gain: found 1, allowed is a number from 0 to 10"),
            ("layers", [["width": 16]], "layers[0].gain: is missing, allowed is a number from 0 to 10"),
            ("layers", [["width": 16, "gain": 0.5, "bias": 1]], "layers[0].bias: is not known, allowed are width, gain"),
            ("optimizer", "adam", "optimizer: found \"adam\", allowed is a table with kind = one of \"plain\", \"adam\""),
            ("optimizer", [:], "optimizer: found {}, allowed is a table with kind = one of \"plain\", \"adam\""),
            (
                "optimizer", ["kind": "sgd", "beta": 0.5],
                "optimizer: found { beta = 0.5, kind = \"sgd\" }, allowed is a table with kind = one of \"plain\", \"adam\""
            ),
            (
                "optimizer", ["kind": "adam", "beta": 0.5],
                "optimizer.warm: is missing, allowed is a list of 0 to 2, each an integer from 0 to 9"
            ),
            ("optimizer", ["kind": "adam", "beta": 1.0, "warm": []], "optimizer.beta: found 1.0, allowed is a number from 0 to below 1"),
            (
                "optimizer", ["kind": "adam", "beta": 0.5, "warm": [3, -1]],
                "optimizer.warm[1]: found -1, allowed is an integer from 0 to 9"
            ),
        ] as [(String, ParameterValue, String)])
    func refused(name: String, value: ParameterValue, complaint: String) {
        let error = #expect(throws: ParameterError.self) { try nested.configuration(values.merging([name: value]) { _, new in new }) }
        #expect(error?.description == complaint)
    }

    @Test("a form of a table has its own entries and no others: those of another form are unknown") func otherForm() {
        let wrong = values.merging(["optimizer": ["kind": "plain", "beta": 0.5]]) { _, new in new }
        let error = #expect(throws: ParameterError.self) { try nested.configuration(wrong) }
        #expect(error?.parameter == "optimizer.beta" && error?.message.hasPrefix("is not known") == true)
    }
}
