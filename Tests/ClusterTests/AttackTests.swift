// AttackTests.swift · Tests/ClusterTests. What somebody without a key, or with one and bad intentions, can do to a running coordinator:
// nothing that stops the sweep or shows a result. Docs/operations.md has the same list.

import Foundation
import Glibc
import Testing
import Wire

/// A bare TCP connection.
private final class RawConnection {
    let descriptor: Int32

    init(_ endpoint: String) throws {
        let port = endpoint.split(separator: ":").last.flatMap { UInt16($0) } ?? 0
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
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
    let scratch: Scratch

    init() throws {
        scratch = try Scratch()
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

    private func invitation(_ name: String) throws -> Invitation {
        let end = try scratch.regsweep("workers", "invite", name, "--out", "results/small")
        return try #require(Invitation(String(end.output.split(separator: "=", maxSplits: 1)[1].split(separator: " ")[0])))
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
        let honest = try Stranger(key)
        try honest.say(Stranger.hello())
        guard case .welcome = try honest.hear() else { throw Failure(description: "the honest worker is kept out") }
        // The handshake may take 5 s.
        #expect(silent[0].hear(for: 15).isClosed)
        #expect(silent[299].hear(for: 5).isClosed)
        try honest.say(.goodbye(reason: "done"))
        try expectUnharmed(coordinator, local, strangers: 1)
    }

    @Test("a peer without a key, and one with a key of its own, are not heard") func noKey() throws {
        let (coordinator, local, tcp) = try start()
        let plain = try Stranger(tcp)
        let real = try invitation("ada")
        let wrong = try Stranger(Invitation(endpoint: tcp, coordinator: real.coordinator, key: .random()))
        for _ in 0..<50 {
            _ = plain.sayOnce(Stranger.hello())
            _ = wrong.sayOnce(Stranger.hello())
            usleep(20_000)
        }
        #expect(try plain.socket.receive() == nil)
        #expect(try wrong.socket.receive() == nil)
        try coordinator.errors(have: "is none that was issued here")
        try expectUnharmed(coordinator, local)
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
        try coordinator.errors(have: "is cut off after 100 frames")
        let again = try Stranger(key)
        for _ in 0..<20 {
            _ = again.sayOnce(Stranger.hello())
            usleep(20_000)
        }
        #expect(try again.socket.receive() == nil)
        try expectUnharmed(coordinator, local)
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
}

/// Stands between a worker and the coordinator and writes down what the worker says.
private final class Recorder: Sendable {
    let endpoint: String
    private let box = Box()

    private final class Box: @unchecked Sendable {
        private let lock = NSLock()
        private var bytes: [UInt8] = []
        func add(_ more: some Sequence<UInt8>) { lock.withLock { bytes += more } }
        var all: [UInt8] { lock.withLock { bytes } }
    }

    var recorded: [UInt8] { box.all }

    init(to target: String) throws {
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
        let far = try RawConnection(target)
        let carrier = Carrier(far)
        Thread.detachNewThread { [box] in
            let near = accept(listener, nil, nil)
            close(listener)
            Thread.detachNewThread { Self.relay(from: carrier.far.descriptor, to: near) { _ in } }
            Self.relay(from: near, to: carrier.far.descriptor) { box.add($0) }
        }
    }

    private final class Carrier: @unchecked Sendable {
        let far: RawConnection
        init(_ far: RawConnection) { self.far = far }
    }

    private static func relay(from source: Int32, to target: Int32, _ note: ([UInt8]) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = recv(source, &buffer, buffer.count, 0), count > 0 {
            note(Array(buffer.prefix(count)))
            _ = send(target, buffer, count, Int32(MSG_NOSIGNAL))
        }
        shutdown(target, Int32(SHUT_WR))
    }
}
