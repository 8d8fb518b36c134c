// ResultsDirectory.swift · Coordinator/Store. The one place that knows what lies where in a results directory, which directory a sweep has,
// and where the socket of its local workers is.

internal import FoundationEssentials
internal import Glibc
internal import Vocabulary
internal import Wire

/// Names of the files of one sweep. Making such a value makes no directory.
struct ResultsDirectory: Equatable {
    let path: String

    init(_ path: String) { self.path = path }

    /// The directory of a sweep for which nobody named one.
    /// - Parameter seed: the master seed of the command line; nil where the one of the sweep file counts.
    init(ofSweep name: String, seed: UInt64?) { path = "\(Self.parent)/\(name)" + (seed.map { "-seed-\($0)" } ?? "") }

    /// Directories of this kind, in the working directory.
    static let parent = "results"

    var store: String { "\(path)/store.sqlite" }
    /// What runs and what waits, while a coordinator runs; see `Snapshot`.
    var status: String { "\(path)/status.json" }
    /// A directory of secrets.
    var keys: String { "\(path)/keys" }
    /// Standard error of the local workers.
    var workersLog: String { "\(path)/workers.log" }

    /// Each part of a sweep file with parts has a directory of its own; any other sweep has this one.
    func directory(of sweep: SweepSpec, in file: SweepList) -> ResultsDirectory { file.figure == nil ? self : part(sweep.name) }

    private func part(_ name: String) -> ResultsDirectory { ResultsDirectory("\(path)/\(name)") }

    // MARK: What exists

    var hasStore: Bool { FileManager.default.fileExists(atPath: store) }

    var hasKeys: Bool { FileManager.default.fileExists(atPath: keys) }

    /// Whether a coordinator, or another program that writes, has the store open.
    var isInUse: Bool { StoreLock.isHeld(of: store) }

    /// This directory, or, where it has no store, those of its parts that have one. Without any it is this directory as well: whoever opens
    /// its store then says that there is none.
    var sweeps: [ResultsDirectory] {
        guard !hasStore else { return [self] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? []
        let parts = names.map(part).filter(\.hasStore)
        return parts.isEmpty ? [self] : parts
    }

    /// The directories in `parent`, of sweeps and of files with parts.
    static var all: [ResultsDirectory] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent))?.sorted() ?? []
        return names.map { ResultsDirectory("\(parent)/\($0)") }
    }

    /// For programs that run in other directories; the path as it is where there is no such directory.
    var absolutePath: String {
        let full = unsafe realpath(path, nil)
        defer { unsafe free(full) }
        return unsafe full.map { unsafe String(cString: $0) } ?? path
    }

    // MARK: The store

    /// Makes the directory where there is none.
    /// - Throws: `unusable` where it cannot be made or written to.
    func create() throws(StoreError) {
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw .unusable(path: path.isEmpty ? "\"\"" : path, reason: "cannot be made (is its parent a directory that you can write to?)")
        }
        guard unsafe access(path, W_OK | X_OK) == 0 else {
            throw .unusable(path: path, reason: unsafe String(cString: strerror(errno)))
        }
    }

    func openForReading() throws(StoreError) -> ResultStore { try ResultStore(reading: store) }

    func openForWriting() throws(StoreError) -> ResultStore { try ResultStore(writing: store, holder: Self.holder("regsweep")) }

    /// Names this process to another one that finds the store locked.
    static func holder(_ program: String) -> String { "\(program) process \(getpid()) on \(Host.name)" }

    // MARK: Sockets

    /// Where local workers and commands of the same user connect. It is the same for every start on this store, so that workers of a
    /// coordinator that was killed find the next one. It lies in another directory, since the path of a socket has at most 107 bytes.
    func socketPath() throws(SocketFolderError) -> String {
        "\(try Self.socketFolder())/\(Digest(of: absolutePath).description.prefix(16))"
    }

    /// Sockets of all coordinators of this user on this host, among them those that killed ones left behind.
    static func socketPaths() throws(SocketFolderError) -> [String] {
        let folder = try socketFolder()
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).map { "\(folder)/\($0)" }
    }

    /// Made where there is none.
    /// - Throws: also for a folder that belongs to another user, or that others may write to: whoever listens there could say anything.
    static func socketFolder(_ folder: String = "/tmp/regsweep-\(getuid())") throws(SocketFolderError) -> String {
        guard unsafe mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw SocketFolderError(path: folder, reason: "cannot be made (\(unsafe String(cString: strerror(errno))))")
        }
        var status = stat()
        guard unsafe lstat(folder, &status) == 0, status.st_uid == getuid(), status.st_mode & 0o777 == 0o700,
            status.st_mode & S_IFMT == S_IFDIR
        else {
            throw SocketFolderError(path: folder, reason: "is not a directory of yours with mode 0700; remove it or change its mode")
        }
        return folder
    }
}

/// The folder for the sockets of local workers cannot be used.
struct SocketFolderError: Error, CustomStringConvertible {
    var path: String
    var reason: String

    var description: String { "\(path), the folder for sockets of local workers, \(reason)" }
}
