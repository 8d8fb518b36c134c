// Frames.swift · Tests/WireTests. Messages with awkward values, and frames written by hand.

@testable import Vocabulary
@testable import Wire

/// Fields as protobuf writes them, put together without protobuf-c, so that the schema itself is checked and not only its inverse.
enum Bytes {
    static func varint(_ value: UInt64) -> [UInt8] {
        var (rest, out) = (value, [UInt8]())
        while rest >= 128 {
            out.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return out + [UInt8(rest)]
    }

    static func number(_ field: UInt64, _ value: UInt64) -> [UInt8] { varint(field << 3) + varint(value) }

    static func real(_ field: UInt64, _ value: Double) -> [UInt8] { varint(field << 3 | 1) + value.bitPattern.bigEndianBytes.reversed() }

    /// Bytes, a text, a message inside a message or a packed list.
    static func block(_ field: UInt64, _ content: [UInt8]) -> [UInt8] { varint(field << 3 | 2) + varint(UInt64(content.count)) + content }

    /// The field that every frame begins with.
    static var version: [UInt8] { number(1, UInt64(Envelope.protocolVersion)) }

    /// A frame of this version and incarnation 7.
    static func frame(_ body: UInt64, _ content: [UInt8]) -> [UInt8] { version + number(2, 7) + block(body, content) }
}

enum Samples {
    static let key = TrialKey(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210)
    static let digest = Digest(of: "bits")

    static func hello(held: [LeaseID: [TrialKey]] = [:], slots: Int = 1) -> Hello {
        Hello(
            worker: WorkerID(high: .max, low: 1), host: "Ædna 🖥", process: Int(UInt32.max), slots: slots,
            selfTest: digest, held: held)
    }

    static func result(
        _ outcome: Outcome, curve: [CurvePoint] = [], series: [Series] = [], seconds: Double = 0
    ) -> TrialResult {
        var digest: Digest? = Self.digest
        if case .failed = outcome { digest = nil }
        return TrialResult(
            key: key, attempt: Int(UInt32.max), outcome: outcome, epochs: 200, digest: digest, curve: curve,
            series: series, seconds: seconds)
    }

    static func curve(_ count: Int) -> [CurvePoint] {
        (0..<count).map { CurvePoint(epoch: $0 + 1, trainLoss: Double($0) * 0.1, testLoss: .leastNonzeroMagnitude) }
    }

    static func trial(
        _ setting: Setting = Setting(algorithm: "sgd", strengths: [.lambda1: 1e-300, .lambda2: 0], learningRate: 0.01)
    ) -> LeasedTrial {
        LeasedTrial(key: key, attempt: 1, setting: setting)
    }

    static func lease(
        parameters: [String: ParameterValue] = [:], trials: [LeasedTrial] = [trial()], baselines: [Baseline] = []
    ) -> Lease {
        Lease(
            id: LeaseID(incarnation: 7, number: .max),
            group: GroupSpec(
                problem: "diagonal-network", parameters: parameters, seed: .max, trainingSet: 0, initialization: Int(UInt32.max),
                replicate: 2),
            trials: trials, baselines: baselines)
    }

    static func checkpoint(_ content: [UInt8] = Array("content".utf8), epoch: Int = 12) -> Checkpoint {
        Checkpoint(key: key, epoch: epoch, content: content)
    }

    static func welcome(heartbeat: Duration = .seconds(2), timeout: Duration = .seconds(6), keep: [LeaseID] = []) -> Message {
        .welcome(Welcome(sweep: "figure4", heartbeatInterval: heartbeat, timeout: timeout, keep: keep))
    }

    /// Strengths that no kernel knows, and values that none allows.
    private static var unusual: Strengths {
        var strengths: Strengths = [.lambda1: .infinity, .lambda2: -1, .momentum: 0.9]
        strengths["of another release"] = 3
        return strengths
    }

    /// Every kind of message, with values at the edge of what each field can say.
    static let messages: [Message] = [
        .hello(hello()),
        .hello(hello(held: [LeaseID(rawValue: 0): [], LeaseID(rawValue: .max): [key, TrialKey(high: 0, low: 0)]], slots: Limits.slots)),
        .ready(credits: 0), .ready(credits: 2 * Limits.slots),
        .progress(LeaseID(rawValue: 1), []),
        .progress(
            LeaseID(rawValue: .max),
            [.nan, .infinity, -.infinity, -0.0, .greatestFiniteMagnitude, .leastNonzeroMagnitude].map {
                ProgressPoint(key: key, point: CurvePoint(epoch: Int(UInt32.max), trainLoss: $0, testLoss: -$0), lossRatio: nil)
            } + [ProgressPoint(key: key, point: CurvePoint(epoch: 0, trainLoss: 1, testLoss: 2), lossRatio: .infinity)]),
        .results(BatchID(rawValue: 0), LeaseID(rawValue: 0), []),
        .results(
            BatchID(rawValue: .max), LeaseID(rawValue: .max),
            [
                result(.done(trainLoss: 0, testLoss: -0.0), curve: curve(3), seconds: 1e-9),
                result(.done(trainLoss: .greatestFiniteMagnitude, testLoss: .leastNonzeroMagnitude)),
                result(
                    .done(trainLoss: 1, testLoss: 2),
                    series: [
                        Series(name: "", values: []), Series(name: "x", values: [.infinity, -0.0, .leastNonzeroMagnitude]),
                        Series(name: "Ædna", values: [1]),
                    ]),
                result(.diverged, curve: curve(1)), result(.failed(reason: "")), result(.failed(reason: "a reason")),
            ]),
        .goodbye(reason: ""), .goodbye(reason: "drained"), .dropped(reason: "an empty frame"), .heartbeat(running: 0),
        .heartbeat(running: 2 * Limits.slots),
        welcome(), welcome(heartbeat: .milliseconds(1), timeout: .seconds(86_400), keep: [LeaseID(rawValue: .max), LeaseID(rawValue: 0)]),
        .refused(reason: "other bits"), .lease(lease()),
        .lease(
            lease(
                parameters: [
                    "integer": .integer(.min), "more": .integer(.max), "zero": .integer(0), "real": .real(-.infinity), "text": .text(""),
                    "": .text("float32"), "list": [1, 2.5, "x", [], [[3]]], "table": ["a": ["b": [["c": 1], [:]]], "": 2], "no entry": [:],
                ],
                trials: [trial(), trial(Setting(algorithm: "", strengths: unusual, learningRate: -0.0))],
                baselines: [
                    Baseline(setting: Setting(learningRate: 0.01), testLoss: [:]),
                    Baseline(
                        setting: Setting(strengths: [.weightDecay: 0.5], learningRate: 0.1), testLoss: [0: 1, Int(UInt32.max): .infinity]),
                ])),
        .dataRequest(digest, offset: 0), .dataRequest(digest, offset: Limits.blobBytes),
        .dataChunk(DataChunk(digest: digest, offset: 3, total: 5, content: [0, 255])),
        .dataChunk(DataChunk(digest: digest, offset: Limits.blobBytes, total: Limits.blobBytes, content: [])),
        .dataChunk(DataChunk(digest: digest, offset: 0, total: 0, content: [])),
        .checkpoint(LeaseID(rawValue: .max), checkpoint()),
        // Its hash is another's: that is for the receiver to find, not for the decoder.
        .checkpoint(LeaseID(rawValue: 0), Checkpoint(key: key, epoch: Int(UInt32.max), digest: digest, content: [0])),
        .checkpointAnswer(key, epoch: 0, refusal: nil), .checkpointAnswer(key, epoch: Int(UInt32.max), refusal: "not of this trial"),
        .welcome(
            Welcome(
                sweep: "", heartbeatInterval: .seconds(1), timeout: .seconds(2), keep: [],
                checkpoints: CheckpointRule(interval: .milliseconds(1), epochs: Int(UInt32.max)))),
        .lease(
            Lease(
                id: LeaseID(rawValue: 1), group: lease().group,
                trials: [trial(Setting(algorithm: "sgd", strengths: [.lambda1: 0, .lambda2: 0.1, .weightDecay: 0.01], learningRate: 0.1))],
                baselines: [],
                checkpoint: checkpoint())),
        .results(
            BatchID(rawValue: 1), LeaseID(rawValue: 1),
            [
                TrialResult(
                    key: key, attempt: 1, outcome: .done(trainLoss: 1, testLoss: 2), epochs: 2, digest: digest, curve: [],
                    seconds: 1, model: [1, 2, 3])
            ]),
        .cancel(LeaseID(rawValue: .max)), .drain, .acknowledged(BatchID(rawValue: .max)), .introduce,
        .command(.list), .command(.drain("ada")), .command(.remove("")), .command(.invite("Ædna")), .command(.add("ssh:ada")),
        .answer(Answer(text: "")),
        .answer(
            Answer(
                isRefusal: true, text: "no such worker",
                workers: [
                    WorkerLine(
                        worker: WorkerID(high: 1, low: .max), host: "ada", keyName: "", slots: 1, leases: 0, sinceHeard: .milliseconds(7),
                        secondsPerTrial: 0.5)
                ])),
    ]
}
