// MalformedFrames.swift · Coordinator/Scheduling, a part of Scheduler. How many frames of each peer were no messages.

internal import Vocabulary
internal import Wire

/// A few malformed frames cost their sender nothing but the answer; `Limits.malformedFrames` of them its connection.
struct MalformedFrames {
    /// By key, where a peer has one, since a key is one peer however often it connects; else by connection.
    private(set) var counts: [Route: Int] = [:]

    /// 10,000: connections without a key come from this host, and those that are gone must not be remembered for ever.
    static let mostPeers = 10_000

    /// - Returns: whether the peer has reached the limit and is to be cut off; its count then starts again.
    mutating func add(from route: Route) -> Bool {
        let peer = if case .key = route.peer { Route([], peer: route.peer) } else { route }
        if counts.count >= Self.mostPeers { counts = [:] }
        counts[peer, default: 0] += 1
        guard counts[peer]! >= Limits.malformedFrames else { return false }
        counts[peer] = nil
        return true
    }
}
