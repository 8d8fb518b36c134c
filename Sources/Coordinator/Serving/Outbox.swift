// Outbox.swift · Coordinator/Serving, a part of Connections. Frames that wait for their connection to take them, and how much of it a
// connection that does not read can make us keep. Knows no socket: what the socket said comes in with each call.

internal import Vocabulary
internal import Wire

struct Outbox {
    enum Frame: Equatable {
        case encoded([UInt8])
        /// Bytes of a file from an offset. They become a frame when the connection takes it, not before.
        case chunk(Digest, offset: Int)
    }

    /// What became of a frame that was offered to its connection.
    enum Outcome { case sent, dropped, mustWait }

    private var frames: [(frame: Frame, route: Route)] = []
    private var counts: [Route: Int] = [:]

    var isEmpty: Bool { frames.isEmpty }

    func count(of route: Route) -> Int { counts[route, default: 0] }

    mutating func add(_ frame: [UInt8], to route: Route) { append(.encoded(frame), route) }

    /// A worker asks for one chunk at a time, and again when none comes, so the last request is the one that counts: whoever asks by the
    /// thousand gets one chunk a turn, and none while the last one waits.
    mutating func addChunk(of file: Digest, offset: Int, to route: Route) {
        if let index = frames.firstIndex(where: { $0.route == route && $0.frame.isChunk }) {
            frames[index].frame = .chunk(file, offset: offset)
        } else {
            append(.chunk(file, offset: offset), route)
        }
    }

    private mutating func append(_ frame: Frame, _ route: Route) {
        frames.append((frame, route))
        counts[route, default: 0] += 1
    }

    /// Offers every frame to its connection once. What follows a frame that has to wait waits behind it: a connection receives everything
    /// in the order in which it was added.
    mutating func flush<E>(_ send: (Frame, Route) throws(E) -> Outcome) throws(E) {
        let old = frames
        self = Outbox()
        var full: Set<Route> = []
        for (frame, route) in old {
            if !full.contains(route), try send(frame, route) != .mustWait { continue }
            full.insert(route)
            append(frame, route)
        }
    }

    mutating func remove(_ route: Route) {
        guard counts.removeValue(forKey: route) != nil else { return }
        frames.removeAll { $0.route == route }
    }

    /// Connections for which more frames wait than a worker with every credit there is could be owed.
    var overfull: [Route] { counts.filter { $0.value > Limits.unsentFrames }.keys.sorted { $0.description < $1.description } }
}

extension Outbox.Frame {
    fileprivate var isChunk: Bool { if case .chunk = self { true } else { false } }
}
