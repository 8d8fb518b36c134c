// DistTests.swift · Tests/ClusterTests. What `make dist` builds, in a root directory that has nothing else but the C and C++ libraries.

import Foundation
import Glibc
import TestSupport
import Testing
import Vocabulary
import Wire

private enum Portable {
    static let folder = Checkout.path(of: "dist")

    /// Nil when the test can run, otherwise why it is skipped.
    static let complaint: String? = {
        guard geteuid() == 0 else { return "needs root for chroot" }
        return access("\(folder)/regsweep-worker", X_OK) == 0 ? nil : "needs what make dist builds"
    }()
}

@Suite("Portable programs", .enabled(if: Portable.complaint == nil, Comment(rawValue: Portable.complaint ?? ""))) struct DistTests {
    let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    @Test("they need libc, libm, libstdc++ and libgcc_s, and run a sweep with nothing else there") func alone() throws {
        let root = "\(scratch.path)/root"
        try Root.shell(
            "mkdir -p \(root)/proc \(root)/dev \(root)/tmp && cp \(Portable.folder)/regsweep \(Portable.folder)/regsweep-worker \(root)/")
        var libraries: Set<String> = []
        for program in ["regsweep", "regsweep-worker"] {
            for line in try Root.shell("ldd \(root)/\(program)").split(separator: "\n") where !line.contains("linux-vdso") {
                let path = line.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("/") } ?? ""
                libraries.insert(String(path))
            }
        }
        let allowed = ["libc.so", "libm.so", "libstdc++.so", "libgcc_s.so", "ld-linux-x86-64.so"]
        for library in libraries { #expect(allowed.contains { library.contains("/\($0)") }, "\(library)") }
        for library in libraries { try Root.shell("mkdir -p \(root)$(dirname \(library)) && cp -L \(library) \(root)\(library)") }

        try scratch.write(Sweeps.small(), to: "root/sweep.toml")
        let enter =
            "unshare --mount bash -c 'mount -t proc proc \(root)/proc && touch \(root)/dev/null && mount --bind /dev/null \(root)/dev/null && chroot \(root) "
        #expect(try Root.shell(enter + "/regsweep-worker --self-test'").contains("\(Build.selfTest)"))
        // No gnuplot in there: exit code 4, after the tables.
        let said = try Root.shell(enter + "/regsweep run /sweep.toml --out /results --workers 1; test $? = 4'")
        #expect(said.contains("no figure: gnuplot is not installed"))
        #expect(try scratch.read("root/results/results.csv").split(separator: "\n").count == 1 + 17 * 8)
    }
}
