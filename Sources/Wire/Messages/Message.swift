// Message.swift · Wire/Messages. Everything that coordinator and worker can say to each other, as Swift values.
// Docs/protocol.md tells the conversation. The generated protobuf-c names appear only in the two files beside this one.

public import Vocabulary

/// One frame: who speaks in which incarnation, and what is said.
public struct Envelope: Hashable, Sendable {
    /// The coordinator's start on its store that this belongs to, as the sender knows it; 0 before a worker has heard any.
    public var incarnation: UInt64
    public var message: Message

    public init(incarnation: UInt64, message: Message) {
        self.incarnation = incarnation
        self.message = message
    }

    /// Goes up with every change that the other side has to know of. Another version is refused with a reason on both sides.
    public static let protocolVersion: UInt32 = 2
}

public enum Message: Hashable, Sendable {
    // worker → coordinator
    case hello(Hello)
    /// The number of leases the worker is willing to hold at once, running and queued. An absolute number, so a repeat does no harm.
    case ready(credits: Int)
    /// Points of running trials. May be lost.
    case progress(LeaseID, [ProgressPoint])
    /// Kept by the worker until it is acknowledged.
    case results(BatchID, LeaseID, [TrialResult])
    case goodbye(reason: String)
    /// The next bytes of a file that a lease names.
    case dataRequest(Digest, offset: Int)
    /// Where a trial of the lease is, to go on from. Kept by the worker until it is answered or there is a newer one.
    case checkpoint(LeaseID, Checkpoint)
    // both
    /// A frame of the receiver's was no message of ours and was dropped; nothing else changes.
    case dropped(reason: String)
    /// - Parameter running: leases being computed; 0 from the coordinator.
    case heartbeat(running: Int)
    /// From the coordinator: the checkpoint is durable, or why it is not taken. From a worker: why it does not go on from it.
    case checkpointAnswer(TrialKey, epoch: Int, refusal: String?)
    // coordinator → worker
    case dataChunk(DataChunk)
    case welcome(Welcome)
    /// The worker must not come back: trying again cannot help.
    case refused(reason: String)
    case lease(Lease)
    /// From the coordinator: stop computing it. From a worker that drains: it gives the lease back.
    case cancel(LeaseID)
    case drain
    /// The batch is durable.
    case acknowledged(BatchID)
    /// The coordinator does not know this connection; the worker says Hello.
    case introduce
    // a person on the coordinator's host → coordinator, and back
    case command(Command)
    case answer(Answer)
}

/// What `regsweep workers` asks of a running coordinator. Taken over ipc only, from the coordinator's own user.
public enum Command: Hashable, Sendable {
    case list
    /// Workers of that name (the first eight digits of a worker's id, a host, a key) finish what they compute and go.
    case drain(String)
    /// They lose key and leases at once.
    case remove(String)
    /// A new key of that name for a worker that is started by hand.
    case invite(String)
    /// Starts workers on a host, `ssh:NAME`.
    case add(String)
}

public struct Answer: Hashable, Sendable {
    /// Nothing was done; the text says why.
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
    /// Empty for a worker without a key.
    public var keyName: String
    public var slots: Int
    public var leases: Int
    /// Since it was last heard.
    public var silence: Duration
    /// NaN before its first result.
    public var secondsPerTrial: Double

    public init(worker: WorkerID, host: String, keyName: String, slots: Int, leases: Int, silence: Duration, secondsPerTrial: Double) {
        self.worker = worker
        self.host = host
        self.keyName = keyName
        self.slots = slots
        self.leases = leases
        self.silence = silence
        self.secondsPerTrial = secondsPerTrial
    }
}

/// A worker presents itself, on every new connection.
public struct Hello: Hashable, Sendable {
    public var worker: WorkerID
    public var host: String
    public var process: Int
    /// Compute threads.
    public var slots: Int
    /// SHA-256 over the bits of the self-test trials, as this build computes them on this processor.
    public var selfTest: Digest
    /// Leases still queued or running, with the trials of each.
    public var held: [LeaseID: [TrialKey]]

    public init(
        worker: WorkerID, host: String, process: Int, slots: Int, selfTest: Digest, held: [LeaseID: [TrialKey]]
    ) {
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
    /// After so long without a frame either side takes the other for lost.
    public var timeout: Duration
    /// Of the leases in Hello: those to go on with. The worker drops the others.
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

/// What a worker holds of a group for a while.
public struct Lease: Hashable, Sendable {
    public var id: LeaseID
    public var group: GroupSpec
    public var trials: [LeasedTrial]
    /// The baselines of the group that are known already.
    public var baselines: [Baseline]
    /// Where its one trial goes on; nil to start from the beginning.
    public var checkpoint: Checkpoint?

    public init(id: LeaseID, group: GroupSpec, trials: [LeasedTrial], baselines: [Baseline], checkpoint: Checkpoint? = nil) {
        self.checkpoint = checkpoint
        self.id = id
        self.group = group
        self.trials = trials
        self.baselines = baselines
    }
}

public struct LeasedTrial: Hashable, Sendable {
    public var key: TrialKey
    /// Counts the leases that this trial has had, from 1.
    public var attempt: Int
    public var setting: Setting

    public init(key: TrialKey, attempt: Int, setting: Setting) {
        self.key = key
        self.attempt = attempt
        self.setting = setting
    }
}

/// A part of a file that is named by its hash.
public struct DataChunk: Hashable, Sendable {
    public var digest: Digest
    public var offset: Int
    /// Bytes of the whole file; 0 says that the coordinator has none of this name.
    public var total: Int
    /// At most `Limits.chunkBytes`; none at the end of the file.
    public var content: [UInt8]

    public init(digest: Digest, offset: Int, total: Int, content: [UInt8]) {
        self.digest = digest
        self.offset = offset
        self.total = total
        self.content = content
    }

    /// What a worker that has the first `offset` bytes needs next. Beyond the end it says where the end is.
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
    /// Test loss over the baseline's at the same epoch; nil where that is not known.
    public var lossRatio: Double?

    public init(key: TrialKey, point: CurvePoint, lossRatio: Double?) {
        self.key = key
        self.point = point
        self.lossRatio = lossRatio
    }
}

/// Why bytes are no message of ours.
public enum MessageError: Error, Hashable, Sendable {
    /// The peer was built from another protocol: trying again cannot help, say so and part.
    case versionMismatch(theirs: UInt32, ours: UInt32)
    /// The bytes are none of our messages, or break a limit: drop this frame, keep the connection.
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
