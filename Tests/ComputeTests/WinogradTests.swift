// WinogradTests.swift · Tests/ComputeTests. The tiled convolution is a convolution, at every size that it is used for.

import Testing

@testable import Compute

@Suite("Winograd convolution") struct WinogradTests {
    @Test(
        "it is the sum over the patch, and no further from it than a chain of Float32 sums is",
        arguments: [(2, 8, 16), (6, 32, 64), (14, 32, 64), (28, 8, 16)])
    func convolution(side: Int, inputs: Int, outputs: Int) {
        let width = side + 2
        var stream = RandomStream(seed: 11, for: .freshSample)
        func uniform() -> Float { Float(2 * stream.nextUniform() - 1) }
        let input = Buffer(
            (0..<width * width * inputs).map { index in
                let (y, x) = (index / inputs / width, index / inputs % width)
                return (1...side).contains(y) && (1...side).contains(x) ? max(0, uniform()) : 0
            })
        let weights = Buffer((0..<outputs * 9 * inputs).map { _ in uniform() }), bias = Buffer((0..<outputs).map { _ in uniform() })
        let transformed = Buffer([Float](repeating: 0, count: 16 * inputs * outputs))
        // NaN shows what is read or left unwritten.
        let output = Buffer([Float](repeating: .nan, count: side * side * outputs))
        transformWeights(weights.base, inputs: inputs, outputs: outputs, transformed: transformed.base)
        convolveByTiles(
            input.base, side: side, inputs: inputs, weights: transformed.base, bias: bias.base, outputs: outputs, output: output.base,
            scratch: WinogradScratch(side: side, inputs: inputs, outputs: outputs))
        var squares = 0.0, errors = 0.0, chainErrors = 0.0
        for pixel in 0..<side * side {
            for o in 0..<outputs {
                var exact = Double(bias[o]), chain = bias[o]
                for k in 0..<9 {
                    let patch = (pixel / side + k / 3) * width + pixel % side + k % 3
                    for c in 0..<inputs {
                        let (x, w) = (input[patch * inputs + c], weights[(o * 9 + k) * inputs + c])
                        exact += Double(x) * Double(w)
                        chain.addProduct(x, w)
                    }
                }
                let error = Double(output[pixel * outputs + o]) - exact, chainError = Double(chain) - exact
                squares += exact * exact
                errors += error * error
                chainErrors += chainError * chainError
            }
        }
        #expect(squares > 0 && chainErrors > 0 && chainErrors <= squares * 1e-12)
        // At 288 terms it is nearer; at 72 and in one tile the transforms' own roundings weigh more.
        #expect(
            errors <= chainErrors * (inputs == 32 ? 1 : 4), "\((errors / squares).squareRoot()) of \((chainErrors / squares).squareRoot())")
    }
}
