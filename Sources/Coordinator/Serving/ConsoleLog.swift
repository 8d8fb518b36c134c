// ConsoleLog.swift · Coordinator/Serving. Log lines on a standard error that may show a progress bar.

internal import FoundationEssentials
internal import Logging
internal import Vocabulary
internal import Wire

/// Writes lines as swift-log's own handler does. On a terminal a line takes the place of the progress bar, which is drawn again below it.
struct ConsoleLog: LogHandler {
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let time = Date.now.formatted(.iso8601)
        Console.writeLine("\(Console.isTerminal ? "\r\u{1b}[K" : "")\(time) \(event.level) regsweep: \(event.message)")
    }
}
