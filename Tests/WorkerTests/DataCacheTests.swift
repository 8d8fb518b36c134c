// DataCacheTests.swift · Tests/WorkerTests. Files of data sets on a real disk: fetched in pieces, resumed, shared, broken and refused.

import FoundationEssentials
import Glibc
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep_worker

@Suite("DataCache") struct DataCacheTests {
    let directory: TemporaryFolder
    let content = Array("the content of a file".utf8)
    var file: Digest { Digest(of: content) }

    init() throws { directory = try TemporaryFolder() }

    @Test("a file is fetched in pieces, goes on where another process stopped, and is there under its hash for all") func fetch() throws {
        // A cache makes its folder itself.
        try FileManager.default.removeItem(atPath: directory.path)
        do {
            let cache = DataCache(directory.path)
            #expect(try cache.answer(.look(alone: false), file) == .part(0))
            #expect(try cache.answer(.write(Array(content[..<5]), at: 0), file) == .part(5))
            #expect(try directory.names() == ["\(file).part"])
            // Another process of this host: a lock belongs to the open file, so a second cache stands for it.
            #expect(try DataCache(directory.path).answer(.look(alone: false), file) == .busy)
            #expect(try DataCache(directory.path).answer(.look(alone: true), file) == .part(0))
        }
        try FileManager.default.removeItem(atPath: "\(directory.path)/\(file).part.\(ProcessInfo.processInfo.processIdentifier)")
        // The system drops the lock with the process; here the file is found without a lock.
        let part = try directory.bytes(of: "\(file).part")
        try FileManager.default.removeItem(atPath: "\(directory.path)/\(file).part")
        try directory.write(part, to: "\(file).part")
        let cache = DataCache(directory.path)
        #expect(try cache.answer(.look(alone: false), file) == .part(5))
        #expect(try cache.answer(.write(Array(content[5...]), at: 5), file) == .part(content.count))
        #expect(try cache.answer(.check, file) == .whole)
        #expect(try directory.names() == ["\(file)"])
        #expect(try cache.content(of: file) == content)
        let other = DataCache(directory.path)
        #expect(try other.answer(.look(alone: false), file) == .whole)
        try FileManager.default.removeItem(atPath: directory.path)
        // It is open: who cleans the cache disturbs no trial.
        #expect(try other.content(of: file) == content)
    }

    @Test("what does not match its hash is thrown away, on the disk as on the way") func wrong() throws {
        try directory.write(Array("another content of a file".utf8), to: "\(file)")
        let cache = DataCache(directory.path)
        #expect(try cache.answer(.look(alone: false), file) == .wrong)
        #expect(!directory.has("\(file)"))
        #expect(try cache.answer(.write(content.reversed(), at: 0), file) == .part(content.count))
        #expect(try cache.answer(.check, file) == .wrong)
        #expect(try directory.bytes(of: "\(file).part") == [])
        #expect(try cache.answer(.write(content, at: 0), file) == .part(content.count))
        #expect(try cache.answer(.check, file) == .whole)
    }

    @Test("who removes a file while it is fetched costs this process nothing, and another's half of it gets no name") func removed() throws
    {
        let cache = DataCache(directory.path), other = DataCache(directory.path)
        #expect(try cache.answer(.look(alone: false), file) == .part(0))
        #expect(try cache.answer(.write(content, at: 0), file) == .part(content.count))
        try FileManager.default.removeItem(atPath: "\(directory.path)/\(file).part")
        // Another process of this host begins it anew, and is not ready.
        #expect(try other.answer(.look(alone: false), file) == .part(0))
        #expect(try other.answer(.write(Array(content[..<5]), at: 0), file) == .part(5))
        #expect(try cache.answer(.check, file) == .whole)
        #expect(try directory.names() == ["\(file).part"])
        #expect(try cache.content(of: file) == content)
        #expect(try other.answer(.write(Array(content[5...]), at: 5), file) == .part(content.count))
        #expect(try other.answer(.check, file) == .whole)
        #expect(try directory.names() == ["\(file)"])

        // The same where nobody begins it anew, and with the whole directory.
        for name in ["\(file).part", ""] {
            try FileManager.default.removeItem(atPath: directory.path)
            let alone = DataCache(directory.path)
            #expect(try alone.answer(.look(alone: false), file) == .part(0))
            try FileManager.default.removeItem(atPath: "\(directory.path)/\(name)")
            #expect(try alone.answer(.write(content, at: 0), file) == .part(content.count))
            #expect(try alone.answer(.check, file) == .whole)
            #expect(try alone.content(of: file) == content)
            try FileManager.default.createDirectory(atPath: directory.path, withIntermediateDirectories: true)
        }
    }

    @Test("one that waits too long fetches for itself, and both come to the same end") func alone() throws {
        let slow = DataCache(directory.path), cache = DataCache(directory.path)
        #expect(try slow.answer(.look(alone: false), file) == .part(0))
        #expect(try cache.answer(.look(alone: true), file) == .part(0))
        #expect(try cache.answer(.write(content, at: 0), file) == .part(content.count))
        #expect(try cache.answer(.check, file) == .whole)
        #expect(try slow.answer(.write(content, at: 0), file) == .part(content.count))
        #expect(try slow.answer(.check, file) == .whole)
        #expect(try directory.names() == ["\(file)"])
    }

    @Test("what a killed process fetched for itself is removed, as is a part of a file that is whole; a part that can go on is not")
    func leftOver() throws {
        let whole = Digest(of: "whole")
        try directory.write(Array("whole".utf8), to: "\(whole)")
        let stays = ["\(whole)", "\(file).part", "\(file).part.txt.1", "notes.part"]
        for name in ["\(whole).part", "\(whole).part.7", "\(file).part.1"] + stays.dropFirst() { try directory.write([1], to: name) }
        let cache = DataCache(directory.path)
        #expect(try cache.answer(.look(alone: false), file) == .part(1))
        #expect(try directory.names() == stays.sorted())
    }

    @Test("a home where nothing can be made is passed over, one that is not there yet is not, and looking makes nothing") func places()
        throws
    {
        #expect(DataCache.xdgDirectories(base: "/c", home: "/h") == ["/c/regsweep", "/h/.cache/regsweep"])
        #expect(DataCache.xdgDirectories(base: "c", home: nil) == [])
        #expect(DataCache.isUsable(directory.path) && DataCache.isUsable(directory.path + "/a/b"))
        #expect(try directory.names() == [])
        // Below a file, and where not even root can make one.
        try directory.write([], to: "file")
        #expect(!DataCache.isUsable(directory.path + "/file") && !DataCache.isUsable(directory.path + "/file/a"))
        #expect(!DataCache.isUsable("/dev/null/regsweep"))
    }

    @Test("a place that cannot be used and a disk that is full are told with what to do") func refused() throws {
        guard case .failed(let reason) = try DataCache("/dev/null/cache").answer(.look(alone: false), file) else {
            Issue.record("/dev/null is no directory")
            return
        }
        #expect(
            reason == "cannot make /dev/null/cache: Not a directory; XDG_CACHE_HOME, or --cache of regsweep-worker, names another place")
        // The device that is always full, in the place of the file.
        try directory.write([], to: "x")
        // A node of this test's own where it may make one: another run of these tests may have the lock of /dev/full, which all share.
        if mknod("\(directory.path)/\(file).part", S_IFCHR | 0o600, 1 << 8 | 7) != 0 {
            try FileManager.default.createSymbolicLink(atPath: "\(directory.path)/\(file).part", withDestinationPath: "/dev/full")
        }
        let cache = DataCache(directory.path)
        var news = try cache.answer(.look(alone: false), file)
        for _ in 0..<100 where news == .busy {
            try Poller.wait(for: Mailbox<Void>().wakeSignal, atMost: .milliseconds(100))
            news = try cache.answer(.look(alone: false), file)
        }
        #expect(news == .part(0))
        #expect(
            try cache.answer(.write(content, at: 0), file)
                == .failed(
                    reason:
                        "cannot write data into \(directory.path): No space left on device; XDG_CACHE_HOME, or --cache of regsweep-worker, names another place"
                ))
    }
}
