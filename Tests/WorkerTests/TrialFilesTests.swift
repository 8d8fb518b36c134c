// TrialFilesTests.swift · Tests/WorkerTests. Checkpoints and models as files: what is written is read back to the bit, by Python as well,
// and a trial that goes on from a checkpoint ends with the bits of one that was never interrupted.

import Compute
import FoundationEssentials
import Glibc
import TestSupport
import Testing
import Vocabulary
import Wire

@testable import regsweep_worker

@Suite("Checkpoints and models as files") struct TrialFilesTests {
    let directory: TemporaryFolder

    init() throws { directory = try TemporaryFolder() }

    /// All that a thread posts, up to its last word.
    private func events(of lease: Lease, rule: CheckpointRule = CheckpointRule(), pauses: Bool = false) throws -> [WorkerMachine.Event] {
        let mailbox = try Mailbox<WorkerMachine.Event>()
        let thread = TrialThread(lease, images: try ImageSamples.cache(in: directory), checkpoints: rule, threads: 2) { mailbox.post($0) }
        if pauses { thread.pause() }
        var events: [WorkerMachine.Event] = []
        for _ in 0..<60 {
            events += mailbox.takeAll()
            switch events.last {
            case .finished, .stopped, .paused: return events
            default: try Poller.wait(for: mailbox.wakeSignal, atMost: .seconds(1))
            }
        }
        Issue.record("no end after 60 s")
        return events
    }

    private func checkpoints(_ events: [WorkerMachine.Event]) -> [Checkpoint] {
        events.compactMap { if case .checkpointed(_, let checkpoint) = $0 { checkpoint } else { nil } }
    }

    private func result(_ events: [WorkerMachine.Event]) throws -> TrialResult {
        guard case .finished(_, let results) = events.last else { throw TranslationError(description: "\(events)") }
        return results[0]
    }

    private func refusals(_ events: [WorkerMachine.Event]) -> [String] {
        events.compactMap { if case .refusedCheckpoint(_, let reason) = $0 { reason } else { nil } }
    }

    @Test("a trial makes a checkpoint after so many epochs, and from each of them it ends with the same bits") func goesOn() throws {
        let undisturbed = try events(of: ImageSamples.lease(1))
        #expect(checkpoints(undisturbed).isEmpty)
        let expected = try result(undisturbed)
        let made = checkpoints(try events(of: ImageSamples.lease(1), rule: CheckpointRule(epochs: 1)))
        // At the end there is the result instead.
        #expect(made.map(\.epoch) == [1, 2, 3])
        for checkpoint in made {
            let events = try events(of: ImageSamples.lease(1, from: checkpoint))
            #expect(refusals(events) == [])
            let result = try result(events)
            #expect(result.digest == expected.digest && result.curve == expected.curve && result.model == expected.model)
        }
    }

    @Test("a trial that is told to pause ends after an epoch with a checkpoint") func pauses() throws {
        let events = try events(of: ImageSamples.lease(1, epochs: 1000), pauses: true)
        guard case .paused(let id) = events.last, let last = checkpoints(events).last else {
            Issue.record("\(events)")
            return
        }
        #expect(id == ImageSamples.lease(1).id && last.epoch < 1000)
    }

    @Test("a checkpoint that is not this trial's, damaged or made otherwise is refused with its reason, and the trial begins anew")
    func refused() throws {
        let expected = try result(events(of: ImageSamples.lease(1))).digest
        let good = try #require(checkpoints(try events(of: ImageSamples.lease(1), rule: CheckpointRule(epochs: 3))).first)
        func changed(_ change: (inout [UInt8]) -> Void) -> Checkpoint {
            var content = good.content
            change(&content)
            return Checkpoint(key: good.key, epoch: good.epoch, content: content)
        }
        let name = try #require(good.content.firstRange(of: Array("conv1.weight".utf8))?.lowerBound)
        let cases: [(Checkpoint, String)] = [
            (Checkpoint(key: TrialKey(high: 9, low: 9), epoch: 3, content: good.content), "is of trial 0000000000000009"),
            (Checkpoint(key: good.key, epoch: 2, content: good.content), "has another header"),
            (Checkpoint(key: good.key, epoch: 3, digest: Digest(of: "x"), content: good.content), "does not match its hash"),
            (changed { $0 = [1, 2] }, "is cut off"), (changed { $0[7] = 1 }, "is cut off"),
            (changed { $0.removeLast() }, "bytes of values"),
            (changed { $0.removeLast(32) }, "has another header"), (changed { $0[name] ^= 1 }, "has another header"),
            // The last parameter is no number: well written, and nothing to go on from.
            (changed { $0[($0.count - 4)...] = [0, 0, 0x80, 0x7f] }, "finite"),
        ]
        for (checkpoint, reason) in cases {
            let events = try events(of: ImageSamples.lease(1, from: checkpoint))
            #expect(refusals(events).count == 1 && refusals(events)[0].contains(reason), "\(reason): \(refusals(events))")
            #expect(try result(events).digest == expected)
        }
    }

    @Test("Python reads a model with nothing but its own json and struct") func python() throws {
        let model = try #require(try result(events(of: ImageSamples.lease(1))).model)
        try directory.write(model, to: "model.safetensors")
        let script = """
            import json, struct, sys
            data = open(sys.argv[1], "rb").read()
            length, = struct.unpack_from("<Q", data)
            header = json.loads(data[8:8 + length])
            meta, total = header.pop("__metadata__"), 0
            assert (8 + length) % 8 == 0 and meta["format"] == "regsweep model" and meta["epoch"] == "4", meta
            for name, tensor in header.items():
                count = 1
                for side in tensor["shape"]: count *= side
                begin, end = tensor["data_offsets"]
                assert tensor["dtype"] == "F32" and begin == total and end - begin == 4 * count, name
                values = struct.unpack_from(f"<{count}f", data, 8 + length + begin)
                assert all(abs(value) < 10 for value in values) and len(set(values)) > 1, name
                total = end
            assert len(data) == 8 + length + total
            print(meta["trial"], total // 4, " ".join(header), "x".join(map(str, header["conv2.weight"]["shape"])))
            """
        try directory.write(script, to: "read.py")
        let process = popen("python3 '\(directory.path)/read.py' '\(directory.path)/model.safetensors' 2>&1", "r")
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = fread(&buffer, 1, buffer.count, process)
        #expect(pclose(process) == 0)
        #expect(
            String(decoding: buffer[..<count], as: UTF8.self)
                == "\(ImageSamples.lease(1).trials[0].key) 421642 conv1.weight conv1.bias conv2.weight conv2.bias fc1.weight fc1.bias fc2.weight fc2.bias 64x32x3x3\n"
        )
    }

    @Test("a network whose parameters fit into no message makes no checkpoint and leaves no model") func tooLarge() throws {
        var lease = ImageSamples.lease(1, epochs: 2)
        lease.group.parameters["pool"] = .text("none")
        let events = try events(of: lease, rule: CheckpointRule(epochs: 1))
        #expect(checkpoints(events).isEmpty)
        #expect(try result(events).model == nil && result(events).digest != nil)
    }

    @Test("the network's lease becomes the plan with its configuration; each parameter is read under its own name") func translation()
        throws
    {
        let images = try ImageSamples.cache(in: directory)
        let lease = ImageSamples.lease(1)
        let plan = try #require(try translate(lease, images) as? GroupPlan<ConvolutionalNetwork>)
        let train = try ImageSet(images: Array(ImageSamples.training[16...]), labels: [0, 1, 2, 3, 4, 5, 6, 9])
        #expect(plan.problem.train.images == train.images && plan.problem.train.labels == train.labels)
        #expect(plan.problem.test.labels == [9, 0, 3])
        #expect(plan.problem.samples == 8 && plan.problem.pool == .max)
        #expect(plan.lanes == [Lane(strengths: [.lambda2: 0.01, .weightDecay: 0.01], learningRate: 0.1)])
        // What the kernels read of a problem: all of it but the values that it was made of.
        func fields(_ problem: ConvolutionalNetwork) -> [String] {
            Mirror(reflecting: problem).children.filter { $0.label != "configuration" }.map { "\($0)" }
        }
        for (name, value) in lease.group.parameters {
            var changed = lease
            switch value {
            case .integer(let value): changed.group.parameters[name] = .integer(value - 1)
            case .real(let value): changed.group.parameters[name] = .real(value * 0.5)
            case .text(let value): changed.group.parameters[name] = .text(value == "max" ? "none" : "float64")
            case .list, .table: Issue.record("\(name) is changed here in no way")
            }
            let other = try? translate(changed, images) as? GroupPlan<ConvolutionalNetwork>
            #expect(other.map { fields($0.problem) } != fields(plan.problem), "\(name)")
            changed.group.parameters[name] = nil
            #expect(throws: TranslationError.self, "\(name)") { try translate(changed, images) }
        }
    }

    @Test("trials of several weight decays in one lease have the bits of each alone") func mixedDecays() throws {
        let images = try ImageSamples.cache(in: directory)
        var lease = ImageSamples.lease(1, epochs: 1), other = lease
        other.trials[0].setting.strengths[.weightDecay] = 0.5
        func digests(_ lease: Lease) throws -> [Digest] {
            try #require(try translate(lease, images).run(from: nil, threads: 1, goOn: { .goOn }) { _ in .goOn }).map(\.digest)
        }
        let alone = try digests(lease) + digests(other)
        lease.trials += other.trials
        #expect(try digests(lease) == alone && alone[0] != alone[1])
    }

    @Test("a problem without weight decay refuses one") func noDecay() {
        var setting = baseline
        setting.strengths[.weightDecay] = 0.5
        #expect(throws: TranslationError(description: "weight_decay: found 0.5, allowed is 0: diagonal-network has no λ_wd")) {
            try translate(lease(1, settings: [setting]), noImages)
        }
    }
}
