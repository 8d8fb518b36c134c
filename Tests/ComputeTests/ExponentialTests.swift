// ExponentialTests.swift · Tests/ComputeTests. Our exponential against one of 64 bits, and its two forms against each other.

import Glibc
import Testing

@testable import Compute

@Suite("Exponential") struct ExponentialTests {
    /// Distance to glibc's `expl`, whose documented error on x86-64 is 1 ulp of its 64-bit significand, 2⁻¹¹ of ours: a distance below
    /// 0.999 of our ulps is below 1 of the true value.
    private func error(_ value: Double, at x: Double) -> Double {
        Double((Float80(value) - expl(Float80(x))).magnitude / Float80(value.ulp))
    }

    @Test("it is within 1 ulp on 1.5 million points of its range, on a grid and at random, and eight lanes give the same bits")
    func withinOneUlp() {
        var stream = RandomStream(seed: 7, for: .audit)
        var worst = 0.0, differences = 0
        func check(_ points: SIMD8<Double>) {
            let values = exponential(points)
            for lane in 0..<8 {
                let value = exponential(points[lane])
                if value.bitPattern != values[lane].bitPattern { differences += 1 }
                worst = max(worst, error(value, at: points[lane]))
            }
        }
        for n in 0..<62_500 {
            var grid = SIMD8<Double>(), narrow = SIMD8<Double>(), wide = SIMD8<Double>()
            for lane in 0..<8 {
                grid[lane] = -708 * Double(8 * n + lane) / 500_000
                narrow[lane] = -stream.nextUniform()
                wide[lane] = -708 * stream.nextUniform()
            }
            for points in [grid, narrow, wide] { check(points) }
        }
        #expect(worst < 0.999 && worst > 0.5 && differences == 0, "\(worst) ulp, \(differences) lanes differ")
    }

    @Test(
        "known values, rounded from 60 digits",
        arguments: [
            (-0.0, 1.0), (-1, 0x1.78b56362cef38p-2), (-0.5, 0x1.368b2fc6f960ap-1), (-2, 0x1.152aaa3bf81ccp-3),
            (-10, 0x1.7cd79b5647c9bp-15), (-36, 0x1.0b6c3afdde064p-52), (-100, 0x1.a8c1f14e2af5dp-145), (-708, 0x1.7c8ab2288c9abp-1022),
        ]) func known(x: Double, value: Double)
    { #expect((exponential(x) - value).magnitude <= value.ulp) }

    @Test("just above −708 it is a normal number, below it is 0, and NaN stays NaN") func ends() {
        #expect(exponential(-708).isNormal)
        for x in [(-708.0).nextDown, -1e300, -.infinity] {
            #expect(exponential(x) == 0 && exponential(SIMD8(repeating: x)) == SIMD8())
        }
        #expect(exponential(Double.nan).isNaN && exponential(SIMD8(repeating: .nan))[5].isNaN)
    }
}
