// Statistics.swift · Coordinator/Reporting. Means, deviations and intervals of small samples.

enum Statistics {
    /// Nil for an empty sample.
    static func mean(_ values: [Double]) -> Double? { values.isEmpty ? nil : values.reduce(0, +) / Double(values.count) }

    /// Sample standard deviation, with n − 1; nil below two values.
    static func deviation(_ values: [Double]) -> Double? {
        guard values.count > 1, let mean = mean(values) else { return nil }
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
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
