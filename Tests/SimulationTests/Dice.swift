// Dice.swift · Tests/SimulationTests. The one source of chance in a simulation, which its seed decides.

import TestSupport

/// Numbers, times and chances from the random numbers of one seed.
struct Dice {
    private var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func roll() -> UInt64 { random.next() }

    /// - Parameter range: must not be empty.
    mutating func number(_ range: ClosedRange<Int>) -> Int { range.lowerBound + Int(roll() % UInt64(range.count)) }

    mutating func milliseconds(_ range: ClosedRange<Int>) -> Duration { .milliseconds(number(range)) }

    /// - Parameter perThousand: in how many of a thousand cases it is true.
    mutating func chance(perThousand: Int) -> Bool { roll() % 1000 < UInt64(perThousand) }
}
