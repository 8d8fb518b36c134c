// SweepReferenceTests.swift · Tests/CoordinatorTests. The reference of sweep files names all keys that the readers know, and no others.

import Foundation
import Testing

@testable import Vocabulary
@testable import regsweep

@Suite("The reference of a sweep file's keys") struct SweepReferenceTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// REGSWEEP_WRITE_REFERENCE=1 writes the page.
    @Test("the page in Docs is what the declarations say") func page() throws {
        let file = Self.root.appending(path: "Docs/sweep-file.md")
        let text = SweepReference().markdown
        if ProcessInfo.processInfo.environment["REGSWEEP_WRITE_REFERENCE"] != nil { try Data(text.utf8).write(to: file) }
        #expect(try String(decoding: Data(contentsOf: file), as: UTF8.self) == text, "make reference writes it again")
    }

    /// The readers list what they know when they meet a key that they do not know.
    @Test("every key that a reader knows is in the reference, and none is in it that no reader knows") func complete() throws {
        let folder = Self.root.appending(path: "Sweeps")
        // No shipped sweep has rows of the network.
        var known = Self.knownKeys("[problem]\nkind = \"convolutional-network\"\n[[settings]]\nlabel = \"SGD\"\nalgorithm = \"sgd\"\n")
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted() where name.hasSuffix(".toml") {
            let text = try String(decoding: Data(contentsOf: folder.appending(path: name)), as: UTF8.self)
            for (table, keys) in Self.knownKeys(text) { known[table, default: []].formUnion(keys) }
        }
        var listed: [String: Set<String>] = [:]
        for section in SweepReference().sections { listed[section.table, default: []].formUnion(section.keys.map(\.key)) }
        let tables: Set = ["audit", "curves", "figure", "grid", "parts", "problem", "settings", "strengths", "training"]
        listed[""]?.formUnion(tables)
        listed["[[parts]]"] = nil
        #expect(Set(known.keys) == Set(listed.keys))
        for (table, keys) in known { #expect(keys == listed[table], "\(table)") }
    }

    /// What the readers know in each table of a sweep, by the complaint about a key that is not known.
    private static func knownKeys(_ text: String) -> [String: Set<String>] {
        var lines = ["unknown_key = 1"]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            lines.append(String(line))
            if line.hasPrefix("["), !line.hasPrefix("[[parts]]") { lines.append("unknown_key = 1") }
        }
        var known: [String: Set<String>] = [:]
        do { _ = try SweepList.parse(lines.joined(separator: "\n"), file: "s.toml") } catch {
            for complaint in error.errors {
                guard let range = complaint.message.firstRange(of: "unknown_key: is not known here, allowed are "),
                    let line = complaint.line
                else { continue }
                let names = complaint.message[range.upperBound...].prefix { $0 != ";" }.split(separator: ", ").map(String.init)
                let header = lines[..<line].last { $0.hasPrefix("[") } ?? ""
                let table = header.prefix { $0 != "#" }.trimmingCharacters(in: .whitespaces).replacing("parts.", with: "")
                known[table, default: []].formUnion(names)
            }
        }
        return known
    }
}
