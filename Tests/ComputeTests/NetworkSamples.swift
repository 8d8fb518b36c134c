// NetworkSamples.swift · Tests/ComputeTests. Small image sets from a seed, and the parameters and images of the independent test vectors.

import Vocabulary

@testable import Compute

/// Images that a network can learn: the class is where a bright bar lies, in noise.
func sampleImages(_ count: Int, seed: UInt64) -> ImageSet {
    var stream = RandomStream(seed: seed, for: .freshSample)
    let labels = (0..<count).map { _ in UInt8(stream.nextInteger(below: 10)) }
    let images = labels.flatMap { label in
        (0..<ImageFormat.pixels).map { pixel in
            let (y, x) = (pixel / ImageFormat.side, pixel % ImageFormat.side)
            let isBright = label < 5 ? (y / 5 == label) : (x / 5 == label - 5)
            return UInt8((isBright ? 140 : 10) + stream.nextInteger(below: 100))
        }
    }
    // Both arrays fit each other by construction.
    guard let set = try? ImageSet(images: images, labels: labels) else { preconditionFailure("sample images were refused") }
    return set
}

/// θ and a batch from an integer hash, so that a program in any language has the same (the `note` of cnn.json).
enum HashedNetwork {
    static func uniform(_ stream: UInt32, _ index: Int) -> Double {
        var x = UInt32(truncatingIfNeeded: index + 1) &* 2_654_435_761 &+ stream &* 2_246_822_519
        x ^= x >> 15
        x = x &* 2_246_822_519
        x ^= x >> 13
        x = x &* 3_266_489_917
        x ^= x >> 16
        return (Double(x) + 0.5) / 4_294_967_296 - 0.5
    }

    static func parameters(_ shape: NetworkShape) -> [Double] {
        shape.tensors.enumerated().flatMap { k, tensor in
            let scale = 2 / Double(tensor.fanIn).squareRoot()
            return (0..<tensor.count).map { uniform(UInt32(k + 1), $0) * scale }
        }
    }

    static func images(_ count: Int) -> [[Double]] {
        (0..<count).map { image in (0..<ImageFormat.pixels).map { 4 * uniform(100, image * ImageFormat.pixels + $0) } }
    }

    static func labels(_ count: Int) -> [Int] { (0..<count).map { (7 * $0 + 3) % 10 } }
}
