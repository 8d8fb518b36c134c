// NetworkStep.swift · Compute/ConvolutionalNetwork. One update of the parameters from a gradient and a Hessian product: penalty, weight
// decay and clipping.

/// The constants of one lane's steps.
struct NetworkStep {
    /// The constants 2λ2, and λ of the weight decay.
    let productFactor: Double, decay: Double
    /// The norm to which a longer direction is shortened, before the learning rate; 0 for no limit.
    let clipNorm: Double

    /// The factor η·min(1, c/‖u‖) of the direction u.
    func factor(rate: Double, squaredNorm: Double) -> Double {
        let norm = squaredNorm.squareRoot()
        return clipNorm > 0 && norm > clipNorm ? rate * (clipNorm / norm) : rate
    }

    /// θ ← θ − η·min(1, c/‖u‖)·u with u = g + 2λ2 h + λθ; u replaces g.
    /// - Parameters:
    ///   - count: a multiple of 32.
    ///   - product: h; nil without a penalty.
    /// - Returns: whether u's squared norm is finite; if not, θ is unchanged.
    func update(
        _ theta: Buffer<Float>, _ gradient: Buffer<Float>, _ product: Buffer<Float>?, count: Int, rate: Double, team: ThreadTeam
    ) -> Bool {
        let sums = Buffer(Array(repeating: Vector(), count: Self.sums))
        // Each of the norm's sums is computed by one thread; two of them fill a cache line.
        team.share(Self.sums, unit: 2) { range, _ in
            if range.count == Self.sums {
                direct(Self.sums, from: 0, theta, gradient, product, count: count, sums)
            } else {
                for first in stride(from: range.lowerBound, to: range.upperBound, by: 2) {
                    direct(2, from: first, theta, gradient, product, count: count, sums)
                }
            }
        }
        let squares = sum((sums[0] + sums[1]) + (sums[2] + sums[3]))
        guard squares.isFinite else { return false }
        let factor = Vector(repeating: Float(-self.factor(rate: rate, squaredNorm: Double(squares))))
        team.share(count, unit: 32) { range, _ in
            for k in stride(from: range.lowerBound, to: range.upperBound, by: 8) {
                store(load(theta.base + k).addingProduct(factor, load(gradient.base + k)), theta.base + k)
            }
        }
        return true
    }

    /// Number of vectors in which the squared norm is summed.
    private static let sums = 4

    /// Replaces g by u and adds u's squares to the sums of `parts`.
    @inline(__always)
    private func direct(
        _ parts: Int, from firstPart: Int, _ theta: Buffer<Float>, _ gradient: Buffer<Float>, _ product: Buffer<Float>?, count: Int,
        _ results: Buffer<Vector>
    ) {
        var sums = InlineArray<4, Vector>(repeating: Vector())
        let productFactor = Vector(repeating: Float(productFactor)), decay = Vector(repeating: Float(decay))
        for first in stride(from: 8 * firstPart, to: count, by: 8 * Self.sums) {
            for part in 0..<parts {
                let k = first + 8 * part
                var u = load(gradient.base + k)
                if let product { u.addProduct(productFactor, load(product.base + k)) }
                u.addProduct(decay, load(theta.base + k))
                sums[part].addProduct(u, u)
                store(u, gradient.base + k)
            }
        }
        for part in 0..<parts { results[firstPart + part] = sums[part] }
    }
}
