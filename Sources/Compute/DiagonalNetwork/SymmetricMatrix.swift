// SymmetricMatrix.swift · Compute/DiagonalNetwork. Covariances and Hessians of more than two parameters: sums of v vᵀ, traces and norms.

/// A symmetric matrix, stored as its upper triangle. Every sum runs over it row by row.
struct SymmetricMatrix: Equatable {
    let rows: Int
    /// Entries (j, k) with j ≤ k, by j, then k.
    private var upper: [Double]

    init(rows: Int) {
        self.rows = rows
        upper = [Double](repeating: 0, count: rows * (rows + 1) / 2)
    }

    /// - Parameter k: at least j.
    subscript(j: Int, k: Int) -> Double {
        get { upper[offset(ofRow: j) + k] }
        set { upper[offset(ofRow: j) + k] = newValue }
    }

    /// The index at which entry (j, 0) would be: entry (j, k) is k further.
    private func offset(ofRow j: Int) -> Int { j * rows - j * (j + 1) / 2 }

    /// Adds s v vᵀ. About rows² floating-point operations.
    mutating func addSquare(of v: [Double], times s: Double) {
        upper.withUnsafeMutableBufferPointer { upper in
            v.withUnsafeBufferPointer { v in
                var row = 0
                for j in 0..<v.count {
                    let scaled = s * v[j]
                    for k in j..<v.count { upper[row + k] = upper[row + k].addingProduct(scaled, v[k]) }
                    row += v.count - j - 1
                }
            }
        }
    }

    mutating func subtract(_ other: SymmetricMatrix) {
        for index in upper.indices { upper[index] -= other.upper[index] }
    }

    /// Tr(A B).
    func contracted(with other: SymmetricMatrix) -> Double {
        var sum = 0.0, index = 0
        for j in 0..<rows {
            sum = sum.addingProduct(upper[index], other.upper[index])
            for away in 1..<max(1, rows - j) { sum = sum.addingProduct(2 * upper[index + away], other.upper[index + away]) }
            index += rows - j
        }
        return sum
    }

    var trace: Double { (0..<rows).reduce(0) { $0 + self[$1, $1] } }

    /// The Frobenius norm ‖A‖.
    var norm: Double { contracted(with: self).squareRoot() }
}
