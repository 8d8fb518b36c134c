// Measuring.swift · Benchmarks/Bench. Medians, and the kernels and messages that are measured.

import Compute
import Glibc
import Vocabulary
import Wire

let clock = ContinuousClock()

func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = clock.now
    try body()
    return start.duration(to: clock.now).inSeconds
}

func median(of runs: Int, _ body: () -> Double) -> Double { (0..<runs).map { _ in body() }.sorted()[runs / 2] }

func rounded(_ value: Double, _ decimals: Int = 1) -> String {
    let scale = decimals == 1 ? 10.0 : 100.0
    return "\((value * scale).rounded() / scale)"
}

/// Twelve independent sums hide the latency of a fused multiply-add on every core of the last ten years.
@inline(never) func peakFLOPS<V: SIMD>(_: V.Type) -> Double where V.Scalar: BinaryFloatingPoint {
    let steps = 4_000_000
    var sums = InlineArray<12, V> { V(repeating: V.Scalar($0)) }
    let factor = V(repeating: 0.999), term = V(repeating: 0.001)
    let time = seconds {
        for _ in 0..<steps { for i in 0..<12 { sums[i] = term.addingProduct(sums[i], factor) } }
    }
    var total = V()
    for i in 0..<12 { total += sums[i] }
    // Printed where it cannot be: the compiler must not drop the loop.
    if total[0].isNaN { print(total) }
    return Double(2 * 12 * V.scalarCount * steps) / time
}

/// Floating-point operations a second of one group at the paper's size, 20 epochs.
func groupFLOPS(lanes count: Int, _ precision: Precision) -> Double {
    do {
        let epochs = 20
        let problem = DiagonalNetwork(
            try DiagonalNetwork.declaration.configuration(overriding: [
                "initialization_scale": 0.2, "epochs": .integer(epochs), "precision": .text(precision.rawValue),
            ]))
        let lanes = (0..<count).map { Lane(strengths: [.lambda1: Double($0) * 1e-5, .lambda2: Double($0) * 1e-5], learningRate: 0.01) }
        let plan = try GroupPlan(
            problem: problem, coordinates: Coordinates(seed: 1, trainingSet: 0, initialization: 0, replicate: 0), lanes: lanes)
        let time = seconds { _ = run(plan) { _ in .goOn } }
        // Six passes over X or X² a step, two operations an element.
        return Double(count * epochs * problem.samples * 12 * problem.samples * problem.dimension) / time
    } catch { preconditionFailure("the benchmark's own plan was refused: \(error)") }
}

func sampleResults() -> Envelope {
    let results = (0..<91).map { index in
        TrialResult(
            key: TrialKey(high: UInt64(index), low: 7), attempt: 1, outcome: .done(trainLoss: 0.5, testLoss: 2.5), epochs: 200,
            digest: Digest(of: "\(index)"),
            curve: (1...50).map { CurvePoint(epoch: 4 * $0, trainLoss: 1 / Double($0), testLoss: 2 / Double($0)) }, seconds: 0.01)
    }
    return Envelope(incarnation: 1, message: .results(BatchID(rawValue: 1), LeaseID(incarnation: 1, number: 1), results))
}

func secondsToEncode() -> Double {
    let envelope = sampleResults()
    var bytes = 0
    let time = seconds { for _ in 0..<50 { bytes += envelope.encoded().count } }
    return bytes > 0 ? time / 50 : .nan
}

func secondsToDecode(_ frame: [UInt8]) -> Double {
    var decoded = 0
    let time = seconds { for _ in 0..<50 where (try? Envelope(decoding: frame)) != nil { decoded += 1 } }
    return decoded == 50 ? time / 50 : .nan
}

/// Median of 2,000 round trips between a DEALER and a ROUTER in this process, each waiting in the poller as the programs do.
func roundTrip() throws -> Double {
    let context = try Context()
    let router = try RouterSocket(in: context)
    let dealer = try DealerSocket(connectedTo: try router.bind("tcp://127.0.0.1:*"), in: context)
    let wakeSignal = try WakeSignal()
    let frame = Envelope(incarnation: 1, message: .heartbeat(running: 1)).encoded()
    var times: [Double] = []
    while times.count < 2_000 {
        // The first frames find no connection yet.
        guard try sends(frame, by: dealer) else {
            try router.answerHandshakes()
            continue
        }
        let time = try seconds {
            var heard: (route: Route, frame: [UInt8])?
            while heard == nil {
                try Poller.wait(for: router, or: wakeSignal, atMost: .seconds(1))
                heard = try router.receive()
            }
            try router.send(heard!.frame, to: heard!.route)
            var answer: [UInt8]?
            while answer == nil {
                try Poller.wait(for: dealer, or: wakeSignal, atMost: .seconds(1))
                answer = try dealer.receive()
            }
        }
        times.append(time)
    }
    return times.sorted()[times.count / 2]
}

/// Leases of 16 trials handed out and answered with their results, a second, over tcp on loopback: encoded, sent, received and decoded
/// both ways in one thread, as many at a time as a worker of two slots holds. No scheduler and no store: what the wire alone can carry.
func wireSpeed(encrypted: Bool) throws -> (leasesPerSecond: Double, cpuOfLease: Double) {
    // Each side encrypts in its own context's thread, as in two processes.
    let context = try Context(), far = try Context()
    let router = try RouterSocket(in: context)
    let own = SecretKey.random(), key = SecretKey.random()
    let endpoint = try router.bind("tcp://127.0.0.1:*", admitting: encrypted ? .keys(own) : .anyone)
    router.allow(key.publicKey)
    let dealer =
        encrypted
        ? try DealerSocket(invitedBy: Invitation(endpoint: endpoint, coordinator: own.publicKey, key: key), in: far)
        : try DealerSocket(connectedTo: endpoint, in: far)
    let hello = Envelope(incarnation: 1, message: .heartbeat(running: 0)).encoded()
    while try !sends(hello, by: dealer) { try router.answerHandshakes() }
    var route: Route?
    while route == nil { route = try router.receive()?.route }
    guard case .results(let batch, let id, let results, _) = sampleResults().message else { preconditionFailure("no results") }
    let lease = Envelope(
        incarnation: 1,
        message: .lease(
            Lease(
                id: id,
                group: GroupSpec(problem: "diagonal-network", parameters: [:], seed: 1, trainingSet: 0, initialization: 0, replicate: 0),
                trials: results.prefix(16).map {
                    LeasedTrial(
                        key: $0.key, attempt: 1,
                        setting: Setting(algorithm: "sgd", strengths: [.lambda1: 0.1, .lambda2: 0.1], learningRate: 0.01))
                }, baselines: [])))
    let answer = Envelope(incarnation: 1, message: .results(batch, id, Array(results.prefix(16))))
    let count = 3_000
    var (sent, done) = (0, 0)
    let cpu = processorSeconds()
    let time = try seconds {
        while done < count {
            while sent < count, sent - done < 4 {
                try router.send(lease.encoded(), to: route!)
                sent += 1
            }
            while let frame = try dealer.receive() {
                _ = try Envelope(decoding: frame)
                try dealer.send(answer.encoded())
            }
            while let (_, frame) = try router.receive() {
                _ = try Envelope(decoding: frame)
                done += 1
            }
        }
    }
    return (Double(count) / time, (processorSeconds() - cpu) / Double(count))
}

/// Of all threads of this process: what others run on the host does not count.
private func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

private func sends(_ frame: [UInt8], by dealer: borrowing DealerSocket) throws -> Bool {
    do { try dealer.send(frame) } catch SocketError.notNow { return false }
    return true
}
