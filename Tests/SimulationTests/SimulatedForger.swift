// SimulatedForger.swift · Tests/SimulationTests. The holder of one key who speaks the protocol under as many ids as it likes: it forges, ends
// what is others', hoards, and says again what it has heard.

import Vocabulary
import Wire

@testable import regsweep

struct SimulatedForger {
    static let peer = Peer.key(PublicKey(bytes: Array(repeating: 7, count: PublicKey.byteCount))!)
    static let witness = Witness.key(Digest(of: Array(repeating: 7, count: PublicKey.byteCount)))
    /// Connections that it has at once at most.
    static let mostRoutes = 4

    /// Its connections. On each it has another id, or the same.
    private(set) var routes: [Route] = []
    /// What it was ever leased.
    private var leases: [Lease] = []
    private var nextID: UInt64 = 1
    private var nextBatch: UInt64 = 1
    /// When it acts next.
    var nextAt = Instant(sinceStart: .milliseconds(5))

    /// The coordinator has ended, and with it all connections.
    mutating func forgetRoutes() { routes = [] }

    mutating func close(_ route: Route) { routes.removeAll { $0 == route } }

    /// It says Hello on a new connection, with a new id, or the one that it used first, and claims to hold what it has not.
    mutating func greet(on route: Route, _ sweep: SampleSweep, _ dice: inout Dice) -> [Message] {
        let number = dice.chance(perThousand: 300) ? 1 : nextID
        let id = WorkerID(high: 1 << 40 | number, low: 0)
        nextID += 1
        routes.append(route)
        var held: [LeaseID: [TrialKey]] = [:], proofs: [LeaseID: Digest] = [:]
        if dice.chance(perThousand: 500) {
            let guess = LeaseID(incarnation: UInt64(dice.number(1...4)), number: UInt32(dice.number(1...60)))
            held[guess] = Array(sweep.keys.prefix(SampleSweep.settings))
            proofs[guess] = leases.first?.proof
        }
        for lease in leases.suffix(3) where dice.chance(perThousand: 300) {
            held[lease.id] = lease.trials.map(\.key)
            proofs[lease.id] = lease.proof
        }
        let hello = Hello(
            worker: id, host: "host\(dice.number(0...2))", process: dice.number(1...9), slots: 8, selfTest: SampleSweep.selfTest,
            held: held, proofs: proofs)
        return [.hello(hello), .ready(credits: dice.number(1...16))]
    }

    mutating func hear(_ message: Message) { if case .lease(let lease) = message { leases.append(lease) } }

    /// What it says on one of its connections. It says Heartbeat on all of them besides.
    mutating func speak(_ sweep: SampleSweep, _ incarnation: UInt64, _ dice: inout Dice) -> [Message] {
        // More often than not a lease that is out, of whatever incarnation.
        let guess = LeaseID(incarnation: UInt64(dice.number(1...Int(incarnation))), number: UInt32(dice.number(1...60)))
        let mine = leases.isEmpty ? nil : leases[dice.number(max(0, leases.count - 20)...leases.count - 1)]
        switch dice.number(0...9) {
        // It hoards.
        case 0...2: return []
        case 3: return [results(of: guess, [])]
        case 4: return [results(of: guess, (0..<4).map { _ in forged(sweep.keys[dice.number(0...sweep.keys.count - 1)]) })]
        case 5: return [results(of: mine?.id ?? guess, [forged(TrialKey(high: dice.roll(), low: 1))], mine?.proof)]
        case 6: return [.cancel(guess), .progress(guess, []), .checkpointAnswer(sweep.keys[dice.number(0...9)], epoch: 3, refusal: "no")]
        case 7: return mine.map { [.cancel($0.id)] } ?? []
        case 8: return mine.map { lease in [results(of: lease.id, lease.trials.map { failure(of: $0) }, lease.proof)] } ?? []
        default: return mine.map { lease in [results(of: lease.id, lease.trials.map { forged($0.key) }, lease.proof)] } ?? []
        }
    }

    /// All of its ids agree on what they forge.
    private func forged(_ key: TrialKey) -> TrialResult {
        SampleSweep.corrupted(SampleSweep.result(of: key, attempt: 1, seconds: 1), by: 666)
    }

    private func failure(of trial: LeasedTrial) -> TrialResult { SampleSweep.failure(of: trial) }

    private mutating func results(of lease: LeaseID, _ results: [TrialResult], _ proof: Digest? = nil) -> Message {
        defer { nextBatch += 1 }
        return .results(BatchID(rawValue: nextBatch), lease, results, proof: proof)
    }
}
