// Checkpoint.swift · Wire/Vocabulary. Where a long trial is, so that another worker can go on from there.

/// Parameters and position of a trial at the end of an epoch.
public struct Checkpoint: Hashable, Sendable {
    public let key: TrialKey
    /// Epochs trained: at least 1, and fewer than the trial has.
    public let epoch: Int
    /// SHA-256 of the content, as the worker that made the checkpoint computed it.
    public let digest: Digest
    /// A file in the safetensors format (Docs/protocol.md), of 1 to `Limits.modelBytes` bytes. Only workers read it.
    public let content: [UInt8]
    /// Whether the content has this digest. It is computed once, where the bytes come from a message or a disk, since the scheduler has no
    /// time for a SHA-256 of megabytes. A damaged checkpoint is a value too, because its sender waits for an answer.
    public let isIntact: Bool

    /// Called only by the initializers in Wire/Hashing, which compute `isIntact`.
    package init(key: TrialKey, epoch: Int, digest: Digest, content: [UInt8], isIntact: Bool) {
        self.key = key
        self.epoch = epoch
        self.digest = digest
        self.content = content
        self.isIntact = isIntact
    }
}

/// When a running trial makes a checkpoint.
public struct CheckpointRule: Hashable, Sendable {
    /// Time since the last checkpoint after which the next end of an epoch makes one.
    public var interval: Duration
    /// A checkpoint is made at every multiple of this many epochs; 0 for none.
    public var epochs: Int

    /// The allowed interval in milliseconds: at most a day.
    public static let milliseconds: ClosedRange<Int> = 1...86_400_000

    /// - Parameter interval: 5 minutes by default: a lost worker then costs minutes of a trial of hours.
    public init(interval: Duration = .seconds(300), epochs: Int = 0) {
        self.interval = interval
        self.epochs = epochs
    }

    /// Whether a checkpoint is due at the end of an epoch.
    /// - Parameters:
    ///   - epoch: epochs trained, from 1.
    ///   - last: the time since the last checkpoint, or since the start.
    public func asks(at epoch: Int, since last: Duration) -> Bool { last >= interval || (epochs > 0 && epoch.isMultiple(of: epochs)) }
}
