// WallTests.swift · Tests/TidyTests. The few walls of the house, read off the source itself.

import Foundation
import Testing

/// A source file: its path below the top of the checkout and its text without comments.
struct SourceFile: Sendable, CustomTestStringConvertible {
    let path: String, text: String

    var testDescription: String { path }
    var code: String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
        }.joined(separator: "\n")
    }
    /// Modules that it imports.
    var imports: Set<String> {
        Set(code.matches(of: /(?m)^(?:@testable |public |internal |private )*import (?:struct |enum |func )?(\w+)/).map { String($0.1) })
    }
    var usesUnsafe: Bool { code.contains(/\bunsafe\b|\bUnsafe\w+|@unchecked/) }

    static let top = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

    static func below(_ folder: String) -> [SourceFile] {
        let names = FileManager.default.enumerator(atPath: "\(top)/\(folder)")?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(".swift") }.sorted().map { name in
            let text = (try? String(contentsOfFile: "\(top)/\(folder)/\(name)", encoding: .utf8)) ?? ""
            return SourceFile(path: "\(folder)/\(name)", text: text)
        }
    }
}

@Suite("Walls") struct WallTests {
    @Test("Sources has its four rooms and no other") func rooms() throws {
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: SourceFile.top + "/Sources").sorted() == [
                "Compute", "Coordinator", "Wire", "Worker",
            ])
    }

    @Test("each C module is imported only where it lives")
    func cModules() {
        let homes = [
            "CZeroMQ": "Sources/Wire/Sockets/", "CMessages": "Sources/Wire/Messages/", "CSodium": "Sources/Wire/Hashing/SHA256.swift",
            "CSQLite": "Sources/Coordinator/Store/Database.swift", "CZlib": "Sources/Coordinator/Data/Gzip.swift",
            "CFloatingPoint": "Sources/Compute/Processor/FloatingPointMode.swift",
        ]
        for file in SourceFile.below("Sources") {
            for module in file.imports where module.first == "C" && module.dropFirst().first?.isUppercase == true && module != "Compute" {
                #expect(homes[module].map(file.path.hasPrefix) == true, "\(file.path) imports \(module)")
            }
        }
    }

    @Test("the rooms depend on each other in one direction") func direction() {
        let allowed: [String: Set<String>] = [
            "Sources/Wire/Vocabulary": [],
            "Sources/Compute": ["Vocabulary", "CFloatingPoint", "Glibc", "Synchronization"],
            "Sources/Wire": ["Vocabulary", "CZeroMQ", "CMessages", "CSodium", "Logging", "Glibc", "Synchronization"],
            "Sources/Worker": ["Vocabulary", "Wire", "Compute", "ArgumentParser", "Logging", "Glibc", "Synchronization"],
            "Sources/Coordinator": [
                "Vocabulary", "Wire", "CSQLite", "CZlib", "ArgumentParser", "Logging", "TOMLKit", "FoundationEssentials", "Glibc",
                "Synchronization",
            ],
        ]
        for (room, modules) in allowed {
            let files = SourceFile.below(room)
            #expect(!files.isEmpty)
            for file in files { #expect(file.imports.subtracting(modules) == [], "\(file.path)") }
        }
    }

    @Test(
        "deciders and what they stand on know no clock, socket, file, process or thread",
        arguments: [
            "Sources/Coordinator/Scheduling", "Sources/Worker/WorkerMachine", "Sources/Worker/DataFetch.swift",
            "Sources/Coordinator/Sweep/Grid.swift", "Sources/Coordinator/Launching/LocalWorkers.swift",
            "Sources/Coordinator/Launching/RemoteHost.swift", "Sources/Coordinator/Launching/SSHText.swift",
            "Sources/Coordinator/Launching/SlurmGroup", "Sources/Coordinator/Launching/SlurmText.swift",
            "Sources/Coordinator/Launching/WorkerCommandLine.swift",
            "Sources/Coordinator/Reporting/Summary.swift", "Sources/Coordinator/Reporting/Statistics.swift",
        ])
    func deciders(place: String) {
        let files =
            SourceFile.below((place as NSString).deletingLastPathComponent).filter { $0.path.hasPrefix(place) } + SourceFile.below(place)
        #expect(!files.isEmpty)
        for file in files {
            #expect(file.imports.subtracting(["Vocabulary", "Wire"]) == [], "\(file.path)")
            #expect(
                !file.code.contains(
                    /\b(ContinuousClock|Stopwatch|RouterSocket|DealerSocket|startThread|Mailbox|spawn|ChildProcess|PrivateFile)\b/),
                "\(file.path)")
        }
    }

    @Test("kernels read no file, socket or clock") func kernels() {
        for file in SourceFile.below("Sources/Compute") {
            #expect(!file.code.contains(/\b(fopen|open|read|write|socket|ContinuousClock|SuspendingClock|time|getenv)\(/), "\(file.path)")
        }
    }

    @Test("unsafe code is written only in its homes") func unsafeHomes() {
        let homes = [
            "Sources/Compute/DiagonalNetwork/LaneKernel.swift", "Sources/Compute/Processor/",
            "Sources/Compute/ConvolutionalNetwork/",
            "Sources/Coordinator/Store/Database.swift",
            "Sources/Coordinator/Data/Gzip.swift", "Sources/Coordinator/Store/ResultsDirectory.swift",
            "Sources/Coordinator/Store/Files.swift",
            "Sources/Coordinator/Store/StoreLock.swift", "Sources/Coordinator/Store/StoreThread.swift",
            "Sources/Wire/Messages/FrameScan.swift", "Sources/Wire/Messages/MessageDecoding.swift",
            "Sources/Wire/Messages/MessageEncoding.swift", "Sources/Wire/Sockets/", "Sources/Wire/System/",
            "Sources/Wire/Hashing/", "Sources/Wire/Vocabulary/Values/Digest.swift", "Sources/Worker/DataCache.swift",
            "Sources/Worker/Safetensors.swift",
        ]
        for file in SourceFile.below("Sources") where file.usesUnsafe {
            #expect(homes.contains(where: file.path.hasPrefix), "\(file.path)")
        }
    }

    @Test(
        "every file opens by naming itself and its room",
        arguments: SourceFile.below("Sources") + SourceFile.below("Tests") + SourceFile.below("Benchmarks"))
    func opening(file: SourceFile) {
        let name = (file.path as NSString).lastPathComponent
        #expect(file.text.hasPrefix("// \(name) · "), "\(file.path) opens otherwise")
    }

    @Test("every file that README, CONTRIBUTING and Docs link to is there") func links() throws {
        let pages =
            ["README.md", "CONTRIBUTING.md"]
            + (try FileManager.default.contentsOfDirectory(atPath: SourceFile.top + "/Docs")
                .filter { $0.hasSuffix(".md") }.map { "Docs/\($0)" })
        var count = 0
        for page in pages {
            let url = URL(filePath: SourceFile.top).appending(path: page)
            for match in try String(contentsOf: url, encoding: .utf8).matches(of: /\]\(([A-Za-z0-9_.+\/-]+)(#[^)]*)?\)/) {
                count += 1
                let target = url.deletingLastPathComponent().appending(path: String(match.1)).standardized.path()
                #expect(FileManager.default.fileExists(atPath: target), "\(page) links to \(match.1)")
            }
        }
        #expect(count > 50)
    }
}
