// KeyRingTests.swift · Tests/CoordinatorTests. The keys of a results directory: issued, kept, revoked, replaced; who may read them.

import Foundation
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Key ring") struct KeyRingTests {
    @Test("a key stays the same under its name, also for the next coordinator, until it is revoked") func issue() throws {
        let folder = try TemporaryFolder()
        var ring = try KeyRing(folder.path + "/keys")
        let ada = try ring.key(for: "ada"), bob = try ring.key(for: "bob")
        #expect(ada != bob)
        #expect(try ring.key(for: "ada") == ada)
        var next = try KeyRing(folder.path + "/keys")
        #expect(next.coordinator == ring.coordinator)
        #expect(next.workers == ["ada": ada, "bob": bob])
        #expect(next.name(of: bob.publicKey) == "bob")
        #expect(try next.revoke("ada") == ada.publicKey)
        #expect(try next.revoke("ada") == nil)
        #expect(try KeyRing(folder.path + "/keys").workers == ["bob": bob])
        #expect(try next.key(for: "ada") != ada)
    }

    @Test("rotated, no key is what it was") func rotate() throws {
        let folder = try TemporaryFolder()
        var ring = try KeyRing(folder.path + "/keys")
        let before = ring.coordinator
        _ = try ring.key(for: "ada")
        ring = try KeyRing(rotating: folder.path + "/keys")
        #expect(ring.coordinator != before)
        #expect(ring.workers.isEmpty)
        let read = try KeyRing(folder.path + "/keys")
        #expect(read.coordinator == ring.coordinator)
        #expect(read.workers.isEmpty)
    }

    @Test("files are the owner's alone, and looser ones are refused", arguments: ["coordinator.key", "workers.keys"])
    func modes(name: String) throws {
        let folder = try TemporaryFolder()
        var ring = try KeyRing(folder.path + "/keys")
        _ = try ring.key(for: "ada")
        let path = "\(folder.path)/keys/\(name)"
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect(throws: PrivateFileError.open(path: path, reason: "has mode 0644")) { try KeyRing(folder.path + "/keys") }
    }

    @Test("a broken file is named, not replaced") func broken() throws {
        let folder = try TemporaryFolder()
        _ = try KeyRing(folder.path + "/keys")
        try PrivateFile.write("nonsense\n", to: folder.path + "/keys/workers.keys")
        #expect(throws: PrivateFileError.self) { try KeyRing(folder.path + "/keys") }
        try PrivateFile.write("nonsense\n", to: folder.path + "/keys/coordinator.key")
        #expect(throws: PrivateFileError.self) { try KeyRing(folder.path + "/keys") }
        // As both errors advise.
        let new = try KeyRing(rotating: folder.path + "/keys")
        #expect(try KeyRing(folder.path + "/keys").coordinator == new.coordinator)
    }

    @Test("there are no more keys than can be read again") func full() throws {
        let folder = try TemporaryFolder()
        var ring = try KeyRing(folder.path + "/keys")
        try PrivateFile.write(
            (1...500).map { "\(String(repeating: "x", count: 60))\($0) \(SecretKey.random().secretText)\n" }.joined(),
            to: folder.path + "/keys/workers.keys")
        ring = try KeyRing(folder.path + "/keys")
        #expect(throws: PrivateFileError.self) { for number in 1...100 { _ = try ring.key(for: "guest-\(number)") } }
        #expect(try KeyRing(folder.path + "/keys").workers == ring.workers)
        #expect(try ring.revoke("guest-1") != nil)
        _ = try ring.key(for: "guest-200")
    }
}
