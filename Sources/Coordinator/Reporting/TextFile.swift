// TextFile.swift · Coordinator/Reporting. The files of a results directory, written whole or not at all.

internal import Wire

/// A text file that appears under its name only when it is whole. What fails is remembered: the pass that fills several files and collects
/// the numbers for the terminal goes on without this one, and `finish` throws it.
struct TextFile: ~Copyable {
    private var file: OutputFile?
    private var buffer: [UInt8] = []
    private var failure: FileError?

    init(_ path: String) {
        do { file = try OutputFile(regular: path) } catch { failure = error }
    }

    /// Keeps at most 64 KiB in memory.
    mutating func write(_ text: String) {
        guard failure == nil else { return }
        buffer += Array(text.utf8)
        if buffer.count > 1 << 16 { flush() }
    }

    private mutating func flush() {
        guard failure == nil else { return }
        do throws(FileError) { try file?.write(buffer) } catch {
            failure = error
            // Gives its room back, on a disk that may be full.
            file = nil
        }
        buffer = []
    }

    /// Gives the file its name. A file that is destroyed before that leaves nothing.
    mutating func finish() throws(ReportError) {
        flush()
        do throws(FileError) {
            if let failure { throw failure }
            try file?.finish()
        } catch { throw ReportError(error) }
    }
}
