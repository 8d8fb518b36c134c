// TrialKeys.swift · Wire/Hashing. Computes the keys of trials and the digests of checkpoints.

public import Vocabulary

extension TrialKey {
    /// The first 16 bytes of a digest.
    init(_ digest: Digest) { self.init(high: digest.words.first, low: digest.words.second) }
}

extension TrialIdentity {
    /// The keys of all settings in all groups, group by group. They equal those of `key`; several times as fast, since text that trials
    /// share is made once.
    public static func keys(of groups: [GroupSpec], _ settings: [Setting]) -> [TrialKey] {
        let middles = settings.map { Array("\n\(middle($0))".utf8) }
        var keys: [TrialKey] = [], tails: [[String: ParameterValue]: [UInt8]] = [:]
        keys.reserveCapacity(groups.count * settings.count)
        var text: [UInt8] = []
        for group in groups {
            let head = Array(head(group).utf8)
            let end = tails[group.parameters] ?? Array(tail(group).utf8)
            tails[group.parameters] = end
            for middle in middles {
                text.removeAll(keepingCapacity: true)
                text += head
                text += middle
                text += end
                keys.append(TrialKey(Digest(of: text)))
            }
        }
        return keys
    }

    /// - Complexity: one SHA-256 of about 600 bytes.
    public var key: TrialKey { TrialKey(Digest(of: canonicalText)) }
}

extension Checkpoint {
    /// A checkpoint of content that this process has just made.
    /// - Complexity: one SHA-256 of the content.
    public init(key: TrialKey, epoch: Int, content: [UInt8]) {
        self.init(key: key, epoch: epoch, digest: Digest(of: content), content: content, isIntact: true)
    }

    /// A checkpoint from a message or a disk, which may be damaged: `isIntact` says whether the content has the digest.
    /// - Complexity: one SHA-256 of the content.
    public init(key: TrialKey, epoch: Int, digest: Digest, content: [UInt8]) {
        self.init(key: key, epoch: epoch, digest: digest, content: content, isIntact: Digest(of: content) == digest)
    }
}
