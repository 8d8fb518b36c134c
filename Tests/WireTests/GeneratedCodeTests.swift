// GeneratedCodeTests.swift · Tests/WireTests. The committed protobuf-c code is what the committed schema gives.

import Foundation
import TestSupport
import Testing

@Suite("Generated code") struct GeneratedCodeTests {
    @Test("protoc-c gives the committed regsweep.pb-c.c and .h from regsweep.proto, byte for byte") func regenerated() throws {
        let out = try TemporaryFolder()

        // The call of `make proto`.
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.currentDirectoryURL = URL(fileURLWithPath: Checkout.path)
        compiler.arguments = [
            "protoc-c", "--proto_path=Sources/Wire/CMessages", "--c_out=\(out.path)", "Sources/Wire/CMessages/regsweep.proto",
        ]
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0, "protoc-c comes with Debian's protobuf-c-compiler: make setup-test")
        for (generated, committed) in [("regsweep.pb-c.c", "regsweep.pb-c.c"), ("regsweep.pb-c.h", "include/regsweep.pb-c.h")] {
            let new = try Data(contentsOf: out.url(of: generated))
            let old = try Data(contentsOf: URL(fileURLWithPath: Checkout.path(of: "Sources/Wire/CMessages/\(committed)")))
            #expect(new == old, "\(committed) is not what the schema gives: make proto")
        }
    }
}
