// Program.swift · Tests/ClusterTests. The two programs as a user starts them: real processes, watched through what they print.

import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

/// A process that was started, and everything it has printed so far.
final class Program: Sendable {
    struct End: Equatable { var code: Int32, output: String, errors: String }

    private struct Printed { var output = "", errors = "", open = 2 }

    /// Apart from the program, so that the threads that read do not keep it: a test that fails lets go of its programs, which ends them.
    private final class Reader: Sendable {
        let printed = Mutex(Printed())
        let news = NSCondition()

        func read(_ handle: FileHandle, _ keep: @escaping @Sendable (inout Printed, String) -> Void) {
            Thread.detachNewThread { [self] in
                // Not by FileHandle, which waits for more than what is there.
                var buffer = [UInt8](repeating: 0, count: 1 << 16)
                while case let count = Glibc.read(handle.fileDescriptor, &buffer, buffer.count), count > 0 {
                    note { keep(&$0, String(decoding: buffer.prefix(count), as: UTF8.self)) }
                }
                note { $0.open -= 1 }
            }
        }

        private func note(_ change: (inout Printed) -> Void) {
            printed.withLock { change(&$0) }
            news.lock()
            news.broadcast()
            news.unlock()
        }
    }

    private let process: Process
    private let reader = Reader()

    /// - Parameter name: `regsweep` or `regsweep-worker`, as built beside these tests.
    convenience init(_ name: String, _ arguments: [String], in directory: TemporaryFolder, environment: [String: String]? = nil) throws {
        try self.init(at: Self.path(of: name), arguments, in: directory, environment: environment)
    }

    init(at path: String, _ arguments: [String], in directory: TemporaryFolder, environment: [String: String]? = nil) throws {
        process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: directory.path)
        process.standardInput = FileHandle.nullDevice
        if let environment { process.environment = environment }
        let output = Pipe(), errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        reader.read(output.fileHandleForReading) { $0.output += $1 }
        reader.read(errors.fileHandleForReading) { $0.errors += $1 }
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// Where SwiftPM puts what it builds: these tests run from there as well.
    private static let folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    static func path(of name: String) -> String { folder.appending(path: name).path() }

    private func wait<T>(for what: String, _ look: (Printed) -> T?) throws -> T {
        let deadline = Date(timeIntervalSinceNow: patience)
        reader.news.lock()
        defer { reader.news.unlock() }
        while true {
            let now = reader.printed.withLock { $0 }
            if let found = look(now) { return found }
            guard now.open > 0, reader.news.wait(until: deadline) else {
                throw Failure(description: "no \(what) from \(process.arguments ?? []): \(now.output)\(now.errors)")
            }
        }
    }

    /// Waits until stderr has a text so many times.
    func errors(have text: String, times: Int = 1) throws {
        try wait(for: "\"\(text)\"") { $0.errors.components(separatedBy: text).count > times ? () : nil }
    }

    /// Waits until stdout has a text.
    func output(has text: String) throws { try wait(for: "\"\(text)\"") { $0.output.contains(text) ? () : nil } }

    /// Whether a text is on stderr by now.
    func hasSaid(_ text: String) -> Bool { reader.printed.withLock { $0.errors.contains(text) } }

    /// The word after a text on stderr, once it is there.
    func word(after text: String) throws -> String {
        try wait(for: "\"\(text)\"") { printed in
            guard let range = printed.errors.range(of: text) else { return nil }
            let rest = printed.errors[range.upperBound...]
            return rest.firstIndex(where: \.isWhitespace).map { String(rest[..<$0]) }
        }
    }

    /// The most memory that it has had so far, in bytes.
    func peakMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
        else { throw Failure(description: "no peak memory in \(status)") }
        return kibibytes << 10
    }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Waits for the end of the process and of what it prints.
    func end() throws -> End {
        try wait(for: "end") { $0.open == 0 ? () : nil }
        process.waitUntilExit()
        return reader.printed.withLock { End(code: process.terminationStatus, output: $0.output, errors: $0.errors) }
    }

    var isRunning: Bool { process.isRunning }
}

struct Failure: Error, CustomStringConvertible { let description: String }

extension TemporaryFolder {
    /// Runs `regsweep` to its end.
    func regsweep(_ arguments: String...) throws -> Program.End { try Program("regsweep", arguments, in: self).end() }

    /// A coordinator that starts no workers, and where workers find it.
    func coordinator(_ arguments: String...) throws -> (program: Program, endpoint: String) {
        let program = try Program("regsweep", ["run", "sweep.toml", "--workers", "0"] + arguments, in: self)
        return (program, try program.word(after: "regsweep-worker --connect "))
    }

    func worker(_ endpoint: String, _ arguments: String...) throws -> Program {
        try Program("regsweep-worker", ["--connect", endpoint, "--log-level", "debug"] + arguments, in: self)
    }
}
