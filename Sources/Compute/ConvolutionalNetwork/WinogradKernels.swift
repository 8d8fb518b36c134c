// WinogradKernels.swift · Compute/ConvolutionalNetwork. A 3 × 3 convolution by tiles of 2 × 2 outputs: F(2 × 2, 3 × 3) of Winograd (1980), as
// Lavin and Gray (2015) use it. 16 products a tile and input channel take the place of 36; the sums around them are short. Each output
// has one order of operations (Docs/numerics.md), whatever is computed beside it.

/// Memory of one thread for `convolveByTiles`.
package struct WinogradScratch {
    /// Rows of tiles that are computed together, so few that their data stays in the second-level cache.
    let rows: Int
    /// [16][tiles][inputs] and [16][tiles][outputs].
    let transformed: Buffer<Float>, products: Buffer<Float>

    /// - Parameter side: rows and columns of the output, an even number.
    package init(side: Int, inputs: Int, outputs: Int) {
        rows = min(side / 2, max(1, 49 / (side / 2)))
        let tiles = rows * (side / 2)
        transformed = Buffer(Array(repeating: 0, count: 16 * tiles * inputs))
        products = Buffer(Array(repeating: 0, count: 16 * tiles * outputs))
    }
}

/// G w Gᵀ of each output's and input's 3 × 3 weights.
/// - Parameters:
///   - weights: [outputs][3][3][inputs], inputs a multiple of 8.
///   - transformed: [16][inputs][outputs].
package func transformWeights(
    _ weights: UnsafePointer<Float>, inputs: Int, outputs: Int, transformed: UnsafeMutablePointer<Float>
) {
    for o in 0..<outputs {
        for c in stride(from: 0, to: inputs, by: 8) {
            // Columns first, then rows.
            var columns = InlineArray<12, Vector>(repeating: Vector())
            for x in 0..<3 {
                let w = weights + (o * 9 + x) * inputs + c
                let four = weightRow(load(w), load(w + 3 * inputs), load(w + 6 * inputs))
                for y in 0..<4 { columns[3 * y + x] = four[y] }
            }
            for y in 0..<4 {
                let four = weightRow(columns[3 * y], columns[3 * y + 1], columns[3 * y + 2])
                for x in 0..<4 {
                    let to = transformed + ((y * 4 + x) * inputs + c) * outputs + o
                    for lane in 0..<8 { to[lane * outputs] = four[x][lane] }
                }
            }
        }
    }
}

@inline(__always)
private func weightRow(_ a: Vector, _ b: Vector, _ c: Vector) -> InlineArray<4, Vector> {
    [a, ((a + b) + c) * 0.5, ((a - b) + c) * 0.5, c]
}

@inline(__always)
private func inputRow(_ a: Vector, _ b: Vector, _ c: Vector, _ d: Vector) -> InlineArray<4, Vector> { [a - c, b + c, c - b, b - d] }

@inline(__always)
private func outputRow(_ a: Vector, _ b: Vector, _ c: Vector, _ d: Vector) -> InlineArray<2, Vector> { [(a + b) + c, (b - c) - d] }

/// z[p][o] = bias[o] + the sum of the patch at p with o's weights.
/// - Parameters:
///   - input: [side + 2][side + 2][inputs], with its border; inputs a multiple of 8.
///   - side: even.
///   - weights: those that `transformWeights` has computed.
///   - outputs: a multiple of 16.
///   - output: [side][side][outputs].
package func convolveByTiles(
    _ input: UnsafePointer<Float>, side: Int, inputs: Int, weights: UnsafeMutablePointer<Float>, bias: UnsafePointer<Float>, outputs: Int,
    output: UnsafeMutablePointer<Float>, scratch: WinogradScratch
) {
    let across = side / 2, rowStride = (side + 2) * inputs
    for firstRow in stride(from: 0, to: across, by: scratch.rows) {
        let tiles = min(scratch.rows, across - firstRow) * across
        for tile in 0..<tiles {
            let patch = input + (firstRow + tile / across) * 2 * rowStride + tile % across * 2 * inputs
            for c in stride(from: 0, to: inputs, by: 8) {
                var columns = InlineArray<16, Vector>(repeating: Vector())
                for x in 0..<4 {
                    let d = patch + x * inputs + c
                    let four = inputRow(load(d), load(d + rowStride), load(d + 2 * rowStride), load(d + 3 * rowStride))
                    for y in 0..<4 { columns[4 * y + x] = four[y] }
                }
                let to = scratch.transformed.base + tile * inputs + c
                for y in 0..<4 {
                    let four = inputRow(columns[4 * y], columns[4 * y + 1], columns[4 * y + 2], columns[4 * y + 3])
                    for x in 0..<4 { store(four[x], to + (y * 4 + x) * tiles * inputs) }
                }
            }
        }
        for position in 0..<16 {
            columnProducts(
                [
                    (
                        Broadcast(base: scratch.transformed.base + position * tiles * inputs, iStride: inputs, kStride: 1),
                        Rows(base: weights + position * inputs * outputs, stride: outputs)
                    )
                ], rows: tiles, columns: outputs, depth: inputs,
                output: Rows(base: scratch.products.base + position * tiles * outputs, stride: outputs))
        }
        for tile in 0..<tiles {
            let to = output + ((firstRow + tile / across) * 2 * side + tile % across * 2) * outputs
            for o in stride(from: 0, to: outputs, by: 8) {
                let m = scratch.products.base + tile * outputs + o
                var columns = InlineArray<8, Vector>(repeating: Vector())
                for x in 0..<4 {
                    func product(_ y: Int) -> Vector { load(m + (y * 4 + x) * tiles * outputs) }
                    let two = outputRow(product(0), product(1), product(2), product(3))
                    (columns[x], columns[4 + x]) = (two[0], two[1])
                }
                let bias = load(bias + o)
                for y in 0..<2 {
                    let two = outputRow(columns[4 * y], columns[4 * y + 1], columns[4 * y + 2], columns[4 * y + 3])
                    for x in 0..<2 { store(bias + two[x], to + (y * side + x) * outputs + o) }
                }
            }
        }
    }
}
