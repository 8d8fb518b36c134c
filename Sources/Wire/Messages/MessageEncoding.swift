// MessageEncoding.swift · Wire/Messages. Message → bytes, by protobuf-c. One of the two files that use generated names.

internal import CMessages
internal import Vocabulary

extension Envelope {
    /// The bytes of one frame. Texts longer than `Limits.textBytes` are cut; the caller holds everything else within `Limits`.
    /// - Parameter version: another version of the protocol, for tests of the refusal.
    public func encoded(version: UInt32 = Envelope.protocolVersion) -> [UInt8] {
        let arena = Arena()
        var envelope = unsafe Regsweep__Wire__Envelope()
        unsafe regsweep__wire__envelope__init(&envelope)
        unsafe envelope.version = version
        unsafe envelope.incarnation = incarnation
        unsafe message.fill(&envelope, from: arena)
        // Sound: get_packed_size gives the exact number of bytes that pack writes, and the arena owns all memory that the envelope points to.
        return withExtendedLifetime(arena) {
            let count = unsafe regsweep__wire__envelope__get_packed_size(&envelope)
            return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                initialized = unsafe regsweep__wire__envelope__pack(&envelope, buffer.baseAddress)
            }
        }
    }
}

extension Message {
    fileprivate func fill(_ envelope: inout Regsweep__Wire__Envelope, from arena: Arena) {
        switch self {
        case .hello(let hello):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_HELLO
            unsafe envelope.hello = hello.made(from: arena)
        case .ready(let credits):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_READY
            unsafe envelope.ready = arena.make(regsweep__wire__ready__init) { out in unsafe out.credits = UInt32(clamping: credits) }
        case .progress(let lease, let points):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_PROGRESS
            unsafe envelope.progress = arena.make(regsweep__wire__progress__init) { out in
                unsafe out.lease = lease.rawValue
                unsafe out.n_points = points.count
                unsafe out.points = arena.array(points.map { unsafe $0.made(from: arena) })
            }
        case .results(let batch, let lease, let results, let proof):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_RESULTS
            unsafe envelope.results = arena.make(regsweep__wire__results__init) { out in
                unsafe out.batch = batch.rawValue
                unsafe out.lease = lease.rawValue
                unsafe out.n_results = results.count
                unsafe out.results = arena.array(results.map { unsafe $0.made(from: arena) })
                unsafe out.proof = arena.bytes(proof?.bytes ?? [])
            }
        case .goodbye(let reason):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_GOODBYE
            unsafe envelope.goodbye = arena.make(regsweep__wire__goodbye__init) { out in unsafe out.reason = arena.text(reason) }
        case .dropped(let reason):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_DROPPED
            unsafe envelope.dropped = arena.make(regsweep__wire__dropped__init) { out in unsafe out.reason = arena.text(reason) }
        case .heartbeat(let running):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_HEARTBEAT
            unsafe envelope.heartbeat = arena.make(regsweep__wire__heartbeat__init) { out in
                unsafe out.running = UInt32(clamping: running)
            }
        case .welcome(let welcome):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_WELCOME
            unsafe envelope.welcome = welcome.made(from: arena)
        case .refused(let reason):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_REFUSED
            unsafe envelope.refused = arena.make(regsweep__wire__refused__init) { out in unsafe out.reason = arena.text(reason) }
        case .lease(let lease):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_LEASE
            unsafe envelope.lease = lease.made(from: arena)
        case .cancel(let lease):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_CANCEL
            unsafe envelope.cancel = arena.make(regsweep__wire__cancel__init) { out in unsafe out.lease = lease.rawValue }
        case .drain:
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_DRAIN
            unsafe envelope.drain = arena.make(regsweep__wire__drain__init) { _ in }
        case .acknowledged(let batch):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_ACKNOWLEDGED
            unsafe envelope.acknowledged = arena.make(regsweep__wire__acknowledged__init) { out in unsafe out.batch = batch.rawValue }
        case .dataRequest(let digest, let offset):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_DATA_REQUEST
            unsafe envelope.data_request = arena.make(regsweep__wire__data_request__init) { out in
                unsafe out.digest = arena.bytes(digest.bytes)
                unsafe out.offset = UInt64(offset)
            }
        case .dataChunk(let chunk):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_DATA_CHUNK
            unsafe envelope.data_chunk = chunk.made(from: arena)
        case .checkpoint(let lease, let checkpoint):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_CHECKPOINT
            unsafe envelope.checkpoint = checkpoint.made(under: lease.rawValue, from: arena)
        case .checkpointAnswer(let key, let epoch, let refusal):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_CHECKPOINT_ANSWER
            unsafe envelope.checkpoint_answer = arena.make(regsweep__wire__checkpoint_answer__init) { out in
                unsafe out.key = arena.bytes(key.bytes)
                unsafe out.epoch = UInt32(clamping: epoch)
                unsafe out.refusal = arena.text(refusal ?? "")
            }
        case .introduce:
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_INTRODUCE
            unsafe envelope.introduce = arena.make(regsweep__wire__introduce__init) { _ in }
        case .command(let command):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_COMMAND
            unsafe envelope.command = command.made(from: arena)
        case .answer(let answer):
            unsafe envelope.body_case = REGSWEEP__WIRE__ENVELOPE__BODY_ANSWER
            unsafe envelope.answer = answer.made(from: arena)
        }
    }
}

extension Hello {
    fileprivate func made(from arena: Arena) -> UnsafeMutablePointer<Regsweep__Wire__Hello> {
        unsafe arena.make(regsweep__wire__hello__init) { out in
            unsafe out.worker = arena.bytes(worker.bytes)
            unsafe out.host = arena.text(host)
            unsafe out.process = UInt32(clamping: process)
            unsafe out.slots = UInt32(clamping: slots)
            unsafe out.self_test = arena.bytes(selfTest.bytes)
            unsafe out.n_held = held.count
            unsafe out.held = arena.array(
                held.sorted { $0.key < $1.key }.map { lease, keys in
                    unsafe arena.make(regsweep__wire__held_lease__init) { held in
                        unsafe held.lease = lease.rawValue
                        unsafe held.keys = arena.bytes(keys.flatMap(\.bytes))
                        unsafe held.proof = arena.bytes(proofs[lease]?.bytes ?? [])
                    }
                })
        }
    }
}

extension Welcome {
    fileprivate func made(from arena: Arena) -> UnsafeMutablePointer<Regsweep__Wire__Welcome> {
        unsafe arena.make(regsweep__wire__welcome__init) { out in
            unsafe out.sweep = arena.text(sweep)
            unsafe out.heartbeat_milliseconds = UInt32(clamping: heartbeatInterval.milliseconds)
            unsafe out.timeout_milliseconds = UInt32(clamping: timeout.milliseconds)
            unsafe out.n_keep = keep.count
            unsafe out.keep = arena.array(keep.map(\.rawValue))
            unsafe out.checkpoint_milliseconds = UInt32(clamping: checkpoints.interval.milliseconds)
            unsafe out.checkpoint_epochs = UInt32(clamping: checkpoints.epochs)
        }
    }
}

extension DataChunk {
    fileprivate func made(from arena: Arena) -> UnsafeMutablePointer<Regsweep__Wire__DataChunk> {
        unsafe arena.make(regsweep__wire__data_chunk__init) { out in
            unsafe out.digest = arena.bytes(digest.bytes)
            unsafe out.offset = UInt64(offset)
            unsafe out.total = UInt64(total)
            unsafe out.content = arena.bytes(content)
        }
    }
}

extension ProgressPoint {
    fileprivate func made(from arena: Arena) -> UnsafeMutablePointer<Regsweep__Wire__ProgressPoint> {
        unsafe arena.make(regsweep__wire__progress_point__init) { out in
            unsafe out.key = arena.bytes(key.bytes)
            unsafe out.epoch = UInt32(clamping: point.epoch)
            unsafe out.train_loss = point.trainLoss
            unsafe out.test_loss = point.testLoss
            unsafe out.loss_ratio = lossRatio ?? .nan
        }
    }
}

extension Lease {
    fileprivate func made(from arena: Arena) -> UnsafeMutablePointer<Regsweep__Wire__Lease> {
        unsafe arena.make(regsweep__wire__lease__init) { out in
            unsafe out.lease = id.rawValue
            unsafe out.problem = arena.text(group.problem)
            let parameters = unsafe group.parameters.sorted { $0.key < $1.key }.flatMap { unsafe $1.made(named: $0, from: arena) }
            unsafe out.n_parameters = parameters.count
            unsafe out.parameters = arena.array(parameters)
            unsafe out.seed = group.seed
            unsafe out.training_set = UInt32(clamping: group.trainingSet)
            unsafe out.initialization = UInt32(clamping: group.initialization)
            unsafe out.replicate = UInt32(clamping: group.replicate)
            let names = Set((trials.map(\.setting) + baselines.map(\.setting)).flatMap { $0.strengths.nonZero.map(\.name) }).sorted()
            unsafe out.n_strengths = names.count
            unsafe out.strengths = arena.array(names.map { unsafe Optional(arena.text($0)) })
            unsafe out.n_trials = trials.count
            unsafe out.trials = arena.array(
                trials.map { trial in
                    unsafe arena.make(regsweep__wire__trial__init) { out in
                        unsafe out.key = arena.bytes(trial.key.bytes)
                        unsafe out.attempt = UInt32(clamping: trial.attempt)
                        unsafe out.algorithm = arena.text(trial.setting.algorithm)
                        unsafe out.n_strengths = names.count
                        unsafe out.strengths = arena.array(names.map { trial.setting.strengths[$0] })
                        unsafe out.learning_rate = trial.setting.learningRate
                    }
                })
            if let checkpoint { unsafe out.checkpoint = checkpoint.made(under: 0, from: arena) }
            unsafe out.proof = arena.bytes(proof?.bytes ?? [])
            unsafe out.n_baselines = baselines.count
            unsafe out.baselines = arena.array(
                baselines.map { baseline in
                    unsafe arena.make(regsweep__wire__baseline__init) { out in
                        let points = baseline.testLoss.sorted { $0.key < $1.key }
                        unsafe out.n_strengths = names.count
                        unsafe out.strengths = arena.array(names.map { baseline.setting.strengths[$0] })
                        unsafe out.learning_rate = baseline.setting.learningRate
                        unsafe out.n_epochs = points.count
                        unsafe out.epochs = arena.array(points.map { UInt32(clamping: $0.key) })
                        unsafe out.n_test_losses = points.count
                        unsafe out.test_losses = arena.array(points.map(\.value))
                    }
                })
        }
    }
}

extension ParameterValue {
    /// The value as a flat list, in which the elements of a list or table follow it.
    fileprivate func made(named name: String, from arena: Arena) -> [UnsafeMutablePointer<Regsweep__Wire__Parameter>] {
        var inside = unsafe [UnsafeMutablePointer<Regsweep__Wire__Parameter>]()
        let own = unsafe arena.make(regsweep__wire__parameter__init) { out in
            unsafe out.name = arena.text(name)
            switch self {
            case .integer(let value):
                unsafe out.value_case = REGSWEEP__WIRE__PARAMETER__VALUE_INTEGER
                unsafe out.integer = Int64(value)
            case .real(let value):
                unsafe out.value_case = REGSWEEP__WIRE__PARAMETER__VALUE_REAL
                unsafe out.real = value
            case .text(let value):
                unsafe out.value_case = REGSWEEP__WIRE__PARAMETER__VALUE_TEXT
                unsafe out.text = arena.text(value)
            case .list(let values):
                unsafe out.value_case = REGSWEEP__WIRE__PARAMETER__VALUE_LIST
                unsafe out.list = UInt32(clamping: values.count)
                unsafe inside = values.flatMap { unsafe $0.made(named: "", from: arena) }
            case .table(let values):
                unsafe out.value_case = REGSWEEP__WIRE__PARAMETER__VALUE_TABLE
                unsafe out.table = UInt32(clamping: values.count)
                unsafe inside = values.sorted { $0.key < $1.key }.flatMap { unsafe $1.made(named: $0, from: arena) }
            }
        }
        return unsafe [own] + inside
    }
}

extension Checkpoint {
    fileprivate func made(under lease: UInt64, from arena: Arena) -> UnsafeMutablePointer<Regsweep__Wire__Checkpoint> {
        unsafe arena.make(regsweep__wire__checkpoint__init) { out in
            unsafe out.lease = lease
            unsafe out.key = arena.bytes(key.bytes)
            unsafe out.epoch = UInt32(clamping: epoch)
            unsafe out.digest = arena.bytes(digest.bytes)
            unsafe out.content = arena.bytes(content)
        }
    }
}

extension TrialResult {
    fileprivate func made(from arena: Arena) -> UnsafeMutablePointer<Regsweep__Wire__Result> {
        unsafe arena.make(regsweep__wire__result__init) { out in
            unsafe out.key = arena.bytes(key.bytes)
            unsafe out.attempt = UInt32(clamping: attempt)
            switch outcome {
            case .done(let trainLoss, let testLoss):
                unsafe out.outcome = REGSWEEP__WIRE__OUTCOME__DONE
                unsafe out.train_loss = trainLoss
                unsafe out.test_loss = testLoss
            case .diverged: unsafe out.outcome = REGSWEEP__WIRE__OUTCOME__DIVERGED
            case .failed(let reason):
                unsafe out.outcome = REGSWEEP__WIRE__OUTCOME__FAILED
                unsafe out.reason = arena.text(reason)
            }
            unsafe out.epochs = UInt32(clamping: epochs)
            unsafe out.digest = arena.bytes(digest?.bytes ?? [])
            unsafe out.seconds = seconds
            unsafe out.n_curve_epochs = curve.count
            unsafe out.curve_epochs = arena.array(curve.map { UInt32(clamping: $0.epoch) })
            unsafe out.n_curve_train = curve.count
            unsafe out.curve_train = arena.array(curve.map(\.trainLoss))
            unsafe out.n_curve_test = curve.count
            unsafe out.curve_test = arena.array(curve.map(\.testLoss))
            unsafe out.n_series = series.count
            unsafe out.series = arena.array(
                series.map { series in
                    unsafe arena.make(regsweep__wire__series__init) { out in
                        unsafe out.name = arena.text(series.name)
                        unsafe out.n_values = series.values.count
                        unsafe out.values = arena.array(series.values)
                    }
                })
            unsafe out.model = arena.bytes(model ?? [])
        }
    }
}

extension Command {
    fileprivate func made(from arena: Arena) -> UnsafeMutablePointer<Regsweep__Wire__Command> {
        let (kind, target) =
            switch self {
            case .list: (REGSWEEP__WIRE__COMMAND_KIND__LIST, "")
            case .drain(let name): (REGSWEEP__WIRE__COMMAND_KIND__DRAIN_WORKER, name)
            case .remove(let name): (REGSWEEP__WIRE__COMMAND_KIND__REMOVE_WORKER, name)
            case .invite(let name): (REGSWEEP__WIRE__COMMAND_KIND__INVITE_WORKER, name)
            case .add(let host): (REGSWEEP__WIRE__COMMAND_KIND__ADD_HOST, host)
            }
        return unsafe arena.make(regsweep__wire__command__init) { out in
            unsafe out.kind = kind
            unsafe out.target = arena.text(target)
        }
    }
}

extension Answer {
    fileprivate func made(from arena: Arena) -> UnsafeMutablePointer<Regsweep__Wire__Answer> {
        unsafe arena.make(regsweep__wire__answer__init) { out in
            unsafe out.is_refusal = isRefusal ? 1 : 0
            unsafe out.text = arena.text(text)
            unsafe out.n_workers = workers.count
            unsafe out.workers = arena.array(
                workers.map { line in
                    unsafe arena.make(regsweep__wire__worker_line__init) { out in
                        unsafe out.worker = arena.bytes(line.worker.bytes)
                        unsafe out.host = arena.text(line.host)
                        unsafe out.key_name = arena.text(line.keyName)
                        unsafe out.slots = UInt32(clamping: line.slots)
                        unsafe out.leases = UInt32(clamping: line.leases)
                        unsafe out.since_heard_milliseconds = UInt32(clamping: line.sinceHeard.milliseconds)
                        unsafe out.seconds_per_trial = line.secondsPerTrial
                    }
                })
        }
    }
}

/// Memory for the C structs of one message. All of it is freed with the arena.
@safe private final class Arena {
    private var blocks: [UnsafeMutableRawPointer] = unsafe []

    deinit { unsafe blocks.forEach { unsafe $0.deallocate() } }

    private func allocate<T>(_ type: T.Type, count: Int) -> UnsafeMutablePointer<T> {
        let block = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, MemoryLayout<T>.stride * count), alignment: MemoryLayout<T>.alignment)
        unsafe blocks.append(block)
        return unsafe block.bindMemory(to: type, capacity: count)
    }

    /// A struct that its own `__init` function initializes and `fill` completes.
    func make<T>(_ initialize: (UnsafeMutablePointer<T>?) -> Void, _ fill: (inout T) -> Void) -> UnsafeMutablePointer<T> {
        let pointer = unsafe allocate(T.self, count: 1)
        unsafe initialize(pointer)
        unsafe fill(&pointer.pointee)
        return unsafe pointer
    }

    func array<T>(_ values: [T]) -> UnsafeMutablePointer<T> {
        let pointer = unsafe allocate(T.self, count: values.count)
        // Sound: the block has room for exactly these values.
        unsafe values.withUnsafeBufferPointer { source in
            if let first = source.baseAddress { unsafe pointer.initialize(from: first, count: source.count) }
        }
        return unsafe pointer
    }

    /// protobuf-c takes repeated messages as an array of optional pointers.
    func array<T>(_ values: [UnsafeMutablePointer<T>]) -> UnsafeMutablePointer<UnsafeMutablePointer<T>?> {
        unsafe array(values.map { unsafe Optional($0) })
    }

    func bytes(_ values: [UInt8]) -> ProtobufCBinaryData { unsafe ProtobufCBinaryData(len: values.count, data: array(values)) }

    /// UTF-8 that ends in zero, cut between characters to `Limits.textBytes`. A zero inside the text ends it.
    func text(_ value: String) -> UnsafeMutablePointer<CChar> {
        var prefix = value.prefix { $0 != "\0" }
        while prefix.utf8.count > Limits.textBytes { prefix.removeLast() }
        return unsafe array(prefix.utf8.map(CChar.init(bitPattern:)) + [0])
    }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
