// GradientTests.swift · Tests/ComputeTests. The closed forms of the step against the plain definitions: by slope, by an identity
// and by the numbers of an independent implementation.

import Foundation
import TestSupport
import Testing

@testable import Compute

@Suite("Step: gradients") struct GradientTests {
    enum Term: CaseIterable { case loss, reg1, reg2 }

    @Test(
        "loss, Reg1 and Reg2 fall along the kernel's gradient, with an error that is quartered when the step is halved",
        arguments: Term.allCases, [(8, 5, [6]), (9, 4, [7, 0, 3]), (6, 7, [2, 5]), (5, 3, [0, 1, 2, 3, 4])])
    func slope(term: Term, shape: (samples: Int, dimension: Int, batch: [Int])) {
        var random = RandomStream(seed: 5, for: .audit, trainingSet: shape.samples)
        let problem = PlainProblem(samples: shape.samples, dimension: shape.dimension, batch: shape.batch, from: &random)
        let theta = (0..<2 * shape.dimension).map { _ in random.nextNormal() }
        let direction = theta.map { _ in random.nextNormal() }
        let (value, gradient): (([Double]) -> Double, [Double]) =
            switch term {
            case .loss: (problem.loss, problem.gradient(ReferenceKernel<Double>.self, at: theta))
            case .reg1: (problem.reg1, problem.penaltyGradient(ReferenceKernel<Double>.self, at: theta, lambda1: 1, lambda2: 0))
            case .reg2: (problem.reg2, problem.penaltyGradient(ReferenceKernel<Double>.self, at: theta, lambda1: 0, lambda2: 1))
            }
        let expected = zip(gradient, direction).map(*).reduce(0, +)
        func gap(_ h: Double) -> Double {
            let (ahead, behind) = (zip(theta, direction).map { $0 + h * $1 }, zip(theta, direction).map { $0 - h * $1 })
            return ((value(ahead) - value(behind)) / (2 * h) - expected).magnitude
        }
        if case .reg2 = term, shape.batch.count == shape.samples {
            // The batch is the training set: the penalty is 0 everywhere, and its gradient is rounding.
            #expect(gradient.map(\.magnitude).max()! < 1e-11)
        } else {
            // Third derivatives are of order 1 to 1000 here, so that h² outweighs the rounding, 10⁻¹³/h, by far.
            let ratio = gap(2e-3) / gap(1e-3)
            #expect((3.99...4.01).contains(ratio), "\(ratio)")
        }
    }

    @Test("with B = 1, the mean of Reg2's gradient over all batches is Reg1's gradient") func meanOfReg2() {
        var random = RandomStream(seed: 6, for: .audit)
        var problem = PlainProblem(samples: 8, dimension: 5, batch: [0], from: &random)
        let theta = (0..<10).map { _ in random.nextNormal() }
        var mean = [Double](repeating: 0, count: 10)
        for sample in 0..<8 {
            problem.batch = [sample]
            let reg2 = problem.penaltyGradient(ReferenceKernel<Double>.self, at: theta, lambda1: 0, lambda2: 1)
            mean = zip(mean, reg2).map { $0 + $1 / 8 }
        }
        let reg1 = problem.penaltyGradient(ReferenceKernel<Double>.self, at: theta, lambda1: 1, lambda2: 0)
        #expect(relativeError(mean, reg1) < 1e-13)
    }

    @Test("a step lands where an independent implementation's does") func carriedVector() {
        let problem = PlainProblem(
            inputs: [
                [0.3511, 3.495625, 0.593438, -0.618022, 1.264481], [0.090675, -0.48732, 1.836482, 1.163945, 0.096546],
                [-1.27608, 0.103799, 0.081928, 1.485895, 0.564972], [1.850955, 0.795113, 0.909653, 0.875929, -0.219348],
                [-1.570637, 0.283816, -0.353134, -1.707266, -0.681212], [-1.072869, -2.734943, 0.560724, 0.128925, -0.747307],
                [0.986196, -0.561705, 0.146448, -0.97083, 1.458204], [0.870244, 1.005764, 1.275295, -2.375967, 0.637349],
            ], labels: [-0.289276, 1.278176, -4.562136, 1.498458, -0.743717, 0.514795, 0.273759, -0.061127], batch: [6])
        let theta = [0.653765, 0.081146, -0.050547, 0.583032, -0.227748, -0.364667, -0.307357, -0.286392, -0.572441, -0.234279]
        let expected = [
            0.6419799781692169, 0.08131752781766327, -0.050873773514101744, 0.5745468027228259, -0.22711448543800516, -0.3546341643766479,
            -0.30696391570343207, -0.2855212604038803, -0.5640640246966937, -0.23363526617150052,
        ]
        let lane = Lane(lambda1: 0.02, lambda2: 0.04, learningRate: 0.01)
        #expect(relativeError(problem.step(ReferenceKernel<Double>.self, from: theta, lane), expected) < 1e-14)
        #expect(relativeError(problem.step(LaneKernel<SIMD16<Float>>.self, from: theta, lane), expected) < 1e-6)
        #expect(relativeError([problem.reg1(theta), problem.reg2(theta)], [32.32694020063896, 4.6517130292901285]) < 1e-13)
    }

    /// What these tests read of `dln.json`.
    struct Vectors: Decodable {
        struct Case: Decodable {
            var batch: [Int], inputs: [[Double]], y: [Double], a: [Double], b: [Double]
            var learningRate: Double, lambda1: Double, lambda2: Double, loss: Double, reg1: Double, reg2: Double
            var batchGradient: [Double], fullGradient: [Double], reg1Gradient: [Double], reg2Gradient: [Double]
            var thetaAfterStep: [Double]

            enum CodingKeys: String, CodingKey {
                case inputs = "X", learningRate = "learning_rate", batchGradient = "batch_gradient", fullGradient = "full_gradient"
                case reg1Gradient = "reg1_gradient", reg2Gradient = "reg2_gradient", thetaAfterStep = "theta_after_step"
                case batch, y, a, b, lambda1, lambda2, loss, reg1, reg2
            }
        }
        var cases: [Case]

        static let file = URL(filePath: Checkout.path(of: "Tests/ComputeTests/Vectors/dln.json"))
    }

    @Test("losses, penalties, gradients and steps are those of the independent test vectors")
    func independentVectors() throws {
        let cases = try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: Vectors.file)).cases
        #expect(!cases.isEmpty)
        for vector in cases {
            check(vector, by: ReferenceKernel<Double>.self, tolerance: 1e-10)
            check(vector, by: LaneKernel<SIMD8<Double>>.self, tolerance: 1e-10)
            check(vector, by: LaneKernel<SIMD16<Float>>.self, tolerance: 1e-4)
        }
    }

    private func check<K: StepKernel>(_ vector: Vectors.Case, by kernel: K.Type, tolerance: Double) {
        let problem = PlainProblem(inputs: vector.inputs, labels: vector.y, batch: vector.batch)
        var whole = problem
        whole.batch = Array(vector.y.indices)
        let theta = vector.a + vector.b
        // A penalty's gradient is the difference of two steps, so it inherits the error of the larger.
        let large = [vector.reg1Gradient, vector.reg2Gradient, vector.batchGradient].joined().map(\.magnitude).max()!
        func difference(_ found: [Double], _ expected: [Double]) -> Double {
            zip(found, expected).map { ($0 - $1).magnitude }.max()! / large
        }

        var measured = kernel.init(
            kernel.share(problem.set()), lanes: [Lane(lambda1: 0, lambda2: 0, learningRate: 1)], start: theta.map { K.Scalar($0) })
        #expect(relativeError(measured.trainLosses().prefix(1).map(\.self), [vector.loss]) < tolerance)
        #expect(relativeError([problem.reg1(theta), problem.reg2(theta)], [vector.reg1, vector.reg2]) < 1e-10)
        #expect(difference(problem.gradient(kernel, at: theta), vector.batchGradient) < tolerance)
        #expect(difference(whole.gradient(kernel, at: theta), vector.fullGradient) < tolerance)
        #expect(difference(problem.penaltyGradient(kernel, at: theta, lambda1: 1, lambda2: 0), vector.reg1Gradient) < tolerance)
        #expect(difference(problem.penaltyGradient(kernel, at: theta, lambda1: 0, lambda2: 1), vector.reg2Gradient) < tolerance)
        let lane = Lane(lambda1: vector.lambda1, lambda2: vector.lambda2, learningRate: vector.learningRate)
        #expect(relativeError(problem.step(kernel, from: theta, lane), vector.thetaAfterStep) < tolerance)
    }
}
