// OutputTests.swift · Tests/WireTests. What is printed waits for its reader in a queue, and nobody else waits.

import Glibc
import Testing

@testable import Wire

@Suite("Output") struct OutputTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("texts are kept whole and in order, and what is left out beyond the bound is counted once room is there again") func bound() {
        var pending = PendingOutput(limit: 10)
        #expect(pending.isEmpty)
        pending.add("first\n")
        pending.add("more\n")
        // One would fit, but not after one that is missing.
        pending.add("2\n")
        #expect(!pending.isEmpty)
        #expect(text(pending.takeAll()) == "first\n(2 lines were left out here: for too long nobody read what is printed)\n")
        #expect(pending.isEmpty && pending.takeAll() == [])
        pending.add("again\n")
        #expect(text(pending.takeAll()) == "again\n")
    }

    @Test("of a progress bar the newest drawing waits, until a text takes its place") func drawing() {
        var pending = PendingOutput(limit: 100)
        pending.add("line\n")
        pending.draw("\r10 %")
        pending.draw("\r20 %")
        #expect(text(pending.takeAll()) == "line\n\r20 %")
        pending.draw("\r30 %")
        pending.add("last\n")
        #expect(text(pending.takeAll()) == "last\n")
    }

    /// A pipe whose reader is this test.
    private struct Reader: ~Copyable {
        let reading: CInt, writing: CInt

        init() throws {
            var ends: [CInt] = [0, 0]
            try #require(pipe(&ends) == 0)
            (reading, writing) = (ends[0], ends[1])
            _ = fcntl(reading, F_SETFL, O_NONBLOCK)
        }

        deinit {
            close(reading)
            close(writing)
        }

        /// Everything that is in the pipe now.
        func readAll() -> [UInt8] {
            var bytes: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 1 << 16)
            while case let count = read(reading, &buffer, buffer.count), count > 0 { bytes += buffer.prefix(count) }
            return bytes
        }
    }

    @Test("a text is written when the call returns, where somebody reads") func inOrder() throws {
        let pipe = try Reader(), queue = OutputQueue(to: pipe.writing, limit: 1 << 16)
        queue.write("one\n")
        queue.write("two\n")
        #expect(queue.finish(patience: .seconds(60)))
        #expect(text(pipe.readAll()) == "one\ntwo\n")
    }

    @Test("nobody waits for a pipe that is full; once it is read, what was kept comes, whole and in order") func fullPipe() throws {
        let pipe = try Reader(), queue = OutputQueue(to: pipe.writing, limit: 1 << 16)
        let lines = (0..<10_000).map { "line \($0) \(String(repeating: "x", count: 80))\n" }
        // 900 KB, where pipe and queue hold 200 KB at the most. Written in place the first 64 KiB would be the last.
        for line in lines { queue.write(line) }
        #expect(!queue.finish(patience: .milliseconds(100)))
        var bytes: [UInt8] = []
        while !queue.finish(patience: .milliseconds(10)) { bytes += pipe.readAll() }
        bytes += pipe.readAll()
        let written = text(bytes).split(separator: "\n"), kept = written.count - 1
        #expect(written.prefix(kept).elementsEqual(lines.prefix(kept).map { $0.dropLast() }))
        #expect(written.last == "(\(lines.count - kept) lines were left out here: for too long nobody read what is printed)")
        queue.write("after\n")
        #expect(queue.finish(patience: .seconds(60)) && text(pipe.readAll()) == "after\n")
    }

    @Test("a reader that is gone costs what it would have read") func gone() throws {
        Console.prepare()
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        let queue = OutputQueue(to: ends[1], limit: 1 << 16)
        close(ends[0])
        for _ in 0..<1000 { queue.write(String(repeating: "x", count: 1000)) }
        #expect(queue.finish(patience: .seconds(60)))
        close(ends[1])
    }
}

@Suite("Requests to end") struct EndRequestTests {
    @Test("a signal that whoever started the process has it ignore stays ignored, except SIGTERM") func ignored() {
        #expect(EndRequests.caught(ignored: []) == [SIGINT, SIGTERM, SIGHUP])
        #expect(EndRequests.caught(ignored: [SIGHUP]) == [SIGINT, SIGTERM])
        #expect(EndRequests.caught(ignored: [SIGINT]) == [SIGTERM, SIGHUP])
        #expect(EndRequests.caught(ignored: [SIGHUP, SIGINT, SIGTERM]) == [SIGTERM])
    }

    @Test(
        "a terminal that is closed asks once, however often it is told; Ctrl-C and SIGTERM ask each time",
        arguments: [
            ([SIGINT, SIGINT], 2), ([SIGTERM, SIGINT], 2), ([SIGHUP, SIGHUP, SIGHUP], 1), ([SIGTERM, SIGHUP], 1), ([SIGHUP, SIGTERM], 2),
        ])
    func counts(signals: [CInt], count: Int) {
        var requests = EndRequests()
        #expect(signals.count { requests.counts($0) } == count)
    }
}
