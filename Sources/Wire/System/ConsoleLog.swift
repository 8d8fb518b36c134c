// ConsoleLog.swift · Wire/System. The log of both programs: lines on a standard error that may show a progress bar.

internal import Glibc
public import Logging

/// Writes a line as `TIME LEVEL PROGRAM: MESSAGE`, the time in UTC. On a terminal a line takes the place of the progress bar, which the
/// coordinator draws again below it.
public struct ConsoleLog: LogHandler {
    private let program: String
    public var logLevel = Logger.Level.info
    public var metadata: Logger.Metadata = [:]

    /// - Parameter program: the name that each line shows.
    public init(program: String) { self.program = program }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let time = Self.timestamp(Glibc.time(nil))
        Console.writeLine("\(Console.isTerminal ? "\r\u{1b}[K" : "")\(time) \(event.level) \(program): \(event.message)")
    }

    /// - Parameter seconds: since 1970-01-01 00:00 UTC.
    /// - Returns: the time in UTC as ISO 8601 writes it, such as `2026-11-28T12:05:26Z`.
    static func timestamp(_ seconds: time_t) -> String {
        var seconds = seconds, parts = unsafe tm(), text = [CChar](repeating: 0, count: 32)
        // Sound: gmtime_r fills the parts, and strftime writes at most as many bytes as the array has, with a zero at the end.
        unsafe _ = gmtime_r(&seconds, &parts)
        let count = unsafe strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
