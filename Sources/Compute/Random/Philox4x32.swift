// Philox4x32.swift · Compute/Random, for RandomStream.swift.
// In: a 128-bit counter and a 64-bit key. Out: four 32-bit words. Has no state, so any block of any stream can be computed directly.

/// Philox4x32-10, a counter-based generator: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
enum Philox4x32 {
    /// The two multipliers and the two key increments (golden ratio, √3 − 1) of the paper's section 4.2.
    private static let multipliers: (UInt32, UInt32) = (0xD251_1F53, 0xCD9E_8D57)
    private static let increments: (UInt32, UInt32) = (0x9E37_79B9, 0xBB67_AE85)

    /// One block: ten rounds over `counter` under `key`, all words in the order of the paper.
    static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var x = counter
        var key = key
        for _ in 0..<10 {
            let first = multipliers.0.multipliedFullWidth(by: x[0])
            let second = multipliers.1.multipliedFullWidth(by: x[2])
            x = SIMD4(second.high ^ x[1] ^ key[0], second.low, first.high ^ x[3] ^ key[1], first.low)
            key = SIMD2(key[0] &+ increments.0, key[1] &+ increments.1)
        }
        return x
    }
}
