// TextFile.swift · Coordinator/Reporting. The files of a results directory, written whole or not at all.

internal import Glibc

/// A text file that appears under its name only when it is whole.
struct TextFile: ~Copyable {
    private let path: String
    private let descriptor: CInt
    private var buffer: [UInt8] = []
    private var isFinished = false

    init(_ path: String) throws(ReportError) {
        self.path = path
        descriptor = unsafe open(Self.temporary(path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .cannotWrite(path: path, reason: unsafe String(cString: strerror(errno))) }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        if !isFinished { Self.remove(Self.temporary(path)) }
    }

    /// The name of a file until it is whole. It has the number of this process in it, since a run and a report may write at the same time.
    static func temporary(_ path: String) -> String { "\(path).\(getpid()).part" }

    /// Keeps at most 64 KiB in memory.
    mutating func write(_ text: String) throws(ReportError) {
        buffer += Array(text.utf8)
        if buffer.count > 1 << 16 { try flush() }
    }

    private mutating func flush() throws(ReportError) {
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw .cannotWrite(path: path, reason: unsafe String(cString: strerror(errno))) }
            rest = rest.dropFirst(count)
        }
        buffer = []
    }

    /// Gives the file its name. A file that is destroyed before that leaves nothing.
    mutating func finish() throws(ReportError) {
        try flush()
        try Self.publish(path)
        isFinished = true
    }

    /// Renames the temporary file, which is whole now, over the one of that name.
    static func publish(_ path: String) throws(ReportError) {
        guard unsafe rename(Self.temporary(path), path) == 0 else {
            throw .cannotWrite(path: path, reason: unsafe String(cString: strerror(errno)))
        }
    }

    /// Does nothing where there is no such file.
    static func remove(_ path: String) { unsafe _ = unlink(path) }
}
