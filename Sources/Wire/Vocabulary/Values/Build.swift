// Build.swift · Wire/Vocabulary/Values. Which release this is.

public enum Build {
    /// As in CHANGELOG.md. For people: what two builds must agree on is the protocol version and the self-test.
    public static let version = "0.1.0"

    /// SHA-256 over the bits of the self-test trials. A worker that computes others is refused.
    /// `WorkerTests` compares it with what this build computes.
    public static let selfTest = Digest(hexadecimal: "877915e262f79ec99c82e58f033828969662754279d77867946fc6faf24b578c")!
}
