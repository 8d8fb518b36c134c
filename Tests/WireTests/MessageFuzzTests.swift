// MessageFuzzTests.swift · Tests/WireTests. Valid frames with bytes changed at random: a decoder that a stranger can feed.

import TestSupport
import Testing

@testable import Vocabulary
@testable import Wire

@Suite("Messages: mutated frames") struct MessageFuzzTests {
    @Test(
        "a mutated frame is refused, or is a message within the limits that arrives as it is when it is sent on",
        arguments: 0..<8 as Range<UInt64>)
    func mutated(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let frames = Samples.messages.map { Envelope(incarnation: 7, message: $0).encoded() }
        var accepted = 0
        for count in 0..<Self.mutations {
            let frame = mutate(frames, &random)
            guard let envelope = try? Envelope(decoding: frame) else { continue }
            accepted += 1
            let again = envelope.encoded()
            guard let arrived = try? Envelope(decoding: again), isWithinLimits(envelope), isSame(arrived, envelope) else {
                Issue.record("seed \(seed), mutation \(count): \(frame.hexadecimal) was read as \(envelope)")
                return
            }
        }
        // A mutation that is always refused would test nothing but protobuf-c.
        #expect(accepted > Self.mutations / 20)
    }

    private static let mutations = 25_000

    private func mutate(_ frames: [[UInt8]], _ random: inout SeededRandom) -> [UInt8] {
        var frame = frames.randomElement(using: &random)!
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let position = Int.random(in: 0...frame.count, using: &random)
            let rest = min(Int.random(in: 1...12, using: &random), frame.count - position)
            switch Int.random(in: 0..<8, using: &random) {
            case 0 where rest > 0: frame[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1 where rest > 0: frame[position] = UInt8.random(in: .min ... .max, using: &random)
            case 2 where rest > 0: frame[position] = [0, 1, 127, 128, 255].randomElement(using: &random)!
            case 3: frame.insert(UInt8.random(in: .min ... .max, using: &random), at: position)
            case 4: frame.removeSubrange(position..<position + rest)
            case 5: frame.insert(contentsOf: frame[position..<position + rest], at: position)
            // Two bodies in one frame, or the head of one with the tail of the other.
            case 6: frame += frames.randomElement(using: &random)!
            default:
                let other = frames.randomElement(using: &random)!
                frame.replaceSubrange(position..., with: other.suffix(Int.random(in: 0...other.count, using: &random)))
            }
        }
        return frame
    }

    /// NaN is no equal of itself; then the bytes decide.
    private func isSame(_ a: Envelope, _ b: Envelope) -> Bool { a == b || ("\(a)".contains("nan") && a.encoded() == b.encoded()) }

    private func isCheckpoint(_ checkpoint: Checkpoint) -> Bool {
        checkpoint.epoch >= 0 && (1...Limits.modelBytes).contains(checkpoint.content.count)
    }

    private func isWithinLimits(_ envelope: Envelope) -> Bool {
        func isText(_ texts: String...) -> Bool { texts.allSatisfy { $0.utf8.count <= Limits.textBytes } }
        switch envelope.message {
        case .hello(let hello):
            return isText(hello.host) && (1...Limits.slots).contains(hello.slots)
                && hello.held.count <= Limits.heldLeases && hello.held.values.allSatisfy { $0.count <= Limits.trialsPerLease }
        case .ready(let count), .heartbeat(let count): return (0...2 * Limits.slots).contains(count)
        case .progress(_, let points): return points.count <= Limits.trialsPerLease
        case .results(_, _, let results, _):
            return results.count <= Limits.trialsPerLease
                && results.allSatisfy { result in
                    guard result.curve.count <= Limits.curvePoints, result.seconds >= 0, result.seconds.isFinite else { return false }
                    guard result.curve.allSatisfy({ $0.trainLoss.isFinite && $0.testLoss.isFinite }) else { return false }
                    guard result.series.count <= Limits.series, result.series.allSatisfy({ $0.values.count <= Limits.seriesValues }) else {
                        return false
                    }
                    switch result.outcome {
                    case .done(let train, let test): return train.isFinite && test.isFinite && result.digest != nil
                    case .diverged: return result.digest != nil
                    case .failed(let reason): return isText(reason) && result.digest == nil
                    }
                }
        case .goodbye(let reason), .refused(let reason), .dropped(let reason): return isText(reason)
        case .welcome(let welcome):
            let day = Duration.milliseconds(1)...Duration.seconds(86_400)
            return isText(welcome.sweep) && welcome.keep.count <= Limits.heldLeases && day.contains(welcome.heartbeatInterval)
                && day.contains(welcome.timeout) && day.contains(welcome.checkpoints.interval) && welcome.checkpoints.epochs >= 0
        case .lease(let lease):
            return isText(lease.group.problem) && (1...Limits.trialsPerLease).contains(lease.trials.count)
                && lease.trials.allSatisfy { isText($0.setting.algorithm) } && lease.group.parameters.count <= Limits.parameters
                && lease.group.parameters.keys.allSatisfy { isText($0) } && lease.baselines.count <= Limits.trialsPerLease
                && lease.baselines.allSatisfy { $0.testLoss.count <= Limits.curvePoints } && lease.checkpoint.map(isCheckpoint) ?? true
        case .dataRequest(_, let offset): return (0...Limits.blobBytes).contains(offset)
        case .dataChunk(let chunk):
            return chunk.total <= Limits.blobBytes && chunk.content.count <= Limits.chunkBytes && chunk.offset >= 0
                && chunk.offset + chunk.content.count <= chunk.total
        case .checkpoint(_, let checkpoint): return isCheckpoint(checkpoint)
        case .checkpointAnswer(_, let epoch, let refusal): return epoch >= 0 && isText(refusal ?? "")
        case .command(.drain(let name)), .command(.remove(let name)), .command(.invite(let name)), .command(.add(let name)):
            return isText(name)
        case .answer(let answer):
            return isText(answer.text) && answer.workers.count <= Limits.trialsPerLease
                && answer.workers.allSatisfy { isText($0.host, $0.keyName) }
        case .command(.list), .cancel, .drain, .acknowledged, .introduce: return true
        }
    }
}
