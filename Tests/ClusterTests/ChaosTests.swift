// ChaosTests.swift · Tests/ClusterTests. A coordinator and four workers, each in a network of its own, and for twenty rounds something
// happens to one of them: killed, stopped, cut off. In the end the bytes are those of an undisturbed run.

import Foundation
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep

/// A network that no other program is in, whose one link can be cut. Needs root.
private final class Network {
    let name = "regsweep-\(UInt32.random(in: 0 ... .max))"

    init() throws {
        try Self.ip("netns add \(name)")
        try setLink(isUp: true)
    }

    func setLink(isUp: Bool) throws { try Self.ip("-n \(name) link set lo \(isUp ? "up" : "down")") }

    func start(_ program: String, _ arguments: [String], in scratch: TemporaryFolder) throws -> Program {
        // ip becomes the program, so signals reach it.
        try Program(at: "/usr/sbin/ip", ["netns", "exec", name, Program.path(of: program)] + arguments, in: scratch)
    }

    deinit { try? Self.ip("netns del \(name)") }

    private static func ip(_ words: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/sbin/ip")
        process.arguments = words.split(separator: " ").map(String.init)
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(description: "ip \(words) gave \(process.terminationStatus)") }
    }

    /// Whether this process may make one.
    static let isPossible: Bool = (try? Network()) != nil
}

@Suite("Chaos", .serialized) struct ChaosTests {
    private let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
        try scratch.write(Sweeps.small(epochs: 10_000, replicates: 4), to: "sweep.toml")
        // Not the default of 3, after which a trial is stored as failed: here its workers are lost to the disturbances, and on a loaded host
        // also to a second without a heartbeat.
        try scratch.write(Sweeps.nervous + "\ncrash_limit = 1000\n", to: "cluster.toml")
    }

    @Test(
        "twenty rounds of killing, stopping and cutting off leave the bytes of an undisturbed run",
        .enabled(if: Network.isPossible, "network namespaces need root and iproute2"))
    func rounds() throws {
        let calm = try run(rounds: 0, into: "calm")
        var rounds = 0, what: [String: Int] = [:], seconds: [Int] = []
        while rounds < 20 {
            let chaos = try run(rounds: 20 - rounds, into: "chaos-\(rounds)-\(seconds.count)")
            #expect(chaos.tables == calm.tables, "\(chaos.what)")
            rounds += chaos.what.count
            for name in chaos.what { what[name, default: 0] += 1 }
            seconds.append(Int(chaos.seconds))
        }
        #expect(what["killed a coordinator"] ?? 0 >= seconds.count)
        print("chaos: \(what.sorted { $0.key < $1.key }): sweeps took \(seconds) s, the undisturbed one \(Int(calm.seconds)) s")
    }

    private struct Run { var tables: Tables, what: [String], seconds: Double }

    private func run(rounds most: Int, into directory: String) throws -> Run {
        let network = try Network(), endpoint = "tcp://127.0.0.1:5577"
        let start = ContinuousClock.now
        func startCoordinator() throws -> Program {
            try network.start(
                "regsweep",
                [
                    "run", "sweep.toml", "--cluster", "cluster.toml", "--workers", "0", "--quiet", "--out", directory, "--plain",
                    "--listen", endpoint,
                ],
                in: scratch)
        }
        func startWorker() throws -> Program {
            try network.start("regsweep-worker", ["--connect", endpoint, "--orphan-timeout", "60", "--log-level", "error"], in: scratch)
        }
        var coordinator = try startCoordinator(), workers = try (0..<4).map { _ in try startWorker() }
        var rounds = 0, what: [String] = [], stored = 0
        while rounds < most {
            // Whatever was done to the sweep, it goes on; and a loaded host is disturbed at its work, not always while it starts.
            try wait(for: "a result after \(what)") { !coordinator.isRunning || results(in: directory) > stored }
            Thread.sleep(forTimeInterval: .random(in: 0...0.4))
            guard coordinator.isRunning else { break }
            rounds += 1
            // The first that is killed is the coordinator: chance would spare it in every hundredth run of this test.
            let victim = rounds == 1 ? 4 : Int.random(in: 0..<5), program = victim == 4 ? coordinator : workers[victim]
            // Shorter and longer than the second after which a side gives the other up.
            let pause = TimeInterval.random(in: 0.2...1.8)
            switch rounds % 3 {
            case 1:
                what.append("killed a \(victim == 4 ? "coordinator" : "worker")")
                program.signal(SIGKILL)
                _ = try program.end()
                if victim == 4 { coordinator = try startCoordinator() } else { workers[victim] = try startWorker() }
            case 2:
                what.append("stopped a \(victim == 4 ? "coordinator" : "worker")")
                program.signal(SIGSTOP)
                Thread.sleep(forTimeInterval: pause)
                program.signal(SIGCONT)
            default:
                what.append("cut the link")
                try network.setLink(isUp: false)
                Thread.sleep(forTimeInterval: pause)
                try network.setLink(isUp: true)
            }
            stored = results(in: directory)
        }
        let end = try coordinator.end()
        #expect(end.code == 0, "\(end.errors.suffix(2000))")
        for worker in workers {
            if worker.isRunning { worker.signal(SIGTERM) }
            _ = try worker.end()
        }
        let time = (ContinuousClock.now - start).components
        return Run(tables: try Tables(scratch, directory), what: what, seconds: Double(time.seconds))
    }

    /// - Returns: how many results are stored; 0 where no store can be read, as before a coordinator has made its tables.
    private func results(in directory: String) -> Int {
        var count = 0
        try? ResultsDirectory("\(scratch.path)/\(directory)").openForReading().forEachOutcome { _, _, _ in count += 1 }
        return count
    }
}
