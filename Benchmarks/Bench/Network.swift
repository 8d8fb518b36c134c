// Network.swift · Benchmarks/Bench. The convolutional network's step, on images drawn from a formula.

import Compute
import Vocabulary
import Wire

/// Grey noise around a bright square that depends on the class: no step is cheaper than on photographs.
func syntheticImages(_ count: Int) -> ImageSet {
    let labels = (0..<count).map { UInt8($0 * 7 % ImageFormat.classes) }
    var state: UInt32 = 1
    let images = labels.flatMap { label in
        (0..<ImageFormat.pixels).map { pixel in
            state = state &* 1_664_525 &+ 1_013_904_223
            let (y, x) = (pixel / ImageFormat.side, pixel % ImageFormat.side)
            let isBright = (4 * (Int(label) % 5)..<4 * (Int(label) % 5) + 8).contains(y) && (x < 14) == (label < 5)
            return UInt8(truncatingIfNeeded: (isBright ? 128 : 0) + state >> 25)
        }
    }
    do { return try ImageSet(images: images, labels: labels) } catch { preconditionFailure("the benchmark's own images: \(error)") }
}

private func configuration(samples: Int, _ pool: Pooling) throws -> Configuration {
    // The images are given, so the files may have any name.
    let file = ParameterValue.text("\(Digest(of: []))")
    return try ConvolutionalNetwork.declaration.configuration(overriding: [
        "training_images": file, "training_labels": file, "test_images": file, "test_labels": file, "samples": .integer(samples),
        "pool": .text(pool.rawValue), "epochs": 1,
    ])
}

/// Seconds of a step at batch 32: the shortest of eight means over 32 steps, which a busy machine disturbs least.
func secondsOfStep(lambda2: Double, pool: Pooling, threads: Int = 1) -> Double {
    let set = syntheticImages(32 * 32 * 8 + 32)
    do {
        let problem = try ConvolutionalNetwork(configuration(samples: set.count, pool), train: set, test: set)
        let plan = try GroupPlan(
            problem: problem, coordinates: Coordinates(seed: 1, trainingSet: 0, initialization: 0, replicate: 0),
            lanes: [Lane(strengths: [.lambda2: lambda2, .weightDecay: 0.01], learningRate: 0.05)])
        // The kernel asks whether to go on before every 32nd step; there are nine times 32.
        var times: [ContinuousClock.Instant] = []
        let goOn: () -> Flow = {
            times.append(clock.now)
            return times.count == 9 ? .stop : .goOn
        }
        _ = try run(plan, from: [nil], threads: threads, goOn: goOn) { _ in .goOn }
        return zip(times, times.dropFirst()).map { $0.duration(to: $1).inSeconds / 32 }.min()!
    } catch { preconditionFailure("the benchmark's own plan was refused: \(error)") }
}

/// Multiplications and additions of a step as dense products would need them, pooled: three passes of every layer but the first, which
/// needs no gradient of its input.
let operationsOfStep = 32 * 2 * (2 * 784 * 9 * 32 + 3 * 196 * 288 * 64 + 3 * 3136 * 128 + 3 * 128 * 10)

/// Seconds of an image's second convolution, forward: as the sum over each patch, and by tiles, as the network's kernel does it. Turn by
/// turn, so that both have the same host; the shortest times.
func secondsOfConvolution() -> (patches: Double, tiles: Double) {
    let (side, inputs, outputs) = (14, 32, 64)
    var input = (0..<(side + 2) * (side + 2) * inputs).map { Float($0 * 31 % 97) / 97 }
    let weights = (0..<outputs * 9 * inputs).map { Float($0 * 17 % 89) / 89 - 0.5 }
    let bias = [Float](repeating: 0, count: outputs),
        offsets = (0..<side * side).map { Int32(($0 / side * (side + 2) + $0 % side) * inputs) }
    var packed = [Float](repeating: 0, count: 9 * inputs * outputs), transformed = [Float](repeating: 0, count: 16 * inputs * outputs)
    packWeights(weights, outputs: outputs, rowLength: 3 * inputs, paddedRow: 3 * inputs, packed: &packed)
    transformWeights(weights, inputs: inputs, outputs: outputs, transformed: &transformed)
    let scratch = WinogradScratch(side: side, inputs: inputs, outputs: outputs)
    var output = [Float](repeating: 0, count: side * side * outputs)
    var best = (patches: Double.infinity, tiles: Double.infinity)
    for _ in 0..<50 {
        best.patches = min(
            best.patches,
            seconds {
                for _ in 0..<50 {
                    convolve(
                        input, rowStride: (side + 2) * inputs, rowLength: 3 * inputs, offsets: offsets, pixels: side * side,
                        weights: packed, bias: bias, outputs: outputs, output: &output)
                }
            } / 50)
        input[0] += output[0] * 1e-9
        best.tiles = min(
            best.tiles,
            seconds {
                for _ in 0..<50 {
                    convolveByTiles(
                        input, side: side, inputs: inputs, weights: &transformed, bias: bias, outputs: outputs, output: &output,
                        scratch: scratch)
                }
            } / 50)
        input[0] += output[0] * 1e-9
    }
    return best
}
