// StoreError.swift · Coordinator/Store. What can go wrong with the results on disk, sorted by what the caller does about it.

internal import Glibc
internal import Wire

enum StoreError: Error, Equatable {
    /// Another coordinator has the store: two would train everything twice.
    case locked(by: String, path: String)
    /// No room or an I/O error: results stay with their workers until the disk takes them again.
    case blocked(reason: String)
    /// The store has not answered yet. What it was asked for goes on.
    case underWay
    /// A file has reached the limit of this process.
    case tooLarge(path: String)
    /// The directory cannot be used as it is.
    case unusable(path: String, reason: String)
    /// A store of ours that is torn or was changed by something else.
    case damaged(path: String, reason: String)
    /// A file that SQLite does not take for a database: no store, or one that has lost its beginning.
    case headless(path: String, reason: String)
    /// Somebody has deleted, moved or replaced a file of the store while it was written to.
    case displaced(path: String, reason: String)
    /// Not a store of this program, or of a newer one.
    case foreign(path: String, reason: String)
}

extension StoreError: CustomStringConvertible {
    var description: String {
        switch self {
        case .locked(let holder, let path): "\(path) is held by \(holder): wait until it has ended, or stop it"
        case .blocked(let reason): "the store cannot be used at the moment: \(reason)"
        case .underWay: "the disk of the store has not answered yet"
        case .unusable(let path, let reason), .foreign(let path, let reason): "\(path): \(reason)"
        case .displaced(let path, let reason): "\(path) \(reason)"
        case .tooLarge(let path):
            "\(path) cannot grow (\(systemReason(EFBIG))): this process has a limit on the size of files; raise it (ulimit -f unlimited), and "
                + "the same command resumes"
        case .damaged(let path, let reason):
            "\(path) is damaged: \(reason); `regsweep repair \(PathText.directory(of: path))` keeps every intact result"
        case .headless(let path, let reason):
            "\(path): \(reason); if it was a store, `regsweep repair \(PathText.directory(of: path))` finds what is left of it"
        }
    }

    /// The reason of `blocked` where another program has locked the database.
    static let lockReason = "another program has locked it"

    /// Whether the same command would do its work in another results directory.
    var isOfThisDirectoryAlone: Bool {
        switch self {
        case .locked, .unusable, .headless, .foreign: true
        case .blocked, .underWay, .damaged, .displaced, .tooLarge: false
        }
    }
}
