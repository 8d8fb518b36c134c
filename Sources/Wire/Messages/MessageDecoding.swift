// MessageDecoding.swift · Wire/Messages. Bytes → Message, by protobuf-c. One of the two files that use generated names.
// Validates everything, since any peer may have written the bytes: a message that is returned is within `Limits`.

internal import CMessages
internal import Vocabulary

extension Envelope {
    /// - Parameter bytes: one frame.
    /// - Throws: `versionMismatch` for another version of the protocol, whatever its body; `malformed` for all other bytes that are no message.
    public init(decoding bytes: [UInt8]) throws(MessageError) {
        guard !bytes.isEmpty else { throw .malformed(reason: "an empty frame") }
        guard bytes.count <= Limits.frameBytes else { throw .malformed(reason: "\(bytes.count) bytes") }
        var scan = FrameScan(bytes)
        let version = try scan.version()
        // Random bytes can look like an Envelope without a version. They must not count as another protocol, by which a worker would end.
        guard version != 0 else { throw .malformed(reason: "no protocol version") }
        guard version == Self.protocolVersion else { throw .versionMismatch(theirs: version, ours: Self.protocolVersion) }
        try scan.check()
        guard let pointer = unsafe regsweep__wire__envelope__unpack(nil, bytes.count, bytes) else {
            throw .malformed(reason: "not an Envelope")
        }
        defer { unsafe regsweep__wire__envelope__free_unpacked(pointer, nil) }
        let envelope = try unsafe opened(pointer)
        incarnation = unsafe envelope.incarnation
        message = try unsafe Message(envelope)
    }
}

extension Message {
    fileprivate init(_ envelope: Regsweep__Wire__Envelope) throws(MessageError) {
        switch unsafe envelope.body_case {
        case REGSWEEP__WIRE__ENVELOPE__BODY_HELLO:
            self = .hello(try unsafe Hello(opened(envelope.hello)))
        case REGSWEEP__WIRE__ENVELOPE__BODY_READY:
            self = .ready(credits: try bounded(unsafe opened(envelope.ready).credits, 0...2 * Limits.slots, "credits"))
        case REGSWEEP__WIRE__ENVELOPE__BODY_PROGRESS:
            let progress = try unsafe opened(envelope.progress)
            let points = try unsafe map(list(progress.points, progress.n_points, atMost: Limits.trialsPerLease, "points")) {
                (point) throws(MessageError) in try unsafe ProgressPoint(point.pointee)
            }
            self = .progress(LeaseID(rawValue: unsafe progress.lease), points)
        case REGSWEEP__WIRE__ENVELOPE__BODY_RESULTS:
            let results = try unsafe opened(envelope.results)
            let entries = try unsafe map(list(results.results, results.n_results, atMost: Limits.trialsPerLease, "results")) {
                (result) throws(MessageError) in try unsafe TrialResult(result.pointee)
            }
            self = .results(
                BatchID(rawValue: unsafe results.batch), LeaseID(rawValue: unsafe results.lease), entries,
                proof: try unsafe digestIfAny(results.proof))
        case REGSWEEP__WIRE__ENVELOPE__BODY_GOODBYE: self = .goodbye(reason: try unsafe text(opened(envelope.goodbye).reason, "reason"))
        case REGSWEEP__WIRE__ENVELOPE__BODY_DROPPED: self = .dropped(reason: try unsafe text(opened(envelope.dropped).reason, "reason"))
        case REGSWEEP__WIRE__ENVELOPE__BODY_HEARTBEAT:
            self = .heartbeat(running: try bounded(unsafe opened(envelope.heartbeat).running, 0...2 * Limits.slots, "running"))
        case REGSWEEP__WIRE__ENVELOPE__BODY_WELCOME:
            self = .welcome(try unsafe Welcome(opened(envelope.welcome)))
        case REGSWEEP__WIRE__ENVELOPE__BODY_REFUSED: self = .refused(reason: try unsafe text(opened(envelope.refused).reason, "reason"))
        case REGSWEEP__WIRE__ENVELOPE__BODY_LEASE: self = .lease(try unsafe Lease(opened(envelope.lease)))
        case REGSWEEP__WIRE__ENVELOPE__BODY_CANCEL: self = .cancel(LeaseID(rawValue: try unsafe opened(envelope.cancel).lease))
        case REGSWEEP__WIRE__ENVELOPE__BODY_DRAIN:
            _ = try unsafe opened(envelope.drain)
            self = .drain
        case REGSWEEP__WIRE__ENVELOPE__BODY_ACKNOWLEDGED:
            self = .acknowledged(BatchID(rawValue: try unsafe opened(envelope.acknowledged).batch))
        case REGSWEEP__WIRE__ENVELOPE__BODY_INTRODUCE:
            _ = try unsafe opened(envelope.introduce)
            self = .introduce
        case REGSWEEP__WIRE__ENVELOPE__BODY_DATA_REQUEST:
            let request = try unsafe opened(envelope.data_request)
            self = .dataRequest(try unsafe sha256(request.digest), offset: try position(unsafe request.offset, "offset"))
        case REGSWEEP__WIRE__ENVELOPE__BODY_DATA_CHUNK:
            self = .dataChunk(try unsafe DataChunk(opened(envelope.data_chunk)))
        case REGSWEEP__WIRE__ENVELOPE__BODY_CHECKPOINT:
            let checkpoint = try unsafe opened(envelope.checkpoint)
            self = .checkpoint(LeaseID(rawValue: unsafe checkpoint.lease), try unsafe Checkpoint(checkpoint))
        case REGSWEEP__WIRE__ENVELOPE__BODY_CHECKPOINT_ANSWER:
            let answer = try unsafe opened(envelope.checkpoint_answer)
            let refusal = try unsafe text(answer.refusal, "refusal")
            self = .checkpointAnswer(
                try unsafe trialKey(answer.key), epoch: unsafe Int(answer.epoch), refusal: refusal.isEmpty ? nil : refusal)
        case REGSWEEP__WIRE__ENVELOPE__BODY_COMMAND:
            let command = try unsafe opened(envelope.command)
            self = .command(try unsafe Command(command))
        case REGSWEEP__WIRE__ENVELOPE__BODY_ANSWER: self = .answer(try unsafe Answer(opened(envelope.answer)))
        default: throw .malformed(reason: "no message of a kind that is known here")
        }
    }
}

extension Hello {
    fileprivate init(_ hello: Regsweep__Wire__Hello) throws(MessageError) {
        var held: [LeaseID: [TrialKey]] = [:], proofs: [LeaseID: Digest] = [:]
        let entries = try unsafe list(hello.held, hello.n_held, atMost: Limits.heldLeases, "held leases")
        for index in unsafe entries.indices {
            let entry = unsafe entries[index]
            let lease = LeaseID(rawValue: unsafe entry.pointee.lease)
            held[lease] = try unsafe keys(entry.pointee.keys)
            proofs[lease] = try unsafe digestIfAny(entry.pointee.proof)
        }
        self.init(
            worker: try unsafe Wire.worker(hello.worker), host: try unsafe text(hello.host, "host"), process: unsafe Int(hello.process),
            slots: try bounded(unsafe hello.slots, 1...Limits.slots, "slots"), selfTest: try unsafe sha256(hello.self_test), held: held,
            proofs: proofs)
    }
}

extension Welcome {
    fileprivate init(_ welcome: Regsweep__Wire__Welcome) throws(MessageError) {
        let day: ClosedRange<Int> = 1...86_400_000
        self.init(
            sweep: try unsafe text(welcome.sweep, "sweep"),
            heartbeatInterval: .milliseconds(try bounded(unsafe welcome.heartbeat_milliseconds, day, "heartbeat interval")),
            timeout: .milliseconds(try bounded(unsafe welcome.timeout_milliseconds, day, "timeout")),
            keep: try unsafe numbers(welcome.keep, welcome.n_keep, atMost: Limits.heldLeases, "leases to keep").map(LeaseID.init),
            checkpoints: CheckpointRule(
                interval: .milliseconds(
                    try bounded(unsafe welcome.checkpoint_milliseconds, CheckpointRule.milliseconds, "checkpoint interval")),
                epochs: unsafe Int(welcome.checkpoint_epochs)))
    }
}

extension DataChunk {
    fileprivate init(_ chunk: Regsweep__Wire__DataChunk) throws(MessageError) {
        let content = try unsafe bytes(chunk.content, atMost: Limits.chunkBytes)
        let offset = try position(unsafe chunk.offset, "offset"), total = try position(unsafe chunk.total, "total")
        guard offset + content.count <= total else {
            throw .malformed(reason: "\(content.count) bytes at \(offset) of a file of \(total)")
        }
        self.init(digest: try unsafe sha256(chunk.digest), offset: offset, total: total, content: content)
    }
}

extension ProgressPoint {
    fileprivate init(_ point: Regsweep__Wire__ProgressPoint) throws(MessageError) {
        self.init(
            key: try unsafe trialKey(point.key),
            point: CurvePoint(epoch: unsafe Int(point.epoch), trainLoss: unsafe point.train_loss, testLoss: unsafe point.test_loss),
            lossRatio: unsafe point.loss_ratio.isNaN ? nil : point.loss_ratio)
    }
}

extension TrialResult {
    fileprivate init(_ result: Regsweep__Wire__Result) throws(MessageError) {
        let outcome: Outcome
        switch unsafe result.outcome {
        case REGSWEEP__WIRE__OUTCOME__DONE:
            guard unsafe result.train_loss.isFinite, unsafe result.test_loss.isFinite else {
                throw .malformed(reason: "a trial that is done has a loss that is not finite")
            }
            outcome = unsafe .done(trainLoss: result.train_loss, testLoss: result.test_loss)
        case REGSWEEP__WIRE__OUTCOME__DIVERGED: outcome = .diverged
        case REGSWEEP__WIRE__OUTCOME__FAILED: outcome = .failed(reason: try unsafe text(result.reason, "reason"))
        default: throw .malformed(reason: "an outcome that is not known here")
        }
        let epochs = try unsafe numbers(result.curve_epochs, result.n_curve_epochs, atMost: Limits.curvePoints, "points of a curve")
        let train = try unsafe numbers(result.curve_train, result.n_curve_train, atMost: Limits.curvePoints, "points of a curve")
        let test = try unsafe numbers(result.curve_test, result.n_curve_test, atMost: Limits.curvePoints, "points of a curve")
        guard epochs.count == train.count, epochs.count == test.count else {
            throw .malformed(reason: "a curve of \(epochs.count) epochs, \(train.count) and \(test.count) losses")
        }
        guard zip(train, test).allSatisfy({ $0.isFinite && $1.isFinite }) else {
            throw .malformed(reason: "a curve with a loss that is not finite")
        }
        guard zip(epochs, epochs.dropFirst()).allSatisfy(<) else { throw .malformed(reason: "a curve whose epochs do not ascend") }
        let series = try unsafe map(list(result.series, result.n_series, atMost: Limits.series, "series")) {
            (series) throws(MessageError) in try unsafe Series(series.pointee)
        }
        guard Set(series.map(\.name)).count == series.count else { throw .malformed(reason: "two series of one name") }
        let digestBytes = try unsafe bytes(result.digest, atMost: Digest.byteCount)
        if case .failed = outcome {
            guard digestBytes.isEmpty else { throw .malformed(reason: "a failure with a digest") }
        } else {
            guard digestBytes.count == Digest.byteCount else { throw .malformed(reason: "a digest of \(digestBytes.count) bytes") }
        }
        let model = try unsafe bytes(result.model, atMost: Limits.modelBytes)
        if case .done = outcome {} else if !model.isEmpty { throw .malformed(reason: "a model of a trial that is not done") }
        self.init(
            key: try unsafe trialKey(result.key), attempt: unsafe Int(result.attempt), outcome: outcome, epochs: unsafe Int(result.epochs),
            digest: Digest(bytes: digestBytes),
            curve: epochs.indices.map { CurvePoint(epoch: Int(epochs[$0]), trainLoss: train[$0], testLoss: test[$0]) }, series: series,
            seconds: unsafe result.seconds.isFinite ? min(max(0, result.seconds), Limits.secondsPerTrial) : 0,
            model: model.isEmpty ? nil : model)
    }
}

extension Checkpoint {
    fileprivate init(_ checkpoint: Regsweep__Wire__Checkpoint) throws(MessageError) {
        let content = try unsafe bytes(checkpoint.content, atMost: Limits.modelBytes)
        guard !content.isEmpty else { throw .malformed(reason: "a checkpoint without content") }
        self.init(
            key: try unsafe trialKey(checkpoint.key), epoch: unsafe Int(checkpoint.epoch), digest: try unsafe sha256(checkpoint.digest),
            content: content)
    }
}

extension Series {
    fileprivate init(_ series: Regsweep__Wire__Series) throws(MessageError) {
        self.init(
            name: try unsafe text(series.name, "name of a series"),
            values: try unsafe numbers(series.values, series.n_values, atMost: Limits.seriesValues, "values of a series"))
    }
}

extension Lease {
    fileprivate init(_ lease: Regsweep__Wire__Lease) throws(MessageError) {
        let entries = try unsafe list(lease.parameters, lease.n_parameters, atMost: Limits.parameters, "parameters")
        var reader = unsafe ParameterReader(entries)
        let parameters = try reader.parameters()
        let names = try unsafe map(numbers(lease.strengths, lease.n_strengths, atMost: Limits.strengths, "strengths")) {
            (name) throws(MessageError) in try unsafe text(name, "name of a strength")
        }
        func setting(
            algorithm: String, _ values: UnsafeMutablePointer<Double>?, _ count: Int, learningRate: Double
        ) throws(MessageError) -> Setting {
            let values = try unsafe numbers(values, count, atMost: Limits.strengths, "strengths")
            guard values.count == names.count else { throw .malformed(reason: "\(values.count) strengths for \(names.count) names") }
            var strengths = Strengths()
            for (name, value) in zip(names, values) { strengths[name] = value }
            return Setting(algorithm: algorithm, strengths: strengths, learningRate: learningRate)
        }
        let trials = try unsafe map(list(lease.trials, lease.n_trials, atMost: Limits.trialsPerLease, "trials")) {
            (entry) throws(MessageError) in
            let trial = unsafe entry.pointee
            return LeasedTrial(
                key: try unsafe trialKey(trial.key), attempt: unsafe Int(trial.attempt),
                setting: try unsafe setting(
                    algorithm: text(trial.algorithm, "algorithm"), trial.strengths, trial.n_strengths, learningRate: trial.learning_rate))
        }
        guard !trials.isEmpty else { throw .malformed(reason: "a lease of no trial") }
        let baselines = try unsafe map(list(lease.baselines, lease.n_baselines, atMost: Limits.trialsPerLease, "baselines")) {
            (entry) throws(MessageError) in
            let baseline = unsafe entry.pointee
            let epochs = try unsafe numbers(baseline.epochs, baseline.n_epochs, atMost: Limits.curvePoints, "points of a baseline")
            let losses = try unsafe numbers(
                baseline.test_losses, baseline.n_test_losses, atMost: Limits.curvePoints, "points of a baseline")
            guard epochs.count == losses.count else { throw .malformed(reason: "a baseline of unequal columns") }
            return Baseline(
                setting: try unsafe setting(
                    algorithm: Algorithm.sgd.rawValue, baseline.strengths, baseline.n_strengths, learningRate: baseline.learning_rate),
                testLoss: Dictionary(zip(epochs.map(Int.init), losses)) { _, last in last })
        }
        var checkpoint: Checkpoint?
        if let entry = unsafe lease.checkpoint { checkpoint = try unsafe Checkpoint(opened(entry)) }
        self.init(
            id: LeaseID(rawValue: unsafe lease.lease),
            group: GroupSpec(
                problem: try unsafe text(lease.problem, "problem"), parameters: parameters, seed: unsafe lease.seed,
                trainingSet: unsafe Int(lease.training_set), initialization: unsafe Int(lease.initialization),
                replicate: unsafe Int(lease.replicate)),
            trials: trials, baselines: baselines, checkpoint: checkpoint, proof: try unsafe digestIfAny(lease.proof))
    }
}

/// Reads the values of a configuration from a flat list, in which the elements of a list or table follow it: the schema is not recursive,
/// since protobuf-c does not limit depth.
@safe private struct ParameterReader {
    private let entries: [UnsafeMutablePointer<Regsweep__Wire__Parameter>]
    private var index = 0

    init(_ entries: [UnsafeMutablePointer<Regsweep__Wire__Parameter>]) { unsafe self.entries = unsafe entries }

    mutating func parameters() throws(MessageError) -> [String: ParameterValue] {
        var parameters: [String: ParameterValue] = [:]
        while unsafe index < entries.count { try readEntry(into: &parameters, depth: 0) }
        return parameters
    }

    private mutating func readEntry(into table: inout [String: ParameterValue], depth: Int) throws(MessageError) {
        guard unsafe index < entries.count else { throw .malformed(reason: "a table of parameters that is cut off") }
        let name = try unsafe text(entries[index].pointee.name, "parameter name")
        guard table.updateValue(try readValue(name, depth: depth), forKey: name) == nil else {
            throw .malformed(reason: "parameter \(name) twice")
        }
    }

    private mutating func readValue(_ name: String, depth: Int) throws(MessageError) -> ParameterValue {
        guard unsafe index < entries.count else { throw .malformed(reason: "a list of parameters that is cut off") }
        guard depth <= Limits.parameterDepth else { throw .malformed(reason: "parameters of more than \(Limits.parameterDepth) levels") }
        let parameter = unsafe entries[index].pointee
        index += 1
        switch unsafe parameter.value_case {
        case REGSWEEP__WIRE__PARAMETER__VALUE_INTEGER: return unsafe .integer(Int(parameter.integer))
        case REGSWEEP__WIRE__PARAMETER__VALUE_REAL: return unsafe .real(parameter.real)
        case REGSWEEP__WIRE__PARAMETER__VALUE_TEXT: return .text(try unsafe text(parameter.text, name))
        case REGSWEEP__WIRE__PARAMETER__VALUE_LIST:
            var values: [ParameterValue] = []
            for _ in unsafe 0..<parameter.list { values.append(try readValue(name, depth: depth + 1)) }
            return .list(values)
        case REGSWEEP__WIRE__PARAMETER__VALUE_TABLE:
            var values: [String: ParameterValue] = [:]
            for _ in unsafe 0..<parameter.table { try readEntry(into: &values, depth: depth + 1) }
            return .table(values)
        default: throw .malformed(reason: "parameter \(name) without a value")
        }
    }
}

extension Command {
    fileprivate init(_ command: Regsweep__Wire__Command) throws(MessageError) {
        let target = try unsafe text(command.target, "target")
        switch unsafe command.kind {
        case REGSWEEP__WIRE__COMMAND_KIND__LIST: self = .list
        case REGSWEEP__WIRE__COMMAND_KIND__DRAIN_WORKER: self = .drain(target)
        case REGSWEEP__WIRE__COMMAND_KIND__REMOVE_WORKER: self = .remove(target)
        case REGSWEEP__WIRE__COMMAND_KIND__INVITE_WORKER: self = .invite(target)
        case REGSWEEP__WIRE__COMMAND_KIND__ADD_HOST: self = .add(target)
        default: throw .malformed(reason: "a command that is not known here")
        }
    }
}

extension Answer {
    fileprivate init(_ answer: Regsweep__Wire__Answer) throws(MessageError) {
        let text = try unsafe Wire.text(answer.text, "answer")
        let lines = try unsafe map(list(answer.workers, answer.n_workers, atMost: Limits.trialsPerLease, "workers")) {
            (entry) throws(MessageError) in try unsafe WorkerLine(entry.pointee)
        }
        self.init(isRefusal: unsafe answer.is_refusal != 0, text: text, workers: lines)
    }
}

extension WorkerLine {
    fileprivate init(_ line: Regsweep__Wire__WorkerLine) throws(MessageError) {
        self.init(
            worker: try unsafe Wire.worker(line.worker), host: try unsafe text(line.host, "host"),
            keyName: try unsafe text(line.key_name, "key name"), slots: unsafe Int(line.slots), leases: unsafe Int(line.leases),
            sinceHeard: .milliseconds(unsafe Int64(line.since_heard_milliseconds)), secondsPerTrial: unsafe line.seconds_per_trial)
    }
}

// Only the functions below follow protobuf-c's pointers. Each is sound for the same reason: unpack gives `count` initialized elements
// behind every non-null pointer, strings end in zero, and no pointer is used after free_unpacked.

private func bounded(_ value: UInt32, _ range: ClosedRange<Int>, _ what: String) throws(MessageError) -> Int {
    guard range.contains(Int(value)) else { throw .malformed(reason: "\(what): \(value) is outside \(range)") }
    return Int(value)
}

/// An offset into a file of the data set, or its size.
private func position(_ value: UInt64, _ what: String) throws(MessageError) -> Int {
    guard value <= UInt64(Limits.blobBytes) else { throw .malformed(reason: "\(what): \(value) is more than \(Limits.blobBytes)") }
    return Int(value)
}

private func numbers<T>(_ pointer: UnsafeMutablePointer<T>?, _ count: Int, atMost limit: Int, _ what: String) throws(MessageError) -> [T] {
    guard count <= limit else { throw .malformed(reason: "\(count) \(what), at most \(limit) are allowed") }
    guard count > 0, let pointer = unsafe pointer else { return [] }
    return unsafe Array(UnsafeBufferPointer(start: pointer, count: count))
}

private func list<T>(
    _ pointer: UnsafeMutablePointer<UnsafeMutablePointer<T>?>?, _ count: Int, atMost limit: Int, _ what: String
) throws(MessageError) -> [UnsafeMutablePointer<T>] {
    let elements = try unsafe numbers(pointer, count, atMost: limit, what).compactMap { unsafe $0 }
    for index in unsafe elements.indices { _ = try unsafe opened(elements[index]) }
    return unsafe elements
}

/// Reads a generated struct.
/// - Throws: when it has fields that are not known here, since ignoring them could change what the peer meant.
private func opened<T>(_ pointer: UnsafeMutablePointer<T>) throws(MessageError) -> T {
    // Sound: every generated struct begins with its ProtobufCMessage.
    let base = unsafe UnsafeRawPointer(pointer).assumingMemoryBound(to: ProtobufCMessage.self)
    guard unsafe base.pointee.n_unknown_fields == 0 else { throw .malformed(reason: "a field that is not known here") }
    return unsafe pointer.pointee
}

private func map<T, U>(_ values: [T], _ transform: (T) throws(MessageError) -> U) throws(MessageError) -> [U] {
    var out: [U] = []
    out.reserveCapacity(values.count)
    for value in values { out.append(try transform(value)) }
    return out
}

private func bytes(_ data: ProtobufCBinaryData, atMost limit: Int) throws(MessageError) -> [UInt8] {
    try unsafe numbers(data.data, data.len, atMost: limit, "bytes")
}

private func trialKey(_ data: ProtobufCBinaryData) throws(MessageError) -> TrialKey {
    guard let key = TrialKey(bytes: try unsafe bytes(data, atMost: TrialKey.byteCount)) else {
        throw .malformed(reason: "a trial key of \(unsafe data.len) bytes")
    }
    return key
}

private func keys(_ data: ProtobufCBinaryData) throws(MessageError) -> [TrialKey] {
    let all = try unsafe bytes(data, atMost: Limits.trialsPerLease * TrialKey.byteCount)
    guard all.count.isMultiple(of: TrialKey.byteCount) else { throw .malformed(reason: "trial keys of \(all.count) bytes") }
    return stride(from: 0, to: all.count, by: TrialKey.byteCount).map { TrialKey(bytes: all[$0..<$0 + TrialKey.byteCount])! }
}

private func worker(_ data: ProtobufCBinaryData) throws(MessageError) -> WorkerID {
    guard let id = WorkerID(bytes: try unsafe bytes(data, atMost: WorkerID.byteCount)) else {
        throw .malformed(reason: "a worker id of \(unsafe data.len) bytes")
    }
    return id
}

private func digestIfAny(_ data: ProtobufCBinaryData) throws(MessageError) -> Digest? {
    unsafe data.len == 0 ? nil : try unsafe sha256(data)
}

private func sha256(_ data: ProtobufCBinaryData) throws(MessageError) -> Digest {
    guard let digest = Digest(bytes: try unsafe bytes(data, atMost: Digest.byteCount)) else {
        throw .malformed(reason: "a digest of \(unsafe data.len) bytes")
    }
    return digest
}

/// Reads a text. Texts of peers are written to logs and terminals, so an end of line becomes a space, and a control character a question
/// mark; both are no longer than what they replace.
private func text(_ pointer: UnsafeMutablePointer<CChar>?, _ what: String) throws(MessageError) -> String {
    guard let pointer = unsafe pointer else { return "" }
    guard let text = unsafe String(validatingCString: pointer) else { throw .malformed(reason: "\(what) is not UTF-8") }
    guard text.utf8.count <= Limits.textBytes else { throw .malformed(reason: "\(what) of \(text.utf8.count) bytes") }
    return text.harmless
}
