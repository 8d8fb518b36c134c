// ConsoleLogTests.swift · Tests/WireTests. The time in a line of the log.

import Testing

@testable import Wire

@Suite("Console log") struct ConsoleLogTests {
    @Test("a time is written in UTC to the second, whatever the time zone of the host") func timestamp() {
        #expect(ConsoleLog.timestamp(0) == "1970-01-01T00:00:00Z")
        #expect(ConsoleLog.timestamp(1_795_867_526) == "2026-11-28T12:05:26Z")
    }
}
