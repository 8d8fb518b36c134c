// DataFetch.swift · Worker, a part of WorkerMachine. Decides how files of a data set come to this host: which are in the cache, and the
// next step for one that is not. Knows no disk and no socket: it returns commands and requests, and is given their outcomes.

internal import Vocabulary
internal import Wire

/// An operation on the cache. Each has one `DataOutcome`.
enum DataCommand: Equatable {
    /// Looks for the file and verifies its hash. If it is missing, locks its part file: one of the processes that share a cache fetches it.
    /// - Parameter alone: fetches into a part file of this process's own, since the process that holds the lock makes no progress.
    case look(alone: Bool)
    case write([UInt8], at: Int)
    /// Compares the finished file with its hash and gives it its name.
    case check
    /// Deletes the bytes that were fetched.
    case discard
}

enum DataOutcome: Equatable {
    /// The file is in the cache and its hash is right.
    case whole
    /// The first so many bytes of the file are in the cache.
    case part(Int)
    /// Another process of this host fetches the file.
    case busy
    /// The bytes in the cache had another hash and were deleted.
    case wrong
    /// The disk is full, or this user may not write there.
    case failed(reason: String)
}

/// The state of each file that some lease needs.
struct DataFetch {
    /// looking → here, having, busy. busy → looking after `Timing.lookAgain`. having → writing → having, or → checking after the last
    /// byte. checking → here, or → having(0) when the hash is wrong.
    enum State: Equatable {
        case looking
        case busy(since: Instant, until: Instant)
        /// The first so many bytes are in the cache.
        /// - Parameter asked: when the coordinator was asked for the next bytes; nil before.
        case having(Int, asked: Instant?)
        case writing(total: Int)
        case checking
        case here
    }

    enum Timing {
        /// A file takes seconds to fetch, and a look costs microseconds.
        static let lookAgain: Duration = .milliseconds(500)
        /// After this long without progress of the process that holds the lock, fetch the file ourselves.
        static let lockTimeout: Duration = .seconds(60)
        /// A chunk that has not come after this time was lost with a connection whose end this side did not notice: ask again.
        static let requestTimeout: Duration = .seconds(15)
        /// One wrong hash may come from a damaged copy on this disk and one from the transfer; a third means that fetching cannot help.
        static let tries = 3
    }

    private(set) var states: [Digest: State] = [:]
    private var busySince: [Digest: Instant] = [:]
    private var mismatches: [Digest: Int] = [:]

    /// Whether the file is in the cache with the right hash.
    func isHere(_ file: Digest) -> Bool { states[file] == .here }

    /// What the worker does next for a file: an operation on the cache, or a request to the coordinator.
    enum Step: Equatable {
        case disk(DataCommand, Digest)
        case ask(Digest, offset: Int)
    }

    /// The next step for a file that is needed; nil while an operation or a request is under way.
    /// - Parameter isJoined: whether the worker has a coordinator to ask.
    mutating func next(for file: Digest, isJoined: Bool, at now: Instant) -> Step? {
        switch states[file] {
        case nil:
            states[file] = .looking
            return .disk(.look(alone: false), file)
        case .busy(let since, let until):
            guard now >= until else { return nil }
            busySince[file] = since
            states[file] = .looking
            return .disk(.look(alone: now - since >= Timing.lockTimeout), file)
        case .having(let count, let asked):
            guard isJoined, asked.map({ now - $0 >= Timing.requestTimeout }) ?? true else { return nil }
            states[file] = .having(count, asked: now)
            return .ask(file, offset: count)
        case .looking, .writing, .checking, .here: return nil
        }
    }

    /// The time at which `next` has a step without any event before.
    func deadline(of file: Digest, isJoined: Bool) -> Instant {
        switch states[file] {
        case .busy(_, let until): until
        case .having(_, let asked?) where isJoined: asked + Timing.requestTimeout
        default: .distantFuture
        }
    }

    /// Called on a new connection: the answers to requests on the old one may never come.
    mutating func forgetRequests() {
        for (file, state) in states { if case .having(let count, _) = state { states[file] = .having(count, asked: nil) } }
    }

    /// Called with a chunk from the coordinator.
    /// - Returns: the operation on the cache; nil for a chunk that is not waited for (repeated, or too late).
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

    /// Called with the outcome of an operation.
    /// - Returns: the next operation on the cache; nil when `next` decides.
    /// - Throws: when trying again cannot help.
    mutating func note(_ outcome: DataOutcome, of file: Digest, at now: Instant) throws(DataFailure) -> DataCommand? {
        switch (outcome, states[file]) {
        case (.whole, _):
            states[file] = .here
            busySince[file] = nil
        case (.part(let count), .writing(let total)) where count == total:
            states[file] = .checking
            return .check
        case (.part(let count), _): states[file] = .having(count, asked: nil)
        case (.busy, _): states[file] = .busy(since: busySince[file] ?? now, until: now + Timing.lookAgain)
        case (.wrong, _):
            mismatches[file, default: 0] += 1
            guard mismatches[file]! < Timing.tries else {
                throw DataFailure(reason: "data file \(file) does not match its hash, \(Timing.tries) times in a row")
            }
            states[file] = .having(0, asked: nil)
        case (.failed(let reason), _): throw DataFailure(reason: reason)
        }
        return nil
    }
}

/// Why this host cannot get a file of the data set.
struct DataFailure: Error, Equatable { var reason: String }
