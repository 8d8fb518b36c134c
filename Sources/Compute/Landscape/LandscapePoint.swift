// LandscapePoint.swift · Compute/Landscape. The gradients, covariances and Hessian at one θ that the theory's series need, from the closed
// forms of a bump. Plain loops in Float64: they run along one path, while the kernels train hundreds of others.

/// A symmetric matrix of two rows.
struct Symmetric2: Equatable {
    var xx = 0.0, xy = 0.0, yy = 0.0

    var trace: Double { xx + yy }

    /// Adds s v vᵀ: s J(v).
    mutating func addSquare(of v: SIMD2<Double>, times s: Double = 1) {
        xx = xx.addingProduct(s * v.x, v.x)
        xy = xy.addingProduct(s * v.x, v.y)
        yy = yy.addingProduct(s * v.y, v.y)
    }

    mutating func add(_ other: Symmetric2, times s: Double = 1) {
        xx = xx.addingProduct(s, other.xx)
        xy = xy.addingProduct(s, other.xy)
        yy = yy.addingProduct(s, other.yy)
    }

    func divided(by s: Double) -> Symmetric2 { Symmetric2(xx: xx / s, xy: xy / s, yy: yy / s) }

    /// Tr(A B).
    func contracted(with other: Symmetric2) -> Double { (yy * other.yy).addingProduct(2 * xy, other.xy).addingProduct(xx, other.xx) }

    /// The Frobenius norm ‖A‖.
    var norm: Double { contracted(with: self).squareRoot() }
}

struct LandscapePoint {
    /// Means over the training set and over the population, with the offset.
    let trainLoss: Double, testLoss: Double
    /// ∇L(z; θ) of each candidate; their means over the training set, ḡ, and over the population, g_D.
    let gradients: [SIMD2<Double>]
    let trainGradient: SIMD2<Double>, testGradient: SIMD2<Double>
    /// ∇²L(S; θ).
    let hessian: Symmetric2
    /// (1/N) Σ J(gᵢ − ḡ), which is B Σ_B (Eq. 10 is its trace over B); and E_z J(g_z − g_D).
    let trainCovariance: Symmetric2, testCovariance: Symmetric2

    init(_ data: LandscapeData, at theta: SIMD2<Double>) {
        let n = Double(data.samples.count), size = Double(data.candidates.count)
        var gradients: [SIMD2<Double>] = []
        var train = 0.0, test = 0.0, hessian = Symmetric2()
        var trainGradient = SIMD2<Double>(), testGradient = SIMD2<Double>()
        for (candidate, count) in zip(data.candidates, data.counts) {
            var value = 0.0, gradient = SIMD2<Double>(), own = Symmetric2()
            for b in candidate.indices {
                let bump = candidate[b]
                let x = theta.x - bump.x, y = theta.y - bump.y
                let height = exponential(-0.5 * bump.inverseSquare * (y * y).addingProduct(x, x))
                value = value.addingProduct(bump.amplitude, height)
                let p = bump.amplitude * height * bump.inverseSquare
                gradient = gradient.addingProduct(SIMD2(repeating: -p), SIMD2(x, y))
                let (scaledX, scaledY) = (x * bump.inverseSquare, y * bump.inverseSquare)
                own.xx = own.xx.addingProduct(p, (-1.0).addingProduct(scaledX, x))
                own.xy = own.xy.addingProduct(p, scaledX * y)
                own.yy = own.yy.addingProduct(p, (-1.0).addingProduct(scaledY, y))
            }
            train = train.addingProduct(count, value)
            test += value
            trainGradient = trainGradient.addingProduct(SIMD2(repeating: count), gradient)
            testGradient += gradient
            hessian.add(own, times: count)
            gradients.append(gradient)
        }
        trainGradient /= n
        testGradient /= size
        var trainCovariance = Symmetric2(), testCovariance = Symmetric2()
        for (gradient, count) in zip(gradients, data.counts) {
            trainCovariance.addSquare(of: gradient - trainGradient, times: count)
            testCovariance.addSquare(of: gradient - testGradient)
        }
        trainLoss = train / n + data.offset
        testLoss = test / size + data.offset
        self.gradients = gradients
        self.trainGradient = trainGradient
        self.testGradient = testGradient
        self.hessian = hessian.divided(by: n)
        self.trainCovariance = trainCovariance.divided(by: n)
        self.testCovariance = testCovariance.divided(by: size)
    }

    /// Mean gradient of a mini-batch.
    /// - Parameter batch: candidates.
    func batchGradient(_ batch: [Int]) -> SIMD2<Double> { batch.reduce(SIMD2()) { $0 + gradients[$1] } / Double(batch.count) }
}
