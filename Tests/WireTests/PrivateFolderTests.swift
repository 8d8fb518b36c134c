// PrivateFolderTests.swift · Tests/WireTests. Folders of one user in places where others may write too, and what killed processes leave: real
// files, and other users where the test may make some.

import Foundation
import Glibc
import TestSupport
import Testing

@testable import Wire

@Suite("Private folders") struct PrivateFolderTests {
    let scratch: TemporaryFolder
    private let sockets = PrivateFolder.Purpose.sockets(name: 16)

    init() throws { scratch = try TemporaryFolder() }

    private func directory(_ name: String, mode: Int = 0o700) throws -> String {
        try FileManager.default.createDirectory(atPath: scratch.path(of: name), withIntermediateDirectories: true)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: scratch.path(of: name))
        return scratch.path(of: name)
    }

    @Test("the places are those of the environment, then /tmp; relative paths are none, and large files do not go to the runtime directory")
    func places() {
        func places(_ purpose: PrivateFolder.Purpose, _ runtime: String?, _ temporary: String?) -> [String] {
            PrivateFolder.places(for: purpose, runtime: runtime, temporary: temporary)
        }
        #expect(places(sockets, "/run/user/7", "/scratch") == ["/run/user/7", "/scratch", "/tmp"])
        #expect(places(.files, "/run/user/7", "/scratch") == ["/scratch", "/tmp"])
        #expect(places(sockets, nil, "/tmp") == ["/tmp"])
        #expect(places(sockets, "/run//user/7/", "/tmp/") == ["/run/user/7", "/tmp"])
        #expect(places(sockets, "here", "") == ["/tmp"])
    }

    @Test("a folder is made with mode 0700 under a name that nobody knows before, and found again") func found() throws {
        let place = try directory("place"), first = try PrivateFolder.shared("t", for: sockets, in: [place])
        #expect(first.hasPrefix("\(place)/t-\(geteuid())-") && PrivateFolder.isOwn(first))
        #expect(try PrivateFolder.shared("t", for: sockets, in: [place]) == first)
        #expect(try PrivateFolder.shared("u", for: sockets, in: [place]) != first)
        #expect(PrivateFolder.existing("t", in: [place, "/nowhere"]) == [first])
        rmdir(first)
        #expect(PrivateFolder.restore(first) && PrivateFolder.isOwn(first))
        #expect(!PrivateFolder.restore("\(place)/nowhere/t") && !PrivateFolder.restore("t"))
        #expect(try PrivateFolder.new("t", in: [place]) != first)
        // Nobody used it, so it was left over.
        #expect(!PrivateFolder.isOwn(first))
    }

    @Test("what another user may have laid under such a name is gone around") func strangers() throws {
        let place = try directory("place"), elsewhere = try directory("elsewhere"), prefix = "\(place)/t-\(geteuid())-"
        try FileManager.default.createSymbolicLink(atPath: prefix + "aaaaaa", withDestinationPath: elsewhere)
        _ = try directory("place/t-\(geteuid())-bbbbbb", mode: 0o770)
        try scratch.write("", to: "place/t-\(geteuid())-cccccc")
        var laid = ["aaaaaa", "bbbbbb", "cccccc"]
        if geteuid() == 0 {
            chown(try directory("place/t-0-dddddd"), 65534, 65534)
            laid.append("dddddd")
        }
        let own = try PrivateFolder.shared("t", for: sockets, in: [place])
        #expect(PrivateFolder.isOwn(own))
        for name in laid { #expect(own != prefix + name && !PrivateFolder.isOwn(prefix + name)) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere).isEmpty)
    }

    @Test("a place where others may exchange what lies there is gone around, and so is one that is missing or too long") func badPlaces()
        throws
    {
        let good = try directory("good"), loose = try directory("loose", mode: 0o777),
            long = try directory(String(repeating: "x", count: 90))
        #expect(try PrivateFolder.shared("t", for: sockets, in: ["/nowhere", loose, long, good]).hasPrefix(good))
        // As /tmp has it.
        chmod(loose, 0o1777)
        #expect(try PrivateFolder.shared("t", for: sockets, in: [loose, good]).hasPrefix(loose))
        #expect(try PrivateFolder.shared("t", for: .files, in: [long]).hasPrefix(long))
        let error = #expect(throws: PrivateFolderError.self) { try PrivateFolder.shared("t", for: sockets, in: ["/nowhere", long]) }
        #expect(error?.description.contains("/nowhere: No such file or directory; \(long): too long") == true)
        #expect(error?.description.contains("set TMPDIR") == true)
    }

    @Test("a socket at which nobody listens is removed, one at which somebody does is not, and files never are") func stale() throws {
        let folder = try directory("s")
        do {
            let dead = try RouterSocket(in: try Context())
            _ = try dead.bind("ipc://\(folder)/dead")
            // As a killed process leaves it: libzmq does not remove it either.
        }
        let alive = try RouterSocket(in: try Context())
        _ = try alive.bind("ipc://\(folder)/alive")
        try scratch.write("", to: "s/file")
        if !scratch.has("s/dead") {
            let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: "\(folder)/dead".utf8) }
            let code = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
            }
            #expect(code == 0)
        }
        #expect(SocketProbe.isListening(at: "\(folder)/alive") && !SocketProbe.isListening(at: "\(folder)/dead"))
        #expect(!SocketProbe.isListening(at: "\(folder)/none") && !SocketProbe.isListening(at: folder + String(repeating: "x", count: 200)))
        SocketProbe.removeStale(in: folder)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["alive", "file"])
    }

    @Test("unfinished files are removed once nobody writes in their directory") func unfinished() throws {
        let folder = try directory("f")
        let unfinished = [".dat.nosync1a2b.3c", "results.csv.17.part", "workers.keys.400.part"]
        let others = ["a.part", "archive.2.part", "notes.part.txt", "x.csv.1a.part", "results.csv"]
        for name in unfinished + others { try scratch.write("", to: "f/\(name)") }
        try FileManager.default.createSymbolicLink(atPath: "\(folder)/link.csv.1.part", withDestinationPath: "\(folder)/results.csv")
        do {
            let lock = WritingLock(folder), another = WritingLock(folder)
            LeftOver.remove(in: folder)
            _ = consume lock
            LeftOver.remove(in: folder)
            _ = consume another
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 9)
        LeftOver.remove(in: folder)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == (others + ["link.csv.1.part"]).sorted())
        LeftOver.remove(in: "/nowhere")
    }

    @Test("what this process has not finished is not taken for left over") func beingWritten() throws {
        let folder = try directory("f")
        var file = try OutputFile(regular: "\(folder)/table.csv")
        try file.write(Array("a".utf8))
        LeftOver.remove(in: folder)
        try file.finish()
        _ = consume file
        #expect(try scratch.read("f/table.csv") == "a")
        _ = try OutputFile(regular: "\(folder)/other.csv")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["table.csv"])
    }

    @Test("a secret or a model that is written again takes with it what was left over of it, and nothing else", arguments: [false, true])
    func writtenAgain(isSecret: Bool) throws {
        let folder = try directory("f"), path = "\(folder)/model"
        for name in ["model.7.part", "model.x.part", "other.7.part"] { try scratch.write("", to: "f/\(name)") }
        if isSecret { try PrivateFile.write("a", to: path) } else { try OutputFile.write(Array("a".utf8), to: path) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["model", "model.x.part", "other.7.part"])
    }
}
