// Message.swift · Wire/Messages. All messages between coordinator and worker as Swift values. Docs/protocol.md describes when they are
// sent. The generated protobuf-c names appear only in MessageEncoding and MessageDecoding.

public import Vocabulary

/// The content of one frame: a message and the incarnation that it belongs to.
public struct Envelope: Hashable, Sendable {
    /// The coordinator's incarnation, as the sender knows it; 0 from a worker that has received nothing from a coordinator yet.
    public var incarnation: UInt64
    public var message: Message

    public init(incarnation: UInt64, message: Message) {
        self.incarnation = incarnation
        self.message = message
    }

    /// Raised by each change that the other side must know. Either side refuses another version with a reason.
    public static let protocolVersion: UInt32 = 2
}

public enum Message: Hashable, Sendable {
    // worker → coordinator
    case hello(Hello)
    /// The number of leases that the worker accepts in all, running and queued. It is absolute, so a repeated message does no harm.
    case ready(credits: Int)
    /// Points of running trials, for people who watch. May be lost; empty when a lease has just begun.
    case progress(LeaseID, [ProgressPoint])
    /// Results of a lease, with its proof, which the worker holds until the batch is acknowledged.
    case results(BatchID, LeaseID, [TrialResult], proof: Digest? = nil)
    case goodbye(reason: String)
    /// Asks for the bytes from an offset on of a file that a lease names.
    case dataRequest(Digest, offset: Int)
    /// A checkpoint of the lease's trial, which the worker holds until it is answered or there is a newer one.
    case checkpoint(LeaseID, Checkpoint)
    // both
    /// A frame that the receiver of this message sent could not be decoded and was dropped.
    case dropped(reason: String)
    /// - Parameter running: leases being computed; 0 from the coordinator.
    case heartbeat(running: Int)
    /// From the coordinator: the checkpoint is durable, or why it was not stored. From a worker: why it cannot resume from it.
    case checkpointAnswer(TrialKey, epoch: Int, refusal: String?)
    // coordinator → worker
    case dataChunk(DataChunk)
    case welcome(Welcome)
    /// The worker must end, because trying again cannot help.
    case refused(reason: String)
    case lease(Lease)
    /// From the coordinator: the worker must stop computing the lease. From a worker: it gives the lease back.
    case cancel(LeaseID)
    case drain
    /// The results of the batch are durable.
    case acknowledged(BatchID)
    /// The coordinator does not know this connection, and the worker must send Hello.
    case introduce
    // a person on the coordinator's host → coordinator, and back
    case command(Command)
    case answer(Answer)
}

/// A command of `regsweep workers` to a running coordinator. Accepted over ipc only, from the coordinator's own user.
public enum Command: Hashable, Sendable {
    case list
    /// Drains workers, named by the first eight digits of a worker's id, by host or by key.
    case drain(String)
    /// Takes key and leases from workers, named as above, at once.
    case remove(String)
    /// Makes a key of this name for a worker that a person starts.
    case invite(String)
    /// Starts workers on a host, which is given as `ssh:NAME`.
    case add(String)
}

public struct Answer: Hashable, Sendable {
    /// Whether nothing was done; the text then says why.
    public var isRefusal: Bool
    public var text: String
    public var workers: [WorkerLine]

    public init(isRefusal: Bool = false, text: String, workers: [WorkerLine] = []) {
        self.isRefusal = isRefusal
        self.text = text
        self.workers = workers
    }
}

/// One worker as `regsweep workers list` shows it.
public struct WorkerLine: Hashable, Sendable {
    public var worker: WorkerID
    public var host: String
    /// Name of the worker's key; empty for a worker without a key.
    public var keyName: String
    public var slots: Int
    public var leases: Int
    /// Time since the last frame from the worker.
    public var sinceHeard: Duration
    /// Mean compute time of a trial; NaN before the worker's first result.
    public var secondsPerTrial: Double

    public init(worker: WorkerID, host: String, keyName: String, slots: Int, leases: Int, sinceHeard: Duration, secondsPerTrial: Double) {
        self.worker = worker
        self.host = host
        self.keyName = keyName
        self.slots = slots
        self.leases = leases
        self.sinceHeard = sinceHeard
        self.secondsPerTrial = secondsPerTrial
    }
}

/// The first message of a worker on a new connection.
public struct Hello: Hashable, Sendable {
    public var worker: WorkerID
    public var host: String
    public var process: Int
    /// Leases that the worker computes at the same time.
    public var slots: Int
    /// SHA-256 over the bits of the self-test trials, as this build computes them on this processor.
    public var selfTest: Digest
    /// Leases that are queued, running or not acknowledged yet, with the trials of each.
    public var held: [LeaseID: [TrialKey]]
    /// The proofs of those leases that have one.
    public var proofs: [LeaseID: Digest]

    public init(
        worker: WorkerID, host: String, process: Int, slots: Int, selfTest: Digest, held: [LeaseID: [TrialKey]],
        proofs: [LeaseID: Digest] = [:]
    ) {
        self.proofs = proofs
        self.worker = worker
        self.host = host
        self.process = process
        self.slots = slots
        self.selfTest = selfTest
        self.held = held
    }
}

public struct Welcome: Hashable, Sendable {
    public var sweep: String
    public var heartbeatInterval: Duration
    /// Time without a frame after which either side takes the other for lost.
    public var timeout: Duration
    /// The leases of Hello that the worker goes on with; it drops the others.
    public var keep: [LeaseID]
    public var checkpoints: CheckpointRule

    public init(
        sweep: String, heartbeatInterval: Duration, timeout: Duration, keep: [LeaseID], checkpoints: CheckpointRule = CheckpointRule()
    ) {
        self.checkpoints = checkpoints
        self.sweep = sweep
        self.heartbeatInterval = heartbeatInterval
        self.timeout = timeout
        self.keep = keep
    }
}

/// Trials of one group that a worker holds for a while.
public struct Lease: Hashable, Sendable {
    public var id: LeaseID
    public var group: GroupSpec
    public var trials: [LeasedTrial]
    /// The baselines of the group that are known already.
    public var baselines: [Baseline]
    /// The checkpoint from which its only trial is resumed; nil to start from the beginning.
    public var checkpoint: Checkpoint?
    /// Shows that the holder of the worker's key was leased these trials, also to a coordinator that was started since; the worker gives it
    /// back as it is. Nil for a worker without a key.
    public var proof: Digest?

    public init(
        id: LeaseID, group: GroupSpec, trials: [LeasedTrial], baselines: [Baseline], checkpoint: Checkpoint? = nil, proof: Digest? = nil
    ) {
        self.checkpoint = checkpoint
        self.proof = proof
        self.id = id
        self.group = group
        self.trials = trials
        self.baselines = baselines
    }
}

public struct LeasedTrial: Hashable, Sendable {
    public var key: TrialKey
    /// The number of leases that this trial has had, this one included.
    public var attempt: Int
    public var setting: Setting

    public init(key: TrialKey, attempt: Int, setting: Setting) {
        self.key = key
        self.attempt = attempt
        self.setting = setting
    }
}

/// A part of a file of the data set, which is named by its hash.
public struct DataChunk: Hashable, Sendable {
    public var digest: Digest
    public var offset: Int
    /// Bytes of the whole file; 0 when the coordinator has no such file.
    public var total: Int
    /// The bytes from the offset on, at most `Limits.chunkBytes`; none at the end of the file.
    public var content: [UInt8]

    public init(digest: Digest, offset: Int, total: Int, content: [UInt8]) {
        self.digest = digest
        self.offset = offset
        self.total = total
        self.content = content
    }

    /// The chunk that follows the first `offset` bytes; an offset beyond the end is replaced by the end.
    /// - Parameter file: the whole content; nil when the coordinator has no such file.
    public init(of file: [UInt8]?, digest: Digest, offset: Int) {
        let total = file?.count ?? 0, start = min(offset, total)
        self.init(digest: digest, offset: start, total: total, content: Array(file?[start..<min(start + Limits.chunkBytes, total)] ?? []))
    }
}

/// A baseline of a group that is known already.
public struct Baseline: Hashable, Sendable {
    public var setting: Setting
    /// Test loss after each epoch of its curve.
    public var testLoss: [Int: Double]

    public init(setting: Setting, testLoss: [Int: Double]) {
        self.setting = setting
        self.testLoss = testLoss
    }
}

/// A running trial at the end of an epoch.
public struct ProgressPoint: Hashable, Sendable {
    public var key: TrialKey
    public var point: CurvePoint
    /// ``LossRatio`` at this epoch; nil while the baseline's loss there is not known.
    public var lossRatio: Double?

    public init(key: TrialKey, point: CurvePoint, lossRatio: Double?) {
        self.key = key
        self.point = point
        self.lossRatio = lossRatio
    }
}

/// Why bytes cannot be decoded as a message.
public enum MessageError: Error, Hashable, Sendable {
    /// The peer speaks another version of the protocol. Trying again cannot help: the receiver says so and ends the connection.
    case versionMismatch(theirs: UInt32, ours: UInt32)
    /// The bytes are no message, or exceed a limit. The receiver drops the frame and the connection stays.
    case malformed(reason: String)
}

extension MessageError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .versionMismatch(let theirs, let ours):
            "protocol version \(theirs) where this program speaks \(ours): install the same release on both hosts"
        case .malformed(let reason): "malformed message: \(reason)"
        }
    }
}
