// TablesTests.swift · Tests/CoordinatorTests. The table of ratios on the console.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Tables") struct TablesTests {
    @Test("the console shows strengths down and curves across, and why a cell is empty") func console() throws {
        let spec = try SweepSpec.small("\"half\"", "\"λ₁/λ₂ = 0.5\"")
        var summary = Summary(Grid(spec)) { _ in nil }
        summary.settings[1].ratio = SettingSummary.Spread(mean: 0.8125, deviation: 0.0884)
        summary.settings[2].diverged = 12
        (summary.settings[3].failed, summary.settings[3].diverged) = (2, 1)
        #expect(
            Tables.console(summary, spec) == """
                strength          only  λ₁/λ₂ = 0.5
                    0.01  0.813 ±0.088     failed 2
                     0.1        div 12            –

                """)
    }
}
