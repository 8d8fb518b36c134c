// FuzzCorpusTests.swift · Tests/WireTests. The frames that libFuzzer starts from (`.ci/fuzz`): one of every kind of message.

import Foundation
import TestSupport
import Testing

@testable import Vocabulary
@testable import Wire

@Suite("Fuzz corpus") struct FuzzCorpusTests {
    private static let folder = URL(filePath: Checkout.path(of: "Tests/Fuzz/corpus"))

    /// REGSWEEP_WRITE_CORPUS=1 writes those that are missing.
    @Test("it has every sample message, and each of its frames is read, or refused, without harm") func corpus() throws {
        for message in Samples.messages {
            let frame = Envelope(incarnation: 7, message: message).encoded()
            let file = Self.folder.appending(path: "\(Digest(of: frame))".prefix(16).description)
            if ProcessInfo.processInfo.environment["REGSWEEP_WRITE_CORPUS"] != nil { try Data(frame).write(to: file) }
            #expect((try? Data(contentsOf: file)).map(Array.init) == frame, "\(message) is not in the corpus")
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.folder.path()) {
            let frame = Array(try Data(contentsOf: Self.folder.appending(path: name)))
            if let envelope = try? Envelope(decoding: frame) { #expect((try? Envelope(decoding: envelope.encoded())) != nil, "\(name)") }
        }
    }
}
