// SweepPlanTests.swift · Tests/CoordinatorTests. What a sweep will cost, in words a person can read, from a blink to an age.

import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Sweep: the plan") struct SweepPlanTests {
    @Test("the plan of Figure 4 by assumption") func figure4() throws {
        let grid = Grid(try SweepSpec.load(path: Checkout.path(of: "Sweeps/figure4.toml")))
        // 4,368 trials × 200 epochs × 40 steps × 12 · 40 · 100 flop at 60 GFLOP/s.
        #expect(
            SweepPlan(grid, measured: nil, cores: 2, leaseSeconds: 1).text(stored: 0) == """
                sweep      figure4 (diagonal-network, seed 1)
                settings   91 on 6 curves, with plain SGD
                groups     48 = 4 training sets × 3 initializations × 4 replicates
                trials     4368
                leases     about 48 of up to 1 s
                work       1.68 Tflop
                time       about 14 s on 2 cores, assuming 60 GFLOP/s a core
                """)
    }

    @Test("what is stored is not counted again, and its time is believed") func stored() throws {
        let plan = SweepPlan(Grid(try SweepSpec.small()), measured: 100, cores: 1, leaseSeconds: 0.5)
        #expect(
            plan.text(stored: 10).split(separator: "\n").suffix(4).joined(separator: "\n") == """
                trials     40, of which 10 are stored and 30 are left
                leases     about 40 of up to 0.5 s
                work       691 kflop
                time       about 50 min on 1 core, as measured on the trials that are stored
                """)
        #expect(plan.text(stored: 40).hasSuffix("\ntime       none: every trial is stored"))
    }

    @Test("trials that take no time or an age give a plan as well", arguments: [Double.leastNonzeroMagnitude, 1e300])
    func extremes(seconds: Double) throws {
        let plan = SweepPlan(Grid(try SweepSpec.small()), measured: seconds, cores: 1, leaseSeconds: 1)
        #expect(plan.leases == (seconds < 1 ? 8 : 40))
        #expect(plan.text(stored: 0).contains(seconds < 1 ? "about 1 s" : "about 1000 years or more"))
    }

    @Test(
        "a duration is told in the unit that a person would choose, rounded up",
        arguments: [
            (0, "1 s"), (0.2, "1 s"), (119.5, "120 s"), (120, "2 min"), (121, "3 min"), (7199, "120 min"), (7200, "2.0 h"),
            (10_001, "2.8 h"),
            (172_799, "48.0 h"), (172_800, "2.0 days"), (1e7, "115.8 days"), (6.4e7, "2.1 years"), (1e12, "1000 years or more"),
            (.infinity, "1000 years or more"),
        ]) func durations(seconds: Double, words: String)
    { #expect(SweepPlan.duration(seconds) == words) }

    @Test(
        "a large number keeps three digits",
        arguments: [
            (0, "0 "), (12, "12 "), (999.4, "999 "), (999.6, "1 k"), (1500, "1.5 k"), (20_966_400, "21 M"), (1.677e12, "1.68 T"),
            (1e27, "1000000 Z"),
        ]) func scaled(value: Double, words: String)
    { #expect(SweepPlan.scaled(value) == words) }
}
