// Build.swift · Wire/Vocabulary. Which release this is.

public enum Build {
    /// As in CHANGELOG.md. For people: what two builds must agree on is the protocol version and the self-test.
    public static let version = "0.1.0"

    /// SHA-256 over the bits of the self-test trials. A worker that computes others is refused.
    /// `WorkerTests` compares it with what this build computes.
    public static let selfTest = Digest(hexadecimal: "b6aff3cdea5d976095d4d4be8e04ae2ccabfeab2413fab54b26db2ef9c218d5d")!
}
