// SampleResults.swift · Tests/TestSupport. Results of trials, of which a test states only what it is about.

public import Vocabulary

extension TrialResult {
    /// - Returns: a result of a first attempt that took a second.
    public static func sample(
        _ key: TrialKey, _ outcome: Outcome, attempt: Int = 1, epochs: Int, digest: Digest? = nil, curve: [CurvePoint] = [],
        seconds: Double = 1
    ) -> TrialResult {
        TrialResult(key: key, attempt: attempt, outcome: outcome, epochs: epochs, digest: digest, curve: curve, seconds: seconds)
    }

    /// - Returns: what a worker says of a trial that it could not compute.
    public static func failure(_ key: TrialKey, reason: String, attempt: Int = 1) -> TrialResult {
        sample(key, .failed(reason: reason), attempt: attempt, epochs: 0, seconds: 0)
    }
}
