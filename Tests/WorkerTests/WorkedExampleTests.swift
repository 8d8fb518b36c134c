// WorkedExampleTests.swift · Tests/WorkerTests. Where both vocabularies meet: the key, the digest and the self-test that
// Docs/numerics.md states are those of this build. ComputeTests proves the rest of the page.

import Compute
import Foundation
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep_worker

@Suite("Docs/numerics.md: key and digest") struct WorkedExampleTests {
    @Test("the page states this build's text, key and digest of its example, and its self-test") func stated() throws {
        let page = try String(contentsOfFile: Checkout.path(of: "Docs/numerics.md"), encoding: .utf8)
        let setting = Setting(algorithm: "sgd", strengths: [.lambda1: 0.01, .lambda2: 0.02], learningRate: 0.05)
        let group = GroupSpec(
            problem: "diagonal-network",
            parameters: [
                "dimension": .integer(3), "samples": .integer(2), "nonzero": .integer(1), "signal_variance": .real(2),
                "noise_variance": .real(1), "initialization_scale": .real(0.5), "batch_size": .integer(1), "epochs": .integer(2),
                "precision": .text("float32"), "record": .text("losses"), "replacements": .integer(8),
            ], seed: 2026, trainingSet: 1, initialization: 2, replicate: 4)
        let identity = TrialIdentity(group: group, setting: setting)
        let problem = DiagonalNetwork(try DiagonalNetwork.declaration.configuration(group.parameters))
        let plan = try GroupPlan(
            problem: problem, coordinates: Coordinates(seed: 2026, trainingSet: 1, initialization: 2, replicate: 4),
            lanes: [Lane(setting)])
        let digest = try #require(run(plan) { _ in .goOn }).first?.digest

        let text = identity.canonicalText.split(separator: "\n").map { "  \($0)\n" }.joined()
        #expect(page.contains("The trial:\n\(text)\n"))
        #expect(page.contains("\n  digest \(try #require(digest))\n"))
        #expect(page.contains("\n  key    \(identity.key)\n"))
        #expect(page.contains("\n    \(selfTestDigest())\n"))
        for (declaration, digest) in zip(ProblemDeclaration.all, selfTestDigests()) {
            #expect(page.contains("\n- `\(declaration.name)`, \(digest):"), "\(declaration.name) \(digest)")
        }
        let versions = ProblemDeclaration.all.map { "`\($0.name)` \($0.numericsVersion)" }.joined(separator: ", ")
        #expect(page.contains("Each problem's numbers have a version: \(versions)."))
        for declaration in ProblemDeclaration.all {
            var other = identity
            other.group.problem = declaration.name
            #expect(other.canonicalText.contains("numerics=\(declaration.numericsVersion)\nproblem=\(declaration.name)\n"))
        }
    }
}
