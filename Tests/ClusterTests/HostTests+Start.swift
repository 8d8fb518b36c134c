// HostTests+Start.swift · Tests/ClusterTests. How soon three ssh hosts compute, with the program copied first and with it there already.
// It prints the times and judges none. `make hosts` measures it with the portable worker, which REGSWEEP_WORKER names.

import Foundation
import TestSupport
import Testing
import Vocabulary
import Wire

extension HostTests {
    /// From the start of `regsweep run` until every host has joined, and until every one has leases.
    private func seconds(_ out: String) throws -> (joined: Double, busy: Double, isCopied: Bool) {
        let clock = ContinuousClock(), start = clock.now
        let coordinator = try Program(
            "regsweep", ["run", "sweep.toml", "--cluster", "cluster.toml", "--log-level", "info", "--out", out], in: scratch)
        for name in hosts.names { try coordinator.errors(have: "on \(name) joined") }
        let joined = clock.now
        try wait(for: "leases of every host") {
            let list = try scratch.regsweep("workers", "list", "--out", out).output.split(separator: "\n").dropFirst(2)
            let leases = list.map { Int($0.split(separator: " ")[4]) ?? 0 }
            return leases.count == hosts.names.count && leases.allSatisfy { $0 > 0 }
        }
        let busy = clock.now
        coordinator.signal(SIGINT)
        try coordinator.errors(have: "interrupt once more to stop at once")
        coordinator.signal(SIGINT)
        let end = try coordinator.end()
        #expect(end.code == 3, "\(end.errors)")
        return ((joined - start).inSeconds, (busy - start).inSeconds, end.errors.contains("copying the worker program"))
    }

    @Test("hosts that lack the program get it and compute, and compute sooner the next time") func start() throws {
        // Long enough to be still under way whenever somebody looks.
        try scratch.write(Sweeps.small(epochs: 60_000, replicates: 8), to: "sweep.toml")
        let worker = ProcessInfo.processInfo.environment["REGSWEEP_WORKER"].map { "worker_program = \"\($0)\"\n" } ?? ""
        try scratch.write(hosts.cluster(hosts.names, orphanTimeout: 30, worker: worker), to: "cluster.toml")
        let first = try seconds("first"), next = (0..<3).map { try? seconds("next-\($0)") }
        #expect(first.isCopied)
        for each in next { #expect(each?.isCopied == false) }
        func text(_ time: (joined: Double, busy: Double, isCopied: Bool)) -> String {
            "\((time.joined * 100).rounded() / 100) s to join, \((time.busy * 100).rounded() / 100) s to compute"
        }
        print("three ssh hosts, first run: \(text(first)); next runs: \(next.compactMap { $0 }.map(text).joined(separator: "; "))")
    }
}
