// DataFetch.swift · Worker, a part of WorkerMachine. Which files of the data set are here, and what to do next for one that is not.
// Knows no disk and no socket: what it wants done are commands and requests, what came of it are events.

internal import Vocabulary
internal import Wire

/// What the disk is asked for; each is answered by one `DataNews`.
enum DataCommand: Equatable {
    /// Is it here? If not, takes the right to fetch it: of the processes of a host that share a cache one fetches.
    /// - Parameter alone: no longer waits for another process, which may have been stopped, and fetches for itself.
    case look(alone: Bool)
    case write([UInt8], at: Int)
    /// Compares the whole with its hash and gives it its name.
    case check
    /// Throws away what was fetched.
    case discard
}

enum DataNews: Equatable {
    /// It is here and its hash is right.
    case whole
    /// So many bytes of it are here.
    case part(Int)
    /// Another process of this host fetches it.
    case busy
    /// What was here has another hash and is thrown away.
    case wrong
    /// No room on the disk, or no right to write.
    case failed(reason: String)
}

struct DataFetch {
    /// looking → here, having, busy, and having again after what was there had the wrong hash. busy → looking after a while.
    /// having → writing → having … → checking → here, or having nothing when the hash is wrong.
    enum State: Equatable {
        case looking
        case busy(since: Instant, until: Instant)
        /// - Parameter asked: when the coordinator was asked for what follows; nil before.
        case having(Int, asked: Instant?)
        case writing(total: Int)
        case checking
        case here
    }

    enum Timing {
        /// A file takes seconds to fetch; looking costs nothing.
        static let lookAgain: Duration = .milliseconds(500)
        /// Longer than another process that is alive leaves a file untouched on any link that is of use.
        static let patience: Duration = .seconds(60)
        /// A chunk that did not come in this time was lost with a connection of which this side knows nothing.
        static let askAgain: Duration = .seconds(15)
        /// Once for a copy on this disk and once for the way: what is wrong a third time is wrong for good.
        static let tries = 3
    }

    private(set) var states: [Digest: State] = [:]
    private var busySince: [Digest: Instant] = [:]
    private var wrongs: [Digest: Int] = [:]

    func isHere(_ file: Digest) -> Bool { states[file] == .here }

    enum Step: Equatable {
        case disk(DataCommand, Digest)
        case ask(Digest, offset: Int)
    }

    /// The next thing to do for a file that is needed; nil while something is under way.
    /// - Parameter isJoined: whether there is a coordinator to ask.
    mutating func next(for file: Digest, isJoined: Bool, at now: Instant) -> Step? {
        switch states[file] {
        case nil:
            states[file] = .looking
            return .disk(.look(alone: false), file)
        case .busy(let since, let until):
            guard now >= until else { return nil }
            busySince[file] = since
            states[file] = .looking
            return .disk(.look(alone: now - since >= Timing.patience), file)
        case .having(let count, let asked):
            guard isJoined, asked.map({ now - $0 >= Timing.askAgain }) ?? true else { return nil }
            states[file] = .having(count, asked: now)
            return .ask(file, offset: count)
        case .looking, .writing, .checking, .here: return nil
        }
    }

    /// When `next` has something to do although nothing has happened.
    func deadline(of file: Digest, isJoined: Bool) -> Instant {
        switch states[file] {
        case .busy(_, let until): until
        case .having(_, let asked?) where isJoined: asked + Timing.askAgain
        default: .distantFuture
        }
    }

    /// A new connection: what was asked for on the old one may never come.
    mutating func forgetRequests() {
        for (file, state) in states { if case .having(let count, _) = state { states[file] = .having(count, asked: nil) } }
    }

    /// - Returns: what the disk has to do; nil for a chunk that nobody waits for (a repeat, or one that came too late).
    mutating func take(_ chunk: DataChunk) -> DataCommand? {
        guard case .having(let count, _?) = states[chunk.digest] else { return nil }
        guard count <= chunk.total else {
            states[chunk.digest] = .writing(total: chunk.total)
            return .discard
        }
        guard chunk.offset == count else { return nil }
        if count == chunk.total {
            states[chunk.digest] = .checking
            return .check
        }
        guard !chunk.content.isEmpty else { return nil }
        states[chunk.digest] = .writing(total: chunk.total)
        return .write(chunk.content, at: count)
    }

    /// - Returns: what the disk has to do next.
    /// - Throws: `DataFailure` where going on cannot help.
    mutating func hear(_ news: DataNews, of file: Digest, at now: Instant) throws(DataFailure) -> DataCommand? {
        switch (news, states[file]) {
        case (.whole, _):
            states[file] = .here
            busySince[file] = nil
        case (.part(let count), .writing(let total)) where count == total:
            states[file] = .checking
            return .check
        case (.part(let count), _): states[file] = .having(count, asked: nil)
        case (.busy, _): states[file] = .busy(since: busySince[file] ?? now, until: now + Timing.lookAgain)
        case (.wrong, _):
            wrongs[file, default: 0] += 1
            guard wrongs[file]! < Timing.tries else {
                throw DataFailure(reason: "data \(file) does not match its hash, \(Timing.tries) times in a row")
            }
            states[file] = .having(0, asked: nil)
        case (.failed(let reason), _): throw DataFailure(reason: reason)
        }
        return nil
    }
}

/// Why this worker cannot have a file.
struct DataFailure: Error, Equatable { var reason: String }
