// Exponential.swift · Compute/Random, beside NaturalLogarithm.swift, for the landscape's kernels.
// libm's exponential differs between hosts in the last bit, and so would every loss of the landscape.

/// 1/n! for n = 13, 12, … 2, each 1 ÷ n! in Float64: Taylor's series, so that anyone can make the numbers again.
private var inverseFactorials: InlineArray<12, Double> {
    @inline(__always) get {
        [
            1 / 6_227_020_800, 1 / 479_001_600, 1 / 39_916_800, 1 / 3_628_800, 1 / 362_880, 1 / 40_320, 1 / 5_040, 1 / 720, 1 / 120,
            1 / 24, 1 / 6, 1 / 2,
        ]
    }
}

/// ln 2 in two parts: the upper has 36 significant bits, so that its product with a whole number below 2¹⁷ is exact.
private let upperLogarithmOf2 = 0x1.62e42fefap-1
private let lowerLogarithmOf2 = 0x1.cf79abc9e3b3ap-40
private let binaryLogarithmOfE = 0x1.71547652b82fep0
/// 1.5 · 2⁵²: a number added to it is rounded to a whole one, which then stands in the low bits of the sum.
private let roundingConstant = 0x1.8p52
/// The argument below which the result is 0. e⁻⁷⁰⁸ is the smallest whole power that is no denormal number.
private let lowestExponent = -708.0

/// eˣ for x ≤ 0, from operations that IEEE 754 fixes to the bit (Docs/numerics.md, "Exponential").
///
/// x = k ln 2 + r + c with |r| ≤ 0.347 and c what rounding took from r. The series ends with r¹³/13!; the next term is below 2⁻⁵⁷ of the
/// result. Its last two operations have errors of ¼ and ½ ulp at the most, everything before them of less than 0.1.
/// - Parameter x: at most 0; NaN gives NaN.
/// - Returns: within 1 ulp of eˣ; 0 for x < −708.
func exponential(_ x: Double) -> Double {
    let t = roundingConstant.addingProduct(x, binaryLogarithmOfE)
    let k = t - roundingConstant
    let upper = x.addingProduct(-k, upperLogarithmOf2)
    let r = upper.addingProduct(-k, lowerLogarithmOf2)
    let c = (upper - r).addingProduct(-k, lowerLogarithmOf2)
    let series = polynomial(inverseFactorials, at: r)
    let value = 1 + (r + c.addingProduct(r * r, series))
    // 2ᵏ: the low bits of t are k in two's complement. Nothing is lost, since k ≥ −1021.
    let power = Double(bitPattern: (t.bitPattern &+ 1023) << 52)
    return x < lowestExponent ? 0 : value * power
}

/// The same operations on eight lanes.
@inline(__always)
func exponential(_ x: SIMD8<Double>) -> SIMD8<Double> {
    let t = SIMD8(repeating: roundingConstant).addingProduct(x, binaryLogarithmOfE)
    let k = t - roundingConstant
    // (−k)·y has the bits of −(k·y).
    let upper = x.addingProduct(k, -upperLogarithmOf2)
    let r = upper.addingProduct(k, -lowerLogarithmOf2)
    let c = (upper - r).addingProduct(k, -lowerLogarithmOf2)
    var series = SIMD8(repeating: inverseFactorials[0])
    for n in 1..<12 { series = SIMD8(repeating: inverseFactorials[n]).addingProduct(series, r) }
    let value = 1 + (r + c.addingProduct(r * r, series))
    let bits = (unsafeBitCast(t, to: SIMD8<UInt64>.self) &+ 1023) &<< 52
    return (value * unsafeBitCast(bits, to: SIMD8<Double>.self)).replacing(with: 0, where: x .< lowestExponent)
}

/// Replaces each x by eˣ, eight at a time as in the kernels, for the benchmark.
/// - Parameter values: each at most 0; values after the last multiple of eight stay as they are.
package func takeExponentials(of values: inout [Double]) {
    var index = 0
    while index + 8 <= values.count {
        var x = SIMD8<Double>()
        for lane in 0..<8 { x[lane] = values[index + lane] }
        let y = exponential(x)
        for lane in 0..<8 { values[index + lane] = y[lane] }
        index += 8
    }
}
