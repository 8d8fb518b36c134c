// UnheardConnectionsTests.swift · Tests/WireTests. Which strangers are let in and which are ended, as values: no socket.

import Testing

@testable import Wire

@Suite("Strangers' connections") struct UnheardConnectionsTests {
    private typealias Connection = UnheardConnections.Connection
    private let budget = DescriptorBudget(limit: 100)
    private var unheard = UnheardConnections()

    /// Takes in connections with these descriptors; the socket of each has the same number.
    private mutating func admit(
        _ descriptors: some Sequence<Int>, isOpen: (Connection) -> Bool = { _ in true }
    ) -> (refused: [Int], ended: [Int]) {
        var refused: [Int] = [], ended: [Int] = []
        for descriptor in descriptors {
            let answer = unheard.admit(Connection(descriptor: descriptor, socket: UInt(descriptor)), budget, isOpen: isOpen)
            if !answer.isAdmitted { refused.append(descriptor) }
            ended += answer.ended.map(\.descriptor)
        }
        return (refused, ended)
    }

    @Test("a quarter of the descriptors, 256 at most, is kept; strangers have half of the others, 4,096 at most")
    func budgets() {
        #expect((budget.reserveStart, budget.end, budget.mostUnheard) == (75, 88, 37))
        let large = DescriptorBudget(limit: 20_000)
        #expect((large.reserveStart, large.end, large.mostUnheard) == (19_744, 19_872, 4096))
        #expect(DescriptorBudget(limit: 1024).mostUnheard == 384)
        // However small the limit is, there is room for one.
        #expect(DescriptorBudget(limit: 0).mostUnheard == 1)
    }

    @Test("where too many have said nothing the oldest eighth is ended, and the new one is let in") mutating func tooMany() {
        #expect(admit(3..<40) == ([], []))
        #expect(admit([40]) == ([], [3, 4, 5, 6]))
        #expect(unheard.count == 34)
        #expect(admit(41..<44) == ([], []))
        #expect(admit([44]) == ([], [7, 8, 9, 10]))
    }

    @Test("a connection that was heard is not ended, however many come after it") mutating func heard() {
        #expect(admit(3..<40) == ([], []))
        for descriptor in 3..<7 { unheard.heard(descriptor) }
        #expect(admit(40..<44) == ([], []))
        #expect(admit([44]) == ([], [7, 8, 9, 10]))
        // Known to nobody, and known no more.
        unheard.heard(-1)
        unheard.heard(3)
    }

    @Test("connections that have ended make room, and whoever has their descriptor now is left alone") mutating func ended() {
        #expect(admit(3..<40) == ([], []))
        #expect(admit([40], isOpen: { $0.descriptor > 20 }) == ([], []))
        #expect(unheard.count == 20)
        // 21 was closed, and is another connection now, the newest.
        let new = Connection(descriptor: 21, socket: 1000)
        #expect(unheard.admit(new, budget) { _ in true }.ended.isEmpty)
        #expect(admit(41..<58) == ([], []))
        #expect(admit([58]) == ([], [22, 23, 24, 25]))
    }

    @Test("a descriptor of the reserve costs the oldest stranger its connection; where there is none, and near the end, nobody is let in")
    mutating func reserve() {
        #expect(admit([70, 74]) == ([], []))
        #expect(admit([75]) == ([], [70]))
        unheard.heard(75)
        // Ended, but its descriptor is not free yet.
        #expect(admit([88]) == ([88], [74]))
        #expect(admit([75]) == ([75], []))
        #expect(admit([74]) == ([], []))
    }

    @Test("thousands that come and go, heard or not, leave nothing behind") mutating func churn() {
        for round in 0..<5_000 {
            let connection = Connection(descriptor: 3 + round % 20, socket: UInt(round))
            #expect(unheard.admit(connection, budget, isOpen: { $0.socket + 20 > UInt(round) }).ended.isEmpty)
            if round % 3 == 0 { unheard.heard(connection.descriptor) }
        }
        #expect(unheard.count <= 20)
    }

    @Test("whoever has sent the most without a word is ended first, until the others are below the bound") mutating func greedy() {
        #expect(admit(3..<8) == ([], []))
        unheard.heard(7)
        let sizes = [3: 10, 4: 500, 5: 40, 6: 300, 7: 10_000]
        func take(_ most: Int, isOpen: @escaping (Int) -> Bool = { _ in true }) -> [Int] {
            var copy = unheard
            return copy.takeGreediest(most: most) { isOpen($0.descriptor) ? sizes[$0.descriptor] : nil }.map(\.descriptor)
        }
        #expect(take(850) == [])
        #expect(take(849) == [4])
        #expect(take(349) == [4, 6])
        #expect(take(0) == [4, 6, 5, 3])
        #expect(take(349, isOpen: { $0 != 4 }) == [6])
    }
}
