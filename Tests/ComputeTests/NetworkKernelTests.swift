// NetworkKernelTests.swift · Tests/ComputeTests. The convolutional network's kernel: the bits of the plain loops, in each layer and over
// many steps.

import Testing
import Vocabulary

@testable import Compute

@Suite("Convolutional network: the kernel") struct NetworkKernelTests {
    private func images(_ set: ImageSet, _ indices: some Sequence<Int>) -> [[Float]] {
        let intensities = pixelIntensities().map { Float($0) }
        return indices.map { index in
            set.images[index * ImageFormat.pixels..<(index + 1) * ImageFormat.pixels].map { intensities[Int($0)] }
        }
    }

    private func memory(_ shape: NetworkShape, _ theta: [Float]) -> Buffer<Float> {
        let memory = Buffer<Float>(Array(repeating: 0, count: shape.memory))
        for (index, value) in zip(shape.offsets, theta) { memory[index] = value }
        return memory
    }

    /// Names of the tensors that differ in a bit; zeros of either sign are the same.
    private func different(_ shape: NetworkShape, _ found: Buffer<Float>, _ expected: [Float]) -> [String] {
        let values = shape.offsets.map { found[$0] }
        var start = 0
        return shape.tensors.filter { tensor in
            let range = start..<start + tensor.count
            start += tensor.count
            return values[range] != expected[range]
        }.map(\.name)
    }

    private func isPaddingZero(_ shape: NetworkShape, _ memory: Buffer<Float>) -> Bool {
        var isUsed = [Bool](repeating: false, count: shape.memory)
        for index in shape.offsets { isUsed[index] = true }
        return (0..<shape.memory).allSatisfy { isUsed[$0] || memory[$0] == 0 }
    }

    @Test(
        "losses, every gradient and every product have the bits of the plain loops",
        arguments: [
            (Pooling.max, 1, 1), (.max, 2, 1), (.max, 7, 1), (.max, 7, 2), (.max, 7, 5), (.none, 1, 1), (.none, 4, 1), (.none, 4, 3),
        ])
    func bits(pool: Pooling, batch: Int, threads: Int) {
        let shape = NetworkShape(pool: pool, hidden: pool == .max ? 128 : 16)
        let set = sampleImages(9, seed: 5)
        let theta = HashedNetwork.parameters(shape).map { Float($0) }
        let order = Array(((9 - batch)..<9).reversed())[...]
        let kernel = ConvolutionalKernel(shape: shape, batch: 7, team: ThreadTeam(size: threads))
        let parameters = memory(shape, theta), g = memory(shape, []), h = memory(shape, [])
        withFlushedDenormals {
            var plain = ReferenceNetwork<Float>(shape: shape, theta: theta)
            plain.forward(images: images(set, order), labels: order.map { Int(set.labels[$0]) })
            let losses = kernel.forward(parameters, on: set, order)
            #expect(losses.map(\.loss) == plain.losses.map(\.loss))
            #expect(losses.map(\.probabilities) == plain.losses.map(\.probabilities))
            let gradient = plain.gradient()
            kernel.gradient(parameters, on: set, order, losses, into: g)
            #expect(different(shape, g, gradient) == [])
            #expect(isPaddingZero(shape, g))
            // Some direction that is not the gradient.
            let v = theta.indices.map { Float(HashedNetwork.uniform(50, $0)) }
            kernel.product(parameters, with: memory(shape, v), batch, losses, into: h)
            let product = plain.product(with: v)
            #expect(different(shape, h, product) == [])
            #expect(isPaddingZero(shape, h))
        }
    }

    @Test("two hundred penalized, decayed and clipped steps have the bits of the plain loops") func steps() {
        let shape = NetworkShape(pool: .max, hidden: 16)
        let set = sampleImages(40, seed: 6)
        let theta = HashedNetwork.parameters(shape).map { Float($0) }
        let team = ThreadTeam(size: 1)
        let kernel = ConvolutionalKernel(shape: shape, batch: 2, team: team)
        let parameters = memory(shape, theta), g = memory(shape, []), h = memory(shape, [])
        let step = NetworkStep(productFactor: 0.02, decay: 0.01, clipNorm: 1)
        withFlushedDenormals {
            var plain = ReferenceNetwork<Float>(shape: shape, theta: theta)
            var shortened = 0
            for number in 0..<200 {
                let indices = (0..<2).map { (number * 2 + $0 * 11) % 40 }[...]
                plain.forward(images: images(set, indices), labels: indices.map { Int(set.labels[$0]) })
                let gradient = plain.gradient()
                let product = plain.product(with: gradient)
                let isFinite = plain.update(gradient, product, step, rate: 0.1)
                #expect(isFinite)
                let losses = kernel.forward(parameters, on: set, indices)
                kernel.gradient(parameters, on: set, indices, losses, into: g)
                kernel.product(parameters, with: g, 2, losses, into: h)
                #expect(step.update(parameters, g, h, count: shape.memory, rate: 0.1, team: team))
                let length = shape.offsets.reduce(0.0) { $0 + Double(g[$1]) * Double(g[$1]) }
                shortened += length > 1 ? 1 : 0
            }
            #expect(different(shape, parameters, plain.theta) == [])
            // Both branches of the clipping were taken.
            #expect((1..<200).contains(shortened), "\(shortened)")
        }
    }
}
