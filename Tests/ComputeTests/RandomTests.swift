// RandomTests.swift · Tests/ComputeTests. Streams and what is drawn from them. Their exact bits are proved by IndependentTests.swift;
// here it is shown that they are good numbers.

import Foundation
import Testing

@testable import Compute

@Suite("Random: streams and numbers") struct RandomTests {
    private func firstBlock(
        _ seed: UInt64, _ purpose: Purpose, step: Int = 0, trainingSet: Int = 0, initialization: Int = 0, replicate: Int = 0
    ) -> [UInt32] {
        var stream = RandomStream(
            seed: seed, for: purpose, step: step, trainingSet: trainingSet, initialization: initialization, replicate: replicate)
        return (0..<4).map { _ in stream.nextWord() }
    }

    @Test("streams of another seed, purpose or coordinate begin otherwise, up to the last coordinate") func distinct() {
        var blocks: [[UInt32]] = []
        for purpose in Purpose.allCases {
            for bit in 0..<16 {
                blocks.append(firstBlock(1, purpose, trainingSet: 1 << bit))
                blocks.append(firstBlock(1, purpose, initialization: 1 << bit))
            }
            for bit in 0..<24 { blocks.append(firstBlock(1, purpose, replicate: 1 << bit)) }
            for bit in 0..<32 { blocks.append(firstBlock(1, purpose, step: 1 << bit)) }
            for bit in 0..<64 { blocks.append(firstBlock(1 | 1 << bit, purpose)) }
            blocks.append(firstBlock(1, purpose, step: 1 << 32 - 1, trainingSet: 65_535, initialization: 65_535, replicate: 1 << 24 - 1))
        }
        // Seed 1 itself comes once as 1 | 1 << 0 for each purpose and as nothing else.
        #expect(Set(blocks).count == blocks.count)
    }

    @Test("a stream goes on from block to block without a gap or a repeat") func blocks() {
        var stream = RandomStream(seed: 0x0123_4567_89ab_cdef, for: .batchOrder, step: 5, trainingSet: 6, initialization: 7, replicate: 8)
        let words = (0..<12).map { _ in stream.nextWord() }
        let expected = (0..<3 as Range<UInt32>).flatMap { block in
            let x = Philox4x32.block(
                counter: SIMD4(block, 5, 6 | 7 << 16, 6 | 8 << 8), key: SIMD2(0x89ab_cdef, 0x0123_4567))
            return (0..<4).map { x[$0] }
        }
        #expect(words == expected)
    }

    /// Σ (observed − expected)² / expected.
    private func chiSquare(_ counts: [Int]) -> Double {
        let expected = Double(counts.reduce(0, +)) / Double(counts.count)
        return counts.map { (Double($0) - expected) * (Double($0) - expected) / expected }.reduce(0, +)
    }

    /// What χ² of so many degrees of freedom exceeds with probability 10⁻⁴ (Wilson and Hilferty's approximation).
    private func limit(_ degrees: Int) -> Double {
        let k = Double(degrees)
        let root = 1 - 2 / (9 * k) + 3.719 * (2 / (9 * k)).squareRoot()
        return k * root * root * root
    }

    @Test("bounded integers are uniform", arguments: [2, 3, 5, 6, 7, 10, 100] as [UInt32]) func bounded(bound: UInt32) {
        var stream = RandomStream(seed: 1, for: .audit, step: Int(bound))
        var counts = [Int](repeating: 0, count: Int(bound))
        for _ in 0..<20_000 { counts[Int(stream.nextInteger(below: bound))] += 1 }
        #expect(chiSquare(counts) < limit(Int(bound) - 1))
    }

    @Test("and have no bias where words do not divide evenly: below 3·2³⁰ a third is divisible by 3, not a half") func unbiased() {
        var stream = RandomStream(seed: 1, for: .audit)
        var counts = [0, 0, 0]
        for _ in 0..<20_000 { counts[Int(stream.nextInteger(below: 3 << 30) % 3)] += 1 }
        #expect(chiSquare(counts) < limit(2))
    }

    @Test("all permutations of four come equally often, and permutations of any length are permutations") func permutations() {
        var stream = RandomStream(seed: 1, for: .audit)
        var counts: [[Int]: Int] = [:]
        for _ in 0..<12_000 { counts[stream.nextPermutation(of: 4), default: 0] += 1 }
        #expect(counts.count == 24)
        #expect(chiSquare(Array(counts.values)) < limit(23))
        for count in [0, 1, 2, 97] { #expect(stream.nextPermutation(of: count).sorted() == Array(0..<count)) }
    }

    @Test("uniforms stay strictly between 0 and 1 and their normals have the moments of a normal") func moments() {
        var stream = RandomStream(seed: 1, for: .audit)
        let count = 50_000
        let uniforms = (0..<count).map { _ in stream.nextUniform() }
        #expect(uniforms.allSatisfy { $0 > 0 && $0 < 1 })
        let normals = uniforms.map(normalQuantile)
        func moment(_ power: Int) -> Double { normals.map { x in (0..<power).reduce(1.0) { y, _ in y * x } }.reduce(0, +) / Double(count) }
        // Four standard errors of each: √(Var xᵏ / n) with Var = 1, 2, 15, 96.
        for (power, expected, variance) in [(1, 0.0, 1.0), (2, 1, 2), (3, 0, 15), (4, 3, 96)] {
            #expect((moment(power) - expected).magnitude < 4 * (variance / Double(count)).squareRoot(), "moment \(power)")
        }
    }

    /// Values by a root finder in 60 decimal digits, both of AS 241's switches on either side and the smallest and largest p of a stream.
    static let quantiles: [(p: Double, x: Double)] = [
        (0x1.0000000000001p-1, 0x1.40d931ff62706p-52), (0x1.2p-1, 0x1.422c1aadb2493p-3), (0x1.4p-1, 0x1.464965bdc7eafp-2),
        (0x1.8p-1, 0x1.5956b87528a49p-1), (0x1.cp-1, 0x1.267d4c07b0567p+0), (0x1.d99999999999ap-1, 0x1.7085226d3e525p+0),
        (0x1.d9a6b50b0f27cp-1, 0x1.70b374817af53p+0), (0x1.fp-1, 0x1.dcdbfee3cb022p+0), (0x1.ff8p-1, 0x1.8c73502ae34efp+1),
        (0x1.ffffep-1, 0x1.30d5024a3fa4dp+2), (0x1.ffffffffep-1, 0x1.a9aa904c4b7b9p+2), (0x1.fffffffffp-1, 0x1.b025b0b56a3a8p+2),
        (0x1.fffffffffffp-1, 0x1.e0f84de931857p+2), (0x1.fffffffffffffp-1, 0x1.06b48528cea52p+3),
    ]

    @Test("the normal quantile is right to 10⁻¹⁵ and odd about a half", arguments: quantiles) func quantile(p: Double, x: Double) {
        #expect((normalQuantile(p) / x - 1).magnitude < 1e-15)
        #expect(normalQuantile(1 - p) == -normalQuantile(p))
    }

    @Test("the logarithm is within 2 ulp and ln 1 is 0") func naturalLogarithms() {
        // Glibc's own logarithm is within 0.52 ulp, so ours may differ from it by 2.52.
        func error(_ x: Double) -> Double { ((naturalLogarithm(x) - log(x)) / log(x).ulp).magnitude }
        var stream = RandomStream(seed: 1, for: .audit)
        var points: [Double] = []
        for _ in 0..<20_000 {
            let uniform = stream.nextUniform()
            // All p of a stream, those of the tails, those about 1, and the whole range of exponents.
            let power = Int(stream.nextInteger(below: 2000)) - 1000
            points += [
                uniform, uniform * 0x1p-40, 1 + (uniform - 0.5) * 0x1p-10, Double(sign: .plus, exponent: power, significand: 1 + uniform),
            ]
        }
        for center in [0x1.6a09e667f3bcdp0, 0x1.6a09e667f3bcdp-1, 1, 2, 0.5] as [Double] {
            points += [center.nextDown, center, center.nextUp]
        }
        let errors = points.filter { $0 != 1 }.map(error)
        #expect(errors.count > 80_000 && errors.allSatisfy { $0 <= 2 }, "\(errors.max()!)")
        #expect(naturalLogarithm(1) == 0)
    }
}
