// CoreQuotaTests.swift · Tests/WireTests. How many cores control groups allow, as texts of /proc and of their files.

import Testing

@testable import Wire

@Suite("Core quota") struct CoreQuotaTests {
    private func cores(_ groups: String, _ mounts: String, _ files: [String: String]) -> Double? {
        func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }
        return CoreQuota.cores(groups: lines(groups), mounts: lines(mounts)) { files[$0].map(lines) ?? [] }
    }

    private let two = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
    private let one = """
        31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
        34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
        """

    private func version1(_ folder: String, _ quota: Int, _ period: Int = 100_000) -> [String: String] {
        ["\(folder)/cpu.cfs_quota_us": "\(quota)\n", "\(folder)/cpu.cfs_period_us": "\(period)\n"]
    }

    @Test("version 2: the least of a group and all around it; max is no limit") func version2() {
        let group = "0::/user.slice/job 7\n"
        #expect(cores(group, two, [:]) == nil)
        #expect(cores(group, two, ["/sys/fs/cgroup/user.slice/job 7/cpu.max": "max 100000\n"]) == nil)
        var files = ["/sys/fs/cgroup/user.slice/job 7/cpu.max": "400000 100000\n"]
        #expect(cores(group, two, files) == 4)
        files["/sys/fs/cgroup/user.slice/cpu.max"] = "75000 50000\n"
        #expect(cores(group, two, files) == 1.5)
        files["/sys/fs/cgroup/cpu.max"] = "25000 50000\n"
        #expect(cores(group, two, files) == 0.5)
    }

    @Test("version 1: the controller cpu, wherever it is mounted; −1 is no limit") func version1() {
        let groups = "4:cpuset:/a\n2:cpu,cpuacct:/a/b\n1:name=systemd:/x\n0::/x\n", cpu = "/sys/fs/cgroup/cpu,cpuacct"
        #expect(cores(groups, one, version1("\(cpu)/a/b", -1)) == nil)
        #expect(cores(groups, one, version1("\(cpu)/a/b", 200_000)) == 2)
        #expect(cores(groups, one, version1("\(cpu)/a/b", 200_000).merging(version1("\(cpu)/a", 30_000, 20_000)) { $1 }) == 1.5)
        #expect(cores(groups, one, version1("/sys/fs/cgroup/cpuset/a", 100_000)) == nil)
    }

    @Test("in a container the group's path may be that of the host, and the mount that of the group") func container() {
        let mount = "32 31 0:29 /docker/7 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu", folder = "/sys/fs/cgroup/cpu"
        #expect(cores("2:cpu:/docker/7\n", mount, version1(folder, 100_000)) == 1)
        #expect(cores("2:cpu:/docker/7/a\n", mount, version1("\(folder)/a", 100_000)) == 1)
        // Elsewhere, as far as this process is told: what is at the top counts.
        #expect(cores("2:cpu:/elsewhere\n", mount, version1(folder, 100_000)) == 1)
        #expect(cores("0::/../x\n", two, ["/sys/fs/cgroup/cpu.max": "50000 100000"]) == 0.5)
    }

    @Test("both versions at once: the least counts") func hybrid() {
        let mounts = one + "\n" + two.replacing("/sys/fs/cgroup ", with: "/sys/fs/cgroup/unified ")
        let files = version1("/sys/fs/cgroup/cpu,cpuacct/a", 300_000).merging(["/sys/fs/cgroup/unified/b/cpu.max": "200000 100000"]) { $1 }
        #expect(cores("2:cpu,cpuacct:/a\n0::/b\n", mounts, files) == 2)
        #expect(cores("2:cpu,cpuacct:/a\n", mounts, files) == 3)
    }

    @Test("spaces in a path are read, and what is no limit is none") func oddities() {
        let mount = #"30 23 0:26 / /my\040groups rw - cgroup2 none rw"#
        #expect(cores("0::/\n", mount, ["/my groups/cpu.max": "100000 100000"]) == 1)
        for text in ["", "max", "100000", "0 100000", "100000 0", "-1 100000", "nan 1", "a b"] {
            #expect(cores("0::/\n", two, ["/sys/fs/cgroup/cpu.max": text]) == nil, "\(text)")
        }
        #expect(cores("nonsense\n0:/\n", "1 2 3\n- - - - - - -\n", [:]) == nil)
    }

    @Test("lists of processors are read") func processors() {
        #expect(CoreQuota.processors("0-3,8") == [0, 1, 2, 3, 8])
        #expect(CoreQuota.processors("\t5\n") == [5])
        #expect(CoreQuota.processors("") == [] && CoreQuota.processors("x,3-1") == [])
    }

    @Test("this host has at least one core for this process") func here() { #expect(Host.cores >= 1) }
}
