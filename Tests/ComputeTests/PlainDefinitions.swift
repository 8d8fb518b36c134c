// PlainDefinitions.swift · Tests/ComputeTests. The loss and both penalties as the paper defines them, sample by sample and without
// a closed form, and what the kernels make of one step: the two sides that GradientTests.swift compares.

@testable import Compute

/// A training set, a batch of it and nothing clever, all in Float64.
struct PlainProblem {
    var inputs: [[Double]], labels: [Double], batch: [Int]
    var dimension: Int { inputs[0].count }

    init(inputs: [[Double]], labels: [Double], batch: [Int]) {
        self.inputs = inputs
        self.labels = labels
        self.batch = batch
    }

    /// Standard normal data.
    init(samples: Int, dimension: Int, batch: [Int], from stream: inout RandomStream) {
        inputs = (0..<samples).map { _ in (0..<dimension).map { _ in stream.nextNormal() } }
        labels = (0..<samples).map { _ in stream.nextNormal() }
        self.batch = batch
    }

    private func residual(_ i: Int, _ theta: [Double]) -> Double {
        (0..<dimension).map { theta[$0] * theta[dimension + $0] * inputs[i][$0] }.reduce(-labels[i], +)
    }

    /// gᵢ = ∇(f(xᵢ; θ) − yᵢ)².
    private func gradient(_ i: Int, _ theta: [Double]) -> [Double] {
        let slope = 2 * residual(i, theta)
        return (0..<dimension).map { slope * theta[dimension + $0] * inputs[i][$0] }
            + (0..<dimension).map { slope * theta[$0] * inputs[i][$0] }
    }

    private func mean(_ rows: [[Double]]) -> [Double] {
        rows[0].indices.map { j in rows.map { $0[j] }.reduce(0, +) / Double(rows.count) }
    }

    private func squaredDistance(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).map { ($0 - $1) * ($0 - $1) }.reduce(0, +) }

    /// L(B; θ).
    func loss(_ theta: [Double]) -> Double {
        batch.map { residual($0, theta) * residual($0, theta) }.reduce(0, +) / Double(batch.count)
    }

    /// (1/N) Σᵢ ‖gᵢ − ḡ‖² (Eq. 11, without λ1).
    func reg1(_ theta: [Double]) -> Double {
        let gradients = inputs.indices.map { gradient($0, theta) }
        let all = mean(gradients)
        return gradients.map { squaredDistance($0, all) }.reduce(0, +) / Double(gradients.count)
    }

    /// ‖g_B − ḡ‖² (Eq. 12, without λ2).
    func reg2(_ theta: [Double]) -> Double {
        squaredDistance(mean(batch.map { gradient($0, theta) }), mean(inputs.indices.map { gradient($0, theta) }))
    }

    /// θ after one step of the kernel.
    func step<K: StepKernel>(_ kernel: K.Type, from theta: [Double], _ lane: Lane) -> [Double] where K.Scalar: WorkingPrecision {
        var trained = kernel.init(kernel.share(set()), lanes: [lane], start: theta.map { K.Scalar($0) })
        trained.step(batch: batch[...])
        return trained.parameters(ofLane: 0).map { Double($0) }
    }

    /// What the kernel subtracts from θ at η = 1: the gradient of loss, λ1 Reg1 and λ2 Reg2 together.
    func gradient<K: StepKernel>(_ kernel: K.Type, at theta: [Double], lambda1: Double = 0, lambda2: Double = 0) -> [Double] {
        zip(theta, step(kernel, from: theta, Lane(lambda1: lambda1, lambda2: lambda2, learningRate: 1))).map { $0 - $1 }
    }

    /// The gradient of one penalty alone.
    func penaltyGradient<K: StepKernel>(_ kernel: K.Type, at theta: [Double], lambda1: Double, lambda2: Double) -> [Double] {
        zip(gradient(kernel, at: theta, lambda1: lambda1, lambda2: lambda2), gradient(kernel, at: theta)).map { $0 - $1 }
    }

    func set<Scalar: WorkingPrecision>() -> TrainingSet<Scalar> {
        TrainingSet(
            DiagonalNetworkData(
                truth: [Double](repeating: 0, count: dimension), inputs: inputs.flatMap(\.self), labels: labels, noiseVariance: 1),
            batchSize: batch.count)
    }
}

/// Largest difference of two vectors, relative to the largest entry of the second.
func relativeError(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    return zip(found, expected).map { ($0 - $1).magnitude }.max()! / expected.map(\.magnitude).max()!
}
