// Outbox.swift · Coordinator/Serving, a part of EventLoop. What is said and not yet sent, in order for each connection, and how much of it a
// connection that does not read can make us keep. Knows no socket: what the socket said comes in with each call.

internal import Vocabulary
internal import Wire

struct Outbox {
    enum Word: Equatable {
        case frame([UInt8])
        /// Bytes of a file from an offset: made into a frame when the connection takes it, not before.
        case chunk(Digest, offset: Int)
    }

    /// What became of a word.
    enum Fate { case sent, forgotten, waits }

    private var words: [(word: Word, route: Route)] = []
    private var counts: [Route: Int] = [:]

    var isEmpty: Bool { words.isEmpty }

    func count(of route: Route) -> Int { counts[route, default: 0] }

    mutating func add(_ frame: [UInt8], to route: Route) { append(.frame(frame), route) }

    /// A worker asks for one chunk at a time, and again when none comes, so the last request is the one that counts: whoever asks by the
    /// thousand gets one chunk a turn, and none while the last one waits.
    mutating func addChunk(of file: Digest, offset: Int, to route: Route) {
        if let index = words.firstIndex(where: { $0.route == route && $0.word.isChunk }) {
            words[index].word = .chunk(file, offset: offset)
        } else {
            append(.chunk(file, offset: offset), route)
        }
    }

    private mutating func append(_ word: Word, _ route: Route) {
        words.append((word, route))
        counts[route, default: 0] += 1
    }

    /// Offers every word to its connection once. What follows a word that has to wait waits behind it: a worker hears everything in the
    /// order in which it was said.
    mutating func flush<E>(_ send: (Word, Route) throws(E) -> Fate) throws(E) {
        let old = words
        self = Outbox()
        var full: Set<Route> = []
        for (word, route) in old {
            if !full.contains(route), try send(word, route) != .waits { continue }
            full.insert(route)
            append(word, route)
        }
    }

    mutating func forget(_ route: Route) {
        guard counts.removeValue(forKey: route) != nil else { return }
        words.removeAll { $0.route == route }
    }

    /// Connections that have been told more than they take: more than a worker with every credit there is could be owed.
    var overfull: [Route] { counts.filter { $0.value > Limits.unsentFrames }.keys.sorted { $0.description < $1.description } }
}

extension Outbox.Word {
    fileprivate var isChunk: Bool { if case .chunk = self { true } else { false } }
}
