// Processor.swift · Worker. What this box is, as far as Hello tells it.

internal import Glibc

enum Processor {
    static var name: String { field("model name") ?? "unknown" }

    static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Of the first processor in /proc/cpuinfo.
    private static func field(_ name: String) -> String? {
        guard let file = unsafe fopen("/proc/cpuinfo", "re") else { return nil }
        defer { unsafe _ = fclose(file) }
        var line = [CChar](repeating: 0, count: 8192)
        while unsafe fgets(&line, CInt(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            let parts = text.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].trimmed == name else { continue }
            return parts[1].trimmed
        }
        return nil
    }
}

extension Substring {
    fileprivate var trimmed: String {
        var text = self
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text.drop(while: \.isWhitespace))
    }
}
