// DenseKernels.swift · Compute/ConvolutionalNetwork. The two forms of matrix products in the dense layers. Matrices are rows of memory,
// never repacked; each sum has one order (Docs/numerics.md), whatever the size of a tile.

/// A matrix whose rows lie `stride` numbers apart.
struct Rows {
    let base: UnsafeMutablePointer<Float>
    let stride: Int

    @inline(__always)
    subscript(row: Int) -> UnsafeMutablePointer<Float> { base + row * stride }
}

/// output[i][o] = bias[o] + the sum over eight lanes of Σ[0](x[i][k] · w[o][k]) over k, lane l taking k ≡ l modulo 8; the pairs (x, w) one
/// after the other in the same sums.
/// - Parameters:
///   - depth: a multiple of 8.
///   - partial: scratch of rows · outputs vectors.
func rowProducts(
    _ pairs: [(x: Rows, w: Rows)], rows: Int, outputs: Int, depth: Int, bias: UnsafePointer<Float>, output: Rows,
    partial: UnsafeMutablePointer<Float>
) {
    for index in 0..<rows * outputs { store(Vector(), partial + index * 8) }
    // A block of four rows of weights stays in the first-level cache while all rows of x pass.
    let block = 784
    for pair in pairs {
        for o in stride(from: 0, to: outputs, by: 4) {
            for first in stride(from: 0, to: depth, by: block) {
                let range = first..<min(first + block, depth)
                var i = 0
                while i < rows {
                    if i + 3 <= rows, o + 4 <= outputs {
                        rowTile(3, 4, pair.x, pair.w, i, o, range, outputs, partial)
                        i += 3
                    } else {
                        for output in o..<min(o + 4, outputs) { rowTile(1, 1, pair.x, pair.w, i, output, range, outputs, partial) }
                        i += 1
                    }
                }
            }
        }
    }
    for i in 0..<rows {
        for o in 0..<outputs { output[i][o] = bias[o] + sum(load(partial + (i * outputs + o) * 8)) }
    }
}

@inline(__always)
private func rowTile(
    _ rows: Int, _ columns: Int, _ x: Rows, _ w: Rows, _ i: Int, _ o: Int, _ range: Range<Int>, _ outputs: Int,
    _ partial: UnsafeMutablePointer<Float>
) {
    var sums = InlineArray<12, Vector>(repeating: Vector())
    for r in 0..<rows { for c in 0..<columns { sums[r * columns + c] = load(partial + ((i + r) * outputs + o + c) * 8) } }
    for k in stride(from: range.lowerBound, to: range.upperBound, by: 8) {
        var weights = InlineArray<4, Vector>(repeating: Vector())
        for c in 0..<columns { weights[c] = load(w[o + c] + k) }
        for r in 0..<rows {
            let input = load(x[i + r] + k)
            for c in 0..<columns { sums[r * columns + c].addProduct(input, weights[c]) }
        }
    }
    for r in 0..<rows { for c in 0..<columns { store(sums[r * columns + c], partial + ((i + r) * outputs + o + c) * 8) } }
}

/// A factor whose entry (i, k) is broadcast.
struct Broadcast {
    let base: UnsafePointer<Float>
    /// Distance in numbers between neighbours in i and in k.
    let iStride: Int, kStride: Int
}

/// output[i][j] = Σ[0](a(i, k) · b[k][j]) over k, the pairs (a, b) one after the other in the same sum.
/// - Parameter columns: the columns of b and of the output, a multiple of 16.
func columnProducts(_ pairs: [(a: Broadcast, b: Rows)], rows: Int, columns: Int, depth: Int, output: Rows) {
    for j in stride(from: 0, to: columns, by: 16) {
        var i = 0
        while i < rows {
            // As few tiles as possible, of nearly equal height: five rows are still enough to hide latency.
            let tiles = (rows - i + 5) / 6
            switch (rows - i + tiles - 1) / tiles {
            case 6:
                columnTile(6, pairs, i, j, depth, output)
                i += 6
            case 5:
                columnTile(5, pairs, i, j, depth, output)
                i += 5
            default:
                columnTile(1, pairs, i, j, depth, output)
                i += 1
            }
        }
    }
}

@inline(__always)
private func columnTile(_ rows: Int, _ pairs: [(a: Broadcast, b: Rows)], _ i: Int, _ j: Int, _ depth: Int, _ output: Rows) {
    var low = InlineArray<6, Vector>(repeating: Vector()), high = InlineArray<6, Vector>(repeating: Vector())
    for pair in pairs {
        var a = pair.a.base + i * pair.a.iStride
        var b = pair.b.base + j
        for _ in 0..<depth {
            let b0 = load(b), b1 = load(b + 8)
            for r in 0..<rows {
                let factor = Vector(repeating: a[r * pair.a.iStride])
                low[r].addProduct(factor, b0)
                high[r].addProduct(factor, b1)
            }
            a += pair.a.kStride
            b += pair.b.stride
        }
    }
    for r in 0..<rows {
        store(low[r], output[i + r] + j)
        store(high[r], output[i + r] + j + 8)
    }
}
