// StatisticsTests.swift · Tests/CoordinatorTests. Constants by SciPy 1.17 (numpy.std with ddof = 1, scipy.stats.t).

import Testing

@testable import regsweep

@Suite("Statistics") struct StatisticsTests {
    @Test("mean, deviation and interval are SciPy's") func sample() throws {
        let values = [0.91, 1.02, 0.87, 0.95]
        #expect(Statistics.mean(values) == 0.9375)
        #expect(abs(try #require(Statistics.deviation(values)) - 0.06396613687465162) < 1e-15)
        let interval = try #require(Statistics.interval(values))
        #expect(abs(interval.low - 0.8357156020199965) < 1e-7)
        #expect(abs(interval.high - 1.0392843979800035) < 1e-7)
    }

    @Test("a deviation far from zero does not cancel") func offset() throws {
        #expect(abs(try #require(Statistics.deviation([1e8 + 1, 1e8 + 2, 1e8 + 4])) - 1.5275252316519465) < 1e-7)
    }

    @Test("one value has no deviation and no interval, none has no mean") func few() {
        #expect(Statistics.mean([]) == nil)
        #expect(Statistics.deviation([]) == nil)
        #expect(Statistics.deviation([2]) == nil)
        #expect(Statistics.interval([2]) == nil)
        #expect(Statistics.deviation([2, 2]) == 0)
    }

    @Test("quantiles are linear between the values in order") func quantiles() {
        let values = [4.0, 1, 2, 10]
        #expect([0, 0.25, 0.5, 0.75, 1].map { Statistics.quantile($0, of: values) } == [1, 1.75, 3, 5.5, 10])
        #expect(Statistics.quantile(0.5, of: []) == nil && Statistics.quantile(0.5, of: [1, .nan]) == nil)
        #expect(Statistics.quantile(0.9, of: [7]) == 7)
    }

    @Test("rank correlation is that of ranks, ties shared, what is no number left out") func rankCorrelation() throws {
        #expect(Statistics.rankCorrelation([1, 2, 3], [10, 100, 1e9]) == 1 && Statistics.rankCorrelation([1, 2, 3], [3, 2, 1]) == -1)
        // scipy.stats.spearmanr([1, 2, 2, 4, 5], [3, 1, 4, 4, 9])
        let found = try #require(Statistics.rankCorrelation([1, 2, 2, 4, 5, .nan], [3, 1, 4, 4, 9, 1]))
        #expect(abs(found - 0.7631578947368421) < 1e-12)
        #expect(Statistics.rankCorrelation([1, 1, 1], [1, 2, 3]) == nil && Statistics.rankCorrelation([1, 2], [1, 2]) == nil)
    }

    @Test(
        "Student's quantile is right to six digits on both sides of the table's end",
        arguments: [
            (1, 12.706204736174694), (2, 4.302652729749462), (5, 2.5705818356363146), (30, 2.0422724563012378), (31, 2.039513446396408),
            (40, 2.021075390306273), (100, 1.9839715185235518), (1000, 1.9623390808264083), (1_000_000, 1.959966356814107),
        ]) func student(degrees: Int, quantile: Double)
    {
        #expect(abs(Statistics.studentQuantile(degrees: degrees) / quantile - 1) < 5e-7)
    }
}
