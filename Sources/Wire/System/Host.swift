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
        value(of: "model name", in: "/proc/cpuinfo").map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") } ?? "unknown"
    }

    /// Processors that this process may run on, at least 1: fewer than the host has under taskset, in a container or a batch system.
    public static var cores: Int {
        // One bit a processor, in hexadecimal words with commas between them.
        let mask = value(of: "Cpus_allowed", in: "/proc/self/status") ?? ""
        return max(1, mask.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) })
    }

    /// What stands behind the colon of the first line `NAME : VALUE` of a file; nil where there is no such line or file.
    private static func value(of name: String, in path: String) -> Substring? {
        guard let file = unsafe fopen(path, "re") else { return nil }
        defer { unsafe _ = fclose(file) }
        var line = [CChar](repeating: 0, count: 8192)
        while unsafe fgets(&line, CInt(line.count), file) != nil {
            let parts = text(line).split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0].split(whereSeparator: \.isWhitespace).joined(separator: " ") == name { return parts[1] }
        }
        return nil
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
