// NetworkReferenceTests.swift · Tests/ComputeTests. The convolutional network's plain loops in Float64, against numbers of an independent
// program, against finite differences so small that they cross no kink, and in a smooth form against larger ones.

import Foundation
import TestSupport
import Testing
import Vocabulary

@testable import Compute

private func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
private func norm(_ x: [Double]) -> Double { dot(x, x).squareRoot() }
private func moved(_ x: [Double], _ step: Double, _ v: [Double]) -> [Double] { zip(x, v).map { $0 + step * $1 } }

@Suite("Convolutional network: the plain loops") struct NetworkReferenceTests {
    private let shape = NetworkShape(pool: .max)

    struct Vectors: Decodable {
        struct Entries: Decodable { var sum: Double, norm: Double, at: [String: Double] }
        struct Steps: Decodable { var losses: [Double], parameters: [String: Entries] }
        var loss: Double, logitsRow0: [Double], firstInputs: [Double], firstParameters: [Double]
        var gradientNorm2: Double, hvNorm2: Double, gDotHv: Double
        var gradient: [String: Entries], hv: [String: Entries], steps: Steps

        static let file = URL(filePath: Checkout.path(of: "Tests/ComputeTests/Vectors/cnn.json"))
    }

    /// Every tensor's sum, norm and some entries.
    private func check(_ found: [Double], _ expected: [String: Vectors.Entries], tolerance: Double) {
        var start = 0
        for tensor in shape.tensors {
            let values = Array(found[start..<start + tensor.count])
            start += tensor.count
            guard let entries = expected[tensor.name] else {
                Issue.record("no \(tensor.name)")
                continue
            }
            #expect((norm(values) / entries.norm - 1).magnitude < tolerance, "norm of \(tensor.name)")
            #expect((values.reduce(0, +) - entries.sum).magnitude < tolerance * values.reduce(0) { $0 + $1.magnitude }, "\(tensor.name)")
            for (index, value) in entries.at {
                #expect((values[Int(index)!] - value).magnitude < tolerance * entries.norm, "\(tensor.name)[\(index)]")
            }
        }
        #expect(start == found.count)
    }

    @Test("loss, gradient, H·g and three penalized steps are those of the independent test vectors")
    func independentVectors() throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let vectors = try decoder.decode(Vectors.self, from: Data(contentsOf: Vectors.file))
        let (images, labels) = (HashedNetwork.images(32), HashedNetwork.labels(32))
        var network = ReferenceNetwork(shape: shape, theta: HashedNetwork.parameters(shape))
        for (found, expected) in zip(images[0], vectors.firstInputs) { #expect((found - expected).magnitude < 1e-14) }
        var start = 0
        for (tensor, expected) in zip(shape.tensors, vectors.firstParameters) {
            #expect((network.theta[start] - expected).magnitude < 1e-14)
            start += tensor.count
        }

        network.forward(images: images, labels: labels)
        #expect((network.loss / vectors.loss - 1).magnitude < 1e-12)
        for (found, expected) in zip(network.firstLogits, vectors.logitsRow0) { #expect((found - expected).magnitude < 1e-12) }
        let g = network.gradient()
        let product = network.product(with: g)
        #expect((dot(g, g) / vectors.gradientNorm2 - 1).magnitude < 1e-10)
        #expect((dot(product, product) / vectors.hvNorm2 - 1).magnitude < 1e-10)
        #expect((dot(g, product) / vectors.gDotHv - 1).magnitude < 1e-10)
        check(g, vectors.gradient, tolerance: 1e-10)
        check(product, vectors.hv, tolerance: 1e-10)

        let step = NetworkStep(productFactor: 0.06, decay: 0.01, clipNorm: 1)
        for (number, loss) in vectors.steps.losses.enumerated() {
            network.forward(images: images, labels: labels)
            #expect((network.loss / loss - 1).magnitude < 1e-9)
            guard number < vectors.steps.losses.count - 1 else { break }
            let g = network.gradient()
            let product = network.product(with: g)
            let isFinite = network.update(g, product, step, rate: 0.1)
            #expect(isFinite)
        }
        check(network.theta, vectors.steps.parameters, tolerance: 1e-9)
    }

    @Test("and a few of those numbers, carried here") func known() {
        var network = ReferenceNetwork(shape: shape, theta: HashedNetwork.parameters(shape))
        network.forward(images: HashedNetwork.images(32), labels: HashedNetwork.labels(32))
        let g = network.gradient()
        let product = network.product(with: g)
        #expect((network.loss / 2.3051847604299462 - 1).magnitude < 1e-12)
        #expect((dot(g, g) / 0.8914063179543406 - 1).magnitude < 1e-10)
        #expect((dot(product, product) / 13.523083232885288 - 1).magnitude < 1e-10)
        #expect((dot(g, product) / 1.0872275883040323 - 1).magnitude < 1e-10)
        #expect((g[0] + 0.0017606596454782936).magnitude < 1e-12 && (product[0] + 0.003991477237012307).magnitude < 1e-11)
    }

    @Test("Float32 agrees with Float64 to four digits of the gradient and three of H·g") func precisions() {
        let theta = HashedNetwork.parameters(shape)
        let (images, labels) = (HashedNetwork.images(8), HashedNetwork.labels(8))
        var double = ReferenceNetwork(shape: shape, theta: theta)
        var single = ReferenceNetwork<Float>(shape: shape, theta: theta.map { Float($0) })
        double.forward(images: images, labels: labels)
        single.forward(images: images.map { $0.map { Float($0) } }, labels: labels)
        let g = double.gradient(), rounded = single.gradient()
        #expect(norm(moved(rounded.map { Double($0) }, -1, g)) < 1e-4 * norm(g))
        let product = double.product(with: g), roundedProduct = single.product(with: rounded)
        #expect(norm(moved(roundedProduct.map { Double($0) }, -1, product)) < 1e-3 * norm(product))
    }

    /// H·g by a central difference of gradients along g.
    private func difference(
        _ network: ReferenceNetwork<Double>, _ images: [[Double]], _ labels: [Int], _ g: [Double], _ step: Double
    )
        -> [Double]
    {
        func gradient(at step: Double) -> [Double] {
            var other = network
            other.theta = moved(network.theta, step, g)
            other.forward(images: images, labels: labels)
            return other.gradient()
        }
        return zip(gradient(at: step), gradient(at: -step)).map { ($0 - $1) / (2 * step) }
    }

    @Test("gradient and H·g are what steps of 10⁻⁷ measure, with kinks", arguments: Pooling.allCases) func kinks(pool: Pooling) {
        let shape = NetworkShape(pool: pool, hidden: 16)
        let (images, labels) = (HashedNetwork.images(3), HashedNetwork.labels(3))
        var network = ReferenceNetwork(shape: shape, theta: HashedNetwork.parameters(shape))
        network.forward(images: images, labels: labels)
        let g = network.gradient()
        let product = network.product(with: g)
        let step = 1e-7 / norm(g)
        var ahead = network, behind = network
        ahead.theta = moved(network.theta, step, g)
        behind.theta = moved(network.theta, -step, g)
        ahead.forward(images: images, labels: labels)
        behind.forward(images: images, labels: labels)
        // Rounding of the losses, 1e-16, over the step's length.
        #expect(((ahead.loss - behind.loss) / (2 * step) / dot(g, g) - 1).magnitude < 1e-7)
        let measured = difference(network, images, labels, g, step)
        #expect(norm(moved(measured, -1, product)) < 1e-6 * norm(product))
    }

    @Test("in the smooth form their error falls with the square of the step", arguments: Pooling.allCases) func smooth(pool: Pooling) {
        // softplus(x) = ln(1 + eˣ), with slope s = 1/(1 + e⁻ˣ) and curvature s(1 − s).
        let softplus: ReferenceNetwork<Double>.Activation = { x in
            let s = 1 / (1 + Foundation.exp(-x))
            return (Foundation.log1p(Foundation.exp(x)), s, s * (1 - s))
        }
        let shape = NetworkShape(pool: pool, hidden: 16)
        let (images, labels) = (HashedNetwork.images(2), HashedNetwork.labels(2))
        var network = ReferenceNetwork(shape: shape, theta: HashedNetwork.parameters(shape), smooth: softplus)
        network.forward(images: images, labels: labels)
        let g = network.gradient()
        let product = network.product(with: g)
        /// Norms of each tensor by itself: the first layer's share of the whole would hide an error in it.
        func errors(_ length: Double) -> [Double] {
            let error = moved(difference(network, images, labels, g, length / norm(g)), -1, product)
            var start = 0
            return shape.tensors.map { tensor in
                defer { start += tensor.count }
                let range = start..<start + tensor.count
                return norm(Array(error[range])) / norm(Array(product[range]))
            }
        }
        for (tensor, (long, short)) in zip(shape.tensors, zip(errors(0.004), errors(0.002))) {
            #expect((3.5...4.5).contains(long / short) && short < 0.05, "\(tensor.name): \(long) and \(short)")
        }
    }
}
