// ReferenceKernel.swift · Compute/DiagonalNetwork. The step of Docs/numerics.md in plain loops, one lane at a time, to be read beside it.
// The kernel to trust: LaneKernel.swift must give the same bits (ComputeTests, "Kernels").

/// The step for one lane. Every sum runs over its index upwards, with one fused multiply-add for each term.
struct ReferenceKernel<Scalar: WorkingPrecision>: StepKernel {
    static var width: Int { 1 }
    static func share(_ set: TrainingSet<Scalar>) -> TrainingSet<Scalar> { set }

    private let set: TrainingSet<Scalar>
    private let constants: StepConstants<Scalar>
    private var a: [Scalar], b: [Scalar]
    /// The last step's direction, which momentum carries on, in the order of (a, b).
    private var velocity: [Scalar]

    init(_ set: TrainingSet<Scalar>, lanes: [Lane], start: [Scalar]) {
        self.set = set
        constants = StepConstants(lanes[0], samples: set.samples, batchSize: set.batchSize)
        a = Array(start[..<set.dimension])
        b = Array(start[set.dimension...])
        velocity = Array(repeating: 0, count: start.count)
    }

    mutating func step(batch: ArraySlice<Int>) {
        let (n, d) = (set.samples, set.dimension)
        let k = constants
        let s = (0..<d).map { j in (b[j] * b[j]).addingProduct(a[j], a[j]) }

        let r = residuals()
        let q = (0..<n).map { i in sum(from: 0, over: 0..<d) { j in (square(i, j), s[j]) } }
        let t = (0..<d).map { j in sum(from: 0, over: 0..<n) { i in (square(i, j), r[i] * r[i]) } }
        let u = (0..<d).map { j in sum(from: 0, over: 0..<n) { i in (input(i, j), r[i]) } }

        // The batch's share of the residuals, and Xᵀ(m⊙r) with mᵢ = 2(1[i∈B]/B − 1/N).
        let g = batch.map { i in k.c5 * r[i] }
        let v = (0..<d).map { j in
            sum(from: k.minusC6 * u[j], over: 0..<g.count) { index in (input(batch[batch.startIndex + index], j), g[index]) }
        }
        let p = (0..<d).map { j in s[j] * (k.minusC2 * u[j]).addingProduct(k.minusC3, v[j]) }
        let z = batch.map { i in sum(from: 0, over: 0..<d) { j in (input(i, j), s[j] * v[j]) } }
        let e = (0..<d).map { j in
            (k.c1 * t[j]).addingProduct(k.minusC2 * u[j], u[j]).addingProduct(k.c7 * v[j], v[j])
        }

        var c = (0..<n).map { i in sum(from: 0, over: 0..<d) { j in (input(i, j), p[j]) }.addingProduct(k.c1 * r[i], q[i]) }
        for (index, i) in batch.enumerated() { c[i] += g[index].addingProduct(k.c4, z[index]) }

        for j in 0..<d {
            let gradient = sum(from: 0, over: 0..<n) { i in (input(i, j), c[i]) }
            let (oldA, oldB) = (a[j], b[j])
            a[j] = oldA.addingProduct(k.minusRate, direction(j, (oldA * e[j]).addingProduct(oldB, gradient)))
            b[j] = oldB.addingProduct(k.minusRate, direction(d + j, (oldB * e[j]).addingProduct(oldA, gradient)))
        }
    }

    /// The direction of a parameter's step: its gradient, penalties included, plus the momentum term.
    private mutating func direction(_ index: Int, _ gradient: Scalar) -> Scalar {
        guard constants.momentum > 0 else { return gradient }
        velocity[index] = gradient.addingProduct(constants.momentum, velocity[index])
        return velocity[index]
    }

    func testLosses() -> [Double] {
        let distance = (0..<set.dimension).reduce(0.0) { sum, j in
            let difference = Double(a[j]) * Double(b[j]) - set.truth[j]
            return sum.addingProduct(difference, difference)
        }
        return [distance + set.noiseVariance]
    }

    func trainLosses() -> [Double] {
        let squares = residuals().reduce(0.0) { sum, r in sum.addingProduct(Double(r), Double(r)) }
        return [squares / Double(set.samples)]
    }

    func parameters(ofLane lane: Int) -> [Scalar] { a + b }

    /// r = X(a⊙b) − y.
    private func residuals() -> [Scalar] {
        (0..<set.samples).map { i in sum(from: -set.labels[i], over: 0..<set.dimension) { j in (input(i, j), a[j] * b[j]) } }
    }

    private func input(_ i: Int, _ j: Int) -> Scalar { set.inputs[i * set.dimension + j] }
    private func square(_ i: Int, _ j: Int) -> Scalar { set.squares[i * set.dimension + j] }

    private func sum(from start: Scalar, over indices: Range<Int>, _ factors: (Int) -> (Scalar, Scalar)) -> Scalar {
        indices.reduce(start) { sum, index in
            let (x, y) = factors(index)
            return sum.addingProduct(x, y)
        }
    }
}
