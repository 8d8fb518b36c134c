// MessageTests.swift · Tests/WireTests. What goes over the wire arrives as it was said, or is refused with a reason.

import TestSupport
import Testing

@testable import Vocabulary
@testable import Wire

@Suite("Messages: over the wire and back") struct MessageRoundTripTests {
    @Test("every message arrives as it was said", arguments: Samples.messages) func roundTrip(message: Message) throws {
        for epoch in [0, 7, UInt64.max] {
            let envelope = Envelope(incarnation: epoch, message: message)
            let arrived = try Envelope(decoding: envelope.encoded())
            // NaN is no equal of itself, so progress is compared in words.
            guard case .progress = message else {
                #expect(arrived == envelope)
                continue
            }
            #expect("\(arrived)".replacing("-0.0", with: "0.0") == "\(envelope)".replacing("-0.0", with: "0.0"))
        }
    }

    @Test("frames are those of the schema, byte for byte") func schema() throws {
        let lease = Bytes.number(1, 9)
        let spoken: [(frame: [UInt8], message: Message)] = [
            (Bytes.frame(11, Bytes.number(1, 4)), .ready(credits: 4)), (Bytes.frame(14, Bytes.number(1, 2)), .heartbeat(running: 2)),
            (Bytes.frame(15, Bytes.block(1, Array("drained".utf8))), .goodbye(reason: "drained")),
            (Bytes.frame(16, Bytes.block(1, Array("noise".utf8))), .dropped(reason: "noise")),
            (
                Bytes.frame(
                    20,
                    Bytes.block(1, Array("figure4".utf8)) + Bytes.number(2, 2000) + Bytes.number(3, 6000)
                        + Bytes.block(4, Bytes.varint(9) + Bytes.varint(300)) + Bytes.number(20, 300_000)),
                Samples.welcome(keep: [LeaseID(rawValue: 9), LeaseID(rawValue: 300)])
            ), (Bytes.frame(21, Bytes.block(1, Array("no".utf8))), .refused(reason: "no")),
            (Bytes.frame(23, lease), .cancel(LeaseID(rawValue: 9))), (Bytes.frame(24, []), .drain),
            (Bytes.frame(25, lease), .acknowledged(BatchID(rawValue: 9))), (Bytes.frame(26, []), .introduce),
            (
                Bytes.frame(
                    12,
                    lease
                        + Bytes.block(
                            2,
                            Bytes.block(1, Samples.key.bytes) + Bytes.number(2, 4) + Bytes.real(3, 0.5) + Bytes.real(4, 1.5)
                                + Bytes.real(5, 0.75))),
                .progress(
                    LeaseID(rawValue: 9),
                    [ProgressPoint(key: Samples.key, point: CurvePoint(epoch: 4, trainLoss: 0.5, testLoss: 1.5), lossRatio: 0.75)])
            ),
        ]
        let digest = Digest(of: "content")
        let more: [(frame: [UInt8], message: Message)] = [
            (Bytes.frame(30, Bytes.block(1, digest.bytes) + Bytes.number(2, 300)), .dataRequest(digest, offset: 300)),
            (
                Bytes.frame(31, Bytes.block(1, digest.bytes) + Bytes.number(2, 300) + Bytes.number(3, 302) + Bytes.block(4, [7, 8])),
                .dataChunk(DataChunk(digest: digest, offset: 300, total: 302, content: [7, 8]))
            ),
            (
                Bytes.frame(
                    32,
                    lease + Bytes.block(2, Samples.key.bytes) + Bytes.number(3, 12) + Bytes.block(4, digest.bytes)
                        + Bytes.block(5, Array("content".utf8))),
                .checkpoint(LeaseID(rawValue: 9), Samples.checkpoint())
            ),
            (
                Bytes.frame(33, Bytes.block(1, Samples.key.bytes) + Bytes.number(2, 12) + Bytes.block(3, Array("no".utf8))),
                .checkpointAnswer(Samples.key, epoch: 12, refusal: "no")
            ),
        ]
        for (frame, message) in spoken + more {
            #expect(Envelope(incarnation: 7, message: message).encoded() == frame)
            #expect(try Envelope(decoding: frame) == Envelope(incarnation: 7, message: message))
        }
    }

    @Test("the sender cuts a text for people between characters, to at most the limit, and at an embedded zero") func texts() throws {
        func arrived(_ text: String) throws -> Message {
            try Envelope(decoding: Envelope(incarnation: 1, message: .goodbye(reason: text)).encoded()).message
        }
        let room = Limits.textBytes
        for (text, kept) in [
            (String(repeating: "a", count: room), String(repeating: "a", count: room)),
            (String(repeating: "a", count: room + 1), String(repeating: "a", count: room)),
            // é has two bytes, 🖥 four, and a family of four people twenty-five: none is cut in half.
            (String(repeating: "é", count: room), String(repeating: "é", count: room / 2)),
            ("a" + String(repeating: "é", count: room), "a" + String(repeating: "é", count: room / 2 - 1)),
            (String(repeating: "a", count: room - 3) + "🖥", String(repeating: "a", count: room - 3)),
            (String(repeating: "a", count: room - 24) + "👨‍👩‍👧‍👦", String(repeating: "a", count: room - 24)),
            ("before\0after", "before"), ("\0", ""),
        ] { #expect(try arrived(text) == .goodbye(reason: kept)) }
    }

    @Test("zero without a sign is what arrives of −0 outside of lists, and a curve keeps its sign") func negativeZero() throws {
        let result = Samples.result(
            .done(trainLoss: -0.0, testLoss: 1), curve: [CurvePoint(epoch: 1, trainLoss: -0.0, testLoss: 1)])
        let frame = Envelope(incarnation: 1, message: .results(BatchID(rawValue: 1), LeaseID(rawValue: 1), [result])).encoded()
        guard case .results(_, _, let arrived, _) = try Envelope(decoding: frame).message, case .done(let loss, _) = arrived[0].outcome
        else {
            Issue.record("no result")
            return
        }
        #expect(loss.bitPattern == 0)
        #expect(arrived[0].curve[0].trainLoss.bitPattern == (-0.0).bitPattern)
    }
}

@Suite("Messages: limits and refusals") struct MessageRefusalTests {
    private func error(of frame: [UInt8]) -> MessageError? {
        do throws(MessageError) {
            _ = try Envelope(decoding: frame)
            return nil
        } catch { return error }
    }

    private func error(of message: Message) -> MessageError? { error(of: Envelope(incarnation: 1, message: message).encoded()) }

    @Test("every limit lets its value through and refuses the next one, in words") func limits() {
        func held(_ count: Int) -> Message {
            .hello(Samples.hello(held: Dictionary(uniqueKeysWithValues: (0..<count).map { (LeaseID(rawValue: UInt64($0)), []) })))
        }
        func keys(_ count: Int) -> Message {
            .hello(Samples.hello(held: [LeaseID(rawValue: 1): Array(repeating: Samples.key, count: count)]))
        }
        func results(_ count: Int) -> Message {
            .results(BatchID(rawValue: 1), LeaseID(rawValue: 1), Array(repeating: Samples.result(.diverged), count: count))
        }
        func curve(_ count: Int) -> Message {
            .results(BatchID(rawValue: 1), LeaseID(rawValue: 1), [Samples.result(.diverged, curve: Samples.curve(count))])
        }
        func series(_ count: Int, values: Int) -> Message {
            let series = (0..<count).map { Series(name: "\($0)", values: Array(repeating: 1, count: values)) }
            return .results(BatchID(rawValue: 1), LeaseID(rawValue: 1), [Samples.result(.diverged, series: series)])
        }
        func points(_ count: Int) -> Message {
            let point = ProgressPoint(key: Samples.key, point: CurvePoint(epoch: 1, trainLoss: 1, testLoss: 1), lossRatio: nil)
            return .progress(LeaseID(rawValue: 1), Array(repeating: point, count: count))
        }
        func keep(_ count: Int) -> Message { Samples.welcome(keep: (0..<count).map { LeaseID(rawValue: UInt64($0)) }) }
        func trials(_ count: Int) -> Message { .lease(Samples.lease(trials: Array(repeating: Samples.trial(), count: count))) }
        func parameters(_ count: Int) -> Message {
            .lease(Samples.lease(parameters: Dictionary(uniqueKeysWithValues: (0..<count).map { ("\($0)", .integer($0)) })))
        }
        func baselines(_ count: Int) -> Message {
            .lease(Samples.lease(baselines: (0..<count).map { Baseline(setting: Setting(learningRate: Double($0)), testLoss: [1: 1]) }))
        }
        func baseline(_ count: Int) -> Message {
            let losses = Dictionary(uniqueKeysWithValues: (0..<count).map { ($0, 1.0) })
            return .lease(Samples.lease(baselines: [Baseline(setting: Setting(learningRate: 1), testLoss: losses)]))
        }
        let day = 86_400_000
        let limits: [(make: (Int) -> Message, last: Int, reason: String)] = [
            (held, Limits.heldLeases, "4097 held leases, at most 4096 are allowed"),
            (keys, Limits.trialsPerLease, "65552 bytes, at most 65536 are allowed"),
            ({ .hello(Samples.hello(slots: $0)) }, Limits.slots, "slots: 1025 is outside 1...1024"),
            ({ .ready(credits: $0) }, 2 * Limits.slots, "credits: 2049 is outside 0...2048"),
            ({ .heartbeat(running: $0) }, 2 * Limits.slots, "running: 2049 is outside 0...2048"),
            (points, Limits.trialsPerLease, "4097 points, at most 4096 are allowed"),
            (results, Limits.trialsPerLease, "4097 results, at most 4096 are allowed"),
            (curve, Limits.curvePoints, "1025 points of a curve, at most 1024 are allowed"),
            ({ series($0, values: 1) }, Limits.series, "33 series, at most 32 are allowed"),
            ({ series(1, values: $0) }, Limits.seriesValues, "16385 values of a series, at most 16384 are allowed"),
            (keep, Limits.heldLeases, "4097 leases to keep, at most 4096 are allowed"),
            (trials, Limits.trialsPerLease, "4097 trials, at most 4096 are allowed"),
            (parameters, Limits.parameters, "1025 parameters, at most 1024 are allowed"),
            (baselines, Limits.trialsPerLease, "4097 baselines, at most 4096 are allowed"),
            (baseline, Limits.curvePoints, "1025 points of a baseline, at most 1024 are allowed"),
            ({ Samples.welcome(heartbeat: .milliseconds($0)) }, day, "heartbeat interval: 86400001 is outside 1...86400000"),
            ({ Samples.welcome(timeout: .milliseconds($0)) }, day, "timeout: 86400001 is outside 1...86400000"),
        ]
        for (make, last, reason) in limits {
            #expect(error(of: make(last)) == nil, "\(last) where \(reason)")
            #expect(error(of: make(last + 1)) == .malformed(reason: reason))
        }
        for (message, reason) in [
            (.hello(Samples.hello(slots: 0)), "slots: 0 is outside 1...1024"),
            (Samples.welcome(heartbeat: .microseconds(999)), "heartbeat interval: 0 is outside 1...86400000"),
            (Samples.welcome(timeout: .zero), "timeout: 0 is outside 1...86400000"), (trials(0), "a lease of no trial"),
        ] as [(Message, String)] { #expect(error(of: message) == .malformed(reason: reason)) }
    }

    @Test("a character that would steer a terminal arrives as a question mark, and the end of a line as a space") func controls() throws {
        let said = Message.goodbye(reason: "a\u{1B}[2J\n\u{7F}\u{9B}\u{202E}ü\t\u{2028}z")
        let heard = try Envelope(decoding: Envelope(incarnation: 1, message: said).encoded()).message
        #expect(heard == .goodbye(reason: "a?[2J ???ü  z"))
    }

    @Test("a time that no trial takes costs no result: it counts as the longest, or as none") func seconds() throws {
        let (most, tiny) = (Limits.secondsPerTrial, 1e-9)
        for (said, heard) in [
            (most, most), (most.nextUp, most), (1e300, most), (.infinity, 0), (-.infinity, 0), (.nan, 0), (-1, 0), (tiny, tiny),
        ] {
            let message = Message.results(BatchID(rawValue: 1), LeaseID(rawValue: 1), [Samples.result(.diverged, seconds: said)])
            let arrived = try Envelope(decoding: Envelope(incarnation: 1, message: message).encoded()).message
            #expect(arrived == .results(BatchID(rawValue: 1), LeaseID(rawValue: 1), [Samples.result(.diverged, seconds: heard)]), "\(said)")
        }
        // The longest lease of them is a time like any other.
        #expect(Duration.seconds(2 * most * Double(Limits.trialsPerLease)) > .zero)
    }

    @Test("a damaged checkpoint is a message all the same, and says that it is damaged") func damagedCheckpoint() throws {
        let whole = Samples.checkpoint()
        let damaged = Checkpoint(key: whole.key, epoch: whole.epoch, digest: whole.digest, content: Array("Content".utf8))
        for (sent, isIntact) in [(whole, true), (damaged, false)] {
            let frame = Envelope(incarnation: 1, message: .checkpoint(LeaseID(rawValue: 9), sent)).encoded()
            guard case .checkpoint(_, let arrived) = try Envelope(decoding: frame).message else {
                Issue.record("it is no checkpoint any more")
                continue
            }
            #expect(arrived == sent && arrived.isIntact == isIntact)
        }
    }

    @Test("a text of another sender may be as long as ours, and no longer") func textLimit() {
        func goodbye(_ count: Int) -> [UInt8] { Bytes.frame(15, Bytes.block(1, Array(repeating: 97, count: count))) }
        #expect(error(of: goodbye(Limits.textBytes)) == nil)
        #expect(error(of: goodbye(Limits.textBytes + 1)) == .malformed(reason: "reason of 1025 bytes"))
    }

    @Test("a frame may be as large as the limit, and no larger") func frameLimit() throws {
        let identity = Bytes.block(1, Array(repeating: 1, count: 16)) + Bytes.number(4, 1) + Bytes.block(7, Samples.digest.bytes)
        func lease(_ id: UInt64, keys: Int) -> [UInt8] {
            Bytes.block(8, Bytes.number(1, id) + Bytes.block(2, Array(repeating: 0, count: keys)))
        }
        let full = (1...127).flatMap { lease($0, keys: Limits.trialsPerLease * TrialKey.byteCount) }
        func hello(keys: Int, host: Int) -> [UInt8] {
            Bytes.frame(10, identity + full + lease(128, keys: keys) + Bytes.block(2, Array(repeating: 97, count: host)))
        }
        // Keys come by sixteen bytes, the rest is the host's name.
        let keys = (Limits.frameBytes - hello(keys: 1 << 14, host: 256).count) / 16 * 16 + (1 << 14)
        let host = 256 + Limits.frameBytes - hello(keys: keys, host: 256).count
        let largest = hello(keys: keys, host: host)
        #expect(largest.count == Limits.frameBytes)
        guard case .hello(let read) = try Envelope(decoding: largest).message else { throw MessageError.malformed(reason: "no Hello") }
        #expect(read.host.utf8.count == host)
        #expect(read.held[LeaseID(rawValue: 128)]?.count == keys / 16)
        #expect(error(of: hello(keys: keys, host: host + 1)) == .malformed(reason: "8388609 bytes"))
    }

    @Test("another protocol is told apart whatever else it says, and a frame without a version is of no protocol") func version() {
        for message in Samples.messages {
            for version in [1, Envelope.protocolVersion + 1, UInt32.max] {
                let frame = Envelope(incarnation: 7, message: message).encoded(version: version)
                #expect(error(of: frame) == .versionMismatch(theirs: version, ours: Envelope.protocolVersion))
            }
        }
        let (theirs, other) = (Bytes.number(1, 99), MessageError.versionMismatch(theirs: 99, ours: Envelope.protocolVersion))
        #expect(error(of: theirs) == other, "no body")
        #expect(error(of: theirs + Bytes.block(99, [1])) == other, "a body of the future")
        #expect(error(of: theirs + Bytes.block(11, Bytes.number(1, 9999))) == other, "beyond a limit")
        // A scrap of bytes must not make a worker leave for good.
        #expect(error(of: Bytes.number(2, 7) + Bytes.block(24, [])) == .malformed(reason: "no protocol version"))
    }

    @Test("a frame that ends anywhere before its end is malformed") func truncated() {
        for message in Samples.messages {
            let frame = Envelope(incarnation: 7, message: message).encoded()
            for count in frame.indices {
                guard case .malformed = error(of: Array(frame[..<count])) else {
                    Issue.record("\(message), cut to \(count) of \(frame.count) bytes, was read")
                    return
                }
            }
        }
    }

    /// Frames that are no message of ours, each with what is said about it.
    static let malformed: [(frame: [UInt8], reason: String)] = {
        let (key, digest) = (Bytes.block(1, Samples.key.bytes), Bytes.block(8, Samples.digest.bytes))
        func result(_ fields: [UInt8]) -> [UInt8] { Bytes.frame(13, Bytes.number(1, 1) + Bytes.number(2, 1) + Bytes.block(3, fields)) }
        func curve(_ epochs: [UInt64], _ train: [Double], _ test: [Double]) -> [UInt8] {
            func packed(_ values: [Double]) -> [UInt8] { values.flatMap { $0.bitPattern.bigEndianBytes.reversed() } }
            return result(
                key + Bytes.number(3, 2) + digest + Bytes.block(11, epochs.flatMap(Bytes.varint)) + Bytes.block(12, packed(train))
                    + Bytes.block(13, packed(test)))
        }
        let trial = Bytes.block(8, key)
        let identity = Bytes.block(1, Array(repeating: 1, count: 16)) + Bytes.number(4, 1) + Bytes.block(7, Samples.digest.bytes)
        return [
            ([], "an empty frame"), ([0], "not an Envelope"), (Array("GET / HTTP/1.1\r\n\r\n".utf8), "not an Envelope"),
            (Array(repeating: 0xff, count: 64), "not an Envelope"), (Bytes.version, "no message of a kind that is known here"),
            (Bytes.version + Bytes.block(27, []), "a field that is not known here"),
            (Bytes.frame(24, Bytes.number(1, 1)), "a field that is not known here"),
            (Bytes.frame(14, Bytes.number(2, 1)), "a field that is not known here"),
            (Bytes.frame(10, identity + Bytes.block(8, Bytes.number(9, 1))), "a field that is not known here"),
            (Bytes.frame(22, Bytes.block(8, key + Bytes.number(9, 1))), "a field that is not known here"),
            (Bytes.frame(12, Bytes.block(2, key + Bytes.block(6, [1]))), "a field that is not known here"),
            (result(key + Bytes.number(3, 2) + digest + Bytes.number(15, 1)), "a field that is not known here"),
            (Bytes.frame(22, trial + Bytes.block(9, Bytes.number(4, 1))), "a field that is not known here"),
            (Bytes.frame(22, trial + Bytes.block(3, Bytes.number(9, 1))), "a field that is not known here"),
            // Known fields of another wire type are read as none.
            (Bytes.frame(15, Bytes.block(1, [0xc3])), "reason is not UTF-8"),
            (Bytes.frame(15, Bytes.block(1, [0xed, 0xa0, 0x80])), "reason is not UTF-8"),
            (Bytes.frame(10, []), "a worker id of 0 bytes"),
            (Bytes.frame(10, Bytes.block(1, Array(repeating: 1, count: 17))), "17 bytes, at most 16 are allowed"),
            (Bytes.frame(10, Bytes.block(1, Array(repeating: 1, count: 16)) + Bytes.number(4, 1)), "a digest of 0 bytes"),
            (Bytes.frame(10, identity + Bytes.block(8, Bytes.block(2, Array(repeating: 1, count: 17)))), "trial keys of 17 bytes"),
            (Bytes.frame(12, Bytes.block(2, Bytes.block(1, [1, 2]))), "a trial key of 2 bytes"),
            (result(key + digest), "an outcome that is not known here"),
            (result(key + Bytes.number(3, 4) + digest), "an outcome that is not known here"),
            (result(Bytes.number(3, 2) + digest), "a trial key of 0 bytes"), (result(key + Bytes.number(3, 2)), "a digest of 0 bytes"),
            (result(key + Bytes.number(3, 3) + digest), "a failure with a digest"),
            (
                result(key + Bytes.number(3, 1) + digest + Bytes.real(5, .nan)), "a trial that is done has a loss that is not finite"
            ),
            (
                result(key + Bytes.number(3, 1) + digest + Bytes.real(6, .infinity)), "a trial that is done has a loss that is not finite"
            ),
            (curve([1, 2], [1, 2], [1]), "a curve of 2 epochs, 2 and 1 losses"),
            (curve([1], [], [1]), "a curve of 1 epochs, 0 and 1 losses"),
            (curve([], [1], []), "a curve of 0 epochs, 1 and 0 losses"),
            (curve([1, 2], [1, .nan], [1, 1]), "a curve with a loss that is not finite"),
            (curve([1, 2], [1, 1], [-.infinity, 1]), "a curve with a loss that is not finite"),
            (
                result(key + Bytes.number(3, 2) + digest + Bytes.block(14, Bytes.block(1, [97])) + Bytes.block(14, Bytes.block(1, [97]))),
                "two series of one name"
            ),
            (result(key + Bytes.number(3, 2) + digest + Bytes.block(14, Bytes.number(3, 1))), "a field that is not known here"),
            (curve([2, 2], [1, 1], [1, 1]), "a curve whose epochs do not ascend"),
            (Bytes.frame(22, []), "a lease of no trial"),
            (Bytes.frame(22, trial + Bytes.block(3, Bytes.block(1, [97]))), "parameter a without a value"),
            (Bytes.frame(22, trial + Bytes.block(9, Bytes.block(2, [1]))), "a baseline of unequal columns"),
        ]
    }()

    @Test("what is no message of ours is refused with a reason, and never anything worse", arguments: malformed)
    func refused(frame: [UInt8], reason: String) { #expect(error(of: frame) == .malformed(reason: reason)) }

    /// Parameters are written one after the other; a list or a table says how many of those that follow are inside it.
    static let malformedParameters: [(parameters: [UInt8], reason: String)] = {
        func parameter(_ name: String, _ field: UInt64, _ value: UInt64) -> [UInt8] {
            Bytes.block(3, Bytes.block(1, Array(name.utf8)) + Bytes.number(field, value))
        }
        let tooDeep: [UInt8] = (0...Limits.parameterDepth).flatMap { _ in parameter("a", 5, 1) } + parameter("a", 2, 1)
        let twice: [UInt8] = parameter("b", 2, 1) + parameter("b", 2, 1)
        return [
            (twice, "parameter b twice"),
            (parameter("a", 6, 2) + twice, "parameter b twice"),
            (parameter("a", 5, 2) + parameter("", 2, 1), "a list of parameters that is cut off"),
            (parameter("a", 5, 4_294_967_295), "a list of parameters that is cut off"),
            (parameter("a", 6, 2) + parameter("b", 2, 1), "a table of parameters that is cut off"),
            (tooDeep, "parameters of more than \(Limits.parameterDepth) levels"),
        ]
    }()

    @Test("parameters that do not fit into each other are refused", arguments: malformedParameters)
    func refusedParameters(parameters: [UInt8], reason: String) {
        #expect(error(of: Bytes.frame(22, Bytes.block(8, Bytes.block(1, Samples.key.bytes)) + parameters)) == .malformed(reason: reason))
    }

    @Test("a trial has one value for each strength that its lease names") func strengthNames() {
        let names = Bytes.block(21, Array("lambda1".utf8)) + Bytes.block(21, Array("lambda2".utf8))
        let frame = Bytes.frame(22, Bytes.block(8, Bytes.block(1, Samples.key.bytes)) + names)
        #expect(error(of: frame) == .malformed(reason: "0 strengths for 2 names"))
    }

    @Test("noise is malformed or of another protocol") func noise() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<5_000 {
            let frame = (0..<Int.random(in: 1...80, using: &random)).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            #expect(error(of: frame) != nil)
        }
    }
}
