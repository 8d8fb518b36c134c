// Hosts.swift · Tests/ClusterTests. Three hosts on this one: network namespaces on a bridge, each with an sshd, a host name and a home.

import Foundation
import Glibc
import TestSupport
import Testing
import Wire

@testable import regsweep

/// What these tests need besides `make test`'s packages, and cannot do without.
enum Root {
    /// Nil when all is there, otherwise why a test is skipped.
    static let complaint: String? = {
        guard geteuid() == 0 else { return "needs root for network namespaces and sshd" }
        for program in ["/usr/sbin/sshd", "/usr/sbin/ip", "/usr/bin/ssh", "/usr/bin/ssh-keygen", "/usr/bin/unshare"]
        where access(program, X_OK) != 0 {
            return "needs \(program): make setup-test"
        }
        guard (try? shell("ip netns add regsweep-probe && ip netns del regsweep-probe")) != nil else {
            return "needs the right to make network namespaces"
        }
        return nil
    }()

    /// Runs a line of shell to its end.
    @discardableResult static func shell(_ line: String) throws -> String {
        // Not by Foundation's Process, whose children inherit blocked signals and hold what it waits for.
        let output = FileManager.default.temporaryDirectory.appending(path: "regsweep-shell-\(UUID())").path()
        defer { unlink(output) }
        let status = try Subprocess.run("/bin/bash", ["-c", line], outputTo: output)
        let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        guard status == .exited(0) else { throw Failure(description: "\(line): \(text)") }
        return text
    }
}

/// Gone with the value: processes, namespaces, bridge.
final class Hosts {
    let names: [String]
    /// The address of this host on the bridge.
    let here: String
    private let tag: String
    private let scratch: TemporaryFolder
    private var servers: [Process] = []

    init(_ count: Int, in scratch: TemporaryFolder) throws {
        self.scratch = scratch
        let number = Int(getpid()) % 200
        let tag = "rs\(number)"
        self.tag = tag
        let net = "10.\(200 + number % 50).\(number)"
        here = "\(net).254"
        names = (1...count).map { "\(tag)h\($0)" }
        try Root.shell(
            "mkdir -p /run/sshd '\(scratch.path)/ssh' && chmod 755 /run/sshd && ssh-keygen -q -t ed25519 -N '' -f '\(scratch.path)/ssh/user' && ssh-keygen -q -t ed25519 -N '' -f '\(scratch.path)/ssh/host'"
        )
        try Root.shell("ip link add \(tag) type bridge && ip addr add \(here)/24 dev \(tag) && ip link set \(tag) up")
        var config = ""
        for (index, name) in names.enumerated() {
            let address = "\(net).\(index + 1)"
            try Root.shell(
                """
                ip netns add \(name) && ip link add \(name) type veth peer name eth0 netns \(name) && ip link set \(name) master \(tag) up \
                && ip -n \(name) addr add \(address)/24 dev eth0 && ip -n \(name) link set eth0 up && ip -n \(name) link set lo up \
                && mkdir -p '\(home(name))/.ssh' && cp '\(scratch.path)/ssh/user.pub' '\(home(name))/.ssh/authorized_keys' \
                && chmod 700 '\(home(name))' '\(home(name))/.ssh' && chmod 600 '\(home(name))/.ssh/authorized_keys'
                """)
            config += "Host \(name)\n  HostName \(address)\n"
            servers.append(try serve(name, address))
        }
        config += "Host *\n  User root\n  IdentityFile \(scratch.path)/ssh/user\n  IdentitiesOnly yes\n  StrictHostKeyChecking accept-new\n"
        config += "  UserKnownHostsFile \(scratch.path)/ssh/known\n"
        try scratch.write(config, to: "ssh/config")
        for name in names {
            try wait(for: "sshd of \(name) answers") {
                (try? Root.shell("ssh -F '\(scratch.path)/ssh/config' \(name) true")) != nil
            }
        }
    }

    /// The home of a host's user, as this host sees it.
    func home(_ name: String) -> String { "\(scratch.path)/homes/\(name)" }

    /// In the namespace: its own host name, and its own folder in place of root's home.
    private func serve(_ name: String, _ address: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/sbin/ip")
        let run = """
            hostname \(name); mount --bind '\(home(name))' /root; exec /usr/sbin/sshd -D -e -f /dev/null -o ListenAddress=\(address) -o Port=22 \
            -o HostKey='\(scratch.path)/ssh/host' -o AuthorizedKeysFile=/root/.ssh/authorized_keys -o PidFile=none -o UsePAM=no -o StrictModes=no
            """
        process.arguments = [
            "netns", "exec", name, "unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", run,
        ]
        process.standardInput = FileHandle.nullDevice
        _ = FileManager.default.createFile(atPath: "\(scratch.path)/ssh/\(name).log", contents: nil)
        let log = FileHandle(forWritingAtPath: "\(scratch.path)/ssh/\(name).log")
        process.standardOutput = log
        process.standardError = log
        try process.run()
        return process
    }

    /// A cluster file with those hosts and nobody else.
    /// - Parameters:
    ///   - worker: a line for `[coordinator]`, or none.
    ///   - setting: a line for each `[[host]]`, or none.
    func cluster(_ names: [String], orphanTimeout: Int, worker: String = "", setting: String = "") -> String {
        let list = names.map { "[[host]]\nkind = \"ssh\"\nname = \"\($0)\"\nslots = 1\n\(setting)" }.joined()
        return "[coordinator]\nlisten = \"tcp://\(here):*\"\n\(worker)[ssh]\noptions = [\"-F\", \"\(scratch.path)/ssh/config\"]\n"
            + "[local]\nworkers = 0\n" + Sweeps.nervous + "\norphan_timeout_seconds = \(orphanTimeout)\n" + list
    }

    /// Nothing goes in or out of a host any more, or again.
    func cut(_ name: String) throws { try Root.shell("ip link set \(name) down") }

    func restore(_ name: String) throws { try Root.shell("ip link set \(name) up") }

    /// Worker processes of a host.
    func workers(_ name: String) throws -> Int {
        let ids = try Root.shell("ip netns pids \(name)").split(separator: "\n")
        return ids.count { id in
            // A worker that has ended in between has no name.
            ((try? String(contentsOfFile: "/proc/\(id)/cmdline", encoding: .utf8)) ?? "").contains("/worker-")
                && ((try? String(contentsOfFile: "/proc/\(id)/comm", encoding: .utf8)) ?? "").hasPrefix("worker-")
        }
    }

    deinit {
        // Each `unshare --kill-child` takes all processes of its host with it.
        for server in servers { kill(server.processIdentifier, SIGKILL) }
        for server in servers { server.waitUntilExit() }
        for name in names {
            _ = try? Root.shell("for p in $(ip netns pids \(name)); do kill -9 $p; done; true")
            _ = try? Root.shell("ip netns del \(name); ip link del \(name); true")
        }
        _ = try? Root.shell("ip link del \(tag)")
    }
}
