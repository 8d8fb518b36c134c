// LeaseProofs.swift · Coordinator/Scheduling, a part of Scheduler. Shows that a lease was given to the holder of a key, also when nobody
// remembers it: after the worker had timed out, or in a later incarnation. Nothing is stored for it but one secret.

internal import Vocabulary
internal import Wire

/// A proof goes out with a lease and comes back with its results. Only who has the secret can make one.
struct LeaseProofs: Equatable {
    /// The same in each incarnation on a store. Nil where workers have no keys: then there are no proofs.
    let secret: Digest?

    /// - Parameters:
    ///   - trials: all of the lease, in its order.
    ///   - holder: ``Author/key`` of the worker; nil for a worker without a key, which needs no proof.
    func proof(of lease: LeaseID, _ trials: some Sequence<TrialKey>, to holder: Digest?) -> Digest? {
        guard let secret, let holder else { return nil }
        var message = secret.bytes + holder.bytes
        message += [lease.rawValue].bigEndianBytes
        for key in trials { message += [key.high, key.low].bigEndianBytes }
        // Hashed twice, as HMAC does: a SHA-256 of secret and message alone could be continued by somebody without the secret.
        return Digest(of: secret.bytes + Digest(of: message).bytes)
    }

    /// Whether a proof that came back is that of the lease.
    func isProven(_ proof: Digest?, _ lease: LeaseID, _ trials: some Sequence<TrialKey>, to holder: Digest) -> Bool {
        guard let proof else { return false }
        return proof == self.proof(of: lease, trials, to: holder)
    }
}
