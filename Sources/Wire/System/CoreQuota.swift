// CoreQuota.swift · Wire/System, used by Host. How much computing time a control group allows this process, in cores: of version 1 or 2, and of
// every group around it. Reads texts, so its tests are plain values.

enum CoreQuota {
    /// A file system of control groups, as /proc/self/mountinfo has it.
    private struct Mount {
        /// The group that lies at the top of it, which in a container is often that of the container itself.
        var root: String
        var path: String
        var isVersion2: Bool
    }

    /// Cores' worth of time that this process may use; nil where no group has a limit.
    /// - Parameters:
    ///   - groups: /proc/self/cgroup.
    ///   - mounts: /proc/self/mountinfo.
    ///   - read: the lines of a file; none where it cannot be read.
    static func cores(groups: [String], mounts: [String], read: (String) -> [String]) -> Double? {
        let mounts = mounts.compactMap(mount)
        var least: Double?
        for line in groups {
            // NUMBER:CONTROLLERS:GROUP; version 2 has the number 0 and no controllers.
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isVersion2 = parts[0] == "0" && parts[1].isEmpty
            guard isVersion2 || parts[1].split(separator: ",").contains("cpu") else { continue }
            for mount in mounts where mount.isVersion2 == isVersion2 {
                for folder in folders(String(parts[2]), mount) {
                    guard let cores = isVersion2 ? maximum(in: folder, read) : quota(in: folder, read) else { continue }
                    least = min(least ?? cores, cores)
                }
            }
        }
        return least
    }

    /// Reads a list of processors, such as `0-3,8`.
    static func processors(_ list: String) -> Set<Int> {
        var processors: Set<Int> = []
        for part in list.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            let bounds = part.split(separator: "-").compactMap { Int($0) }
            guard let first = bounds.first, let last = bounds.last, first <= last, last < 1 << 16 else { continue }
            processors.formUnion(first...last)
        }
        return processors
    }

    /// Nil for a line of another file system.
    private static func mount(_ line: String) -> Mount? {
        let fields = line.split(separator: " ")
        guard fields.count > 6, let dash = fields.dropFirst(6).firstIndex(of: "-"), fields.count > dash + 3 else { return nil }
        let isVersion2 = fields[dash + 1] == "cgroup2"
        guard isVersion2 || fields[dash + 1] == "cgroup" && fields[dash + 3].split(separator: ",").contains("cpu") else { return nil }
        return Mount(root: unescaped(fields[3]), path: unescaped(fields[4]), isVersion2: isVersion2)
    }

    /// Spaces and the like are written as `\040`, a backslash and three octal digits.
    private static func unescaped(_ text: Substring) -> String {
        var bytes: [UInt8] = [], rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The folders of a group and of all groups around it, as far as they can be seen.
    private static func folders(_ group: String, _ mount: Mount) -> [String] {
        let root = mount.root.split(separator: "/"), names = group.split(separator: "/")
        // A group outside of what is mounted cannot be looked into, but those at the top of the mount are around it.
        let below = names.starts(with: root) && !names.contains("..") ? names.dropFirst(root.count) : []
        return (0...below.count).map { depth in below.prefix(depth).reduce(mount.path) { "\($0)/\($1)" } }
    }

    /// Version 2: `max 100000` or `50000 100000`, the time and its period in microseconds.
    private static func maximum(in folder: String, _ read: (String) -> [String]) -> Double? {
        let words = read("\(folder)/cpu.max").first?.split(separator: " ") ?? []
        return words.count == 2 ? ratio(words[0], words[1]) : nil
    }

    /// Version 1: −1 for no limit.
    private static func quota(in folder: String, _ read: (String) -> [String]) -> Double? {
        guard let quota = read("\(folder)/cpu.cfs_quota_us").first, let period = read("\(folder)/cpu.cfs_period_us").first else {
            return nil
        }
        return ratio(quota[...], period[...])
    }

    private static func ratio(_ time: Substring, _ period: Substring) -> Double? {
        guard let time = Double(time), let period = Double(period), time > 0, period > 0, time.isFinite, period.isFinite else { return nil }
        return time / period
    }
}
