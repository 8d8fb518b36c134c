// SocketTests.swift · Tests/WireTests. The few promises of libzmq that this program relies on, with real sockets. Every wait is Poller's.

import Foundation
import TestSupport
import Testing

@testable import Vocabulary
@testable import Wire

/// How long a test waits for what must happen before it fails.
private let patience: Duration = .seconds(60)

extension RouterSocket {
    fileprivate func next(within time: Duration = patience) throws -> (route: Route, frame: [UInt8]) {
        let stopwatch = Stopwatch()
        let wakeSignal = try WakeSignal()
        while stopwatch.now.sinceStart < time {
            if let next = try receive() { return next }
            try Poller.wait(for: self, or: wakeSignal, atMost: time - stopwatch.now.sinceStart)
        }
        throw SocketError.failed(call: "next", reason: "no frame within \(time)")
    }

    /// Sends until libzmq has noticed that the peer is gone.
    fileprivate func errorWhenGone(_ route: Route) throws -> SocketError? {
        let stopwatch = Stopwatch()
        let wakeSignal = try WakeSignal()
        while stopwatch.now.sinceStart < patience {
            do { try send([0], to: route) } catch { return error }
            try Poller.wait(for: wakeSignal, atMost: .milliseconds(5))
        }
        return nil
    }
}

extension DealerSocket {
    fileprivate func next() throws -> [UInt8] {
        let stopwatch = Stopwatch()
        let wakeSignal = try WakeSignal()
        while stopwatch.now.sinceStart < patience {
            if let next = try receive() { return next }
            try Poller.wait(for: self, or: wakeSignal, atMost: patience - stopwatch.now.sinceStart)
        }
        throw SocketError.failed(call: "next", reason: "no frame within \(patience)")
    }

    /// Sends as soon as there is a connection, which the router has to let in.
    fileprivate func sendWhenConnected(_ frame: [UInt8], to router: borrowing RouterSocket) throws {
        let stopwatch = Stopwatch()
        let wakeSignal = try WakeSignal()
        while true {
            do { return try send(frame) } catch SocketError.notNow {
                guard stopwatch.now.sinceStart < patience else { throw SocketError.notNow }
                try router.answerHandshakes()
                try Poller.wait(for: wakeSignal, atMost: .milliseconds(5))
            }
        }
    }

    /// The same frame again and again; what the router hears first.
    fileprivate func sayUntilHeard(_ frame: [UInt8], by router: borrowing RouterSocket) throws -> (route: Route, frame: [UInt8]) {
        let stopwatch = Stopwatch()
        while true {
            try sendWhenConnected(frame, to: router)
            do { return try router.next(within: .milliseconds(100)) } catch {
                guard stopwatch.now.sinceStart < patience else { throw error }
            }
        }
    }
}

@Suite("Sockets") struct SocketTests {
    private let context: Context

    init() throws { context = try Context() }

    @Test("frames go both ways over tcp, on a port that the system chose, and over ipc, through one ROUTER") func bothWays() throws {
        let folder = try TemporaryFolder()
        let router = try RouterSocket(in: context)
        let endpoint = try router.bind("tcp://127.0.0.1:*")
        #expect(endpoint.hasPrefix("tcp://127.0.0.1:"))
        #expect(Int(endpoint.split(separator: ":").last!).map { $0 > 0 } == true)
        let ipc = "ipc://\(folder.path)/socket"
        #expect(try router.bind(ipc) == ipc)

        let far = try DealerSocket(connectedTo: endpoint, in: context)
        let near = try DealerSocket(connectedTo: ipc, in: context)
        try far.sendWhenConnected([1, 0, 255], to: router)
        let first = try router.next()
        #expect(first.frame == [1, 0, 255])
        try near.sendWhenConnected([], to: router)
        let second = try router.next()
        #expect(second.frame == [])
        #expect(first.route != second.route)
        try router.send([2], to: first.route)
        try router.send([3, 3], to: second.route)
        #expect(try far.next() == [2])
        #expect(try near.next() == [3, 3])
        #expect(try far.receive() == nil)
    }

    @Test("an address that another socket has is named") func addressInUse() throws {
        let first = try RouterSocket(in: context)
        let second = try RouterSocket(in: try Context())
        let endpoint = try first.bind("tcp://127.0.0.1:*")
        #expect(throws: SocketError.addressInUse(endpoint: endpoint)) { _ = try second.bind(endpoint) }
    }

    @Test(
        "what is no address is named, and what is wrong with it",
        arguments: [
            ("nonsense", "Invalid argument"), ("tcp://127.0.0.1:65536", "65536 is no port: it must be from 0 to 65535"),
            ("carrier://pigeon", "Protocol not supported"),
        ])
    func badEndpoint(endpoint: String, reason: String) throws {
        let router = try RouterSocket(in: context)
        #expect(throws: SocketError.badEndpoint(endpoint: endpoint, reason: reason)) { _ = try router.bind(endpoint) }
        #expect(throws: SocketError.badEndpoint(endpoint: endpoint, reason: reason)) {
            _ = try DealerSocket(connectedTo: endpoint, in: context)
        }
    }

    @Test("a frame to a worker that was never here, or that left, is not lost without a word") func unknownPeer() throws {
        let router = try RouterSocket(in: context)
        let endpoint = try router.bind("tcp://127.0.0.1:*")
        #expect(throws: SocketError.unknownPeer) { try router.send([1], to: Route([0, 1, 2, 3, 4])) }
        let route = try {
            let dealer = try DealerSocket(connectedTo: endpoint, in: context)
            try dealer.sendWhenConnected([1], to: router)
            return try router.next().route
        }()
        #expect(try router.errorWhenGone(route) == .unknownPeer)
    }

    @Test("a frame waits with its sender while there is no connection") func notNow() throws {
        let dealer = try DealerSocket(connectedTo: "ipc:///nowhere/\(UUID())", in: context)
        #expect(throws: SocketError.notNow) { try dealer.send([1]) }
    }

    @Test("a frame at the limit arrives, one beyond it costs its sender the connection and nobody else") func oversize() throws {
        let router = try RouterSocket(in: context)
        let endpoint = try router.bind("tcp://127.0.0.1:*")
        let loud = try DealerSocket(connectedTo: endpoint, in: context)
        let quiet = try DealerSocket(connectedTo: endpoint, in: context)
        try quiet.sendWhenConnected([1], to: router)
        let quietRoute = try router.next().route
        let largest = [UInt8](repeating: 7, count: Limits.frameBytes)
        try loud.sendWhenConnected(largest, to: router)
        let (loudRoute, arrived) = try router.next()
        #expect(arrived == largest)

        try loud.sendWhenConnected(largest + [7], to: router)
        #expect(try router.errorWhenGone(loudRoute) == .unknownPeer)
        try router.send([2], to: quietRoute)
        #expect(try quiet.next() == [2])
        try quiet.sendWhenConnected([3], to: router)
        #expect(try router.next() == (quietRoute, [3]))
        // It comes back by itself, as another connection. What it says before it has noticed the end of the first is lost with that.
        let again = try loud.sayUntilHeard([4], by: router)
        #expect(again.frame == [4])
        #expect(again.route != loudRoute)
    }

    @Test("a message from another thread wakes the thread that waits, with a socket or without, and none is lost") func mailbox() throws {
        let mailbox = try Mailbox<Int>()
        let router = try RouterSocket(in: context)
        let stopwatch = Stopwatch()
        var messages: [Int] = []
        startThread { for i in 0..<100_000 { mailbox.post(i) } }
        while messages.count < 100_000, stopwatch.now.sinceStart < patience {
            try Poller.wait(for: router, or: mailbox.wakeSignal, atMost: patience)
            messages += mailbox.takeAll()
        }
        #expect(messages == Array(0..<100_000))
        startThread { mailbox.post(7) }
        messages = []
        // The signal may still be set for a message that was taken already.
        while messages.isEmpty, stopwatch.now.sinceStart < patience {
            try Poller.wait(for: mailbox.wakeSignal, atMost: patience)
            messages += mailbox.takeAll()
        }
        #expect(messages == [7])
        #expect(stopwatch.now.sinceStart < patience, "the wake signal was not set")
    }

    @Test("a wait that ends by its time ends after its deadline, and a deadline that is past does not wait") func deadline() throws {
        let wakeSignal = try WakeSignal()
        let stopwatch = Stopwatch()
        try Poller.wait(for: wakeSignal, atMost: .microseconds(1_001))
        #expect(stopwatch.now.sinceStart >= .microseconds(1_001))
        try Poller.wait(for: wakeSignal, atMost: .seconds(-60))
        #expect(stopwatch.now.sinceStart < patience)
    }
}
