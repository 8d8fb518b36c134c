// StrangerTests.swift · Tests/ClusterTests. Peers that are none of ours: the test speaks to real programs through real sockets.

import Foundation
import TestSupport
import Testing
import Vocabulary
import Wire

/// A worker, or worse, that says what a test wants.
struct Stranger: ~Copyable {
    let socket: DealerSocket
    private let wakeSignal: WakeSignal

    init(_ endpoint: String) throws {
        let wakeSignal = try WakeSignal()
        socket = try DealerSocket(connectedTo: endpoint, in: try Context())
        self.wakeSignal = wakeSignal
    }

    /// With a key, over tcp.
    init(_ invitation: Invitation) throws {
        let wakeSignal = try WakeSignal()
        socket = try DealerSocket(invitedBy: invitation, in: try Context())
        self.wakeSignal = wakeSignal
    }

    /// - Parameter selfTest: of another build, if it is not ours.
    static func hello(selfTest: Digest = Build.selfTest) -> Message {
        .hello(
            Hello(
                worker: .random(), host: "stranger", process: 1, slots: 1, selfTest: selfTest, held: [:]))
    }

    func say(_ message: Message, version: UInt32 = Envelope.protocolVersion) throws {
        try say(Envelope(incarnation: 0, message: message).encoded(version: version))
    }

    func say(_ frame: [UInt8]) throws {
        try wait(for: "a connection that takes a frame") {
            do { try socket.send(frame) } catch SocketError.notNow { return false }
            return true
        }
    }

    /// Whether there is a connection that takes a frame.
    func sayOnce(_ message: Message) -> Bool { (try? socket.send(Envelope(incarnation: 0, message: message).encoded())) != nil }

    /// The next message that is no heartbeat.
    func hear() throws -> Message {
        for _ in 0..<600 {
            while let frame = try socket.receive() {
                let message = try Envelope(decoding: frame).message
                if case .heartbeat = message { continue }
                return message
            }
            try Poller.wait(for: socket, or: wakeSignal, atMost: .milliseconds(100))
        }
        throw Failure(description: "the coordinator says nothing")
    }
}

@Suite("Strangers", .serialized) struct StrangerTests {
    let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
        try scratch.write(Sweeps.small(), to: "sweep.toml")
    }

    @Test("frames that are no messages are dropped with the reason on both sides, and the sweep goes on") func garbage() throws {
        let (coordinator, endpoint) = try scratch.coordinator()
        let stranger = try Stranger(endpoint)
        let good = Envelope(incarnation: 0, message: Stranger.hello()).encoded()
        for frame in [[], [0xff, 0xff, 0xff], Array(good.dropLast(5)), Array(repeating: 7, count: 100_000)] {
            try stranger.say(frame)
            guard case .dropped = try stranger.hear() else { throw Failure(description: "no answer") }
        }
        try coordinator.errors(have: "ignored a frame", times: 4)
        let worker = try scratch.worker(endpoint)
        #expect(try coordinator.end().code == 0)
        #expect(try worker.end().code == 0)
    }

    @Test("a flood of garbage is told in few lines and does not keep the sweep from its end") func flood() throws {
        let (coordinator, endpoint) = try scratch.coordinator()
        let stranger = try Stranger(endpoint)
        for _ in 0..<5_000 { try stranger.say([7, 7]) }
        let worker = try scratch.worker(endpoint)
        let end = try coordinator.end()
        #expect(end.code == 0)
        #expect(try worker.end().code == 0)
        let lines = end.errors.components(separatedBy: "ignored a frame").count - 1
        #expect((20..<1_000).contains(lines), "\(lines)")
    }

    @Test("another protocol version is refused with the reason on both sides, and the sweep goes on") func version() throws {
        let (coordinator, endpoint) = try scratch.coordinator()
        let stranger = try Stranger(endpoint)
        try stranger.say(Stranger.hello(), version: Envelope.protocolVersion + 1)
        guard case .refused(let reason) = try stranger.hear() else { throw Failure(description: "not refused") }
        #expect(reason.contains("protocol version \(Envelope.protocolVersion + 1)"))
        try coordinator.errors(have: reason)
        _ = try scratch.worker(endpoint).end()
        #expect(try coordinator.end().code == 0)
    }

    @Test("a build that computes other bits is refused with the reason on both sides, and the sweep goes on") func otherBits() throws {
        let (coordinator, endpoint) = try scratch.coordinator()
        let stranger = try Stranger(endpoint)
        try stranger.say(Stranger.hello(selfTest: Digest(of: "other bits")))
        guard case .refused(let reason) = try stranger.hear() else { throw Failure(description: "not refused") }
        #expect(reason.contains("other bits"))
        try coordinator.errors(have: reason)
        _ = try scratch.worker(endpoint).end()
        #expect(try coordinator.end().code == 0)
    }

    @Test("a worker that is refused, or meets another version, says why and exits 4", arguments: [false, true])
    func refusedWorker(isOtherVersion: Bool) throws {
        let router = try RouterSocket(in: try Context())
        let worker = try scratch.worker(try router.bind("tcp://127.0.0.1:*"))
        var heard: (route: Route, frame: [UInt8])?
        try wait(for: "the worker says something") {
            heard = try router.receive()
            return heard != nil
        }
        let answer = Envelope(incarnation: 1, message: isOtherVersion ? .drain : .refused(reason: "no room for strangers"))
        try router.send(answer.encoded(version: isOtherVersion ? 9 : Envelope.protocolVersion), to: heard!.route)
        let end = try worker.end()
        #expect(end.code == 4)
        #expect(end.errors.contains(isOtherVersion ? "protocol version 9" : "no room for strangers"))
    }

    @Test("failed trials are told with exit code 1, and are run again with --retry failed") func failures() throws {
        let (coordinator, endpoint) = try scratch.coordinator()
        let stranger = try Stranger(endpoint)
        try stranger.say(Stranger.hello())
        try stranger.say(.ready(credits: 1))
        var batch: UInt64 = 0
        loop: while true {
            switch try stranger.hear() {
            case .lease(let lease):
                batch += 1
                let results = lease.trials.map {
                    TrialResult.failure($0.key, reason: "out of luck", attempt: $0.attempt)
                }
                try stranger.say(.results(BatchID(rawValue: batch), lease.id, results))
            case .drain: break loop
            default: continue
            }
        }
        try stranger.say(.goodbye(reason: "done"))
        let end = try coordinator.end()
        #expect(end.code == 1)
        #expect(end.errors.contains("136 trials failed"))
        #expect(end.errors.contains("out of luck"))
        #expect(try scratch.read("results/small/summary.csv").contains(",8,0,8,"))
        #expect(try scratch.regsweep("run", "sweep.toml", "--quiet", "--retry", "failed") == Program.End(code: 0, output: "", errors: ""))
        #expect(!(try scratch.read("results/small/results.csv").contains("failed")))
    }
}
