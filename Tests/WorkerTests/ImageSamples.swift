// ImageSamples.swift · Tests/WorkerTests. A small image set in a cache on a real disk, and leases of the network that read it.

import Compute
import FoundationEssentials
import Glibc
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep_worker

extension DataCache {
    /// The answer to a command, waited for.
    func answer(_ command: DataCommand, _ file: Digest) throws -> DataOutcome {
        let mailbox = try Mailbox<DataOutcome>()
        perform(command, file) { mailbox.post($0) }
        for _ in 0..<60 {
            if let news = mailbox.takeAll().first { return news }
            try Poller.wait(for: mailbox.wakeSignal, atMost: .seconds(1))
        }
        throw CacheError(description: "no answer after 60 s")
    }
}

enum ImageSamples {
    static let training = IDXFile.bytes(
        dimensions: [8, 28, 28], values: (0..<8 * 784).map { UInt8(truncatingIfNeeded: $0 / 784 * 29 + ($0 % 784) * ($0 % 13)) })
    static let trainingLabels = IDXFile.bytes(dimensions: [8], values: [0, 1, 2, 3, 4, 5, 6, 9])
    static let test = IDXFile.bytes(dimensions: [3, 28, 28], values: (0..<3 * 784).map { UInt8(truncatingIfNeeded: $0 * $0 % 251) })
    static let testLabels = IDXFile.bytes(dimensions: [3], values: [9, 0, 3])
    static let files = [training, trainingLabels, test, testLabels]

    /// The four files, fetched as a worker would have.
    static func cache(in directory: TemporaryFolder) throws -> ImageCache {
        let cache = DataCache(directory.path)
        for file in files {
            let name = Digest(of: file)
            try directory.write(file, to: "\(name)")
            guard try cache.answer(.look(alone: false), name) == .whole else { throw CacheError(description: "\(name) is not whole") }
        }
        return ImageCache(cache)
    }

    /// Batches of 4 of 8 images.
    static func group(epochs: Int = 4) -> GroupSpec {
        var parameters: [String: ParameterValue] = [:]
        for parameter in ProblemDeclaration.convolutionalNetwork.parameters { parameters[parameter.name] = parameter.defaultValue }
        for (name, file) in zip(["training_images", "training_labels", "test_images", "test_labels"], files) {
            parameters[name] = .text(Digest(of: file).description)
        }
        parameters["samples"] = .integer(8)
        parameters["batch_size"] = .integer(4)
        parameters["epochs"] = .integer(epochs)
        return GroupSpec(
            problem: "convolutional-network", parameters: parameters, seed: 5, trainingSet: 0, initialization: 2, replicate: 1)
    }

    static let setting = Setting(algorithm: "sgd", strengths: [.lambda1: 0, .lambda2: 0.01, .weightDecay: 0.01], learningRate: 0.1)

    static func lease(_ number: UInt32, from checkpoint: Checkpoint? = nil, epochs: Int = 4) -> Lease {
        var lease = longLease(number, epochs)
        lease.checkpoint = checkpoint
        return lease
    }
}

private func longLease(_ number: UInt32, _ epochs: Int) -> Lease {
    lease(number, settings: [ImageSamples.setting], of: ImageSamples.group(epochs: epochs))
}
