// AttackTests.swift · Tests/ClusterTests. What somebody without a key, or with one and bad intentions, can do to a running coordinator:
// nothing that stops the sweep or shows a result. Docs/operations.md has the same list.

import Foundation
import Glibc
import TestSupport
import Testing
import Vocabulary
import Wire

/// A bare TCP connection.
private final class RawConnection {
    let descriptor: Int32

    /// - Parameter buffer: bytes that the system keeps for us, where that matters.
    init(_ endpoint: String, buffer: Int32? = nil) throws {
        let port = endpoint.split(separator: ":").last.flatMap { UInt16($0) } ?? 0
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var buffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &buffer, socklen_t(MemoryLayout<Int32>.size)) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let code = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard code == 0 else { throw Failure(description: "no connection to \(endpoint): \(errno)") }
    }

    deinit { close(descriptor) }

    func say(_ bytes: [UInt8]) { _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// What comes within a time, up to the end of the connection.
    func hear(for seconds: Double) -> (bytes: [UInt8], isClosed: Bool) {
        var time = timeval(tv_sec: Int(seconds), tv_usec: Int((seconds - seconds.rounded(.down)) * 1e6))
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var all: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { return (all, count == 0 || errno == ECONNRESET) }
            all += buffer.prefix(count)
        }
    }
}

@Suite("Attacks", .serialized) struct AttackTests {
    let scratch: TemporaryFolder

    init() throws {
        scratch = try TemporaryFolder()
        try scratch.write(Sweeps.small(), to: "sweep.toml")
    }

    private func start() throws -> (program: Program, local: String, tcp: String) {
        let (program, local) = try scratch.coordinator("--log-level", "info")
        return (program, local, try program.word(after: "listening at "))
    }

    /// The sweep ends as it does for everybody, and nobody else has taken part in it.
    private func expectUnharmed(_ coordinator: Program, _ local: String, strangers: Int = 0) throws {
        let worker = try scratch.worker(local)
        let end = try coordinator.end()
        #expect(end.code == 0, "\(end.errors)")
        #expect(end.errors.components(separatedBy: " joined with 1 slot").count - 1 == 1 + strangers)
        #expect(try worker.end().code == 0)
        #expect(try scratch.read("results/small/results.csv").split(separator: "\n").count == 1 + 17 * 8)
    }

    private func invitation(_ name: String, _ directory: String = "results/small") throws -> Invitation {
        let end = try scratch.regsweep("workers", "invite", name, "--out", directory)
        return try #require(Invitation(String(end.output.split(separator: "=", maxSplits: 1)[1].split(separator: " ")[0])))
    }

    /// An honest worker comes, is told that it may stay, and goes.
    private func expectWelcome(of key: Invitation) throws {
        let honest = try Stranger(key)
        try honest.say(Stranger.hello())
        guard case .welcome = try honest.hear() else { throw Failure(description: "the honest worker is kept out") }
        try honest.say(.goodbye(reason: "done"))
    }

    @Test("bytes that are no ZeroMQ end their connection and hear nothing but a greeting") func rawTCP() throws {
        let (coordinator, local, tcp) = try start()
        for bytes in [
            Array("GET / HTTP/1.1\r\n\r\n".utf8), [UInt8](repeating: 0xff, count: 100_000), [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3],
        ] {
            let connection = try RawConnection(tcp)
            connection.say(bytes)
            // The greeting has 64 bytes and is the same for everybody.
            #expect(connection.hear(for: 1).bytes.count <= 64)
        }
        try expectUnharmed(coordinator, local)
    }

    @Test("connections by the hundred that say nothing keep nobody out and are closed in the end") func halfOpen() throws {
        let (coordinator, local, tcp) = try start()
        let silent = try (0..<300).map { _ in try RawConnection(tcp) }
        let key = try invitation("ada")
        try expectWelcome(of: key)
        // The handshake may take 5 s.
        #expect(silent[0].hear(for: 15).isClosed)
        #expect(silent[299].hear(for: 5).isClosed)
        try expectUnharmed(coordinator, local, strangers: 1)
    }

    /// - Parameter limit: of open descriptors, for `ulimit -n`.
    private func start(limit: Int) throws -> (program: Program, local: String, tcp: String) {
        let line = "ulimit -n \(limit); exec '\(Program.path(of: "regsweep"))' run sweep.toml --workers 0 --log-level info"
        let program = try Program(at: "/bin/sh", ["-c", line], in: scratch)
        return (program, try program.word(after: "regsweep-worker --connect "), try program.word(after: "listening at "))
    }

    @Test("more strangers than the process may have descriptors end nothing: workers of this host and with keys come in meanwhile")
    func exhausted() throws {
        Host.allowManyFiles()
        let (coordinator, local, tcp) = try start(limit: 256)
        let key = try invitation("ada")
        var strangers: [RawConnection] = []
        for _ in 0..<4 {
            for _ in 0..<200 { strangers.append(try RawConnection(tcp)) }
            // By ipc libzmq would end the process where it finds no descriptor.
            try (0..<8).forEach { _ in try Stranger(local).say(Stranger.hello(selfTest: Digest(of: "other bits"))) }
        }
        try expectWelcome(of: key)
        try coordinator.errors(have: "that had said nothing and were too many")
        // Ended before the time of a handshake is over.
        #expect(strangers[0].hear(for: 2).isClosed)
        try expectUnharmed(coordinator, local, strangers: 1)
    }

    @Test("a key's holder with more connections than the process may have descriptors ends nothing, and workers of this host come in")
    func exhaustedByKey() throws {
        Host.allowManyFiles()
        let (coordinator, local, _) = try start(limit: 128)
        let key = try invitation("mallory"), context = try Context(), idle = try WakeSignal()
        var hello: [[UInt8]] = []
        for _ in 0..<160 { hello.append(Envelope(incarnation: 0, message: Stranger.hello(selfTest: Digest(of: "other bits"))).encoded()) }
        // Every one that is let in says a frame, so none of them can be ended for its silence.
        let connections = try hello.map { _ in Connection(try DealerSocket(invitedBy: key, in: context)) }
        var heard = 0
        for _ in 0..<20 {
            for (connection, frame) in zip(connections, hello) where (try? connection.socket.send(frame)) != nil { heard += 1 }
            try Poller.wait(for: idle, atMost: .milliseconds(100))
        }
        #expect(heard > 64)
        try coordinator.errors(have: "that had said nothing and were too many")
        try expectUnharmed(coordinator, local)
        withExtendedLifetime(connections) {}
    }

    private final class Connection {
        let socket: DealerSocket
        init(_ socket: consuming DealerSocket) { self.socket = socket }
    }

    @Test("large frames that begin before anybody has authenticated cost little memory") func largeHandshakes() throws {
        let (coordinator, local, tcp) = try start()
        let before = try coordinator.peakMemory()
        let greeting: [UInt8] = [0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0] + Array("CURVE".utf8) + [UInt8](repeating: 0, count: 47)
        // A command whose length, in eight bytes, is a little less than the largest that is taken.
        let command: [UInt8] = [6, 0, 0, 0, 0] + withUnsafeBytes(of: UInt32(Limits.frameBytes - 8).bigEndian, Array.init)
        let strangers = try (0..<80).map { _ in
            let stranger = try RawConnection(tcp)
            stranger.say(greeting + command + [UInt8](repeating: 0, count: 7 << 20))
            return stranger
        }
        try coordinator.errors(have: "or had sent too much")
        // 560 MiB were sent.
        #expect(try coordinator.peakMemory() - before < 400 << 20)
        withExtendedLifetime(strangers) {}
        try expectUnharmed(coordinator, local)
    }

    @Test("a peer without a key, and one with a key of its own, are not heard") func noKey() throws {
        let (coordinator, local, tcp) = try start()
        let plain = try Stranger(tcp)
        let real = try invitation("ada")
        let wrong = try Stranger(Invitation(endpoint: tcp, coordinator: real.coordinator, key: .random()))
        try wait(for: "the wrong key is turned away") {
            _ = plain.sayOnce(Stranger.hello())
            _ = wrong.sayOnce(Stranger.hello())
            return coordinator.hasSaid("has not issued its key")
        }
        try expectWelcome(of: real)
        for word in [plain.sayOnce(Stranger.hello()), wrong.sayOnce(Stranger.hello())] { #expect(!word) }
        #expect(try plain.socket.receive() == nil)
        #expect(try wrong.socket.receive() == nil)
        try expectUnharmed(coordinator, local, strangers: 1)
    }

    @Test("a recorded conversation, said again, says nothing") func replayed() throws {
        let (coordinator, local, tcp) = try start()
        let recorder = try Recorder(to: tcp)
        var key = try invitation("ada")
        key.endpoint = recorder.endpoint
        let honest = try Stranger(key)
        try honest.say(Stranger.hello())
        guard case .welcome = try honest.hear() else { throw Failure(description: "not welcome") }
        try honest.say(.ready(credits: 0))
        let recorded = recorder.recorded
        #expect(recorded.count > 64 + 200)
        let replay = try RawConnection(tcp)
        replay.say(recorded)
        let answer = replay.hear(for: 2)
        #expect(answer.isClosed)
        // Greeting and the WELCOME of a handshake that goes no further.
        #expect(answer.bytes.count < 400)
        try honest.say(.goodbye(reason: "done"))
        try expectUnharmed(coordinator, local, strangers: 1)
    }

    @Test("an oversize frame with a good key costs its sender the connection") func oversize() throws {
        let (coordinator, local, _) = try start()
        let stranger = try Stranger(try invitation("mallory"))
        try stranger.say([UInt8](repeating: 7, count: Limits.frameBytes + 1))
        try expectUnharmed(coordinator, local)
    }

    @Test("garbage with a good key is answered a hundred times, then the key is worth nothing") func garbage() throws {
        let (coordinator, local, _) = try start()
        let key = try invitation("mallory")
        let stranger = try Stranger(key)
        for _ in 0..<Limits.malformedFrames { try stranger.say([7, 7]) }
        try coordinator.errors(have: "after 100 frames that are no messages")
        let again = try Stranger(key)
        // It comes first and is let in later than who comes after it, if at all.
        try expectWelcome(of: try invitation("ada"))
        let isHeard = again.sayOnce(Stranger.hello())
        #expect(!isHeard)
        #expect(try again.socket.receive() == nil)
        try expectUnharmed(coordinator, local, strangers: 1)
    }

    @Test("a worker's id with another's key takes nothing over") func stolenID() throws {
        let (coordinator, local, _) = try start()
        let ada = try Stranger(try invitation("ada")), mallory = try Stranger(try invitation("mallory"))
        let hello = Stranger.hello()
        try ada.say(hello)
        guard case .welcome = try ada.hear() else { throw Failure(description: "not welcome") }
        try mallory.say(hello)
        guard case .refused(let reason) = try mallory.hear() else { throw Failure(description: "taken over") }
        #expect(reason.contains("another key"))
        try ada.say(.ready(credits: 1))
        guard case .lease = try ada.hear() else { throw Failure(description: "no lease") }
        try ada.say(.goodbye(reason: "done"))
        try expectUnharmed(coordinator, local, strangers: 1)
    }

    @Test("a thousand requests for data of a peer that reads none of it cost little memory") func greedy() throws {
        try scratch.write(SweepTexts.network(epochs: 1), to: "sweep.toml")
        // Three chunks of images.
        try Images.write(to: scratch, train: 4_000)
        let (coordinator, local) = try scratch.coordinator("--data", "data")
        var key = try invitation("mallory", "results/network")
        let deaf = try Recorder(to: key.endpoint, hearing: 2_000)
        key.endpoint = deaf.endpoint
        let mallory = try Stranger(key)
        try mallory.say(Stranger.hello())
        guard case .welcome = try mallory.hear() else { throw Failure(description: "not welcome") }
        let before = try coordinator.peakMemory()
        let images = Digest(of: Array(try Data(contentsOf: URL(filePath: "\(scratch.path)/data/train-images-idx3-ubyte"))))
        for _ in 0..<1_000 { try mallory.say(.dataRequest(images, offset: 0)) }
        // Read after all of them.
        try mallory.say([7, 7])
        try coordinator.errors(have: "ignored a frame")
        #expect(deaf.isFull)
        // 16 chunks of 1 MiB that wait, and what is being made of them: not a thousand.
        #expect(try coordinator.peakMemory() - before < 100 << 20)
        let worker = try Program(
            "regsweep-worker", ["--connect", local, "--cache", "\(scratch.path)/cache"], in: scratch)
        let end = try coordinator.end()
        #expect(end.code == 0, "\(end.errors)")
        #expect(try worker.end().code == 0)
        #expect(try scratch.read("results/network/results.csv").split(separator: "\n").count == 1 + 4)
    }

    @Test("a peer that goes on asking and never reads the answers is cut off, key and all") func deaf() throws {
        let (coordinator, local) = try scratch.coordinator()
        var key = try invitation("mallory")
        let deaf = try Recorder(to: key.endpoint, hearing: 2_000)
        key.endpoint = deaf.endpoint
        let mallory = try Stranger(key)
        let hello = Envelope(incarnation: 0, message: Stranger.hello()).encoded()
        try mallory.say(hello)
        guard case .welcome = try mallory.hear() else { throw Failure(description: "not welcome") }
        try wait(for: "it is cut off") {
            for _ in 0..<1_000 { guard (try? mallory.socket.send(hello)) != nil else { break } }
            return coordinator.hasSaid("(mallory): it does not read what it asks for")
        }
        let worker = try scratch.worker(local)
        #expect(try coordinator.end().code == 0)
        #expect(try worker.end().code == 0)
        #expect(try scratch.read("results/small/results.csv").split(separator: "\n").count == 1 + 17 * 8)
    }
}

/// Stands between a worker and the coordinator and writes down what the worker says.
private final class Recorder: Sendable {
    let endpoint: String
    private let host = Box()

    private final class Box: @unchecked Sendable {
        private let lock = NSLock()
        private var bytes: [UInt8] = []
        func add(_ more: some Sequence<UInt8>) { lock.withLock { bytes += more } }
        var all: [UInt8] { lock.withLock { bytes } }
    }

    var recorded: [UInt8] { host.all }

    /// Whether the worker has heard as much as it may.
    var isFull: Bool { heard.all.count >= limit }
    private let heard = Box(), limit: Int

    /// - Parameter limit: bytes of the coordinator's that are passed on and taken at all.
    init(to target: String, hearing limit: Int = .max) throws {
        self.limit = limit
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, size) == 0 && listen(listener, 1) == 0 && getsockname(listener, address, &size) == 0
            }
        }
        guard code else { throw Failure(description: "cannot listen: \(errno)") }
        endpoint = "tcp://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        let far = try RawConnection(target, buffer: limit < .max ? 4_096 : nil)
        let carrier = Carrier(far)
        Thread.detachNewThread { [host, heard] in
            let near = accept(listener, nil, nil)
            close(listener)
            Thread.detachNewThread {
                Self.relay(from: carrier.far.descriptor, to: near) { bytes in
                    if limit < .max { heard.add(bytes) }
                    return heard.all.count < limit
                }
            }
            Self.relay(from: near, to: carrier.far.descriptor) {
                host.add($0)
                return true
            }
        }
    }

    private final class Carrier: @unchecked Sendable {
        let far: RawConnection
        init(_ far: RawConnection) { self.far = far }
    }

    /// - Parameter goesOn: false leaves both connections as they are, and whatever comes stays in them.
    private static func relay(from source: Int32, to target: Int32, _ goesOn: ([UInt8]) -> Bool) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = recv(source, &buffer, buffer.count, 0), count > 0 {
            guard goesOn(Array(buffer.prefix(count))) else { return }
            _ = send(target, buffer, count, Int32(MSG_NOSIGNAL))
        }
        shutdown(target, Int32(SHUT_WR))
    }
}
