// Statistics.swift · Coordinator/Reporting. Means, deviations and intervals of small samples.

enum Statistics {
    /// Arithmetic mean; nil for an empty sample.
    static func mean(_ values: [Double]) -> Double? { values.isEmpty ? nil : values.reduce(0, +) / Double(values.count) }

    /// Sample standard deviation, with n − 1; nil below two values.
    static func deviation(_ values: [Double]) -> Double? {
        guard values.count > 1, let mean = mean(values) else { return nil }
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
    }

    /// A quantile that is linear between order statistics (type 7 of Hyndman and Fan); nil for an empty sample, or where a value is NaN.
    /// - Parameter p: from 0 to 1; 0.5 is the median.
    static func quantile(_ p: Double, of values: [Double]) -> Double? {
        guard !values.isEmpty, !values.contains(where: \.isNaN) else { return nil }
        let sorted = values.sorted(), position = p * Double(values.count - 1)
        let below = Int(position), above = min(below + 1, values.count - 1)
        return sorted[below] + (position - Double(below)) * (sorted[above] - sorted[below])
    }

    /// Spearman's rank correlation. Ties share their mean rank; pairs in which a value is NaN are left out.
    /// - Parameters: two samples of equal length.
    /// - Returns: nil below three pairs, or where one side is constant.
    static func rankCorrelation(_ xs: [Double], _ ys: [Double]) -> Double? {
        let pairs = zip(xs, ys).filter { !$0.isNaN && !$1.isNaN }
        guard pairs.count > 2 else { return nil }
        let x = ranks(pairs.map(\.0)), y = ranks(pairs.map(\.1)), middle = Double(pairs.count - 1) / 2
        func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + ($1.0 - middle) * ($1.1 - middle) } }
        let scale = product(x, x) * product(y, y)
        return scale > 0 ? product(x, y) / scale.squareRoot() : nil
    }

    /// Ranks from 0 in the order of the values; ties share their mean rank.
    private static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = values, first = 0
        while first < order.count {
            var last = first
            while last + 1 < order.count, values[order[last + 1]] == values[order[first]] { last += 1 }
            for index in first...last { ranks[order[index]] = Double(first + last) / 2 }
            first = last + 1
        }
        return ranks
    }

    /// 95 % interval of the mean by Student's t; nil below two values.
    static func interval(_ values: [Double]) -> (low: Double, high: Double)? {
        guard let mean = mean(values), let deviation = deviation(values) else { return nil }
        let half = studentQuantile(degrees: values.count - 1) * deviation / Double(values.count).squareRoot()
        return (mean - half, mean + half)
    }

    /// The 0.975 quantile of Student's t: from tables up to 30 degrees of freedom, above that by all five terms of the
    /// Cornish–Fisher expansion around the normal quantile (Abramowitz & Stegun 26.7.5), right to 6 digits there.
    static func studentQuantile(degrees: Int) -> Double {
        let table = [
            12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139, 2.200985, 2.178813,
            2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922, 2.093024, 2.085963, 2.079614, 2.073873, 2.068658, 2.063899,
            2.059539, 2.055529, 2.051831, 2.048407, 2.045230, 2.042272,
        ]
        if degrees <= table.count { return table[degrees - 1] }
        let z = 1.959963984540054, n = Double(degrees)
        let (z3, z5, z7, z9) = (z * z * z, z * z * z * z * z, z * z * z * z * z * z * z, z * z * z * z * z * z * z * z * z)
        let terms = [
            (z3 + z) / 4, (5 * z5 + 16 * z3 + 3 * z) / 96, (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / 384,
            (79 * z9 + 776 * z7 + 1482 * z5 - 1920 * z3 - 945 * z) / 92_160,
        ]
        return terms.reversed().reduce(0) { ($0 + $1) / n } + z
    }
}
