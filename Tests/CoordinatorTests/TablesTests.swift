// TablesTests.swift · Tests/CoordinatorTests. Numbers as text, and the table on the console.

import Testing
import Wire

@testable import regsweep

@Suite("Tables") struct TablesTests {
    @Test(
        "a number is printed with the fewest digits that read back to it",
        arguments: [
            (0, "0"), (-0.0, "-0"), (1, "1"), (-3, "-3"), (0.1, "0.1"), (0.1 + 0.2, "0.30000000000000004"), (1e-7, "1e-07"),
            (1e22, "1e+22"),
            (4096, "4096"), (1e15, "1000000000000000"), (123_456_789_012_345_680, "1.2345678901234568e+17"),
            (.leastNonzeroMagnitude, "5e-324"), (.greatestFiniteMagnitude, "1.7976931348623157e+308"),
            (Double(Float(0.1)), "0.10000000149011612"),
        ]) func numbers(value: Double, text: String)
    {
        #expect(Tables.number(value) == text)
        #expect(Double(text)?.bitPattern == value.bitPattern)
    }

    @Test(
        "a number for eyes is rounded, also where its fraction begins with zeros",
        arguments: [
            (0.0456, 3, "0.046"), (0.9996, 3, "1.000"), (-0.0004, 3, "0.000"), (-1.5, 0, "-2"), (12.34, 1, "12.3"),
            (1e12, 3, "1000000000000.0"),
            (.infinity, 3, "inf"),
        ]) func fixed(value: Double, decimals: Int, text: String)
    { #expect(Tables.fixed(value, decimals) == text) }

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
