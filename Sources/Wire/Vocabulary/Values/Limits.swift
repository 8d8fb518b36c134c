// Limits.swift · Wire/Vocabulary/Values. What either side accepts from the other at most, each with its reason.

public enum Limits {
    /// 8 MiB: a lease of 4,096 trials with 50 points of curve each is 4 MiB of results.
    public static let frameBytes = 8 << 20
    /// 4,096: groups of this size are split, which costs nothing since a kernel runs 16 lanes at a time.
    public static let trialsPerLease = 4096
    /// 1,024: a curve has at most `CurveRule.points` points, and a last one.
    public static let curvePoints = 1024
    /// 32 series of 16,384 numbers are 4 MiB, half a frame. The theory's trials have a dozen of a few hundred.
    public static let series = 32
    public static let seriesValues = 1 << 14
    /// 4,096 leases in one Hello: a worker holds two a slot, and results of as many may wait for their acknowledgement.
    public static let heldLeases = 4096
    /// 262,144 trials of those leases, 4 MiB of keys: half a frame. A worker leaves out what is more.
    public static let heldTrials = 1 << 18
    /// Texts for people (host names, reasons): longer ones are cut by the sender and refused by the receiver.
    public static let textBytes = 1024
    /// 100 malformed frames: a worker sends none, so a peer that sends more is cut off.
    public static let malformedFrames = 100
    /// 16 frames in libzmq's queue to or from each connection: 128 MiB of the largest. Its default of 1,000 would be gigabytes.
    public static let queuedFrames = 16
    /// 8,192 frames that wait beside them: 2,048 leases, their ends, and messages since. Only a peer that does not read gets more.
    public static let unsentFrames = 8192
    /// 1,024 values of a problem's configuration, those inside lists and tables included: a problem has about ten, a network a few a layer.
    public static let parameters = 1024
    /// 8 lists and tables inside each other.
    public static let parameterDepth = 8
    /// 64 strengths of a setting: a problem has a handful.
    public static let strengths = 64
    /// 1,024 slots and twice that of leases: more than any host has.
    public static let slots = 1024
    /// 1 GiB a file of a data set, in memory at the coordinator and on the disk of each worker's host; Fashion-MNIST's largest has 47 MB.
    public static let blobBytes = 1 << 30
    /// 1 MiB of a file in one frame: on a slow link a frame still arrives every few seconds, before the timeout.
    public static let chunkBytes = 1 << 20
    /// 6 MiB of parameters in a checkpoint or a model: what fits into a frame beside the rest of a message. The network has 1.7 MB.
    public static let modelBytes = 6 << 20
    /// 10⁷ s, 116 days: no trial takes longer. Times only decide the size of leases, so a longer one is clamped and no result is lost.
    public static let secondsPerTrial = 1e7
    /// 2³² − 1 epochs or coordinates; the counters of the random streams are 32 bits wide.
    public static let coordinate = Int(UInt32.max)
}
