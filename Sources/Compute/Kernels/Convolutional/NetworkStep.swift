// NetworkStep.swift · Compute/Kernels/Convolutional. What one step makes of a gradient and a Hessian's product: penalty, decay, clipping.

/// Constants of a lane.
struct NetworkStep {
    /// 2λ2 and λ of the weight decay.
    let productFactor: Double, decay: Double
    /// The longest step's norm before the learning rate; 0 for any.
    let clipNorm: Double

    /// η, shortened where the direction is longer than `clipNorm`.
    func factor(rate: Double, squaredNorm: Double) -> Double {
        let norm = squaredNorm.squareRoot()
        return clipNorm > 0 && norm > clipNorm ? rate * (clipNorm / norm) : rate
    }

    /// θ ← θ − η·min(1, c/‖u‖)·u with u = g + 2λ2 h + λθ; u takes the place of g.
    /// - Parameters:
    ///   - count: a multiple of 32.
    ///   - product: nil without a penalty.
    /// - Returns: whether u's squared norm is finite; if not, θ is as it was.
    func update(
        _ theta: Buffer<Float>, _ gradient: Buffer<Float>, _ product: Buffer<Float>?, count: Int, rate: Double
    ) -> Bool {
        var sums = InlineArray<4, Vector>(repeating: Vector())
        let productFactor = Vector(repeating: Float(productFactor)), decay = Vector(repeating: Float(decay))
        for first in stride(from: 0, to: count, by: 32) {
            for part in 0..<4 {
                let k = first + 8 * part
                var u = load(gradient.base + k)
                if let product { u.addProduct(productFactor, load(product.base + k)) }
                u.addProduct(decay, load(theta.base + k))
                sums[part].addProduct(u, u)
                store(u, gradient.base + k)
            }
        }
        let squares = sum((sums[0] + sums[1]) + (sums[2] + sums[3]))
        guard squares.isFinite else { return false }
        let factor = Vector(repeating: Float(-self.factor(rate: rate, squaredNorm: Double(squares))))
        for k in stride(from: 0, to: count, by: 8) {
            store(load(theta.base + k).addingProduct(factor, load(gradient.base + k)), theta.base + k)
        }
        return true
    }
}
