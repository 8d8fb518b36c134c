// LandscapeKernel.swift · Compute/Landscape. One iteration on the landscape (Docs/numerics.md, "Landscape"): the plain form, to be read
// beside the page, and the one that runs, with eight lanes side by side. Both do the same operations in the same order on every number.

internal import Vocabulary

/// The constants of one lane's step, computed once.
struct LandscapeStep {
    /// Whether the step follows the mini-batch, or else the whole training set.
    let usesBatch: Bool
    /// Standard deviation σ of the noise that is added to the gradient of the whole training set.
    let deviation: Double
    /// 2λ1, 2λ2, μ and η of the first iteration.
    let c1: Double, c2: Double, momentum: Double, rate: Double
    /// The replacement that makes S to Sⁱ; nil to train on S itself.
    let replacement: Replacement?

    /// - Parameter deviation: σ, which `sgd` and `gd` ignore.
    init(_ lane: Lane, deviation: Double, replacement: Replacement? = nil) {
        usesBatch = lane.algorithm == .sgd
        self.deviation =
            switch lane.algorithm {
            case .sgd, .gd: 0
            case .noisyGD, .noisyGDMatched: deviation
            }
        self.replacement = replacement
        c1 = 2 * lane.strengths[.lambda1]
        c2 = 2 * lane.strengths[.lambda2]
        momentum = lane.strengths[.momentum]
        rate = lane.learningRate
    }
}

/// Trains a few lanes side by side. Conforming kernels agree to the bit; `LandscapeReferenceKernel` is the one to read.
protocol LandscapeKernel {
    /// Lanes side by side.
    static var width: Int { get }
    /// - Parameter steps: from 1 to `width`, each with its own replacement or none.
    init(_ data: LandscapeData, _ steps: [LandscapeStep], decay: Double, start: SIMD2<Double>)

    /// Gradients and Hessians of all candidates of the training set at θ; `step` and `gradientVariances` use them.
    mutating func evaluate()
    /// One iteration, and the decay of the learning rate.
    mutating func step(_ draw: LandscapeDraw)
    /// (1/N) Σ ‖gᵢ − ḡ‖² of every lane.
    func gradientVariances() -> [Double]
    /// Means over the training set and over the population, with the offset.
    func losses() -> [(train: Double, test: Double)]
    func parameters(ofLane lane: Int) -> SIMD2<Double>
}

/// −∇f and ∇²f of one candidate. The negative gradient, so that the sums of a step need no change of sign.
private struct Slopes<Number> {
    var dx: Number, dy: Number, hxx: Number, hxy: Number, hyy: Number
}

// MARK: One lane

struct LandscapeReferenceKernel: LandscapeKernel {
    static var width: Int { 1 }

    private let data: LandscapeData
    private let lane: LandscapeStep
    /// Candidate of each sample of the training set, and how often the set has each candidate; those of Sⁱ where the lane has a replacement.
    private let samples: [Int], counts: [Double]
    private let decay: Double
    private var rate: Double
    private var theta: SIMD2<Double>
    /// The last step's direction, which momentum carries on.
    private var velocity = SIMD2<Double>()
    /// By candidate; only those that the training set has are ever set or read.
    private var slopes: [Slopes<Double>]
    private var mean = Slopes(dx: 0.0, dy: 0, hxx: 0, hxy: 0, hyy: 0)
    /// (1/N) Σ Hᵢ dᵢ.
    private var product = SIMD2<Double>()

    init(_ data: LandscapeData, _ steps: [LandscapeStep], decay: Double, start: SIMD2<Double>) {
        self.data = data
        lane = steps[0]
        var samples = data.samples
        if let replacement = lane.replacement { samples[replacement.index] = replacement.candidate }
        self.samples = samples
        counts = samples.reduce(into: data.counts.map { _ in 0 }) { counts, sample in counts[sample] += 1 }
        self.decay = decay
        rate = lane.rate
        theta = start
        slopes = Array(repeating: mean, count: data.candidates.count)
    }

    mutating func evaluate() {
        let n = Double(data.samples.count)
        for (c, candidate) in data.candidates.enumerated() where counts[c] > 0 {
            slopes[c] = Slopes(dx: 0, dy: 0, hxx: 0, hxy: 0, hyy: 0)
            for b in candidate.indices {
                let bump = candidate[b]
                let x = theta.x - bump.x, y = theta.y - bump.y
                let p = bump.amplitude * height(bump, x, y) * bump.inverseSquare
                let (scaledX, scaledY) = (x * bump.inverseSquare, y * bump.inverseSquare)
                slopes[c].dx = slopes[c].dx.addingProduct(p, x)
                slopes[c].dy = slopes[c].dy.addingProduct(p, y)
                slopes[c].hxx = slopes[c].hxx.addingProduct(p, (-1.0).addingProduct(scaledX, x))
                slopes[c].hxy = slopes[c].hxy.addingProduct(p, scaledX * y)
                slopes[c].hyy = slopes[c].hyy.addingProduct(p, (-1.0).addingProduct(scaledY, y))
            }
        }
        func average(_ term: (Slopes<Double>) -> Double) -> Double {
            counts.indices.filter { counts[$0] > 0 }.reduce(0) { $0.addingProduct(counts[$1], term(slopes[$1])) } / n
        }
        mean = Slopes(dx: average(\.dx), dy: average(\.dy), hxx: average(\.hxx), hxy: average(\.hxy), hyy: average(\.hyy))
        product.x = average { ($0.hxx * $0.dx).addingProduct($0.hxy, $0.dy) }
        product.y = average { ($0.hxy * $0.dx).addingProduct($0.hyy, $0.dy) }
    }

    mutating func step(_ draw: LandscapeDraw) {
        func average(_ term: (Slopes<Double>) -> Double) -> Double {
            draw.batch.reduce(0) { $0 + term(slopes[samples[$1]]) } / Double(draw.batch.count)
        }
        let batch = Slopes(dx: average(\.dx), dy: average(\.dy), hxx: average(\.hxx), hxy: average(\.hxy), hyy: average(\.hyy))
        let baseX = lane.usesBatch ? batch.dx : mean.dx.addingProduct(lane.deviation, draw.noise.x)
        let baseY = lane.usesBatch ? batch.dy : mean.dy.addingProduct(lane.deviation, draw.noise.y)

        let ux = product.x - (mean.hxx * mean.dx).addingProduct(mean.hxy, mean.dy)
        let uy = product.y - (mean.hxy * mean.dx).addingProduct(mean.hyy, mean.dy)

        let (dx, dy) = (batch.dx - mean.dx, batch.dy - mean.dy)
        let tx = ((batch.hxx - mean.hxx) * dx).addingProduct(batch.hxy - mean.hxy, dy)
        let ty = ((batch.hxy - mean.hxy) * dx).addingProduct(batch.hyy - mean.hyy, dy)

        var direction = SIMD2(
            baseX.addingProduct(lane.c1, ux).addingProduct(lane.c2, tx), baseY.addingProduct(lane.c1, uy).addingProduct(lane.c2, ty))
        if lane.momentum > 0 {
            direction = direction.addingProduct(lane.momentum, velocity)
            velocity = direction
        }
        theta.x = clipped(theta.x.addingProduct(rate, direction.x))
        theta.y = clipped(theta.y.addingProduct(rate, direction.y))
        rate *= decay
    }

    func gradientVariances() -> [Double] {
        let sum = counts.indices.filter { counts[$0] > 0 }.reduce(0.0) { sum, c in
            let (x, y) = (slopes[c].dx - mean.dx, slopes[c].dy - mean.dy)
            return sum.addingProduct(counts[c], (y * y).addingProduct(x, x))
        }
        return [sum / Double(data.samples.count)]
    }

    func losses() -> [(train: Double, test: Double)] {
        var train = 0.0, test = 0.0
        for (c, candidate) in data.candidates.enumerated() {
            var value = 0.0
            for b in candidate.indices {
                value = value.addingProduct(
                    candidate[b].amplitude, height(candidate[b], theta.x - candidate[b].x, theta.y - candidate[b].y))
            }
            train = train.addingProduct(counts[c], value)
            test += value
        }
        return [(train / Double(data.samples.count) + data.offset, test / Double(data.candidates.count) + data.offset)]
    }

    func parameters(ofLane lane: Int) -> SIMD2<Double> { theta }

    /// exp(−(x² + y²) ÷ 2w²).
    private func height(_ bump: Bump, _ x: Double, _ y: Double) -> Double {
        exponential(-0.5 * bump.inverseSquare * (y * y).addingProduct(x, x))
    }

    /// NaN stays NaN.
    private func clipped(_ x: Double) -> Double { x < 0 ? 0 : x > LandscapeDomain.side ? LandscapeDomain.side : x }
}

// MARK: Eight lanes

/// A candidate, broadcast, meets a vector of lanes: all lanes of a group share the population.
struct LandscapeLaneKernel: LandscapeKernel {
    /// Two AVX2 registers, so that two polynomials are under way at once; the paper's table has six lanes.
    typealias Vector = SIMD8<Double>

    static var width: Int { Vector.scalarCount }

    private let data: LandscapeData
    /// How often the training set of each lane has each candidate; and candidates that any lane has. One that a lane has not counts 0 times
    /// there, which changes no bit of a sum.
    private let counts: [Vector]
    private let present: [Int]
    /// For each index of the training set: the lanes that have another candidate there.
    private let replaced: [[(lane: Int, candidate: Int)]]
    private let decay: Double
    private let usesBatch: SIMDMask<SIMD8<Int64>>
    private let deviation: Vector, c1: Vector, c2: Vector, momentum: Vector
    private let hasMomentum: Bool
    private var rate: Vector
    private var velocityX = Vector(), velocityY = Vector()
    private var x: Vector, y: Vector
    private var slopes: [Slopes<Vector>]
    private var mean = zero
    private var productX = Vector(), productY = Vector()

    private static var zero: Slopes<Vector> {
        @inline(__always) get { Slopes(dx: Vector(), dy: Vector(), hxx: Vector(), hxy: Vector(), hyy: Vector()) }
    }

    init(_ data: LandscapeData, _ steps: [LandscapeStep], decay: Double, start: SIMD2<Double>) {
        self.data = data
        self.decay = decay
        var counts = data.counts.map(Vector.init(repeating:))
        var replaced = [[(lane: Int, candidate: Int)]](repeating: [], count: data.samples.count)
        for (lane, step) in steps.enumerated() {
            guard let replacement = step.replacement else { continue }
            counts[data.samples[replacement.index]][lane] -= 1
            counts[replacement.candidate][lane] += 1
            replaced[replacement.index].append((lane, replacement.candidate))
        }
        self.counts = counts
        self.replaced = replaced
        present = counts.indices.filter { any(counts[$0] .> 0) }
        // Elements without a lane compute the first lane again.
        func vector(_ constant: (LandscapeStep) -> Double) -> Vector {
            var vector = Vector(repeating: constant(steps[0]))
            for (lane, step) in steps.enumerated() { vector[lane] = constant(step) }
            return vector
        }
        usesBatch = vector { $0.usesBatch ? 1 : 0 } .== 1
        deviation = vector(\.deviation)
        c1 = vector(\.c1)
        c2 = vector(\.c2)
        momentum = vector(\.momentum)
        hasMomentum = any(momentum .> 0)
        rate = vector(\.rate)
        x = Vector(repeating: start.x)
        y = Vector(repeating: start.y)
        slopes = Array(repeating: Self.zero, count: data.candidates.count)
    }

    mutating func evaluate() {
        var sum = Self.zero
        var sumX = Vector(), sumY = Vector()
        for c in present {
            var s = Self.zero
            for b in 0..<2 {
                let bump = data.candidates[c][b]
                let fromX = x - bump.x, fromY = y - bump.y
                let p = bump.amplitude * Self.height(bump, fromX, fromY) * bump.inverseSquare
                let scaledX = fromX * bump.inverseSquare, scaledY = fromY * bump.inverseSquare
                s.dx.addProduct(p, fromX)
                s.dy.addProduct(p, fromY)
                s.hxx.addProduct(p, Vector(repeating: -1).addingProduct(scaledX, fromX))
                s.hxy.addProduct(p, scaledX * fromY)
                s.hyy.addProduct(p, Vector(repeating: -1).addingProduct(scaledY, fromY))
            }
            slopes[c] = s
            let count = counts[c]
            sum.dx.addProduct(count, s.dx)
            sum.dy.addProduct(count, s.dy)
            sum.hxx.addProduct(count, s.hxx)
            sum.hxy.addProduct(count, s.hxy)
            sum.hyy.addProduct(count, s.hyy)
            sumX.addProduct(count, (s.hxx * s.dx).addingProduct(s.hxy, s.dy))
            sumY.addProduct(count, (s.hxy * s.dx).addingProduct(s.hyy, s.dy))
        }
        let n = Double(data.samples.count)
        mean = Self.divided(sum, by: n)
        productX = sumX / n
        productY = sumY / n
    }

    mutating func step(_ draw: LandscapeDraw) {
        var batch = Self.zero
        for index in draw.batch {
            var s = slopes[data.samples[index]]
            for (lane, candidate) in replaced[index] {
                s.dx[lane] = slopes[candidate].dx[lane]
                s.dy[lane] = slopes[candidate].dy[lane]
                s.hxx[lane] = slopes[candidate].hxx[lane]
                s.hxy[lane] = slopes[candidate].hxy[lane]
                s.hyy[lane] = slopes[candidate].hyy[lane]
            }
            batch.dx += s.dx
            batch.dy += s.dy
            batch.hxx += s.hxx
            batch.hxy += s.hxy
            batch.hyy += s.hyy
        }
        batch = Self.divided(batch, by: Double(draw.batch.count))
        let baseX = mean.dx.addingProduct(deviation, draw.noise.x).replacing(with: batch.dx, where: usesBatch)
        let baseY = mean.dy.addingProduct(deviation, draw.noise.y).replacing(with: batch.dy, where: usesBatch)

        let ux = productX - (mean.hxx * mean.dx).addingProduct(mean.hxy, mean.dy)
        let uy = productY - (mean.hxy * mean.dx).addingProduct(mean.hyy, mean.dy)

        let dx = batch.dx - mean.dx, dy = batch.dy - mean.dy
        let tx = ((batch.hxx - mean.hxx) * dx).addingProduct(batch.hxy - mean.hxy, dy)
        let ty = ((batch.hxy - mean.hxy) * dx).addingProduct(batch.hyy - mean.hyy, dy)

        var directionX = baseX.addingProduct(c1, ux).addingProduct(c2, tx)
        var directionY = baseY.addingProduct(c1, uy).addingProduct(c2, ty)
        if hasMomentum {
            // A lane without momentum keeps its direction: 0 times a velocity that is not finite would be NaN.
            let remembers = momentum .> 0
            directionX.replace(with: directionX.addingProduct(momentum, velocityX), where: remembers)
            directionY.replace(with: directionY.addingProduct(momentum, velocityY), where: remembers)
            (velocityX, velocityY) = (directionX, directionY)
        }
        x = Self.clipped(x.addingProduct(rate, directionX))
        y = Self.clipped(y.addingProduct(rate, directionY))
        rate *= decay
    }

    func gradientVariances() -> [Double] {
        var sum = Vector()
        for c in present {
            let dx = slopes[c].dx - mean.dx, dy = slopes[c].dy - mean.dy
            sum.addProduct(counts[c], (dy * dy).addingProduct(dx, dx))
        }
        let mean = sum / Double(data.samples.count)
        return (0..<Self.width).map { mean[$0] }
    }

    func losses() -> [(train: Double, test: Double)] {
        var train = Vector(), test = Vector()
        for c in data.candidates.indices {
            var value = Vector()
            for b in 0..<2 {
                let bump = data.candidates[c][b]
                value.addProduct(Vector(repeating: bump.amplitude), Self.height(bump, x - bump.x, y - bump.y))
            }
            train.addProduct(counts[c], value)
            test += value
        }
        train = train / Double(data.samples.count) + data.offset
        test = test / Double(data.candidates.count) + data.offset
        return (0..<Self.width).map { (train[$0], test[$0]) }
    }

    func parameters(ofLane lane: Int) -> SIMD2<Double> { SIMD2(x[lane], y[lane]) }

    @inline(__always)
    private static func height(_ bump: Bump, _ x: Vector, _ y: Vector) -> Vector {
        exponential(-0.5 * bump.inverseSquare * (y * y).addingProduct(x, x))
    }

    @inline(__always)
    private static func divided(_ sum: Slopes<Vector>, by n: Double) -> Slopes<Vector> {
        Slopes(dx: sum.dx / n, dy: sum.dy / n, hxx: sum.hxx / n, hxy: sum.hxy / n, hyy: sum.hyy / n)
    }

    @inline(__always)
    private static func clipped(_ x: Vector) -> Vector {
        x.replacing(with: 0, where: x .< 0).replacing(with: LandscapeDomain.side, where: x .> LandscapeDomain.side)
    }
}
