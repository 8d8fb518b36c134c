// Host.swift · Wire/System. Name of this host, for people only; the cores it allows this process; its limit of open files.

internal import Glibc

public enum Host {
    /// The host name; "unknown" where the system gives none.
    public static var name: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
        return text(buffer)
    }

    /// Cores that this process may use, at least 1: those that it may run on (taskset, a batch system), or fewer where its control group, or
    /// one around it, has a quota (a container). A part of a core counts as one: what it gives would be lost otherwise.
    ///
    /// `regsweep check` and `run` and the workers of other hosts all count cores by this.
    public static var cores: Int {
        let quota = CoreQuota.cores(groups: lines(of: "/proc/self/cgroup"), mounts: lines(of: "/proc/self/mountinfo"), read: lines)
        return max(1, min(affinity, quota.map { Int(min($0, 1e6).rounded(.up)) } ?? .max))
    }

    /// Processors that this process may run on, as far as they are switched on.
    private static var affinity: Int {
        let online = lines(of: "/sys/devices/system/cpu/online").first.map { CoreQuota.processors($0) }
        return CoreQuota.processors(String(value(of: "Cpus_allowed_list", in: "/proc/self/status") ?? "")).count {
            online?.contains($0) ?? true
        }
    }

    /// The lines of a file, without their ends; none where it cannot be read. Of a line of more than 8,190 bytes the rest is a line as well.
    private static func lines(of path: String) -> [String] {
        guard let file = unsafe fopen(path, "re") else { return [] }
        defer { unsafe _ = fclose(file) }
        var lines: [String] = [], line = [CChar](repeating: 0, count: 8192)
        while unsafe fgets(&line, CInt(line.count), file) != nil { lines.append(String(text(line).prefix { !$0.isNewline })) }
        return lines
    }

    /// The value of the first line `NAME : VALUE` of a file; nil where there is no such line or file.
    private static func value(of name: String, in path: String) -> Substring? {
        for line in lines(of: path) {
            let parts = line.split(separator: ":", maxSplits: 1)
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
