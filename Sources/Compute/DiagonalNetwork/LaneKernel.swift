// LaneKernel.swift · Compute/DiagonalNetwork. The step of ReferenceKernel.swift for as many lanes as V is wide: the same operations on every
// element in the same order, hence the same bits.
//
// All trials of a group share X, so one entry of X, broadcast, meets a vector of lanes. Six passes over X or X² do nearly all of the
// work; what the reference writes as separate sums over d is done while the sums of a pass are still in registers.

/// Rows of X that are summed side by side. Five rows of two registers are ten independent sums: a core of 2015 to 2024 starts two
/// fused multiply-adds a cycle that take four to five cycles each, and 5 × 2 sums, 2 lane vectors and a broadcast fill 13 of 16 registers.
private let rowsPerPanel = 5

/// X and X² in the order in which the passes read them.
struct PackedSet<Scalar: WorkingPrecision> {
    let samples: Int, dimension: Int
    /// d, rounded up to whole panels: the row length of `inputs`, and of everything that is indexed by j.
    let paddedDimension: Int, paddedSamples: Int
    /// X with rows padded by zeros, for the rows of the batch.
    let inputs: Buffer<Scalar>
    /// Panels of five rows of X and X², columns one after the other; and of five columns, rows one after the other. Missing rows are 0.
    let inputPanels: Buffer<Scalar>, squarePanels: Buffer<Scalar>
    let transposedInputPanels: Buffer<Scalar>, transposedSquarePanels: Buffer<Scalar>
    /// −y, padded by zeros.
    let minusLabels: Buffer<Scalar>
    let truth: [Double]
    let noiseVariance: Double
    let batchSize: Int

    init(_ set: TrainingSet<Scalar>) {
        let (n, d) = (set.samples, set.dimension)
        func padded(_ count: Int) -> Int { (count + rowsPerPanel - 1) / rowsPerPanel * rowsPerPanel }
        func panels(rows: Int, depth: Int, _ entry: (Int, Int) -> Scalar) -> Buffer<Scalar> {
            var packed: [Scalar] = []
            packed.reserveCapacity(padded(rows) * depth)
            for first in stride(from: 0, to: rows, by: rowsPerPanel) {
                for k in 0..<depth {
                    for row in first..<first + rowsPerPanel { packed.append(row < rows ? entry(row, k) : 0) }
                }
            }
            return Buffer(packed)
        }
        samples = n
        dimension = d
        paddedSamples = padded(n)
        let paddedDimension = padded(d)
        self.paddedDimension = paddedDimension
        inputs = Buffer(
            (0..<n * paddedDimension).map { index in
                let (i, j) = index.quotientAndRemainder(dividingBy: paddedDimension)
                return j < d ? set.inputs[i * d + j] : 0
            })
        inputPanels = panels(rows: n, depth: d) { i, j in set.inputs[i * d + j] }
        squarePanels = panels(rows: n, depth: d) { i, j in set.squares[i * d + j] }
        transposedInputPanels = panels(rows: d, depth: n) { j, i in set.inputs[i * d + j] }
        transposedSquarePanels = panels(rows: d, depth: n) { j, i in set.squares[i * d + j] }
        minusLabels = Buffer(set.labels.map { -$0 } + [Scalar](repeating: 0, count: padded(n) - n))
        truth = set.truth
        noiseVariance = set.noiseVariance
        batchSize = set.batchSize
    }
}

/// Adds to five sums the products of one panel's rows with the lanes, k from 0 to `depth` − 1. This loop takes most of the time.
/// - Parameter start: where the panel begins in `panels`; it has 5·depth entries from there.
@inline(__always)
private func accumulate<V: SIMD>(
    _ sums: inout InlineArray<5, V>, panels: UnsafePointer<V.Scalar>, from start: Int, times lanes: UnsafePointer<V>, depth: Int
) where V.Scalar: WorkingPrecision {
    var entry = start
    for k in 0..<depth {
        let lane = lanes[k]
        for row in 0..<rowsPerPanel { sums[row].addProduct(panels[entry &+ row], lane) }
        entry &+= rowsPerPanel
    }
}

struct LaneKernel<V: SIMD>: StepKernel where V.Scalar: WorkingPrecision {
    typealias Scalar = V.Scalar

    static var width: Int { V.scalarCount }
    static func share(_ set: TrainingSet<Scalar>) -> PackedSet<Scalar> { PackedSet(set) }

    private let set: PackedSet<Scalar>
    /// The constants of `StepConstants`, one lane each; further elements of the vectors repeat the last lane.
    private var c1 = V(), minusC2 = V(), minusC3 = V(), c4 = V(), c7 = V(), minusRate = V(), momentum = V()
    private let c5: Scalar, minusC6: Scalar

    /// Indexed by j: θ, w = a⊙b, s = a² + b², then c₁t which becomes e, and p.
    private let a: Buffer<V>, b: Buffer<V>, w: Buffer<V>, s: Buffer<V>, e: Buffer<V>, p: Buffer<V>
    /// Indexed by i: r, r², q and c.
    private let r: Buffer<V>, rr: Buffer<V>, q: Buffer<V>, c: Buffer<V>
    /// One entry for each sample of the batch.
    private let g: Buffer<V>, z: Buffer<V>
    /// Indexed by j: the last step's directions of a and b; empty where no lane has momentum.
    private let velocityA: Buffer<V>, velocityB: Buffer<V>
    private let hasMomentum: Bool

    init(_ set: PackedSet<Scalar>, lanes: [Lane], start: [Scalar]) {
        self.set = set
        let constants = lanes.map { StepConstants<Scalar>($0, samples: set.samples, batchSize: set.batchSize) }
        for index in 0..<V.scalarCount {
            let own = constants[min(index, lanes.count - 1)]
            c1[index] = own.c1
            minusC2[index] = own.minusC2
            minusC3[index] = own.minusC3
            c4[index] = own.c4
            c7[index] = own.c7
            minusRate[index] = own.minusRate
            momentum[index] = own.momentum
        }
        c5 = constants[0].c5
        minusC6 = constants[0].minusC6

        func vectors(_ count: Int) -> Buffer<V> { Buffer([V](repeating: V(), count: count)) }
        (a, b) = (vectors(set.paddedDimension), vectors(set.paddedDimension))
        (w, s) = (vectors(set.paddedDimension), vectors(set.paddedDimension))
        (e, p) = (vectors(set.paddedDimension), vectors(set.paddedDimension))
        (r, rr) = (vectors(set.paddedSamples), vectors(set.paddedSamples))
        (q, c) = (vectors(set.paddedSamples), vectors(set.paddedSamples))
        (g, z) = (vectors(set.batchSize), vectors(set.batchSize))
        hasMomentum = constants.contains { $0.momentum > 0 }
        velocityA = vectors(hasMomentum ? set.paddedDimension : 0)
        velocityB = vectors(hasMomentum ? set.paddedDimension : 0)
        for j in 0..<set.dimension {
            a[j] = V(repeating: start[j])
            b[j] = V(repeating: start[set.dimension + j])
            w[j] = a[j] * b[j]
            s[j] = (b[j] * b[j]).addingProduct(a[j], a[j])
        }
    }

    @inline(never)
    mutating func step(batch: ArraySlice<Int>) {
        residuals()
        quadraticForms()
        takeBatch(batch)
        squaredSums()
        if batch.count == 1 { linearSums(row: batch[batch.startIndex]) } else { linearSums(batch: batch) }
        coefficients(batch)
        if hasMomentum { updateWithMomentum() } else { update() }
    }

    /// r = Xw − y, and r².
    @inline(never)
    private mutating func residuals() {
        let panels = set.inputPanels.base
        let labels = set.minusLabels.base
        let w = self.w.base
        let r = self.r.base
        let rr = self.rr.base
        for first in stride(from: 0, to: set.paddedSamples, by: rowsPerPanel) {
            var sums = InlineArray<5, V> { V(repeating: labels[first + $0]) }
            accumulate(&sums, panels: panels, from: first * set.dimension, times: w, depth: set.dimension)
            for row in 0..<rowsPerPanel {
                r[first + row] = sums[row]
                rr[first + row] = sums[row] * sums[row]
            }
        }
    }

    /// q = X²s.
    @inline(never)
    private mutating func quadraticForms() {
        let panels = set.squarePanels.base
        let s = self.s.base
        let q = self.q.base
        for first in stride(from: 0, to: set.paddedSamples, by: rowsPerPanel) {
            var sums = InlineArray<5, V>(repeating: V())
            accumulate(&sums, panels: panels, from: first * set.dimension, times: s, depth: set.dimension)
            for row in 0..<rowsPerPanel { q[first + row] = sums[row] }
        }
    }

    /// g = c₅ r of the batch.
    private mutating func takeBatch(_ batch: ArraySlice<Int>) {
        for (index, i) in batch.enumerated() {
            g[index] = c5 * r[i]
            z[index] = V()
        }
    }

    /// c₁t with t = (X²)ᵀr², into e.
    @inline(never)
    private mutating func squaredSums() {
        let panels = set.transposedSquarePanels.base
        let rr = self.rr.base
        let c1 = self.c1
        let e = self.e.base
        for first in stride(from: 0, to: set.paddedDimension, by: rowsPerPanel) {
            var sums = InlineArray<5, V>(repeating: V())
            accumulate(&sums, panels: panels, from: first * set.samples, times: rr, depth: set.samples)
            for row in 0..<rowsPerPanel { e[first + row] = c1 * sums[row] }
        }
    }

    /// u = Xᵀr, v, p, the sums z of the batch, and the rest of e, for a batch of any size.
    @inline(never)
    private mutating func linearSums(batch: ArraySlice<Int>) {
        let panels = set.transposedInputPanels.base
        let inputs = set.inputs.base
        let r = self.r.base
        let s = self.s.base
        let g = self.g.base
        let z = self.z.base
        let e = self.e.base
        let p = self.p.base
        for first in stride(from: 0, to: set.paddedDimension, by: rowsPerPanel) {
            var u = InlineArray<5, V>(repeating: V())
            accumulate(&u, panels: panels, from: first * set.samples, times: r, depth: set.samples)
            for row in 0..<rowsPerPanel {
                let j = first + row
                var v = minusC6 * u[row]
                for (index, i) in batch.enumerated() { v.addProduct(inputs[i * set.paddedDimension + j], g[index]) }
                let sv = s[j] * v
                // Not over the padding: adding 0·0 to a z of −0 would make it +0.
                if j < set.dimension {
                    for (index, i) in batch.enumerated() { z[index].addProduct(inputs[i * set.paddedDimension + j], sv) }
                }
                let c2u = minusC2 * u[row]
                p[j] = s[j] * c2u.addingProduct(minusC3, v)
                e[j] = e[j].addingProduct(c2u, u[row]).addingProduct(c7 * v, v)
            }
        }
    }

    /// The sums of `linearSums(batch:)` for a batch of one, whose z stays in registers: through memory it would be the longest chain of
    /// dependent operations of the step.
    @inline(never)
    private mutating func linearSums(row i: Int) {
        let panels = set.transposedInputPanels.base
        let inputs = set.inputs.base
        let r = self.r.base
        let s = self.s.base
        let g = self.g[0]
        let (minusC2, minusC3, c7) = (self.minusC2, self.minusC3, self.c7)
        var z = V()
        let e = self.e.base
        let p = self.p.base
        for first in stride(from: 0, to: set.paddedDimension, by: rowsPerPanel) {
            var u = InlineArray<5, V>(repeating: V())
            accumulate(&u, panels: panels, from: first * set.samples, times: r, depth: set.samples)
            for row in 0..<rowsPerPanel {
                let j = first + row
                let x = inputs[i * set.paddedDimension + j]
                let v = (minusC6 * u[row]).addingProduct(x, g)
                if j < set.dimension { z.addProduct(x, s[j] * v) }
                let c2u = minusC2 * u[row]
                p[j] = s[j] * c2u.addingProduct(minusC3, v)
                e[j] = e[j].addingProduct(c2u, u[row]).addingProduct(c7 * v, v)
            }
        }
        self.z[0] = z
    }

    /// Computes c = Xp + 8λ1 r⊙q/N + the terms of the batch.
    @inline(never)
    private mutating func coefficients(_ batch: ArraySlice<Int>) {
        let panels = set.inputPanels.base
        let p = self.p.base
        let r = self.r.base
        let q = self.q.base
        let c1 = self.c1
        let c = self.c.base
        for first in stride(from: 0, to: set.paddedSamples, by: rowsPerPanel) {
            var sums = InlineArray<5, V>(repeating: V())
            accumulate(&sums, panels: panels, from: first * set.dimension, times: p, depth: set.dimension)
            for row in 0..<rowsPerPanel {
                c[first + row] = sums[row].addingProduct(c1 * r[first + row], q[first + row])
            }
        }
        for (index, i) in batch.enumerated() { c[i] += g[index].addingProduct(c4, z[index]) }
    }

    @inline(never)
    private mutating func update() { update { _, gradientA, gradientB in (gradientA, gradientB) } }

    @inline(never)
    private mutating func updateWithMomentum() {
        let (momentum, velocityA, velocityB) = (momentum, velocityA.base, velocityB.base)
        // A lane without momentum keeps its gradient: 0 times a velocity that is not finite would be NaN.
        let remembers = momentum .> 0
        update { j, gradientA, gradientB in
            velocityA[j] = gradientA.replacing(with: gradientA.addingProduct(momentum, velocityA[j]), where: remembers)
            velocityB[j] = gradientB.replacing(with: gradientB.addingProduct(momentum, velocityB[j]), where: remembers)
            return (velocityA[j], velocityB[j])
        }
    }

    /// Computes k = Xᵀc, the step, and w and s of the next step.
    /// - Parameter direction: returns the direction of the step from the gradients of a_j and b_j.
    @inline(__always)
    private mutating func update(_ direction: (_ j: Int, V, V) -> (V, V)) {
        let panels = set.transposedInputPanels.base
        let c = self.c.base
        let e = self.e.base
        let minusRate = self.minusRate
        let a = self.a.base
        let b = self.b.base
        let w = self.w.base
        let s = self.s.base
        for first in stride(from: 0, to: set.paddedDimension, by: rowsPerPanel) {
            var k = InlineArray<5, V>(repeating: V())
            accumulate(&k, panels: panels, from: first * set.samples, times: c, depth: set.samples)
            for row in 0..<rowsPerPanel {
                let j = first + row
                let (oldA, oldB) = (a[j], b[j])
                let (directionA, directionB) = direction(
                    j, (oldA * e[j]).addingProduct(oldB, k[row]), (oldB * e[j]).addingProduct(oldA, k[row]))
                let newA = oldA.addingProduct(minusRate, directionA)
                let newB = oldB.addingProduct(minusRate, directionB)
                a[j] = newA
                b[j] = newB
                w[j] = newA * newB
                s[j] = (newB * newB).addingProduct(newA, newA)
            }
        }
    }

    func testLosses() -> [Double] {
        var sums = [Double](repeating: 0, count: V.scalarCount)
        for j in 0..<set.dimension {
            for lane in 0..<V.scalarCount {
                let difference = Double(a[j][lane]) * Double(b[j][lane]) - set.truth[j]
                sums[lane] = sums[lane].addingProduct(difference, difference)
            }
        }
        return sums.map { $0 + set.noiseVariance }
    }

    mutating func trainLosses() -> [Double] {
        residuals()
        return (0..<V.scalarCount).map { lane in
            let sum = (0..<set.samples).reduce(0.0) { sum, i in sum.addingProduct(Double(r[i][lane]), Double(r[i][lane])) }
            return sum / Double(set.samples)
        }
    }

    func parameters(ofLane lane: Int) -> [Scalar] {
        (0..<set.dimension).map { a[$0][lane] } + (0..<set.dimension).map { b[$0][lane] }
    }
}
