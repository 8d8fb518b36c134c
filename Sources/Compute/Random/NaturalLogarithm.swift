// NaturalLogarithm.swift · Compute/Random, for NormalQuantile.swift.
// libm's logarithm differs between hosts in the last bit, and so would every label of a training set.

/// c₀ xⁿ⁻¹ + … + cₙ₋₁ by Horner's rule, one fused multiply-add for each coefficient after the first.
@inline(__always)
func polynomial<let count: Int>(_ coefficients: InlineArray<count, Double>, at x: Double) -> Double {
    var value = coefficients[0]
    for k in 1..<count { value = coefficients[k].addingProduct(value, x) }
    return value
}

/// ln x, from operations that IEEE 754 fixes to the bit (Docs/numerics.md, "Logarithm").
/// - Parameter x: positive, finite and normal. For any other x the result has no meaning.
/// - Returns: within 2 ulp of ln x; 0 for x = 1.
func naturalLogarithm(_ x: Double) -> Double {
    var exponent = x.exponent
    var m = x.significand
    // m in [√½, √2): f stays small on both sides, and an x just below 1 does not cancel against ln 2.
    if m >= 0x1.6a09e667f3bcdp0 {
        m *= 0.5
        exponent += 1
    }
    // ln m = 2 artanh f = 2f + 2f·(z/3 + z²/5 + …). |f| ≤ 0.1716, so the first term left out, z¹²/25, is below 2⁻⁶⁵.
    let f = (m - 1) / (m + 1)
    let z = f * f
    let tail = polynomial(
        [
            1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3,
        ] as InlineArray<11, Double>, at: z)
    let logarithmOfM = (2 * f).addingProduct(2 * f, z * tail)
    // ln 2 in two parts: the upper has 36 significant bits, so that its product with an exponent is exact.
    let upperLogarithmOf2 = 0x1.62e42fefap-1
    let lowerLogarithmOf2 = 0x1.cf79abc9e3b3ap-40
    let e = Double(exponent)
    return logarithmOfM.addingProduct(e, lowerLogarithmOf2).addingProduct(e, upperLogarithmOf2)
}
