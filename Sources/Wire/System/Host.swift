// Host.swift · Wire/System. Name of this host, for people only; the cores it allows this process; its limit of open files.

internal import Glibc

public enum Host {
    /// The host name; "unknown" where the system gives none.
    public static var name: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
        return text(buffer)
    }

    /// Processors that this process may run on, at least 1: fewer than the host has under taskset, in a container or a batch system.
    public static var cores: Int {
        // A hexadecimal mask with one bit for each processor, and commas between its parts.
        let mask = value(of: "Cpus_allowed", in: "/proc/self/status") ?? ""
        return max(1, mask.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) })
    }

    /// The value of the first line `NAME : VALUE` of a file; nil where there is no such line or file.
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

    /// Raises the soft limit of open files to the hard one: each connection of a coordinator is an open file. The soft limit, commonly
    /// 1,024, protects programs that use `select`, which this one does not.
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
