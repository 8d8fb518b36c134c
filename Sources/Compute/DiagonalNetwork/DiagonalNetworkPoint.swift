// DiagonalNetworkPoint.swift · Compute/DiagonalNetwork. The gradients, covariances and Hessian at one θ that the theory's series need. A loss
// depends on θ through w = a⊙b alone, so each gradient is P h = (b⊙h, a⊙h), where the slope h is the gradient in w. Plain loops in Float64.

struct DiagonalNetworkPoint {
    let set: TrainingSet<Double>
    let a: [Double], b: [Double], w: [Double]
    /// δ = w − β.
    let distance: [Double]
    /// The population's mean loss, ‖δ‖² + σ².
    let testLoss: Double

    /// - Parameter theta: (a, b).
    init(_ set: TrainingSet<Double>, at theta: [Double]) {
        let d = set.dimension
        let (a, b) = (Array(theta[..<d]), Array(theta[d...]))
        let w = (0..<d).map { a[$0] * b[$0] }
        let distance = (0..<d).map { w[$0] - set.truth[$0] }
        testLoss = distance.reduce(0) { $0.addingProduct($1, $1) } + set.noiseVariance
        (self.set, self.a, self.b, self.w, self.distance) = (set, a, b, w, distance)
    }

    /// P h.
    func gradient(ofSlope h: [Double]) -> [Double] {
        let d = h.count
        return [Double](unsafeUninitializedCapacity: 2 * d) { values, count in
            for j in 0..<d {
                values[j] = b[j] * h[j]
                values[d + j] = a[j] * h[j]
            }
            count = 2 * d
        }
    }

    /// rᵢ = ⟨xᵢ, w⟩ − yᵢ.
    func residual(_ i: Int) -> Double {
        let row = i * set.dimension
        return (0..<set.dimension).reduce(-set.labels[i]) { $0.addingProduct(set.inputs[row + $1], w[$1]) }
    }

    /// gᵢ − g_D.
    func deviationFromPopulation(_ i: Int) -> [Double] {
        let row = i * set.dimension, twice = 2 * residual(i)
        return gradient(ofSlope: (0..<set.dimension).map { (-2 * distance[$0]).addingProduct(twice, set.inputs[row + $0]) })
    }

    /// Adds s E_z J(g_z − g_D) = 4s P ((‖δ‖² + σ²) I + δδᵀ) Pᵀ, which is exact for x ~ N(0, I): a fourth moment of normals.
    func addPopulationCovariance(to sum: inout SymmetricMatrix, times s: Double) {
        sum.addSquare(of: gradient(ofSlope: distance.map { 2 * $0 }), times: s)
        let d = set.dimension, isotropic = 4 * s * testLoss
        for j in 0..<d {
            let (forA, forB) = (isotropic * b[j], isotropic * a[j])
            sum[j, j] = sum[j, j].addingProduct(forA, b[j])
            sum[j, d + j] = sum[j, d + j].addingProduct(forA, a[j])
            sum[d + j, d + j] = sum[d + j, d + j].addingProduct(forB, a[j])
        }
    }

    /// The quantities at this point that depend on the training set.
    func onTrainingSet() -> DiagonalNetworkTrainingPoint { DiagonalNetworkTrainingPoint(self) }
}

/// The quantities of a point that need a pass over the whole training set.
struct DiagonalNetworkTrainingPoint {
    let point: DiagonalNetworkPoint
    let residuals: [Double]
    /// u = Xᵀr.
    let sums: [Double]
    let trainLoss: Double

    fileprivate init(_ point: DiagonalNetworkPoint) {
        let set = point.set
        residuals = (0..<set.samples).map(point.residual)
        var sums = [Double](repeating: 0, count: set.dimension)
        for i in 0..<set.samples {
            for j in 0..<set.dimension { sums[j] = sums[j].addingProduct(set.inputs[i * set.dimension + j], residuals[i]) }
        }
        trainLoss = residuals.reduce(0) { $0.addingProduct($1, $1) } / Double(set.samples)
        self.sums = sums
        self.point = point
    }

    var gap: Double { point.testLoss - trainLoss }

    /// The slopes of gᵢ − ḡ, of shape (N, d).
    func deviationSlopes() -> [[Double]] {
        let set = point.set
        let mean = sums.map { 2 * $0 / Double(set.samples) }
        return (0..<set.samples).map { i in
            let row = i * set.dimension, twice = 2 * residuals[i]
            return mean.indices.map { (-mean[$0]).addingProduct(twice, set.inputs[row + $0]) }
        }
    }

    /// (1/N) Σ ‖gᵢ − ḡ‖².
    func covarianceTrace(_ slopes: [[Double]]) -> Double {
        let squares = zip(point.a, point.b).map { ($1 * $1).addingProduct($0, $0) }
        var sum = 0.0
        for slope in slopes { for (s, h) in zip(squares, slope) { sum = sum.addingProduct(s * h, h) } }
        return sum / Double(point.set.samples)
    }

    /// (N/2) ∇²L(S; θ) = Σ J(P xᵢ) + [[0, diag u], [diag u, 0]].
    /// - Parameter products: XᵀX, of shape (d, d).
    func halfHessian(_ products: [Double]) -> SymmetricMatrix {
        let d = point.set.dimension, p = point.b + point.a
        var hessian = SymmetricMatrix(rows: 2 * d)
        for j in 0..<2 * d {
            for k in j..<2 * d { hessian[j, k] = p[j] * p[k] * products[j % d * d + k % d] }
        }
        for j in 0..<d { hessian[j, d + j] += sums[j] }
        return hessian
    }
}
