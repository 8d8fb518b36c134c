// OutboxTests.swift · Tests/CoordinatorTests. What waits for a connection that takes nothing, and how little of it.

import Testing
import Vocabulary
import Wire

@testable import regsweep

@Suite("Outbox") struct OutboxTests {
    private let ada = Route([1]), bob = Route([2])
    private let file = Digest(of: "a file")

    /// What is offered to a socket of which some connections are full.
    private func flush(_ outbox: inout Outbox, full: Set<Route> = []) -> [(Outbox.Frame, Route)] {
        var offered: [(Outbox.Frame, Route)] = []
        outbox.flush { frame, route in
            offered.append((frame, route))
            return full.contains(route) ? .mustWait : .sent
        }
        return offered
    }

    @Test("frames for a connection that is full wait in their order, and those for others are sent") func order() {
        var outbox = Outbox()
        outbox.add([1], to: ada)
        outbox.add([2], to: bob)
        outbox.add([3], to: ada)
        let first = flush(&outbox, full: [ada])
        #expect(first.map(\.0) == [.encoded([1]), .encoded([2])] && first.map(\.1) == [ada, bob])
        #expect(outbox.count(of: ada) == 2 && outbox.count(of: bob) == 0 && !outbox.isEmpty)
        outbox.add([4], to: ada)
        #expect(flush(&outbox).map(\.0) == [.encoded([1]), .encoded([3]), .encoded([4])])
        #expect(outbox.isEmpty)
    }

    @Test("of many requests for data one waits for each connection, the last") func chunks() {
        var outbox = Outbox()
        outbox.add([1], to: ada)
        for offset in 0..<1_000 { for route in [ada, bob] { outbox.addChunk(of: file, offset: offset, to: route) } }
        outbox.add([2], to: ada)
        #expect(outbox.count(of: ada) == 3 && outbox.count(of: bob) == 1)
        #expect(flush(&outbox, full: [ada]).map(\.0) == [.encoded([1]), .chunk(file, offset: 999)])
        outbox.addChunk(of: file, offset: 7, to: ada)
        #expect(flush(&outbox).map(\.0) == [.encoded([1]), .chunk(file, offset: 7), .encoded([2])])
        // Once it is sent the next one is another.
        outbox.addChunk(of: file, offset: 8, to: ada)
        #expect(flush(&outbox).map(\.0) == [.chunk(file, offset: 8)])
    }

    @Test("a connection that is owed more than any worker can be is named, and its frames are removed on request") func overfull() {
        var outbox = Outbox()
        outbox.add([0], to: bob)
        for _ in 0..<Limits.unsentFrames { outbox.add([1], to: ada) }
        #expect(outbox.overfull == [])
        outbox.add([1], to: ada)
        #expect(outbox.overfull == [ada])
        outbox.remove(ada)
        #expect(outbox.overfull == [] && outbox.count(of: ada) == 0)
        #expect(flush(&outbox).map(\.0) == [.encoded([0])])
    }
}
