// StepKernel.swift · Compute/DiagonalNetwork. The parts that the kernels of the diagonal network share: the training set in the working
// precision and the constants of a step. Docs/numerics.md, "One step", defines the step.

internal import Vocabulary

/// A training set rounded to the working precision; the truth stays in Float64 for the risk.
struct TrainingSet<Scalar: WorkingPrecision> {
    let samples: Int, dimension: Int, batchSize: Int
    /// X and X∘X of shape (N, d), row-major; the squares are products of rounded inputs, rounded again.
    let inputs: [Scalar], squares: [Scalar]
    /// y, of shape (N).
    let labels: [Scalar]
    let truth: [Double]
    let noiseVariance: Double

    init(_ data: DiagonalNetworkData, batchSize: Int) {
        samples = data.labels.count
        dimension = data.truth.count
        self.batchSize = batchSize
        inputs = data.inputs.map { Scalar($0) }
        squares = inputs.map { $0 * $0 }
        labels = data.labels.map { Scalar($0) }
        truth = data.truth
        noiseVariance = data.noiseVariance
    }
}

/// c₁ … c₇ and η of one lane, computed in Float64 and rounded once. Those that the step subtracts are kept negated, because
/// (−c)·x has the bits of −(c·x), signed zeros included, while the 0 − x of a SIMD negation has not.
struct StepConstants<Scalar: WorkingPrecision> {
    /// 8λ1/N, −8λ1/N², −4λ2/N, 4λ2/B, 2/B, −2/N, 2λ2, −η.
    let c1: Scalar, minusC2: Scalar, minusC3: Scalar, c4: Scalar, c5: Scalar, minusC6: Scalar, c7: Scalar, minusRate: Scalar
    /// μ.
    let momentum: Scalar

    init(_ lane: Lane, samples: Int, batchSize: Int) {
        let n = Double(samples), b = Double(batchSize)
        let lambda1 = lane.strengths[.lambda1], lambda2 = lane.strengths[.lambda2]
        c1 = Scalar(8 * lambda1 / n)
        minusC2 = Scalar(-(8 * lambda1 / (n * n)))
        minusC3 = Scalar(-(4 * lambda2 / n))
        c4 = Scalar(4 * lambda2 / b)
        c5 = Scalar(2 / b)
        minusC6 = Scalar(-(2 / n))
        c7 = Scalar(2 * lambda2)
        minusRate = Scalar(-lane.learningRate)
        momentum = Scalar(lane.strengths[.momentum])
    }
}

/// Trains a few lanes of the diagonal network side by side on one training set: one step is SGD with both penalties, and θ = (a, b), of shape
/// (2d). Conforming kernels agree to the bit; `ReferenceKernel` is the one to read.
protocol StepKernel: GroupKernel {
    /// The data that all kernels of a group share, made once.
    associatedtype Shared

    static func share(_ set: TrainingSet<Scalar>) -> Shared
    /// - Parameters:
    ///   - lanes: from 1 to `width`.
    ///   - start: θ, for every lane.
    init(_ shared: Shared, lanes: [Lane], start: [Scalar])
}
