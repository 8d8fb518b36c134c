// RandomStream.swift · Compute/Random, between Philox4x32.swift and the data of the problems.
// In: the master seed, a purpose and the coordinates that the purpose depends on. Out: words, uniforms, bounded integers,
// permutations, normals, each defined to the bit in Docs/numerics.md. Knows no strength and no algorithm, so that the trials of
// a group are paired: they meet the same data in the same order.

/// The purpose of a stream of random numbers. A new purpose gets a new number, and no number is used again, because stored results depend
/// on it.
enum Purpose: UInt32, CaseIterable {
    case truthPositions = 1
    case truthValues = 2
    case trainingInputs = 3
    case labelNoise = 4
    case initialParameters = 5
    case batchOrder = 6
    case gradientNoise = 7
    case population = 8
    case resample = 9
    case freshSample = 10
    case audit = 11
    case bootstrap = 12
}

/// An endless sequence of 32-bit words that depends on the seed, the purpose and the coordinates and on nothing else.
/// It repeats after 2³⁴ words; the ranges of the problems' parameters hold every use far below.
struct RandomStream {
    private let key: SIMD2<UInt32>
    /// The Philox counter, whose word 0 is the index of the next block.
    private var counter: SIMD4<UInt32>
    private var words = SIMD4<UInt32>()
    /// Number of `words` that were used.
    private var used = 4

    /// A coordinate that the purpose does not depend on is left 0.
    /// - Parameters:
    ///   - step: epoch (from 0), step or replicate, whichever the purpose counts.
    ///   - trainingSet: below 2¹⁶, like `initialization`; `replicate` is below 2²⁴. `GroupPlan` has refused larger ones.
    init(
        seed: UInt64, for purpose: Purpose, step: Int = 0, trainingSet: Int = 0, initialization: Int = 0, replicate: Int = 0
    ) {
        key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        counter = SIMD4(
            0, UInt32(step), UInt32(trainingSet) | UInt32(initialization) << 16, purpose.rawValue | UInt32(replicate) << 8)
    }

    /// The next word: x₀, x₁, x₂, x₃ of block 0, then those of block 1 …
    mutating func nextWord() -> UInt32 {
        if used == 4 {
            words = Philox4x32.block(counter: counter, key: key)
            counter[0] &+= 1
            used = 0
        }
        defer { used += 1 }
        return words[used]
    }

    /// The next two words; the first is the low half.
    mutating func nextInteger() -> UInt64 {
        let low = UInt64(nextWord())
        return low | UInt64(nextWord()) << 32
    }

    /// A uniform number strictly between 0 and 1, symmetric about ½: (k + ½)·2⁻⁵² with k the upper 52 bits of an integer. Exact.
    mutating func nextUniform() -> Double {
        (Double(nextInteger() >> 12) + 0.5) * 0x1p-52
    }

    /// Uniform over 0..<`bound`, without bias: Lemire, "Fast random integer generation in an interval" (2019), on single words.
    /// - Parameter bound: from 1 to 2³² − 1. With 1 a word is used all the same.
    mutating func nextInteger(below bound: UInt32) -> UInt32 {
        // The words x with low(x·bound) < 2³² mod bound are the surplus that would favour some results: they are drawn again.
        let surplus = (0 &- bound) % bound
        while true {
            let product = nextWord().multipliedFullWidth(by: bound)
            if product.low >= surplus { return product.high }
        }
    }

    /// A permutation of 0..<`count`: Fisher–Yates from the top.
    mutating func nextPermutation(of count: Int) -> [Int] {
        var permutation = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) {
            permutation.swapAt(last, Int(nextInteger(below: UInt32(last + 1))))
        }
        return permutation
    }

    /// Standard normal, by inversion of one uniform; |x| ≤ 8.21.
    mutating func nextNormal() -> Double { normalQuantile(nextUniform()) }
}
