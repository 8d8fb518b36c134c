// Checkpoint.swift · Wire/Vocabulary. Where a long trial is, so that another worker can go on from there.

/// Parameters and position of a trial at the end of an epoch.
public struct Checkpoint: Hashable, Sendable {
    public let key: TrialKey
    /// Epochs trained; at least 1 and fewer than the trial has.
    public let epoch: Int
    /// SHA-256 of the content, as its maker computed it.
    public let digest: Digest
    /// In the safetensors format (Docs/protocol.md); 1 to `Limits.modelBytes` bytes. Only workers look inside.
    public let content: [UInt8]
    /// Whether the content has this digest. It is computed once, where the bytes come from a message or a disk: whoever asks later has no
    /// time for a SHA-256 of megabytes. A damaged checkpoint is a value all the same, since its sender waits for an answer.
    public let isIntact: Bool

    /// - Parameter isIntact: what the initializers in Wire/Hashing compute; nobody else calls this one.
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
    /// After so long since the last one, at the end of an epoch.
    public var interval: Duration
    /// After so many epochs; 0 for never.
    public var epochs: Int

    public static let milliseconds: ClosedRange<Int> = 1...86_400_000

    /// - Parameter interval: 5 minutes by default: a lost worker then costs minutes of a trial of hours.
    public init(interval: Duration = .seconds(300), epochs: Int = 0) {
        self.interval = interval
        self.epochs = epochs
    }

    /// - Parameter epoch: epochs trained, from 1.
    public func asks(at epoch: Int, since last: Duration) -> Bool { last >= interval || (epochs > 0 && epoch.isMultiple(of: epochs)) }
}
