// Dice.swift · Tests/SimulationTests. The one source of chance in a simulation, which its seed decides.

/// Random numbers by SplitMix64, the same on every host.
struct Dice {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func roll() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// - Parameter range: must not be empty.
    mutating func number(_ range: ClosedRange<Int>) -> Int { range.lowerBound + Int(roll() % UInt64(range.count)) }

    mutating func milliseconds(_ range: ClosedRange<Int>) -> Duration { .milliseconds(number(range)) }

    /// - Parameter perThousand: in how many of a thousand cases it is true.
    mutating func chance(perThousand: Int) -> Bool { roll() % 1000 < UInt64(perThousand) }
}
