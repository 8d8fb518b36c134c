// ThreadTeamTests.swift · Tests/ComputeTests. The threads of one trial: every part of a loop is done once, in the right mode, and they end.

import Foundation
import Synchronization
import Testing

@testable import Compute

@Suite("Thread team") struct ThreadTeamTests {
    @Test(
        "ranges make up the whole, begin at multiples of the unit, and scratch is never shared",
        arguments: [(1, 100, 1), (2, 1, 1), (2, 32, 1), (3, 64, 8), (4, 3136, 16), (5, 10, 4), (16, 7, 1), (3, 0, 1)])
    func ranges(size: Int, count: Int, unit: Int) {
        let team = ThreadTeam(size: size)
        #expect(team.size == size)
        let ranges = Mutex<[Range<Int>]>([])
        let users = Mutex([Int](repeating: 0, count: size))
        let clashes = Atomic(0)
        // Often enough that members meet each other asleep, awake and late.
        for _ in 0..<200 {
            ranges.withLock { $0 = [] }
            team.share(count, unit: unit) { range, member in
                users.withLock { $0[member] += 1 }
                ranges.withLock { $0.append(range) }
                if users.withLock({ users in
                    users[member] -= 1
                    return users[member] != 0
                }) {
                    clashes.add(1, ordering: .relaxed)
                }
            }
            let found = ranges.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } }
            #expect(found.flatMap(Array.init) == Array(0..<count))
            #expect(found.allSatisfy { $0.lowerBound % unit == 0 })
        }
        #expect(clashes.load(ordering: .relaxed) == 0)
    }

    @Test("all members take part, and flush denormals as the calling thread does") func mode() {
        let seen = Mutex<[Int: UInt32]>([:])
        withFlushedDenormals {
            let team = ThreadTeam(size: 3)
            let deadline = Date.now + 60
            while seen.withLock({ $0.count }) < 3, Date.now < deadline {
                team.share(30) { _, member in
                    seen.withLock { $0[member] = floatingPointMode() }
                    usleep(200)
                }
            }
        }
        #expect(seen.withLock { $0 } == [0: 0x9FC0, 1: 0x9FC0, 2: 0x9FC0])
    }

    @Test("its threads end with it") func end() throws {
        weak var state: AnyObject?
        do {
            let team = ThreadTeam(size: 9)
            team.share(9) { _, _ in }
            state = team.state
            #expect(state != nil)
        }
        // Each of them holds the state until it ends.
        let deadline = Date.now + 60
        while state != nil, Date.now < deadline { usleep(1000) }
        #expect(state == nil)
    }
}
