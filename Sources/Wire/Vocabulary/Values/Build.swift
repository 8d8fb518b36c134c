// Build.swift · Wire/Vocabulary/Values. The release, and the digest of its self-test.

public enum Build {
    /// The version in CHANGELOG.md, for people. Two programs work together when protocol version and self-test are equal.
    public static let version = "0.1.0"

    /// SHA-256 over the bits of the self-test trials. A worker that computes another one is refused.
    /// `WorkerTests` compares it with what this build computes.
    public static let selfTest = Digest(hexadecimal: "1f230fc7a9e582a341d6666e629c5f9615b00a392b21eefb6c834e0e5fb28433")!
}
