// Images.swift · Tests/ClusterTests. An image set that these tests make themselves, in the format of Fashion-MNIST.

import Foundation
import TestSupport
import Vocabulary
import Wire

enum Images {
    /// Ten patterns with a little noise, something that a network can learn, in a folder `data`.
    static func write(to scratch: TemporaryFolder, train: Int = 70, test: Int = 20) throws {
        try FileManager.default.createDirectory(atPath: "\(scratch.path)/data", withIntermediateDirectories: true)
        for (name, count) in [("train", train), ("t10k", test)] {
            let pixels = (0..<count * 784).map { index in
                let (image, pixel) = (index / 784, index % 784)
                return UInt8((pixel * (image % 10 + 1) / 7) % 200 + (image * pixel) % 50)
            }
            for (kind, bytes) in [
                ("images-idx3", IDXFile.bytes(dimensions: [count, 28, 28], values: pixels)),
                ("labels-idx1", IDXFile.bytes(dimensions: [count], values: (0..<count).map { UInt8($0 % 10) })),
            ] { try Data(bytes).write(to: URL(filePath: "\(scratch.path)/data/\(name)-\(kind)-ubyte")) }
        }
    }
}
