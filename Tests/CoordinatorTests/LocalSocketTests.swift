// LocalSocketTests.swift · Tests/CoordinatorTests. The socket of local workers, which a cleaner of temporary files may remove: with real
// sockets and files.

import Foundation
import Logging
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Local socket") struct LocalSocketTests {
    private let folder: TemporaryFolder
    private let context: Context

    init() throws {
        folder = try TemporaryFolder()
        context = try Context()
    }

    private var path: String { folder.path + "/sockets/a" }

    /// Makes the folder as a coordinator does, and names the socket in it.
    private func findPath() throws -> String {
        try FileManager.default.createDirectory(atPath: folder.path + "/sockets", withIntermediateDirectories: true)
        return path
    }

    /// Whether a worker that comes now is heard.
    private func isHeard(by router: borrowing RouterSocket) throws -> Bool {
        let worker = try DealerSocket(connectedTo: "ipc://" + path, in: context), idle = try WakeSignal()
        for _ in 0..<100 {
            try router.answerHandshakes()
            if (try? worker.send([1])) != nil { break }
            try Poller.wait(for: idle, atMost: .milliseconds(20))
        }
        for _ in 0..<50 {
            if try router.receive() != nil { return true }
            try Poller.wait(for: idle, atMost: .milliseconds(20))
        }
        return false
    }

    @Test("it is made again, with its folder, within a second after either was removed", arguments: [false, true])
    func madeAgain(withFolder: Bool) throws {
        let router = try RouterSocket(in: context)
        func bind(_ endpoint: String) throws { _ = try router.bind(endpoint) }
        var socket = try LocalSocket(at: findPath, bind: bind)
        #expect(socket.endpoint == "ipc://" + path)
        #expect(try isHeard(by: router))
        #expect(socket.tend(at: Instant(sinceStart: .zero), bind: bind) == nil)
        try FileManager.default.removeItem(atPath: withFolder ? folder.path + "/sockets" : path)
        // Not before a second is over.
        #expect(
            socket.tend(at: Instant(sinceStart: .milliseconds(999)), bind: bind) == nil && !FileManager.default.fileExists(atPath: path))
        let line = socket.tend(at: Instant(sinceStart: .seconds(1)), bind: bind)
        #expect(line?.level == .warning && line?.text.contains("was made again at \(path)") == true)
        #expect(try isHeard(by: router))
        #expect(socket.tend(at: Instant(sinceStart: .seconds(2)), bind: bind) == nil)
    }

    @Test("another file of the name is not this socket") func replaced() throws {
        let router = try RouterSocket(in: context)
        func bind(_ endpoint: String) throws { _ = try router.bind(endpoint) }
        var socket = try LocalSocket(at: findPath, bind: bind)
        try FileManager.default.removeItem(atPath: path)
        try "".write(toFile: path, atomically: false, encoding: .utf8)
        #expect(socket.tend(at: Instant(sinceStart: .zero), bind: bind)?.level == .warning)
        #expect(try isHeard(by: router))
    }

    @Test("where it cannot be made again that is said once, with the reason, and tried each second") func cannot() throws {
        struct Reason: Error, CustomStringConvertible { var description: String { "the disk is read-only" } }
        let router = try RouterSocket(in: context)
        func bind(_ endpoint: String) throws { _ = try router.bind(endpoint) }
        var socket = try LocalSocket(at: findPath, bind: bind)
        try FileManager.default.removeItem(atPath: path)
        var lines: [LogLine] = [], tries = 0
        for second in 0..<3 {
            let line = socket.tend(at: Instant(sinceStart: .seconds(second))) { _ in
                tries += 1
                throw Reason()
            }
            if let line { lines.append(line) }
        }
        #expect(lines.map(\.level) == [.error] && lines[0].text.contains("cannot be made again: the disk is read-only") && tries == 3)
        #expect(socket.tend(at: Instant(sinceStart: .seconds(3)), bind: bind)?.level == .warning)
    }
}
