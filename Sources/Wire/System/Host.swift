// Host.swift · Wire/System. What this host calls itself and its processor, words for people on which no decision rests; and what it allows.

internal import Glibc

public enum Host {
    public static var name: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
        return text(buffer)
    }

    /// As the first entry of /proc/cpuinfo names it.
    public static var processor: String {
        guard let file = unsafe fopen("/proc/cpuinfo", "re") else { return "unknown" }
        defer { unsafe _ = fclose(file) }
        var line = [CChar](repeating: 0, count: 8192)
        while unsafe fgets(&line, CInt(line.count), file) != nil {
            let parts = text(line).split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].hasPrefix("model name") else { continue }
            return parts[1].split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
        return "unknown"
    }

    /// Every connection of a coordinator is an open file. The soft limit, commonly 1,024, is there for programs that use `select`; this
    /// process takes what the hard one allows.
    public static func allowManyFiles() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        unsafe _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private static func text(_ buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
