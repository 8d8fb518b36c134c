// NestedParameterLeaseTests.swift · Tests/WorkerTests. A lease whose parameters are lists and tables, of a problem that exists only here,
// becomes a plan or is refused.

import Compute
import Testing
import Wire

@testable import Vocabulary
@testable import regsweep_worker

/// Trains nothing: its records are its layers' widths.
private struct Stack: Problem {
    static let declaration = ProblemDeclaration(
        name: "stack", summary: "made up",
        parameters: [
            ParameterDeclaration(
                "layers",
                .list(
                    of: .variant(
                        tag: "kind",
                        [.init("dense", [ParameterDeclaration("units", .integer(1...64), "width")]), .init("relu")]), count: 1...4),
                in: .problem, "from the input to the output")
        ], algorithms: [.sgd], strengths: [], lanes: 1, flops: { _, _ in 1 },
        conflicts: { configuration in
            configuration.list("layers").first == ["kind": "relu"] ? [ParameterError("layers", "begin with relu, allowed is dense")] : []
        })

    let configuration: Configuration

    init(_ configuration: Configuration, _ data: some DataSource) { self.configuration = configuration }

    /// The units of its dense layers.
    var units: [Int] {
        configuration.list("layers").compactMap { layer in
            guard case .table(let entries) = layer, case .integer(let units)? = entries["units"] else { return nil }
            return units
        }
    }

    func train(_ lanes: [Lane], at coordinates: Coordinates, observe: ([Observation]) -> Flow) -> [TrialRecord]? {
        lanes.map { _ in
            TrialRecord(outcome: .done, epochs: 1, trainLoss: 1, testLoss: 1, curve: [], parameterBits: units.map { UInt64($0) })
        }
    }
}

@Suite("Translation: parameters that are lists and tables") struct NestedParameterLeaseTests {
    private let layers: ParameterValue = [["kind": "dense", "units": 16], ["kind": "relu"], ["kind": "dense", "units": 4]]

    private func lease(_ layers: ParameterValue?) -> Lease {
        let parameters = layers.map { ["layers": $0] } ?? [:]
        let group = GroupSpec(problem: "stack", parameters: parameters, seed: 1, trainingSet: 0, initialization: 0, replicate: 0)
        return Lease(
            id: LeaseID(incarnation: 7, number: 1), group: group,
            trials: [LeasedTrial(key: TrialKey(high: 1, low: 2), attempt: 1, setting: Setting(learningRate: 0.1))], baselines: [])
    }

    @Test("a lease that came over the wire becomes a plan that has its layers") func plan() throws {
        let frame = Envelope(incarnation: 7, message: .lease(lease(layers))).encoded()
        guard case .lease(let arrived) = try Envelope(decoding: frame).message else {
            Issue.record("no lease")
            return
        }
        let plan = try GroupPlan<Stack>(arrived, noImages)
        #expect(plan.problem.configuration == Configuration(["layers": layers]))
        let records = try #require(try plan.run(from: nil, threads: 1, goOn: { .goOn }) { _ in .goOn })
        #expect(records.map(\.parameterBits) == [[16, 4]])
    }

    @Test(
        "what cannot be computed here is named by the path of the entry, and so is what does not fit together",
        arguments: [
            (nil, "layers: is missing, allowed is a list of 1 to 4, each a table with kind = one of \"dense\", \"relu\""),
            ([], "layers: found [], allowed is a list of 1 to 4, each a table with kind = one of \"dense\", \"relu\""),
            ([["kind": "dense", "units": 0]], "layers[0].units: found 0, allowed is an integer from 1 to 64"),
            ([["kind": "dense", "units": 8], ["kind": "dense"]], "layers[1].units: is missing, allowed is an integer from 1 to 64"),
            ([["kind": "dense", "units": 8.0]], "layers[0].units: found 8.0, allowed is an integer from 1 to 64"),
            ([["kind": "tanh"]], "layers[0]: found { kind = \"tanh\" }, allowed is a table with kind = one of \"dense\", \"relu\""),
            ([["kind": "dense", "units": 8, "bias": 1]], "layers[0].bias: is not known, allowed are units"),
            ([["kind": "relu"]], "layers: begin with relu, allowed is dense"),
        ] as [(ParameterValue?, String)]) func mistakes(layers: ParameterValue?, reason: String)
    {
        let error = #expect(throws: ParameterError.self) { try GroupPlan<Stack>(lease(layers), noImages) }
        #expect(error?.description == reason)
    }

    @Test("a problem that the worker has not is refused whatever its parameters are") func unknown() {
        #expect(throws: TranslationError(description: "this worker knows no problem stack")) { try translate(lease(layers), noImages) }
    }
}
