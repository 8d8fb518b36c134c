// ConvolutionKernels.swift · Compute/ConvolutionalNetwork. The loops that take most of a step's time: a 3 × 3 convolution at every pixel,
// and three forms of it at listed pixels only. After ReLU and pooling at most one pixel in four has a gradient or a tangent, and a
// different one in each channel, so a list for each channel (PoolingKernels.swift) is less work than any dense product.
//
// An input is (row, column, channel) with a border of one pixel. A patch, 3 × 3 pixels of it, is three runs of contiguous numbers; its
// offset is that of its first number. Every sum has one order (Docs/numerics.md), whatever the size of a tile. Indices are in bounds because
// offsets are made by ConvolutionalKernel.swift and PoolingKernels.swift alone, for buffers of NetworkShape's sizes.

typealias Vector = SIMD8<Float>

@inline(__always)
func load(_ address: UnsafePointer<Float>) -> Vector { UnsafeRawPointer(address).loadUnaligned(as: Vector.self) }

@inline(__always)
func load(_ address: UnsafeMutablePointer<Float>) -> Vector { UnsafeRawPointer(address).loadUnaligned(as: Vector.self) }

@inline(__always)
func store(_ vector: Vector, _ address: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(address).storeBytes(of: vector, as: Vector.self)
}

/// ((s₀ + s₄) + (s₂ + s₆)) + ((s₁ + s₅) + (s₃ + s₇)).
@inline(__always)
func sum(_ s: Vector) -> Float {
    let four = s.lowHalf + s.highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
}

// MARK: Every pixel

/// z[p][o] = Σ[bias o](x · w) over row, column and channel of the patch at p.
/// - Parameters:
///   - offsets: the offset of each pixel's patch.
///   - rowLength: three times the channels of the input.
///   - weights: [outputs/16][3][rowLength][16].
///   - output: [pixels][outputs].
package func convolve(
    _ input: UnsafePointer<Float>, rowStride: Int, rowLength: Int, offsets: UnsafePointer<Int32>, pixels: Int,
    weights: UnsafePointer<Float>, bias: UnsafePointer<Float>, outputs: Int, output: UnsafeMutablePointer<Float>
) {
    for first in stride(from: 0, to: outputs, by: 16) {
        let block = weights + first * 3 * rowLength
        var pixel = 0
        // Six pixels of two vectors are twelve sums, which with two vectors of weights and a broadcast fill the sixteen registers.
        while pixel + 6 <= pixels {
            convolveTile(
                6, input, rowStride, rowLength, offsets + pixel, block, bias + first, output + pixel * outputs + first, outputs)
            pixel += 6
        }
        while pixel + 2 <= pixels {
            convolveTile(
                2, input, rowStride, rowLength, offsets + pixel, block, bias + first, output + pixel * outputs + first, outputs)
            pixel += 2
        }
    }
}

@inline(__always)
private func convolveTile(
    _ count: Int, _ input: UnsafePointer<Float>, _ rowStride: Int, _ rowLength: Int, _ offsets: UnsafePointer<Int32>,
    _ weights: UnsafePointer<Float>, _ bias: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ outputs: Int
) {
    var low = InlineArray<6, Vector>(repeating: load(bias)), high = InlineArray<6, Vector>(repeating: load(bias + 8))
    var patches = InlineArray<6, UnsafePointer<Float>>(repeating: input)
    for p in 0..<count { patches[p] = input + Int(offsets[p]) }
    var w = weights
    for _ in 0..<3 {
        for k in 0..<rowLength {
            let w0 = load(w), w1 = load(w + 8)
            w += 16
            for p in 0..<count {
                let x = Vector(repeating: patches[p][k])
                low[p].addProduct(x, w0)
                high[p].addProduct(x, w1)
            }
        }
        for p in 0..<count { patches[p] += rowStride }
    }
    for p in 0..<count {
        store(low[p], output + p * outputs)
        store(high[p], output + p * outputs + 8)
    }
}

/// Weights of 16 outputs side by side, as `convolve` reads them.
/// - Parameters:
///   - weights: [outputs][3][paddedRow].
///   - packed: [outputs/16][3][rowLength][16].
package func packWeights(
    _ weights: UnsafePointer<Float>, outputs: Int, rowLength: Int, paddedRow: Int, packed: UnsafeMutablePointer<Float>
) {
    for o in 0..<outputs {
        for row in 0..<3 {
            let from = weights + (o * 3 + row) * paddedRow
            let to = packed + (o / 16 * 3 + row) * rowLength * 16 + o % 16
            for k in 0..<rowLength { to[k * 16] = from[k] }
        }
    }
}

// MARK: Listed pixels

/// A channel's list: `count` patches of one image, and the list's end up to a multiple of eight filled with offset 0.
struct PatchList {
    let offsets: UnsafePointer<UInt16>
    /// Index into the layer's output of the value that belongs to each patch.
    let indices: UnsafePointer<UInt16>
    let count: Int
}

/// results[n] = the sum over eight lanes of Σ[0](w · x) over the patch n of the list, in which lane l takes the l-th of each eight numbers.
/// - Parameters:
///   - weights: [3][8·vectors].
///   - results: memory for the list's count, rounded up to a multiple of eight.
@inline(__always)
func patchProducts(
    vectors: Int, _ weights: UnsafePointer<Float>, _ input: UnsafePointer<Float>, rowStride: Int, _ list: PatchList,
    results: UnsafeMutablePointer<Float>
) {
    // Eight patches hide the latency of a fused multiply-add, and one load of weights serves all of them.
    for first in stride(from: 0, to: list.count, by: 8) {
        var sums = InlineArray<8, Vector>(repeating: Vector())
        var patches = InlineArray<8, UnsafePointer<Float>>(repeating: input)
        for n in 0..<8 { patches[n] = input + Int(list.offsets[first + n]) }
        var w = weights
        for _ in 0..<3 {
            for j in 0..<vectors {
                let weight = load(w)
                w += 8
                for n in 0..<8 { sums[n].addProduct(weight, load(patches[n] + 8 * j)) }
            }
            for n in 0..<8 { patches[n] += rowStride }
        }
        for n in 0..<8 { results[first + n] = sum(sums[n]) }
    }
}

/// gradient[k] = Σ[gradient k](valueₙ · patchₙ[k]) over the list, for rows of twelve vectors.
func addPatches(
    _ gradient: UnsafeMutablePointer<Float>, _ input: UnsafePointer<Float>, rowStride: Int, _ list: PatchList,
    values: UnsafePointer<Float>
) {
    for row in 0..<3 {
        var sums = InlineArray<12, Vector>(repeating: Vector())
        for j in 0..<12 { sums[j] = load(gradient + (row * 12 + j) * 8) }
        let from = input + row * rowStride
        for n in 0..<list.count {
            let value = Vector(repeating: values[n])
            let patch = from + Int(list.offsets[n])
            for j in 0..<12 { sums[j].addProduct(value, load(patch + 8 * j)) }
        }
        for j in 0..<12 { store(sums[j], gradient + (row * 12 + j) * 8) }
    }
}

/// gradient[k] = Σ[gradient k](valueₙ · patchₙ[k]) over the list, for rows of one vector. The sums beside the row's three numbers have no
/// meaning.
func addSmallPatches(
    _ gradient: UnsafeMutablePointer<Float>, _ input: UnsafePointer<Float>, rowStride: Int, _ list: PatchList,
    values: UnsafePointer<Float>
) {
    var top = load(gradient), middle = load(gradient + 8), bottom = load(gradient + 16)
    for n in 0..<list.count {
        let value = Vector(repeating: values[n])
        let patch = input + Int(list.offsets[n])
        top.addProduct(value, load(patch))
        middle.addProduct(value, load(patch + rowStride))
        bottom.addProduct(value, load(patch + 2 * rowStride))
    }
    store(top, gradient)
    store(middle, gradient + 8)
    store(bottom, gradient + 16)
}

/// patchₙ[k] = fma(valueₙ, w[k], patchₙ[k]) for each n of the list in turn, row by row of the kernel, for rows of twelve vectors.
func spreadPatches(
    _ weights: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, rowStride: Int, _ list: PatchList,
    values: UnsafePointer<Float>
) {
    for row in 0..<3 {
        var w = InlineArray<12, Vector>(repeating: Vector())
        for j in 0..<12 { w[j] = load(weights + (row * 12 + j) * 8) }
        let to = output + row * rowStride
        for n in 0..<list.count {
            let value = Vector(repeating: values[n])
            let patch = to + Int(list.offsets[n])
            for j in 0..<12 { store(load(patch + 8 * j).addingProduct(value, w[j]), patch + 8 * j) }
        }
    }
}

/// The product rule's pair in one pass: patchₙ[k] = fma(valueₙ, v[k], fma(tangentₙ, w[k], patchₙ[k])).
func spreadPatchTangents(
    _ weights: UnsafePointer<Float>, _ weightTangents: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, rowStride: Int,
    _ list: PatchList, values: UnsafePointer<Float>, tangents: UnsafePointer<Float>
) {
    for row in 0..<3 {
        var w = InlineArray<12, Vector>(repeating: Vector())
        for j in 0..<12 { w[j] = load(weights + (row * 12 + j) * 8) }
        let v = weightTangents + row * 96
        let to = output + row * rowStride
        for n in 0..<list.count {
            let value = Vector(repeating: values[n]), tangent = Vector(repeating: tangents[n])
            let patch = to + Int(list.offsets[n])
            for j in 0..<12 {
                store(load(patch + 8 * j).addingProduct(tangent, w[j]).addingProduct(value, load(v + 8 * j)), patch + 8 * j)
            }
        }
    }
}
